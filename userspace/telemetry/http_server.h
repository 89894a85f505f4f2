// A small HTTP server for operators' endpoints (metrics, health, status): GET only, loopback only,
// one request per connection, answers may come later. Data-path bytes never pass here; the strict
// codec is userspace/http. Owned and driven by one event loop: watch poll_fd() for reading, call
// Turn() when it is ready and once a second. Bounds: kConnectionsMax, kRequestSizeMax,
// kExchangeTimeout below; the oldest connection gives way to a new one. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "userspace/base/unique_fd.h"

namespace sluice::telemetry {

struct HttpResponse {
  int status_code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// What a request head asks for, or why it is refused. Pure.
struct ParsedRequest {
  enum class State : uint8_t { kNeedMore, kReady, kRefused };
  State state = State::kNeedMore;
  bool is_head_only = false;
  std::string path;  // Without the query.
  HttpResponse refusal;
};
ParsedRequest ParseGetRequest(const std::string& received);
std::string FormatResponse(const HttpResponse& response, bool is_head_only);

class HttpServer {
 public:
  using ExchangeId = uint64_t;
  // Answer now or later with Respond(); an answer to an exchange that is gone is dropped.
  using Handler = std::function<void(ExchangeId, const std::string& path)>;

  static constexpr size_t kConnectionsMax = 32;
  static constexpr size_t kRequestSizeMax = 4096;
  static constexpr absl::Duration kExchangeTimeout = absl::Seconds(5);

  // Listens on 127.0.0.1:port; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(uint16_t port, Handler handler);

  int poll_fd() const { return epoll_.get(); }
  uint16_t port() const { return port_; }

  // Takes what is ready and drops exchanges past their time. `now` is of any steady clock.
  void Turn(absl::Time now);
  void Respond(ExchangeId id, const HttpResponse& response);

 private:
  struct Exchange {
    base::UniqueFd fd;
    absl::Time deadline;
    std::string received;
    std::string to_send;
    size_t sent_size = 0;
    bool is_asked = false;  // The handler has it; nothing more is read.
    bool is_head_only = false;
  };

  HttpServer(base::UniqueFd listener, base::UniqueFd epoll, uint16_t port, Handler handler);
  void AcceptReady(absl::Time now);
  void Read(ExchangeId id);
  void Write(ExchangeId id);
  void Start(ExchangeId id, Exchange& exchange, const HttpResponse& response);

  base::UniqueFd listener_;
  base::UniqueFd epoll_;
  uint16_t port_;
  Handler handler_;
  ExchangeId last_id_ = 0;
  std::map<ExchangeId, Exchange> exchanges_;  // Ordered: the first is the oldest.
};

}  // namespace sluice::telemetry
