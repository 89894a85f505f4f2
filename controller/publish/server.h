// Serves the delta stream on a Unix socket that only its owner may open. Never blocks and owns no
// thread: the caller polls fd() and calls Step. Bounds: kClientsMax connections, kRequestSizeMax
// per request; what waits to be sent is at most one response per type and client. A client that
// takes no byte for kStallMsMax while something waits is dropped. Thread: the one that polls fd().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "controller/publish/resources.h"
#include "controller/publish/session.h"
#include "userspace/base/unique_fd.h"

namespace sluice::controller {

inline constexpr size_t kClientsMax = 16;
inline constexpr int64_t kStallMsMax = 30000;

class DiscoveryServer {
 public:
  // A socket file that nobody listens on any more is replaced. Errors: another server lives there;
  // the path is too long or its folder is missing.
  static absl::StatusOr<std::unique_ptr<DiscoveryServer>> Listen(const std::string& path);
  ~DiscoveryServer();  // Removes the socket file.
  DiscoveryServer(const DiscoveryServer&) = delete;
  DiscoveryServer& operator=(const DiscoveryServer&) = delete;

  // The set that every client is to have from now on. Its version is given by the server; the same
  // content again changes nothing and returns false.
  bool Publish(ResourceSet resources);

  int fd() const { return poll_.get(); }  // Readable: call Step.
  void Step();

  uint64_t version() const { return resources_.version; }
  size_t client_count() const { return clients_.size(); }
  const PublishCounters& counters() const { return counters_; }

 private:
  struct Client {
    Client(base::UniqueFd socket, PublishCounters& counters);
    base::UniqueFd fd;
    Session session;
    std::string in;
    std::string out;
    size_t sent_size = 0;  // Of `out`.
    bool is_write_watched = false;
    int64_t progress_ms = 0;  // When bytes were last taken.
  };

  explicit DiscoveryServer(std::string path);
  void Accept();
  // Each returns false if the client is to be dropped.
  bool Read(Client& client);
  bool Parse(Client& client);
  bool Respond(Client& client);
  bool Flush(Client& client);
  void Drop(int fd, std::string_view reason);
  void DropStalled();

  std::string path_;
  base::UniqueFd listener_;
  base::UniqueFd timer_;
  base::UniqueFd poll_;
  std::map<int, std::unique_ptr<Client>> clients_;
  ResourceSet resources_;
  bool has_resources_ =
      false;  // Until the first set nobody is answered: an empty one would tear a node down.
  PublishCounters counters_;
};

}  // namespace sluice::controller
