#include "userspace/proxy/agent_link.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/mesh_limits.h"
#include "userspace/proxy/limits.h"
#include "userspace/proxy/pod_message.h"
#include "userspace/proxy/privileges.h"
#include "userspace/proxy/stats.h"

namespace sluice::proxy {
namespace {

constexpr size_t kPacketSizeMax = 64 * 1024 + 1024;
constexpr size_t kFdsPerPacketMax = 253;

struct Packet {
  std::string bytes;
  std::vector<base::UniqueFd> fds;
};

// An empty packet means that the agent is gone.
absl::StatusOr<Packet> ReceivePacket(int socket) {
  Packet packet;
  packet.bytes.resize(kPacketSizeMax);
  iovec vector{.iov_base = packet.bytes.data(), .iov_len = packet.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFdsPerPacketMax * sizeof(int))> control;
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (size < 0) return base::ErrnoStatus(errno, "receive from the agent");
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      packet.fds.emplace_back(fd);
    }
  }
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    return absl::DataLossError("a packet from the agent is larger than the protocol allows");
  }
  // No descriptors were free to take them: as if none had been sent. Who waits for sockets is told.
  if ((header.msg_flags & MSG_CTRUNC) != 0) packet.fds.clear();
  packet.bytes.resize(static_cast<size_t>(size));
  return packet;
}

AccessLogFormat ToFormat(node::v1::AccessLogFormat format) {
  if (format == node::v1::ACCESS_LOG_TEXT) return AccessLogFormat::kText;
  if (format == node::v1::ACCESS_LOG_JSON) return AccessLogFormat::kJson;
  return AccessLogFormat::kOff;
}

http::PathNormalisation ToLevel(node::v1::PathNormalization level) {
  switch (level) {
    case node::v1::PATH_NONE:
      return http::PathNormalisation::kNone;
    case node::v1::PATH_BASE:
      return http::PathNormalisation::kBase;
    case node::v1::PATH_MERGE_SLASHES:
      return http::PathNormalisation::kMergeSlashes;
    case node::v1::PATH_DECODE_AND_MERGE_SLASHES:
      return http::PathNormalisation::kDecodeAndMergeSlashes;
    default:
      return http::PathNormalisation::kStrict;  // Also for what a newer agent knows.
  }
}

}  // namespace

AgentLink::AgentLink(base::UniqueFd socket, LookupFactory make_lookup)
    : socket_(std::move(socket)), make_lookup_(std::move(make_lookup)) {}

AgentLink::~AgentLink() {
  for (auto& worker : workers_) worker->StopAndJoin();
}

absl::Status AgentLink::Run() {
  while (true) {
    const bool may_read = MayReadPackets();
    std::array<pollfd, 2> polled = {
        {{.fd = may_read ? socket_.get() : -1, .events = POLLIN, .revents = 0},
         {.fd = mailbox_.event_fd(), .events = POLLIN, .revents = 0}}};
    int timeout_ms = drain_deadline_ns_ != 0 ? 50 : -1;
    if (!may_read) timeout_ms = kMailboxRetryMs;
    if (::poll(polled.data(), polled.size(), timeout_ms) < 0 && errno != EINTR) {
      return base::ErrnoStatus(errno, "poll");
    }
    if (polled[1].revents != 0) {
      for (io::Mailbox::Message& message : mailbox_.TakeAll()) message();
    }
    if (polled[0].revents != 0) {
      const absl::Status status = HandlePacket();
      if (absl::IsCancelled(status)) return absl::OkStatus();
      if (!status.ok()) return status;
    }
    if (drain_deadline_ns_ != 0) {
      size_t sessions = 0;
      for (auto& worker : workers_) sessions += worker->session_count();
      if (sessions == 0 || base::MonotonicNanos() > drain_deadline_ns_) return absl::OkStatus();
    }
  }
}

// What a worker cannot take yet waits in the socket, and in the end with the agent.
bool AgentLink::MayReadPackets() {
  const bool is_behind = std::any_of(workers_.begin(), workers_.end(),
                                     [](const auto& worker) { return worker->is_behind(); });
  if (is_behind && !is_behind_) {
    base::LogWarning("a worker is behind; the agent's messages wait",
                     {{"messages", static_cast<uint64_t>(kMailboxHigh)}});
  }
  is_behind_ = is_behind;
  return !is_behind;
}

absl::Status AgentLink::HandlePacket() {
  auto packet = ReceivePacket(socket_.get());
  if (!packet.ok()) return packet.status();
  if (packet->bytes.empty()) return absl::CancelledError("the agent closed its socket");
  node::v1::ToProxy message;
  if (!message.ParseFromString(packet->bytes)) {
    return absl::InvalidArgumentError(
        "a message from the agent does not parse: agent and proxy differ in version");
  }
  return Handle(message, std::move(packet->fds));
}

