// The Huffman code of HPACK (RFC 7541 section 5.2, appendix B). Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

// Bytes of `text` once coded, padding included.
size_t HuffmanSize(std::string_view text);
// Requires room for HuffmanSize(text) bytes at `out`; returns the first byte behind.
char* HuffmanEncode(std::string_view text, char* out);

enum class HuffmanStatus : uint8_t { kOk, kBad, kNoRoom };
struct HuffmanResult {
  HuffmanStatus status = HuffmanStatus::kOk;
  size_t size = 0;  // Bytes written.
};
// kBad: the end-of-string symbol, or padding that is longer than 7 bits or not all ones.
HuffmanResult HuffmanDecode(std::string_view coded, char* out, size_t room);

}  // namespace sluice::http
