// Keeps the configuration of an exchange alive while the worker may already have a newer one,
// without an atomic operation per request. Thread: one worker.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "userspace/proxy/runtime_config.h"

namespace sluice::proxy {

struct PinnedConfig {
  std::shared_ptr<const RuntimeConfig> config;
  uint32_t pins = 0;
};

class ConfigPin {
 public:
  ConfigPin() = default;
  explicit ConfigPin(PinnedConfig* pinned) : pinned_(pinned) { ++pinned_->pins; }
  ConfigPin(ConfigPin&& other) noexcept : pinned_(std::exchange(other.pinned_, nullptr)) {}
  ConfigPin& operator=(ConfigPin&& other) noexcept {
    Reset();
    pinned_ = std::exchange(other.pinned_, nullptr);
    return *this;
  }
  ~ConfigPin() { Reset(); }

  // The last pin of a configuration that the worker has replaced frees it.
  void Reset() {
    if (pinned_ == nullptr) return;
    PinnedConfig* pinned = std::exchange(pinned_, nullptr);
    if (--pinned->pins == 0) delete pinned;
  }
  ConfigPin Clone() const { return ConfigPin(pinned_); }
  const RuntimeConfig* operator->() const { return pinned_->config.get(); }
  const RuntimeConfig& operator*() const { return *pinned_->config; }
  explicit operator bool() const { return pinned_ != nullptr; }

 private:
  PinnedConfig* pinned_ = nullptr;
};

}  // namespace sluice::proxy
