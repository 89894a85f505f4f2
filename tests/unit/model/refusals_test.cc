// Every reason why a resource is refused, word for word: operators read them. The golden file is
// written anew when SLUICE_UPDATE_GOLDEN is set.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/model/resources.h"
#include "userspace/model/limits.h"
#include "userspace/model/snapshot_builder.h"

namespace sluice::model {
namespace {

using istio::workload::Service;
using istio::workload::Workload;
using route::v1::HeaderModifier;
using route::v1::HttpFilter;
using route::v1::HttpMatch;
using route::v1::HttpRule;
using route::v1::RequestRedirect;
using route::v1::RouteTable;

template <typename Message>
struct Case {
  const char* name;
  std::function<void(Message&)> spoil;  // Applied to a good resource.
};

HttpMatch& Match(RouteTable& t) { return *t.mutable_entries(0)->mutable_match(); }
HttpRule& Rule(RouteTable& t) { return *t.mutable_rules(0); }
HeaderModifier& RequestHeaders(RouteTable& t) {
  return *Rule(t).add_filters()->mutable_request_headers();
}
RequestRedirect& Redirect(RouteTable& t) { return *Rule(t).add_filters()->mutable_redirect(); }
void SetHeader(RouteTable& t, const std::string& name, const std::string& value) {
  route::v1::Header& header = *RequestHeaders(t).add_set();
  header.set_name(name);
  header.set_value(value);
}

const std::vector<Case<Service>> kServices = {
    {"service without a namespace", [](Service& s) { s.clear_namespace_(); }},
    {"service with a slash in its hostname", [](Service& s) { s.set_hostname("a/b"); }},
    {"service with a line feed in its hostname", [](Service& s) { s.set_hostname("a\nb"); }},
    {"service with 5 address bytes", [](Service& s) { s.add_addresses()->set_address("12345"); }},
    {"service at loopback",
     [](Service& s) { s.add_addresses()->set_address(Ip("127.0.0.1").ToBytes()); }},
    {"service at the unspecified address",
     [](Service& s) { s.add_addresses()->set_address(Ip("::").ToBytes()); }},
    {"service with port 0", [](Service& s) { s.mutable_ports(0)->set_service_port(0); }},
    {"service with port 65536", [](Service& s) { s.mutable_ports(0)->set_service_port(65536); }},
    {"service with one port twice", [](Service& s) { *s.add_ports() = s.ports(0); }},
    {"service with too many addresses",
     [](Service& s) {
       for (size_t i = 0; i <= AddressLimits::kVirtualAddressesMax; ++i) s.add_addresses();
     }},
    {"service with too many ports",
     [](Service& s) {
       for (size_t i = 0; i <= AddressLimits::kPortsMax; ++i) s.add_ports();
     }},
};

const std::vector<Case<Workload>> kWorkloads = {
    {"workload without a uid", [](Workload& w) { w.clear_uid(); }},
    {"workload with a space in its uid", [](Workload& w) { w.set_uid("a b"); }},
    {"workload without a name", [](Workload& w) { w.clear_name(); }},
    {"workload with capitals in its namespace", [](Workload& w) { w.set_namespace_("Shop"); }},
    {"workload with an empty address", [](Workload& w) { w.add_addresses(); }},
    {"workload of a service without a namespace",
     [](Workload& w) { (*w.mutable_services())["web"]; }},
    {"workload without a target port",
     [](Workload& w) { (*w.mutable_services())["shop/web"].mutable_ports(0)->set_target_port(0); }},
    {"workload with a service port twice",
     [](Workload& w) {
       auto& list = (*w.mutable_services())["shop/web"];
       *list.add_ports() = list.ports(0);
     }},
};

const std::vector<Case<RouteTable>> kTables = {
    {"table of another name", [](RouteTable& t) { t.set_service_port(81); }},
    {"table of no service", [](RouteTable& t) { t.set_service("web"); }},
    {"table of port 0", [](RouteTable& t) { t.set_service_port(0); }},
    {"table of a client namespace with a slash",
     [](RouteTable& t) { t.set_client_namespace("a/b"); }},
    {"entry with a rule that does not exist",
     [](RouteTable& t) { t.mutable_entries(0)->set_rule(1); }},
    {"server name in a table of requests",
     [](RouteTable& t) { t.mutable_entries(0)->set_server_name("a.example"); }},
    {"server name with capitals",
     [](RouteTable& t) {
       t.set_layer(route::v1::TLS);
       t.mutable_entries(0)->set_server_name("A.example");
     }},
    {"server name that is only a wildcard",
     [](RouteTable& t) {
       t.set_layer(route::v1::TLS);
       t.mutable_entries(0)->set_server_name("*.");
     }},
    {"table of an unknown layer",
     [](RouteTable& t) { t.set_layer(static_cast<route::v1::Layer>(9)); }},
    {"relative path", [](RouteTable& t) { Match(t).mutable_path()->set_exact("a"); }},
    {"path with a query", [](RouteTable& t) { Match(t).mutable_path()->set_exact("/a?b"); }},
    {"path that is too long",
     [](RouteTable& t) {
       Match(t).mutable_path()->set_exact("/" + std::string(RouteLimits::kPathSizeMax, 'a'));
     }},
    {"prefix with a trailing slash",
     [](RouteTable& t) { Match(t).mutable_path()->set_prefix("/a/"); }},
    {"broken path expression", [](RouteTable& t) { Match(t).mutable_path()->set_regex("/("); }},
    {"look-ahead in a path expression",
     [](RouteTable& t) { Match(t).mutable_path()->set_regex("/(?!a)"); }},
    {"empty path expression", [](RouteTable& t) { Match(t).mutable_path()->set_regex(""); }},
    {"method with a space", [](RouteTable& t) { Match(t).set_method("GET /"); }},
    {"header match in capitals", [](RouteTable& t) { Match(t).add_headers()->set_name("X-A"); }},
    {"header match without a value",
     [](RouteTable& t) { Match(t).add_headers()->set_name("x-a"); }},
    {"header match with a broken expression",
     [](RouteTable& t) {
       Match(t).add_headers()->set_name("x-a");
       Match(t).mutable_headers(0)->set_regex("[");
     }},
    {"header match on a line feed",
     [](RouteTable& t) {
       Match(t).add_headers()->set_name("x-a");
       Match(t).mutable_headers(0)->set_exact("a\n");
     }},
    {"query match without a name",
     [](RouteTable& t) { Match(t).add_query_params()->set_exact("a"); }},
    {"too many header matches",
     [](RouteTable& t) {
       for (size_t i = 0; i <= RouteLimits::kConditionsPerMatchMax; ++i) Match(t).add_headers();
     }},
    {"backend without a namespace",
     [](RouteTable& t) { Rule(t).mutable_backends(0)->set_service("web"); }},
    {"backend port 0", [](RouteTable& t) { Rule(t).mutable_backends(0)->set_port(0); }},
    {"backend weight", [](RouteTable& t) { Rule(t).mutable_backends(0)->set_weight(1000001); }},
    {"too many backends",
     [](RouteTable& t) {
       for (size_t i = 0; i < RouteLimits::kBackendsPerRuleMax; ++i)
         *Rule(t).add_backends() = Rule(t).backends(0);
     }},
    {"too many rules",
     [](RouteTable& t) {
       for (size_t i = 0; i < RouteLimits::kRulesMax; ++i) t.add_rules();
     }},
    {"too many entries",
     [](RouteTable& t) {
       for (size_t i = 0; i < RouteLimits::kEntriesMax; ++i) t.add_entries();
     }},
    {"route name with a line feed", [](RouteTable& t) { Rule(t).set_route("a\nb"); }},
    {"filter without a kind", [](RouteTable& t) { Rule(t).add_filters(); }},
    {"filter of a backend without a kind",
     [](RouteTable& t) { Rule(t).mutable_backends(0)->add_filters(); }},
    {"header to set in capitals", [](RouteTable& t) { SetHeader(t, "X-A", "b"); }},
    {"header to set with a line end", [](RouteTable& t) { SetHeader(t, "x-a", "b\r\nx-b: c"); }},
    {"header to set that frames the message",
     [](RouteTable& t) { SetHeader(t, "transfer-encoding", "chunked"); }},
    {"header to remove that frames the message",
     [](RouteTable& t) { RequestHeaders(t).add_remove("content-length"); }},
    {"header to remove without a name", [](RouteTable& t) { RequestHeaders(t).add_remove(""); }},
    {"too many headers to add",
     [](RouteTable& t) {
       HeaderModifier& modifier = RequestHeaders(t);
       for (size_t i = 0; i <= RouteLimits::kHeaderChangesMax; ++i) modifier.add_add();
     }},
    {"one kind of filter twice",
     [](RouteTable& t) {
       RequestHeaders(t);
       RequestHeaders(t);
     }},
    {"redirect beside a rewrite",
     [](RouteTable& t) {
       Redirect(t);
       Rule(t).add_filters()->mutable_url_rewrite();
     }},
    {"redirect with status 304", [](RouteTable& t) { Redirect(t).set_status_code(304); }},
    {"redirect to ftp", [](RouteTable& t) { Redirect(t).set_scheme("ftp"); }},
    {"redirect to port 65536", [](RouteTable& t) { Redirect(t).set_port(65536); }},
    {"redirect to a hostname with a path", [](RouteTable& t) { Redirect(t).set_hostname("a/b"); }},
    {"redirect to a relative path",
     [](RouteTable& t) { Redirect(t).mutable_path()->set_replace_full_path("//a b"); }},
    {"rewrite to a hostname with a port",
     [](RouteTable& t) { Rule(t).add_filters()->mutable_url_rewrite()->set_hostname("a:80"); }},
    {"rewrite to a path with a query",
     [](RouteTable& t) {
       Rule(t).add_filters()->mutable_url_rewrite()->mutable_path()->set_replace_prefix_match(
           "/a?b");
     }},
    {"prefix replaced under an exact match",
     [](RouteTable& t) {
       Match(t).mutable_path()->set_exact("/a");
       Rule(t).add_filters()->mutable_url_rewrite()->mutable_path()->set_replace_prefix_match("/b");
     }},
};

std::string AllRefusals() {
  std::string out;
  for (const auto& c : kServices) {
    auto address = MakeService({});
    c.spoil(*address.mutable_service());
    absl::StrAppend(&out, c.name, ": ", SnapshotBuilder().PutAddress(address), "\n");
  }
  for (const auto& c : kWorkloads) {
    auto address = MakeWorkload({});
    c.spoil(*address.mutable_workload());
    absl::StrAppend(&out, c.name, ": ", SnapshotBuilder().PutAddress(address), "\n");
  }
  for (const auto& c : kTables) {
    RouteTable table = MakeRoutes();
    c.spoil(table);
    absl::StrAppend(&out, c.name, ": ", SnapshotBuilder().PutRouteTable("shop/web:80", table),
                    "\n");
  }
  absl::StrAppend(&out, "address of no kind: ", SnapshotBuilder().PutAddress({}), "\n");
  return out;
}

TEST(RefusalsTest, SayWhatIsWrongWordForWord) {
  const std::string path = std::string(SLUICE_GOLDEN_DIR) + "/model/refusals.txt";
  const std::string refusals = AllRefusals();
  if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << refusals;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();

  EXPECT_EQ(refusals, golden.str());
}

TEST(RefusalsTest, AreNotMadeOfGoodResources) {
  SnapshotBuilder builder;

  EXPECT_EQ(builder.PutAddress(MakeService({})), "");
  EXPECT_EQ(builder.PutAddress(MakeWorkload({})), "");
  EXPECT_EQ(builder.PutRouteTable("shop/web:80", MakeRoutes()), "");
}

TEST(RefusalsTest, AllowABrokenBackendThatSaysSo) {
  RouteTable table = MakeRoutes();
  table.mutable_rules(0)->mutable_backends(0)->clear_service();
  table.mutable_rules(0)->mutable_backends(0)->set_invalid_reason(
      "Service shop/none does not exist");

  EXPECT_EQ(SnapshotBuilder().PutRouteTable("shop/web:80", table), "");
}

}  // namespace
}  // namespace sluice::model
