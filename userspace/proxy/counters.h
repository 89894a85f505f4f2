// Counters of one worker: written by it alone as plain integers, read by the main thread at any
// time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "userspace/http/h2_reasons.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/limits.h"

namespace sluice::proxy {

// enumerator, metric name, label ("key=value" or ""), is gauge, help
// clang-format off
#define SLUICE_COUNTERS(X)                                                                                                  \
  X(kOpenedHttp,      "sluice_connections_opened_total", "path=http",        false, "Connections accepted, by path.")         \
  X(kOpenedHttp2,     "sluice_connections_opened_total", "path=http2",       false, "Connections accepted, by path.")         \
  X(kOpenedTcp,       "sluice_connections_opened_total", "path=tcp",         false, "Connections accepted, by path.")         \
  X(kOpenedInbound,   "sluice_connections_opened_total", "path=inbound_tcp", false, "Connections accepted, by path.")         \
  X(kActiveHttp,      "sluice_connections_active",       "path=http",        true,  "Connections open now, by path.")         \
  X(kActiveHttp2,     "sluice_connections_active",       "path=http2",       true,  "Connections open now, by path.")         \
  X(kActiveTcp,       "sluice_connections_active",       "path=tcp",         true,  "Connections open now, by path.")         \
  X(kActiveInbound,   "sluice_connections_active",       "path=inbound_tcp", true,  "Connections open now, by path.")         \
  X(kDetectedHttp1,   "sluice_detections_total",         "protocol=http1",   false, "Connections to ports that declare nothing, by what the first bytes told.") \
  X(kDetectedHttp2,   "sluice_detections_total",         "protocol=http2",   false, "Connections to ports that declare nothing, by what the first bytes told.") \
  X(kDetectedTls,     "sluice_detections_total",         "protocol=tls",     false, "Connections to ports that declare nothing, by what the first bytes told.") \
  X(kDetectedOther,   "sluice_detections_total",         "protocol=other",   false, "Connections to ports that declare nothing, by what the first bytes told.") \
  X(kDetectedSilence, "sluice_detections_total",         "protocol=silence", false, "Connections to ports that declare nothing, by what the first bytes told.") \
  X(kDetectedServer,  "sluice_detections_total",         "protocol=server_first", false, "Connections to ports that declare nothing, by what the first bytes told.") \
  X(kWrongServerFirst, "sluice_detection_wrong_guesses_total", "guess=server_first", false, "Connections that were dialled at once, or waited for, and should not have been.") \
  X(kWrongClientFirst, "sluice_detection_wrong_guesses_total", "guess=client_first", false, "Connections that were dialled at once, or waited for, and should not have been.") \
  X(kPodPortsForgotten, "sluice_pod_ports_forgotten_total", "",              false, "Ports of pods that declare nothing and made way in the memory of what they speak.") \
  X(kRequests,        "sluice_http_requests_total",      "",                 false, "HTTP requests whose head was read.")     \
  X(kRetries,         "sluice_http_retries_total",       "",                 false, "Requests sent again because a pooled connection had been closed by the server.") \
  X(kPoolHits,        "sluice_upstream_pool_total",      "result=hit",       false, "Upstream connections taken, by whether one was idle.") \
  X(kPoolMisses,      "sluice_upstream_pool_total",      "result=miss",      false, "Upstream connections taken, by whether one was idle.") \
  X(kUpstreamWaits,   "sluice_upstream_waits_total",     "",                 false, "Requests that waited for a connection to their endpoint, since their pod had asked for too many at once.") \
  X(kUnsolicited,     "sluice_upstream_unsolicited_total", "",               false, "Upstream connections closed because the server sent bytes that no request had asked for.") \
  X(kUpstreamActive,  "sluice_upstream_connections_active", "",              true,  "Upstream HTTP connections open now, idle ones included.") \
  X(kDialSocketWaits, "sluice_dial_socket_waits_total",  "",                 false, "Dials that had to wait for the agent to make sockets.") \
  X(kDialRetries,     "sluice_dial_retries_total",       "",                 false, "Dials repeated with another source port.") \
  X(kReceiverBusy,    "sluice_receiver_busy_total",      "",                 false, "Sends put off because the receiver's kernel memory was at its mark.") \
  X(kBufferStarved,   "sluice_receive_buffers_starved_total", "",            false, "Receives put off because no buffer was free.") \
  X(kPutOff,          "sluice_worker_put_off_total",     "",                 false, "Rests of reads, and connections to be closed, that had to wait for the worker's next turn.") \
  X(kBytesFromClient, "sluice_bytes_total",              "direction=from_client", false, "Bytes read from clients.")          \
  X(kBytesToClient,   "sluice_bytes_total",              "direction=to_client",   false, "Bytes written to clients.")         \
  X(kBufferedBytes,   "sluice_buffered_bytes",           "",                 true,  "Bytes of memory held for clients in buffers.") \
  X(kAcceptErrors,    "sluice_accept_errors_total",      "",                 false, "Accepts that failed, for want of descriptors for example.") \
  X(kLogDropped,      "sluice_access_log_dropped_total", "",                 false, "Access log lines lost because the log could not take them.") \
  X(kTurns,           "sluice_worker_turns_total",       "",                 false, "Turns of the event loop.")               \
  X(kEnters,          "sluice_worker_ring_enters_total", "",                 false, "io_uring_enter system calls.")
// clang-format on

enum class Counter : uint8_t {
#define SLUICE_X(name, metric, label, gauge, help) name,
  SLUICE_COUNTERS(SLUICE_X)
#undef SLUICE_X
};

#define SLUICE_X(name, metric, label, gauge, help) +1
inline constexpr size_t kCounterCount = 0 SLUICE_COUNTERS(SLUICE_X);
#undef SLUICE_X

struct CounterInfo {
  std::string_view metric;
  std::string_view label;
  bool is_gauge;
  std::string_view help;
};

inline constexpr std::array<CounterInfo, kCounterCount> kCounterInfo = {{
#define SLUICE_X(name, metric, label, gauge, help) {metric, label, gauge, help},
    SLUICE_COUNTERS(SLUICE_X)
#undef SLUICE_X
}};

// One writer, any reader: a relaxed load and store is a plain move, no locked instruction.
class Tally {
 public:
  void Add(uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Requests to one backend of one route of one service.
struct BackendTally {
  std::array<Tally, 6> requests_by_class;  // [0] no answer, [1] 1xx .. [5] 5xx.
  Tally latency_us_sum;
};

class Counters {
 public:
  Counters() : backends_(new BackendTally[kBackendStatsMax]()) {}

  void Add(Counter counter, uint64_t amount = 1) {
    values_[static_cast<size_t>(counter)].Add(amount);
  }
  void Subtract(Counter counter) { values_[static_cast<size_t>(counter)].Add(~uint64_t{0}); }
  void Set(Counter counter, uint64_t value) { values_[static_cast<size_t>(counter)].Set(value); }
  void AddClosed(CloseReason reason) { closed_[static_cast<size_t>(reason)].Add(1); }
  void AddRefused(CloseReason reason) { refused_[static_cast<size_t>(reason)].Add(1); }
  void AddHttp2Fault(http::H2Reason reason) { http2_faults_[static_cast<size_t>(reason)].Add(1); }
  BackendTally& backend(uint32_t id) { return backends_[id]; }

  uint64_t value(size_t counter) const { return values_[counter].value(); }
  uint64_t closed(size_t reason) const { return closed_[reason].value(); }
  uint64_t refused(size_t reason) const { return refused_[reason].value(); }
  uint64_t http2_faults(size_t reason) const { return http2_faults_[reason].value(); }
  const BackendTally& backend(uint32_t id) const { return backends_[id]; }

 private:
  std::array<Tally, kCounterCount> values_;
  std::array<Tally, kCloseReasonCount> closed_;   // Connections, by why they ended.
  std::array<Tally, kCloseReasonCount> refused_;  // Requests answered by the proxy itself.
  std::array<Tally, http::kH2ReasonCount> http2_faults_;
  std::unique_ptr<BackendTally[]> backends_;
};

}  // namespace sluice::proxy
