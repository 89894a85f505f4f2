// A client and a server session joined in memory, and hand-made frames for either.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/hpack_bytes.h"
#include "userspace/base/text.h"
#include "userspace/http/h1_reasons.h"
#include "userspace/http/h2_session.h"

namespace sluice::http {

// Content by stream; what is offered must be put in first.
class MemorySource : public H2Source {
 public:
  void Read(uint32_t stream, uint64_t, char* out, size_t size) override {
    std::string& content = content_[stream];
    ASSERT_LE(size, content.size());
    content.copy(out, size);
    content.erase(0, size);
  }
  void Put(uint32_t stream, std::string_view text) { content_[stream].append(text); }

 private:
  std::map<uint32_t, std::string> content_;
};

inline std::string Frame(H2FrameType type, uint8_t flags, uint32_t stream,
                         std::string_view payload) {
  std::string out;
  PutFrameHeader({.size = static_cast<uint32_t>(payload.size()),
                  .type = static_cast<uint8_t>(type),
                  .flags = flags,
                  .stream = stream},
                 out);
  return out.append(payload);
}

inline std::string SettingsFrame(std::initializer_list<H2SettingValue> settings = {}) {
  std::string payload;
  for (const H2SettingValue& s : settings)
    PutSetting(static_cast<H2Setting>(s.id), s.value, payload);
  return Frame(H2FrameType::kSettings, 0, 0, payload);
}

inline std::string Number(uint32_t value) {
  std::string out;
  PutU32(value, out);
  return out;
}

// Fields as "name: value" lines, encoded without the dynamic table.
inline std::string Block(std::initializer_list<HpackEntry> fields) {
  std::string block;
  for (const HpackEntry& field : fields) {
    block.push_back('\0');
    block.append(PlainString(field.name)).append(PlainString(field.value));
  }
  return block;
}

inline std::string GetBlock() {
  return Block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
}
inline std::string PostBlock() {
  return Block({{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
}

inline std::string HeadersFrame(uint32_t stream, std::string_view block,
                                uint8_t flags = kH2EndStream | kH2EndHeaders) {
  return Frame(H2FrameType::kHeaders, flags, stream, block);
}

// One event as a word: "request 1 end", "data 1 hello", "reset 1 8 h2_te_invalid", "failed ...".
inline std::string Describe(const H2Event& event, const H2HeadBuffer& buffer) {
  const std::string end = event.is_end_stream ? " end" : "";
  switch (event.kind) {
    case H2Event::Kind::kNone:
      return "none";
    case H2Event::Kind::kRequest:
      return base::Concat("request ", event.stream, " ", buffer.request.method, " ",
                          buffer.request.target, end);
    case H2Event::Kind::kResponse:
      return base::Concat("response ", event.stream, " ", buffer.response.status, end);
    case H2Event::Kind::kData:
      return base::Concat("data ", event.stream, " ", event.data, end);
    case H2Event::Kind::kTrailers:
      return base::Concat("trailers ", event.stream, " ", buffer.trailers.size(), end);
    case H2Event::Kind::kReset:
      return base::Concat("reset ", event.stream, " ", static_cast<uint32_t>(event.error), " ",
                          H2ReasonName(event.reason));
    case H2Event::Kind::kGoaway:
      return base::Concat("goaway ", event.stream, " ", static_cast<uint32_t>(event.error));
    case H2Event::Kind::kFailed:
      return base::Concat("failed ", static_cast<uint32_t>(event.error), " ",
                          H2ReasonName(event.reason));
  }
  return "";
}

inline uint32_t SendRequest(H2Session& session, std::string_view text, bool is_end,
                            const H2RequestForm& form) {
  RequestHead head;
  EXPECT_EQ(ParseRequestHead(text, 0, H1Limits{}, &head).status, ParseStatus::kComplete) << text;
  return session.SubmitRequest(head, form, is_end, 0);
}

// One session with its buffer, source and clock.
struct Endpoint {
  explicit Endpoint(H2Role role, const H2Limits& own_limits = {})
      : limits(own_limits), session(role, limits, buffer) {
    session.Start(now_ns);
  }

  // All events of the input, data given back at once if `consumes`.
  std::vector<std::string> Feed(std::string_view input) {
    std::vector<std::string> events;
    const std::vector<char> exact(input.begin(), input.end());
    std::string_view rest(exact.data(), exact.size());
    for (;;) {
      const H2Event event = session.Next(&rest, now_ns);
      if (event.kind == H2Event::Kind::kNone) break;
      events.push_back(Describe(event, buffer));
      if (event.kind == H2Event::Kind::kTrailers) {
        for (const Header& field : buffer.trailers)
          trailers.push_back(base::Concat(field.name, ": ", field.value));
      }
      if (event.kind == H2Event::Kind::kData && consumes) {
        session.Consume(event.stream, static_cast<uint32_t>(event.data.size()));
      }
      if (event.kind == H2Event::Kind::kFailed) break;
    }
    return events;
  }
  std::string Output(size_t room = 1 << 20) {
    std::string out(room, '\0');
    out.resize(session.Produce(out.data(), out.size(), source));
    return out;
  }
  bool Offer(uint32_t stream, std::string_view text, bool is_end) {
    source.Put(stream, text);
    return session.Offer(stream, text.size(), is_end);
  }

  H2Limits limits;
  H2HeadBuffer buffer;
  H2Session session;
  MemorySource source;
  uint64_t now_ns = 1'000'000'000'000;
  bool consumes = true;
  std::vector<std::string> trailers;  // Of all messages that came.
};

// A server that has seen the preface and whose own is out of the way.
struct Server : Endpoint {
  explicit Server(const H2Limits& own_limits = {}) : Endpoint(H2Role::kServer, own_limits) {
    Feed(std::string(kH2Preface) + SettingsFrame() + Frame(H2FrameType::kSettings, kH2Ack, 0, ""));
    Output();
  }
};

// A client whose preface is out of the way.
struct Client : Endpoint {
  explicit Client(const H2Limits& own_limits = {}) : Endpoint(H2Role::kClient, own_limits) {
    Feed(SettingsFrame({{8, 1}}) + Frame(H2FrameType::kSettings, kH2Ack, 0, ""));
    Output();
  }
  uint32_t Send(std::string_view text, bool is_end = true, const H2RequestForm& form = {}) {
    return SendRequest(session, text, is_end, form);
  }
};

inline ResponseHead ParseResponse(std::string_view text, std::string_view method = "GET") {
  ResponseHead head;
  EXPECT_EQ(ParseResponseHead(text, 0, H1Limits{}, method, &head).status, ParseStatus::kComplete);
  return head;
}

}  // namespace sluice::http
