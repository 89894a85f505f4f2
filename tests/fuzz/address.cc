// Addresses as text, as bytes of a message and as the kernel writes them: what is taken says the
// same in every form.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "userspace/base/address.h"
#include "userspace/base/check.h"

namespace {

using sluice::base::IpAddress;
using sluice::base::SocketAddress;

void CheckForms(const SocketAddress& address) {
  SLUICE_CHECK(IpAddress::Parse(address.ip.ToString()) == address.ip);
  SLUICE_CHECK(IpAddress::FromBytes(address.ip.ToBytes()) == address.ip);
  SLUICE_CHECK(SocketAddress::Parse(address.ToString()) == address);
  sockaddr_storage storage;
  const socklen_t size = address.ToSockaddr(storage);
  SLUICE_CHECK(size <= sizeof storage && SocketAddress::FromSockaddr(storage) == address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto ip = IpAddress::Parse(text)) {
    SLUICE_CHECK(text.find_first_not_of("0123456789abcdefABCDEF:.") == text.npos);
    CheckForms({.ip = *ip, .port = 443});
  }
  if (const auto address = SocketAddress::Parse(text)) CheckForms(*address);
  if (const auto ip = IpAddress::FromBytes(text)) CheckForms({.ip = *ip, .port = 65535});
  sockaddr_storage storage{};
  if (size > 0) std::memcpy(&storage, data, std::min(size, sizeof storage));
  if (const auto address = SocketAddress::FromSockaddr(storage)) CheckForms(*address);
  return 0;
}
