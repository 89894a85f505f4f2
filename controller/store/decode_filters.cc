#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/numbers.h"
#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/address.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kFiltersMax = 16;
constexpr size_t kHeadersMax = 16;
constexpr size_t kPathSizeMax = 1024;

// Where a message ends, and what belongs to one connection, is for the proxy to say.
constexpr std::array<std::string_view, 8> kFramingNames{
    "connection", "content-length", "keep-alive",        "proxy-connection",
    "te",         "trailer",        "transfer-encoding", "upgrade"};

// With "_" for "-" too, which some servers read as the same name.
bool IsFramingName(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return std::find(kFramingNames.begin(), kFramingNames.end(), name) != kFramingNames.end();
}

// A name or an address, with a port or without.
bool IsHost(std::string_view text) {
  const size_t bracket = text.find(']');
  const size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
  const std::string_view host = text.substr(0, colon);
  if (colon != text.npos) {
    const std::string_view port = text.substr(colon + 1);
    uint32_t number = 0;
    if (port.empty() || port.size() > 5 || !absl::SimpleAtoi(base::ToAbsl(port), &number))
      return false;
    if (number == 0 || number > 65535) return false;
  }
  if (host.starts_with('[')) {
    return host.ends_with(']') &&
           base::IpAddress::Parse(host.substr(1, host.size() - 2)).has_value();
  }
  return IsDnsSubdomain(LowerCase(host));
}

// `name` in lower case; an empty one has been refused already.
void CheckHeaderName(FieldReader& reader, std::string_view field, const std::string& name) {
  if (name.empty()) return;
  if (!IsHeaderName(name)) {
    reader.Refuse(field, base::Concat(Quoted(name), " is not a header name"),
                  "use letters, digits and '-'");
  } else if (IsFramingName(name)) {
    reader.Refuse(
        field, base::Concat(Quoted(name), " frames the message and cannot be changed by a route"),
        "remove it; the proxy sets it as needed");
  }
}

std::vector<model::Header> DecodeHeaders(FieldReader& modifier, std::string_view field) {
  std::vector<model::Header> out;
  for (FieldReader& reader : modifier.Objects(field, kHeadersMax)) {
    model::Header header{.name = LowerCase(reader.RequiredString("name")),
                         .value = reader.String("value").value_or("")};
    reader.NoteUnknown();
    CheckHeaderName(reader, "name", header.name);
    if (!IsHeaderValue(header.value)) {
      reader.Refuse("value", base::Concat(Quoted(header.value), " is not a header value"),
                    "remove control characters and blanks at its ends; at most 4096 bytes");
    }
    if (header.name == "host" && !IsHost(header.value)) {
      reader.Refuse("value", base::Concat(Quoted(header.value), " is not a host"),
                    "write a name or an address, with a port if need be");
    }
    out.push_back(std::move(header));
  }
  return out;
}

model::HeaderModifier DecodeHeaderModifier(FieldReader& reader) {
  model::HeaderModifier out;
  out.set = DecodeHeaders(reader, "set");
  out.add = DecodeHeaders(reader, "add");
  for (const std::string& name : reader.StringList("remove", kHeadersMax)) {
    out.remove.push_back(LowerCase(name));
    if (name.empty()) {
      reader.Refuse("remove", "has an empty name", "write the name of a header");
    }
    CheckHeaderName(reader, "remove", out.remove.back());
  }
  reader.NoteUnknown();
  return out;
}

// A path as it will stand in a request line or in a Location header.
bool IsWritablePath(std::string_view path) {
  return path.size() <= kPathSizeMax && (path.empty() || IsUrlPath(path));
}

model::PathModifier DecodePathModifier(FieldReader& owner, RouteFilters& filters) {
  model::PathModifier out;
  std::optional<FieldReader> reader = owner.Object("path");
  if (!reader.has_value()) return out;
  const std::string type = reader->RequiredString("type");
  std::string_view field;
  if (type == "ReplaceFullPath") {
    out.kind = model::PathModifier::Kind::kReplaceFull;
    field = "replaceFullPath";
  } else if (type == "ReplacePrefixMatch") {
    out.kind = model::PathModifier::Kind::kReplacePrefix;
    filters.has_prefix_replacement = true;
    field = "replacePrefixMatch";
  } else {
    reader->Refuse("type", base::Concat(Quoted(type), " is not a type of path change"),
                   "write ReplaceFullPath or ReplacePrefixMatch");
    return out;
  }
  const std::optional<std::string> value = reader->String(field);
  out.value = value.value_or("");
  if (!value.has_value() || !IsWritablePath(out.value)) {
    reader->Refuse(field,
                   value.has_value() ? base::Concat(Quoted(out.value), " is not a path")
                                     : "is required and missing",
                   "write a percent-encoded path that begins with '/', without query");
  }
  // An empty path is no request target; Gateway API treats it as "/".
  const bool is_full = out.kind == model::PathModifier::Kind::kReplaceFull;
  if (is_full && out.value.empty()) out.value.assign(1, '/');
  reader->NoteUnknown();
  return out;
}

