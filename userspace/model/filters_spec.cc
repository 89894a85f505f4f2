#include "userspace/model/filters_spec.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/model/limits.h"
#include "userspace/model/text.h"

namespace sluice::model {
namespace {

using route::v1::HttpFilter;

// Where a message ends and what belongs to one connection only is for the codec to say.
constexpr std::array<std::string_view, 8> kFramingNames = {
    "connection", "content-length", "keep-alive",        "proxy-connection",
    "te",         "trailer",        "transfer-encoding", "upgrade"};

absl::Status Invalid(const std::string& reason) { return absl::InvalidArgumentError(reason); }

absl::Status CheckName(std::string_view name) {
  if (name.size() > RouteLimits::kHeaderNameSizeMax || !IsLowerToken(name)) {
    return Invalid(absl::StrCat("header name ", Quote(name),
                                " is not a lower-case token of at most ",
                                RouteLimits::kHeaderNameSizeMax, " bytes"));
  }
  if (std::find(kFramingNames.begin(), kFramingNames.end(), name) != kFramingNames.end()) {
    return Invalid(absl::StrCat("header ", Quote(name),
                                " frames the message and cannot be changed by a route"));
  }
  return absl::OkStatus();
}

absl::Status CheckCount(const char* what, size_t count) {
  if (count <= RouteLimits::kHeaderChangesMax) return absl::OkStatus();
  return Invalid(absl::StrCat(count, " headers to ", what, ", at most ",
                              RouteLimits::kHeaderChangesMax, " are allowed"));
}

absl::Status ParseHeaders(const google::protobuf::RepeatedPtrField<route::v1::Header>& messages,
                          const char* what, std::vector<Header>& out) {
  SLUICE_RETURN_IF_ERROR(CheckCount(what, messages.size()));
  for (const auto& header : messages) {
    SLUICE_RETURN_IF_ERROR(CheckName(header.name()));
    if (header.value().size() > RouteLimits::kValueSizeMax || !IsFieldValue(header.value())) {
      return Invalid(absl::StrCat("value ", Quote(header.value()), " of header ",
                                  Quote(header.name()), " has a control byte or more than ",
                                  RouteLimits::kValueSizeMax, " bytes"));
    }
    out.push_back({.name = header.name(), .value = header.value()});
  }
  return absl::OkStatus();
}

absl::Status ParseModifier(const route::v1::HeaderModifier& message, HeaderModifier& out) {
  SLUICE_RETURN_IF_ERROR(ParseHeaders(message.set(), "set", out.set));
  SLUICE_RETURN_IF_ERROR(ParseHeaders(message.add(), "add", out.add));
  SLUICE_RETURN_IF_ERROR(CheckCount("remove", message.remove_size()));
  for (const std::string& name : message.remove()) {
    SLUICE_RETURN_IF_ERROR(CheckName(name));
    out.remove.push_back(name);
  }
  return absl::OkStatus();
}

absl::Status CheckHostname(std::string_view hostname) {
  if (hostname.empty() || IsName(hostname)) return absl::OkStatus();
  return Invalid(absl::StrCat("hostname ", Quote(hostname), " is not a lower-case host name"));
}

absl::Status ParsePath(const route::v1::PathModifier& message, PathModifier& out) {
  using Kind = route::v1::PathModifier::KindCase;
  switch (message.kind_case()) {
    case Kind::KIND_NOT_SET:
      return absl::OkStatus();
    case Kind::kReplaceFullPath:
      out = {.kind = PathModifier::Kind::kReplaceFull, .value = message.replace_full_path()};
      break;
    case Kind::kReplacePrefixMatch:
      out = {.kind = PathModifier::Kind::kReplacePrefix, .value = message.replace_prefix_match()};
      break;
  }
  // Empty stands for "/", for both kinds.
  if (out.value.size() <= RouteLimits::kPathSizeMax && (out.value.empty() || IsPath(out.value))) {
    return absl::OkStatus();
  }
  return Invalid(absl::StrCat("path ", Quote(out.value),
                              " must start with \"/\", be percent-encoded, have neither "
                              "query nor fragment, and at most ",
                              RouteLimits::kPathSizeMax, " bytes"));
}

absl::Status ParseRewrite(const route::v1::UrlRewrite& message, HttpFilters& out) {
  SLUICE_RETURN_IF_ERROR(CheckHostname(message.hostname()));
  out.rewrite_hostname = message.hostname();
  return ParsePath(message.path(), out.rewrite_path);
}

absl::Status ParseRedirect(const route::v1::RequestRedirect& message, HttpFilters& out) {
  constexpr std::array<uint32_t, 5> kStatuses = {301, 302, 303, 307, 308};
  const uint32_t status =
      message.status_code() == 0 ? 302 : message.status_code();  // Gateway API's default.
  if (std::find(kStatuses.begin(), kStatuses.end(), status) == kStatuses.end()) {
    return Invalid(absl::StrCat("status_code ", status, " is none of 301, 302, 303, 307 and 308"));
  }
  if (!message.scheme().empty() && message.scheme() != "http" && message.scheme() != "https") {
    return Invalid(
        absl::StrCat("scheme ", Quote(message.scheme()), " is neither \"http\" nor \"https\""));
  }
  if (message.port() != 0 && !IsPort(message.port())) {
    return Invalid(absl::StrCat("port ", message.port(), " is not a port, 1 to 65535 is expected"));
  }
  SLUICE_RETURN_IF_ERROR(CheckHostname(message.hostname()));
  out.has_redirect = true;
  out.redirect = {.scheme = message.scheme(),
                  .hostname = message.hostname(),
                  .port = static_cast<uint16_t>(message.port()),
                  .status_code = static_cast<uint16_t>(status)};
  return ParsePath(message.path(), out.redirect.path);
}

absl::Status ParseFilter(const HttpFilter& message, HttpFilters& out) {
  switch (message.kind_case()) {
    case HttpFilter::kRequestHeaders:
      return base::Wrap(ParseModifier(message.request_headers(), out.request_headers),
                        "request_headers");
    case HttpFilter::kResponseHeaders:
      return base::Wrap(ParseModifier(message.response_headers(), out.response_headers),
                        "response_headers");
    case HttpFilter::kUrlRewrite:
      return base::Wrap(ParseRewrite(message.url_rewrite(), out), "url_rewrite");
    case HttpFilter::kRedirect:
      return base::Wrap(ParseRedirect(message.redirect(), out), "redirect");
    case HttpFilter::KIND_NOT_SET:
      return Invalid("its kind is not set or not known to this version");
  }
  return Invalid("its kind is not known");
}

}  // namespace

absl::Status ParseFilters(const FilterMessages& messages, HttpFilters& out) {
  if (static_cast<size_t>(messages.size()) > RouteLimits::kFiltersMax) {
    return Invalid(absl::StrCat(messages.size(), " filters, at most ", RouteLimits::kFiltersMax,
                                " are allowed"));
  }
  std::array<bool, HttpFilter::kRedirect + 1> is_seen{};
  for (int i = 0; i < messages.size(); ++i) {
    SLUICE_RETURN_IF_ERROR(
        base::Wrap(ParseFilter(messages[i], out), absl::StrCat("filters[", i, "]")));
    if (std::exchange(is_seen[messages[i].kind_case()], true)) {
      return Invalid(absl::StrCat("filters[", i, "]: a second filter of its kind"));
    }
  }
  if (is_seen[HttpFilter::kRedirect] && is_seen[HttpFilter::kUrlRewrite]) {
    return Invalid(
        "filters: a redirect cannot stand beside a rewrite, since a redirected request is not "
        "forwarded");
  }
  return absl::OkStatus();
}

}  // namespace sluice::model
