// The text of a head is put together in one buffer:
//
//   [ room for the start line and Host, filled from its end ][ field lines ][ room for one field ]
//
// The last room lets a field be decoded, and so enter the dynamic table, when there is no place
// for it any more.
#include "userspace/http/h2_head.h"

#include <algorithm>
#include <cstring>

#include "userspace/http/h1_fields.h"
#include "userspace/http/h1_names.h"
#include "userspace/http/h1_scan.h"
#include "userspace/http/h1_target.h"
#include "userspace/http/h1_trailers.h"
#include "userspace/http/h2_head_chars.h"

namespace sluice::http {
namespace {

constexpr size_t kMethodSizeMax = 32;
constexpr size_t kAuthoritySizeMax = 1024;
constexpr size_t kOwnLinesSize = 512;  // Start line's fixed parts and lines that we add.
constexpr uint32_t kOwnLineCountMax = 6;
constexpr uint32_t kProtocolTableSize = 4096;

// RFC 3986 section 6.2.3: the port that goes without saying.
std::string_view WithoutDefaultPort(std::string_view authority, std::string_view port) {
  if (!port.empty() && authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

bool SameHost(std::string_view left, std::string_view right, std::string_view default_port) {
  left = WithoutDefaultPort(left, default_port);
  right = WithoutDefaultPort(right, default_port);
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](char a, char b) { return ToLower(a) == ToLower(b); });
}

}  // namespace

void H2HeadReader::Prepare(Kind kind) {
  const size_t front = limits_.target_size_max + kAuthoritySizeMax + kOwnLinesSize;
  const size_t lines = limits_.header_list_size_max + kOwnLinesSize;
  const size_t spare = std::max(limits_.table_size_max, kProtocolTableSize) + kOwnLinesSize;
  if (buffer_.text_size < front + lines + spare) {
    buffer_.text_size = front + lines + spare;
    buffer_.text = std::make_unique<char[]>(buffer_.text_size);
    buffer_.pseudo.reserve(limits_.header_list_size_max);
    buffer_.cookies.reserve(limits_.header_list_size_max);
  }
  buffer_.pseudo.clear();
  buffer_.cookies.clear();
  buffer_.protocol = {};
  buffer_.trailers = {};
  buffer_.has_content_length = false;
  buffer_.content_length = 0;
  kind_ = kind;
  pseudo_ = {};
  headers_ = kind == Kind::kResponse ? buffer_.response.header_array.data()
                                     : buffer_.request.header_array.data();
  header_count_ = kind == Kind::kRequest ? 1 : 0;  // The first is Host's.
  field_count_ = pseudo_count_ = 0;
  list_size_ = 0;
  lines_begin_ = next_ = buffer_.text.get() + front;
  host_ = {};
  is_cookie_secret_ = false;
  secret_pseudo_ = 0;
  has_expect_ = false;
}

H2Reason H2HeadReader::ReadFields(std::string_view block, Kind kind) {
  Prepare(kind);
  const uint32_t size_max =
      kind == Kind::kTrailers ? limits_.trailer_size_max : limits_.header_list_size_max;
  const uint32_t count_max =
      std::min<uint32_t>(limits_.header_count_max, kHeaderCountMax - kOwnLineCountMax);
  const char* const end = buffer_.text.get() + buffer_.text_size;
  H2Reason bad = H2Reason::kNone;
  decoder_.Start(block);
  for (;;) {
    HpackField field;
    const HpackStatus status = decoder_.Next(next_, static_cast<size_t>(end - next_), &field);
    if (status == HpackStatus::kEnd) return bad;
    if (status == HpackStatus::kBad) {
      const bool is_size = decoder_.fault() == HpackFault::kTableSize ||
                           decoder_.fault() == HpackFault::kUpdateMissing;
      return is_size ? H2Reason::kHpackTableSize : H2Reason::kHpackInvalid;
    }
    list_size_ += field.name.size() + field.value.size() + kHpackEntryOverhead;
    if (bad != H2Reason::kNone) continue;  // Only the tables and the cost matter any more.
    if (status == HpackStatus::kTooLarge || list_size_ > size_max) {
      bad = H2Reason::kHeaderListTooLarge;
    } else if (++field_count_ > count_max) {
      bad = H2Reason::kTooManyHeaders;
    } else {
      bad = TakeField(field);
    }
  }
}

H2Reason H2HeadReader::Skip(std::string_view block) {
  const H2Reason bad = ReadFields(block, Kind::kTrailers);
  const bool is_fatal = H2ReasonError(bad) == H2Error::kCompressionError;
  return is_fatal ? bad : H2Reason::kNone;
}

H2Reason H2HeadReader::TakeField(const HpackField& field) {
  if (field.value.size() > 0) {
    const char* begin = field.value.data();
    const char* end = begin + field.value.size();
    if (Find<LineStop>(begin, begin, end) != end || IsBlank(*begin) || IsBlank(end[-1])) {
      return H2Reason::kHeaderValueInvalid;
    }
  }
  if (field.name.empty()) return H2Reason::kHeaderNameInvalid;
  if (field.name[0] == ':') return TakePseudo(field);
  if (field.static_name == 0 && !IsLowerName(field.name)) return H2Reason::kHeaderNameInvalid;
  return TakeRegular(field);
}

H2Reason H2HeadReader::TakePseudo(const HpackField& field) {
  if (kind_ == Kind::kTrailers) return H2Reason::kTrailerForbidden;
  for (size_t i = 0; i < kPseudoCount; ++i) {
    if (field.name != kH2PseudoNames[i].name) continue;
    if (kH2PseudoNames[i].is_of_request != (kind_ == Kind::kRequest)) break;
    if (pseudo_[i].data() != nullptr) return H2Reason::kPseudoDuplicate;
    if (++pseudo_count_ != field_count_) return H2Reason::kPseudoOrder;
    const size_t begin = buffer_.pseudo.size();
    buffer_.pseudo.append(field.value);  // Within what was reserved: views into it stay.
    pseudo_[i] = {buffer_.pseudo.data() + begin, field.value.size()};
    if (field.is_never_indexed) secret_pseudo_ |= SecretBit(static_cast<Pseudo>(i));
    return H2Reason::kNone;
  }
  return H2Reason::kPseudoUnknown;
}

H2Reason H2HeadReader::TakeRegular(const HpackField& field) {
  if (kind_ == Kind::kTrailers) {
    if (IsForbiddenTrailer(TrailerHash(field.name))) return H2Reason::kTrailerForbidden;
    Keep(field, HeaderId::kOther, false);
    return H2Reason::kNone;
  }
  const HeaderId id = HeaderIdOf(field.name);
  if (id != HeaderId::kOther) {
    bool is_kept = true;
    const H2Reason bad = TakeKnown(field, id, &is_kept);
    if (bad != H2Reason::kNone || !is_kept) return bad;
  } else if (kind_ == Kind::kRequest && field.name == "cookie") {
    // RFC 9113 section 8.2.3: crumbs are joined for whoever does not speak HTTP/2.
    if (!buffer_.cookies.empty()) buffer_.cookies.append("; ");
    buffer_.cookies.append(field.value);
    is_cookie_secret_ = is_cookie_secret_ || field.is_never_indexed;
    return H2Reason::kNone;
  } else if (IsAmbiguousName(field.name)) {
    return H2Reason::kHeaderNameAmbiguous;
  }
  Keep(field, id, id == HeaderId::kTe);
  return H2Reason::kNone;
}

H2Reason H2HeadReader::TakeKnown(const HpackField& field, HeaderId id, bool* is_kept) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade:
      return H2Reason::kConnectionHeader;
    case HeaderId::kTe:
      return EqualsIgnoreCase(field.value, "trailers") ? H2Reason::kNone : H2Reason::kTeInvalid;
    case HeaderId::kHost:
      if (kind_ == Kind::kResponse) return H2Reason::kNone;
      if (host_.data() != nullptr) return H2Reason::kHostDuplicate;
      host_ = {buffer_.pseudo.data() + buffer_.pseudo.size(), field.value.size()};
      buffer_.pseudo.append(field.value);
      if (field.is_never_indexed) secret_pseudo_ |= SecretBit(Pseudo::kAuthority);
      *is_kept = false;
      return H2Reason::kNone;
    case HeaderId::kContentLength:
      if (buffer_.has_content_length) return H2Reason::kContentLengthInvalid;
      buffer_.has_content_length = ParseContentLength(field.value, &buffer_.content_length);
      return buffer_.has_content_length ? H2Reason::kNone : H2Reason::kContentLengthInvalid;
    case HeaderId::kExpect:
      if (kind_ == Kind::kResponse) return H2Reason::kNone;
      if (has_expect_ || !EqualsIgnoreCase(field.value, "100-continue")) {
        return H2Reason::kExpectInvalid;
      }
      has_expect_ = true;
      return H2Reason::kNone;
    case HeaderId::kOther:
    case HeaderId::kTrailer:
    case HeaderId::kDate:
    case HeaderId::kServer:
    case HeaderId::kContentType:
    case HeaderId::kUserAgent:
      break;
  }
  return H2Reason::kNone;
}

