#include "bench/attack/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "userspace/http/h2_session.h"

namespace sluice::bench {
namespace {

struct Seen {
  uint32_t requests = 0;
  http::H2Reason failed = http::H2Reason::kNone;
};

class NoContent : public http::H2Source {
 public:
  void Read(uint32_t, uint64_t, char*, size_t) override {}
};

// What our own codec makes of one connection's bytes.
Seen Take(const Attack& attack) {
  const http::H2Limits limits;
  http::H2HeadBuffer heads;
  http::H2Session session(http::H2Role::kServer, limits, heads);
  session.Start(0);
  const std::string bytes = attack.first + attack.bytes;
  std::string_view input = bytes;
  std::string out(16 * 1024, '\0');
  NoContent source;
  Seen seen;
  for (;;) {
    while (session.Produce(out.data(), out.size(), source) > 0) {
    }
    const http::H2Event event = session.Next(&input, 0);
    if (event.kind == http::H2Event::Kind::kNone) return seen;
    seen.requests += event.kind == http::H2Event::Kind::kRequest;
    if (event.kind != http::H2Event::Kind::kFailed) continue;
    seen.failed = event.reason;
    return seen;
  }
}

struct Case {
  std::string_view name;
  uint32_t requests_least;
  http::H2Reason failed;
};

class AttackUnits : public testing::TestWithParam<Case> {};

TEST_P(AttackUnits, AreWhatTheyAreCalled) {
  const auto attack = AttackOf(GetParam().name, "10.0.0.1");
  ASSERT_TRUE(attack.has_value());
  const Seen seen = Take(*attack);

  EXPECT_GE(seen.requests, GetParam().requests_least);
  EXPECT_EQ(seen.failed, GetParam().failed);
}

INSTANTIATE_TEST_SUITE_P(All, AttackUnits,
                         testing::Values(Case{"rapid-reset", 900, http::H2Reason::kNone},
                                         Case{"reset-flood", 1000, http::H2Reason::kResetFlood},
                                         Case{"continuation", 0,
                                              http::H2Reason::kContinuationFlood},
                                         Case{"hpack-bomb", 1, http::H2Reason::kRefusalFlood},
                                         Case{"settings", 0, http::H2Reason::kSettingsFlood},
                                         Case{"ping", 0, http::H2Reason::kPingFlood},
                                         Case{"zero-window", 100, http::H2Reason::kNone},
                                         Case{"one-byte", 1, http::H2Reason::kNone},
                                         Case{"half-open-streams", 900, http::H2Reason::kNone}));

TEST(AttackUnits, EveryNameIsKnownAndNoOther) {
  std::string_view names = AttackNames();
  while (!names.empty()) {
    const size_t size = std::min(names.find(','), names.size());
    EXPECT_TRUE(AttackOf(names.substr(0, size), "a").has_value()) << names.substr(0, size);
    names.remove_prefix(std::min(size + 1, names.size()));
  }
  EXPECT_FALSE(AttackOf("rapid", "a").has_value());
}

}  // namespace
}  // namespace sluice::bench
