// URLRewrite and RequestRedirect as Gateway API defines them.
#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/base/text.h"
#include "userspace/route/matcher.h"

namespace sluice::route {
namespace {

// A trailing "/" of prefix and replacement does not count, and what is left of an empty path is
// "/":
// "/foo/bar" under "/foo" -> "/xyz/" is "/xyz/bar"; "/foo" under "/foo" -> "" is "/".
void AppendReplacedPrefix(std::string_view replacement, std::string_view prefix,
                          std::string_view path, std::string& out) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (replacement.ends_with('/')) replacement.remove_suffix(1);
  const std::string_view rest = path.substr(prefix.size());
  out += replacement;
  out += rest;
  if (replacement.empty() && rest.empty()) out += '/';
}

void AppendPath(const model::PathModifier& modifier, const MatchResult& match,
                std::string_view path, std::string& out) {
  switch (modifier.kind) {
    case model::PathModifier::Kind::kNone:
      out += path;
      return;
    case model::PathModifier::Kind::kReplaceFull:
      out += modifier.value.empty() ? std::string_view("/") : std::string_view(modifier.value);
      return;
    case model::PathModifier::Kind::kReplacePrefix:
      if (match.matched_prefix.empty()) {
        out +=
            path;  // Not met by prefix: the builder refuses such tables, here nothing is replaced.
      } else {
        AppendReplacedPrefix(modifier.value, match.matched_prefix, path, out);
      }
      return;
  }
}

void AppendQuery(std::string_view query, std::string& out) {
  if (query.empty()) return;
  out += '?';
  out += query;
}

// "host" of "host", "host:80", "[::1]" and "[::1]:80"; brackets stay.
std::string_view WithoutPort(std::string_view authority) {
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  return authority.substr(0, colon);
}

// The port named by the filter; else the well-known one of the scheme it names; else the one that
// was dialled.
uint16_t RedirectPort(const model::RequestRedirect& redirect, uint16_t dialled_port) {
  if (redirect.port != 0) return redirect.port;
  if (redirect.scheme == "http") return 80;
  if (redirect.scheme == "https") return 443;
  return dialled_port;
}

}  // namespace

void RewriteTarget(const model::PathModifier& modifier, const MatchResult& match,
                   std::string_view path, std::string_view query, std::string& out) {
  out.clear();
  AppendPath(modifier, match, path, out);
  AppendQuery(query, out);
}

std::string RedirectLocation(const model::RequestRedirect& redirect, const MatchResult& match,
                             std::string_view authority, uint16_t dialled_port,
                             std::string_view path, std::string_view query) {
  std::string location;
  const std::string_view host =
      redirect.hostname.empty() ? WithoutPort(authority) : redirect.hostname;
  // Requests reach a route in plain text, so a scheme that is not named is http.
  const std::string_view scheme =
      redirect.scheme.empty() ? "http" : std::string_view(redirect.scheme);
  if (!host.empty()) {
    location = base::Concat(scheme, "://", host);
    const uint16_t port = RedirectPort(redirect, dialled_port);
    if (port != (scheme == "https" ? 443 : 80)) location += base::Concat(":", port);
  }
  const size_t path_start = location.size();
  AppendPath(redirect.path, match, path, location);
  // HTTP/1.0 without Host: a relative reference, which must not read as "//host".
  if (host.empty() && location.starts_with("//")) location.insert(path_start, "/.");
  AppendQuery(query, location);
  return location;
}

}  // namespace sluice::route
