#include "userspace/detect/client_hello.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/unit/detect/hello_bytes.h"

namespace sluice::detect {
namespace {

const std::string kOtherExtension = Extension(43, Vector(1, Number(0x0304, 2)));

std::string NameIn(std::string_view bytes) {
  std::string name;
  return ParseClientHello(bytes, &name) == HelloStatus::kComplete ? name : "(no hello)";
}

HelloStatus StatusOf(std::string_view bytes) {
  std::string name;
  return ParseClientHello(bytes, &name);
}

TEST(ClientHelloTest, FindsTheServersName) {
  EXPECT_EQ(NameIn(Records(Hello(kOtherExtension + ServerName("shop.example.com")))),
            "shop.example.com");
}

TEST(ClientHelloTest, LowersTheNameAndDropsADotAtItsEnd) {
  EXPECT_EQ(NameIn(Records(Hello(ServerName("Shop.Example.COM.")))), "shop.example.com");
}

TEST(ClientHelloTest, TakesAHelloWithoutAName) {
  EXPECT_EQ(NameIn(Records(Hello(kOtherExtension))), "");
  EXPECT_EQ(NameIn(Records(Message(HelloStart()))), "");
}

TEST(ClientHelloTest, ReadsAMessageCutIntoRecordsOfAnySize) {
  const std::string hello = Hello(ServerName("shop.example.com") + kOtherExtension);
  for (size_t size = 1; size <= hello.size(); ++size) {
    EXPECT_EQ(NameIn(Records(hello, size)), "shop.example.com") << size;
  }
}

TEST(ClientHelloTest, WaitsUntilTheWholeMessageIsThere) {
  const std::string bytes = Records(Hello(ServerName("shop.example.com")), 7);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(StatusOf(bytes.substr(0, size)), HelloStatus::kNeedMore) << size;
  }
  EXPECT_EQ(StatusOf(bytes), HelloStatus::kComplete);
}

TEST(ClientHelloTest, DoesNotLookAtWhatFollows) {
  const std::string hello = Hello(ServerName("a.example"));
  EXPECT_EQ(NameIn(Records(hello + "more in the same record")), "a.example");
  EXPECT_EQ(NameIn(Records(hello) + "more behind it"), "a.example");
}

TEST(ClientHelloTest, SkipsNamesOfUnknownTypes) {
  const std::string list = Number(7, 1) + Vector(2, "\xff") + HostName("a.example");
  EXPECT_EQ(NameIn(Records(Hello(Extension(0, Vector(2, list))))), "a.example");
}

TEST(ClientHelloTest, RefusesWhatIsNotTls) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n\r\n"), HelloStatus::kNotTls);
  EXPECT_EQ(StatusOf(Number(0x1603010004, 5) + Number(0x02000000, 4)), HelloStatus::kNotTls);
  EXPECT_EQ(StatusOf(Number(0x150301, 3) + Vector(2, "aa")), HelloStatus::kNotTls);
  EXPECT_EQ(StatusOf(Number(0x1602, 2)), HelloStatus::kNotTls);
}

TEST(ClientHelloTest, RefusesWhatIsAboveTheLimit) {
  const std::string fits = Hello(Extension(21, std::string(kClientHelloSizeMax - 200, 'p')));
  EXPECT_EQ(StatusOf(Records(fits)), HelloStatus::kComplete);

  EXPECT_EQ(StatusOf(Records(Number(1, 1) + Number(kClientHelloSizeMax - 3, 3))),
            HelloStatus::kTooLarge);
  EXPECT_EQ(StatusOf(Records(Number(1, 1) + Number(0xffffff, 3))), HelloStatus::kTooLarge);
  const std::string crumbs = Records(fits, 1);
  EXPECT_EQ(StatusOf(crumbs.substr(0, kClientHelloSizeMax)), HelloStatus::kTooLarge);
  EXPECT_EQ(StatusOf(crumbs), HelloStatus::kTooLarge);
}

struct HostileRow {
  const char* what;
  std::string bytes;
};

const HostileRow kHostileRows[] = {
    {"an empty record", Number(0x1603010000, 5)},
    {"a record above 16 KiB", Number(0x1603014001, 5)},
    {"another record inside the message", Records("\1") + Number(0x140303, 3) + Vector(2, "\1")},
    {"an empty message", Records(Message(""))},
    {"an old version", Records(Message("\2" + HelloStart().substr(1)))},
    {"a message that ends in the random", Records(Message(HelloStart().substr(0, 20)))},
    {"a session id of 33 bytes",
     Records(Message(HelloStart().substr(0, 34) + Vector(1, std::string(33, 's')) +
                     HelloStart().substr(67)))},
    {"no cipher suite",
     Records(Message(HelloStart().substr(0, 67) + Vector(2, "") + Vector(1, Number(0, 1))))},
    {"half a cipher suite",
     Records(Message(HelloStart().substr(0, 67) + Vector(2, "abc") + Vector(1, Number(0, 1))))},
    {"no compression method",
     Records(Message(HelloStart().substr(0, 67) + Vector(2, "ab") + Vector(1, "")))},
    {"bytes behind the extensions",
     Records(Message(HelloStart() + Vector(2, kOtherExtension) + "x"))},
    {"extensions longer than the message", Records(Message(HelloStart() + Number(9, 2) + "x"))},
    {"an extension longer than all", Records(Hello(Number(43, 2) + Number(200, 2) + "x"))},
    {"half an extension's header", Records(Hello("ab"))},
    {"an extension twice", Records(Hello(kOtherExtension + kOtherExtension))},
    {"the server's name twice", Records(Hello(ServerName("a.example") + ServerName("b.example")))},
    {"two names in one list",
     Records(Hello(Extension(0, Vector(2, HostName("a.example") + HostName("b.example")))))},
    {"an empty list of names", Records(Hello(Extension(0, Vector(2, ""))))},
    {"an empty extension of names", Records(Hello(Extension(0, "")))},
    {"bytes behind the list of names",
     Records(Hello(Extension(0, Vector(2, HostName("a.example")) + "x")))},
    {"a name longer than its list", Records(Hello(Extension(0, Vector(2, Number(0x0000ff, 3)))))},
    {"an empty name", Records(Hello(ServerName("")))},
    {"a dot for a name", Records(Hello(ServerName(".")))},
    {"a NUL in the name", Records(Hello(ServerName(std::string_view("a\0b", 3))))},
    {"a line end in the name", Records(Hello(ServerName("a\r\nb")))},
    {"a wildcard for a name", Records(Hello(ServerName("*.example")))},
    {"a name of 254 bytes", Records(Hello(ServerName(std::string(254, 'a'))))},
};

TEST(ClientHelloTest, RefusesWhatIsMalformed) {
  for (const HostileRow& row : kHostileRows) {
    EXPECT_EQ(StatusOf(row.bytes), HelloStatus::kMalformed) << row.what;
  }
}

TEST(ClientHelloTest, TellsTheSameOfHostileBytesThatComeOneByOne) {
  for (const HostileRow& row : kHostileRows) {
    HelloStatus status = HelloStatus::kNeedMore;
    for (size_t size = 0; size <= row.bytes.size() && status == HelloStatus::kNeedMore; ++size) {
      status = StatusOf(std::string_view(row.bytes).substr(0, size));
    }
    EXPECT_EQ(status, HelloStatus::kMalformed) << row.what;
  }
}

TEST(ClientHelloTest, TakesTheLongestName) {
  const std::string name(kServerNameSizeMax, 'a');
  EXPECT_EQ(NameIn(Records(Hello(ServerName(name)))), name);
}

}  // namespace
}  // namespace sluice::detect
