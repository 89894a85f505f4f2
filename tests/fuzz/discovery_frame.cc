// The discovery stream as a controller gone wrong could send it: framing in pieces of any size
// gives the same messages, and whatever the store takes it can keep on disk and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/agent/discovery_frame.h"
#include "userspace/agent/resources.h"
#include "userspace/agent/snapshot_file.h"
#include "userspace/base/check.h"

namespace {

using sluice::agent::FrameDecoder;

// The messages up to the end or the first fault.
std::vector<std::string> Decode(std::string_view bytes, size_t step) {
  FrameDecoder decoder;
  std::vector<std::string> messages;
  for (size_t i = 0; i < bytes.size(); i += step) {
    decoder.Append(bytes.substr(i, step));
    std::string_view message;
    while (true) {
      const absl::StatusOr<bool> has_message = decoder.Next(message);
      if (!has_message.ok()) return messages;
      if (!*has_message) break;
      messages.emplace_back(message);
    }
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65536) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> messages = Decode(bytes, bytes.size() + 1);
  SLUICE_CHECK(Decode(bytes, 1) == messages);
  sluice::agent::Resources resources;
  for (const std::string& message : messages) {
    sluice::discovery::v1::DeltaDiscoveryResponse response;
    if (response.ParseFromString(message)) sluice::agent::ApplyResponse(response, resources);
  }
  const auto again = sluice::agent::DecodeSnapshot(sluice::agent::EncodeSnapshot(resources));
  SLUICE_CHECK(again.ok());
  SLUICE_CHECK(again->addresses.size() == resources.addresses.size());
  return 0;
}
