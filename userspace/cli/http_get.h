// One HTTP/1.1 GET to a server of our own on loopback: enough for readiness and status, nothing
// more. Bounds: the answer, headers included, is at most kAnswerSizeMax bytes. Owns: its socket.
// Thread: one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "userspace/base/address.h"
#include "userspace/base/unique_fd.h"

namespace sluice::cli {

inline constexpr size_t kAnswerSizeMax = 64 << 20;

struct HttpAnswer {
  int code = 0;
  std::string body;
};

// Splits a whole answer (the server closes after it). Errors: kInvalidArgument with what is wrong.
// Pure.
absl::StatusOr<HttpAnswer> ParseHttpAnswer(std::string_view bytes);

// For an event loop: wait for events() on fd(), then Advance(), until is_done().
class HttpGet {
 public:
  static absl::StatusOr<HttpGet> Start(const base::SocketAddress& server, std::string_view path);

  int fd() const { return fd_.get(); }
  short events() const;  // Of poll(2).
  absl::Status Advance();
  bool is_done() const { return is_done_; }
  // Requires is_done().
  absl::StatusOr<HttpAnswer> Answer() const { return ParseHttpAnswer(received_); }

 private:
  HttpGet(base::UniqueFd fd, std::string request)
      : fd_(std::move(fd)), unsent_(std::move(request)) {}
  absl::Status Send();
  absl::Status Receive();

  base::UniqueFd fd_;
  std::string unsent_;
  std::string received_;
  bool is_done_ = false;
};

// The same, waiting at most `timeout` for the whole.
absl::StatusOr<HttpAnswer> Fetch(const base::SocketAddress& server, std::string_view path,
                                 absl::Duration timeout);

}  // namespace sluice::cli
