// Golden tables of the HTTP room and memory that ends where the input ends.
// A table's grammar is at the top of each file in tests/golden/http.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::http {

inline int HexOf(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

// Resolves \r \n \t \0 \\ \xHH and \{COUNT:TEXT}.
inline std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text.at(++i)) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x':
        out += static_cast<char>(HexOf(text.at(i + 1)) * 16 + HexOf(text.at(i + 2)));
        i += 2;
        break;
      case '{': {
        const size_t colon = text.find(':', i);
        const size_t close = text.find('}', colon);
        const int count = std::atoi(std::string(text.substr(i + 1, colon - i - 1)).c_str());
        const std::string part = Unescape(text.substr(colon + 1, close - colon - 1));
        for (int n = 0; n < count; ++n) out += part;
        i = close;
        break;
      }
      default:
        ADD_FAILURE() << "unknown escape in " << text;
    }
  }
  return out;
}

struct GoldenRow {
  std::string name;
  std::string input;     // Unescaped.
  std::string expected;  // As in the file.
  std::string source;
};

inline std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

inline std::vector<GoldenRow> ReadTable(const std::string& file) {
  std::ifstream stream(std::string(SLUICE_GOLDEN_DIR "/http/") + file);
  EXPECT_TRUE(stream.is_open()) << file;
  std::vector<GoldenRow> rows;
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> columns = Split(line, '\t');
    EXPECT_EQ(columns.size(), 4u) << line;
    if (columns.size() == 4)
      rows.push_back({columns[0], Unescape(columns[1]), columns[2], columns[3]});
  }
  EXPECT_FALSE(rows.empty()) << file;
  return rows;
}

// Holds a text so that its last byte is the last of a page and the next page cannot be read.
class GuardedText {
 public:
  explicit GuardedText(size_t size_max) {
    const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    size_ = (size_max / page + 1) * page;
    map_size_ = size_ + page;
    map_ = static_cast<char*>(
        ::mmap(nullptr, map_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (map_ == MAP_FAILED || ::mprotect(map_ + size_, page, PROT_NONE) != 0) std::abort();
  }
  GuardedText(const GuardedText&) = delete;
  GuardedText& operator=(const GuardedText&) = delete;
  ~GuardedText() { ::munmap(map_, map_size_); }

  // Valid until the next Place.
  std::string_view Place(std::string_view text) {
    char* begin = map_ + size_ - text.size();
    std::memcpy(begin, text.data(), text.size());
    return {begin, text.size()};
  }

 private:
  char* map_ = nullptr;
  size_t size_ = 0;
  size_t map_size_ = 0;
};

inline constexpr size_t kGoldenInputMax = 256 * 1024;

}  // namespace sluice::http