absl::Status AgentLink::Handle(const node::v1::ToProxy& message, std::vector<base::UniqueFd> fds) {
  if (workers_.empty() && message.kind_case() != node::v1::ToProxy::kConfigure) {
    return absl::FailedPreconditionError("the agent's first message must be Configure");
  }
  switch (message.kind_case()) {
    case node::v1::ToProxy::kConfigure:
      return Configure(message.configure(), std::move(fds));
    case node::v1::ToProxy::kAddPod:
      return AddPod(message.add_pod(), std::move(fds));
    case node::v1::ToProxy::kRemovePod:
      RemovePod(message.remove_pod().pod_id());
      break;
    case node::v1::ToProxy::kConfig:
      TakeConfig(message.config());
      break;
    case node::v1::ToProxy::kDialSockets:
      TakeDialSockets(message.dial_sockets(), std::move(fds));
      break;
    case node::v1::ToProxy::kStatsRequest:
      SendStats(message.stats_request().id());
      break;
    case node::v1::ToProxy::kDrain:
      StartDrain(message.drain().deadline_ms());
      break;
    case node::v1::ToProxy::KIND_NOT_SET:
      break;  // A kind that a newer agent knows.
  }
  return absl::OkStatus();
}

absl::Status AgentLink::Configure(const node::v1::Configure& configure,
                                  std::vector<base::UniqueFd> fds) {
  const AccessLogFormat format = ToFormat(configure.access_log_format());
  const size_t fds_wanted = format == AccessLogFormat::kOff ? 1 : 2;
  if (!workers_.empty() || fds.size() != fds_wanted || configure.worker_count() < 1 ||
      configure.worker_count() > base::kWorkersMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("Configure: worker_count=", configure.worker_count(),
                     " descriptors=", fds.size(), ": not acceptable"));
  }
  if (fds.size() > 1) access_log_ = std::move(fds[1]);
  const OriginalDestinationLookup lookup = make_lookup_(std::move(fds[0]));
  path_level_ = ToLevel(configure.path_normalization());
  config_ = RuntimeConfig::Build(builder_.Build(0), nullptr, names_, path_level_);
  const WorkerRequests requests{
      .sockets_wanted = [this](uint32_t worker, const DialSocketKey& key, uint32_t count) {
        mailbox_.Post([this, worker, key, count] { AskForSockets(worker, key, count); });
      }};
  const WorkerLimits limits{.buffered_bytes_max = kBufferedBytesMax / configure.worker_count()};
  for (uint32_t i = 0; i < configure.worker_count(); ++i) {
    workers_.push_back(
        std::make_unique<Worker>(WorkerOptions{.index = i,
                                               .worker_count = configure.worker_count(),
                                               .is_accelerated = configure.is_accelerated(),
                                               .spin_ns = kSpinTime,
                                               .access_log_format = format,
                                               .access_log_fd = access_log_.get(),
                                               .path_normalisation = path_level_,
                                               .limits = limits},
                                 lookup, requests));
    if (absl::Status status = workers_.back()->Start(config_); !status.ok()) {
      is_host_unfit_ = absl::IsUnavailable(status);
      return status;
    }
  }
  // Everything that needs more system calls (threads, rings) exists now.
  if (absl::Status status = DropToServing(); !status.ok()) return status;
  node::v1::ToAgent ready;
  ready.mutable_ready();
  Send(ready);
  return absl::OkStatus();
}

absl::Status AgentLink::AddPod(const node::v1::AddPod& pod, std::vector<base::UniqueFd> fds) {
  auto specs = ReadAddPod(pod, std::move(fds), static_cast<uint32_t>(workers_.size()));
  if (!specs.ok()) return specs.status();
  for (auto& worker : workers_) {
    auto spec = std::make_shared<LocalPodSpec>(std::move((*specs)[worker->index()]));
    worker->Post([target = worker.get(), spec] { target->AddPod(std::move(*spec)); });
  }
  AfterAllWorkers([this, pod_id = pod.pod_id()] {
    node::v1::ToAgent added;
    added.mutable_pod_added()->set_pod_id(pod_id);
    Send(added);
  });
  return absl::OkStatus();
}

void AgentLink::RemovePod(uint32_t pod_id) {
  for (auto& worker : workers_) {
    worker->Post([target = worker.get(), pod_id] { target->RemovePod(pod_id); });
  }
  AfterAllWorkers([this, pod_id] {
    node::v1::ToAgent removed;
    removed.mutable_pod_removed()->set_pod_id(pod_id);
    Send(removed);
  });
}

