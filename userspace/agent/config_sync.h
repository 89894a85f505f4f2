// Keeps the proxy's configuration and the kernel's destinations equal to the resources, in the
// order that never leads traffic to somebody who does not know it: add to the proxy before the
// kernel, remove from the kernel before the proxy.
//   kernel at all times = what follows from the wanted resources AND from those the proxy last
//   confirmed
// so that additions wait for the proxy's word and removals do not.
// Borrows: both rims, which outlive it. Thread: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "userspace/agent/desired_state.h"
#include "userspace/agent/proxy_port.h"
#include "userspace/agent/resources.h"
#include "userspace/datapath/datapath.h"

namespace sluice::agent {

class ConfigSync {
 public:
  ConfigSync(datapath::Datapath& kernel, ProxyPort& proxy) : kernel_(kernel), proxy_(proxy) {}

  // A new proxy holds nothing; the kernel keeps what it has, so connections wait for it.
  void ProxyReady();
  void ProxyGone();
  // False: not a version that was sent; nothing changes.
  bool Applied(uint64_t version, const std::string& error);

  // Does what can be done now. Equal configuration does nothing. `generation` counts changes of
  // `resources`.
  void Step(const Resources& resources, uint64_t generation,
            const std::vector<base::IpAddress>& pod_addresses);

  // This proxy has confirmed some configuration: pods may be given to it.
  bool has_proxy_config() const { return has_proxy_config_; }
  // Proxy and kernel are equal to the resources of the last Step().
  bool is_settled() const { return is_settled_; }
  uint64_t version() const { return confirmed_version_; }
  uint64_t sent_resource_count() const { return sent_resource_count_; }  // Put or removed.
  const std::string& error() const {
    return error_;
  }  // Why it does not settle; may be empty while it is under way.

 private:
  struct Pending {
    uint64_t version = 0;
    uint64_t generation = 0;
    Resources resources;  // Addresses and route tables only.
  };
  void SyncKernel(const Resources& resources, const std::vector<base::IpAddress>& pod_addresses);
  void SendChange(const Resources& resources, uint64_t generation);

  datapath::Datapath& kernel_;
  ProxyPort& proxy_;
  bool is_proxy_ready_ = false;
  bool has_proxy_config_ = false;
  bool is_settled_ = false;
  uint64_t last_version_ = 0;
  uint64_t confirmed_version_ = 0;
  uint64_t confirmed_generation_ = 0;
  uint64_t sent_resource_count_ = 0;
  uint64_t refused_generation_ = 0;  // Not sent again until something changes.
  std::string error_;
  Resources held_;       // By the running proxy.
  Resources confirmed_;  // By this or an earlier proxy: what the kernel may lead to.
  std::optional<Pending> pending_;
  std::optional<std::vector<datapath::Destination>> synced_;
};

}  // namespace sluice::agent
