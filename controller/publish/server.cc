#include "controller/publish/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "controller/publish/frame.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr int kBacklog = 16;
constexpr int64_t kStallCheckPeriodMs = 5000;
constexpr size_t kReadSize = size_t{64} << 10;

int64_t NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

bool Watch(int poll, int operation, int fd, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  return ::epoll_ctl(poll, operation, fd, &event) == 0;
}

base::UniqueFd MakeSocket() {
  return base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

absl::StatusOr<sockaddr_un> MakeAddress(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(base::Concat("the socket path ", path,
                                                   " is empty or longer than ",
                                                   sizeof address.sun_path - 1, " bytes"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Removes a socket file that was left behind; an error if somebody still listens on it.
absl::Status ClearPath(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(
        base::Concat(path, " exists and is not a socket; remove it or choose another path"));
  }
  const base::UniqueFd probe = MakeSocket();
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN) {
    return absl::AlreadyExistsError(base::Concat("another controller listens on ", path));
  }
  if (::unlink(path.c_str()) != 0)
    return base::ErrnoStatus(errno, base::Concat("remove the stale socket ", path));
  return absl::OkStatus();
}

}  // namespace

DiscoveryServer::Client::Client(base::UniqueFd socket, PublishCounters& counters)
    : fd(std::move(socket)), session(counters), progress_ms(NowMs()) {}

DiscoveryServer::DiscoveryServer(std::string path) : path_(std::move(path)) {}

DiscoveryServer::~DiscoveryServer() {
  if (listener_.is_valid()) ::unlink(path_.c_str());
}

absl::StatusOr<std::unique_ptr<DiscoveryServer>> DiscoveryServer::Listen(const std::string& path) {
  const absl::StatusOr<sockaddr_un> address = MakeAddress(path);
  if (!address.ok()) return address.status();
  SLUICE_RETURN_IF_ERROR(ClearPath(path, *address));
  std::unique_ptr<DiscoveryServer> out(new DiscoveryServer(path));
  base::UniqueFd listener = MakeSocket();
  // The mode is set before anybody can connect, since the file appears with bind.
  const mode_t old_mask = ::umask(0177);
  const int bound =
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  const int bind_error = errno;
  ::umask(old_mask);
  if (bound != 0) return base::ErrnoStatus(bind_error, base::Concat("bind ", path));
  out->listener_ = std::move(listener);  // From here on the file is ours to remove.
  if (::listen(out->listener_.get(), kBacklog) != 0)
    return base::ErrnoStatus(errno, base::Concat("listen on ", path));
  out->timer_.Reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  out->poll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!out->timer_.is_valid() || !out->poll_.is_valid() ||
      !Watch(out->poll_.get(), EPOLL_CTL_ADD, out->listener_.get(), EPOLLIN) ||
      !Watch(out->poll_.get(), EPOLL_CTL_ADD, out->timer_.get(), EPOLLIN)) {
    return base::ErrnoStatus(errno, "make an epoll instance with a timer");
  }
  itimerspec period{};
  period.it_value.tv_sec = period.it_interval.tv_sec = kStallCheckPeriodMs / 1000;
  ::timerfd_settime(out->timer_.get(), 0, &period, nullptr);
  return out;
}

bool DiscoveryServer::Publish(ResourceSet resources) {
  if (has_resources_ && HasSameContent(resources, resources_)) return false;
  resources.version = resources_.version + 1;
  resources_ = std::move(resources);
  has_resources_ = true;
  std::vector<int> failed;
  for (auto& [fd, client] : clients_) {
    if (!Respond(*client)) failed.push_back(fd);
  }
  for (const int fd : failed) Drop(fd, "the connection broke");
  return true;
}

void DiscoveryServer::Step() {
  std::array<epoll_event, kClientsMax + 2> events;
  const int count = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), 0);
  bool has_newcomers = false;
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<size_t>(i)].data.fd;
    if (fd == listener_.get()) {
      has_newcomers = true;
      continue;
    }
    if (fd == timer_.get()) {
      DropStalled();
      continue;
    }
    const auto it = clients_.find(fd);
    if (it == clients_.end()) continue;
    const uint32_t ready = events[static_cast<size_t>(i)].events;
    const bool is_alive = ((ready & EPOLLOUT) == 0 || Flush(*it->second)) &&
                          ((ready & ~uint32_t{EPOLLOUT}) == 0 || Read(*it->second));
    if (!is_alive) Drop(fd, "closed or broken");
  }
  if (has_newcomers)
    Accept();  // Last: a new descriptor must not take the place of one that is still in `events`.
}

