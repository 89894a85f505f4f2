// HttpConnection: from a parsed head to a request on its way to an endpoint.

#include "userspace/base/text.h"
#include "userspace/proxy/http_connection.h"
#include "userspace/proxy/upstream_connection.h"

namespace sluice::proxy {
namespace {

bool IsIdempotent(std::string_view method) {  // RFC 9110 section 9.2.2
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE" || method == "TRACE";
}

}  // namespace

void HttpConnection::StartExchange(const http::RequestHead& head) {
  worker_.counters().Add(Counter::kRequests);
  const uint64_t now = worker_.now_ns();
  exchange_ = {.is_head = head.method == "HEAD",
               .is_idempotent = IsIdempotent(head.method),
               .has_body = head.body != http::BodyKind::kNone,
               .is_http_1_0 = head.minor_version == 0,
               .is_keep_alive = head.is_keep_alive,
               .is_request_complete = head.body == http::BodyKind::kNone,
               .start_ns = now,
               .bytes_in = head.head_size};
  is_response_head_done_ = false;
  if (!head.is_keep_alive) must_close_ = true;
  request_body_.Start(head.body, head.content_length, kHttpLimits);
  if (request_body_.is_complete()) exchange_.is_request_complete = true;
  SetDeadline(now + kExchangeIdleTimeout);
  config_ = worker_.PinConfig();
  if (worker_.access_log().is_on()) {
    constexpr std::string_view kNul("\0", 1);
    log_request_ = base::Concat(head.method, kNul, head.authority, kNul, head.path,
                                head.query.empty() ? "" : "?", head.query);
  }
  if (head.wants_upgrade) {
    must_close_ = true;
    AnswerLocally(501, CloseReason::kUpgradeRefused, CloseReasonText(CloseReason::kUpgradeRefused));
    return;
  }
  std::string& normal_path = worker_.text_scratch();
  bool is_path_changed = false;
  std::string_view path = head.path;
  if (path != "*") {
    if (!http::NormalisePath(path, normal_path, &is_path_changed)) {
      must_close_ = true;
      AnswerLocally(400, CloseReason::kBadPath, CloseReasonText(CloseReason::kBadPath));
      return;
    }
    if (is_path_changed) path = normal_path;
  }
  if (RouteRequest(head, path)) TryEndpoint(CloseReason::kNoEndpoint);
}

// Finds rule, backend and cluster and writes request_head_. False: it was answered here.
bool HttpConnection::RouteRequest(const http::RequestHead& head, std::string_view path) {
  const Plan plan = MakePlan(*config_, dialled_, false);
  const bool is_path_changed = path.data() != head.path.data();
  if (plan.refused != CloseReason::kNone) {
    must_close_ = true;
    AnswerLocally(503, plan.refused, CloseReasonText(plan.refused));
    return false;
  }
  if (plan.service == nullptr) {
    BuildRequestHead(head, {}, path, is_path_changed);
    return true;
  }
  const LocalPod* pod = worker_.FindPod(pod_id_);
  const model::RouteTable* table =
      pod != nullptr ? plan.service->RoutesFor(pod->namespace_name()) : nullptr;
  if (table == nullptr) {
    exchange_.stats_id = config_->DirectStatsOf(*plan.service);
    exchange_.has_stats = true;
    exchange_.backend_name = plan.service->name;
    exchange_.cluster = plan.service->ClusterFor(dialled_.ip).get();
    BuildRequestHead(head, {}, path, is_path_changed);
    return true;
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
  BuildRequestHead(head, match, path, is_path_changed);
  return true;
}

bool HttpConnection::ChooseBackend(const route::MatchResult& match, const http::RequestHead& head,
                                   std::string_view path) {
  const model::HttpRule& rule = *match.rule;
  exchange_.rule = &rule;
  exchange_.compiled_rule = &config_->RuleOf(rule);
  if (rule.request_timeout_ms != 0) {
    exchange_.request_deadline_ns = exchange_.start_ns + rule.request_timeout_ms * kMillisecond;
    if (exchange_.request_deadline_ns < armed_ns_) {
      armed_ns_ = exchange_.request_deadline_ns;
      worker_.timers().Arm(timer_, armed_ns_);
    }
  }
  if (rule.filters.has_redirect) {
    AnswerRedirect(rule.filters.redirect, match, head, path);
    return false;
  }
  const model::WeightedBackend* backend = route::PickBackend(rule, worker_.random().Next());
  if (backend == nullptr) {
    AnswerLocally(500, CloseReason::kNoBackend, CloseReasonText(CloseReason::kNoBackend));
    return false;
  }
  exchange_.backend =
      &exchange_.compiled_rule->backends[static_cast<size_t>(backend - rule.backends.data())];
  exchange_.backend_name = backend->service_port;
  exchange_.stats_id = exchange_.backend->stats_id;
  exchange_.has_stats = true;
  if (!backend->invalid_reason.empty() || exchange_.backend->service == nullptr) {
    AnswerLocally(500, CloseReason::kInvalidBackend,
                  backend->invalid_reason.empty() ? "the backend Service does not exist"
                                                  : std::string_view(backend->invalid_reason));
    return false;
  }
  if (backend->filters.has_redirect) {
    AnswerRedirect(backend->filters.redirect, match, head, path);
    return false;
  }
  exchange_.cluster = exchange_.backend->service->ClusterFor(dialled_.ip).get();
  return true;
}

void HttpConnection::AnswerRedirect(const model::RequestRedirect& redirect,
                                    const route::MatchResult& match, const http::RequestHead& head,
                                    std::string_view path) {
  const std::string location =
      route::RedirectLocation(redirect, match, head.authority, dialled_.port, path, head.query);
  AnswerLocally(redirect.status_code, CloseReason::kNone, "",
                base::Concat("location: ", location, "\r\n"));
}

void HttpConnection::BuildRequestHead(const http::RequestHead& head,
                                      const route::MatchResult& match, std::string_view path,
                                      bool is_path_changed) {
  http::RequestRewrite rewrite;
  std::string target;  // Allocates only when the request line changes.
  const auto apply = [&](const model::HttpFilters& filters) {
    if (!filters.rewrite_hostname.empty()) rewrite.authority = filters.rewrite_hostname;
    if (filters.rewrite_path.kind != model::PathModifier::Kind::kNone) {
      route::RewriteTarget(filters.rewrite_path, match, path, head.query, target);
    }
  };
  if (exchange_.rule != nullptr) {
    apply(exchange_.rule->filters);
    const size_t index =
        static_cast<size_t>(exchange_.backend - exchange_.compiled_rule->backends.data());
    apply(exchange_.rule->backends[index].filters);
    rewrite.rule_changes = exchange_.compiled_rule->changes.request;
    rewrite.backend_changes = exchange_.backend->changes.request;
  }
  if (target.empty() && is_path_changed) {
    target = head.query.empty() ? std::string(path) : base::Concat(path, "?", head.query);
  }
  rewrite.target = target;
  request_head_.resize(http::RequestHeadBound(head, rewrite));
  request_head_.resize(
      http::WriteRequestHead(head, rewrite, request_head_.data(), request_head_.size()));
}

// Chooses an endpoint not tried yet and asks for a connection to it; `otherwise` is why not, if
// none is left.
void HttpConnection::TryEndpoint(CloseReason otherwise) {
  if (!exchange_.endpoint.Next(worker_, exchange_.cluster, dialled_)) {
    AnswerLocally(503, otherwise, CloseReasonText(otherwise));
    return;
  }
  Send(false);
}

void HttpConnection::Send(bool must_be_fresh) {
  const DialTarget target{.accepting_pod_id = pod_id_,
                          .client = client_.ip,
                          .endpoint = exchange_.endpoint.address(),
                          .is_client_outside = false};
  upstream_ = &worker_.pools().Acquire(target, must_be_fresh, *this);
  upstream_->stream().Write(request_head_);
}

void HttpConnection::OnUpstreamReady() {
  if (exchange_.is_request_complete) return;
  downstream_.StartReceiving();
  ProcessInput();
  const bool is_cut_off = state_ == State::kExchange && !exchange_.is_request_complete &&
                          downstream_.has_received_end();
  if (is_cut_off) AbortExchange(CloseReason::kClientClosed);
}

void HttpConnection::OnUpstreamFailed(CloseReason reason) {
  upstream_ = nullptr;
  // Nothing was sent: another endpoint may be tried whatever the method.
  TryEndpoint(reason);
}

}  // namespace sluice::proxy
