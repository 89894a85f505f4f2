#include "userspace/proxy/h2_lane.h"

#include <algorithm>
#include <utility>

#include "userspace/base/check.h"
#include "userspace/proxy/h2_link.h"
#include "userspace/proxy/held_trailers.h"
#include "userspace/proxy/worker.h"

namespace sluice::proxy {

H2Lane::H2Lane(Worker& worker) : worker_(worker), queue_(worker.segments()) {}

void H2Lane::Join(H2Link& link) {
  SLUICE_DCHECK(link_ == nullptr);
  link_ = &link;
  link.lanes_.PushBack(*this);
  ++link.lane_count_;
}

void H2Lane::Leave() {
  if (link_ == nullptr) return;
  GiveBack();
  if (id_ != 0) link_->session_.SetUser(id_, 0);
  static_cast<base::ListLink<LaneTag>&>(*this).Unlink();
  static_cast<base::ListLink<AttentionTag>&>(*this).Unlink();
  --link_->lane_count_;
  if (link_->lane_count_ == 0) link_->idle_since_ns_ = worker_.now_ns();
  link_->RequestSend();  // It may have been the last.
  link_ = nullptr;
  id_ = 0;
  has_trailers_ = has_ended_ = false;
  room_mark_ = 0;
  queue_.Clear();
  if (trailers_ != nullptr) trailers_->Clear();
}

void H2Lane::SendContent(Received& received, std::string_view part) {
  if (link_ == nullptr || part.empty()) return;
  AppendReceived(worker_, queue_, received, part);
  link_->session_.Offer(id_, part.size(), false);
  link_->RequestSend();
}

void H2Lane::SendEnd(absl::Span<const http::Header> trailers) {
  if (link_ == nullptr || has_ended_) return;
  has_ended_ = true;
  if (trailers.empty()) {
    link_->session_.Offer(id_, 0, true);
  } else {
    has_trailers_ = true;
    if (trailers_ == nullptr) trailers_ = std::make_unique<HeldTrailers>(worker_.segments());
    trailers_->Hold(trailers);
  }
  if (queue_.size() == 0) link_->Notice(*this);
  link_->RequestSend();
}

bool H2Lane::has_no_window() const {
  return link_ != nullptr && id_ != 0 && link_->session_.has_no_window(id_);
}

bool H2Lane::IsSendFull() {
  const size_t share =
      std::clamp(kLaneQueuesHigh / link_->lane_count_, kSendQueueLeast, kLaneQueueHigh);
  const size_t high =
      has_no_window() ? kSendQueueLeast : std::min(worker_.buffers().queue_high(), share);
  if (queue_.size() <= high) return false;
  room_mark_ = static_cast<uint32_t>(std::min(kLaneQueueLow, high / 4));
  return true;
}

void H2Lane::Withhold(size_t size) {
  withheld_ += static_cast<uint32_t>(size);
  link_->Withhold(static_cast<uint32_t>(size));
}

void H2Lane::GiveBack() {
  if (withheld_ == 0) return;
  link_->GiveBack(id_, std::exchange(withheld_, 0));
  link_->RequestSend();
}

}  // namespace sluice::proxy
