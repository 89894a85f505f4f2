#include "userspace/http/websocket.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "absl/strings/escaping.h"
#include "userspace/base/text.h"
#include "userspace/http/h1_names.h"
#include "userspace/http/h1_upgrade.h"

namespace sluice::http {
namespace {

constexpr size_t kBlockSize = 64;
constexpr size_t kLengthSize = 8;
using Digest = std::array<uint32_t, 5>;

uint32_t ReadBig(const char* at) {
  uint32_t word;
  std::memcpy(&word, at, sizeof word);
  return __builtin_bswap32(word);
}

// One of the four kinds of rounds (RFC 3174 section 5).
uint32_t Mix(size_t round, uint32_t b, uint32_t c, uint32_t d) {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5A827999u;
  if (round < 40) return (b ^ c ^ d) + 0x6ED9EBA1u;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDCu;
  return (b ^ c ^ d) + 0xCA62C1D6u;
}

void AddBlock(const char* block, Digest& digest) {
  std::array<uint32_t, 80> words;
  for (size_t i = 0; i < 16; ++i) words[i] = ReadBig(block + 4 * i);
  for (size_t i = 16; i < words.size(); ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  auto [a, b, c, d, e] = digest;
  for (size_t i = 0; i < words.size(); ++i) {
    const uint32_t next = std::rotl(a, 5) + Mix(i, b, c, d) + e + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const Digest sum{a, b, c, d, e};
  for (size_t i = 0; i < digest.size(); ++i) digest[i] += sum[i];
}

// RFC 3174: a one, zeros, and the length in bits as the last eight bytes of the last block.
std::string Sha1(std::string text) {
  const uint64_t bits = __builtin_bswap64(uint64_t{text.size()} * 8);
  text += '\x80';
  while (text.size() % kBlockSize != kBlockSize - kLengthSize) text += '\0';
  text.append(reinterpret_cast<const char*>(&bits), kLengthSize);
  Digest digest{0x67452301u, 0xEFCDAB89u, 0x98BADCFEu, 0x10325476u, 0xC3D2E1F0u};
  for (size_t at = 0; at < text.size(); at += kBlockSize) AddBlock(text.data() + at, digest);
  for (uint32_t& word : digest) word = __builtin_bswap32(word);
  return std::string(reinterpret_cast<const char*>(digest.data()), sizeof digest);
}

std::string_view KeyOf(std::string_view request) {
  constexpr std::string_view kField = "\r\nsec-websocket-key: ";
  const size_t at = request.find(kField);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = request.substr(at + kField.size());
  return rest.substr(0, rest.find('\r'));
}

}  // namespace

std::string WebSocketAccept(std::string_view key) {
  return absl::Base64Escape(Sha1(base::Concat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
}

std::string_view WebSocketFault(std::string_view request, const ResponseHead& head) {
  if (!HasConnectionUpgrade(head)) return "the server's 101 does not say: Connection: Upgrade";
  const std::string due = WebSocketAccept(KeyOf(request));
  uint32_t count = 0;
  bool is_due = true;
  for (const Header& header : head.headers()) {
    if (!EqualsIgnoreCase(header.name, "sec-websocket-accept")) continue;
    ++count;
    is_due = is_due && header.value == due;
  }
  if (count == 0) return "the server's 101 has no Sec-WebSocket-Accept";
  if (count > 1) return "the server's 101 has more than one Sec-WebSocket-Accept";
  return is_due ? std::string_view() : "the server's Sec-WebSocket-Accept is not that of the key";
}

}  // namespace sluice::http
