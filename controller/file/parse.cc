#include "controller/file/parse.h"

#include <algorithm>
#include <utility>

#include "controller/store/text.h"

namespace sluice::controller {
namespace {

constexpr std::string_view kJsonBlank = " \t\r\n";

std::vector<ParsedDocument> ParseJson(std::string_view text) {
  std::vector<ParsedDocument> out;
  for (uint32_t number = 1; text.find_first_not_of(kJsonBlank) != text.npos; ++number) {
    if (number > kDocumentsMax) {
      out.push_back(
          {.document = number, .error = Cat("has more than ", kDocumentsMax, " documents")});
      break;
    }
    ParsedDocument document = ParseJsonDocument(text);
    document.document = number;
    const bool has_failed = !document.error.empty();
    out.push_back(std::move(document));
    if (has_failed) break;  // Where the next value begins can no longer be told.
  }
  return out;
}

std::vector<ParsedDocument> ParseYaml(std::string_view text) {
  std::vector<ParsedDocument> out;
  uint32_t number = 1;
  uint32_t line = 1;
  for (size_t begin = 0; begin <= text.size(); ++number) {
    if (number > kDocumentsMax) {
      out.push_back(
          {.document = number, .error = Cat("has more than ", kDocumentsMax, " documents")});
      break;
    }
    // The separator ends this document and begins the next one, which may go on in the same line
    // ("--- {}").
    const size_t separator = text.find("\n---", begin);
    const size_t end = std::min(separator == text.npos ? text.size() : separator + 1, text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const bool is_head = part.starts_with("---") && number == 1;
    ParsedDocument document = ParseYamlDocument(part, line);
    document.document = number;
    if (!document.value.is_null() || !document.error.empty()) out.push_back(std::move(document));
    // A separator before anything else begins the first document.
    const bool is_blank = number == 1 && !is_head && separator != text.npos &&
                          part.find_first_not_of(kJsonBlank) == part.npos;
    if (is_blank) --number;
    line += static_cast<uint32_t>(std::count(part.begin(), part.end(), '\n'));
    if (separator == text.npos) break;
    begin = end;
  }
  return out;
}

}  // namespace

std::vector<ParsedDocument> ParseManifests(std::string_view file_name, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // A byte order mark.
  std::string error;
  if (text.size() > kFileSizeMax)
    error = Cat("is larger than ", kFileSizeMax, " bytes");
  else if (text.find('\0') != text.npos || !IsValidUtf8(text))
    error = "is not UTF-8 text";
  if (!error.empty()) return {{.document = 1, .error = std::move(error)}};
  return file_name.ends_with(".json") ? ParseJson(text) : ParseYaml(text);
}

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(i);
    const size_t size = first < 0x80         ? 1
                        : (first >> 5) == 6  ? 2
                        : (first >> 4) == 14 ? 3
                        : (first >> 3) == 30 ? 4
                                             : 0;
    if (size == 0 || i + size > text.size()) return false;
    uint32_t point = size == 1 ? first : first & (0x7F >> size);
    for (size_t k = 1; k < size; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
      point = point << 6 | (byte(i + k) & 0x3F);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
      return false;
    i += size;
  }
  return true;
}

}  // namespace sluice::controller
