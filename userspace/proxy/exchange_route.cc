// Exchange: from a parsed head to a request on its way to an endpoint.
#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "userspace/base/text.h"
#include "userspace/http/grpc_status.h"
#include "userspace/http/h1_names.h"
#include "userspace/http/h1_upgrade.h"
#include "userspace/http/h2_secrets.h"
#include "userspace/proxy/exchange.h"
#include "userspace/proxy/plan.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {
namespace {

bool IsIdempotent(std::string_view method) {  // RFC 9110 section 9.2.2
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE" || method == "TRACE";
}

std::string_view Find(const http::RequestHead& head, std::string_view name) {
  for (const http::Header& header : head.headers()) {
    if (http::EqualsIgnoreCase(header.name, name)) return header.value;
  }
  return {};
}

}  // namespace

void Exchange::Start(const http::RequestHead& head) {
  worker_.counters().Add(Counter::kRequests);
  worker_.turn_share().CountHead(head.head_size);
  body_ = head.body;
  is_head_ = head.method == "HEAD";
  is_connect_ = head.method == "CONNECT";
  is_idempotent_ = IsIdempotent(head.method);
  is_http_1_0_ = head.minor_version == 0;
  const bool is_empty = head.body == http::BodyKind::kLength && head.content_length == 0;
  is_request_complete_ = head.body == http::BodyKind::kNone || is_empty;
  bytes_in_ = head.head_size;
  config_ = worker_.PinConfig();
  if (worker_.access_log().is_on()) {
    constexpr std::string_view kNul("\0", 1);
    log_request_ = base::Concat(head.method, kNul, head.authority, kNul, head.path,
                                head.query.empty() ? "" : "?", head.query);
  }
  // A request with content cannot switch as well (RFC 9110 section 7.8 allows to decline).
  if (head.wants_upgrade && !is_connect_ && is_request_complete_ && !is_http_1_0_) {
    upgrade_ = http::OfferedProtocols(head);
  }
  if (origin_.protocol == model::Protocol::kHttp2) ReadGrpc(head);
  std::string& normal_path = worker_.text_scratch();
  bool is_path_changed = false;
  std::string_view path = is_connect_ ? std::string_view("/") : head.path;
  if (path != "*") {
    if (!http::NormalisePath(worker_.path_normalisation(), path, normal_path, &is_path_changed)) {
      const http::PathRefusal why = http::WhyPathIsRefused(worker_.path_normalisation(), path);
      rule_broken_ = why.rule;
      AnswerLocally(400, CloseReason::kBadPath, why.text, {}, true);
      return;
    }
    if (is_path_changed) path = normal_path;
  }
  if (Route(head, path)) TryEndpoint(CloseReason::kNoEndpoint);
}

void Exchange::ReadGrpc(const http::RequestHead& head) {
  for (const http::Header& header : head.headers()) {
    if (header.id == http::HeaderId::kContentType) is_grpc_ = http::IsGrpcContentType(header.value);
  }
  if (!is_grpc_) return;
  const auto timeout_ns = http::ParseGrpcTimeout(Find(head, "grpc-timeout"));
  if (timeout_ns) SetRequestTimeout(*timeout_ns);
}

// The shortest holds.
void Exchange::SetRequestTimeout(uint64_t timeout_ns) {
  const uint64_t deadline = start_ns_ + timeout_ns;
  if (request_deadline_ns_ != 0 && request_deadline_ns_ <= deadline) return;
  request_deadline_ns_ = deadline;
  if (timer_.is_armed() && armed_ns_ <= deadline) return;
  armed_ns_ = deadline;
  worker_.timers().Arm(timer_, deadline);
}

// An undeclared port is spoken to as its client speaks.
void Exchange::UseService(const model::ServicePort& service) {
  cluster_ = service.ClusterFor(origin_.dialled.ip).get();
  const bool is_declared =
      service.protocol == model::Protocol::kHttp1 || service.protocol == model::Protocol::kHttp2;
  endpoint_protocol_ = is_declared ? service.protocol : origin_.protocol;
}

