// What a process of ours says by its exit code to the one that started it.
#pragma once

namespace sluice::base {

// The agent ended as it was told and left its pods closed, or a mesh ended and something of it may
// be left behind: the next run, or `sluicectl cleanup`, goes on from there.
inline constexpr int kExitLeftClosed = 3;

// The proxy cannot serve on this host, whatever is tried again: its log says why (io_uring).
inline constexpr int kExitHostUnfit = 69;  // EX_UNAVAILABLE of sysexits.h.

}  // namespace sluice::base
