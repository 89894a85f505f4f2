// A pod of this node as one worker knows it: who it is, its listeners, and the stock of sockets the
// agent has made in its namespace for us to dial with. Thread: one worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "userspace/base/address.h"
#include "userspace/base/intrusive_list.h"
#include "userspace/base/unique_fd.h"
#include "userspace/proxy/local_pod_spec.h"

namespace sluice::proxy {

class Acceptor;
class Dial;
class Worker;

enum class DialKind : uint8_t {
  kToLocalPod,  // Made in the server pod's namespace; the client's address is bound.
  kFromPod,     // Made in the client pod's namespace.
};

struct DialSocketKey {
  uint32_t pod_id = 0;
  DialKind kind = DialKind::kToLocalPod;
  bool is_v6 = false;
  friend bool operator==(const DialSocketKey&, const DialSocketKey&) = default;
};

struct DialWaitTag;

// Sockets of one kind and family. Asks for more before it runs dry; when it does, dials wait in
// order.
class DialSocketStock {
 public:
  DialSocketStock(Worker& worker, DialSocketKey key) : worker_(worker), key_(key) {}

  base::UniqueFd Take();  // Invalid if the stock is empty: then Wait.
  void Wait(Dial& dial);
  void Add(std::vector<base::UniqueFd> sockets);  // An empty vector: the agent could not make any.

  // By dials: from Start to their end, since they may come back for another socket.
  void AddUser() { ++user_count_; }
  void RemoveUser() { --user_count_; }
  bool is_in_use() const { return user_count_ > 0; }

 private:
  void AskForMore();

  Worker& worker_;
  const DialSocketKey key_;
  bool is_asked_ = false;
  uint32_t user_count_ = 0;
  std::vector<base::UniqueFd> sockets_;
  base::IntrusiveList<Dial, DialWaitTag> waiting_;
};

class LocalPod {
 public:
  LocalPod(Worker& worker, LocalPodSpec spec);
  ~LocalPod();

  uint32_t id() const { return spec_.pod_id; }
  const std::string& uid() const { return spec_.uid; }
  const std::string& name() const { return spec_.name; }
  const std::string& namespace_name() const { return spec_.namespace_name; }
  uint64_t netns_cookie() const { return spec_.netns_cookie; }
  const std::vector<base::IpAddress>& addresses() const { return spec_.addresses; }
  // The pod's address of a family; null if it has none.
  const base::IpAddress* AddressOfFamily(bool is_v6) const;
  DialSocketStock& stock(DialKind kind, bool is_v6);

  void StartAccepting();  // Again is no change.
  void StopAccepting();
  // Stopped: nothing of the listeners is in the ring and no dial uses a stock; may be freed.
  bool is_idle() const;

 private:
  LocalPodSpec spec_;
  DialSocketStock stocks_[2][2];
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
};

}  // namespace sluice::proxy