// Finds rule, backend and cluster and writes head_. False: it was answered here.
bool Exchange::Route(const http::RequestHead& head, std::string_view path) {
  const Plan plan = MakePlan(*config_, origin_.dialled, false);
  const bool is_path_changed = !is_connect_ && path.data() != head.path.data();
  if (plan.refused != CloseReason::kNone) {
    AnswerLocally(503, plan.refused, CloseReasonText(plan.refused), {}, true);
    return false;
  }
  if (plan.service == nullptr) {
    const bool is_http2 =
        plan.protocol == model::Protocol::kHttp2 ||
        (plan.protocol != model::Protocol::kHttp1 && origin_.protocol == model::Protocol::kHttp2);
    endpoint_protocol_ = is_http2 ? model::Protocol::kHttp2 : model::Protocol::kHttp1;
    BuildHead(head, {}, path, is_path_changed);
    return !is_over();
  }
  const LocalPod* pod = worker_.FindPod(origin_.pod_id);
  const model::RouteTable* table =
      pod != nullptr ? plan.service->RoutesFor(pod->namespace_name()) : nullptr;
  if (table == nullptr) {
    stats_id_ = config_->DirectStatsOf(*plan.service);
    has_stats_ = true;
    backend_name_ = plan.service->name;
    UseService(*plan.service);
    BuildHead(head, {}, path, is_path_changed);
    return !is_over();
  }
  const route::Matcher* matcher = config_->MatcherOf(table);
  if (matcher == nullptr) {
    AnswerLocally(500, CloseReason::kInternal, "the route table could not be compiled");
    return false;
  }
  const route::MatchResult match = matcher->Match(
      {.method = head.method, .path = path, .query = head.query, .headers = head.headers()});
  if (match.rule == nullptr) {
    AnswerLocally(404, CloseReason::kNoRoute, CloseReasonText(CloseReason::kNoRoute));
    return false;
  }
  if (!ChooseBackend(match, head, path)) return false;
  BuildHead(head, match, path, is_path_changed);
  return !is_over();
}

bool Exchange::ChooseBackend(const route::MatchResult& match, const http::RequestHead& head,
                             std::string_view path) {
  const model::HttpRule& rule = *match.rule;
  rule_ = &rule;
  compiled_rule_ = &config_->RuleOf(rule);
  if (rule.request_timeout_ms != 0) SetRequestTimeout(rule.request_timeout_ms * kMillisecond);
  if (rule.filters.has_redirect) {
    AnswerRedirect(rule.filters.redirect, match, head, path);
    return false;
  }
  const model::WeightedBackend* backend = route::PickBackend(rule, worker_.random().Next());
  if (backend == nullptr) {
    AnswerLocally(500, CloseReason::kNoBackend, CloseReasonText(CloseReason::kNoBackend));
    return false;
  }
  backend_ = &compiled_rule_->backends[static_cast<size_t>(backend - rule.backends.data())];
  backend_name_ = backend->service_port;
  stats_id_ = backend_->stats_id;
  has_stats_ = true;
  if (!backend->invalid_reason.empty() || backend_->service == nullptr) {
    AnswerLocally(500, CloseReason::kInvalidBackend,
                  backend->invalid_reason.empty() ? "the backend Service does not exist"
                                                  : std::string_view(backend->invalid_reason));
    return false;
  }
  if (backend->filters.has_redirect) {
    AnswerRedirect(backend->filters.redirect, match, head, path);
    return false;
  }
  UseService(*backend_->service);
  return true;
}

void Exchange::AnswerRedirect(const model::RequestRedirect& redirect,
                              const route::MatchResult& match, const http::RequestHead& head,
                              std::string_view path) {
  const std::string location = route::RedirectLocation(redirect, match, head.authority,
                                                       origin_.dialled.port, path, head.query);
  AnswerLocally(redirect.status_code, CloseReason::kNone, "",
                base::Concat("location: ", location, "\r\n"));
}

