// Every limit of an HTTP/2 connection, with defaults that are safe on the open internet. Whoever
// runs into one hears its reason (h2_reasons.h). Rates are token buckets: `burst` at once, then
// `per_s` each second.
#pragma once

#include <cstdint>

namespace sluice::http {

struct H2Rate {
  uint32_t burst;
  uint32_t per_s;
};

struct H2Limits {
  // Heads and trailers.
  uint32_t header_list_size_max = 64 * 1024;  // As RFC 9113 section 6.5.2 counts; told to the peer.
  uint32_t header_count_max = 94;             // Fields as sent; at most kHeaderCountMax - 6.
  uint32_t block_size_max = 64 * 1024;        // Of a compressed field block, bytes.
  uint32_t continuation_count_max = 8;        // Frames behind one HEADERS.
  uint32_t target_size_max = 16 * 1024;       // :path, bytes.
  uint32_t trailer_size_max = 8 * 1024;       // Trailer section as HTTP/1.1 text, bytes.
  uint32_t table_size_max = 4096;             // Dynamic table for what the peer sends.
  uint32_t encoder_table_size_max = 2048;     // Dynamic table for what we send.

  // Streams and windows.
  uint32_t stream_count_max = 1000;  // Opened by the peer and not yet closed; told to it.
  // Heads of the open requests together, as HTTP/1.1 text: a few bytes of HPACK make a large one.
  uint32_t open_heads_size_max = 2 * 1024 * 1024;
  uint32_t stream_window = 64 * 1024;
  uint32_t connection_window = 1024 * 1024;

  uint32_t interim_count_max = 32;  // 1xx answers to one request.

  // What may wait to be sent, bytes.
  uint32_t output_size_max = 256 * 1024;   // Heads: above it none is taken.
  uint32_t provoked_size_max = 16 * 1024;  // Answers to control frames and faults.

  // Floods.
  H2Rate reset = {1000, 200};    // RST_STREAM received.
  H2Rate refusal = {1000, 200};  // Streams that we reset for a fault of the peer's.
  // A request's head that is refused counts once more for each so many bytes that it came to: a few
  // bytes of HPACK make a large one.
  uint32_t refusal_unit_size = 8 * 1024;
  H2Rate ping = {64, 10};  // Each DATA frame allows one more, either way: gRPC measures with them.
  H2Rate settings = {16, 2};
  H2Rate empty_frame = {100, 50};       // DATA, HEADERS or CONTINUATION without content or end.
  H2Rate window_update = {1000, 1000};  // Each DATA frame sent allows ten more.
  H2Rate priority = {1000, 200};        // PRIORITY, unknown frames, frames for closed streams.

  // Time, nanoseconds.
  uint64_t settings_timeout_ns = 10'000'000'000;
  uint64_t frame_timeout_ns = 60'000'000'000;  // From a frame's first byte to its last.
  uint64_t ping_interval_ns = 0;  // Between keep-alive PINGs on a quiet connection; 0: none.
  uint64_t ping_timeout_ns = 20'000'000'000;

  bool allows_connect_protocol = true;  // Servers: extended CONNECT (RFC 8441) is offered.
};

}  // namespace sluice::http
