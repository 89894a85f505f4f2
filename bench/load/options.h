// What a load is to be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

struct LoadOptions {
  std::string address;  // IPv4.
  uint16_t port = 80;
  std::string path = "/";
  std::vector<std::string> headers;  // "name: value"
  uint32_t connection_count = 1;
  double rate_per_s = 0;  // 0: closed loop.
  double warm_up_s = 0;
  double seconds = 1;
  bool is_new_connection_each = false;
  // HTTP/2: requests at once on each connection (0: HTTP/1.1), and how many more are made on each
  // for a large answer that is never read.
  uint32_t stream_count = 0;
  uint32_t stalled_count = 0;
  std::string stalled_path;
};

}  // namespace sluice::bench