// Writes head_, in the form of HTTP/1.1 whatever the endpoint speaks.
void Exchange::BuildHead(const http::RequestHead& head, const route::MatchResult& match,
                         std::string_view path, bool is_path_changed) {
  const bool is_from_h2 = origin_.protocol == model::Protocol::kHttp2;
  const bool is_to_h2 = endpoint_protocol_ == model::Protocol::kHttp2;
  if (!upgrade_.empty() && is_to_h2 && !is_from_h2) {
    // The answer would have to prove that the endpoint knows the protocol, which is not ours to
    // say.
    AnswerLocally(501, CloseReason::kUpgradeRefused, CloseReasonText(CloseReason::kUpgradeRefused));
    return;
  }
  http::RequestRewrite rewrite;
  rewrite.upgrade = upgrade_;
  std::string target;                     // Allocates only when the request line changes.
  std::vector<http::HeaderChange> extra;  // Allocates only when there are changes of our own.
  const auto apply = [&](const model::HttpFilters& filters) {
    if (!filters.rewrite_hostname.empty()) rewrite.authority = filters.rewrite_hostname;
    if (filters.rewrite_path.kind != model::PathModifier::Kind::kNone) {
      route::RewriteTarget(filters.rewrite_path, match, path, head.query, target);
    }
  };
  if (rule_ != nullptr) {
    apply(rule_->filters);
    apply(rule_->backends[static_cast<size_t>(backend_ - compiled_rule_->backends.data())].filters);
    rewrite.rule_changes = compiled_rule_->changes.request;
    rewrite.backend_changes = backend_->changes.request;
  }
  const auto change = [&](std::string_view name, std::string value) {
    if (extra.empty()) extra.assign(rewrite.backend_changes.begin(), rewrite.backend_changes.end());
    extra.push_back({.name = std::string(name), .value = std::move(value)});
    rewrite.backend_changes = extra;
  };
  if (is_grpc_ && request_deadline_ns_ != 0) {
    const uint64_t timeout_ns = request_deadline_ns_ - start_ns_;
    const auto asked_ns = http::ParseGrpcTimeout(Find(head, "grpc-timeout"));
    if (!asked_ns || *asked_ns > timeout_ns) {
      change("grpc-timeout", http::FormatGrpcTimeout(timeout_ns));
    }
  }
  if (makes_websocket_key()) {
    const uint64_t nonce[] = {worker_.random().Next(), worker_.random().Next()};  // RFC 6455 4.1
    const std::string_view bytes(reinterpret_cast<const char*>(nonce), sizeof nonce);
    change("sec-websocket-key", absl::Base64Escape(base::ToAbsl(bytes)));
  }
  if (target.empty() && is_path_changed) {
    target = head.query.empty() ? std::string(path) : base::Concat(path, "?", head.query);
  }
  if (!is_connect_) rewrite.target = target;
  // By way of the scratch, since the bound is much above what a typical head needs.
  const size_t bound = http::RequestHeadBound(head, rewrite);
  char* bytes = worker_.byte_scratch(bound);
  head_.assign(bytes, http::WriteRequestHead(head, rewrite, bytes, bound));
  if (is_to_h2) http::AppendSecretNames(head.headers(), head.secret_pseudo, head_);
  CountBuffers();
}

// Chooses an endpoint not tried yet and asks for a connection to it; `otherwise` is why not, if
// none is left.
void Exchange::TryEndpoint(CloseReason otherwise) {
  if (!endpoint_.Next(worker_, cluster_, origin_.dialled)) {
    AnswerLocally(503, otherwise, CloseReasonText(otherwise));
    return;
  }
  Send(false);
}

void Exchange::Send(bool must_be_fresh) {
  const DialTarget target{.accepting_pod_id = origin_.pod_id,
                          .client = origin_.client.ip,
                          .endpoint = endpoint_.address(),
                          .is_client_outside = false};
  // A stream costs its client next to nothing; whoever speaks HTTP/1.1 has made a connection.
  Carrier* carrier =
      worker_.pools().Acquire(target,
                              {.protocol = endpoint_protocol_,
                               .must_be_fresh = must_be_fresh,
                               .may_wait = origin_.protocol == model::Protocol::kHttp2},
                              *this);
  if (carrier != nullptr) SendOn(*carrier);
}

void Exchange::SendOn(Carrier& carrier) {
  carrier_ = &carrier;
  const bool is_framed = requester_->takes_framed();
  carrier_->SendHead({.text = head_,
                      .form = is_framed ? BodyForm::kFramed : BodyForm::kContent,
                      .body = is_request_complete_ ? http::BodyKind::kNone : body_,
                      .is_head = is_head_,
                      .is_connect = is_connect_,
                      .upgrade = upgrade_});
}

void Exchange::OnCarrierGiven(Carrier& carrier) {
  awaited_pool_ = nullptr;
  SendOn(carrier);
  if (carrier.is_connected()) OnCarrierReady();
}

void Exchange::OnCarrierReady() {
  if (!is_request_complete_) requester_->OnRequestRoom();
}

void Exchange::OnCarrierFailed(CloseReason reason) {
  carrier_ = nullptr;
  // Nothing was sent: another endpoint may be tried whatever the method.
  TryEndpoint(reason);
}

}  // namespace sluice::proxy
