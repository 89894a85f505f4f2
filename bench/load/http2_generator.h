// One thread of load over HTTP/2 without TLS: as generator.h, with several requests at once on each
// connection, and if wanted streams beside them whose reader never opens its window.
// Bounds: kConnectionsMax connections, kStreamsMax requests on each; a connection that is lost is
// an error and not opened again. Thread: one. Owns its sockets.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "bench/load/generator.h"
#include "userspace/http/h2_session.h"

namespace sluice::bench {

class Http2Generator : private http::H2Source {
 public:
  static constexpr uint32_t kConnectionsMax = 1000;
  static constexpr uint32_t kStreamsMax = 1000;

  explicit Http2Generator(const LoadOptions& options);

  // Runs the load and returns what it saw.
  Results Run();

 private:
  struct Connection {
    base::UniqueFd fd;
    std::unique_ptr<http::H2Session> session;
    std::string output;  // Made, and not yet taken by the socket.
    bool waits_to_write = false;
    bool is_dirty = false;
  };
  // Room for one request at a time.
  struct Slot {
    Connection* connection = nullptr;
    int64_t intended_ns = 0;
    uint16_t status = 0;
    bool is_busy = false;
  };

  bool Open(Connection& connection);
  void IssueDue(int64_t now_ns);
  uint32_t Submit(Connection& connection, const std::string& path, uint64_t user);
  void Wait(int64_t until_ns);
  void Receive(Connection& connection);
  void OnEvent(Connection& connection, const http::H2Event& event);
  void Finish(Slot& slot);
  void Lose(Connection& connection, uint64_t& counter);
  void MarkDirty(Connection& connection);
  void Flush();
  void Send(Connection& connection);
  void WaitToWrite(Connection& connection, bool waits);
  void CountWhatIsLeft(int64_t now_ns);
  bool HasBusy() const;
  // H2Source; requests have no content.
  void Read(uint32_t, uint64_t, char*, size_t) override {}

  LoadOptions options_;
  http::H2Limits limits_;
  http::H2HeadBuffer heads_;
  http::RequestHead head_;
  base::UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::vector<Slot> slots_;
  std::deque<Slot*> free_;
  std::vector<Connection*> dirty_;
  std::vector<char> buffer_;
  std::vector<epoll_event> events_;
  Schedule schedule_;
  int64_t measured_from_ns_ = 0;
  bool is_measured_now_ = false;
  Results results_;
};

}  // namespace sluice::bench
