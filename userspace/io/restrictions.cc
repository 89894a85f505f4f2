#include "userspace/io/restrictions.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "userspace/base/errors.h"

namespace sluice::io {
namespace {

constexpr std::array kOperations = {IORING_OP_ACCEPT,       IORING_OP_RECV,    IORING_OP_CONNECT,
                                    IORING_OP_SEND,         IORING_OP_SENDMSG, IORING_OP_POLL_ADD,
                                    IORING_OP_ASYNC_CANCEL, IORING_OP_CLOSE};

// Debian 12's liburing declares functions for these but does not export them.
absl::Status Register(const io_uring& ring, unsigned operation, const void* argument,
                      size_t count) {
  if (syscall(SYS_io_uring_register, ring.ring_fd, operation, argument, count) == 0)
    return absl::OkStatus();
  return base::ErrnoStatus(errno, "restrict and enable the ring (Linux 5.10)");
}

}  // namespace

absl::Status RestrictAndEnable(const io_uring& ring) {
  std::array<io_uring_restriction, kOperations.size() + 1> allowed{};
  for (size_t i = 0; i < kOperations.size(); ++i) {
    allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
    allowed[i].sqe_op = static_cast<uint8_t>(kOperations[i]);
  }
  allowed.back().opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  allowed.back().sqe_flags = IOSQE_BUFFER_SELECT;
  absl::Status status =
      Register(ring, IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size());
  return status.ok() ? Register(ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) : status;
}

}  // namespace sluice::io
