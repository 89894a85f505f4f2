#include "userspace/proxy/http2_connection.h"

#include <utility>

#include "userspace/proxy/exchange_pools.h"
#include "userspace/proxy/http2_stream.h"

namespace sluice::proxy {
namespace {

constexpr http::H2Limits kClientSideLimits;  // The codec's defaults.

}  // namespace

Http2Connection::Http2Connection(Worker& worker, Accepted accepted)
    : H2Link(worker, http::H2Role::kServer, kClientSideLimits), accepted_(std::move(accepted)) {
  worker_.counters().Add(Counter::kOpenedHttp2);
  worker_.counters().Add(Counter::kActiveHttp2);
  SetIdleTimeout(kDownstreamIdleTimeout);
}

Http2Connection::~Http2Connection() {
  worker_.counters().Subtract(Counter::kActiveHttp2);
  worker_.counters().AddClosed(close_reason());
}

void Http2Connection::Start() {
  const std::string first_bytes = std::exchange(accepted_.first_bytes, {});
  Open(std::move(accepted_.fd), first_bytes);
  if (worker_.is_draining() && is_open()) Drain();
}

Exchange::Origin Http2Connection::origin() const {
  return {.pod_id = accepted_.pod_id,
          .client = accepted_.client,
          .dialled = accepted_.dialled,
          .protocol = model::Protocol::kHttp2};
}

size_t Http2Connection::held_bytes() const {
  return const_cast<Http2Connection*>(this)->link_held_bytes();
}

void Http2Connection::OnEvent(const http::H2Event& event) {
  switch (event.kind) {
    case http::H2Event::Kind::kRequest:
      BeginStream(event);
      return;
    case http::H2Event::Kind::kReset:  // Of a request that was refused before it was a stream.
      if (event.reason != http::H2Reason::kNone) {
        worker_.counters().AddRefused(CloseReason::kBadRequest);
      }
      return;
    case http::H2Event::Kind::kFailed:
      LoseLanes(true);
      LastSend(CloseReason::kBadRequest);
      return;
    default:
      return;
  }
}

void Http2Connection::BeginStream(const http::H2Event& event) {
  Http2Stream& stream = worker_.exchange_pools().streams.Take(worker_);
  stream.Begin(*this, event.stream);
}

void Http2Connection::OnInput(size_t size) {
  worker_.counters().Add(Counter::kBytesFromClient, size);
}

void Http2Connection::OnIdle() { LastSend(end_reason_); }

// Requests that are whole are still answered.
void Http2Connection::OnPeerEnd() {
  session_.Drain(worker_.now_ns());
  ForEachLane([](H2Lane& lane) { static_cast<Http2Stream&>(lane).OnClientEnd(); });
}

void Http2Connection::Abandon(CloseReason reason) {
  if (!is_open()) {
    Close(reason, true);
    return;
  }
  ForEachLane([reason](H2Lane& lane) { static_cast<Http2Stream&>(lane).Abort(reason); });
  session_.Close(reason == CloseReason::kMemoryLimit ? http::H2Error::kEnhanceYourCalm
                                                     : http::H2Error::kNoError);
  LoseLanes(true);
  LastSend(reason);
}

// The farewell of a client that does not read would hold what was to be given up.
void Http2Connection::Shed() {
  const bool is_reading = stream_.queued_size() <= kSendQueueLeast;
  Abandon(CloseReason::kMemoryLimit);
  if (!is_reading) Close(CloseReason::kMemoryLimit, true);
}

void Http2Connection::Drain() {
  end_reason_ = CloseReason::kDraining;
  session_.Drain(worker_.now_ns());
  RequestSend();
}

}  // namespace sluice::proxy
