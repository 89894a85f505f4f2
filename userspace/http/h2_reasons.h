// Every refusal of the HTTP/2 codec: metric label, error code of RFC 9113 section 7, status of an
// answer where one is still possible, sentence. Like those of HTTP/1.1 (h1_reasons.h) the sentences
// never repeat the peer's bytes. Whether a stream or the connection ends is said where it is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

enum class H2Error : uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kFlowControlError = 3,
  kSettingsTimeout = 4,
  kStreamClosed = 5,
  kFrameSizeError = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kCompressionError = 9,
  kConnectError = 10,
  kEnhanceYourCalm = 11,
  kInadequateSecurity = 12,
  kHttp11Required = 13,
};

// X(enumerator, label, error, status, sentence)
// clang-format off
#define SLUICE_H2_REASONS(X)  \
  X(kNone, "none", kNoError, 400, "No fault was found.")  \
  X(kPrefaceMissing, "h2_preface_missing", kProtocolError, 400,  \
    "The connection does not begin with the HTTP/2 preface and a SETTINGS frame.")  \
  X(kFrameTooLarge, "h2_frame_too_large", kFrameSizeError, 400,  \
    "A frame is larger than SETTINGS_MAX_FRAME_SIZE allows.")  \
  X(kFrameSizeInvalid, "h2_frame_size_invalid", kFrameSizeError, 400, "A frame has a size that its type does not allow.")  \
  X(kPaddingInvalid, "h2_padding_invalid", kProtocolError, 400, "The padding of a frame is longer than its payload.")  \
  X(kStreamIdInvalid, "h2_stream_id_invalid", kProtocolError, 400,  \
    "A frame of a stream came for the connection, or one of the connection for a stream.")  \
  X(kStreamIdOrder, "h2_stream_id_order", kProtocolError, 400,  \
    "A new stream has an even identifier or one below an earlier stream's.")  \
  X(kStreamIdle, "h2_stream_idle", kProtocolError, 400, "A frame came for a stream that was never opened.")  \
  X(kStreamClosed, "h2_stream_closed", kStreamClosed, 400, "A frame came for a stream that its sender had ended.")  \
  X(kPushForbidden, "h2_push_forbidden", kProtocolError, 400, "PUSH_PROMISE came, which was never allowed.")  \
  X(kSettingInvalid, "h2_setting_invalid", kProtocolError, 400, "A setting has a value that it may not have.")  \
  X(kSettingWindowInvalid, "h2_setting_window_invalid", kFlowControlError, 400,  \
    "SETTINGS_INITIAL_WINDOW_SIZE is larger than 2^31-1.")  \
  X(kSettingsAckUnasked, "h2_settings_ack_unasked", kProtocolError, 400,  \
    "SETTINGS was acknowledged more often than it was sent.")  \
  X(kSettingsTimeout, "h2_settings_timeout", kSettingsTimeout, 400, "SETTINGS was not acknowledged in time.")  \
  X(kFrameTimeout, "h2_frame_timeout", kEnhanceYourCalm, 408, "A frame was begun and did not come whole in time.")  \
  X(kPingTimeout, "h2_ping_timeout", kProtocolError, 400, "A PING was not answered in time.")  \
  X(kWindowIncrementZero, "h2_window_increment_zero", kProtocolError, 400, "WINDOW_UPDATE has an increment of 0.")  \
  X(kWindowOverflow, "h2_window_overflow", kFlowControlError, 400, "A flow-control window grew beyond 2^31-1.")  \
  X(kWindowExceeded, "h2_window_exceeded", kFlowControlError, 400, "More data came than the flow-control window allowed.")  \
  X(kContinuationExpected, "h2_continuation_expected", kProtocolError, 400,  \
    "A field block was interrupted by another frame.")  \
  X(kContinuationUnexpected, "h2_continuation_unexpected", kProtocolError, 400,  \
    "CONTINUATION came without a field block to continue.")  \
  X(kContinuationFlood, "h2_continuation_flood", kEnhanceYourCalm, 431,  \
    "A field block came in more frames or bytes than this proxy allows.")  \
  X(kHpackInvalid, "h2_hpack_invalid", kCompressionError, 400, "A field block cannot be decompressed.")  \
  X(kHpackTableSize, "h2_hpack_table_size", kCompressionError, 400,  \
    "A dynamic table size update is missing, misplaced or above the limit.")  \
  X(kHeaderListTooLarge, "h2_header_list_too_large", kEnhanceYourCalm, 431,  \
    "The header list is larger than this proxy allows.")  \
  X(kTooManyHeaders, "h2_too_many_headers", kEnhanceYourCalm, 431, "There are more header fields than this proxy allows.")  \
  X(kTargetTooLong, "h2_target_too_long", kEnhanceYourCalm, 414, "The request target is longer than this proxy allows.")  \
  X(kHeaderNameInvalid, "h2_header_name_invalid", kProtocolError, 400,  \
    "A header field name is empty, has upper case letters or is not a token.")  \
  X(kHeaderNameAmbiguous, "h2_header_name_ambiguous", kProtocolError, 400,  \
    "A header field spells a framing field with underscores, which some servers read as the real one.")  \
  X(kHeaderValueInvalid, "h2_header_value_invalid", kProtocolError, 400,  \
    "A header field value has a control character or surrounding white space.")  \
  X(kConnectionHeader, "h2_connection_header", kProtocolError, 400,  \
    "A connection-specific header field came, which HTTP/2 does not have.")  \
  X(kTeInvalid, "h2_te_invalid", kProtocolError, 400, "TE says something else than: trailers.")  \
  X(kPseudoUnknown, "h2_pseudo_unknown", kProtocolError, 400,  \
    "A pseudo-header field is unknown or does not belong into this message.")  \
  X(kPseudoDuplicate, "h2_pseudo_duplicate", kProtocolError, 400, "A pseudo-header field came twice.")  \
  X(kPseudoOrder, "h2_pseudo_order", kProtocolError, 400, "A pseudo-header field came behind a regular one.")  \
  X(kPseudoMissing, "h2_pseudo_missing", kProtocolError, 400, "A pseudo-header field that this message needs is missing.")  \
  X(kMethodInvalid, "h2_method_invalid", kProtocolError, 400, "The method is not a token of at most 32 characters.")  \
  X(kSchemeInvalid, "h2_scheme_invalid", kProtocolError, 400, "The scheme is neither http nor https.")  \
  X(kTargetInvalid, "h2_target_invalid", kProtocolError, 400,  \
    "The path has a character or a form that is not allowed.")  \
  X(kHostInvalid, "h2_host_invalid", kProtocolError, 400,  \
    "The authority is not a host name or address with an optional port.")  \
  X(kHostDuplicate, "h2_host_duplicate", kProtocolError, 400, "The request has more than one Host field.")  \
  X(kHostMismatch, "h2_host_mismatch", kProtocolError, 400, "The Host field names another host than :authority.")  \
  X(kHostMissing, "h2_host_missing", kProtocolError, 400, "The request has neither :authority nor a Host field.")  \
  X(kProtocolInvalid, "h2_protocol_invalid", kProtocolError, 400,  \
    "Extended CONNECT was not offered here, or :protocol is h2c or not a token.")  \
  X(kExpectInvalid, "h2_expect_invalid", kProtocolError, 417, "The only expectation served is: 100-continue.")  \
  X(kStatusInvalid, "h2_status_invalid", kProtocolError, 400,  \
    "The status is not three digits between 100 and 599, or is 101.")  \
  X(kContentLengthInvalid, "h2_content_length_invalid", kProtocolError, 400,  \
    "Content-Length is not one plain decimal number without sign, list or leading zeros.")  \
  X(kContentLengthMismatch, "h2_content_length_mismatch", kProtocolError, 400,  \
    "The DATA frames have more or fewer bytes than Content-Length says.")  \
  X(kBodyForbidden, "h2_body_forbidden", kProtocolError, 400, "DATA came for a message that has no content.")  \
  X(kTrailersUnended, "h2_trailers_unended", kProtocolError, 400, "Trailers came without ending their stream.")  \
  X(kTrailerForbidden, "h2_trailer_forbidden", kProtocolError, 400,  \
    "A trailer is a pseudo-header or a field of framing, routing, authentication or content format.")  \
  X(kInterimFlood, "h2_interim_flood", kEnhanceYourCalm, 502,  \
    "A request got more interim answers than this proxy allows.")  \
  X(kHeadersUnexpected, "h2_headers_unexpected", kProtocolError, 400, "HEADERS came where none may follow.")  \
  X(kDataBeforeHead, "h2_data_before_head", kProtocolError, 400, "DATA came before the head of its message.")  \
  X(kStreamsExceeded, "h2_streams_exceeded", kRefusedStream, 503,  \
    "More streams were opened at once than this proxy allows.")  \
  X(kHeadsHeld, "h2_heads_held", kRefusedStream, 503,  \
    "The heads of the open streams are larger together than this proxy allows.")  \
  X(kDraining, "h2_draining", kRefusedStream, 503, "The connection takes no new streams: it is being closed.")  \
  X(kResetFlood, "h2_reset_flood", kEnhanceYourCalm, 429, "Streams were reset faster than this proxy allows.")  \
  X(kRefusalFlood, "h2_refusal_flood", kEnhanceYourCalm, 429,  \
    "Streams had to be refused or reset for faults faster than this proxy allows.")  \
  X(kPingFlood, "h2_ping_flood", kEnhanceYourCalm, 429, "PING frames came faster than this proxy allows.")  \
  X(kSettingsFlood, "h2_settings_flood", kEnhanceYourCalm, 429, "SETTINGS frames came faster than this proxy allows.")  \
  X(kEmptyFrameFlood, "h2_empty_frame_flood", kEnhanceYourCalm, 429,  \
    "Frames without content came faster than this proxy allows.")  \
  X(kWindowUpdateFlood, "h2_window_update_flood", kEnhanceYourCalm, 429,  \
    "WINDOW_UPDATE frames came faster than this proxy allows.")  \
  X(kPriorityFlood, "h2_priority_flood", kEnhanceYourCalm, 429,  \
    "PRIORITY or unknown frames came faster than this proxy allows.")  \
  X(kOutputHeld, "h2_output_held", kEnhanceYourCalm, 429,  \
    "The peer asks for answers but does not read them.")
// clang-format on

enum class H2Reason : uint8_t {
#define SLUICE_REASON(enumerator, label, error, status, text) enumerator,
  SLUICE_H2_REASONS(SLUICE_REASON)
#undef SLUICE_REASON
};

#define SLUICE_REASON(enumerator, label, error, status, text) +1
inline constexpr size_t kH2ReasonCount = 0 SLUICE_H2_REASONS(SLUICE_REASON);
#undef SLUICE_REASON

std::string_view H2ReasonName(H2Reason reason);
std::string_view H2ReasonText(H2Reason reason);
H2Error H2ReasonError(H2Reason reason);
uint16_t H2ReasonStatus(H2Reason reason);

}  // namespace sluice::http
