#include "userspace/agent/discovery_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::agent {
namespace {

// Every whole message after `bytes` came in pieces of `step`.
std::vector<std::string> Decode(const std::string& bytes, size_t step) {
  FrameDecoder decoder;
  std::vector<std::string> messages;
  for (size_t i = 0; i < bytes.size(); i += step) {
    decoder.Append(std::string_view(bytes).substr(i, step));
    std::string_view message;
    while (decoder.Next(message).value()) messages.emplace_back(message);
  }
  return messages;
}

TEST(DiscoveryFrameTest, GivesBackWhatWasFramedInPiecesOfAnySize) {
  const std::vector<std::string> messages = {"one", "", std::string(300, 'x')};
  std::string bytes;
  for (const std::string& message : messages) bytes += EncodeFrame(message);

  for (size_t step = 1; step <= bytes.size(); ++step)
    EXPECT_EQ(Decode(bytes, step), messages) << "step " << step;
}

TEST(DiscoveryFrameTest, WaitsForTheWholeMessage) {
  FrameDecoder decoder;
  decoder.Append(std::string("\0\0\0\0\4abc", 8));
  std::string_view message;

  EXPECT_FALSE(decoder.Next(message).value());
}

TEST(DiscoveryFrameTest, RefusesACompressedMessage) {
  FrameDecoder decoder;
  decoder.Append(std::string("\1\0\0\0\0", 5));
  std::string_view message;

  EXPECT_FALSE(decoder.Next(message).ok());
}

TEST(DiscoveryFrameTest, RefusesASizePastTheLimitBeforeItsBytesCome) {
  FrameDecoder decoder;
  decoder.Append(std::string("\0\4\0\0\1", 5));  // 64 MiB and one.
  std::string_view message;

  EXPECT_FALSE(decoder.Next(message).ok());
}

}  // namespace
}  // namespace sluice::agent
