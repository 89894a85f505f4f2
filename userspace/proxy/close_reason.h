// Why a connection or a request ended: one list for counters, access log and explanations.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::proxy {

// clang-format off
#define SLUICE_CLOSE_REASONS(X)                                                                       \
  X(kNone,                 "none",                  "still open or ended as it should")               \
  X(kDone,                 "done",                  "both sides finished")                            \
  X(kClientReset,          "client_reset",          "the client reset the connection")                \
  X(kServerReset,          "server_reset",          "the server reset the connection")                \
  X(kServerRefused,        "server_refused",        "the server refused the request before it looked at it") \
  X(kClientClosed,         "client_closed",         "the client closed before the answer was complete") \
  X(kServerClosed,         "server_closed",         "the server closed before the answer was complete") \
  X(kNoOriginalDst,        "no_original_destination", "the kernel's record of what was dialled is gone") \
  X(kNoDestination,        "no_destination",        "the dialled address is no longer known")         \
  X(kOwnPort,              "own_port",              "the port is one of the mesh's own listeners in the pod") \
  X(kNoRoute,              "no_route",              "no rule of the routes matches")                  \
  X(kNoBackend,            "no_backend",            "the rule has no backend with weight")            \
  X(kInvalidBackend,       "invalid_backend",       "the chosen backendRef is broken")                \
  X(kNoEndpoint,           "no_endpoint",           "the service has no ready endpoint")              \
  X(kConnectFailed,        "connect_failed",        "no endpoint accepted the connection")            \
  X(kConnectTimeout,       "connect_timeout",       "connecting took too long")                       \
  X(kNoDialSocket,         "no_dial_socket",        "the agent made no socket in the pod in time")    \
  X(kNoSourceAddress,      "no_source_address",     "the client has no address of the server's family") \
  X(kBadRequest,           "bad_request",           "the request is not acceptable HTTP")             \
  X(kBadClientHello,       "bad_client_hello",      "the connection does not begin with an acceptable TLS ClientHello") \
  X(kBadPath,              "bad_path",              "the request path cannot be normalised safely")   \
  X(kBadResponse,          "bad_response",          "the server's answer is not acceptable HTTP")     \
  X(kEarlyAnswer,          "early_answer",          "the server sent bytes before the request")       \
  X(kUpgradeRefused,       "upgrade_refused",       "an upgrade cannot be taken to a server that speaks HTTP/2") \
  X(kRequestTimeout,       "request_timeout",       "the route's request timeout or the call's own deadline passed") \
  X(kHeadTimeout,          "head_timeout",          "the request head did not arrive in time")        \
  X(kIdleTimeout,          "idle_timeout",          "nothing was sent for too long")                  \
  X(kDiscardLimit,         "discard_limit",         "too much request body after the answer")         \
  X(kTooMany,              "too_many_connections",  "the process is about to run out of descriptors") \
  X(kPodShare,             "pod_share",             "the pod has its share of the proxy's descriptors") \
  X(kMemoryLimit,          "memory_limit",          "the proxy holds as many bytes for clients as it may") \
  X(kDraining,             "draining",              "the proxy is shutting down")                     \
  X(kPodRemoved,           "pod_removed",           "the pod left the mesh")                          \
  X(kInternal,             "internal",              "a limit of the proxy itself was hit")
// clang-format on

enum class CloseReason : uint8_t {
#define SLUICE_X(name, label, text) name,
  SLUICE_CLOSE_REASONS(SLUICE_X)
#undef SLUICE_X
};

#define SLUICE_X(name, label, text) +1
inline constexpr size_t kCloseReasonCount = 0 SLUICE_CLOSE_REASONS(SLUICE_X);
#undef SLUICE_X

// snake_case label for metrics and logs.
constexpr std::string_view CloseReasonLabel(CloseReason reason) {
  constexpr std::array<std::string_view, kCloseReasonCount> kLabels = {
#define SLUICE_X(name, label, text) label,
      SLUICE_CLOSE_REASONS(SLUICE_X)
#undef SLUICE_X
  };
  return kLabels[static_cast<size_t>(reason)];
}

// A sentence for people.
constexpr std::string_view CloseReasonText(CloseReason reason) {
  constexpr std::array<std::string_view, kCloseReasonCount> kTexts = {
#define SLUICE_X(name, label, text) text,
      SLUICE_CLOSE_REASONS(SLUICE_X)
#undef SLUICE_X
  };
  return kTexts[static_cast<size_t>(reason)];
}

}  // namespace sluice::proxy
