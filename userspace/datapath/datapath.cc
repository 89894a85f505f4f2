#include "userspace/datapath/datapath.h"

#include <fcntl.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi/abi.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/cgroup_root.h"
#include "userspace/datapath/earlier_runs.h"
#include "userspace/datapath/layout.h"
#include "userspace/datapath/level.h"
#include "userspace/datapath/map_change.h"
#include "userspace/datapath/probe.h"
#include "userspace/datapath/programs.h"

namespace sluice::datapath {
namespace {

// BPF_NOEXIST; the number is part of the kernel's interface.
constexpr uint64_t kOnlyIfNew = 1;

struct EnrolledPod {
  std::vector<base::IpAddress> addresses;
  sluice_pod value;  // As the kernel's table has it.
};

class KernelDatapath final : public Datapath {
 public:
  KernelDatapath(std::unique_ptr<Programs> programs, EarlierRuns earlier)
      : programs_(std::move(programs)), earlier_(std::move(earlier)) {}
  ~KernelDatapath() override = default;  // Programs takes away what is this run's.

  absl::Status Start(const DatapathOptions& options);

  LevelChoice ChooseLevel(Acceleration requested) const override;
  const std::vector<ProbeResult>& probes() const override { return probes_; }
  absl::Status EnrolPod(const PodSockets& pod) override;
  absl::Status RemovePod(uint64_t netns_cookie) override;
  std::vector<uint64_t> EarlierPods() const override { return earlier_.Pods(); }
  void ReleaseEarlierPod(uint64_t netns_cookie) override { earlier_.Release(netns_cookie); }
  absl::Status SetAcceleration(uint64_t netns_cookie, Acceleration requested) override;
  absl::StatusOr<MapChange> SyncDestinations(std::vector<Destination> desired) override;
  absl::Status MarkDialSocket(int fd) override;
  int original_destinations_fd() const override {
    return programs_->map_fd(MapName::kOriginalDestinations);
  }
  std::vector<KernelCounter> ReadCounters() const override { return programs_->ReadCounters(); }
  std::vector<KernelCounter> MapWrites() const override { return programs_->MapWrites(); }
  absl::Status Detach() override {
    earlier_.ReleaseAll();
    return programs_->Detach();
  }
  void Leave() override { programs_->Leave(); }

 private:
  absl::Status AddInbound(const PodSockets& pod, EnrolledPod& enrolled);
  absl::Status AddAddress(const PodSockets& pod, const base::IpAddress& address, int listener,
                          EnrolledPod& enrolled);
  sluice_pod PodValue(const PodSockets& pod) const;
  absl::Status RemoveInbound(uint64_t netns_cookie, const EnrolledPod& enrolled);
  absl::Status Apply(const DestinationChange& change, MapChange& done);

