// Every bound of the data plane with its default. Sizes in bytes, times in nanoseconds.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace sluice::proxy {

inline constexpr uint64_t kMicrosecond = 1'000;
inline constexpr uint64_t kMillisecond = 1'000'000;
inline constexpr uint64_t kSecond = 1'000'000'000;

// Back-pressure: above the high mark of a direction the other side is not read, below the low mark
// it is again.
inline constexpr size_t kSendQueueHigh = 512 * 1024;
inline constexpr size_t kSendQueueLow = 128 * 1024;

// All that the process holds for clients in buffers; each worker has an equal part
// (docs/adr/0010). A queue may take an eighth of what is left, and always kSendQueueLeast.
inline constexpr size_t kBufferedBytesMax = 64 * 1024 * 1024;
inline constexpr size_t kQueueShare = 8;
inline constexpr size_t kSendQueueLeast = 16 * 1024;
// Allocations from this size on are mappings of their own; segments (outbox.cc) are smaller.
inline constexpr int kOwnMappingFrom = 24 * 1024;
// A head of which so much is held is given room for the largest at once.
inline constexpr size_t kLargeHeadFrom = 8 * 1024;
inline constexpr size_t kLargeHeadRoom = 64 * 1024;
// Buffers of a connection that are kept for its next request; larger ones are given back.
inline constexpr size_t kKeptBufferMax = 4 * 1024;

// HTTP.
inline constexpr uint32_t kInterimAnswersMax = 32;  // 1xx heads of one exchange.
// Bytes held that cannot be used yet: body before the upstream is there, and later requests.
inline constexpr size_t kPipelinedInputMax = 64 * 1024;
// Rest of a request whose answer is already complete.
inline constexpr uint64_t kDiscardedBodyMax = 1024 * 1024;
inline constexpr uint64_t kRequestHeadTimeout = 60 * kSecond;
inline constexpr uint64_t kDownstreamIdleTimeout = 3600 * kSecond;  // Keep-alive between requests.
inline constexpr uint64_t kExchangeIdleTimeout = 300 * kSecond;     // No byte either way.
inline constexpr uint64_t kLingerTimeout = 2 * kSecond;         // For the client's FIN, after ours.
inline constexpr uint64_t kUpstreamIdleTimeout = 55 * kSecond;  // Below nginx's 75 s, Node's 60 s.
inline constexpr uint32_t kIdleUpstreamsPerPoolMax = 1024;
inline constexpr size_t kExchangesKept = 1024;  // Of a worker, to be used again.
// What an exchange in flight counts in the budget for buffers besides its head: a stream costs its
// client twenty bytes and us this.
inline constexpr size_t kExchangeSize = 1024;

// HTTP/2. The codec has limits of its own (http/h2_limits.h).
inline constexpr uint32_t kHttp2StreamsPerUpstreamMax = 100;  // Then the next connection is opened.
inline constexpr size_t kLaneQueueHigh = 256 * 1024;  // Content of a stream that waits to be sent.
inline constexpr size_t kLaneQueueLow = 64 * 1024;
// What the streams of a connection share of it: many that are not read hold little each.
inline constexpr size_t kLaneQueuesHigh = 1024 * 1024;
inline constexpr size_t kHttp2SendAhead = 64 * 1024;    // Frames made before the socket takes them.
inline constexpr size_t kHttp2ProduceSize = 32 * 1024;  // At once.
inline constexpr uint64_t kHttp2CheckInterval = 10 * kSecond;  // Between looks at idle times.

// What a worker deals with in a turn, beyond which reads are put back, and the part that each of
// them may have in any case (turn_share.h). In steps: one for what comes in a piece of content, as
// much as follows for a request's head or a stream's end, and for a connection to an endpoint.
inline constexpr uint32_t kTurnSteps = 1024;
inline constexpr uint32_t kTurnStepsLater = 256;  // Of what was put back.
inline constexpr uint32_t kTurnStepsLeast = 64;
inline constexpr uint32_t kStepsOfHead = 16;
inline constexpr uint32_t kHeadBytesOfStep = 64;
inline constexpr uint32_t kRefusedBytesOfStep = 8 * 1024;
inline constexpr uint32_t kStepsOfDial = 96;
inline constexpr uint32_t kStepsOfClose = 64;
inline constexpr uint32_t kStepsOfCancel = 8;  // What a closing one still has in the ring.

// Detection (docs/adr/0013): how long the first connections to a port that declares nothing wait
// for their clients' first bytes, until when a server's word is a greeting and not the end of a
// connection that nobody used, and when to look again for a receive buffer.
inline constexpr uint64_t kDetectTimeout = 100 * kMillisecond;
inline constexpr uint64_t kGreetingTime = 5 * kSecond;
inline constexpr size_t kUndeclaredPortsTold = 1000;  // To status, of those in use.
inline constexpr size_t kPodPortsRemembered = 4096;   // Dialled by their pods' addresses; a worker.
inline constexpr uint64_t kDetectRetry = kMillisecond;

