#include "userspace/http/h1_changes.h"
#include "userspace/http/h1_chars.h"
#include "userspace/http/h1_fields.h"
#include "userspace/http/h1_head_writer.h"
#include "userspace/http/h1_target.h"

namespace sluice::http {
namespace {

constexpr size_t kOwnTextSizeMax = 256;      // What we may add by ourselves.
constexpr size_t kVersionEndSize = 11;       // " HTTP/1.1\r\n"
constexpr size_t kStatusLineStartSize = 13;  // "HTTP/1.1 200 "

const char* EndOf(std::string_view text) { return text.data() + text.size(); }

const char* LineEnd(absl::Span<const Header> headers, size_t i) {
  if (i + 1 < headers.size()) return headers[i + 1].name.data();
  const char* p = EndOf(headers[i].value);
  while (*p != '\n') ++p;  // Only blanks and CR stand before it.
  return p + 1;
}

bool DecidesFraming(HeaderId id) {
  return id == HeaderId::kHost || id == HeaderId::kContentLength ||
         id == HeaderId::kTransferEncoding || id == HeaderId::kExpect;
}

// A field that other readers take decisions by goes out in one spelling, whatever white space it
// came with.
void ForwardFramingField(const Header& header, const char* line_end, HeadWriter& writer) {
  const bool is_encoding = header.id == HeaderId::kTransferEncoding;
  const std::string_view value = is_encoding ? "chunked" : header.value;
  const bool is_plain = header.value.data() == EndOf(header.name) + 2 &&
                        EndOf(header.name)[1] == ' ' && line_end == EndOf(header.value) + 2 &&
                        value == header.value;
  if (is_plain) {
    writer.Copy(header.name.data(), line_end);
  } else {
    writer.PutField(header.name, value);
  }
}

bool AcceptsTrailers(absl::Span<const Header> headers) {
  bool accepts = false;
  for (const Header& header : headers) {
    if (header.id != HeaderId::kTe) continue;
    ForEachListMember(header.value, [&accepts](std::string_view member) {
      accepts = accepts || EqualsIgnoreCase(member, "trailers");
      return true;
    });
  }
  return accepts;
}

void WriteRequestLine(const RequestHead& head, std::string_view target, HeadWriter& writer) {
  const char* version = EndOf(head.target);
  const bool as_sent = head.target[0] == '/' || head.target == "*" || head.method == "CONNECT";
  if (target.empty() && as_sent) {
    writer.Copy(head.method.data(), version + kVersionEndSize);
    return;
  }
  writer.Copy(head.method.data(), EndOf(head.method) + 1);
  if (!target.empty()) {
    writer.Put({target});
  } else {
    const std::string_view rest = AfterAuthority(head.target);
    if (rest.empty() || rest[0] == '?') writer.Put({head.path});
    writer.Copy(rest.data(), EndOf(rest));
  }
  writer.Copy(version, version + kVersionEndSize);
}

void WriteStatusLine(const ResponseHead& head, HeadWriter& writer) {
  const char* reason = head.reason.data();
  if (head.minor_version == 1 && reason[-1] == ' ') {
    writer.Copy(reason - kStatusLineStartSize, EndOf(head.reason) + 2);
    return;
  }
  const char digits[] = {static_cast<char>('0' + head.status / 100),
                         static_cast<char>('0' + head.status / 10 % 10),
                         static_cast<char>('0' + head.status % 10)};
  writer.Put({"HTTP/1.1 ", {digits, sizeof(digits)}, " ", head.reason, "\r\n"});
}

// A 426 may end the connection as well; a 101 never does.
void PutUpgrade(const ResponseRewrite& rewrite, HeadWriter& writer) {
  const std::string_view more = rewrite.close                ? ", close"
                                : rewrite.keep_alive_for_1_0 ? ", keep-alive"
                                                             : "";
  writer.Put({"connection: upgrade", more, "\r\nupgrade: ", rewrite.upgrade, "\r\n"});
}

}  // namespace

size_t WriteRequestHead(const RequestHead& head, const RequestRewrite& rewrite, char* out,
                        size_t out_size) {
  HeadWriter writer(out, out_size);
  const Changes changes(rewrite.rule_changes, rewrite.backend_changes);
  const std::string_view new_host =
      rewrite.authority.empty() ? changes.HostSet() : rewrite.authority;
  const absl::Span<const Header> headers = head.headers();
  WriteRequestLine(head, rewrite.target, writer);
  bool has_host = false;
  bool has_te = false;
  for (size_t i = 0; i < headers.size(); ++i) {
    const Header& header = headers[i];
    has_te = has_te || header.id == HeaderId::kTe;
    if (header.is_hop_by_hop || (header.id == HeaderId::kExpect && !head.expects_continue))
      continue;
    if (!DecidesFraming(header.id)) {
      changes.Forward(headers, i, LineEnd(headers, i), writer);
      continue;
    }
    const bool is_host = header.id == HeaderId::kHost;
    has_host = has_host || is_host;
    if (is_host && !new_host.empty()) {
      writer.PutField(header.name, new_host);
    } else {
      ForwardFramingField(header, LineEnd(headers, i), writer);
    }
  }
  const std::string_view host = new_host.empty() ? head.authority : new_host;
  if (!has_host && !host.empty()) writer.PutField("host", host);
  if (!changes.empty()) changes.PutNew(headers, writer);
  if (head.minor_version == 0) {
    writer.Put({"connection: close\r\n"});
  } else if (!rewrite.upgrade.empty()) {
    writer.Put({"connection: upgrade\r\nupgrade: ", rewrite.upgrade, "\r\n"});
  } else if (has_te && AcceptsTrailers(headers)) {
    writer.Put({"connection: te\r\nte: trailers\r\n"});
  }
  writer.Put({"\r\n"});
  return writer.Finish();
}

size_t WriteResponseHead(const ResponseHead& head, const ResponseRewrite& rewrite, char* out,
                         size_t out_size) {
  HeadWriter writer(out, out_size);
  const Changes changes(rewrite.rule_changes, rewrite.backend_changes);
  const absl::Span<const Header> headers = head.headers();
  WriteStatusLine(head, writer);
  // RFC 9110 section 8.6, RFC 9112 section 6.1: these have no framing fields; old clients would
  // wait for a body.
  const bool has_no_framing = head.status < 200 || head.status == 204;
  for (size_t i = 0; i < headers.size(); ++i) {
    const Header& header = headers[i];
    if (header.is_hop_by_hop) continue;
    const bool is_framing =
        header.id == HeaderId::kContentLength || header.id == HeaderId::kTransferEncoding;
    if (!is_framing) {
      changes.Forward(headers, i, LineEnd(headers, i), writer);
    } else if (!has_no_framing) {
      ForwardFramingField(header, LineEnd(headers, i), writer);
    }
  }
  if (!changes.empty()) changes.PutNew(headers, writer);
  if (!rewrite.upgrade.empty()) {
    PutUpgrade(rewrite, writer);
  } else if (rewrite.close) {
    writer.Put({"connection: close\r\n"});
  } else if (rewrite.keep_alive_for_1_0) {
    writer.Put({"connection: keep-alive\r\n"});
  }
  writer.Put({"\r\n"});
  return writer.Finish();
}

size_t RequestHeadBound(const RequestHead& head, const RequestRewrite& rewrite) {
  const Changes changes(rewrite.rule_changes, rewrite.backend_changes);
  return head.head_size + changes.TextSize() + rewrite.target.size() + rewrite.authority.size() +
         rewrite.upgrade.size() + kOwnTextSizeMax;
}

size_t ResponseHeadBound(const ResponseHead& head, const ResponseRewrite& rewrite) {
  return head.head_size + Changes(rewrite.rule_changes, rewrite.backend_changes).TextSize() +
         rewrite.upgrade.size() + kOwnTextSizeMax;
}

bool IsFieldName(std::string_view name) {
  for (const char c : name) {
    if (!IsToken(c)) return false;
  }
  return !name.empty();
}

bool IsFieldValue(std::string_view value) {
  for (const char c : value) {
    if (IsControl(c)) return false;
  }
  return value.empty() || (!IsBlank(value.front()) && !IsBlank(value.back()));
}

}  // namespace sluice::http
