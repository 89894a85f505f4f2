// The three loopback servers for operators and what they answer. Answers with numbers of the proxy
// wait for it, for a short time; then the last known numbers are given with their age. Borrows: the
// loop, which outlives it. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "userspace/agent/event_loop.h"
#include "userspace/agent/node_view.h"
#include "userspace/telemetry/http_server.h"

namespace sluice::agent {

struct OperatorPorts {
  uint16_t admin = 15000;      // GET /status
  uint16_t metrics = 15020;    // GET /metrics
  uint16_t readiness = 15021;  // GET /healthz/ready, /healthz/live
};

class OperatorEndpoints {
 public:
  static constexpr absl::Duration kNumbersTimeout = absl::Milliseconds(500);

  struct Sources {
    std::function<NodeView()> view;
    // Asks the proxy for its numbers; false if there is nobody to ask. NumbersCame() follows.
    std::function<bool()> ask_for_numbers;
  };

  static absl::StatusOr<std::unique_ptr<OperatorEndpoints>> Create(EventLoop& loop,
                                                                   const OperatorPorts& ports);
  ~OperatorEndpoints();

  // Until this is called every path is answered with 503.
  void SetSources(Sources sources) { sources_ = std::move(sources); }
  void NumbersCame();
  void Housekeep();  // Once a second.

 private:
  enum class Question : uint8_t { kStatus, kMetrics };
  struct Waiting {
    telemetry::HttpServer* server;
    telemetry::HttpServer::ExchangeId exchange;
    Question question;
  };

  explicit OperatorEndpoints(EventLoop& loop) : loop_(loop) {}
  absl::Status Listen(uint16_t port, size_t index);
  void OnRequest(telemetry::HttpServer& server, telemetry::HttpServer::ExchangeId exchange,
                 const std::string& path);
  telemetry::HttpResponse AnswerHealth(const std::string& path) const;

  EventLoop& loop_;
  Sources sources_;
  std::vector<std::unique_ptr<telemetry::HttpServer>> servers_;  // Admin, metrics, readiness.
  std::vector<Waiting> waiting_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace sluice::agent
