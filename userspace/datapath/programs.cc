#include "userspace/datapath/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi/abi.h"
#include "userspace/base/check.h"
#include "userspace/base/errors.h"
#include "userspace/base/log.h"
#include "userspace/base/mesh_ports.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/constants.h"
#include "userspace/datapath/earlier_runs.h"
#include "userspace/datapath/pin_names.h"
#include "userspace/datapath/release.h"
#include "userspace/datapath/skeletons.h"

namespace sluice::datapath {
namespace {

constexpr size_t kLibbpfTextMax = 2048;
thread_local std::string
    libbpf_text;  // What libbpf complained about last; it has no other way to tell.

__attribute__((format(printf, 2, 0))) int CollectLibbpfText(libbpf_print_level level,
                                                            const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[1024];
  const int size = std::vsnprintf(line, sizeof line, format, arguments);
  if (size > 0 && libbpf_text.size() < kLibbpfTextMax) libbpf_text += line;
  return size;
}

struct LoadPlan {
  bool has_splice;
  bool can_set_retval;
};

void Configure(sluice_bpf* skeleton, const LoadPlan& plan) {
  // Constants for the verifier: whoever changes them changes what is checked.
  auto& config = const_cast<sluice_config&>(
      reinterpret_cast<const volatile sluice_config&>(skeleton->rodata->sluice_cfg));
  config = sluice_config{.outbound_port = base::kOutboundPort,
                         .inbound_port = base::kInboundPort,
                         .can_set_retval = plan.can_set_retval,
                         .pad0 = {},
                         .unread_high_bytes = SLUICE_UNREAD_HIGH_BYTES,
                         .unread_low_bytes = SLUICE_UNREAD_LOW_BYTES};
  bpf_program__set_autoload(skeleton->progs.sluice_splice, plan.has_splice);
}

absl::StatusOr<sluice_bpf*> LoadOnce(const LoadPlan& plan) {
  libbpf_text.clear();
  sluice_bpf* skeleton = sluice_bpf__open();
  if (skeleton == nullptr) return base::ErrnoStatus(errno, "opening the kernel programs");
  Configure(skeleton, plan);
  const int error = sluice_bpf__load(skeleton);
  if (error == 0) return skeleton;
  sluice_bpf__destroy(skeleton);
  return base::ErrnoStatus(-error, absl::StrCat("loading the kernel programs (", libbpf_text, ")"));
}

const bpf_map* MapOf(const sluice_bpf* skeleton, MapName name) {
  switch (name) {
    case MapName::kPods:
      return skeleton->maps.sluice_pods;
    case MapName::kAddresses:
      return skeleton->maps.sluice_addresses;
    case MapName::kListeners:
      return skeleton->maps.sluice_listeners;
    case MapName::kDestinations:
      return skeleton->maps.sluice_destinations;
    case MapName::kDialMarks:
      return skeleton->maps.sluice_dial_marks;
    case MapName::kOriginalDestinations:
      return skeleton->maps.sluice_original_destinations;
    case MapName::kDials:
      return skeleton->maps.sluice_dials;
    case MapName::kSpliced:
      return skeleton->maps.sluice_spliced;
    case MapName::kPairs:
      return skeleton->maps.sluice_pairs;
    case MapName::kCounters:
      return skeleton->maps.sluice_counters;
  }
  return nullptr;
}

std::string InboundPinName(uint64_t netns_cookie) {
  return absl::StrCat(kInboundPinPrefix, netns_cookie);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Programs>> Programs::Load() {
  libbpf_set_print(CollectLibbpfText);
  std::unique_ptr<Programs> programs(new Programs);
  constexpr LoadPlan kPlans[] = {{true, true}, {true, false}, {false, true}, {false, false}};
  absl::Status error;
  for (const LoadPlan& plan : kPlans) {
    auto skeleton = LoadOnce(plan);
    if (skeleton.ok()) {
      programs->skeleton_ = *skeleton;
      programs->has_splice_ = plan.has_splice;
      return programs;
    }
    error = skeleton.status();
    if (plan.has_splice) programs->splice_error_ = std::string(error.message());
  }
  return error;
}

Programs::~Programs() {
  if (absl::Status status = Detach(); !status.ok()) {
    base::LogWarning("kernel programs left behind", {{"reason", status.ToString()}});
  }
  // Not in Detach: what is under way in the sockets may still be finished then.
  if (has_splice_) ReleaseSockets(map_fd(MapName::kSpliced));
  sluice_bpf__destroy(skeleton_);
}

absl::Status Programs::Pin(bpf_link* link, const std::string& name) {
  const std::string path = absl::StrCat(pin_dir_, "/", name);
  if (const int error = bpf_link__pin(link, path.c_str())) {
    return base::ErrnoStatus(-error, absl::StrCat("pinning ", path));
  }
  return absl::OkStatus();
}

absl::Status Programs::PinMaps() {
  bpf_map* map;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (bpf_map__is_internal(map)) continue;
    const std::string path = absl::StrCat(pin_dir_, "/", bpf_map__name(map));
    if (const int error = bpf_map__pin(map, path.c_str())) {
      return base::ErrnoStatus(-error, absl::StrCat("pinning ", path));
    }
  }
  return absl::OkStatus();
}

absl::Status Programs::AttachSplice() {
  const int error = bpf_prog_attach(bpf_program__fd(skeleton_->progs.sluice_splice),
                                    map_fd(MapName::kSpliced), BPF_SK_MSG_VERDICT, 0);
  if (error != 0) return base::ErrnoStatus(-error, "attaching the splice program to its sockets");
  auto wall = BuildWall();
  if (!wall.ok()) return wall.status();
  wall_ = *std::move(wall);
  const sluice_socket_key key{};
  const uint64_t fd = static_cast<uint64_t>(wall_.refusing.get());
  return Write(MapName::kSpliced, &key, &fd);
}

absl::Status Programs::Attach(int cgroup_fd, const std::string& pin_dir) {
  pin_dir_ = pin_dir;
  if (mkdir(pin_dir_.c_str(), 0700) != 0)
    return base::ErrnoStatus(errno, absl::StrCat("making the folder ", pin_dir_));
  SLUICE_RETURN_IF_ERROR(PinMaps());
  if (has_splice_) SLUICE_RETURN_IF_ERROR(AttachSplice());
  // Names first, so that no socket is captured whose names would not be right; handshakes before
  // connect().
  const auto& programs = skeleton_->progs;
  for (bpf_program* program :
       {programs.sluice_getpeername4, programs.sluice_getpeername6, programs.sluice_getsockname4,
        programs.sluice_getsockname6, programs.sluice_establish, programs.sluice_sock_create,
        programs.sluice_connect4, programs.sluice_connect6}) {
    bpf_link* link = bpf_program__attach_cgroup(program, cgroup_fd);
    if (link == nullptr) {
      return base::ErrnoStatus(
          errno, absl::StrCat("attaching ", bpf_program__name(program), " to the cgroup root"));
    }
    links_.push_back(link);
    SLUICE_RETURN_IF_ERROR(Pin(link, absl::StrCat("link_", bpf_program__name(program))));
  }
  return absl::OkStatus();
}

absl::Status Programs::AttachInbound(uint64_t netns_cookie, int netns_fd) {
  bpf_link* link = bpf_program__attach_netns(skeleton_->progs.sluice_inbound, netns_fd);
  if (link == nullptr)
    return base::ErrnoStatus(errno, "attaching the inbound program to the namespace");
  inbound_links_[netns_cookie] = link;
  if (absl::Status pinned = Pin(link, InboundPinName(netns_cookie)); !pinned.ok()) {
    DetachInbound(netns_cookie);
    return pinned;
  }
  return absl::OkStatus();
}

void Programs::DetachInbound(uint64_t netns_cookie) {
  const auto found = inbound_links_.find(netns_cookie);
  if (found == inbound_links_.end()) return;
  unlink(absl::StrCat(pin_dir_, "/", InboundPinName(netns_cookie)).c_str());
  bpf_link__destroy(found->second);
  inbound_links_.erase(found);
}

absl::Status Programs::Detach() {
  absl::Status status;
  if (!pin_dir_.empty()) {
    status = RemovePins(pin_dir_, SocketsAre::kLeft);
    rmdir(std::filesystem::path(pin_dir_).parent_path().c_str());  // If no other run pins there.
    pin_dir_.clear();
    if (has_splice_) {
      bpf_prog_detach2(bpf_program__fd(skeleton_->progs.sluice_splice), map_fd(MapName::kSpliced),
                       BPF_SK_MSG_VERDICT);
    }
  }
  while (
      !links_.empty()) {  // Last attached first: connect() must not capture what nobody completes.
    bpf_link__destroy(links_.back());
    links_.pop_back();
  }
  for (const auto& [cookie, link] : inbound_links_) bpf_link__destroy(link);
  inbound_links_.clear();
  return status;
}

void Programs::Leave() { pin_dir_.clear(); }

int Programs::map_fd(MapName name) const { return bpf_map__fd(MapOf(skeleton_, name)); }

absl::Status Programs::Write(MapName name, const void* key, const void* value, uint64_t flags) {
  ++writes_[static_cast<size_t>(name)];
  if (bpf_map_update_elem(map_fd(name), key, value, flags) == 0) return absl::OkStatus();
  return base::ErrnoStatus(
      errno, absl::StrCat("writing to the map ", bpf_map__name(MapOf(skeleton_, name))));
}

absl::Status Programs::Delete(MapName name, const void* key) {
  ++writes_[static_cast<size_t>(name)];
  if (bpf_map_delete_elem(map_fd(name), key) == 0 || errno == ENOENT) return absl::OkStatus();
  return base::ErrnoStatus(
      errno, absl::StrCat("deleting from the map ", bpf_map__name(MapOf(skeleton_, name))));
}

std::vector<KernelCounter> Programs::MapWrites() const {
  constexpr size_t kPrefixSize = std::string_view("sluice_").size();
  std::vector<KernelCounter> counters;
  for (size_t i = 0; i < kMapCount; ++i) {
    const std::string name = bpf_map__name(MapOf(skeleton_, static_cast<MapName>(i)));
    counters.push_back({name.substr(kPrefixSize), writes_[i]});
  }
  return counters;
}

bool Programs::Read(MapName name, const void* key, void* value) const {
  return bpf_map_lookup_elem(map_fd(name), key, value) == 0;
}

std::vector<KernelCounter> Programs::ReadCounters() const {
  static constexpr const char* kNames[] = {
#define SLUICE_VERDICT_NAME(upper, lower) #lower,
      SLUICE_VERDICTS(SLUICE_VERDICT_NAME)
#undef SLUICE_VERDICT_NAME
  };
  const int cpu_count = libbpf_num_possible_cpus();
  std::vector<KernelCounter> counters;
  if (cpu_count <= 0) return counters;
  std::vector<uint64_t> per_cpu(static_cast<size_t>(cpu_count));
  for (uint32_t index = 0; index < SLUICE_VERDICT_COUNT; ++index) {
    KernelCounter counter{.name = kNames[index]};
    if (Read(MapName::kCounters, &index, per_cpu.data())) {
      for (const uint64_t value : per_cpu) counter.value += value;
    }
    counters.push_back(std::move(counter));
  }
  return counters;
}

absl::Status Programs::ClearCounters() {
  const int cpu_count = libbpf_num_possible_cpus();
  if (cpu_count <= 0) return absl::InternalError("the number of processors cannot be read");
  const std::vector<uint64_t> zeros(static_cast<size_t>(cpu_count));
  for (uint32_t index = 0; index < SLUICE_VERDICT_COUNT; ++index) {
    SLUICE_RETURN_IF_ERROR(Write(MapName::kCounters, &index, zeros.data()));
  }
  return absl::OkStatus();
}

}  // namespace sluice::datapath