// How long a drain waits for the first bytes of a client that was let in before it.
inline constexpr uint64_t kDrainFirstBytes = 250 * kMillisecond;

// Endpoints tried until one accepts the connection; HTTP and relay.
inline constexpr uint32_t kEndpointAttemptsMax = 3;

// TCP relay.
inline constexpr uint64_t kRelayIdleTimeout = 3600 * kSecond;
inline constexpr uint64_t kHalfClosedTimeout = 300 * kSecond;

// Dialling.
inline constexpr uint64_t kConnectTimeLimit = 5 * kSecond;  // From wanting a socket to connected.
inline constexpr uint32_t kDialSocketsLow = 16;             // Ask for more below this stock.
inline constexpr uint32_t kDialSocketsBatch = 64;           // Per request to the agent.
inline constexpr uint32_t kDialAttemptsMax = 16;  // Source ports tried for one connection.
// New connections to endpoints of HTTP/1.1 for streams of HTTP/2 (dial_pace.h), of a worker.
inline constexpr uint32_t kPacedDialsAtOnce = 8;       // Of a pod.
inline constexpr uint32_t kPacedDialsPerInterval = 1;  // Of all pods that want more, in turns.
inline constexpr uint64_t kDialInterval = kMillisecond;
// Source ports of dials in the name of clients outside the mesh: below the usual ephemeral ranges,
// so that the client's own connection to the same pod does not have the same four-tuple
// (docs/adr/0003).
inline constexpr uint16_t kSourcePortFirst = 10'000;
inline constexpr uint16_t kSourcePortLast = 32'767;

// What send() answers on the kernel path when the receiver's memory is full and no byte was taken
// (docs/adr/0002); the composition root asserts that the datapath agrees. Then the waits until the
// next try: the first, the longest by doubling, the longest at all (busy_wait.h).
inline constexpr int kReceiverBusyError = EINVAL;
inline constexpr uint64_t kBusyRetryFirst = 100 * kMicrosecond;
inline constexpr uint64_t kBusyRetryDoubledMax = 20 * kMillisecond;
inline constexpr uint64_t kBusyRetryShare = 16;  // Part of the time that the receiver has slept.
inline constexpr uint64_t kBusyRetryMax = kSecond;

// Accepting.
inline constexpr int kDescriptorReserve =
    1024;  // Kept free of new connections: dials and the agent need some.
// A pod may hold this many times what is left for all: alone three quarters of it.
inline constexpr int kPodShareOfLeft = 3;
constexpr bool HasPodShareLeft(int of_pod, int used, int shared) {
  return of_pod < kPodShareOfLeft * (shared - used);
}
inline constexpr uint64_t kAcceptRetry = 100 * kMillisecond;  // After EMFILE and its like.

// Messages that wait for a worker; beyond, no packet of the agent is read until it keeps up.
inline constexpr size_t kMailboxHigh = 1024;
inline constexpr int kMailboxRetryMs = 10;

// How a worker waits (docs/adr/0008): it polls for a lone client, and where many exchanges are in
// flight it yields once before it sleeps.
inline constexpr uint64_t kSpinTime = 50 * kMicrosecond;  // Before the worker sleeps.
inline constexpr uint64_t kRecentTraffic = kMillisecond;  // Since the last completion, at most.
inline constexpr uint64_t kRecentConcurrency = 10 * kMillisecond;  // Since two exchanges, at least.
inline constexpr uint32_t kYieldConcurrency = 5;                   // Exchanges in flight, at least.
inline constexpr uint64_t kYieldTimeMax = 3 * kMillisecond;  // Longer: somebody computes there,
inline constexpr uint64_t kYieldPause = 30 * kMillisecond;   // and no yield for this long.
// With fewer exchanges in flight a worker takes a short time slice, until they are as many as for a
// yield. The mean of about so many turns decides.
inline constexpr uint64_t kShortTimeSlice = 400 * kMicrosecond;
inline constexpr uint32_t kShortSliceConcurrency = 3;
inline constexpr uint32_t kMeanTurns = 64;

// The end: what is still in the ring gets this long.
inline constexpr uint64_t kTearDownGrace = 500 * kMillisecond;

// Those that a worker is told at its start, so that a test need not wait for the real ones.
struct WorkerLimits {
  uint64_t request_head_timeout_ns = kRequestHeadTimeout;
  uint64_t detect_timeout_ns = kDetectTimeout;
  int descriptors_max = 0;  // Of the process; 0: RLIMIT_NOFILE.
  int descriptor_reserve = kDescriptorReserve;
  int descriptors_shared = 0;  // What pods share in this worker; 0: an equal part of what is left.
  size_t buffered_bytes_max = kBufferedBytesMax;  // Of this worker.
};

// Series of (service, route, backend); the last one is "other".
inline constexpr uint32_t kBackendStatsMax = 4096;

}  // namespace sluice::proxy
