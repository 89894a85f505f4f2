// What a process of ours says by its exit code to the one that started it.
#pragma once

namespace sluice::base {

// The proxy cannot serve on this host, whatever is tried again: its log says why (io_uring).
inline constexpr int kExitHostUnfit = 69;  // EX_UNAVAILABLE of sysexits.h.

}  // namespace sluice::base
