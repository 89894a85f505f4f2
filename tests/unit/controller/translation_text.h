// A translation as text for golden files: every field that a node acts upon, in a fixed order.
#pragma once

#include <string>

#include "controller/translate/translate.h"
#include "userspace/base/text.h"

namespace sluice::controller {

inline std::string AddressText(const std::string& bytes) {
  const auto address = base::IpAddress::FromBytes(bytes);
  return address.has_value() ? address->ToString() : "BAD";
}

inline const char* ProtocolText(istio::workload::AppProtocol protocol) {
  switch (protocol) {
    case istio::workload::HTTP11:
      return "HTTP11";
    case istio::workload::HTTP2:
      return "HTTP2";
    case istio::workload::GRPC:
      return "GRPC";
    case istio::workload::TCP:
      return "TCP";
    case istio::workload::TLS:
      return "TLS";
    default:
      return "UNKNOWN";
  }
}

inline std::string PortText(const istio::workload::Port& port) {
  return base::Concat(port.service_port(), " -> ", port.target_port(), " ",
                      ProtocolText(port.app_protocol()), "\n");
}

inline std::string ServiceText(const istio::workload::Service& service) {
  std::string out = base::Concat("service ", service.namespace_(), "/", service.hostname(), "\n");
  for (const auto& address : service.addresses())
    out += base::Concat("  address ", AddressText(address.address()), "\n");
  for (const auto& port : service.ports()) out += "  port " + PortText(port);
  return out;
}

inline std::string WorkloadText(const istio::workload::Workload& workload) {
  std::string out =
      base::Concat("workload ", workload.uid(),
                   workload.status() == istio::workload::HEALTHY ? " healthy" : " unhealthy");
  if (!workload.node().empty()) out += " node=" + workload.node();
  if (!workload.service_account().empty()) out += " account=" + workload.service_account();
  if (workload.acceleration() == istio::workload::ACCELERATION_OFF) out += " acceleration=off";
  if (workload.acceleration() == istio::workload::ACCELERATION_FULL) out += " acceleration=full";
  out += "\n";
  for (const std::string& address : workload.addresses())
    out += base::Concat("  address ", AddressText(address), "\n");
  const std::map<std::string, istio::workload::PortList> services(workload.services().begin(),
                                                                  workload.services().end());
  for (const auto& [name, list] : services) {
    for (const auto& port : list.ports())
      out += base::Concat("  serves ", name, " ", PortText(port));
  }
  return out;
}

inline std::string PathText(const sluice::route::v1::PathModifier& path) {
  using Kind = sluice::route::v1::PathModifier::KindCase;
  if (path.kind_case() == Kind::kReplaceFullPath)
    return base::Concat(" full-path=", path.replace_full_path());
  if (path.kind_case() == Kind::kReplacePrefixMatch)
    return base::Concat(" prefix=", path.replace_prefix_match());
  return "";
}

inline std::string ModifierText(const char* name,
                                const sluice::route::v1::HeaderModifier& modifier) {
  std::string out = name;
  for (const auto& header : modifier.set())
    out += base::Concat(" set(", header.name(), ": ", header.value(), ")");
  for (const auto& header : modifier.add())
    out += base::Concat(" add(", header.name(), ": ", header.value(), ")");
  for (const auto& header : modifier.remove()) out += base::Concat(" remove(", header, ")");
  return out;
}

inline std::string FilterText(const sluice::route::v1::HttpFilter& filter) {
  using Kind = sluice::route::v1::HttpFilter::KindCase;
  switch (filter.kind_case()) {
    case Kind::kRequestHeaders:
      return ModifierText("request-headers", filter.request_headers());
    case Kind::kResponseHeaders:
      return ModifierText("response-headers", filter.response_headers());
    case Kind::kUrlRewrite:
      return base::Concat("rewrite host=", filter.url_rewrite().hostname(),
                          PathText(filter.url_rewrite().path()));
    case Kind::kRedirect:
      return base::Concat("redirect ", filter.redirect().status_code(),
                          " scheme=", filter.redirect().scheme(),
                          " host=", filter.redirect().hostname(),
                          " port=", filter.redirect().port(), PathText(filter.redirect().path()));
    case Kind::KIND_NOT_SET:
      break;
  }
  return "EMPTY FILTER";
}

inline std::string MatchText(const sluice::route::v1::HttpMatch& match) {
  using PathKind = sluice::route::v1::PathMatch::KindCase;
  std::string out;
  switch (match.path().kind_case()) {
    case PathKind::kExact:
      out = "exact " + match.path().exact();
      break;
    case PathKind::kPrefix:
      out = "prefix " + match.path().prefix();
      break;
    case PathKind::kRegex:
      out = "regex " + match.path().regex();
      break;
    case PathKind::KIND_NOT_SET:
      out = "any";
      break;
  }
  if (!match.method().empty()) out += base::Concat(" method ", match.method());
  const auto add = [&out](const char* kind, const auto& items) {
    for (const auto& item : items) {
      out += base::Concat(" ", kind, " ", item.name(), item.has_regex() ? "~" : "=",
                          item.has_regex() ? item.regex() : item.exact());
    }
  };
  add("header", match.headers());
  add("query", match.query_params());
  return out;
}

inline std::string TableText(const std::string& name, const sluice::route::v1::RouteTable& table) {
  static constexpr const char* kLayers[] = {"", " of TCP connections", " of TLS connections"};
  std::string out = base::Concat("routes ", name, kLayers[table.layer()], "\n");
  for (const auto& entry : table.entries()) {
    const bool is_name = !entry.server_name().empty();
    out += base::Concat("  ", is_name ? entry.server_name() : MatchText(entry.match()), " -> ",
                        entry.rule(), "\n");
  }
  int index = 0;
  for (const auto& rule : table.rules()) {
    out += base::Concat("  rule ", index++, " ", rule.route(), " ", rule.name());
    if (rule.request_timeout_ms() != 0)
      out += base::Concat(" timeout=", rule.request_timeout_ms(), "ms");
    out += "\n";
    for (const auto& filter : rule.filters()) out += base::Concat("    ", FilterText(filter), "\n");
    for (const auto& backend : rule.backends()) {
      out += base::Concat("    backend ", backend.service(), ":", backend.port(),
                          " weight=", backend.weight());
      if (!backend.invalid_reason().empty())
        out += base::Concat(" INVALID ", backend.invalid_reason());
      out += "\n";
      for (const auto& filter : backend.filters())
        out += base::Concat("      ", FilterText(filter), "\n");
    }
  }
  return out;
}

inline std::string ProblemText(const Problem& problem) {
  return base::Concat("problem ", problem.file, ":", problem.document, " ", problem.object,
                      "\n  field: ", problem.field, "\n  reason: ", problem.reason,
                      "\n  mend: ", problem.mend, "\n");
}

inline std::string TranslationText(const Translation& translation) {
  std::string out;
  for (const auto& [unused, address] : translation.addresses) {
    if (address.has_service()) out += ServiceText(address.service());
  }
  for (const auto& [unused, address] : translation.addresses) {
    if (address.has_workload()) out += WorkloadText(address.workload());
  }
  for (const auto& [name, pod] : translation.local_pods) {
    out += base::Concat("enrolled ", pod.workload_uid(), " ", pod.netns_path(), "\n");
  }
  for (const auto& [name, table] : translation.route_tables) out += TableText(name, table);
  for (const Problem& problem : translation.problems) out += ProblemText(problem);
  return out;
}

}  // namespace sluice::controller
