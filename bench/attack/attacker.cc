#include "bench/attack/attacker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace sluice::bench {
namespace {

constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 200'000};

}  // namespace

Attacker::Attacker(const AttackOptions& options, const Attack& attack)
    : options_(options), attack_(attack) {
  if (attack_.is_kept) kept_.resize(std::min(options.connection_count, kConnectionsMax));
}

void Attacker::Begin() {
  for (base::UniqueFd& connection : kept_) Keep(connection);
  if (kept_.empty()) Flood();
}

AttackResults Attacker::Run() {
  using Clock = std::chrono::steady_clock;
  const std::chrono::duration<double> pause(1 / options_.rate_per_s);
  auto due = Clock::now();
  for (size_t turn = 0; !must_stop_; ++turn) {
    std::this_thread::sleep_until(due);
    // What could not be kept up with is not made up for.
    due = std::max(Clock::now(), due + std::chrono::duration_cast<Clock::duration>(pause));
    if (kept_.empty())
      Flood();
    else
      Keep(kept_[turn % kept_.size()]);
  }
  kept_.clear();
  return results_;
}

base::UniqueFd Attacker::Open() {
  base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in peer{.sin_family = AF_INET, .sin_port = htons(options_.port)};
  inet_pton(AF_INET, options_.address.c_str(), &peer.sin_addr);
  const int one = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) != 0) {
    ++results_.connect_errors;
    fd.Reset();
    return fd;
  }
  ++results_.connections;
  if (!Send(fd.get(), attack_.first)) fd.Reset();
  return fd;
}

// Whether the connection is as good as before.
bool Attacker::Send(int fd, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t size = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) {
      results_.ended_by_peer += errno == EPIPE || errno == ECONNRESET;
      return false;
    }
    sent += static_cast<size_t>(size);
    results_.sent_size += static_cast<size_t>(size);
  }
  return true;
}

// One connection from its beginning to its end: until the peer ends it, or has nothing to say.
void Attacker::Flood() {
  const base::UniqueFd connection = Open();
  if (!connection.is_valid() || !Send(connection.get(), attack_.bytes)) return;
  shutdown(connection.get(), SHUT_WR);
  char bytes[4096];
  ssize_t size;
  do {
    size = recv(connection.get(), bytes, sizeof(bytes), 0);
  } while (size > 0 && !must_stop_);
  results_.ended_by_peer += size == 0 || (size < 0 && errno == ECONNRESET);
}

// A connection that stays: opened anew if the peer has ended it. Nothing is read, but looked at.
void Attacker::Keep(base::UniqueFd& connection) {
  pollfd state{.fd = connection.get(), .events = POLLRDHUP};
  if (connection.is_valid() && poll(&state, 1, 0) > 0 && state.revents != 0) {
    ++results_.ended_by_peer;
    connection.Reset();
  }
  const bool is_new = !connection.is_valid();
  if (is_new) connection = Open();
  if (!connection.is_valid() || (!is_new && !attack_.is_repeated)) return;
  if (!Send(connection.get(), attack_.bytes)) connection.Reset();
}

}  // namespace sluice::bench
