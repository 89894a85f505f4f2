// Http1Upstream: from the endpoint's bytes to the answer of its user.
#include <utility>

#include "userspace/proxy/exchange.h"
#include "userspace/proxy/held_trailers.h"
#include "userspace/proxy/http1_upstream.h"

namespace sluice::proxy {

void Http1Upstream::ReadAnswer(Received& received) {
  if (is_head_done_) {
    ReadBody(received);
    return;
  }
  const Exchange* const user = user_;  // Another one, or none: that exchange is over.
  const uint32_t use = use_count_;
  const auto is_same = [&] { return user_ == user && use_count_ == use; };
  if (input_.empty()) {
    received.data.remove_prefix(ReadHeads(received.data));
    if (!is_same()) return;
    if (is_head_done_)
      ReadBody(received);
    else
      HoldHead(received.data);
    CountBuffers();
    return;
  }
  input_.append(received.data);
  CountBuffers();
  const size_t used = ReadHeads(input_);
  if (!is_same()) return;
  std::string rest = input_.substr(used);
  input_.clear();
  if (is_head_done_) {
    Received part{.data = rest};
    ReadBody(part);
  } else {
    HoldHead(rest);
  }
}

void Http1Upstream::HoldHead(std::string_view part) {
  input_.assign(part);
  if (!part.empty()) user_->OnAnswerBegun();
}

// Gives interim heads and then the final one; returns how many bytes those heads used.
size_t Http1Upstream::ReadHeads(std::string_view input) {
  size_t used = 0;
  const Exchange* const user = user_;
  const uint32_t use = use_count_;
  while (!is_head_done_) {
    http::ResponseHead& head = worker_.response_scratch();
    const std::string_view method = is_head_ ? "HEAD" : is_connect_ ? "CONNECT" : "GET";
    const http::ParseResult result = http::ParseResponseHead(
        input.substr(used), scanned_, kHttpLimits, method, &head, may_switch_);
    if (result.status == http::ParseStatus::kNeedMore) {
      scanned_ = result.scanned;
      return used;
    }
    scanned_ = 0;
    if (result.status == http::ParseStatus::kBad) {
      user_->OnAnswerBad(http::BadReasonName(result.bad), http::BadReasonText(result.bad));
      return input.size();
    }
    used += head.head_size;
    if (head.status >= 200 || head.status == 101) BeginBody(head);
    user_->OnAnswerHead(head, {});
    if (user_ != user || use_count_ != use) return input.size();
  }
  return used;
}

void Http1Upstream::BeginBody(const http::ResponseHead& head) {
  is_head_done_ = true;
  is_tunnel_ = head.status == 101 || (is_connect_ && head.status < 300);
  const http::BodyKind body = is_tunnel_ ? http::BodyKind::kUntilClose : head.body;
  is_keep_alive_ = head.is_keep_alive && body != http::BodyKind::kUntilClose;
  framer_.Start(body, head.content_length, kHttpLimits);
}

void Http1Upstream::ReadBody(Received& received) {
  http::BodyFramer::Progress progress{.status = http::ParseStatus::kComplete};
  std::string_view rest = received.data;
  const Exchange* const user = user_;
  if (framer_.is_complete()) {
    // Nothing of what came belongs to it.
  } else if (user_->answer_wants_framed()) {
    progress = framer_.Feed(rest);
    if (progress.status != http::ParseStatus::kBad) {
      user_->OnAnswerBody(received, rest.substr(0, progress.consumed));
      rest.remove_prefix(progress.consumed);
    }
  } else {
    progress = reader_.Read(framer_, &rest, [&](std::string_view piece) {
      if (user_ == user) user_->OnAnswerBody(received, piece);
      return true;
    });
  }
  if (user_ != user) return;
  if (progress.status == http::ParseStatus::kBad) {
    user_->OnAnswerBad(http::BadReasonName(progress.bad), http::BadReasonText(progress.bad));
  } else if (progress.status == http::ParseStatus::kComplete) {
    EndAnswer(rest.empty());
  }
}

// The answer is whole. `is_clean`: the server sent nothing behind it.
void Http1Upstream::EndAnswer(bool is_clean) {
  const std::string lines = reader_.TakeTrailers();
  if (!is_clean) must_reset_ = true;
  if (lines.empty()) {
    user_->OnAnswerEnd({}, is_clean && is_keep_alive_);
    return;
  }
  TrailerRoom room;
  user_->OnAnswerEnd(ReadTrailerLines(lines, room), is_clean && is_keep_alive_);
}

void Http1Upstream::CountBuffers() {
  worker_.buffers().Add(input_.capacity());
  worker_.buffers().Subtract(counted_bytes_);
  counted_bytes_ = input_.capacity();
}

}  // namespace sluice::proxy
