#include "userspace/cli/http_get.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"

namespace sluice::cli {

namespace {

// Digits alone: SimpleAtoi by itself also takes signs and blanks around them.
bool ParseDigits(absl::string_view text, size_t& number) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &number);
}

// The announced size of the body, if the header section names one.
absl::StatusOr<std::optional<size_t>> AnnouncedSize(const std::string& head) {
  std::optional<size_t> announced;
  const std::vector<absl::string_view> lines = absl::StrSplit(head, "\r\n");
  for (const absl::string_view line : lines) {
    if (!absl::StartsWithIgnoreCase(line, "content-length:")) continue;
    size_t size_bytes = 0;
    if (!ParseDigits(absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)), size_bytes)) {
      return absl::InvalidArgumentError("the answer announces a size that is not a number");
    }
    if (announced && *announced != size_bytes)
      return absl::InvalidArgumentError("the answer announces two sizes");
    announced = size_bytes;
  }
  return announced;
}

// Of "HTTP/1.x NNN reason"; 0 if it is not such a line.
int CodeOf(const std::string& head) {
  size_t code = 0;
  const bool is_status_line = head.size() >= 12 && absl::StartsWith(head, "HTTP/1.") &&
                              absl::ascii_isdigit(static_cast<unsigned char>(head[7])) &&
                              head[8] == ' ' && ParseDigits(head.substr(9, 3), code) &&
                              (head.size() == 12 || head[12] == ' ' || head[12] == '\r');
  return is_status_line && code >= 100 && code < 600 ? static_cast<int>(code) : 0;
}

}  // namespace

absl::StatusOr<HttpAnswer> ParseHttpAnswer(std::string_view bytes) {
  const size_t head_size = bytes.find("\r\n\r\n");
  if (head_size == bytes.npos)
    return absl::InvalidArgumentError("the answer ended within its headers");
  const std::string head(bytes.substr(0, head_size));
  HttpAnswer answer;
  answer.code = CodeOf(head);
  if (answer.code == 0)
    return absl::InvalidArgumentError("the answer does not begin with an HTTP/1 status line");
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
