// Chunked bodies (RFC 9112 section 7.1), one byte a step outside the content:
//
//   chunk      = 1*16HEXDIG *( ";" token [ "=" ( token / quoted-string ) ] ) CRLF content CRLF
//   last-chunk = 1*16"0" extensions CRLF *( token ":" value CRLF ) CRLF
//
// Stricter than the RFC: no white space around sizes and extensions. Extensions are checked, not
// understood: bytes go on verbatim, so whatever the next reader could take for a line end must be
// refused here (CVE-2025-22871).
#include <algorithm>

#include "userspace/http/h1_chars.h"
#include "userspace/http/h1_reasons.h"
#include "userspace/http/h1_trailers.h"

namespace sluice::http {

enum class BodyFramer::State : uint8_t {
  kDone,
  kLength,
  kUntilClose,
  kSizeFirst,  // Before the first digit.
  kSize,
  kExtensionName,  // After ";".
  kExtensionNameRest,
  kExtensionValue,  // After "=".
  kExtensionValueRest,
  kQuoted,
  kQuotedPair,  // After a backslash.
  kAfterQuoted,
  kSizeLf,
  kContent,
  kContentCr,
  kContentLf,
  kTrailerStart,
  kTrailerName,
  kTrailerValue,
  kTrailerLf,
  kFinalLf,
  kBroken,
};

namespace {

constexpr uint32_t kCounterMax = 65535;  // What the 16-bit counters can hold.
constexpr uint16_t kSizeDigitsMax = 16;

BadReason LineFault(char c, BadReason otherwise) {
  if (c == '\n') return BadReason::kBareLf;
  return IsControl(c) && c != '\r' ? BadReason::kControlCharacter : otherwise;
}

}  // namespace

void BodyFramer::Start(BodyKind kind, uint64_t content_length, const H1Limits& limits) {
  kind_ = kind;
  limits_ = &limits;
  line_size_ = 0;
  trailer_size_ = 0;
  body_size_ = 0;
  remaining_ = 0;
  switch (kind) {
    case BodyKind::kNone:
      state_ = State::kDone;
      return;
    case BodyKind::kLength:
      remaining_ = content_length;
      state_ = content_length == 0 ? State::kDone : State::kLength;
      return;
    case BodyKind::kChunked:
      state_ = State::kSizeFirst;
      return;
    case BodyKind::kUntilClose:
      state_ = State::kUntilClose;
      return;
  }
}

size_t BodyFramer::TakeContent(size_t size) {
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(remaining_, size));
  remaining_ -= taken;
  body_size_ += taken;
  if (remaining_ == 0) state_ = kind_ == BodyKind::kLength ? State::kDone : State::kContentCr;
  return taken;
}

BodyFramer::Progress BodyFramer::Feed(std::string_view input) {
  size_t i = 0;
  if (state_ == State::kUntilClose) {
    body_size_ += input.size();
    return {.consumed = input.size()};
  }
  if (state_ == State::kBroken)
    return {.status = ParseStatus::kBad, .bad = static_cast<BadReason>(remaining_)};
  while (state_ != State::kDone && i < input.size()) {
    if (state_ == State::kContent || state_ == State::kLength) {
      i += TakeContent(input.size() - i);
      continue;
    }
    const BadReason bad = Step(input[i]);
    if (bad != BadReason::kNone) return Fail(i, bad);
    ++i;
  }
  return {.consumed = i,
          .status = state_ == State::kDone ? ParseStatus::kComplete : ParseStatus::kNeedMore};
}

BodyFramer::Progress BodyFramer::Fail(size_t consumed, BadReason bad) {
  state_ = State::kBroken;
  remaining_ = static_cast<uint64_t>(bad);
  return {.consumed = consumed, .status = ParseStatus::kBad, .bad = bad};
}

BodyFramer::Progress BodyFramer::FeedPiece(std::string_view input, std::string_view* content) {
  *content = {};
  if (kind_ != BodyKind::kChunked) {
    const Progress progress = Feed(input);
    *content = input.substr(0, progress.consumed);
    return progress;
  }
  if (state_ == State::kBroken) return Feed(input);
  const bool was_in_trailers = is_in_trailers();
  size_t i = 0;
  while (state_ != State::kDone && i < input.size()) {
    if (state_ == State::kContent) {
      const size_t size = TakeContent(input.size() - i);
      *content = input.substr(i, size);
      return {.consumed = i + size};
    }
    if (is_in_trailers() && !was_in_trailers) return {.consumed = i};
    const BadReason bad = Step(input[i]);
    if (bad != BadReason::kNone) return Fail(i, bad);
    ++i;
  }
  return {.consumed = i,
          .status = state_ == State::kDone ? ParseStatus::kComplete : ParseStatus::kNeedMore};
}

bool BodyFramer::is_in_trailers() const {
  return state_ == State::kTrailerStart || state_ == State::kTrailerName ||
         state_ == State::kTrailerValue || state_ == State::kTrailerLf || state_ == State::kFinalLf;
}

