// Which rule of a route table a request meets: compiled once per table, then pure and without
// allocation. Thread: any (const after Compile).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "userspace/http/h1.h"
#include "userspace/http/path.h"
#include "userspace/model/route_table.h"

namespace sluice::route {

struct MatchInput {
  std::string_view method;
  std::string_view path;   // Normalised, without the query.
  std::string_view query;  // After "?", without it; may be empty.
  absl::Span<const http::Header> headers;
};

struct MatchResult {
  const model::HttpRule* rule = nullptr;  // Null: no entry matched.
  std::string_view
      matched_prefix;  // Of the path, when the entry was a prefix match: for ReplacePrefixMatch.
};

class Matcher {
 public:
  // `table` must outlive the matcher. `level`: the normal form that requests will come in; exact
  // paths and prefixes are brought into it. Errors: a regular expression that RE2 refuses, with its
  // entry and text.
  static absl::StatusOr<std::unique_ptr<const Matcher>> Compile(
      const model::RouteTable& table,
      http::PathNormalisation level = http::PathNormalisation::kStrict);
  ~Matcher();

  MatchResult Match(const MatchInput& input) const;

 private:
  struct Tables;
  explicit Matcher(std::unique_ptr<Tables> tables);
  std::unique_ptr<Tables> tables_;
};

// The backend that a random number chooses by weight; null when all weights are 0 or there are
// none.
const model::WeightedBackend* PickBackend(const model::HttpRule& rule, uint64_t random);

// Path and query after a rewrite ("/new/rest?query"), written to `out` (cleared first; keeps its
// capacity).
void RewriteTarget(const model::PathModifier& modifier, const MatchResult& match,
                   std::string_view path, std::string_view query, std::string& out);

// The Location of a redirect (Gateway API HTTPRequestRedirectFilter): scheme, host and port
// defaults included. `authority` is the request's Host as sent; `dialled_port` the Service port the
// client dialled.
std::string RedirectLocation(const model::RequestRedirect& redirect, const MatchResult& match,
                             std::string_view authority, uint16_t dialled_port,
                             std::string_view path, std::string_view query);

}  // namespace sluice::route