// The field was decoded to where its line belongs, with a gap between name and value.
void H2HeadReader::Keep(const HpackField& field, HeaderId id, bool is_hop_by_hop) {
  headers_[header_count_++] = {.name = field.name,
                               .value = field.value,
                               .id = id,
                               .is_hop_by_hop = is_hop_by_hop,
                               .is_never_indexed = field.is_never_indexed};
  char* const gap = next_ + field.name.size();
  std::memcpy(gap, ": ", HpackDecoder::kGap);
  char* const end = gap + HpackDecoder::kGap + field.value.size();
  std::memcpy(end, "\r\n", 2);
  next_ = end + 2;
}

void H2HeadReader::AddLine(std::string_view name, std::string_view value, HeaderId id,
                           bool is_hop_by_hop) {
  std::memcpy(next_, name.data(), name.size());
  char* const at = next_ + name.size() + HpackDecoder::kGap;
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  Keep({.name = {next_, name.size()}, .value = {at, value.size()}}, id, is_hop_by_hop);
}

H2Reason H2HeadReader::CheckPseudoSet() const {
  const bool is_connect = Get(Pseudo::kMethod) == "CONNECT";
  const bool is_extended = Has(Pseudo::kProtocol);
  if (!Has(Pseudo::kMethod)) return H2Reason::kPseudoMissing;
  if (is_extended && (!is_connect || !limits_.allows_connect_protocol)) {
    return H2Reason::kProtocolInvalid;
  }
  if (is_connect && !is_extended) {  // RFC 9113 section 8.5
    if (Has(Pseudo::kScheme) || Has(Pseudo::kPath)) return H2Reason::kPseudoUnknown;
    return Has(Pseudo::kAuthority) ? H2Reason::kNone : H2Reason::kPseudoMissing;
  }
  if (is_extended && !Has(Pseudo::kAuthority)) return H2Reason::kPseudoMissing;
  return Has(Pseudo::kScheme) && Has(Pseudo::kPath) ? H2Reason::kNone : H2Reason::kPseudoMissing;
}