std::string DecodeHostname(FieldReader& reader) {
  const std::string hostname = reader.String("hostname").value_or("");
  if (hostname.empty() || IsDnsSubdomain(hostname)) return hostname;
  reader.Refuse("hostname", base::Concat(Quoted(hostname), " is not a host name"),
                "write it in lower case, without port and without wildcard");
  return "";
}

void DecodeRewrite(FieldReader& reader, RouteFilters& filters) {
  filters.filters.rewrite_hostname = DecodeHostname(reader);
  filters.filters.rewrite_path = DecodePathModifier(reader, filters);
  reader.NoteUnknown();
}

void DecodeRedirect(FieldReader& reader, RouteFilters& filters) {
  model::RequestRedirect& redirect = filters.filters.redirect;
  filters.filters.has_redirect = true;
  redirect.scheme = reader.String("scheme").value_or("");
  if (!redirect.scheme.empty() && redirect.scheme != "http" && redirect.scheme != "https") {
    reader.Refuse("scheme", base::Concat(Quoted(redirect.scheme), " is not a scheme"),
                  "write http or https");
  }
  redirect.hostname = DecodeHostname(reader);
  redirect.path = DecodePathModifier(reader, filters);
  redirect.port = static_cast<uint16_t>(reader.Integer("port", kPortRange).value_or(0));
  const int64_t code = reader.Integer("statusCode", {.min = 100, .max = 599}).value_or(302);
  if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308) {
    reader.Refuse("statusCode", base::Concat(code, " is not a redirect that Gateway API allows"),
                  "write 301, 302, 303, 307 or 308");
  }
  redirect.status_code = static_cast<uint16_t>(code);
  reader.NoteUnknown();
}

// The object that a filter of this type carries its settings in; empty for types that are not
// supported.
std::string_view SettingsOf(std::string_view type) {
  if (type == "RequestHeaderModifier") return "requestHeaderModifier";
  if (type == "ResponseHeaderModifier") return "responseHeaderModifier";
  if (type == "URLRewrite") return "urlRewrite";
  if (type == "RequestRedirect") return "requestRedirect";
  return "";
}

// Those that change a URL are not in the schema of a GRPCRoute.
bool IsFilterOf(RouteKind kind, std::string_view type) {
  return kind == RouteKind::kHttp || (type != "URLRewrite" && type != "RequestRedirect");
}

void DecodeFilter(FieldReader& reader, const std::string& type, RouteFilters& out) {
  const std::string_view field = SettingsOf(type);
  if (field.empty()) {
    // Gateway API: a filter that cannot be applied must not be left out silently; such requests get
    // an error.
    out.unsupported = base::Concat("filter of type ", Quoted(type), " is not supported");
    out.unsupported_path = reader.PathOf("type");
    return;
  }
  std::optional<FieldReader> settings = reader.Object(field);
  reader.NoteUnknown();
  if (!settings.has_value()) {
    reader.Refuse(field, "is required and missing", base::Concat("add the settings of ", type));
    return;
  }
  if (type == "RequestHeaderModifier") {
    out.filters.request_headers = DecodeHeaderModifier(*settings);
  } else if (type == "ResponseHeaderModifier") {
    out.filters.response_headers = DecodeHeaderModifier(*settings);
  } else if (type == "URLRewrite") {
    DecodeRewrite(*settings, out);
  } else {
    DecodeRedirect(*settings, out);
  }
}

}  // namespace

RouteFilters DecodeFilters(FieldReader& owner, RouteKind kind) {
  RouteFilters out;
  std::set<std::string> seen;
  for (FieldReader& reader : owner.Objects("filters", kFiltersMax)) {
    const std::string type = reader.RequiredString("type");
    if (type.empty()) continue;
    if (!IsFilterOf(kind, type)) {
      reader.Refuse("type", base::Concat(type, " is not a filter of a GRPCRoute"),
                    "remove it, or write an HTTPRoute");
      continue;
    }
    if (!SettingsOf(type).empty() && !seen.insert(type).second) {
      reader.Refuse("type", base::Concat(type, " is written twice"), "join both into one filter");
    }
    DecodeFilter(reader, type, out);
  }
  if (seen.contains("URLRewrite") && seen.contains("RequestRedirect")) {
    owner.Refuse("filters", "has URLRewrite beside RequestRedirect",
                 "remove one of them: a redirect has a path of its own");
  }
  return out;
}

}  // namespace sluice::controller
