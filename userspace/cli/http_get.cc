#include "userspace/cli/http_get.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"

namespace sluice::cli {

namespace {

// The announced size of the body, if the header section names one.
absl::StatusOr<std::optional<size_t>> AnnouncedSize(const std::string& head) {
  const std::vector<std::string> lines = absl::StrSplit(head, "\r\n");
  for (const std::string& line : lines) {
    if (!absl::StartsWithIgnoreCase(line, "content-length:")) continue;
    size_t size_bytes = 0;
    if (!absl::SimpleAtoi(line.substr(line.find(':') + 1), &size_bytes)) {
      return absl::InvalidArgumentError(absl::StrCat("not a size: ", line));
    }
    return size_bytes;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<HttpAnswer> ParseHttpAnswer(std::string_view bytes) {
  const size_t head_size = bytes.find("\r\n\r\n");
  if (head_size == bytes.npos)
    return absl::InvalidArgumentError("the answer ended within its headers");
  const std::string head(bytes.substr(0, head_size));
  HttpAnswer answer;
  // "HTTP/1.x NNN reason"
  if (head.size() < 12 || !absl::StartsWith(head, "HTTP/1.") ||
      !absl::SimpleAtoi(head.substr(9, 3), &answer.code)) {
    return absl::InvalidArgumentError("the answer does not begin with an HTTP/1 status line");
  }
  answer.body = bytes.substr(head_size + 4);
  const absl::StatusOr<std::optional<size_t>> announced = AnnouncedSize(head);
  if (!announced.ok()) return announced.status();
  if (!announced->has_value()) return answer;
  if (**announced > answer.body.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the answer has ", answer.body.size(),
                                                   " of the ", **announced,
                                                   " bytes that it announced"));
  }
  answer.body.resize(**announced);
  return answer;
}

absl::StatusOr<HttpGet> HttpGet::Start(const base::SocketAddress& server, std::string_view path) {
  sockaddr_storage storage;
  const socklen_t size = server.ToSockaddr(storage);
  base::UniqueFd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_valid()) return base::ErrnoStatus(errno, "making a socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 &&
      errno != EINPROGRESS) {
    return base::ErrnoStatus(errno, absl::StrCat("connecting to ", server.ToString()));
  }
  return HttpGet(std::move(fd), absl::StrCat("GET ", std::string(path), " HTTP/1.1\r\nHost: ",
                                             server.ToString(), "\r\nConnection: close\r\n\r\n"));
}

short HttpGet::events() const { return unsent_.empty() ? POLLIN : POLLOUT; }

absl::Status HttpGet::Advance() {
  if (!unsent_.empty()) return Send();
  return Receive();
}

absl::Status HttpGet::Send() {
  const ssize_t sent = send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return absl::OkStatus();
    return base::ErrnoStatus(errno, "sending the request");
  }
  unsent_.erase(0, static_cast<size_t>(sent));
  return absl::OkStatus();
}

absl::Status HttpGet::Receive() {
  char chunk[16384];
  const ssize_t got = recv(fd_.get(), chunk, sizeof(chunk), 0);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return absl::OkStatus();
    return base::ErrnoStatus(errno, "reading the answer");
  }
  if (got == 0) {
    is_done_ = true;
    return absl::OkStatus();
  }
  received_.append(chunk, static_cast<size_t>(got));
  if (received_.size() > kAnswerSizeMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer is larger than ", kAnswerSizeMax, " bytes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<HttpAnswer> Fetch(const base::SocketAddress& server, std::string_view path,
                                 absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::StatusOr<HttpGet> get = HttpGet::Start(server, path);
  if (!get.ok()) return get.status();
  while (!get->is_done()) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left_ms <= 0) {
      return absl::DeadlineExceededError(absl::StrCat(
          server.ToString(), " has not answered within ", absl::FormatDuration(timeout)));
    }
    pollfd waiting = {.fd = get->fd(), .events = get->events(), .revents = 0};
    if (poll(&waiting, 1, static_cast<int>(left_ms)) > 0) SLUICE_RETURN_IF_ERROR(get->Advance());
  }
  return get->Answer();
}

}  // namespace sluice::cli
