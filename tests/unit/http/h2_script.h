// A short notation for HTTP/2 input, so that hostile connections fit a line of a table:
//
//   input  = item *( "~" item )
//   item   = "hex" bytes               as they are
//          | FRAME stream flags payload
//   FRAME  = data | headers | priority | rst | settings | push | ping | goaway | window | cont | tN
//   flags  = "-" | any of: e END_STREAM, h END_HEADERS, p PADDED, y PRIORITY, a ACK
//   payload= part *( "+" part )
//   part   = "x" hex | "t" text | "zN" N zeros | "uN" 32 bits | "sID=V" one setting
//          | "[" field *( "|" field ) "]" a block of literals | "get" | "post"
//   item "N*item" repeats it, with stream numbers that go up by 2 if the stream is "+".
#pragma once

#include <string>
#include <string_view>

#include "tests/unit/http/h2_pair.h"

namespace sluice::http {

inline uint32_t ToNumber(std::string_view text) {
  return static_cast<uint32_t>(std::stoul(std::string(text), nullptr, 0));
}

inline std::string ScriptBlock(std::string_view text) {
  std::string block;
  for (const std::string& field : Split(std::string(text), '|')) {
    const size_t separator = field.find(": ", 1);
    block.push_back('\0');
    block.append(PlainString(field.substr(0, separator)));
    block.append(PlainString(field.substr(separator + 2)));
  }
  return block;
}

inline std::string ScriptPart(std::string_view part) {
  if (part == "get") return GetBlock();
  if (part == "post") return PostBlock();
  const std::string_view rest = part.substr(1);
  switch (part[0]) {
    case 'x':
      return FromHex(rest);
    case 't':
      return std::string(rest);
    case 'z':
      return std::string(ToNumber(rest), '\0');
    case 'u':
      return Number(ToNumber(rest));
    case 's': {
      std::string out;
      const size_t equals = rest.find('=');
      PutSetting(static_cast<H2Setting>(ToNumber(rest.substr(0, equals))),
                 ToNumber(rest.substr(equals + 1)), out);
      return out;
    }
    case '[':
      return ScriptBlock(part.substr(1, part.size() - 2));
    default:
      ADD_FAILURE() << "unknown part: " << part;
  }
  return "";
}

inline uint8_t ScriptFlags(std::string_view letters) {
  uint8_t flags = 0;
  for (const char c : letters) {
    if (c == 'e' || c == 'a') flags |= kH2EndStream;
    if (c == 'h') flags |= kH2EndHeaders;
    if (c == 'p') flags |= kH2Padded;
    if (c == 'y') flags |= kH2Priority;
  }
  return flags;
}

inline H2FrameType ScriptType(const std::string& word) {
  static constexpr std::string_view kWords[] = {"data", "headers", "priority", "rst",    "settings",
                                                "push", "ping",    "goaway",   "window", "cont"};
  for (size_t i = 0; i < std::size(kWords); ++i) {
    if (word == kWords[i]) return static_cast<H2FrameType>(i);
  }
  return static_cast<H2FrameType>(ToNumber(word.substr(1)));
}

inline std::string ScriptInput(const std::string& script) {
  std::string input;
  uint32_t stream = 1;
  for (std::string item : Split(script, '~')) {
    uint32_t count = 1;
    if (const size_t star = item.find('*'); star < 7 && std::isdigit(item[0])) {
      count = ToNumber(item.substr(0, star));
      item = item.substr(star + 1);
    }
    const std::vector<std::string> words = Split(item, ' ');
    if (words[0] == "hex") {
      input += FromHex(words[1]);
      continue;
    }
    const bool goes_up = words[1] == "+";
    std::string payload;
    const std::string rest =
        words.size() > 3 ? item.substr(words[0].size() + words[1].size() + words[2].size() + 3)
                         : "";
    if (!rest.empty() && rest[0] == '[') {
      payload = ScriptPart(rest);
    } else if (!rest.empty()) {
      for (const std::string& part : Split(rest, '+')) payload += ScriptPart(part);
    }
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t id = goes_up ? stream : ToNumber(words[1]);
      if (goes_up) stream += 2;
      input += Frame(ScriptType(words[0]), ScriptFlags(words[2]), id, payload);
    }
  }
  return input;
}

}  // namespace sluice::http
