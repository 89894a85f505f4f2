#include <algorithm>
#include <array>

#include "controller/store/decode.h"
#include "controller/store/decode_route.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kKeyValueMatchesMax = 16;
constexpr size_t kPathSizeMax = 1024;
constexpr size_t kMatchValueSizeMax = 4096;
constexpr std::array<std::string_view, 9> kMethods{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                   "CONNECT", "OPTIONS", "TRACE", "PATCH"};

// As the Gateway API schema has it: what a normalised request path can never be is a mistake.
bool IsMatchablePath(std::string_view path) {
  if (!IsUrlPath(path)) return false;
  for (const std::string_view part : {"//", "/./", "/../", "%2f", "%2F"}) {
    if (path.find(part) != path.npos) return false;
  }
  return !path.ends_with("/..") && !path.ends_with("/.");
}

model::PathMatch::Kind DecodePathKind(FieldReader& reader) {
  const std::string type = reader.String("type").value_or("PathPrefix");
  if (type == "Exact") return model::PathMatch::Kind::kExact;
  if (type == "RegularExpression") return model::PathMatch::Kind::kRegex;
  if (type != "PathPrefix") {
    reader.Refuse("type", base::Concat(Quoted(type), " is not a type of path match"),
                  "write Exact, PathPrefix or RegularExpression");
  }
  return model::PathMatch::Kind::kPrefix;
}

model::PathMatch DecodePath(FieldReader& match) {
  model::PathMatch path{.kind = model::PathMatch::Kind::kPrefix, .value = "/"};
  std::optional<FieldReader> reader = match.Object("path");
  if (!reader.has_value()) return path;
  path.kind = DecodePathKind(*reader);
  path.value = reader->String("value").value_or("/");
  reader->NoteUnknown();
  const bool is_regex = path.kind == model::PathMatch::Kind::kRegex;
  const bool is_good = is_regex ? !path.value.empty() : IsMatchablePath(path.value);
  if (path.value.size() > kPathSizeMax || !is_good) {
    reader->Refuse(
        "value", base::Concat(Quoted(path.value), " can never be the path of a request"),
        "begin with '/', percent-encode, and leave out '//', '/./', '/../', '%2f', '?' and '#'");
  }
  if (path.kind == model::PathMatch::Kind::kPrefix) {
    while (path.value.size() > 1 && path.value.ends_with('/')) path.value.pop_back();
  }
  return path;
}

// `is_header`: names are compared without case. Of equal names only the first counts, as Gateway
// API says.
std::vector<model::KeyValueMatch> DecodeKeyValues(FieldReader& match, std::string_view field,
                                                  bool is_header) {
  std::vector<model::KeyValueMatch> out;
  for (FieldReader& reader : match.Objects(field, kKeyValueMatchesMax)) {
    model::KeyValueMatch item{.name = reader.RequiredString("name"),
                              .is_regex = DecodeIsRegex(reader),
                              .value = reader.RequiredString("value")};
    reader.NoteUnknown();
    if (!item.name.empty() && !IsHeaderName(item.name)) {
      reader.Refuse("name", base::Concat(Quoted(item.name), " is not a valid name"),
                    "use letters, digits and -_.~!#$%&'*+^`|");
    }
    if (item.value.size() > kMatchValueSizeMax || HasControlBytes(item.value)) {
      reader.Refuse("value", "is too long or has control characters",
                    base::Concat("write at most ", kMatchValueSizeMax, " printable characters"));
    }
    if (is_header) item.name = LowerCase(item.name);
    const auto is_same = [&item](const auto& other) { return other.name == item.name; };
    if (std::any_of(out.begin(), out.end(), is_same)) {
      reader.report().Note(reader.path(),
                           base::Concat(Quoted(item.name), " is matched twice; the first counts"),
                           "remove it, or join both into one regular expression");
      continue;
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

bool DecodeIsRegex(FieldReader& reader) {
  const std::string type = reader.String("type").value_or("Exact");
  if (type != "Exact" && type != "RegularExpression") {
    reader.Refuse("type", base::Concat(Quoted(type), " is not a type of match"),
                  "write Exact or RegularExpression");
  }
  return type == "RegularExpression";
}

std::vector<model::KeyValueMatch> DecodeHeaderMatches(FieldReader& match) {
  return DecodeKeyValues(match, "headers", true);
}

std::vector<model::HttpMatch> DecodeMatches(FieldReader& rule) {
  std::vector<model::HttpMatch> out;
  for (FieldReader& reader : rule.Objects("matches", kRouteMatchesMax)) {
    model::HttpMatch match;
    match.path = DecodePath(reader);
    match.method = reader.String("method").value_or("");
    if (!match.method.empty() &&
        std::find(kMethods.begin(), kMethods.end(), match.method) == kMethods.end()) {
      reader.Refuse("method", base::Concat(Quoted(match.method), " is not a method"),
                    "write GET, POST or another method of RFC 9110 in capitals");
    }
    match.headers = DecodeHeaderMatches(reader);
    match.query_params = DecodeKeyValues(reader, "queryParams", false);
    reader.NoteUnknown();
    out.push_back(std::move(match));
  }
  if (out.empty()) {
    out.push_back({.path = {.kind = model::PathMatch::Kind::kPrefix, .value = "/"}});
  }
  return out;
}

}  // namespace sluice::controller
