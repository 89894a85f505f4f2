#include "userspace/proxy/http2_upstream.h"

#include <utility>

#include "userspace/http/h2_secrets.h"
#include "userspace/proxy/exchange.h"
#include "userspace/proxy/exchange_pools.h"

namespace sluice::proxy {
namespace {

constexpr http::H2Limits kEndpointSideLimits{.stream_window = 256 * 1024};

}  // namespace

// --- Http2Carrier

void Http2Carrier::Begin(Http2Upstream& upstream, Exchange& user, bool is_reused) {
  Join(upstream);
  user_ = &user;
  is_reused_ = is_reused;
}

void Http2Carrier::SendHead(const OutgoingRequest& request) {
  request_ = request;
  MaySubmit();
}

void Http2Carrier::MaySubmit() {
  auto& upstream = static_cast<Http2Upstream&>(*link_);
  if (is_submitted_ || request_.text.empty() || !upstream.is_ready()) return;
  if (request_.upgrade.empty() || upstream.session().has_peer_settings())
    Submit();
  else
    upstream.NoteWaiting();
}

void Http2Carrier::Submit() {
  http::RequestHead& head = worker_.outgoing_request_scratch();
  const http::ParseResult result = http::ParseRequestHead(request_.text, 0, kWrittenLimits, &head);
  http::H2Session& session = link_->session();
  const bool is_tunnel = request_.is_connect || !request_.upgrade.empty();
  if (!request_.upgrade.empty() && !session.peer_allows_connect_protocol()) {
    user_->OnAnswerBad("", "the endpoint does not take upgrades over HTTP/2");
    return;
  }
  if (result.status != http::ParseStatus::kComplete) {  // By what the route has made of it.
    user_->RefuseHead(http::BadReasonStatus(result.bad), http::BadReasonName(result.bad),
                      http::BadReasonText(result.bad));
    return;
  }
  head.secret_pseudo = http::MarkSecrets(request_.text.substr(head.head_size),
                                         {head.header_array.data(), head.header_count});
  const bool is_end = request_.body == http::BodyKind::kNone && !is_tunnel;
  const uint32_t id = session.SubmitRequest(head, {.protocol = request_.upgrade}, is_end,
                                            reinterpret_cast<uint64_t>(static_cast<H2Lane*>(this)));
  if (id == 0) {
    user_->OnCarrierLost(CarrierLoss::kRefused);
    return;
  }
  SetId(id);
  is_submitted_ = true;
  link_->RequestSend();
  user_->OnCarrierReady();
}

void Http2Carrier::Fail(CloseReason reason) {
  Exchange* user = std::exchange(user_, nullptr);
  Release(false, false);
  user->OnCarrierFailed(reason);
}

void Http2Carrier::ForwardBody(Received& received, std::string_view part) {
  SendContent(received, part);
}

void Http2Carrier::EndBody(absl::Span<const http::Header> trailers) { SendEnd(trailers); }

void Http2Carrier::ResumeAnswer() {
  is_paused_ = false;
  if (is_joined()) GiveBack();
}

// What is not over yet is cancelled; a stream whose both ends were seen is gone already.
void Http2Carrier::Release(bool, bool) {
  if (is_submitted_) link_->session().Reset(id(), http::H2Error::kCancel);
  user_ = nullptr;
  request_ = {};
  is_submitted_ = is_paused_ = false;
  Leave();
  worker_.exchange_pools().carriers.Retire(*this);
}

void Http2Carrier::OnResponse(const http::ResponseHead& head, bool is_end) {
  Exchange* const user = user_;
  user->OnAnswerHead(head, {.form = BodyForm::kContent, .is_over = is_end});
  if (is_end && user_ == user) user->OnAnswerEnd({}, true);
}

void Http2Carrier::OnContent(Received& received, std::string_view content, bool is_end) {
  Exchange* const user = user_;
  if (!content.empty()) user->OnAnswerBody(received, content);
  if (user_ != user) return;
  if (!is_paused_) GiveBack();
  if (is_end) user->OnAnswerEnd({}, true);
}

void Http2Carrier::OnTrailers(absl::Span<const http::Header> trailers) {
  user_->OnAnswerEnd(trailers, true);
}

void Http2Carrier::OnReset(http::H2Error error, http::H2Reason fault) {
  CarrierLoss loss = CarrierLoss::kReset;
  if (error == http::H2Error::kRefusedStream) loss = CarrierLoss::kRefused;
  if (error == http::H2Error::kCancel) loss = CarrierLoss::kCancelled;
  user_->OnCarrierLost(loss, fault);
}

void Http2Carrier::OnLinkLost(bool is_reset) {
  user_->OnCarrierLost(is_reset ? CarrierLoss::kReset : CarrierLoss::kClosed,
                       static_cast<Http2Upstream&>(*link_).fault());
}

void Http2Carrier::OnRoom() {
  if (user_ != nullptr) user_->OnCarrierDrained();
}

// --- Http2Upstream

Http2Upstream::Http2Upstream(Worker& worker, UpstreamPool& pool, const DialTarget& target)
    : H2Link(worker, http::H2Role::kClient, kEndpointSideLimits),
      pool_(pool),
      dial_(worker, *this) {
  worker_.counters().Add(Counter::kUpstreamActive);
  SetIdleTimeout(kUpstreamIdleTimeout);
  dial_.Start(target);
}

Http2Upstream::~Http2Upstream() {
  LeavePool();
  worker_.counters().Subtract(Counter::kUpstreamActive);
  worker_.pools().OnConnectionGone(pool_);
}

bool Http2Upstream::CanTake() const {
  if (is_dialling_) return lane_count() < kHttp2StreamsPerUpstreamMax;
  return is_open() && !worker_.is_draining() && lane_count() < kHttp2StreamsPerUpstreamMax &&
         session_.CanSubmitRequest();
}

Carrier& Http2Upstream::Take(Exchange& user) {
  Http2Carrier& carrier = worker_.exchange_pools().carriers.Take(worker_);
  carrier.Begin(*this, user, use_count_++ > 0);
  return carrier;
}

void Http2Upstream::OnDialed(base::UniqueFd fd, CloseReason reason) {
  is_dialling_ = false;
  if (reason != CloseReason::kNone) {
    LeavePool();
    ForEachLane([reason](H2Lane& lane) { static_cast<Http2Carrier&>(lane).Fail(reason); });
    Close(reason, false);
    return;
  }
  Open(std::move(fd), {});
  OnInput(0);
}

// What waits: for the connection, or as an upgrade for what the endpoint's SETTINGS say about it.
void Http2Upstream::OnInput(size_t) {
  if (!has_waiting_) return;
  has_waiting_ = false;
  ForEachLane([](H2Lane& lane) { static_cast<Http2Carrier&>(lane).MaySubmit(); });
  // It came about after it was told to end, or when nothing new is to be kept.
  if (!has_waiting_ && (worker_.is_draining() || !is_in_pool())) Drain();
}

void Http2Upstream::OnEvent(const http::H2Event& event) {
  using Kind = http::H2Event::Kind;
  if (event.kind == Kind::kResponse) {
    auto* lane = reinterpret_cast<H2Lane*>(event.user);
    if (lane == nullptr) return;
    static_cast<Http2Carrier*>(lane)->OnResponse(session_.buffer().response, event.is_end_stream);
  } else if (event.kind == Kind::kGoaway) {
    LeavePool();
  } else if (event.kind == Kind::kFailed) {
    fault_ = event.reason;
    LeavePool();
    LoseLanes(true);
    LastSend(CloseReason::kBadResponse);
  }
}

void Http2Upstream::OnIdle() {
  LeavePool();
  LastSend(CloseReason::kDone);
}

void Http2Upstream::OnPeerEnd() {
  LeavePool();
  session_.Close(http::H2Error::kNoError);
  LoseLanes(false);
}

void Http2Upstream::OnLinkClosed() { worker_.FreeSession(*this); }

void Http2Upstream::Abandon(CloseReason reason) {
  if (has_lanes()) {  // Their users are told to close by themselves.
    Drain();
    return;
  }
  LeavePool();
  dial_.Cancel();
  if (dial_.is_idle()) Close(reason, false);
}

void Http2Upstream::Drain() {
  LeavePool();
  if (is_open()) session_.Drain(worker_.now_ns());
  RequestSend();
}

}  // namespace sluice::proxy
