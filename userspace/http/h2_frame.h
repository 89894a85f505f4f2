// Frames of HTTP/2 (RFC 9113 sections 4 and 6): what a header and a payload say, with lengths,
// padding and stream identifiers checked. What a frame means in its place is h2_session.h's part.
// Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/http/h2_reasons.h"

namespace sluice::http {

inline constexpr size_t kH2FrameHeaderSize = 9;
inline constexpr uint32_t kH2FrameSizeMin = 16384;             // Every peer takes this much.
inline constexpr uint32_t kH2FrameSizeLimit = (1u << 24) - 1;  // SETTINGS_MAX_FRAME_SIZE at most.
inline constexpr uint32_t kH2WindowMax = (1u << 31) - 1;
inline constexpr uint32_t kH2WindowDefault = 65535;
inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class H2FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

inline constexpr uint8_t kH2EndStream = 0x01;  // DATA, HEADERS
inline constexpr uint8_t kH2Ack = 0x01;        // SETTINGS, PING
inline constexpr uint8_t kH2EndHeaders = 0x04;
inline constexpr uint8_t kH2Padded = 0x08;
inline constexpr uint8_t kH2Priority = 0x20;

enum class H2Setting : uint16_t {
  kHeaderTableSize = 1,
  kEnablePush = 2,
  kMaxConcurrentStreams = 3,
  kInitialWindowSize = 4,
  kMaxFrameSize = 5,
  kMaxHeaderListSize = 6,
  kEnableConnectProtocol = 8,  // RFC 8441
};

struct H2FrameHeader {
  uint32_t size = 0;  // Of the payload.
  uint8_t type = 0;   // May be none of H2FrameType: such frames are passed over.
  uint8_t flags = 0;
  uint32_t stream = 0;
  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  bool Is(H2FrameType wanted) const { return type == static_cast<uint8_t>(wanted); }
};

// Requires kH2FrameHeaderSize bytes. The reserved bit is dropped.
H2FrameHeader ReadFrameHeader(const char* bytes);
// What can be said before the payload is there: its size and whether the type goes with a stream or
// with the connection (RFC 9113 sections 4.2 and 6). kNone if sound.
H2Reason CheckFrameHeader(const H2FrameHeader& header, uint32_t frame_size_max);

// DATA, HEADERS and PUSH_PROMISE without their padding.
struct H2Padding {
  H2Reason bad = H2Reason::kNone;
  uint32_t content_begin = 0;
  uint32_t content_size = 0;
};
// `first` is the payload's first byte; needed only if the frame is padded.
H2Padding ReadPadding(const H2FrameHeader& header, uint8_t first);
// The block fragment of a whole HEADERS payload: padding and priority are taken off. What the
// priority says means nothing any more (RFC 9113 section 5.3.2).
H2Padding ReadHeadersFragment(const H2FrameHeader& header, std::string_view payload);

uint32_t ReadU32(const char* bytes);
inline uint32_t ReadU31(const char* bytes) { return ReadU32(bytes) & 0x7fffffffu; }

struct H2SettingValue {
  uint16_t id;
  uint32_t value;
};
// Requires 6 bytes.
H2SettingValue ReadSetting(const char* bytes);
// RFC 9113 section 6.5.2, RFC 8441 section 3. kNone if sound or unknown.
H2Reason CheckSetting(const H2SettingValue& setting);

// All append to `out`.
void PutFrameHeader(const H2FrameHeader& header, std::string& out);
void PutU32(uint32_t value, std::string& out);
void PutSetting(H2Setting id, uint32_t value, std::string& out);
void PutSettingsAck(std::string& out);
void PutPing(std::string_view opaque, bool is_ack, std::string& out);
void PutWindowUpdate(uint32_t stream, uint32_t increment, std::string& out);
void PutRstStream(uint32_t stream, H2Error error, std::string& out);
void PutGoaway(uint32_t last_stream, H2Error error, std::string_view debug, std::string& out);
// A field block, cut into HEADERS and CONTINUATION frames of at most `frame_size_max`.
void PutHeaders(uint32_t stream, bool is_end_stream, std::string_view block,
                uint32_t frame_size_max, std::string& out);

}  // namespace sluice::http
