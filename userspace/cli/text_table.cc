#include "userspace/cli/text_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/base/check.h"

namespace sluice::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 8;    // No column is cut below this.
constexpr size_t kLastColumn = 24;  // What the last, wrapping column gets at least.

// Of the character that `text` begins with, in bytes; 0 if it is none of well-formed UTF-8 (RFC
// 3629 section 4, whose longer forms of short characters some terminals take).
size_t CharacterSize(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  if (byte(0) < 0x80) return 1;
  if (byte(0) < 0xc2 || byte(0) > 0xf4) return 0;
  const size_t size = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool is_too_long =
      (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  return is_too_long ? 0 : size;
}

// The largest size up to `width` that splits no character; `width` where there is none.
size_t WholeCharacters(std::string_view text, size_t width) {
  size_t size = width;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return size > 0 ? size : width;
}

std::string Cut(const std::string& text, size_t width) {
  if (text.size() <= width) return text;
  return text.substr(0, WholeCharacters(text, width - 3)) + "...";
}

std::vector<size_t> Widths(const std::vector<std::vector<std::string>>& cells, size_t available) {
  std::vector<size_t> widths(cells[0].size(), 0);
  for (const std::vector<std::string>& row : cells) {
    SLUICE_CHECK(row.size() == widths.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const size_t gaps = kGap * (widths.size() - 1);
  const size_t last = std::min(widths.back(), kLastColumn);
  size_t others = 0;
  for (size_t i = 0; i + 1 < widths.size(); ++i) others += widths[i];
  while (others + gaps + last > available) {
    const auto widest = std::max_element(widths.begin(), widths.end() - 1);
    if (widest == widths.end() - 1 || *widest <= kNarrowest) break;
    --*widest;
    --others;
  }
  const size_t used = others + gaps;
  widths.back() =
      std::min(widths.back(), available > used + kNarrowest ? available - used : kNarrowest);
  return widths;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = CharacterSize(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // U+0080 to U+009F steer as the bytes below 0x20 do: U+009B is ESC and "[" in one.
    const bool is_second_set =
        first == 0xc2 && size == 2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (first == '\n' || first == '\t') {
      out.push_back(' ');
    } else if (size == 0 || first < 0x20 || first == 0x7f || is_second_set) {
      out.push_back('?');
    } else {
      out.append(text.substr(0, size));
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

std::vector<std::string> Wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    const size_t space = text.rfind(' ', width);
    const bool has_space = space != text.npos && space > 0;
    const size_t size = has_space ? space : WholeCharacters(text, width);
    lines.emplace_back(text.substr(0, size));
    text.remove_prefix(has_space ? size + 1 : size);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

std::string TextTable::Render(std::string_view indent) const {
  if (rows.empty()) return "";
  std::vector<bool> is_right;
  std::vector<std::vector<std::string>> cells = {{}};
  for (const std::string& name : header) {
    is_right.push_back(name[0] == '>');
    cells[0].push_back(Printable(is_right.back() ? name.substr(1) : name));
  }
  for (const std::vector<std::string>& row : rows) {
    cells.emplace_back();
    for (const std::string& cell : row) cells.back().push_back(Printable(cell));
  }
  const std::vector<size_t> widths = Widths(cells, kTextWidth - indent.size());

  std::string out;
  for (const std::vector<std::string>& row : cells) {
    std::string line(indent);
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      const std::string cell = Cut(row[i], widths[i]);
      const std::string padding(widths[i] - cell.size(), ' ');
      absl::StrAppend(&line, is_right[i] ? padding : "", cell, is_right[i] ? "" : padding,
                      std::string(kGap, ' '));
    }
    const size_t hanging = line.size();
    for (const std::string& piece : Wrapped(row.back(), widths.back())) {
      if (is_right.back()) line.append(widths.back() - piece.size(), ' ');
      line += piece;
      absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(line), "\n");
      line.assign(hanging, ' ');
    }
  }
  return out;
}

}  // namespace sluice::cli
