// The part of a route entry beyond its path: method, header and query conditions, compiled.
// A header that comes several times has its values joined with "," (RFC 9110 section 5.3; Envoy and
// Istio do the same), so an exact value matches the whole list. Header names match in any case,
// values as they are. Of a query parameter that comes several times the first counts; name and
// value are percent-decoded before they are compared,
// "+" stays "+", a broken escape stays as sent (as Envoy has it). A regular expression must match
// the whole value. Thread: any (const after compiling).
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "userspace/http/h1.h"
#include "userspace/model/route_table.h"
#include "userspace/route/matcher.h"

namespace sluice::route {

// The names a table asks for, each once, so that a request's headers and query are searched once
// per name however many entries ask.
class NameTable {
 public:
  uint32_t Intern(std::string_view name);  // `name` is borrowed and must outlive the table.
  std::string_view name(uint32_t index) const { return names_[index]; }
  uint32_t size() const { return static_cast<uint32_t>(names_.size()); }

 private:
  std::vector<std::string_view> names_;
};

// What has been looked up of one request so far. Lives for one Match. Allocates only if a table
// asks for more than kInlineNames names, or a regular expression meets a repeated header or an
// escaped parameter.
class RequestValues {
 public:
  RequestValues(const MatchInput& input, const NameTable& header_names,
                const NameTable& query_names);

  const MatchInput& input() const { return input_; }
  bool HeaderEquals(uint32_t name, std::string_view expected);
  bool HeaderMatches(uint32_t name, const RE2& regex);
  bool ParameterEquals(uint32_t name, std::string_view expected);
  bool ParameterMatches(uint32_t name, const RE2& regex);

 private:
  static constexpr size_t kInlineNames = 16;
  enum class Found : uint8_t { kUnknown, kAbsent, kOnce, kRepeated };
  struct Value {
    Found found = Found::kUnknown;
    uint32_t first_header = 0;  // Index into the request's headers.
    std::string_view text;      // The first value, as sent.
  };
  const Value& Header(uint32_t name);
  const Value& Parameter(uint32_t name);

  const MatchInput& input_;
  const NameTable& header_names_;
  const NameTable& query_names_;
  absl::InlinedVector<Value, kInlineNames> values_;  // Headers, then parameters.
};

class Conditions {
 public:
  // `match` must outlive this. Errors: a regular expression that does not compile.
  static absl::StatusOr<Conditions> Compile(const model::HttpMatch& match, NameTable& header_names,
                                            NameTable& query_names);
  bool AreMet(RequestValues& values) const;

 private:
  struct Condition {
    uint32_t name = 0;
    std::string_view exact;
    std::unique_ptr<const RE2> regex;  // Null: exact.
  };
  static absl::Status Append(const std::vector<model::KeyValueMatch>& matches, NameTable& names,
                             std::vector<Condition>& out);

  std::string_view method_;  // Empty: any.
  std::vector<Condition> headers_;
  std::vector<Condition> parameters_;
};

}  // namespace sluice::route
