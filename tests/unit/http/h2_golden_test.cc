#include "gtest/gtest.h"
#include "tests/unit/http/h2_script.h"

namespace sluice::http {
namespace {

std::unique_ptr<Endpoint> MakeEndpoint(const std::string& name) {
  if (name.starts_with("raw:")) return std::make_unique<Endpoint>(H2Role::kServer);
  if (!name.starts_with("client:")) return std::make_unique<Server>();
  auto client = std::make_unique<Client>();
  client->Send(name.find("head:") == std::string::npos ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                                                       : "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  client->Output();
  return client;
}

// The last refusal: "stream REASON" or "connection REASON".
std::string VerdictOf(Endpoint& endpoint, std::string_view input, size_t step) {
  std::string verdict = "none";
  for (size_t i = 0; i < input.size(); i += step) {
    for (const std::string& event : endpoint.Feed(input.substr(i, step))) {
      const std::string reason = event.substr(event.rfind(' ') + 1);
      if (event.starts_with("failed")) return "connection " + reason;
      if (event.starts_with("reset") && reason != "none") verdict = "stream " + reason;
    }
  }
  return verdict;
}

TEST(H2GoldenTest, RefusesEveryHostileInputTheSameHoweverItIsCut) {
  for (const GoldenRow& row : ReadTable("h2_reject.tsv")) {
    const std::string input = ScriptInput(row.input);
    for (const size_t step : {input.size(), size_t{1}, size_t{7}, size_t{100}}) {
      const std::unique_ptr<Endpoint> endpoint = MakeEndpoint(row.name);
      EXPECT_EQ(VerdictOf(*endpoint, input, step), row.expected) << row.name << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace sluice::http
