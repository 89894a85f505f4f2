// A request's head as the matcher sees it, and tables of one line an entry.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "userspace/route/matcher.h"

namespace sluice::route {

struct Request {
  std::string method = "GET";
  std::string path = "/";
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Borrows the request.
class Input {
 public:
  explicit Input(const Request& request) : request_(request) {
    for (const auto& [name, value] : request.headers)
      headers_.push_back({.name = name, .value = value});
  }
  MatchInput operator()() const {
    return {.method = request_.method,
            .path = request_.path,
            .query = request_.query,
            .headers = headers_};
  }

 private:
  const Request& request_;
  std::vector<http::Header> headers_;
};

// Appends an entry with a rule of its own, so that the rule tells the entry.
inline void Append(model::RouteTable& table, const model::HttpMatch& match) {
  table.entries.push_back({.match = match, .rule = static_cast<uint32_t>(table.rules.size())});
  table.rules.push_back({.route = "shop/route", .name = std::to_string(table.rules.size())});
}

template <typename... Matches>
model::RouteTable TableOf(const Matches&... matches) {
  model::RouteTable table{.name = "shop/web:80"};
  (Append(table, matches), ...);
  return table;
}

// The number of the entry that `request` meets, or -1.
inline int MatchedEntry(const model::RouteTable& table, const Request& request) {
  const auto matcher = Matcher::Compile(table);
  if (!matcher.ok()) return -2;
  const MatchResult result = (*matcher)->Match(Input(request)());
  return result.rule == nullptr ? -1 : static_cast<int>(result.rule - table.rules.data());
}

}  // namespace sluice::route
