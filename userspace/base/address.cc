#include "userspace/base/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace sluice::base {
namespace {

constexpr std::array<uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress::IpAddress(const in_addr& v4) {
  std::memcpy(bytes_.data(), kV4Prefix.data(), kV4Prefix.size());
  std::memcpy(bytes_.data() + kV4Prefix.size(), &v4.s_addr, sizeof v4.s_addr);
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  if (std::strlen(buffer) != text.size()) return std::nullopt;  // An embedded NUL.
  in_addr v4;
  if (inet_pton(AF_INET, buffer, &v4) == 1) return IpAddress(v4);
  in6_addr v6;
  if (inet_pton(AF_INET6, buffer, &v6) == 1) return IpAddress(v6);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::FromBytes(std::string_view bytes) {
  if (bytes.size() == 4) {
    in_addr v4;
    std::memcpy(&v4, bytes.data(), 4);
    return IpAddress(v4);
  }
  if (bytes.size() != 16) return std::nullopt;
  in6_addr v6;
  std::memcpy(&v6, bytes.data(), 16);
  return IpAddress(v6);
}

bool IpAddress::is_v4() const {
  return std::memcmp(bytes_.data(), kV4Prefix.data(), kV4Prefix.size()) == 0;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  return IN6_ARE_ADDR_EQUAL(bytes_.data(), in6addr_loopback.s6_addr);
}

bool IpAddress::is_unspecified() const {
  if (is_v4()) return v4().s_addr == INADDR_ANY;
  return bytes_ == std::array<uint8_t, 16>{};
}

in_addr IpAddress::v4() const {
  in_addr out;
  std::memcpy(&out.s_addr, bytes_.data() + 12, 4);
  return out;
}

in6_addr IpAddress::v6() const {
  in6_addr out;
  std::memcpy(out.s6_addr, bytes_.data(), 16);
  return out;
}

std::string IpAddress::ToBytes() const {
  const char* start = reinterpret_cast<const char*>(bytes_.data());
  return is_v4() ? std::string(start + 12, 4) : std::string(start, 16);
}

std::string IpAddress::ToString() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) {
    const in_addr address = v4();
    return inet_ntop(AF_INET, &address, buffer, sizeof buffer);
  }
  const in6_addr address = v6();
  return inet_ntop(AF_INET6, &address, buffer, sizeof buffer);
}

std::optional<SocketAddress> SocketAddress::FromSockaddr(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return SocketAddress{.ip = IpAddress(v4.sin_addr), .port = ntohs(v4.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    return SocketAddress{.ip = IpAddress(v6.sin6_addr), .port = ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool is_bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = IpAddress::Parse(host);
  if (!ip || is_bracketed == ip->is_v4()) return std::nullopt;
  uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  return SocketAddress{.ip = *ip, .port = port};
}

socklen_t SocketAddress::ToSockaddr(sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof out);
  if (ip.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_addr = ip.v4();
    v4.sin_port = htons(port);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = ip.v6();
  v6.sin6_port = htons(port);
  return sizeof v6;
}

std::string SocketAddress::ToString() const {
  const std::string host = ip.ToString();
  return (ip.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace sluice::base
