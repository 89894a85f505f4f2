// What a parsed head says, as a map of words: the golden tables name the facts that must hold.
#pragma once

#include <map>
#include <string>

#include "tests/unit/http/golden.h"
#include "userspace/http/h1.h"
#include "userspace/http/h1_reasons.h"

namespace sluice::http {

using Facts = std::map<std::string, std::string>;

inline std::string BodyFact(BodyKind kind, uint64_t length) {
  switch (kind) {
    case BodyKind::kNone:
      return "none";
    case BodyKind::kLength:
      return "length:" + std::to_string(length);
    case BodyKind::kChunked:
      return "chunked";
    case BodyKind::kUntilClose:
      return "close";
  }
  return "";
}

template <typename Head>
void AddCommonFacts(const Head& head, Facts& facts) {
  facts["v"] = std::to_string(head.minor_version);
  facts["keep"] = head.is_keep_alive ? "1" : "0";
  facts["body"] = BodyFact(head.body, head.content_length);
  facts["size"] = std::to_string(head.head_size);
  facts["count"] = std::to_string(head.header_count);
  std::string hop;
  for (const Header& header : head.headers()) {
    if (header.is_hop_by_hop) hop += (hop.empty() ? "" : ",") + std::string(header.name);
    facts.emplace(header.name, header.value);
  }
  facts["hop"] = hop;
}

inline Facts FactsOf(const RequestHead& head) {
  Facts facts;
  AddCommonFacts(head, facts);
  facts["method"] = head.method;
  facts["target"] = head.target;
  facts["path"] = head.path;
  facts["query"] = head.query;
  facts["host"] = head.authority;
  facts["upgrade"] = head.wants_upgrade ? "1" : "0";
  facts["continue"] = head.expects_continue ? "1" : "0";
  return facts;
}

inline Facts FactsOf(const ResponseHead& head) {
  Facts facts;
  AddCommonFacts(head, facts);
  facts["status"] = std::to_string(head.status);
  facts["reason"] = head.reason;
  return facts;
}

// `expected`: "key=value" words; values may have escapes.
inline void ExpectFacts(const Facts& facts, const std::string& expected, const std::string& about) {
  for (const std::string& word : Split(expected, ' ')) {
    const size_t equals = word.find('=');
    const auto found = facts.find(word.substr(0, equals));
    ASSERT_NE(found, facts.end()) << about << ": no fact " << word;
    EXPECT_EQ(found->second, Unescape(word.substr(equals + 1))) << about << ": " << word;
  }
}

struct Outcome {
  ParseResult result;
  Facts facts;  // If complete.
  std::string Name() const {
    if (result.status == ParseStatus::kBad) return std::string(BadReasonName(result.bad));
    return result.status == ParseStatus::kComplete ? "complete" : "need_more";
  }
};

// Parses `input` as it grows by `step` bytes from `first` on, the way a connection does.
template <typename Parse>
Outcome ParseGrowing(GuardedText& memory, std::string_view input, size_t first, size_t step,
                     Parse parse) {
  uint32_t scanned = 0;
  for (size_t size = std::min(first, input.size());; size = std::min(size + step, input.size())) {
    Outcome outcome = parse(memory.Place(input.substr(0, size)), scanned);
    if (outcome.result.status != ParseStatus::kNeedMore || size == input.size()) return outcome;
    EXPECT_GE(outcome.result.scanned, scanned) << "searched bytes are searched again";
    EXPECT_LE(outcome.result.scanned, size);
    scanned = outcome.result.scanned;
  }
}

// Parses `input` whole, byte by byte, and cut in two at every place; `check` sees each outcome.
template <typename Parse, typename Check>
void ParseInEveryWay(GuardedText& memory, std::string_view input, Parse parse, Check check) {
  constexpr size_t kStepsMax = 600;
  const size_t step = input.size() / kStepsMax + 1;
  check(ParseGrowing(memory, input, input.size(), 1, parse), "whole");
  check(ParseGrowing(memory, input, 1, step, parse), "step by step");
  for (size_t cut = 1; cut < input.size(); cut += step) {
    check(ParseGrowing(memory, input, cut, input.size(), parse), "cut at " + std::to_string(cut));
  }
}

}  // namespace sluice::http
