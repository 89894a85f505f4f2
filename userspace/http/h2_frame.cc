#include "userspace/http/h2_frame.h"

#include <algorithm>

namespace sluice::http {
namespace {

constexpr uint32_t kPrioritySize = 5;
constexpr uint32_t kSettingSize = 6;

// Where a type belongs and which sizes it may have.
struct TypeRule {
  enum class Place : uint8_t { kStream, kConnection, kBoth };
  Place place;
  uint32_t size_min;
  uint32_t size_max;
};

constexpr TypeRule kRules[] = {
    {TypeRule::Place::kStream, 0, kH2FrameSizeLimit},      // DATA
    {TypeRule::Place::kStream, 0, kH2FrameSizeLimit},      // HEADERS
    {TypeRule::Place::kStream, 5, 5},                      // PRIORITY
    {TypeRule::Place::kStream, 4, 4},                      // RST_STREAM
    {TypeRule::Place::kConnection, 0, kH2FrameSizeLimit},  // SETTINGS
    {TypeRule::Place::kStream, 4, kH2FrameSizeLimit},      // PUSH_PROMISE
    {TypeRule::Place::kConnection, 8, 8},                  // PING
    {TypeRule::Place::kConnection, 8, kH2FrameSizeLimit},  // GOAWAY
    {TypeRule::Place::kBoth, 4, 4},                        // WINDOW_UPDATE
    {TypeRule::Place::kStream, 0, kH2FrameSizeLimit},      // CONTINUATION
};

uint8_t Byte(char c) { return static_cast<uint8_t>(c); }

void PutHeader(uint32_t size, H2FrameType type, uint8_t flags, uint32_t stream, std::string& out) {
  PutFrameHeader(
      {.size = size, .type = static_cast<uint8_t>(type), .flags = flags, .stream = stream}, out);
}

}  // namespace

uint32_t ReadU32(const char* bytes) {
  return static_cast<uint32_t>(Byte(bytes[0])) << 24 | static_cast<uint32_t>(Byte(bytes[1])) << 16 |
         static_cast<uint32_t>(Byte(bytes[2])) << 8 | Byte(bytes[3]);
}

H2FrameHeader ReadFrameHeader(const char* bytes) {
  return {.size = ReadU32(bytes) >> 8,
          .type = Byte(bytes[3]),
          .flags = Byte(bytes[4]),
          .stream = ReadU31(bytes + 5)};
}

H2Reason CheckFrameHeader(const H2FrameHeader& header, uint32_t frame_size_max) {
  if (header.size > frame_size_max) return H2Reason::kFrameTooLarge;
  if (header.type >= std::size(kRules)) return H2Reason::kNone;
  const TypeRule& rule = kRules[header.type];
  const bool is_wrong =
      rule.place == TypeRule::Place::kStream ? header.stream == 0 : header.stream != 0;
  if (is_wrong && rule.place != TypeRule::Place::kBoth) return H2Reason::kStreamIdInvalid;
  if (header.size < rule.size_min || header.size > rule.size_max) {
    return H2Reason::kFrameSizeInvalid;
  }
  if (header.Is(H2FrameType::kSettings)) {
    const bool is_sound = header.Has(kH2Ack) ? header.size == 0 : header.size % kSettingSize == 0;
    if (!is_sound) return H2Reason::kFrameSizeInvalid;
  }
  const bool can_be_padded = header.Is(H2FrameType::kData) || header.Is(H2FrameType::kHeaders);
  if (can_be_padded && header.Has(kH2Padded) && header.size == 0) {
    return H2Reason::kFrameSizeInvalid;
  }
  return H2Reason::kNone;
}

H2Padding ReadPadding(const H2FrameHeader& header, uint8_t first) {
  if (!header.Has(kH2Padded)) return {.content_size = header.size};
  if (first >= header.size) return {.bad = H2Reason::kPaddingInvalid};
  return {.content_begin = 1, .content_size = header.size - 1 - first};
}

H2Padding ReadHeadersFragment(const H2FrameHeader& header, std::string_view payload) {
  H2Padding found = ReadPadding(header, payload.empty() ? 0 : Byte(payload[0]));
  if (found.bad != H2Reason::kNone || !header.Has(kH2Priority)) return found;
  if (found.content_size < kPrioritySize) {
    // Too small for what the flags promise (section 4.2), or padding that reaches into it.
    found.bad = header.Has(kH2Padded) ? H2Reason::kPaddingInvalid : H2Reason::kFrameSizeInvalid;
    return found;
  }
  found.content_begin += kPrioritySize;
  found.content_size -= kPrioritySize;
  return found;
}

H2SettingValue ReadSetting(const char* bytes) {
  return {.id = static_cast<uint16_t>(Byte(bytes[0]) << 8 | Byte(bytes[1])),
          .value = ReadU32(bytes + 2)};
}

H2Reason CheckSetting(const H2SettingValue& setting) {
  switch (static_cast<H2Setting>(setting.id)) {
    case H2Setting::kEnablePush:
    case H2Setting::kEnableConnectProtocol:
      return setting.value <= 1 ? H2Reason::kNone : H2Reason::kSettingInvalid;
    case H2Setting::kInitialWindowSize:
      return setting.value <= kH2WindowMax ? H2Reason::kNone : H2Reason::kSettingWindowInvalid;
    case H2Setting::kMaxFrameSize:
      return setting.value >= kH2FrameSizeMin && setting.value <= kH2FrameSizeLimit
                 ? H2Reason::kNone
                 : H2Reason::kSettingInvalid;
    case H2Setting::kHeaderTableSize:
    case H2Setting::kMaxConcurrentStreams:
    case H2Setting::kMaxHeaderListSize:
      break;
  }
  return H2Reason::kNone;
}

void PutU32(uint32_t value, std::string& out) {
  const char bytes[] = {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                        static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append(bytes, sizeof(bytes));
}

void PutFrameHeader(const H2FrameHeader& header, std::string& out) {
  PutU32(header.size << 8 | header.type, out);
  out.push_back(static_cast<char>(header.flags));
  PutU32(header.stream, out);
}

void PutSetting(H2Setting id, uint32_t value, std::string& out) {
  out.push_back(static_cast<char>(static_cast<uint16_t>(id) >> 8));
  out.push_back(static_cast<char>(id));
  PutU32(value, out);
}

void PutSettingsAck(std::string& out) { PutHeader(0, H2FrameType::kSettings, kH2Ack, 0, out); }

void PutPing(std::string_view opaque, bool is_ack, std::string& out) {
  PutHeader(8, H2FrameType::kPing, is_ack ? kH2Ack : 0, 0, out);
  out.append(opaque.substr(0, 8));
}

void PutWindowUpdate(uint32_t stream, uint32_t increment, std::string& out) {
  PutHeader(4, H2FrameType::kWindowUpdate, 0, stream, out);
  PutU32(increment, out);
}

void PutRstStream(uint32_t stream, H2Error error, std::string& out) {
  PutHeader(4, H2FrameType::kRstStream, 0, stream, out);
  PutU32(static_cast<uint32_t>(error), out);
}

void PutGoaway(uint32_t last_stream, H2Error error, std::string_view debug, std::string& out) {
  PutHeader(static_cast<uint32_t>(8 + debug.size()), H2FrameType::kGoaway, 0, 0, out);
  PutU32(last_stream, out);
  PutU32(static_cast<uint32_t>(error), out);
  out.append(debug);
}

void PutHeaders(uint32_t stream, bool is_end_stream, std::string_view block,
                uint32_t frame_size_max, std::string& out) {
  H2FrameType type = H2FrameType::kHeaders;
  uint8_t flags = is_end_stream ? kH2EndStream : 0;
  do {
    const std::string_view part = block.substr(0, frame_size_max);
    block.remove_prefix(part.size());
    if (block.empty()) flags |= kH2EndHeaders;
    PutHeader(static_cast<uint32_t>(part.size()), type, flags, stream, out);
    out.append(part);
    type = H2FrameType::kContinuation;
    flags = 0;
  } while (!block.empty());
}

}  // namespace sluice::http
