// ClientHello messages, put together by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::detect {

inline std::string Number(size_t value, size_t size) {
  std::string out;
  while (size-- > 0) out += static_cast<char>(value >> (8 * size) & 0xff);
  return out;
}

inline std::string Vector(size_t length_size, std::string_view content) {
  return Number(content.size(), length_size).append(content);
}

inline std::string Extension(size_t type, std::string_view content) {
  return Number(type, 2) + Vector(2, content);
}

inline std::string HostName(std::string_view name) { return Number(0, 1) + Vector(2, name); }

inline std::string ServerName(std::string_view name) {
  return Extension(0, Vector(2, HostName(name)));
}

// The body of a ClientHello up to its extensions.
inline std::string HelloStart() {
  return Number(0x0303, 2) + std::string(32, 'r') + Vector(1, std::string(32, 's')) +
         Vector(2, Number(0x1301, 2)) + Vector(1, Number(0, 1));
}

inline std::string Message(std::string_view body) { return Number(1, 1) + Vector(3, body); }

inline std::string Hello(std::string_view extensions) {
  return Message(HelloStart() + Vector(2, extensions));
}

// The message in records of at most `size` bytes.
inline std::string Records(std::string_view message, size_t size = 16384) {
  std::string out;
  while (!message.empty()) {
    const std::string_view part = message.substr(0, size);
    out += Number(0x160301, 3) + Vector(2, part);
    message.remove_prefix(part.size());
  }
  return out;
}

}  // namespace sluice::detect
