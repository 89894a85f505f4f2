#include "userspace/datapath/probe.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi/limits.h"
#include "userspace/datapath/constants.h"
#include "userspace/datapath/level.h"
#include "userspace/datapath/probe_pair.h"

namespace sluice::datapath {
namespace {

using Pair = ProbeNamespace::Pair;

constexpr size_t kMessage = 64 * 1024;
constexpr size_t kAcceptedMax =
    5 * 1024 * 1024;  // Of unread bytes per socket; see the guard in bpf/splice.bpf.c.
constexpr size_t kTriedMax = 4 * kAcceptedMax;

struct Answer {
  bool has_passed;
  std::string detail;
};

uint64_t CounterOf(const Programs& programs, std::string_view name) {
  for (const KernelCounter& counter : programs.ReadCounters()) {
    if (counter.name == name) return counter.value;
  }
  return 0;
}

// Bytes that tell their place in the stream.
char ByteAt(size_t offset) { return static_cast<char>((offset % 251) ^ (offset / 65521)); }

std::string Pattern(size_t offset) {
  std::string text(kMessage, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = ByteAt(offset + i);
  return text;
}

struct Overfilled {
  size_t accepted = 0;
  int error = 0;
};

// Sends without waiting until the kernel takes no more.
Overfilled Overfill(int fd) {
  Overfilled result;
  while (result.accepted < kTriedMax) {
    const std::string text = Pattern(result.accepted);
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) {
      result.error = errno;
      break;
    }
    result.accepted += static_cast<size_t>(sent);
  }
  return result;
}

// How many bytes of the pattern arrive, in order, from `offset` on.
size_t ReceivePattern(int fd, size_t offset, size_t size) {
  std::string text(kMessage, '\0');
  size_t received = 0;
  while (received < size) {
    const ssize_t got = recv(fd, text.data(), std::min(text.size(), size - received), 0);
    if (got <= 0) break;
    for (ssize_t i = 0; i < got; ++i) {
      if (text[static_cast<size_t>(i)] != ByteAt(offset + received)) return received;
      ++received;
    }
  }
  return received;
}

Answer ProbeRedirect(Programs& programs, const Pair& pair) {
  const uint64_t before = CounterOf(programs, "splice_redirected");
  const std::string text = Pattern(0);
  const bool is_there = SendExactly(pair.application.get(), text.data(), text.size()) &&
                        ReceivePattern(pair.proxy.get(), 0, text.size()) == text.size() &&
                        SendExactly(pair.proxy.get(), text.data(), text.size()) &&
                        ReceivePattern(pair.application.get(), 0, text.size()) == text.size();
  const uint64_t redirected = CounterOf(programs, "splice_redirected") - before;
  return {is_there && redirected >= 2,
          absl::StrCat("64 KiB each way ", is_there ? "arrived" : "did not arrive", ", ",
                       redirected, " messages redirected")};
}

Answer ProbeMemoryCharged(Programs&, const Pair& pair) {
  const std::string text = Pattern(0);
  const bool is_sent = SendExactly(pair.application.get(), text.data(), text.size());
  const size_t charged = UnreadBytes(pair.proxy.get());
  return {is_sent && charged >= text.size(),
          absl::StrCat(text.size(), " bytes redirected, ", charged, " charged to the receiver")};
}

// Also the order probe's first half: over the mark it goes to TCP, and what was redirected must
// come first.
Answer ProbeGuard(Programs&, const Pair& pair) {
  const Overfilled filled = Overfill(pair.application.get());
  const bool is_bounded = filled.error == EAGAIN && filled.accepted <= kAcceptedMax;
  return {is_bounded, absl::StrCat(filled.accepted,
                                   " bytes accepted for a receiver that does not read, at most ",
                                   kAcceptedMax, " expected")};
}

Answer ProbeOrder(Programs& programs, const Pair& pair) {
  const uint64_t before = CounterOf(programs, "splice_tcp");
  const Overfilled filled = Overfill(pair.application.get());
  size_t received = ReceivePattern(pair.proxy.get(), 0, filled.accepted);
  const bool has_fallen_back = CounterOf(programs, "splice_tcp") > before;
  const std::string text = Pattern(filled.accepted);
  const bool is_sent = SendExactly(pair.application.get(), text.data(), text.size());
  received += ReceivePattern(pair.proxy.get(), filled.accepted, text.size());
  const size_t total = filled.accepted + text.size();
  return {is_sent && has_fallen_back && received == total,
          absl::StrCat(received, " of ", total, " bytes in order over redirect, TCP and redirect")};
}

Answer ProbeBusy(Programs&, const Pair& pair) {
  const Overfilled filled = Overfill(pair.proxy.get());
  const size_t received = ReceivePattern(pair.application.get(), 0, filled.accepted);
  const bool goes_on = SendExactly(pair.proxy.get(), "a", 1);
  char byte = 0;
  const bool has_arrived = ReceiveExactly(pair.application.get(), &byte, 1);
  const bool has_passed = filled.error == kSendBusy && filled.accepted <= kAcceptedMax &&
                          received == filled.accepted && goes_on && has_arrived;
  return {has_passed,
          absl::StrCat(filled.accepted, " bytes accepted, then ", strerror(filled.error), "; ",
                       received, " received; ", goes_on && has_arrived ? "goes" : "does not go",
                       " on afterwards")};
}

Answer ProbeFionread(const Pair& pair) {
  const char text[100] = {};
  const bool is_sent = SendExactly(pair.proxy.get(), text, sizeof text);
  pollfd readable{.fd = pair.application.get(), .events = POLLIN, .revents = 0};
  poll(&readable, 1, 500);
  const int waiting = WaitingBytes(pair.application.get());
  return {is_sent && waiting == 100, absl::StrCat("100 bytes wait, FIONREAD says ", waiting)};
}

Answer ProbeFionreadRedirected(Programs&, const Pair& pair) { return ProbeFionread(pair); }

// At `send` the proxy's messages take TCP to a socket that is enrolled all the same.
Answer ProbeFionreadNative(Programs&, const Pair& pair) { return ProbeFionread(pair); }

Answer ProbeHalfClose(Programs&, const Pair& pair) {
  char text[8] = {};
  const bool is_sent = SendExactly(pair.application.get(), "last", 4);
  shutdown(pair.application.get(), SHUT_WR);
  const ssize_t data = recv(pair.proxy.get(), text, sizeof text, 0);
  const ssize_t end = recv(pair.proxy.get(), text, sizeof text, 0);
  const bool answers =
      SendExactly(pair.proxy.get(), "back", 4) && ReceiveExactly(pair.application.get(), text, 4);
  return {is_sent && data == 4 && end == 0 && answers,
          absl::StrCat("4 bytes then the end expected, got ", data, " and ", end,
                       "; the other way ", answers ? "stays open" : "is broken")};
}

Answer ProbeCloseUnread(Programs&, Pair& pair) {
  const bool is_sent = SendExactly(pair.proxy.get(), "unread", 6);
  pair.application.Reset();
  int sends = 0;
  while (sends < 1000 && SendExactly(pair.proxy.get(), "x", 1)) ++sends;
  return {is_sent && sends < 1000,
          absl::StrCat(sends, " sends went on after the receiver had closed")};
}

struct Probe {
  std::string_view name;
  Answer (*run)(Programs&, Pair&);
  Acceleration level = Acceleration::kFull;
};

template <Answer (*Run)(Programs&, const Pair&)>
Answer Untouched(Programs& programs, Pair& pair) {
  return Run(programs, pair);
}

constexpr Probe kProbes[] = {
    {kProbeRedirect, Untouched<ProbeRedirect>},
    {kProbeMemoryCharged, Untouched<ProbeMemoryCharged>},
    {kProbeGuard, Untouched<ProbeGuard>},
    {kProbeOrder, Untouched<ProbeOrder>},
    {kProbeBusy, Untouched<ProbeBusy>},
    {kProbeFionreadRedirected, Untouched<ProbeFionreadRedirected>},
    {kProbeFionreadNative, Untouched<ProbeFionreadNative>, Acceleration::kSend},
    {kProbeHalfClose, Untouched<ProbeHalfClose>},
    {kProbeCloseUnread, ProbeCloseUnread},
};

std::vector<ProbeResult> RunInNewNamespace(Programs& programs) {
  std::vector<ProbeResult> results;
  auto place = ProbeNamespace::Create(programs);
  const absl::Status status = place.status();
  for (const Probe& probe : kProbes) {
    ProbeResult result{.name = std::string(probe.name)};
    auto pair = status.ok() ? (*place)->Connect(probe.level) : absl::StatusOr<Pair>(status);
    if (pair.ok()) {
      Answer answer = probe.run(programs, *pair);
      result.has_passed = answer.has_passed;
      result.detail = std::move(answer.detail);
    } else {
      result.detail = std::string(pair.status().message());
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace

std::vector<ProbeResult> RunProbes(Programs& programs) {
  std::vector<ProbeResult> results;
  std::thread thread([&] { results = RunInNewNamespace(programs); });
  thread.join();
  return results;
}

}  // namespace sluice::datapath