// One byte outside the content.
BadReason BodyFramer::Step(char c) {
  switch (state_) {
    case State::kSizeFirst:
    case State::kSize:
      return StepSize(c);
    case State::kExtensionName:
    case State::kExtensionNameRest:
    case State::kExtensionValue:
    case State::kExtensionValueRest:
    case State::kQuoted:
    case State::kQuotedPair:
    case State::kAfterQuoted:
      return StepExtension(c);
    case State::kSizeLf:
      return c == '\n' ? EndChunkLine() : BadReason::kBareCr;
    case State::kContentCr:
      state_ = State::kContentLf;
      return c == '\r' ? BadReason::kNone : BadReason::kChunkEndMissing;
    case State::kContentLf:
      state_ = State::kSizeFirst;
      return c == '\n' ? BadReason::kNone : BadReason::kChunkEndMissing;
    case State::kTrailerStart:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerLf:
    case State::kFinalLf:
      return StepTrailer(c);
    case State::kDone:
    case State::kLength:
    case State::kUntilClose:
    case State::kContent:
    case State::kBroken:
      break;  // Not fed by single bytes.
  }
  return BadReason::kNone;
}

BadReason BodyFramer::StepSize(char c) {
  const int digit = HexValue(c);
  if (digit >= 0) {
    if (line_size_ == kSizeDigitsMax || (remaining_ >> 59) != 0)
      return BadReason::kChunkSizeTooLarge;
    remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
    ++line_size_;
    state_ = State::kSize;
    return BadReason::kNone;
  }
  if (state_ == State::kSizeFirst) return LineFault(c, BadReason::kChunkSizeInvalid);
  if (c == '\r') {
    state_ = State::kSizeLf;
    return BadReason::kNone;
  }
  if (c != ';') return LineFault(c, BadReason::kChunkSizeInvalid);
  state_ = State::kExtensionName;
  ++line_size_;
  return BadReason::kNone;
}

BadReason BodyFramer::StepExtension(char c) {
  if (c == '\n') return BadReason::kBareLf;
  if (c != '\r' && line_size_++ >= std::min(limits_->chunk_line_size_max, kCounterMax)) {
    return BadReason::kChunkLineTooLong;
  }
  if (state_ == State::kQuoted || state_ == State::kQuotedPair) {
    if (IsControl(c)) return BadReason::kControlCharacter;
    const bool is_plain = state_ == State::kQuotedPair || (c != '"' && c != '\\');
    state_ = is_plain ? State::kQuoted : (c == '"' ? State::kAfterQuoted : State::kQuotedPair);
    return BadReason::kNone;
  }
  if (IsToken(c) && state_ != State::kAfterQuoted) {
    const bool is_name = state_ == State::kExtensionName || state_ == State::kExtensionNameRest;
    state_ = is_name ? State::kExtensionNameRest : State::kExtensionValueRest;
    return BadReason::kNone;
  }
  if (state_ == State::kExtensionValue && c == '"') {
    state_ = State::kQuoted;
    return BadReason::kNone;
  }
  const bool may_end = state_ != State::kExtensionName && state_ != State::kExtensionValue;
  if (may_end && c == '\r') {
    state_ = State::kSizeLf;
  } else if (may_end && c == ';') {
    state_ = State::kExtensionName;
  } else if (state_ == State::kExtensionNameRest && c == '=') {
    state_ = State::kExtensionValue;
  } else {
    return LineFault(c, BadReason::kChunkExtensionInvalid);
  }
  return BadReason::kNone;
}

BadReason BodyFramer::EndChunkLine() {
  line_size_ = 0;
  state_ = remaining_ == 0 ? State::kTrailerStart : State::kContent;
  return BadReason::kNone;
}

BadReason BodyFramer::StepTrailer(char c) {
  if (trailer_size_ >= std::min(limits_->trailer_size_max, kCounterMax))
    return BadReason::kTrailersTooLarge;
  ++trailer_size_;
  if (state_ == State::kTrailerLf || state_ == State::kFinalLf) {
    state_ = state_ == State::kTrailerLf ? State::kTrailerStart : State::kDone;
    return c == '\n' ? BadReason::kNone : BadReason::kBareCr;
  }
  if (state_ == State::kTrailerValue) {
    if (c == '\r') state_ = State::kTrailerLf;
    return LineFault(c, BadReason::kNone);
  }
  const bool is_first = state_ == State::kTrailerStart;
  if (is_first && c == '\r') {
    state_ = State::kFinalLf;
    return BadReason::kNone;
  }
  if (!is_first && c == ':') return EndTrailerName();
  if (IsBlank(c)) return is_first ? BadReason::kObsFold : BadReason::kSpaceBeforeColon;
  if (c == '\r') return BadReason::kColonMissing;
  if (!IsToken(c)) return LineFault(c, BadReason::kHeaderNameInvalid);
  remaining_ = TrailerHashStep(is_first ? kTrailerHashStart : remaining_, c);
  state_ = State::kTrailerName;
  return BadReason::kNone;
}

BadReason BodyFramer::EndTrailerName() {
  if (IsForbiddenTrailer(remaining_)) return BadReason::kTrailerForbidden;
  state_ = State::kTrailerValue;
  return BadReason::kNone;
}

bool BodyFramer::IsCompleteAtClose() const {
  return state_ == State::kDone || state_ == State::kUntilClose;
}
bool BodyFramer::is_complete() const { return state_ == State::kDone; }
uint64_t BodyFramer::body_size() const { return body_size_; }

}  // namespace sluice::http