  std::unique_ptr<Programs> programs_;
  EarlierRuns earlier_;
  std::vector<ProbeResult> probes_;
  std::map<uint64_t, EnrolledPod> pods_;   // By netns cookie.
  std::vector<Destination> destinations_;  // What the kernel's table holds, normalised.
};

absl::Status KernelDatapath::Start(const DatapathOptions& options) {
  std::string cgroup_dir = options.cgroup_dir;
  if (cgroup_dir.empty()) {
    auto found = FindCgroupRoot();
    if (!found.ok()) return found.status();
    cgroup_dir = *std::move(found);
  }
  const base::UniqueFd cgroup(open(cgroup_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.is_valid())
    return base::ErrnoStatus(errno, absl::StrCat("opening the cgroup ", cgroup_dir));
  SLUICE_RETURN_IF_ERROR(programs_->Attach(cgroup.get(), earlier_.own_dir()));
  // Also where nobody asks for acceleration yet: a pod may do so later.
  if (!programs_->has_splice()) return absl::OkStatus();
  probes_ = RunProbes(*programs_);
  return programs_->ClearCounters();  // What the probes did is no traffic of a pod.
}

LevelChoice KernelDatapath::ChooseLevel(Acceleration requested) const {
  if (requested == Acceleration::kOff || programs_->has_splice()) {
    return datapath::ChooseLevel(requested, probes_);
  }
  return {Acceleration::kOff,
          absl::StrCat("this kernel refuses the splice program: ", programs_->splice_error())};
}

absl::Status KernelDatapath::AddAddress(const PodSockets& pod, const base::IpAddress& address,
                                        int listener, EnrolledPod& enrolled) {
  if (address.is_unspecified()) return absl::OkStatus();
  const sluice_address key = ToAbi(address);
  SLUICE_RETURN_IF_ERROR(base::Wrap(
      programs_->Write(MapName::kAddresses, &key, &pod.pod_id, kOnlyIfNew),
      absl::StrCat("taking the address ", address.ToString(), " (does another pod have it?)")));
  enrolled.addresses.push_back(address);
  if (listener < 0) return absl::OkStatus();  // Connections to this family are refused.
  const uint64_t fd = static_cast<uint64_t>(listener);
  return base::Wrap(programs_->Write(MapName::kListeners, &key, &fd),
                    absl::StrCat("taking the inbound listener of ", address.ToString()));
}

absl::Status KernelDatapath::AddInbound(const PodSockets& pod, EnrolledPod& enrolled) {
  SLUICE_RETURN_IF_ERROR(AddAddress(pod, pod.address_v4, pod.inbound_listener_v4, enrolled));
  SLUICE_RETURN_IF_ERROR(AddAddress(pod, pod.address_v6, pod.inbound_listener_v6, enrolled));
  return programs_->AttachInbound(pod.netns_cookie, pod.netns_fd);
}

sluice_pod KernelDatapath::PodValue(const PodSockets& pod) const {
  sluice_pod value{.address_v4 = {},
                   .address_v6 = {},
                   .id = pod.pod_id,
                   .level = ToAbi(ChooseLevel(pod.acceleration).level)};
  if (!pod.address_v4.is_unspecified()) value.address_v4 = ToAbi(pod.address_v4);
  if (!pod.address_v6.is_unspecified()) value.address_v6 = ToAbi(pod.address_v6);
  return value;
}

absl::Status KernelDatapath::EnrolPod(const PodSockets& pod) {
  if (pod.pod_id == 0 || pod.netns_cookie == 0) {
    return absl::InvalidArgumentError("a pod needs an id and a namespace cookie, both above 0");
  }
  if (pods_.contains(pod.netns_cookie)) {
    return absl::AlreadyExistsError(
        absl::StrCat("the namespace ", pod.netns_cookie, " is enrolled already"));
  }
  EnrolledPod enrolled{.addresses = {}, .value = PodValue(pod)};
  absl::Status status = AddInbound(pod, enrolled);
  if (status.ok()) status = programs_->Write(MapName::kPods, &pod.netns_cookie, &enrolled.value);
  if (!status.ok()) {
    RemoveInbound(pod.netns_cookie, enrolled).IgnoreError();  // The first error is the one to tell.
    return base::Wrap(status, absl::StrCat("enrolling pod ", pod.pod_id));
  }
  pods_.emplace(pod.netns_cookie, std::move(enrolled));
  earlier_.Release(pod.netns_cookie);  // Only now: one of the two always captures the pod.
  return absl::OkStatus();
}

absl::Status KernelDatapath::RemoveInbound(uint64_t netns_cookie, const EnrolledPod& enrolled) {
  programs_->DetachInbound(netns_cookie);
  absl::Status status;
  for (const base::IpAddress& address : enrolled.addresses) {
    const sluice_address key = ToAbi(address);
    status.Update(programs_->Delete(MapName::kListeners, &key));
    status.Update(programs_->Delete(MapName::kAddresses, &key));
  }
  return status;
}

absl::Status KernelDatapath::RemovePod(uint64_t netns_cookie) {
  const auto found = pods_.find(netns_cookie);
  if (found == pods_.end()) {
    return absl::NotFoundError(absl::StrCat("the namespace ", netns_cookie, " is not enrolled"));
  }
  absl::Status status = programs_->Delete(MapName::kPods, &netns_cookie);
  status.Update(RemoveInbound(netns_cookie, found->second));
  if (status.ok()) pods_.erase(found);  // Else the caller tries again.
  return base::Wrap(status, "removing a pod from the kernel");
}

absl::Status KernelDatapath::SetAcceleration(uint64_t netns_cookie, Acceleration requested) {
  const auto found = pods_.find(netns_cookie);
  if (found == pods_.end()) {
    return absl::NotFoundError(absl::StrCat("the namespace ", netns_cookie, " is not enrolled"));
  }
  sluice_pod value = found->second.value;
  value.level = ToAbi(ChooseLevel(requested).level);
  SLUICE_RETURN_IF_ERROR(base::Wrap(programs_->Write(MapName::kPods, &netns_cookie, &value),
                                    "changing a pod's acceleration"));
  found->second.value = value;
  return absl::OkStatus();
}

absl::Status KernelDatapath::Apply(const DestinationChange& change, MapChange& done) {
  for (const Destination& destination : change.written) {
    const sluice_destination_key key = DestinationKey(destination.address, destination.port);
    static_assert(static_cast<int>(FlowPath::kPass) == SLUICE_PATH_PASS);
    static_assert(static_cast<int>(FlowPath::kProxy) == SLUICE_PATH_PROXY);
    static_assert(static_cast<int>(FlowPath::kDeny) == SLUICE_PATH_DENY);
    const uint32_t path = static_cast<uint32_t>(destination.path);
    SLUICE_RETURN_IF_ERROR(programs_->Write(MapName::kDestinations, &key, &path));
    ++done.written;
  }
  for (const Destination& destination : change.deleted) {
    const sluice_destination_key key = DestinationKey(destination.address, destination.port);
    SLUICE_RETURN_IF_ERROR(programs_->Delete(MapName::kDestinations, &key));
    ++done.deleted;
  }
  return absl::OkStatus();
}

absl::StatusOr<MapChange> KernelDatapath::SyncDestinations(std::vector<Destination> desired) {
  auto normalised = NormaliseDestinations(std::move(desired));
  if (!normalised.ok()) return normalised.status();
  const DestinationChange change = ComputeMapChange(destinations_, *normalised);
  MapChange done;
  if (absl::Status status = Apply(change, done); !status.ok()) {
    // The next call must see what did reach the kernel, or an entry would stay there for ever.
    destinations_ = AfterPartOf(std::move(destinations_), change, done);
    return base::Wrap(status, "writing the destinations");
  }
  destinations_ = *std::move(normalised);
  return done;
}

absl::Status KernelDatapath::MarkDialSocket(int fd) {
  const uint32_t mark = 1;
  return base::Wrap(programs_->Write(MapName::kDialMarks, &fd, &mark), "marking a dial socket");
}

}  // namespace

const char* AccelerationName(Acceleration level) {
  switch (level) {
    case Acceleration::kOff:
      return "off";
    case Acceleration::kSend:
      return "send";
    case Acceleration::kFull:
      return "full";
  }
  return "unknown";
}

absl::StatusOr<std::unique_ptr<Datapath>> Datapath::Create(const DatapathOptions& options) {
  auto earlier = EarlierRuns::Find(options.bpffs_dir);
  if (!earlier.ok()) return earlier.status();
  auto programs = Programs::Load();
  if (!programs.ok()) return programs.status();
  auto datapath = std::make_unique<KernelDatapath>(*std::move(programs), *std::move(earlier));
  SLUICE_RETURN_IF_ERROR(datapath->Start(options));
  return datapath;
}

}  // namespace sluice::datapath