H2Reason H2HeadReader::CheckTarget() {
  RequestHead& head = buffer_.request;
  const std::string_view method = Get(Pseudo::kMethod);
  if (method.empty() || method.size() > kMethodSizeMax || !IsFieldName(method)) {
    return H2Reason::kMethodInvalid;
  }
  buffer_.protocol = Get(Pseudo::kProtocol);
  if (Has(Pseudo::kProtocol) && !IsFieldName(buffer_.protocol)) return H2Reason::kProtocolInvalid;
  // Never spoken in a tunnel; as an upgrade of HTTP/1.1 it is declined by not being passed on.
  if (EqualsIgnoreCase(buffer_.protocol, "h2c")) return H2Reason::kProtocolInvalid;
  head.method = Has(Pseudo::kProtocol) ? std::string_view("GET") : method;
  if (head.method == "CONNECT") {
    buffer_.is_https = false;
    return H2Reason::kNone;
  }
  const std::string_view scheme = Get(Pseudo::kScheme);
  buffer_.is_https = scheme == "https";
  if (!buffer_.is_https && scheme != "http") return H2Reason::kSchemeInvalid;
  const std::string_view path = Get(Pseudo::kPath);
  if (path.size() > limits_.target_size_max) return H2Reason::kTargetTooLong;
  if (path.empty() || (path[0] != '/' && (path != "*" || head.method != "OPTIONS"))) {
    return H2Reason::kTargetInvalid;
  }
  const char* const end = path.data() + path.size();
  return Find<TargetStop>(path.data(), path.data(), end) == end ? H2Reason::kNone
                                                                : H2Reason::kTargetInvalid;
}

