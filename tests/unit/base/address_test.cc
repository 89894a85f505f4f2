#include "userspace/base/address.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace sluice::base {
namespace {

TEST(IpAddressTest, PrintsWhatItParses) {
  for (const char* text :
       {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "fd00::1:2", "2001:db8::ff"}) {
    const auto address = IpAddress::Parse(text);

    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(IpAddressTest, RefusesEverythingThatIsNotExactlyAnAddress) {
  for (const char* text :
       {"", " 10.0.0.1", "10.0.0.1 ", "10.0.0", "10.0.0.256", "010.0.0.1x", "[::1]", "fe80::1%eth0",
        "::1::", "1:2:3:4:5:6:7:8:9", "localhost", "10.0.0.1:80"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

TEST(IpAddressTest, RefusesAnEmbeddedNul) {
  EXPECT_FALSE(IpAddress::Parse(std::string("10.0.0.1\0x", 10)));
}

TEST(IpAddressTest, RefusesATextLongerThanAnyAddress) {
  EXPECT_FALSE(IpAddress::Parse(std::string(4096, '1')));
}

TEST(IpAddressTest, HoldsIpv4AndItsMappedFormAsOneValue) {
  EXPECT_EQ(IpAddress::Parse("::ffff:10.0.0.1"), IpAddress::Parse("10.0.0.1"));
  EXPECT_TRUE(IpAddress::Parse("::ffff:10.0.0.1")->is_v4());
}

TEST(IpAddressTest, TakesFourOrSixteenBytesOnly) {
  for (size_t size = 0; size <= 20; ++size) {
    EXPECT_EQ(IpAddress::FromBytes(std::string(size, '\1')).has_value(), size == 4 || size == 16)
        << size;
  }
}

TEST(IpAddressTest, GivesBackTheBytesItTook) {
  for (const char* text : {"10.1.2.3", "fd00::1:2"}) {
    const auto address = IpAddress::Parse(text);

    EXPECT_EQ(address->ToBytes().size(), address->is_v4() ? 4u : 16u);
    EXPECT_EQ(IpAddress::FromBytes(address->ToBytes()), address);
  }
}

TEST(IpAddressTest, KnowsLoopbackOfBothFamilies) {
  EXPECT_TRUE(IpAddress::Parse("127.0.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress::Parse("127.255.0.9")->is_loopback());
  EXPECT_TRUE(IpAddress::Parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::Parse("128.0.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::Parse("::2")->is_loopback());
}

TEST(IpAddressTest, KnowsTheUnspecifiedAddressOfBothFamilies) {
  EXPECT_TRUE(IpAddress::Parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress().is_unspecified());
  EXPECT_FALSE(IpAddress::Parse("0.0.0.1")->is_unspecified());
}

TEST(SocketAddressTest, PrintsWhatItParses) {
  for (const char* text : {"10.1.2.3:80", "[::1]:65535", "[fd00::1]:0"}) {
    const auto address = SocketAddress::Parse(text);

    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(SocketAddressTest, RefusesEverythingThatIsNotExactlyAddressAndPort) {
  for (const char* text :
       {"", "10.0.0.1", "10.0.0.1:", ":80", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:80x",
        "10.0.0.1:+80", "::1:80", "[::1]", "[10.0.0.1]:80", "[::1:80", "::1]:80"}) {
    EXPECT_FALSE(SocketAddress::Parse(text)) << text;
  }
}

TEST(SocketAddressTest, SurvivesTheKernelsForm) {
  for (const char* text : {"10.1.2.3:80", "[fd00::1]:8080"}) {
    const auto address = SocketAddress::Parse(text);
    sockaddr_storage storage;

    const socklen_t size = address->ToSockaddr(storage);

    EXPECT_EQ(size, address->ip.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    EXPECT_EQ(SocketAddress::FromSockaddr(storage), address);
  }
}

TEST(SocketAddressTest, TakesAMappedIpv6SockaddrAsIpv4) {
  sockaddr_storage storage{};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = IpAddress::Parse("10.1.2.3")->v6();
  v6.sin6_port = htons(80);

  EXPECT_EQ(SocketAddress::FromSockaddr(storage)->ToString(), "10.1.2.3:80");
}

TEST(SocketAddressTest, RefusesAnotherFamily) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;

  EXPECT_FALSE(SocketAddress::FromSockaddr(storage));
}

}  // namespace
}  // namespace sluice::base
