// Every refusal of the HTTP/1.1 codec: metric label, status of the answer, sentence.
// The sentences go to clients and logs: they say what was wrong and never repeat the peer's bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "userspace/http/h1.h"

namespace sluice::http {

// X(enumerator, label, status, sentence)
// clang-format off
#define SLUICE_H1_REASONS(X)                                                                      \
  X(kNone, "none", 400, "No fault was found.")                                                    \
  X(kBareLf, "bare_lf", 400, "A line ends with LF alone; end every line with CR LF.")             \
  X(kBareCr, "bare_cr", 400, "A CR is not followed by LF.")                                       \
  X(kControlCharacter, "control_character", 400,                                                  \
    "The head has a NUL or another control character.")                                           \
  X(kLeadingEmptyLines, "leading_empty_lines", 400,                                               \
    "More than two empty lines stand before the request line.")                                   \
  X(kMethodInvalid, "method_invalid", 400, "The method is not a token of at most 32 characters.") \
  X(kRequestLineMalformed, "request_line_malformed", 400,                                         \
    "The request line is not: method, one space, target, one space, version.")                    \
  X(kTargetInvalid, "target_invalid", 400,                                                        \
    "The request target has a character or a form that is not allowed.")                          \
  X(kTargetTooLong, "target_too_long", 414,                                                       \
    "The request target is longer than this proxy allows.")                                       \
  X(kVersionMissing, "version_missing", 505, "HTTP/0.9 is not served: send HTTP/1.1.")            \
  X(kVersionMalformed, "version_malformed", 400, "The protocol version is malformed.")            \
  X(kVersionUnsupported, "version_unsupported", 505,                                              \
    "Only HTTP/1.0 and HTTP/1.1 are served here.")                                                \
  X(kHttp2Preface, "http2_preface", 505,                                                          \
    "This port speaks HTTP/1.1, but HTTP/2 was sent: declare appProtocol kubernetes.io/h2c "      \
    "on the Service port.")                                                                       \
  X(kTlsOnPlainPort, "tls_on_plain_port", 400,                                                    \
    "This port speaks plain HTTP, but a TLS handshake was sent: declare appProtocol https "       \
    "or tcp on the Service port.")                                                                \
  X(kHeadTooLarge, "head_too_large", 431,                                                         \
    "The request or response head is larger than this proxy allows.")                             \
  X(kTooManyHeaders, "too_many_headers", 431,                                                     \
    "There are more header fields than this proxy allows.")                                       \
  X(kHeaderNameInvalid, "header_name_invalid", 400,                                               \
    "A header field name is empty or is not a token.")                                            \
  X(kHeaderNameAmbiguous, "header_name_ambiguous", 400,                                           \
    "A header field spells a framing field with underscores, which some servers read as "         \
    "the real one.")                                                                              \
  X(kSpaceBeforeColon, "space_before_colon", 400,                                                 \
    "White space stands between a header field name and its colon.")                              \
  X(kColonMissing, "colon_missing", 400, "A header line has no colon.")                           \
  X(kObsFold, "obs_fold", 400, "A header line begins with white space (obsolete line folding).")  \
  X(kHostMissing, "host_missing", 400, "An HTTP/1.1 request must have a Host field.")             \
  X(kHostDuplicate, "host_duplicate", 400, "The request has more than one Host field.")           \
  X(kHostInvalid, "host_invalid", 400,                                                            \
    "The Host field is not a host name or address with an optional port.")                        \
  X(kHostMismatch, "host_mismatch", 400,                                                          \
    "The request target names another host than the Host field.")                                 \
  X(kContentLengthInvalid, "content_length_invalid", 400,                                         \
    "Content-Length is not one plain decimal number without sign, list or leading zeros.")        \
  X(kContentLengthDuplicate, "content_length_duplicate", 400,                                     \
    "There is more than one Content-Length field.")                                               \
  X(kBothLengths, "both_lengths", 400, "Transfer-Encoding and Content-Length are both present.")  \
  X(kTransferEncodingDuplicate, "transfer_encoding_duplicate", 400,                               \
    "There is more than one Transfer-Encoding field.")                                            \
  X(kTransferEncodingInvalid, "transfer_encoding_invalid", 400,                                   \
    "Transfer-Encoding is not exactly: chunked.")                                                 \
  X(kTransferEncodingUnsupported, "transfer_encoding_unsupported", 501,                           \
    "Only the transfer coding chunked is served.")                                                \
  X(kTransferEncodingOnHttp10, "transfer_encoding_on_http10", 400,                                \
    "HTTP/1.0 has no Transfer-Encoding.")                                                         \
  X(kConnectionInvalid, "connection_invalid", 400,                                                \
    "The Connection field is not a list of at most 32 tokens.")                                   \
  X(kConnectionForbidden, "connection_forbidden", 400,                                            \
    "The Connection field names a field that decides framing, routing or identity.")              \
  X(kExpectInvalid, "expect_invalid", 417, "The only expectation served is: 100-continue.")       \
  X(kStatusLineMalformed, "status_line_malformed", 400,                                           \
    "The status line is not: version, one space, three digits, one space, reason.")               \
  X(kStatusInvalid, "status_invalid", 400, "The status code is not between 100 and 599.")         \
  X(kStatusUnsolicited, "status_unsolicited", 400,                                                \
    "The server switched protocols, which nobody asked for.")                                     \
  X(kChunkSizeInvalid, "chunk_size_invalid", 400,                                                 \
    "A chunk size is not a plain hexadecimal number.")                                            \
  X(kChunkSizeTooLarge, "chunk_size_too_large", 400, "A chunk size is larger than 63 bits.")      \
  X(kChunkExtensionInvalid, "chunk_extension_invalid", 400, "A chunk extension is malformed.")    \
  X(kChunkLineTooLong, "chunk_line_too_long", 400,                                                \
    "A chunk line is longer than this proxy allows.")                                             \
  X(kChunkEndMissing, "chunk_end_missing", 400, "Chunk data is not followed by CR LF.")           \
  X(kTrailersTooLarge, "trailers_too_large", 431,                                                 \
    "The trailer section is larger than this proxy allows.")                                      \
  X(kTrailerForbidden, "trailer_forbidden", 400,                                                  \
    "A trailer names a field of framing, routing, authentication or content format.")
// clang-format on

enum class BadReason : uint8_t {
#define SLUICE_REASON(enumerator, label, status, text) enumerator,
  SLUICE_H1_REASONS(SLUICE_REASON)
#undef SLUICE_REASON
};

#define SLUICE_REASON(enumerator, label, status, text) +1
inline constexpr size_t kBadReasonCount = 0 SLUICE_H1_REASONS(SLUICE_REASON);
#undef SLUICE_REASON

}  // namespace sluice::http
