// Who claims which address, and who has it: the claimant whose name sorts first. Keeps what has
// changed hands since the last look, so that only those index entries are written again. Thread:
// the builder's.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace sluice::model {

template <typename Address>
class Claims {
 public:
  void Add(const Address& address, const std::string& claimant) {
    std::set<std::string>& claimants = claimants_[address];
    claimants.insert(claimant);
    if (claimants.size() == 2) contested_.insert(address);
    touched_.insert(address);
  }

  void Remove(const Address& address, const std::string& claimant) {
    const auto found = claimants_.find(address);
    if (found == claimants_.end() || found->second.erase(claimant) == 0) return;
    if (found->second.size() == 1) contested_.erase(address);
    if (found->second.empty()) claimants_.erase(found);
    touched_.insert(address);
  }

  // The value behind the claim changed though its owner did not.
  void Touch(const Address& address) { touched_.insert(address); }

  // Null if nobody claims it. Borrowed until the next change.
  const std::string* Owner(const Address& address) const {
    const auto found = claimants_.find(address);
    return found == claimants_.end() ? nullptr : &*found->second.begin();
  }

  absl::flat_hash_set<Address> TakeTouched() { return std::exchange(touched_, {}); }

  // Contested addresses in order, each with its claimants: the owner first.
  const std::set<Address>& contested() const { return contested_; }
  const std::set<std::string>& ClaimantsOf(const Address& address) const {
    return claimants_.at(address);
  }

 private:
  absl::flat_hash_map<Address, std::set<std::string>> claimants_;
  std::set<Address> contested_;
  absl::flat_hash_set<Address> touched_;
};

}  // namespace sluice::model
