// What a connection speaks, told by the first bytes of its client. Pure: the same answer however
// the bytes came in. Bounds: at most kDetectSizeMax bytes are needed for any answer. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::detect {

enum class Speech : uint8_t {
  kNeedMore,
  kHttp1,
  kHttp2,  // With prior knowledge: the preface of RFC 9113 section 3.4.
  kTls,    // A ClientHello.
  kOther,
};

// "UPDATEREDIRECTREF https://", the longest beginning that is still open.
inline constexpr size_t kDetectSizeMax = 32;

// Nothing is known. HTTP/1 is a registered method, a space, and a target that fits the method: a
// wrong guess would break another protocol, so what merely looks like HTTP is kOther.
Speech Detect(std::string_view first_bytes);

// The port is declared HTTP: kHttp2, or kHttp1 for everything that is not the preface.
Speech DetectHttp(std::string_view first_bytes);

}  // namespace sluice::detect
