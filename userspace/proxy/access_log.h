// One line per request or TCP connection, as text or JSON, collected during a turn and written at
// its end. A log that cannot take it loses lines and counts them; it never holds traffic up.
// Thread: one worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/base/address.h"
#include "userspace/proxy/close_reason.h"
#include "userspace/proxy/counters.h"

namespace sluice::proxy {

enum class AccessLogFormat : uint8_t { kOff, kText, kJson };

struct AccessEntry {
  std::string_view protocol;  // "http" or "tcp".
  std::string_view pod;       // "namespace/name" of the pod whose listener accepted.
  base::SocketAddress client;
  base::SocketAddress dialled;
  base::SocketAddress endpoint;  // Port 0: none was chosen.
  std::string_view method;       // HTTP only, as are path, authority, status, route.
  std::string_view authority;
  std::string_view path;
  uint16_t status = 0;
  std::string_view route;
  std::string_view backend;
  uint64_t bytes_from_client = 0;
  uint64_t bytes_to_client = 0;
  uint64_t duration_us = 0;
  CloseReason reason = CloseReason::kNone;
  std::string_view detail;  // Of a refused message: which rule it broke.
};

class AccessLog {
 public:
  AccessLog(AccessLogFormat format, int fd, Counters& counters)
      : format_(format), fd_(fd), counters_(counters) {}

  bool is_on() const { return format_ != AccessLogFormat::kOff; }
  void Append(const AccessEntry& entry);
  void Flush();

 private:
  const AccessLogFormat format_;
  const int fd_;
  Counters& counters_;
  std::string lines_;
  uint32_t line_count_ = 0;
};

// One line with its line end; pure. Bytes that would break a line or a JSON string are escaped.
std::string FormatAccessEntry(const AccessEntry& entry, AccessLogFormat format,
                              std::string_view time_utc);

}  // namespace sluice::proxy
