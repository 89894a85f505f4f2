#include "userspace/http/h1_changes.h"

#include "userspace/http/h1_names.h"

namespace sluice::http {
namespace {

// Fields that belong to the codec: their changes would break framing or the connection.
bool IsReserved(HeaderId id) {
  return id == HeaderId::kContentLength || id == HeaderId::kTransferEncoding ||
         id == HeaderId::kHost || id == HeaderId::kExpect || id == HeaderId::kTrailer ||
         IsHopByHop(id);
}

bool HasField(absl::Span<const Header> headers, size_t size, std::string_view name) {
  for (size_t i = 0; i < size; ++i) {
    if (!headers[i].is_hop_by_hop && EqualsIgnoreCase(headers[i].name, name)) return true;
  }
  return false;
}

}  // namespace

size_t Changes::Start(std::string_view name, bool* is_touched) const {
  *is_touched = false;
  size_t start = 0;
  for (size_t i = 0; i < size(); ++i) {
    const HeaderChange& change = (*this)[i];
    if (!EqualsIgnoreCase(name, change.name)) continue;
    *is_touched = true;
    if (change.kind != HeaderChange::Kind::kAdd) start = i + 1;
  }
  return start;
}

void Changes::PutFolded(std::string_view name, const std::string_view* original,
                        HeadWriter& writer) const {
  // Cookies cannot share a line (RFC 6265 section 3).
  const bool is_cookie = EqualsIgnoreCase(name, "set-cookie");
  const std::string_view separator = is_cookie ? "\r\nset-cookie: " : ", ";
  bool is_touched = false;
  const size_t start = Start(name, &is_touched);
  bool has_value = false;
  const auto put = [&](std::string_view value) {
    if (has_value) {
      writer.Put({separator, value});
    } else {
      writer.Put({name, ": ", value});
    }
    has_value = true;
  };
  if (start == 0) {
    if (original != nullptr) put(*original);
  } else if ((*this)[start - 1].kind == HeaderChange::Kind::kSet) {
    put((*this)[start - 1].value);
  }
  for (size_t i = start; i < size(); ++i) {
    const HeaderChange& change = (*this)[i];
    if (change.kind == HeaderChange::Kind::kAdd && EqualsIgnoreCase(name, change.name))
      put(change.value);
  }
  if (has_value) writer.Put({"\r\n"});
}

void Changes::Forward(absl::Span<const Header> headers, size_t i, const char* line_end,
                      HeadWriter& writer) const {
  const Header& header = headers[i];
  bool is_touched = false;
  const size_t start = empty() || IsReserved(header.id) ? 0 : Start(header.name, &is_touched);
  if (!is_touched) {
    writer.Copy(header.name.data(), line_end);
  } else if (!HasField(headers, i, header.name)) {
    PutFolded(header.name, &header.value, writer);
  } else if (start == 0) {
    writer.Copy(header.name.data(), line_end);
  }
}

void Changes::PutNew(absl::Span<const Header> headers, HeadWriter& writer) const {
  for (size_t i = 0; i < size(); ++i) {
    const HeaderChange& change = (*this)[i];
    if (change.kind == HeaderChange::Kind::kRemove || IsReserved(HeaderIdOf(change.name))) continue;
    bool is_done = HasField(headers, headers.size(), change.name);
    for (size_t j = 0; j < i && !is_done; ++j) {
      is_done = (*this)[j].kind != HeaderChange::Kind::kRemove &&
                EqualsIgnoreCase((*this)[j].name, change.name);
    }
    if (!is_done) PutFolded(change.name, nullptr, writer);
  }
}

std::string_view Changes::HostSet() const {
  for (size_t i = size(); i > 0; --i) {
    const HeaderChange& change = (*this)[i - 1];
    if (change.kind == HeaderChange::Kind::kSet && HeaderIdOf(change.name) == HeaderId::kHost)
      return change.value;
  }
  return {};
}

size_t Changes::TextSize() const {
  constexpr size_t kSeparators = 16;  // ": " and CR LF, or the longest separator.
  size_t sum = 0;
  for (size_t i = 0; i < size(); ++i)
    sum += (*this)[i].name.size() + (*this)[i].value.size() + kSeparators;
  return sum;
}

}  // namespace sluice::http