H2Reason H2HeadReader::CheckAuthority() {
  const bool has_authority = Has(Pseudo::kAuthority);
  if (!has_authority && host_.data() == nullptr) return H2Reason::kHostMissing;
  const std::string_view authority = has_authority ? Get(Pseudo::kAuthority) : host_;
  if (authority.size() > kAuthoritySizeMax || !IsValidHost(authority)) {
    return H2Reason::kHostInvalid;
  }
  const bool needs_port = buffer_.request.method == "CONNECT";
  const std::string_view default_port = needs_port ? "" : buffer_.is_https ? ":443" : ":80";
  if (host_.data() != nullptr && !SameHost(host_, authority, default_port)) {
    return H2Reason::kHostMismatch;
  }
  if (needs_port && authority.find(':') == std::string_view::npos) return H2Reason::kHostInvalid;
  host_ = authority;
  return H2Reason::kNone;
}

H2Reason H2HeadReader::DecideRequestBody(bool is_end_stream) {
  RequestHead& head = buffer_.request;
  head.body = BodyKind::kNone;
  head.content_length = buffer_.content_length;
  const bool is_tunnel = head.method == "CONNECT" || !buffer_.protocol.empty();
  if (is_tunnel) {
    return buffer_.has_content_length ? H2Reason::kBodyForbidden : H2Reason::kNone;
  }
  if (buffer_.has_content_length) {
    if (is_end_stream && buffer_.content_length > 0) return H2Reason::kContentLengthMismatch;
    head.body = BodyKind::kLength;
  } else if (!is_end_stream) {
    head.body = BodyKind::kChunked;
    AddLine("transfer-encoding", "chunked", HeaderId::kTransferEncoding, false);
  }
  const bool has_body = head.body == BodyKind::kChunked || head.content_length > 0;
  head.expects_continue = has_expect_ && has_body;
  return H2Reason::kNone;
}

H2Reason H2HeadReader::ReadRequest(std::string_view block, bool is_end_stream) {
  H2Reason bad = ReadFields(block, Kind::kRequest);
  if (bad == H2Reason::kNone) bad = CheckPseudoSet();
  if (bad == H2Reason::kNone) bad = CheckTarget();
  if (bad == H2Reason::kNone) bad = CheckAuthority();
  if (bad != H2Reason::kNone) return bad;
  RequestHead& head = buffer_.request;
  head.expects_continue = false;
  if (!buffer_.cookies.empty()) {
    AddLine("cookie", buffer_.cookies, HeaderId::kOther, false);
    headers_[header_count_ - 1].is_never_indexed = is_cookie_secret_;
  }
  bad = DecideRequestBody(is_end_stream);
  if (bad != H2Reason::kNone) return bad;
  if (!buffer_.protocol.empty()) {
    AddLine("connection", "upgrade", HeaderId::kConnection, true);
    AddLine("upgrade", buffer_.protocol, HeaderId::kUpgrade, true);
  }
  head.minor_version = 1;
  head.is_keep_alive = true;
  head.wants_upgrade = head.method == "CONNECT" || !buffer_.protocol.empty();
  head.header_count = header_count_;
  head.secret_pseudo = secret_pseudo_;
  std::memcpy(next_, "\r\n", 2);

  char* at = lines_begin_;
  const auto put = [&at](std::string_view part) {
    at -= part.size();
    if (!part.empty()) std::memcpy(at, part.data(), part.size());
    return std::string_view(at, part.size());
  };
  put("\r\n");
  head.authority = put(host_);
  put(": ");
  headers_[0] = {.name = put("host"), .value = head.authority, .id = HeaderId::kHost};
  put(" HTTP/1.1\r\n");
  head.target = put(head.method == "CONNECT" ? host_ : Get(Pseudo::kPath));
  put(" ");
  head.method = put(head.method);
  head.head_size = static_cast<uint32_t>(next_ + 2 - at);
  std::string_view authority;
  return SplitTarget(head, &authority) ? H2Reason::kNone : H2Reason::kTargetInvalid;
}

