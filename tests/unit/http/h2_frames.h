// What a session sends, frame by frame, and what it does about faults.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/http/h2_script.h"
#include "userspace/http/hpack_decoder.h"

namespace sluice::http {

struct SentFrame {
  H2FrameHeader header;
  std::string payload;
};

inline std::vector<SentFrame> SplitFrames(std::string_view bytes) {
  if (bytes.starts_with(kH2Preface)) bytes.remove_prefix(kH2Preface.size());
  std::vector<SentFrame> frames;
  while (!bytes.empty()) {
    const H2FrameHeader header = ReadFrameHeader(bytes.data());
    frames.push_back({header, std::string(bytes.substr(kH2FrameHeaderSize, header.size))});
    bytes.remove_prefix(kH2FrameHeaderSize + header.size);
  }
  return frames;
}

// "TYPE STREAM SIZE" of each frame.
inline std::vector<std::string> FramesOf(std::string_view bytes) {
  static constexpr std::string_view kNames[] = {"data", "headers", "priority", "rst",    "settings",
                                                "push", "ping",    "goaway",   "window", "cont"};
  std::vector<std::string> frames;
  for (const SentFrame& frame : SplitFrames(bytes)) {
    frames.push_back(
        base::Concat(kNames[frame.header.type], " ", frame.header.stream, " ", frame.header.size));
  }
  return frames;
}

// "name: value" of each field in the heads and trailers that were sent, "!" before those that were
// sent never indexed. `decoder` is that of the connection.
inline std::vector<std::string> FieldsOf(std::string_view bytes, HpackDecoder& decoder) {
  std::vector<std::string> fields;
  std::string block;
  for (const SentFrame& frame : SplitFrames(bytes)) {
    const bool is_block =
        frame.header.Is(H2FrameType::kHeaders) || frame.header.Is(H2FrameType::kContinuation);
    if (!is_block) continue;
    block += frame.payload;
    if (!frame.header.Has(kH2EndHeaders)) continue;
    std::vector<char> room(64 * 1024);
    decoder.Start(block);
    HpackField field;
    while (decoder.Next(room.data(), room.size(), &field) == HpackStatus::kField) {
      fields.push_back(
          base::Concat(field.is_never_indexed ? "!" : "", field.name, ": ", field.value));
    }
    block.clear();
  }
  return fields;
}

inline uint32_t CodeOf(H2Error error) { return static_cast<uint32_t>(error); }

// The last event ends the connection, and GOAWAY says why.
inline void ExpectFails(Endpoint& endpoint, const char* script, H2Error error) {
  SCOPED_TRACE(script);
  const std::vector<std::string> events = endpoint.Feed(ScriptInput(script));
  ASSERT_FALSE(events.empty());
  EXPECT_THAT(events.back(), ::testing::StartsWith(base::Concat("failed ", CodeOf(error), " ")));
  const std::vector<SentFrame> frames = SplitFrames(endpoint.Output());
  ASSERT_FALSE(frames.empty());
  ASSERT_TRUE(frames.back().header.Is(H2FrameType::kGoaway));
  EXPECT_EQ(ReadU32(frames.back().payload.data() + 4), CodeOf(error));
}

// The last event is that stream 1 was reset, RST_STREAM says why, and the connection lives.
inline void ExpectResets(Endpoint& endpoint, const char* script, H2Error error) {
  SCOPED_TRACE(script);
  const std::vector<std::string> events = endpoint.Feed(ScriptInput(script));
  ASSERT_FALSE(events.empty());
  EXPECT_THAT(events.back(), ::testing::StartsWith(base::Concat("reset 1 ", CodeOf(error), " ")));
  const std::vector<SentFrame> frames = SplitFrames(endpoint.Output());
  ASSERT_FALSE(frames.empty());
  ASSERT_TRUE(frames.back().header.Is(H2FrameType::kRstStream));
  EXPECT_EQ(ReadU32(frames.back().payload.data()), CodeOf(error));
  EXPECT_FALSE(endpoint.session.is_failed());
}

using Scripts = std::initializer_list<const char*>;

inline void ServerFails(H2Error error, Scripts scripts) {
  for (const char* script : scripts) {
    Server server;
    ExpectFails(server, script, error);
  }
}

inline void ServerResets(H2Error error, Scripts scripts) {
  for (const char* script : scripts) {
    Server server;
    ExpectResets(server, script, error);
  }
}

// A client that waits for its answer on stream 1.
struct AskingClient : Client {
  explicit AskingClient(std::string_view method = "GET") {
    Send(base::Concat(method, " / HTTP/1.1\r\nHost: a\r\n\r\n"));
    Output();
  }
};

inline void ClientFails(H2Error error, Scripts scripts) {
  for (const char* script : scripts) {
    AskingClient client;
    ExpectFails(client, script, error);
  }
}

inline void ClientResets(H2Error error, Scripts scripts) {
  for (const char* script : scripts) {
    AskingClient client;
    ExpectResets(client, script, error);
  }
}

}  // namespace sluice::http
