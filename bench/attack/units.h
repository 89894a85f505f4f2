// What attackers of HTTP servers send: bytes made once, sent on connection after connection.
// Thread: any; values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::bench {

struct Attack {
  std::string bytes;         // Of one connection, or of one turn on a connection that is kept.
  std::string first;         // Before the first turn.
  bool is_kept = false;      // The connection stays open, unread, for as long as the peer lets it.
  bool is_repeated = false;  // Kept, and `bytes` again in every turn.
};

// The names that AttackOf knows, between commas.
std::string_view AttackNames();

// nullopt: there is no such attack.
std::optional<Attack> AttackOf(std::string_view name, std::string_view authority);

}  // namespace sluice::bench
