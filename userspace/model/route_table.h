// Routing of one Service port as immutable values; the mirror of api/route.proto after
// validation. Matching itself is in userspace/route.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::model {

struct PathMatch {
  enum class Kind : uint8_t { kAny, kExact, kPrefix, kRegex };
  Kind kind = Kind::kAny;
  std::string value;
  friend bool operator==(const PathMatch&, const PathMatch&) = default;
};

struct KeyValueMatch {
  std::string name;  // Lower case for headers, as written for query parameters.
  bool is_regex = false;
  std::string value;
  friend bool operator==(const KeyValueMatch&, const KeyValueMatch&) = default;
};

struct HttpMatch {
  PathMatch path;
  std::string method;  // Empty: any.
  std::vector<KeyValueMatch> headers;
  std::vector<KeyValueMatch> query_params;
  friend bool operator==(const HttpMatch&, const HttpMatch&) = default;
};

struct Header {
  std::string name;  // Lower case.
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};

struct HeaderModifier {
  std::vector<Header> set;
  std::vector<Header> add;
  std::vector<std::string> remove;  // Lower case.
  bool empty() const { return set.empty() && add.empty() && remove.empty(); }
  friend bool operator==(const HeaderModifier&, const HeaderModifier&) = default;
};

struct PathModifier {
  enum class Kind : uint8_t { kNone, kReplaceFull, kReplacePrefix };
  Kind kind = Kind::kNone;
  std::string value;
  friend bool operator==(const PathModifier&, const PathModifier&) = default;
};

struct RequestRedirect {
  std::string scheme;
  std::string hostname;
  PathModifier path;
  uint16_t port = 0;
  uint16_t status_code = 302;
  friend bool operator==(const RequestRedirect&, const RequestRedirect&) = default;
};

struct HttpFilters {
  HeaderModifier request_headers;
  HeaderModifier response_headers;
  std::string rewrite_hostname;
  PathModifier rewrite_path;
  bool has_redirect = false;
  RequestRedirect redirect;
  friend bool operator==(const HttpFilters&, const HttpFilters&) = default;
};

struct WeightedBackend {
  std::string service_port;  // "namespace/hostname:port": resolve with Snapshot::FindServiceByName.
  uint32_t weight = 1;
  std::string invalid_reason;  // Not empty: answer 500.
  HttpFilters filters;
  friend bool operator==(const WeightedBackend&, const WeightedBackend&) = default;
};

struct HttpRule {
  std::string route;  // "namespace/name"
  std::string name;
  std::vector<WeightedBackend> backends;
  uint64_t weight_sum = 0;
  HttpFilters filters;
  uint32_t request_timeout_ms = 0;
  friend bool operator==(const HttpRule&, const HttpRule&) = default;
};

// What is routed: each request, or each connection as a whole.
enum class RouteLayer : uint8_t { kHttp, kTcp, kTls };

struct RouteTable {
  struct Entry {
    HttpMatch match;
    uint32_t rule = 0;        // Index into rules; always valid.
    std::string server_name;  // kTls: exact, "*.a.example", or empty for any and for none.
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::string name;  // Resource name.
  RouteLayer layer = RouteLayer::kHttp;
  std::vector<Entry> entries;  // In precedence order.
  std::vector<HttpRule> rules;
  friend bool operator==(const RouteTable&, const RouteTable&) = default;
};

}  // namespace sluice::model
