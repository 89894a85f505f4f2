#include "userspace/http/grpc_status.h"

#include <array>

#include "userspace/http/h1_fields.h"

namespace sluice::http {
namespace {

constexpr size_t kTimeoutDigitsMax = 8;

struct Unit {
  char name;
  uint64_t size_ns;
};
// From the finest: the first that fits is the most exact.
constexpr std::array<Unit, 6> kUnits{{{'n', 1},
                                      {'u', 1'000},
                                      {'m', 1'000'000},
                                      {'S', 1'000'000'000},
                                      {'M', 60'000'000'000},
                                      {'H', 3'600'000'000'000}}};

}  // namespace

bool IsGrpcContentType(std::string_view value) {
  constexpr std::string_view kType = "application/grpc";
  if (value.size() < kType.size() || !EqualsIgnoreCase(value.substr(0, kType.size()), kType)) {
    return false;
  }
  return value.size() == kType.size() || value[kType.size()] == '+' || value[kType.size()] == ';';
}

std::optional<uint64_t> ParseGrpcTimeout(std::string_view value) {
  if (value.size() < 2 || value.size() > kTimeoutDigitsMax + 1) return std::nullopt;
  uint64_t count = 0;
  for (const char c : value.substr(0, value.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + static_cast<uint64_t>(c - '0');
  }
  for (const Unit& unit : kUnits) {
    if (unit.name != value.back()) continue;
    return count > kGrpcTimeoutMaxNs / unit.size_ns ? kGrpcTimeoutMaxNs : count * unit.size_ns;
  }
  return std::nullopt;
}

std::string FormatGrpcTimeout(uint64_t timeout_ns) {
  constexpr uint64_t kCountMax = 99'999'999;
  for (const Unit& unit : kUnits) {
    const uint64_t count = timeout_ns / unit.size_ns + (timeout_ns % unit.size_ns != 0 ? 1 : 0);
    if (count <= kCountMax) return std::to_string(count) + unit.name;
  }
  return std::to_string(kCountMax) + 'H';
}

GrpcStatus GrpcStatusOfHttp(uint16_t status) {
  switch (status) {
    case 200:
      return GrpcStatus::kOk;
    case 400:
    case 431:
      return GrpcStatus::kInternal;
    case 401:
      return GrpcStatus::kUnauthenticated;
    case 403:
      return GrpcStatus::kPermissionDenied;
    case 404:
      return GrpcStatus::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus::kUnavailable;
    default:
      return status >= 500 ? GrpcStatus::kUnavailable : GrpcStatus::kInternal;
  }
}

std::string EncodeGrpcMessage(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace sluice::http
