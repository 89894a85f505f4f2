#include "userspace/agent/discovery_client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/base/log.h"

namespace sluice::agent {
namespace {

using discovery::v1::DeltaDiscoveryRequest;
using discovery::v1::DeltaDiscoveryResponse;

constexpr int kReadsPerTurnMax = 16;
constexpr int kInvalidArgument = 3;  // google.rpc.Code, as xDS servers expect it in a NACK.
constexpr size_t kErrorsPerNackMax = 8;
constexpr char kEverything = '*';

}  // namespace

DiscoveryClient::DiscoveryClient(EventLoop& loop, Options options, Resources& resources,
                                 std::function<void()> on_change)
    : loop_(loop),
      options_(std::move(options)),
      resources_(resources),
      on_change_(std::move(on_change)) {}

DiscoveryClient::~DiscoveryClient() {
  if (socket_.is_valid()) loop_.Unwatch(socket_.get());
  loop_.Cancel(timer_);
}

void DiscoveryClient::Start() { Connect(); }

void DiscoveryClient::Connect() {
  timer_ = 0;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options_.socket_path.size() >= sizeof(address.sun_path)) {
    Close(
        absl::StrCat("the controller's socket path is longer than ", sizeof(address.sun_path) - 1));
    return;
  }
  std::memcpy(address.sun_path, options_.socket_path.data(), options_.socket_path.size());
  socket_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // A Unix socket connects at once or not at all (EAGAIN: its backlog is full).
  if (!socket_.is_valid() ||
      connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    socket_.Reset();
    Close(absl::StrCat("connect ", options_.socket_path, ": ", std::strerror(error)));
    return;
  }
  ++counters_.connects;
  reason_.clear();
  decoder_ = FrameDecoder();
  to_send_.clear();
  loop_.Watch(socket_.get(), EPOLLIN, [this](uint32_t events) { OnEvents(events); });
  base::LogInfo("controller connected", {{"socket", options_.socket_path}});
  Subscribe();
}

void DiscoveryClient::Close(const std::string& reason) {
  if (socket_.is_valid()) {
    loop_.Unwatch(socket_.get());
    socket_.Reset();
    base::LogWarning("controller away; the last configuration stays", {{"reason", reason}});
  } else if (reason != reason_) {
    base::LogInfo("controller not reached yet", {{"reason", reason}});
  }
  reason_ = reason;
  if (timer_ != 0) return;
  timer_ = loop_.RunAfter(delay_, [this] { Connect(); });
  delay_ = std::min(delay_ * 2, kReconnectDelayMax);
}

void DiscoveryClient::Subscribe() {
  bool is_first = true;
  for (const std::string& type_url : SubscribedTypes()) {
    DeltaDiscoveryRequest request;
    if (is_first) request.mutable_node()->set_id(options_.node_id);
    is_first = false;
    request.set_type_url(type_url);
    request.add_resource_names_subscribe(std::string(1, kEverything));
    for (const auto& [name, version] : VersionsOfType(resources_, type_url)) {
      (*request.mutable_initial_resource_versions())[name] = version;
    }
    Send(request);
  }
}

void DiscoveryClient::OnEvents(uint32_t epoll_events) {
  if ((epoll_events & EPOLLOUT) != 0) Flush();
  if (!socket_.is_valid()) return;
  if ((epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  for (int i = 0; i < kReadsPerTurnMax; ++i) {
    if (!ReadSome()) return;
  }
}

bool DiscoveryClient::ReadSome() {
  std::array<char, 65536> buffer;
  const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    Close(size == 0 ? "the controller closed the stream" : std::strerror(errno));
    return false;
  }
  decoder_.Append(std::string_view(buffer.data(), static_cast<size_t>(size)));
  std::string_view message;
  while (true) {
    const absl::StatusOr<bool> has_message = decoder_.Next(message);
    if (!has_message.ok()) {
      Close(std::string(has_message.status().message()));
      return false;
    }
    if (!*has_message) return true;
    DeltaDiscoveryResponse response;
    if (!response.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      Close("the controller sent a message that cannot be parsed");
      return false;
    }
    HandleResponse(response);
    if (!socket_.is_valid()) return false;
  }
}

void DiscoveryClient::HandleResponse(const DeltaDiscoveryResponse& response) {
  ++counters_.responses;
  counters_.resources += static_cast<uint64_t>(response.resources_size()) +
                         static_cast<uint64_t>(response.removed_resources_size());
  delay_ =
      kReconnectDelayMin;  // It speaks our language; a break after this is a restart, not a misfit.
  const ApplyResult result = ApplyResponse(response, resources_);
  DeltaDiscoveryRequest answer;
  answer.set_type_url(response.type_url());
  answer.set_response_nonce(response.nonce());
  if (!result.errors.empty()) {
    ++counters_.rejections;
    const auto end = result.errors.begin() +
                     static_cast<ptrdiff_t>(std::min(result.errors.size(), kErrorsPerNackMax));
    const std::string text =
        absl::StrCat(result.errors.size(),
                     " resources left out: ", absl::StrJoin(result.errors.begin(), end, "; "));
    answer.mutable_error_detail()->set_code(kInvalidArgument);
    answer.mutable_error_detail()->set_message(text);
    base::LogWarning("response refused in part", {{"type", response.type_url()}, {"reason", text}});
  }
  Send(answer);
  const bool was_complete = is_complete();
  const auto& types = SubscribedTypes();
  if (std::find(types.begin(), types.end(), response.type_url()) != types.end()) {
    answered_types_.insert(response.type_url());
  }
  if (result.changed_count > 0 || was_complete != is_complete()) on_change_();
}

void DiscoveryClient::Send(const DeltaDiscoveryRequest& request) {
  to_send_ += EncodeFrame(request.SerializeAsString());
  Flush();
}

void DiscoveryClient::Flush() {
  if (!socket_.is_valid()) return;
  while (!to_send_.empty()) {
    const ssize_t size = send(socket_.get(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;  // EAGAIN; a broken stream is told by the read side.
    to_send_.erase(0, static_cast<size_t>(size));
  }
  const uint32_t events = EPOLLIN | (to_send_.empty() ? 0u : static_cast<uint32_t>(EPOLLOUT));
  loop_.Watch(socket_.get(), events, [this](uint32_t ready) { OnEvents(ready); });
}

}  // namespace sluice::agent
