// Heads of HTTP/2, once both ends of a connection know each other's tables: as the hundredth
// request is, not the first.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/micro/heads.h"
#include "bench/micro/operations.h"
#include "userspace/base/check.h"
#include "userspace/http/h2_encode.h"
#include "userspace/http/h2_head.h"
#include "userspace/http/h2_session.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kTableSize = 4096;

// An encoder and a decoder that have seen the head before, and the block that it is from then on.
struct WarmTables {
  http::HpackEncoder encoder{kTableSize};
  http::HpackDecoder decoder{kTableSize};
  std::string block;

  template <typename Encode>
  void Warm(Encode encode) {
    for (int i = 0; i < 2; ++i) {
      block.clear();
      encode();
      Decode();
    }
  }
  void Decode() {
    std::array<char, 2 * kTableSize> out;
    http::HpackField field;
    decoder.Start(block);
    http::HpackStatus status = http::HpackStatus::kField;
    while (status == http::HpackStatus::kField) {
      status = decoder.Next(out.data(), out.size(), &field);
      Keep(field.value);
    }
    SLUICE_CHECK(status == http::HpackStatus::kEnd);
  }
};

struct RequestTables : WarmTables {
  RequestTables() {
    http::ParseRequestHead(kBrowserRequest, 0, http::H1Limits{}, &head);
    Warm([this] { http::EncodeRequest(head, {}, encoder, block); });
  }
  http::RequestHead head;
};

struct ResponseTables : WarmTables {
  ResponseTables() {
    http::ParseResponseHead(kServerResponse, 0, http::H1Limits{}, "GET", &head);
    Warm([this] { http::EncodeResponse(head, encoder, block); });
  }
  http::ResponseHead head;
};

// What reads heads on a connection, and where a head for HTTP/1.1 is written.
template <typename Tables>
struct Reading : Tables {
  http::H2Limits limits;
  http::H2HeadBuffer buffer;
  http::H2HeadReader reader{limits, this->decoder, buffer};
  std::array<char, 4096> out;
};

Operation EncodeRequest() {
  auto state = std::make_shared<RequestTables>();
  return {"hpack_encode_request", [state] {
            state->block.clear();
            http::EncodeRequest(state->head, {}, state->encoder, state->block);
            Keep(state->block.size());
          }};
}

Operation EncodeResponse() {
  auto state = std::make_shared<ResponseTables>();
  return {"hpack_encode_response", [state] {
            state->block.clear();
            http::EncodeResponse(state->head, state->encoder, state->block);
            Keep(state->block.size());
          }};
}

template <typename Tables>
Operation DecodeBlock(std::string name) {
  auto state = std::make_shared<Tables>();
  return {std::move(name), [state] { state->Decode(); }};
}

Operation ReadRequestAndWrite() {
  auto state = std::make_shared<Reading<RequestTables>>();
  return {"h2_request_to_h1", [state] {
            const http::H2Reason bad = state->reader.ReadRequest(state->block, true);
            SLUICE_CHECK(bad == http::H2Reason::kNone);
            Keep(http::WriteRequestHead(state->buffer.request, {}, state->out.data(),
                                        state->out.size()));
          }};
}

Operation ReadResponseAndWrite() {
  auto state = std::make_shared<Reading<ResponseTables>>();
  return {"h2_response_to_h1", [state] {
            const http::H2Reason bad = state->reader.ReadResponse(state->block, false, {});
            SLUICE_CHECK(bad == http::H2Reason::kNone);
            Keep(http::WriteResponseHead(state->buffer.response, {}, state->out.data(),
                                         state->out.size()));
          }};
}

struct NoContent : http::H2Source {
  void Read(uint32_t, uint64_t, char*, size_t) override {}
};

// A request of HTTP/1.1 is parsed, becomes a stream and is answered by a status alone, so that the
// connection is as before.
struct ClientSession {
  http::RequestHead head;
  http::H2Limits limits;
  http::H2HeadBuffer buffer;
  http::H2Session session{http::H2Role::kClient, limits, buffer};
  NoContent content;
  std::array<char, 8192> out;

  ClientSession() {
    session.Start(0);
    std::string settings;
    http::PutFrameHeader({.type = static_cast<uint8_t>(http::H2FrameType::kSettings)}, settings);
    http::PutSettingsAck(settings);
    Feed(settings);
  }
  void Feed(std::string_view input) {
    while (session.Next(&input, 0).kind != http::H2Event::Kind::kNone) {
    }
  }
  void Exchange() {
    http::ParseRequestHead(kBrowserRequest, 0, http::H1Limits{}, &head);
    const uint32_t id = session.SubmitRequest(head, {}, true, 0);
    SLUICE_CHECK(id != 0);
    Keep(session.Produce(out.data(), out.size(), content));
    const char answer[] = {0,
                           0,
                           1,
                           1,
                           5,
                           static_cast<char>(id >> 24),
                           static_cast<char>(id >> 16),
                           static_cast<char>(id >> 8),
                           static_cast<char>(id),
                           '\x88'};
    Feed({answer, sizeof answer});
    SLUICE_CHECK(session.stream_count() == 0);
  }
};

Operation ParseRequestAndSubmit() {
  auto state = std::make_shared<ClientSession>();
  return {"h1_request_to_h2_stream", [state] { state->Exchange(); }};
}

}  // namespace

void AddH2Operations(std::vector<Operation>& operations) {
  operations.push_back(EncodeRequest());
  operations.push_back(EncodeResponse());
  operations.push_back(DecodeBlock<RequestTables>("hpack_decode_request"));
  operations.push_back(DecodeBlock<ResponseTables>("hpack_decode_response"));
  operations.push_back(ReadRequestAndWrite());
  operations.push_back(ReadResponseAndWrite());
  operations.push_back(ParseRequestAndSubmit());
}

}  // namespace sluice::bench
