// Heads and trailers of HTTP/2, checked by RFC 9113 section 8 and brought into the form of HTTP/1.1
// (h1.h), so that routing, policy and the writers of HTTP/1.1 read one form. What comes out is text
// that the strict parsers of h1.h take as it is: nothing can be smuggled through a downgrade.
//
// Cookie crumbs are one field; a body of unknown length is "transfer-encoding: chunked"; extended
// CONNECT is a GET with "upgrade". Host stands first.
// Thread: one owner. A worker has one buffer; what it holds is valid until the next block is read.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "userspace/http/h1.h"
#include "userspace/http/h2_limits.h"
#include "userspace/http/h2_reasons.h"
#include "userspace/http/h2_secrets.h"
#include "userspace/http/hpack_decoder.h"

namespace sluice::http {

// What came of one field block.
struct H2HeadBuffer {
  RequestHead request;
  ResponseHead response;
  absl::Span<const Header> trailers;
  std::string_view protocol;  // Extended CONNECT: ":protocol".
  bool is_https = false;      // ":scheme" of the request.
  bool has_content_length = false;
  uint64_t content_length = 0;  // If has_content_length.

  std::unique_ptr<char[]> text;
  size_t text_size = 0;
  std::string pseudo;
  std::string cookies;
};

class H2HeadReader {
 public:
  H2HeadReader(const H2Limits& limits, HpackDecoder& decoder, H2HeadBuffer& buffer)
      : limits_(limits), decoder_(decoder), buffer_(buffer) {}

  // kNone, or why the message is refused. After kHpackInvalid and kHpackTableSize the connection
  // has to end; after all others the tables are still in step.
  H2Reason ReadRequest(std::string_view block, bool is_end_stream);
  struct RequestFacts {
    bool is_head = false;
    bool is_connect = false;  // Plain or extended.
  };
  H2Reason ReadResponse(std::string_view block, bool is_end_stream, RequestFacts request);
  H2Reason ReadTrailers(std::string_view block);
  // Only keeps the tables in step.
  H2Reason Skip(std::string_view block);
  // What the last block came to, refused or not (RFC 9113 section 6.5.2).
  uint64_t list_size() const { return list_size_; }

 private:
  enum class Kind : uint8_t { kRequest, kResponse, kTrailers };
  using Pseudo = H2Pseudo;
  static constexpr size_t kPseudoCount = kH2PseudoNames.size();

  void Prepare(Kind kind);
  H2Reason ReadFields(std::string_view block, Kind kind);
  H2Reason TakeField(const HpackField& field);
  H2Reason TakePseudo(const HpackField& field);
  H2Reason TakeRegular(const HpackField& field);
  H2Reason TakeKnown(const HpackField& field, HeaderId id, bool* is_kept);
  void Keep(const HpackField& field, HeaderId id, bool is_hop_by_hop);
  void AddLine(std::string_view name, std::string_view value, HeaderId id, bool is_hop_by_hop);
  H2Reason CheckTarget();
  H2Reason CheckAuthority();
  H2Reason CheckPseudoSet() const;
  H2Reason DecideRequestBody(bool is_end_stream);
  H2Reason DecideResponseBody(bool is_end_stream, RequestFacts request);

  std::string_view Get(Pseudo pseudo) const { return pseudo_[static_cast<size_t>(pseudo)]; }
  bool Has(Pseudo pseudo) const { return Get(pseudo).data() != nullptr; }

  const H2Limits& limits_;
  HpackDecoder& decoder_;
  H2HeadBuffer& buffer_;

  // Of the block being read.
  Kind kind_ = Kind::kRequest;
  std::array<std::string_view, kPseudoCount> pseudo_{};
  Header* headers_ = nullptr;
  uint32_t header_count_ = 0;
  uint32_t field_count_ = 0;  // Pseudo-headers included.
  uint32_t pseudo_count_ = 0;
  uint64_t list_size_ = 0;
  char* lines_begin_ = nullptr;
  char* next_ = nullptr;  // Where the next line goes.
  std::string_view host_;
  bool is_cookie_secret_ = false;
  uint8_t secret_pseudo_ = 0;
  bool has_expect_ = false;
};

}  // namespace sluice::http
