#include "userspace/proxy/pod_message.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace sluice::proxy {
namespace {

node::v1::AddPod Message() {
  node::v1::AddPod message;
  message.set_pod_id(3);
  message.set_workload_uid("uid");
  message.add_addresses(std::string("\x0a\x00\x00\x01", 4));
  for (const node::v1::ListenerKind kind : {node::v1::OUTBOUND, node::v1::INBOUND}) {
    for (uint32_t worker = 0; worker < 2; ++worker) {
      node::v1::Listener& listener = *message.add_listeners();
      listener.set_kind(kind);
      listener.set_worker(worker);
    }
  }
  return message;
}

std::vector<base::UniqueFd> Descriptors(size_t count) {
  std::vector<base::UniqueFd> fds;
  while (fds.size() < count) fds.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return fds;
}

TEST(PodMessageTest, GivesEachWorkerItsOwnListeners) {
  std::vector<base::UniqueFd> fds = Descriptors(4);
  const int inbound_of_second = fds[3].get();

  const auto specs = ReadAddPod(Message(), std::move(fds), 2);

  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ(specs->size(), 2u);
  EXPECT_EQ((*specs)[1].pod_id, 3u);
  EXPECT_EQ((*specs)[1].addresses.at(0).ToString(), "10.0.0.1");
  ASSERT_EQ((*specs)[1].listeners.size(), 2u);
  EXPECT_FALSE((*specs)[1].listeners[0].is_inbound);
  EXPECT_TRUE((*specs)[1].listeners[1].is_inbound);
  EXPECT_EQ((*specs)[1].listeners[1].fd.get(), inbound_of_second);
}

TEST(PodMessageTest, RefusesWhatItCannotServeWhole) {
  const std::function<void(node::v1::AddPod&)> faults[] = {
      [](auto& message) { message.set_pod_id(0); },
      [](auto& message) { message.add_listeners()->set_kind(node::v1::INBOUND); },
      [](auto& message) { message.mutable_listeners(2)->set_worker(2); },
      [](auto& message) { message.mutable_listeners(0)->clear_kind(); },
      [](auto& message) {
        message.mutable_listeners(0)->set_kind(static_cast<node::v1::ListenerKind>(7));
      },
      [](auto& message) { message.add_addresses("12345"); }};
  for (size_t i = 0; i < std::size(faults); ++i) {
    node::v1::AddPod message = Message();
    faults[i](message);

    EXPECT_FALSE(ReadAddPod(message, Descriptors(4), 2).ok()) << "fault " << i;
  }
}

}  // namespace
}  // namespace sluice::proxy
