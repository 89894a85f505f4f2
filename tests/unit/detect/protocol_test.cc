#include "userspace/detect/protocol.h"

#include <string>

#include "gtest/gtest.h"

namespace sluice::detect {
namespace {

using namespace std::string_literals;

struct Row {
  std::string bytes;
  Speech speech;
};

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const Row kRows[] = {
    {"GET / HTTP/1.1\r\n", Speech::kHttp1},
    {"POST /a HTTP/1.0\r\n", Speech::kHttp1},
    {"OPTIONS * HTTP/1.1\r\n", Speech::kHttp1},
    {"GET http://example.com/ HTTP/1.1\r\n", Speech::kHttp1},
    {"GET HTTPS://example.com/ HTTP/1.1\r\n", Speech::kHttp1},
    {"CONNECT example.com:443 HTTP/1.1\r\n", Speech::kHttp1},
    {"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n", Speech::kHttp1},
    {"UPDATEREDIRECTREF https://example.com/ HTTP/1.1\r\n", Speech::kHttp1},
    {"PROPFIND /", Speech::kHttp1},
    {"UPDATE /", Speech::kHttp1},
    {std::string(kPreface) + "\0\0\0\4"s, Speech::kHttp2},
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, Speech::kTls},
    {"\x16\x03\x03\x00\x01\x01"s, Speech::kTls},
    // Not begun, or not decided.
    {"", Speech::kNeedMore},
    {"G", Speech::kNeedMore},
    {"GET", Speech::kNeedMore},
    {"GET ", Speech::kNeedMore},
    {"GET http:/", Speech::kNeedMore},
    {"PRI * HTTP/2.0\r\n", Speech::kNeedMore},
    {"\x16\x03"s, Speech::kNeedMore},
    {"\x16\x03\x01\x02\x00"s, Speech::kNeedMore},
    // Other protocols whose clients speak first.
    {"*1\r\n$4\r\nPING\r\n", Speech::kOther},                      // Redis
    {"PING\r\n", Speech::kOther},                                  // Redis, inline
    {"get key\r\n", Speech::kOther},                               // memcached
    {"\0\0\0\x08\x04\xd2\x16\x2f"s, Speech::kOther},               // PostgreSQL, SSLRequest
    {"\x10\x0c\0\4MQTT"s, Speech::kOther},                         // MQTT
    {"\0\0\0\x24\0\x12"s, Speech::kOther},                         // Kafka
    {"AMQP\0\0\x09\x01"s, Speech::kOther},                         // AMQP
    {"SSH-2.0-OpenSSH_9.2\r\n", Speech::kOther},                   // SSH
    {"EHLO example.com\r\n", Speech::kOther},                      // SMTP
    {"CONNECT {\"verbose\":false}\r\n", Speech::kOther},           // NATS
    {"OPTIONS rtsp://example.com/ RTSP/1.0\r\n", Speech::kOther},  // RTSP
    {"OPTIONS sip:user@example.com SIP/2.0\r\n", Speech::kOther},  // SIP
    {"DESCRIBE rtsp://example.com RTSP/1.0\r\n", Speech::kOther},  // RTSP
    // What only looks like one of the three.
    {"get / HTTP/1.1\r\n", Speech::kOther},
    {" GET / HTTP/1.1\r\n", Speech::kOther},
    {"\r\nGET / HTTP/1.1\r\n", Speech::kOther},
    {"GET\t/ HTTP/1.1\r\n", Speech::kOther},
    {"GET  / HTTP/1.1\r\n", Speech::kOther},
    {"GETS / HTTP/1.1\r\n", Speech::kOther},
    {"GET * HTTP/1.1\r\n", Speech::kOther},
    {"GET httpx://example.com/ HTTP/1.1\r\n", Speech::kOther},
    {"CONNECT /", Speech::kOther},
    {"PRI * HTTP/1.1\r\n", Speech::kOther},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", Speech::kOther},
    {"PRI / HTTP/2.0\r\n", Speech::kOther},
    {std::string(100, 'A'), Speech::kOther},
    {"\x16\x02\x01\x02\x00\x01"s, Speech::kOther},  // No version of SSL 3 or TLS.
    {"\x16\x03\x05\x02\x00\x01"s, Speech::kOther},
    {"\x16\x03\x01\x00\x00\x01"s, Speech::kOther},  // An empty record.
    {"\x16\x03\x01\x40\x01\x01"s, Speech::kOther},  // A record above 16 KiB.
    {"\x16\x03\x01\x02\x00\x02"s, Speech::kOther},  // A ServerHello.
    {"\x15\x03\x01\x00\x02\x02"s, Speech::kOther},  // An alert.
    {"\x80\x2e\x01\x03\x01"s, Speech::kOther},      // SSL 2 (RFC 7568 forbids it).
};

TEST(DetectTest, TellsEachProtocol) {
  for (const Row& row : kRows) EXPECT_EQ(Detect(row.bytes), row.speech) << row.bytes;
}

TEST(DetectTest, TellsTheSameWhenBytesComeOneByOne) {
  for (const Row& row : kRows) {
    Speech speech = Detect("");
    for (size_t size = 1; size <= row.bytes.size() && speech == Speech::kNeedMore; ++size) {
      speech = Detect(std::string_view(row.bytes).substr(0, size));
    }
    EXPECT_EQ(speech, row.speech) << row.bytes;
  }
}

TEST(DetectTest, IsCertainWithinTheNamedBound) {
  for (const Row& row : kRows) {
    if (row.bytes.size() < kDetectSizeMax) continue;
    EXPECT_NE(Detect(row.bytes.substr(0, kDetectSizeMax)), Speech::kNeedMore) << row.bytes;
  }
}

TEST(DetectHttpTest, TakesEverythingButThePrefaceForHttp1) {
  EXPECT_EQ(DetectHttp(kPreface), Speech::kHttp2);
  EXPECT_EQ(DetectHttp("PRI * HTTP/2"), Speech::kNeedMore);
  EXPECT_EQ(DetectHttp("P"), Speech::kNeedMore);
  EXPECT_EQ(DetectHttp("PO"), Speech::kHttp1);
  EXPECT_EQ(DetectHttp("G"), Speech::kHttp1);
  EXPECT_EQ(DetectHttp("\x16\x03"), Speech::kHttp1);
  EXPECT_EQ(DetectHttp("nonsense"), Speech::kHttp1);
}

}  // namespace
}  // namespace sluice::detect
