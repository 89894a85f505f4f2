#include "userspace/agent/operator_endpoints.h"

#include <sys/epoll.h>

#include <utility>

#include "absl/memory/memory.h"
#include "userspace/agent/metrics.h"
#include "userspace/agent/status.h"
#include "userspace/base/check.h"
#include "userspace/telemetry/sample.h"

namespace sluice::agent {
namespace {

using telemetry::HttpResponse;
using telemetry::HttpServer;

enum Server : size_t { kAdmin, kMetrics, kReadiness };

}  // namespace

absl::StatusOr<std::unique_ptr<OperatorEndpoints>> OperatorEndpoints::Create(
    EventLoop& loop, const OperatorPorts& ports) {
  auto endpoints = absl::WrapUnique(new OperatorEndpoints(loop));
  SLUICE_RETURN_IF_ERROR(endpoints->Listen(ports.admin, kAdmin));
  SLUICE_RETURN_IF_ERROR(endpoints->Listen(ports.metrics, kMetrics));
  SLUICE_RETURN_IF_ERROR(endpoints->Listen(ports.readiness, kReadiness));
  return endpoints;
}

OperatorEndpoints::~OperatorEndpoints() {
  for (const auto& server : servers_) loop_.Unwatch(server->poll_fd());
  loop_.Cancel(timer_);
}

absl::Status OperatorEndpoints::Listen(uint16_t port, size_t index) {
  auto server = HttpServer::Create(
      port, [this, index](HttpServer::ExchangeId exchange, const std::string& path) {
        OnRequest(*servers_[index], exchange, path);
      });
  if (!server.ok()) return server.status();
  HttpServer* const borrowed = server->get();
  servers_.push_back(*std::move(server));
  loop_.Watch(borrowed->poll_fd(), EPOLLIN, [borrowed](uint32_t) { borrowed->Turn(SteadyNow()); });
  return absl::OkStatus();
}

void OperatorEndpoints::OnRequest(HttpServer& server, HttpServer::ExchangeId exchange,
                                  const std::string& path) {
  const bool is_status = &server == servers_[kAdmin].get() && path == "/status";
  const bool is_metrics = &server == servers_[kMetrics].get() && path == "/metrics";
  if (!sources_.view) {
    server.Respond(exchange, {503, "text/plain; charset=utf-8", "the agent is starting\n"});
    return;
  }
  if (!is_status && !is_metrics) {
    server.Respond(exchange,
                   &server == servers_[kReadiness].get()
                       ? AnswerHealth(path)
                       : HttpResponse{404, "text/plain; charset=utf-8", "no such path\n"});
    return;
  }
  waiting_.push_back({&server, exchange, is_status ? Question::kStatus : Question::kMetrics});
  if (timer_ != 0) return;  // The question is under way already.
  if (!sources_.ask_for_numbers()) {
    NumbersCame();
    return;
  }
  timer_ = loop_.RunAfter(kNumbersTimeout, [this] {
    timer_ = 0;
    NumbersCame();
  });
}

HttpResponse OperatorEndpoints::AnswerHealth(const std::string& path) const {
  HttpResponse response;
  if (path == "/healthz/live") {
    response.body = "live\n";
  } else if (path == "/healthz/ready") {
    const NodeView view = sources_.view();
    response.status_code = view.not_ready.empty() ? 200 : 503;
    response.body = ReadinessText(view);
  } else {
    response.status_code = 404;
    response.body = "no such path\n";
  }
  return response;
}

void OperatorEndpoints::NumbersCame() {
  loop_.Cancel(std::exchange(timer_, 0));
  if (waiting_.empty()) return;
  const NodeView view = sources_.view();
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    HttpResponse response;
    switch (waiting.question) {
      case Question::kStatus:
        response.content_type = "application/json";
        response.body = StatusJson(view);
        break;
      case Question::kMetrics:
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        response.body = telemetry::RenderPrometheus(NodeMetrics(view));
        break;
    }
    waiting.server->Respond(waiting.exchange, response);
  }
}

void OperatorEndpoints::Housekeep() {
  for (const auto& server : servers_) server->Turn(SteadyNow());
}

}  // namespace sluice::agent