void DiscoveryServer::Accept() {
  while (true) {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.is_valid()) return;
    if (clients_.size() >= kClientsMax ||
        !Watch(poll_.get(), EPOLL_CTL_ADD, fd.get(), EPOLLIN | EPOLLRDHUP)) {
      ++counters_.refused_connections;
      base::LogWarning("a node's connection is refused", {{"clients", clients_.size()}});
      continue;
    }
    ++counters_.connections;
    const int number = fd.get();
    clients_.emplace(number, std::make_unique<Client>(std::move(fd), counters_));
  }
}

bool DiscoveryServer::Read(Client& client) {
  std::array<char, kReadSize> buffer;
  const ssize_t size = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  client.in.append(buffer.data(), static_cast<size_t>(size));
  return Parse(client) && Respond(client);
}

bool DiscoveryServer::Parse(Client& client) {
  size_t done = 0;
  while (true) {
    size_t consumed = 0;
    const auto message =
        NextFrame(std::string_view(client.in).substr(done), kRequestSizeMax, consumed);
    absl::Status status = message.status();
    sluice::discovery::v1::DeltaDiscoveryRequest request;
    if (message.ok()) {
      if (!message->has_value()) break;
      const std::string_view bytes = **message;
      const bool is_parsed = request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
      status = is_parsed ? client.session.Receive(request)
                         : absl::InvalidArgumentError("a request is not a DeltaDiscoveryRequest");
    }
    if (!status.ok()) {
      ++counters_.dropped_connections;
      const absl::string_view reason = status.message();
      base::LogWarning("a node breaks the protocol and is dropped",
                       {{"node", client.session.node()},
                        {"reason", std::string_view(reason.data(), reason.size())}});
      return false;
    }
    done += consumed;
  }
  client.in.erase(0, done);
  return true;
}

bool DiscoveryServer::Respond(Client& client) {
  if (!has_resources_) return true;
  for (const auto& response : client.session.Respond(resources_)) {
    AppendFrame(response.SerializeAsString(), client.out);
  }
  return Flush(client);
}

bool DiscoveryServer::Flush(Client& client) {
  const bool was_idle = !client.is_write_watched;
  if (was_idle) client.progress_ms = NowMs();
  while (client.sent_size < client.out.size()) {
    const ssize_t size = ::send(client.fd.get(), client.out.data() + client.sent_size,
                                client.out.size() - client.sent_size, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return false;
    if (size < 0) break;
    client.sent_size += static_cast<size_t>(size);
    client.progress_ms = NowMs();
  }
  const bool is_done = client.sent_size == client.out.size();
  if (is_done) {
    client.out = std::string();  // Gives a large response's memory back.
    client.sent_size = 0;
  }
  if (client.is_write_watched == !is_done) return true;
  client.is_write_watched = !is_done;
  const uint32_t events = EPOLLIN | EPOLLRDHUP | (is_done ? 0U : uint32_t{EPOLLOUT});
  return Watch(poll_.get(), EPOLL_CTL_MOD, client.fd.get(), events);
}

void DiscoveryServer::Drop(int fd, std::string_view reason) {
  const auto it = clients_.find(fd);
  if (it == clients_.end()) return;
  base::LogInfo("a node's stream has ended",
                {{"node", it->second->session.node()}, {"reason", reason}});
  clients_.erase(it);  // Closing the descriptor takes it out of the epoll.
}

void DiscoveryServer::DropStalled() {
  uint64_t expirations = 0;
  [[maybe_unused]] const ssize_t unused = ::read(timer_.get(), &expirations, sizeof expirations);
  const int64_t now_ms = NowMs();
  std::vector<int> stalled;
  for (const auto& [fd, client] : clients_) {
    if (client->is_write_watched && now_ms - client->progress_ms > kStallMsMax)
      stalled.push_back(fd);
  }
  for (const int fd : stalled) {
    ++counters_.dropped_connections;
    Drop(fd, "takes nothing of what is sent to it");
  }
}

}  // namespace sluice::controller
