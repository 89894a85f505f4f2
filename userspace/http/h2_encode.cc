#include "userspace/http/h2_encode.h"

#include <algorithm>
#include <cstring>

#include "userspace/http/h1_chars.h"
#include "userspace/http/h1_fields.h"
#include "userspace/http/h1_names.h"
#include "userspace/http/h2_secrets.h"

namespace sluice::http {
namespace {

struct Digits {
  explicit Digits(uint16_t status)
      : text{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
             static_cast<char>('0' + status % 10)} {}
  operator std::string_view() const { return {text, 3}; }
  char text[3];
};

constexpr size_t kShortName = 64;

HpackIndexing IndexingOf(const Header& header) {
  return header.is_never_indexed ? HpackIndexing::kNever : HpackIndexing::kByName;
}

void AddPseudo(H2Pseudo pseudo, std::string_view value, uint8_t secret_pseudo,
               HpackEncoder& encoder, std::string& out) {
  const bool is_secret = (secret_pseudo & SecretBit(pseudo)) != 0;
  encoder.Add(kH2PseudoNames[static_cast<size_t>(pseudo)].name, value,
              is_secret ? HpackIndexing::kNever : HpackIndexing::kByName, out);
}

// The upper case letters of eight bytes. Per byte: the top bit of `from_a` says 'A' or above, that
// of `above_z` behind 'Z'; without the top bits of the text no sum runs into the next byte.
void LowerEight(char* bytes) {
  constexpr uint64_t kEach = 0x0101010101010101u;
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  const uint64_t ascii = word & kEach * 0x7f;
  const uint64_t from_a = ascii + kEach * (0x80 - 'A');
  const uint64_t above_z = ascii + kEach * (0x7f - 'Z');
  const uint64_t is_upper = from_a & ~above_z & ~word & kEach * 0x80;
  word |= is_upper >> 2;  // 0x80 becomes the bit between the cases.
  std::memcpy(bytes, &word, sizeof word);
}

void AddHeader(const Header& header, HpackEncoder& encoder, std::string& out) {
  const HpackIndexing indexing = IndexingOf(header);
  if (header.name.size() <= kShortName) {
    char lower[kShortName] = {};
    header.name.copy(lower, kShortName);
    for (size_t i = 0; i < header.name.size(); i += sizeof(uint64_t)) LowerEight(lower + i);
    encoder.Add({lower, header.name.size()}, header.value, indexing, out);
    return;
  }
  std::string name(header.name);
  std::transform(name.begin(), name.end(), name.begin(), ToLower);
  encoder.Add(name, header.value, indexing, out);
}

bool StaysBehind(const Header& header) {
  return header.is_hop_by_hop || header.is_added || header.id == HeaderId::kHost ||
         header.id == HeaderId::kTransferEncoding;
}

bool AcceptsTrailers(const Header& header) {
  return !ForEachListMember(
      header.value, [](std::string_view member) { return !EqualsIgnoreCase(member, "trailers"); });
}

}  // namespace

void EncodeRequest(const RequestHead& head, const H2RequestForm& form, HpackEncoder& encoder,
                   std::string& out) {
  const bool is_extended = !form.protocol.empty();
  const bool is_connect = head.method == "CONNECT";
  const auto add = [&](H2Pseudo pseudo, std::string_view value) {
    AddPseudo(pseudo, value, head.secret_pseudo, encoder, out);
  };
  encoder.Start(out);
  add(H2Pseudo::kMethod, is_extended ? std::string_view("CONNECT") : head.method);
  if (!is_connect) {
    add(H2Pseudo::kScheme, form.is_https ? "https" : "http");
    // An absolute-form target leaves its path behind; path and query lie next to each other.
    const size_t query_size = head.query.data() == nullptr ? 0 : head.query.size() + 1;
    if (head.target.starts_with('/') || head.target == "*") {
      add(H2Pseudo::kPath, head.target);
    } else if (query_size == 0) {
      add(H2Pseudo::kPath, head.path);
    } else {
      std::string path(head.path);
      path.append("?").append(head.query);
      add(H2Pseudo::kPath, path);
    }
  }
  if (is_extended) add(H2Pseudo::kProtocol, form.protocol);
  if (!head.authority.empty()) add(H2Pseudo::kAuthority, head.authority);
  const Header* te = nullptr;
  for (const Header& header : head.headers()) {
    if (header.id == HeaderId::kTe && AcceptsTrailers(header)) te = &header;
    if (StaysBehind(header)) continue;
    if (header.id == HeaderId::kExpect && !head.expects_continue) continue;
    AddHeader(header, encoder, out);
  }
  if (te != nullptr) encoder.Add("te", "trailers", IndexingOf(*te), out);
}

void EncodeResponse(const ResponseHead& head, HpackEncoder& encoder, std::string& out) {
  const bool has_no_framing = head.status < 200 || head.status == 204;  // RFC 9110 section 8.6
  encoder.Start(out);
  AddPseudo(H2Pseudo::kStatus, Digits(head.status), head.secret_pseudo, encoder, out);
  for (const Header& header : head.headers()) {
    if (StaysBehind(header)) continue;
    if (has_no_framing && header.id == HeaderId::kContentLength) continue;
    AddHeader(header, encoder, out);
  }
}

void EncodeTrailers(absl::Span<const Header> trailers, HpackEncoder& encoder, std::string& out) {
  encoder.Start(out);
  for (const Header& header : trailers) {
    if (!StaysBehind(header)) AddHeader(header, encoder, out);
  }
}

void EncodeEmptyResponse(uint16_t status, HpackEncoder& encoder, std::string& out) {
  encoder.Start(out);
  encoder.Add(":status", Digits(status), HpackIndexing::kByName, out);
  encoder.Add("content-length", "0", HpackIndexing::kByName, out);
}

}  // namespace sluice::http