H2Reason H2HeadReader::DecideResponseBody(bool is_end_stream, RequestFacts request) {
  ResponseHead& head = buffer_.response;
  head.body = BodyKind::kNone;
  head.content_length = buffer_.content_length;
  const bool is_tunnel = request.is_connect && head.status < 300;
  const bool has_no_body =
      head.status < 200 || head.status == 204 || head.status == 304 || request.is_head || is_tunnel;
  if (has_no_body) {
    if (head.status < 200 && is_end_stream) return H2Reason::kHeadersUnexpected;
    for (uint32_t i = 0; is_tunnel && i < header_count_; ++i) {
      // RFC 9110 section 9.3.6: such a length means nothing, and the next reader must not see it.
      if (headers_[i].id == HeaderId::kContentLength) headers_[i].is_hop_by_hop = true;
    }
    return H2Reason::kNone;
  }
  if (buffer_.has_content_length) {
    if (is_end_stream && buffer_.content_length > 0) return H2Reason::kContentLengthMismatch;
    head.body = BodyKind::kLength;
  } else if (is_end_stream) {
    head.body = BodyKind::kLength;
    AddLine("content-length", "0", HeaderId::kContentLength, false);
    headers_[header_count_ - 1].is_added = true;
  } else {
    head.body = BodyKind::kChunked;
    AddLine("transfer-encoding", "chunked", HeaderId::kTransferEncoding, false);
  }
  return H2Reason::kNone;
}

H2Reason H2HeadReader::ReadResponse(std::string_view block, bool is_end_stream,
                                    RequestFacts request) {
  H2Reason bad = ReadFields(block, Kind::kResponse);
  if (bad != H2Reason::kNone) return bad;
  if (!Has(Pseudo::kStatus)) return H2Reason::kPseudoMissing;
  ResponseHead& head = buffer_.response;
  if (!ParseStatusDigits(Get(Pseudo::kStatus), &head.status)) return H2Reason::kStatusInvalid;
  bad = DecideResponseBody(is_end_stream, request);
  if (bad != H2Reason::kNone) return bad;
  head.minor_version = 1;
  head.is_keep_alive = true;
  head.header_count = header_count_;
  head.secret_pseudo = secret_pseudo_;
  std::memcpy(next_, "\r\n", 2);
  char* at = lines_begin_;
  const auto put = [&at](std::string_view part) {
    at -= part.size();
    if (!part.empty()) std::memcpy(at, part.data(), part.size());
    return std::string_view(at, part.size());
  };
  put("\r\n");
  head.reason = put(StatusText(head.status));
  put(" ");
  put(Get(Pseudo::kStatus));
  put("HTTP/1.1 ");
  head.head_size = static_cast<uint32_t>(next_ + 2 - at);
  return H2Reason::kNone;
}

H2Reason H2HeadReader::ReadTrailers(std::string_view block) {
  const H2Reason bad = ReadFields(block, Kind::kTrailers);
  buffer_.trailers = {headers_, bad == H2Reason::kNone ? header_count_ : 0};
  return bad;
}

}  // namespace sluice::http
