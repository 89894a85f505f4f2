// What gRPC says in heads and trailers: the timeout of a call, and the status of an answer that
// comes from a proxy (gRPC over HTTP/2; doc/http-grpc-status-mapping.md of gRPC). Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

enum class GrpcStatus : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

// True of "application/grpc" and what follows it after "+" or ";". Not of gRPC-Web.
bool IsGrpcContentType(std::string_view value);
// 292 years: what can be added to a clock without passing its end. A call that may take longer may
// take this long.
inline constexpr uint64_t kGrpcTimeoutMaxNs = INT64_MAX;
// At most eight digits and a unit of H M S m u n. Nanoseconds, at most kGrpcTimeoutMaxNs; nothing
// if it is malformed.
std::optional<uint64_t> ParseGrpcTimeout(std::string_view value);
// Rounded up to what eight digits can say.
std::string FormatGrpcTimeout(uint64_t timeout_ns);
GrpcStatus GrpcStatusOfHttp(uint16_t status);
// Percent-encoded as grpc-message has to be.
std::string EncodeGrpcMessage(std::string_view text);

}  // namespace sluice::http