void AgentLink::TakeConfig(const node::v1::ConfigDelta& delta) {
  const auto note = [&](const std::string& reason) {
    if (!reason.empty()) base::LogWarning("resource refused", {{"reason", reason}});
  };
  for (const std::string& name : delta.removed_addresses()) builder_.RemoveAddress(name);
  for (const std::string& name : delta.removed_route_tables()) builder_.RemoveRouteTable(name);
  for (const auto& address : delta.addresses()) note(builder_.PutAddress(address));
  for (const auto& named : delta.route_tables())
    note(builder_.PutRouteTable(named.name(), named.table()));
  if (delta.is_last()) PublishConfig(delta.version());
}

void AgentLink::PublishConfig(uint64_t version) {
  config_ = RuntimeConfig::Build(builder_.Build(version), config_.get(), names_, path_level_);
  for (const std::string& conflict : builder_.Conflicts()) {
    base::LogWarning("address claimed twice", {{"conflict", conflict}});
  }
  for (auto& worker : workers_) {
    worker->Post([target = worker.get(), config = config_] { target->SetConfig(config); });
  }
  AfterAllWorkers([this, version] {
    node::v1::ToAgent applied;
    applied.mutable_config_applied()->set_version(version);
    Send(applied);
  });
}

void AgentLink::AskForSockets(uint32_t worker, const DialSocketKey& key, uint32_t count) {
  sockets_asked_[{key.pod_id, static_cast<uint8_t>(key.kind), key.is_v6}].push_back(worker);
  node::v1::ToAgent message;
  node::v1::SocketsWanted& wanted = *message.mutable_sockets_wanted();
  wanted.set_pod_id(key.pod_id);
  wanted.set_kind(key.kind == DialKind::kToLocalPod ? node::v1::TO_LOCAL_POD : node::v1::FROM_POD);
  wanted.set_family(key.is_v6 ? node::v1::IPV6 : node::v1::IPV4);
  wanted.set_count(count);
  Send(message);
}

void AgentLink::TakeDialSockets(const node::v1::DialSockets& message,
                                std::vector<base::UniqueFd> fds) {
  const DialSocketKey key{
      .pod_id = message.pod_id(),
      .kind = message.kind() == node::v1::TO_LOCAL_POD ? DialKind::kToLocalPod : DialKind::kFromPod,
      .is_v6 = message.family() == node::v1::IPV6};
  const auto asked = sockets_asked_.find({key.pod_id, static_cast<uint8_t>(key.kind), key.is_v6});
  if (asked == sockets_asked_.end() || asked->second.empty())
    return;  // Not asked for: closed here.
  if (fds.empty()) {
    base::LogWarning("the agent could make no sockets",
                     {{"pod_id", message.pod_id()}, {"reason", message.error()}});
  }
  const uint32_t worker = asked->second.front();
  asked->second.erase(asked->second.begin());
  if (asked->second.empty()) sockets_asked_.erase(asked);
  auto sockets = std::make_shared<std::vector<base::UniqueFd>>(std::move(fds));
  workers_[worker]->Post([target = workers_[worker].get(), key, sockets] {
    target->AddDialSockets(key, std::move(*sockets));
  });
}

void AgentLink::SendStats(uint64_t id) {
  std::vector<const Counters*> counters;
  for (auto& worker : workers_) counters.push_back(&worker->counters());
  for (const node::v1::Stats& part : CollectStats(counters, names_.names(), config_.get(), id)) {
    node::v1::ToAgent message;
    *message.mutable_stats() = part;
    Send(message);
  }
}

void AgentLink::StartDrain(uint32_t deadline_ms) {
  drain_deadline_ns_ = base::MonotonicNanos() + deadline_ms * kMillisecond;
  for (auto& worker : workers_) worker->Post([target = worker.get()] { target->StartDrain(); });
}

void AgentLink::AfterAllWorkers(std::function<void()> done) {
  auto remaining = std::make_shared<std::atomic<size_t>>(workers_.size());
  for (auto& worker : workers_) {
    worker->Post([this, remaining, done] {
      if (remaining->fetch_sub(1) == 1) mailbox_.Post(done);
    });
  }
}

void AgentLink::Send(const node::v1::ToAgent& message) {
  const std::string bytes = message.SerializeAsString();
  if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    base::LogError("cannot send to the agent", {{"error", std::strerror(errno)}});
  }
}

}  // namespace sluice::proxy
