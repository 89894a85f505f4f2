#include "userspace/route/conditions.h"

#include <algorithm>
#include <string>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/model/regex.h"
#include "userspace/route/query.h"

namespace sluice::route {
namespace {

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool EqualsLower(std::string_view sent, std::string_view lower) {
  return sent.size() == lower.size() &&
         std::equal(sent.begin(), sent.end(), lower.begin(),
                    [](char a, char b) { return LowerCase(a) == b; });
}

// Calls `visit` with the values of a header and the commas between them, in order; stops when it
// returns false.
template <typename Visit>
bool VisitJoined(absl::Span<const http::Header> headers, std::string_view name, uint32_t first,
                 Visit visit) {
  if (!visit(headers[first].value)) return false;
  for (const http::Header& header : headers.subspan(first + 1)) {
    if (!EqualsLower(header.name, name)) continue;
    if (!visit(",") || !visit(header.value)) return false;
  }
  return true;
}

}  // namespace

uint32_t NameTable::Intern(std::string_view name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    names_.push_back(name);
    return size() - 1;
  }
  return static_cast<uint32_t>(found - names_.begin());
}

RequestValues::RequestValues(const MatchInput& input, const NameTable& header_names,
                             const NameTable& query_names)
    : input_(input),
      header_names_(header_names),
      query_names_(query_names),
      values_(header_names.size() + query_names.size()) {}

const RequestValues::Value& RequestValues::Header(uint32_t name) {
  Value& value = values_[name];
  if (value.found != Found::kUnknown) return value;
  value.found = Found::kAbsent;
  for (uint32_t i = 0; i < input_.headers.size(); ++i) {
    if (!EqualsLower(input_.headers[i].name, header_names_.name(name))) continue;
    if (value.found == Found::kOnce) {
      value.found = Found::kRepeated;
      break;
    }
    value = {.found = Found::kOnce, .first_header = i, .text = input_.headers[i].value};
  }
  return value;
}

const RequestValues::Value& RequestValues::Parameter(uint32_t name) {
  Value& value = values_[header_names_.size() + name];
  if (value.found != Found::kUnknown) return value;
  const auto text = FindParameter(input_.query, query_names_.name(name));
  value = {.found = text ? Found::kOnce : Found::kAbsent,
           .text = text.value_or(std::string_view())};
  return value;
}

bool RequestValues::HeaderEquals(uint32_t name, std::string_view expected) {
  const Value& value = Header(name);
  if (value.found == Found::kOnce) return value.text == expected;
  if (value.found != Found::kRepeated) return false;
  const bool is_prefix = VisitJoined(input_.headers, header_names_.name(name), value.first_header,
                                     [&expected](std::string_view part) {
                                       if (!expected.starts_with(part)) return false;
                                       expected.remove_prefix(part.size());
                                       return true;
                                     });
  return is_prefix && expected.empty();
}

bool RequestValues::HeaderMatches(uint32_t name, const RE2& regex) {
  const Value& value = Header(name);
  if (value.found == Found::kOnce) return RE2::FullMatch(Piece(value.text), regex);
  if (value.found != Found::kRepeated) return false;
  std::string joined;
  VisitJoined(input_.headers, header_names_.name(name), value.first_header,
              [&joined](std::string_view part) {
                joined += part;
                return true;
              });
  return RE2::FullMatch(joined, regex);
}

bool RequestValues::ParameterEquals(uint32_t name, std::string_view expected) {
  const Value& value = Parameter(name);
  return value.found == Found::kOnce && DecodedEquals(value.text, expected);
}

bool RequestValues::ParameterMatches(uint32_t name, const RE2& regex) {
  const Value& value = Parameter(name);
  if (value.found != Found::kOnce) return false;
  if (value.text.find('%') == value.text.npos) return RE2::FullMatch(Piece(value.text), regex);
  return RE2::FullMatch(PercentDecode(value.text), regex);
}

absl::StatusOr<Conditions> Conditions::Compile(const model::HttpMatch& match,
                                               NameTable& header_names, NameTable& query_names) {
  Conditions out;
  out.method_ = match.method;
  SLUICE_RETURN_IF_ERROR(Append(match.headers, header_names, out.headers_));
  SLUICE_RETURN_IF_ERROR(Append(match.query_params, query_names, out.parameters_));
  return out;
}

absl::Status Conditions::Append(const std::vector<model::KeyValueMatch>& matches, NameTable& names,
                                std::vector<Condition>& out) {
  for (const model::KeyValueMatch& match : matches) {
    Condition condition{.name = names.Intern(match.name), .exact = match.value};
    if (match.is_regex) {
      auto regex = model::CompileRegex(match.value);
      if (!regex.ok()) return regex.status();
      condition.regex = *std::move(regex);
    }
    out.push_back(std::move(condition));
  }
  return absl::OkStatus();
}

bool Conditions::AreMet(RequestValues& values) const {
  if (!method_.empty() && method_ != values.input().method) return false;
  for (const Condition& header : headers_) {
    const bool is_met = header.regex == nullptr ? values.HeaderEquals(header.name, header.exact)
                                                : values.HeaderMatches(header.name, *header.regex);
    if (!is_met) return false;
  }
  for (const Condition& parameter : parameters_) {
    const bool is_met = parameter.regex == nullptr
                            ? values.ParameterEquals(parameter.name, parameter.exact)
                            : values.ParameterMatches(parameter.name, *parameter.regex);
    if (!is_met) return false;
  }
  return true;
}

}  // namespace sluice::route
