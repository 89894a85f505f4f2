// Addresses as values. An IPv4 address is held as its IPv4-mapped IPv6 form (::ffff:a.b.c.d), so
// that one code path serves both families, in user space as in BPF.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::base {

class IpAddress {
 public:
  IpAddress() = default;  // "::"
  explicit IpAddress(const in_addr& v4);
  explicit IpAddress(const in6_addr& v6) : bytes_(std::to_array(v6.s6_addr)) {}

  // Dotted or colon form, no brackets, no zone. Empty on anything else.
  static std::optional<IpAddress> Parse(std::string_view text);
  // 4 or 16 bytes in network order, as protobuf messages carry them.
  static std::optional<IpAddress> FromBytes(std::string_view bytes);

  bool is_v4() const;
  bool is_loopback() const;
  bool is_unspecified() const;
  in_addr v4() const;  // Requires is_v4().
  in6_addr v6() const;
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  std::string ToBytes() const;  // 4 bytes if is_v4(), else 16.
  std::string ToString() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& address) {
    return H::combine(std::move(h), address.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;

  // From the kernel's form; v4 and v6 (mapped ones become v4). Empty for other families.
  static std::optional<SocketAddress> FromSockaddr(const sockaddr_storage& storage);
  // "1.2.3.4:80" or "[::1]:80".
  static std::optional<SocketAddress> Parse(std::string_view text);
  // Fills `out` with a sockaddr_in when is_v4(), else sockaddr_in6; returns its size in bytes.
  socklen_t ToSockaddr(sockaddr_storage& out) const;
  std::string ToString() const;

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SocketAddress& address) {
    return H::combine(std::move(h), address.ip, address.port);
  }
};

}  // namespace sluice::base
