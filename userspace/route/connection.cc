#include "userspace/route/connection.h"

namespace sluice::route {
namespace {

bool Takes(std::string_view pattern, std::string_view server_name) {
  if (pattern.empty()) return true;
  if (!pattern.starts_with("*.")) return pattern == server_name;
  const std::string_view suffix = pattern.substr(1);  // With its dot.
  return server_name.size() > suffix.size() && server_name.ends_with(suffix);
}

}  // namespace

const model::HttpRule* MatchConnection(const model::RouteTable& table,
                                       std::string_view server_name) {
  for (const model::RouteTable::Entry& entry : table.entries) {
    if (Takes(entry.server_name, server_name)) return &table.rules[entry.rule];
  }
  return nullptr;
}

}  // namespace sluice::route
