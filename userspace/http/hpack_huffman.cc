// The code of RFC 7541 appendix B is canonical: codes of one length follow each other in the order
// of their symbols, and shorter codes come first. So the lengths say it all, and every table here
// is made from them.
#include "userspace/http/hpack_huffman.h"

#include <array>
#include <cstring>

namespace sluice::http {
namespace {

constexpr size_t kSymbolCount = 257;
constexpr size_t kEndOfString = 256;
constexpr uint32_t kLengthMax = 30;
// Decoding looks up this many bits at once: every visible ASCII character but a dozen fits.
constexpr uint32_t kShortBits = 10;

// clang-format off
constexpr std::array<uint8_t, kSymbolCount> kLengths = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
};
// clang-format on

struct Tables {
  struct Code {
    uint32_t bits = 0;
    uint32_t length = 0;
  };
  std::array<Code, kSymbolCount> codes{};
  // Decoding, by code length: the codes of a length are [first, limit) when shifted to the left end
  // of 32 bits, and their symbols begin at `offset` in `symbols`.
  std::array<uint64_t, kLengthMax + 1> first{};
  std::array<uint64_t, kLengthMax + 1> limit{};
  std::array<uint16_t, kLengthMax + 1> offset{};
  std::array<uint16_t, kSymbolCount> symbols{};
  struct Short {
    uint8_t symbol = 0;
    uint8_t length = 0;  // 0: the code is longer than kShortBits.
  };
  std::array<Short, 1u << kShortBits> shorts{};
};

constexpr Tables MakeTables() {
  Tables tables;
  uint32_t code = 0;
  uint16_t position = 0;
  for (uint32_t length = 1; length <= kLengthMax; ++length) {
    code <<= 1;
    tables.first[length] = static_cast<uint64_t>(code) << (32 - length);
    tables.offset[length] = position;
    for (size_t symbol = 0; symbol < kSymbolCount; ++symbol) {
      if (kLengths[symbol] != length) continue;
      tables.symbols[position++] = static_cast<uint16_t>(symbol);
      tables.codes[symbol] = {.bits = code, .length = length};
      if (length <= kShortBits) {
        const uint32_t begin = code << (kShortBits - length);
        for (uint32_t i = 0; i < 1u << (kShortBits - length); ++i) {
          tables.shorts[begin + i] = {static_cast<uint8_t>(symbol), static_cast<uint8_t>(length)};
        }
      }
      ++code;
    }
    tables.limit[length] = static_cast<uint64_t>(code) << (32 - length);
  }
  return tables;
}

constexpr Tables kTables = MakeTables();
static_assert(kTables.codes['0'].bits == 0 && kTables.codes['a'].bits == 3);
static_assert(kTables.codes[kEndOfString].bits == 0x3fffffff);

struct LongCode {
  size_t symbol;
  uint32_t length;
};
// `top` holds the next 32 bits.
LongCode FindLong(uint32_t top) {
  uint32_t length = kShortBits + 1;
  while (top >= kTables.limit[length]) ++length;  // The code is complete: 30 bits fit everything.
  const uint64_t rank = (top - kTables.first[length]) >> (32 - length);
  return {kTables.symbols[kTables.offset[length] + rank], length};
}

}  // namespace

size_t HuffmanSize(std::string_view text) {
  size_t bits = 0;
  const auto length = [&text](size_t i) -> size_t {
    return kLengths[static_cast<uint8_t>(text[i])];
  };
  for (; text.size() >= 4; text.remove_prefix(4)) {
    bits += length(0) + length(1) + length(2) + length(3);
  }
  for (size_t i = 0; i < text.size(); ++i) bits += length(i);
  return (bits + 7) / 8;
}

char* HuffmanEncode(std::string_view text, char* out) {
  uint64_t held = 0;  // The lowest `count` bits are still to be written, fewer than 32 before each.
  uint32_t count = 0;
  for (const char c : text) {
    const Tables::Code code = kTables.codes[static_cast<uint8_t>(c)];
    held = held << code.length | code.bits;
    count += code.length;
    if (count < 32) continue;
    count -= 32;
    const uint32_t whole_be = __builtin_bswap32(static_cast<uint32_t>(held >> count));
    std::memcpy(out, &whole_be, sizeof whole_be);
    out += sizeof whole_be;
  }
  for (; count >= 8; *out++ = static_cast<char>(held >> count)) count -= 8;
  if (count > 0) *out++ = static_cast<char>(held << (8 - count) | (0xffu >> count));
  return out;
}

HuffmanResult HuffmanDecode(std::string_view coded, char* out, size_t room) {
  uint64_t held = 0;  // The highest `count` bits are still to be read; zeros follow.
  uint32_t count = 0;
  size_t next = 0;
  size_t size = 0;
  for (;;) {
    while (count <= 56 && next < coded.size()) {
      held |= static_cast<uint64_t>(static_cast<uint8_t>(coded[next++])) << (56 - count);
      count += 8;
    }
    if (count == 0) return {HuffmanStatus::kOk, size};
    size_t symbol = kTables.shorts[held >> (64 - kShortBits)].symbol;
    uint32_t length = kTables.shorts[held >> (64 - kShortBits)].length;
    if (length == 0) [[unlikely]] {
      const LongCode found = FindLong(static_cast<uint32_t>(held >> 32));
      symbol = found.symbol;
      length = found.length;
    }
    if (length > count) {
      const bool is_padding = count < 8 && held >> (64 - count) == (1u << count) - 1;
      return {is_padding ? HuffmanStatus::kOk : HuffmanStatus::kBad, size};
    }
    if (symbol == kEndOfString) return {HuffmanStatus::kBad, size};
    if (size == room) return {HuffmanStatus::kNoRoom, size};
    out[size++] = static_cast<char>(symbol);
    held <<= length;
    count -= length;
  }
}

}  // namespace sluice::http
