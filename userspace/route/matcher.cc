// Entries are filed by how their path is matched: exact paths in a hash table, prefixes in a tree
// of path segments, regular expressions and "any path" in a list. A request looks only into the
// files that its path leads to, and in each only at entries that come before the best one found, so
// the winner is always the first in table order.
#include "userspace/route/matcher.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/text.h"
#include "userspace/model/regex.h"
#include "userspace/route/conditions.h"
#include "userspace/route/path_tree.h"

namespace sluice::route {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

}  // namespace

struct Matcher::Tables {
  Tables(const model::RouteTable& route_table, http::PathNormalisation path_level)
      : table(route_table), level(path_level) {}

  absl::Status Add(uint32_t entry);
  std::string_view NormalForm(std::string_view path);
  // The first entry of `file`, which is in table order, that comes before `best` and whose
  // conditions are met; else `best`.
  uint32_t FirstMet(const std::vector<uint32_t>& file, uint32_t best, RequestValues& values) const;
  uint32_t FirstMetAnyPath(uint32_t best, std::string_view path, RequestValues& values) const;

  const model::RouteTable& table;
  const http::PathNormalisation level;
  std::deque<std::string> normal_paths;  // Of values that are written in another form.
  NameTable header_names;
  NameTable query_names;
  std::vector<Conditions> conditions;  // By entry.
  absl::flat_hash_map<absl::string_view, std::vector<uint32_t>> exact;
  size_t exact_size_max = 0;  // Longer paths need not be hashed.
  PathTree prefixes;
  struct AnyPath {
    uint32_t entry = 0;
    std::unique_ptr<const RE2> regex;  // Null: any path.
  };
  std::vector<AnyPath> any_path;
};

absl::Status Matcher::Tables::Add(uint32_t entry) {
  const model::HttpMatch& match = table.entries[entry].match;
  auto compiled = Conditions::Compile(match, header_names, query_names);
  if (!compiled.ok()) return compiled.status();
  conditions.push_back(*std::move(compiled));
  const std::string_view path = NormalForm(match.path.value);
  switch (match.path.kind) {
    case model::PathMatch::Kind::kAny:
      any_path.push_back({.entry = entry});
      break;
    case model::PathMatch::Kind::kExact:
      exact[base::ToAbsl(path)].push_back(entry);
      exact_size_max = std::max(exact_size_max, path.size());
      break;
    case model::PathMatch::Kind::kPrefix:
      prefixes.Add(path, entry);
      break;
    case model::PathMatch::Kind::kRegex: {
      auto regex = model::CompileRegex(match.path.value);
      if (!regex.ok()) return regex.status();
      any_path.push_back({.entry = entry, .regex = *std::move(regex)});
      break;
    }
  }
  return absl::OkStatus();
}

// "/caf%c3%a9" and "/%7euser" are found as "/caf%C3%A9" and "/~user". What has no normal form never
// comes from a client.
std::string_view Matcher::Tables::NormalForm(std::string_view path) {
  std::string normal;
  bool is_changed = false;
  if (!http::NormalisePath(level, path, normal, &is_changed) || !is_changed) return path;
  return normal_paths.emplace_back(std::move(normal));
}

uint32_t Matcher::Tables::FirstMet(const std::vector<uint32_t>& file, uint32_t best,
                                   RequestValues& values) const {
  for (const uint32_t entry : file) {
    if (entry >= best) break;
    if (conditions[entry].AreMet(values)) return entry;
  }
  return best;
}

uint32_t Matcher::Tables::FirstMetAnyPath(uint32_t best, std::string_view path,
                                          RequestValues& values) const {
  for (const AnyPath& file : any_path) {
    if (file.entry >= best) break;
    // Conditions first: they are mostly cheaper than an expression over the path.
    if (!conditions[file.entry].AreMet(values)) continue;
    if (file.regex == nullptr ||
        RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *file.regex)) {
      return file.entry;
    }
  }
  return best;
}

absl::StatusOr<std::unique_ptr<const Matcher>> Matcher::Compile(const model::RouteTable& table,
                                                                http::PathNormalisation level) {
  auto tables = std::make_unique<Tables>(table, level);
  for (uint32_t entry = 0; entry < table.entries.size(); ++entry) {
    const absl::Status status = tables->Add(entry);
    if (!status.ok())
      return base::Wrap(status, absl::StrCat("route table ", table.name, ": entries[", entry, "]"));
    SLUICE_CHECK(table.entries[entry].rule < table.rules.size());
  }
  return std::unique_ptr<const Matcher>(new Matcher(std::move(tables)));
}

Matcher::Matcher(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
Matcher::~Matcher() = default;

MatchResult Matcher::Match(const MatchInput& input) const {
  const Tables& tables = *tables_;
  RequestValues values(input, tables.header_names, tables.query_names);
  uint32_t best = kNone;
  if (input.path.size() <= tables.exact_size_max) {
    const auto file = tables.exact.find(base::ToAbsl(input.path));
    if (file != tables.exact.end()) best = tables.FirstMet(file->second, best, values);
  }
  size_t prefix_size = 0;
  for (PathTree::Walk walk(tables.prefixes, input.path); walk.is_at_node(); walk.Descend()) {
    const uint32_t before = best;
    best = tables.FirstMet(walk.entries(), best, values);
    if (best != before) prefix_size = walk.prefix_size();
  }
  const uint32_t before = best;
  best = tables.FirstMetAnyPath(best, input.path, values);
  if (best == kNone) return {};
  const model::RouteTable::Entry& entry = tables.table.entries[best];
  // Gateway API: a match without a path is one of prefix "/".
  if (best != before) {
    const bool is_prefix =
        entry.match.path.kind == model::PathMatch::Kind::kAny && input.path.starts_with('/');
    prefix_size = is_prefix ? 1 : 0;
  }
  return {.rule = &tables.table.rules[entry.rule],
          .matched_prefix = input.path.substr(0, prefix_size)};
}

const model::WeightedBackend* PickBackend(const model::HttpRule& rule, uint64_t random) {
  if (rule.weight_sum == 0) return nullptr;
  uint64_t ticket = random % rule.weight_sum;  // The sum is below 2^27: the bias is below 2^-37.
  for (const model::WeightedBackend& backend : rule.backends) {
    if (ticket < backend.weight) return &backend;
    ticket -= backend.weight;
  }
  return nullptr;
}

}  // namespace sluice::route
