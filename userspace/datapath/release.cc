#include "userspace/datapath/release.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bpf/abi/abi.h"
#include "userspace/base/log.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/skeletons.h"

namespace sluice::datapath {
namespace {

constexpr size_t kKeySizeMax = 256;  // Larger than any key of ours will be.

// A reader that is awake has read by then: looks at the sockets, and the time between two.
constexpr int kLooks = 10;
constexpr int kLookPeriodMs = 20;

using Keys = std::vector<sluice_socket_key>;

void Delete(int sockhash_fd, const Keys& keys) {
  for (const sluice_socket_key& key : keys) bpf_map_delete_elem(sockhash_fd, &key);
}

size_t CountSockets(int sockhash_fd) {
  sluice_socket_key key;
  size_t count = 0;
  for (const void* previous = nullptr;
       count < SLUICE_SPLICED_SOCKETS_MAX && bpf_map_get_next_key(sockhash_fd, previous, &key) == 0;
       previous = &key)
    ++count;
  return count;
}

void ReleaseAll(int sockhash_fd, uint32_t entries_max) {
  std::array<uint8_t, kKeySizeMax> key;
  bool has_key = bpf_map_get_next_key(sockhash_fd, nullptr, key.data()) == 0;
  for (uint32_t i = 0; has_key && i < entries_max; ++i) {
    const std::array<uint8_t, kKeySizeMax> released = key;
    has_key = bpf_map_get_next_key(sockhash_fd, released.data(), key.data()) == 0;
    bpf_map_delete_elem(sockhash_fd, released.data());
  }
}

struct DestroySkeleton {
  void operator()(sluice_unread* skeleton) const { sluice_unread__destroy(skeleton); }
};
struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

// The sockets without unread bytes; nothing if the kernel does not tell.
std::optional<Keys> ReadAll(int iterator_fd) {
  Keys keys;
  std::array<sluice_socket_key, 64> some;
  // The kernel hands out whole writes of the program, but as much of one as the buffer takes.
  size_t held = 0;
  while (true) {
    char* const begin = reinterpret_cast<char*>(some.data());
    const ssize_t size = read(iterator_fd, begin + held, sizeof some - held);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) return keys;
    held += static_cast<size_t>(size);
    const size_t whole = held / sizeof(sluice_socket_key);
    keys.insert(keys.end(), some.begin(), some.begin() + static_cast<ptrdiff_t>(whole));
    held -= whole * sizeof(sluice_socket_key);
    if (held > 0) some[0] = some[whole];
  }
}

std::optional<Keys> SocketsWithoutUnread(bpf_link* link) {
  const base::UniqueFd iterator(bpf_iter_create(bpf_link__fd(link)));
  if (!iterator.is_valid()) return std::nullopt;
  return ReadAll(iterator.get());
}

// False if the kernel does not tell; what it told is released.
bool ReleaseRead(int sockhash_fd) {
  const std::unique_ptr<sluice_unread, DestroySkeleton> skeleton(sluice_unread__open_and_load());
  if (skeleton == nullptr) return false;
  bpf_iter_link_info info{};
  info.map.map_fd = static_cast<uint32_t>(sockhash_fd);
  LIBBPF_OPTS(bpf_iter_attach_opts, options);
  options.link_info = &info;
  options.link_info_len = sizeof info;
  const std::unique_ptr<bpf_link, DestroyLink> link(
      bpf_program__attach_iter(skeleton->progs.sluice_unread, &options));
  if (link == nullptr) return false;
  for (int look = 0; look < kLooks; ++look) {
    if (look > 0) poll(nullptr, 0, kLookPeriodMs);
    const std::optional<Keys> keys = SocketsWithoutUnread(link.get());
    if (!keys) return false;
    Delete(sockhash_fd, *keys);
    if (CountSockets(sockhash_fd) == 0) return true;
  }
  base::LogInfo(
      "applications have not read all that was redirected to them: the kernel keeps it, "
      "and the program beside it, until they close",
      {{"sockets", CountSockets(sockhash_fd)}});
  return true;
}

}  // namespace

void ReleaseSockets(int sockhash_fd) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(sockhash_fd, &info, &size) != 0 || info.key_size > kKeySizeMax) return;
  const bool is_known = info.key_size == sizeof(sluice_socket_key);
  // Most often there is nobody, and nothing need be loaded to say so.
  if (is_known && CountSockets(sockhash_fd) == 0) return;
  if (!is_known || !ReleaseRead(sockhash_fd)) ReleaseAll(sockhash_fd, info.max_entries);
}

}  // namespace sluice::datapath
