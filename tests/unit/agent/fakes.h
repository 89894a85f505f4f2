// Second bodies of the agent's rims, which write down what is done to them in one list, in order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/agent/pod_host.h"
#include "userspace/agent/proxy_port.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

using Deeds = std::vector<std::string>;

class FakeKernel : public datapath::Datapath {
 public:
  explicit FakeKernel(Deeds& deeds) : deeds_(deeds) {}
  datapath::LevelChoice ChooseLevel(datapath::Acceleration requested) const override {
    return {requested, ""};
  }
  const std::vector<datapath::ProbeResult>& probes() const override { return probes_; }
  absl::Status EnrolPod(const datapath::PodSockets& pod) override {
    if (!enrol_error.empty()) return absl::InternalError(enrol_error);
    deeds_.push_back(absl::StrCat("enrol ", pod.netns_cookie, " ",
                                  datapath::AccelerationName(pod.acceleration)));
    std::erase(earlier_pods, pod.netns_cookie);
    return absl::OkStatus();
  }
  absl::Status RemovePod(uint64_t cookie) override {
    deeds_.push_back(absl::StrCat("kernel remove ", cookie));
    return absl::OkStatus();
  }
  std::vector<uint64_t> EarlierPods() const override { return earlier_pods; }
  void ReleaseEarlierPod(uint64_t cookie) override {
    deeds_.push_back(absl::StrCat("release ", cookie));
    std::erase(earlier_pods, cookie);
  }
  absl::Status SetAcceleration(uint64_t cookie, datapath::Acceleration requested) override {
    if (!accelerate_error.empty()) return absl::InternalError(accelerate_error);
    deeds_.push_back(
        absl::StrCat("accelerate ", cookie, " ", datapath::AccelerationName(requested)));
    return absl::OkStatus();
  }
  absl::StatusOr<datapath::MapChange> SyncDestinations(
      std::vector<datapath::Destination> desired) override {
    if (!sync_error.empty()) return absl::InternalError(sync_error);
    std::string text = "sync";
    for (const auto& destination : desired) {
      absl::StrAppend(&text, " ", destination.address.ToString(), ":", destination.port,
                      destination.path == datapath::FlowPath::kDeny ? "-" : "");
    }
    deeds_.push_back(text);
    return datapath::MapChange{};
  }
  absl::Status MarkDialSocket(int) override { return absl::OkStatus(); }
  int original_destinations_fd() const override { return -1; }
  std::vector<datapath::KernelCounter> ReadCounters() const override { return {}; }
  std::vector<datapath::KernelCounter> MapWrites() const override { return {}; }
  absl::Status Detach() override { return absl::OkStatus(); }
  void Leave() override {}

  std::vector<uint64_t> earlier_pods;
  std::string enrol_error;
  std::string accelerate_error;
  std::string sync_error;

 private:
  Deeds& deeds_;
  std::vector<datapath::ProbeResult> probes_;
};

class FakeProxy : public ProxyPort {
 public:
  explicit FakeProxy(Deeds& deeds) : deeds_(deeds) {}
  void Send(const node::v1::ToProxy& message, std::vector<SharedFd>) override {
    switch (message.kind_case()) {
      case node::v1::ToProxy::kAddPod:
        deeds_.push_back(absl::StrCat("add pod ", message.add_pod().pod_id(),
                                      message.add_pod().has_more() ? " and more" : ""));
        break;
      case node::v1::ToProxy::kRemovePod:
        deeds_.push_back(absl::StrCat("remove pod ", message.remove_pod().pod_id()));
        break;
      case node::v1::ToProxy::kConfig:
        deeds_.push_back(absl::StrCat("config ", message.config().version(), " +",
                                      message.config().addresses_size(), " -",
                                      message.config().removed_addresses_size()));
        break;
      default:
        deeds_.push_back("other");
    }
  }

 private:
  Deeds& deeds_;
};

class FakeHost : public PodHost {
 public:
  explicit FakeHost(Deeds& deeds) : deeds_(deeds) {}
  NamespaceObservation Observe(const std::string& path, const NamespaceObservation*) override {
    const auto found = cookies.find(path);
    if (found == cookies.end()) return {.error = path + " is gone"};
    return {.error = "", .device = 1, .inode = found->second, .cookie = found->second};
  }
  absl::StatusOr<PreparedNamespace> Prepare(const std::string&, uint64_t cookie) override {
    if (!prepare_error.empty()) return absl::InternalError(prepare_error);
    deeds_.push_back(absl::StrCat("prepare ", cookie));
    PreparedNamespace prepared;
    prepared.cookie = cookie;
    prepared.fd = std::make_shared<const base::UniqueFd>();
    return prepared;
  }
  absl::Status Restore(const PreparedNamespace& prepared) override {
    deeds_.push_back(absl::StrCat("restore ", prepared.cookie));
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> CountHops(const PreparedNamespace&) override {
    if (!count_error.empty()) return absl::InternalError(count_error);
    return hops;
  }
  uint64_t home_cookie() const override { return 1; }

  std::map<std::string, uint64_t> cookies;
  std::string prepare_error;
  std::string count_error;
  size_t hops = 0;

 private:
  Deeds& deeds_;
};

}  // namespace sluice::agent
