// Cases of tests/golden/http/write_*.txt; the grammar is at the top of write_request.txt.
#pragma once

#include "tests/unit/http/golden.h"
#include "userspace/http/h1.h"

namespace sluice::http {

struct WriteCase {
  std::string name;
  std::string target;
  std::string authority;
  std::string upgrade;
  bool close = false;
  bool keep_alive = false;
  std::vector<HeaderChange> rule;
  std::vector<HeaderChange> backend;
  std::string input;
  std::string output;
};

inline HeaderChange ParseChange(const std::string& line) {
  const size_t kind = line.find(' ') + 1;
  const size_t name = line.find(' ', kind) + 1;
  const size_t name_end = std::min(line.find(' ', name), line.size());
  const std::string word = line.substr(kind, name - kind - 1);
  HeaderChange change{.name = line.substr(name, name_end - name)};
  if (name_end < line.size()) change.value = line.substr(name_end + 1);
  change.kind = word == "set"   ? HeaderChange::Kind::kSet
                : word == "add" ? HeaderChange::Kind::kAdd
                                : HeaderChange::Kind::kRemove;
  return change;
}

inline std::vector<WriteCase> ReadWriteCases(const std::string& file) {
  std::ifstream stream(std::string(SLUICE_GOLDEN_DIR "/http/") + file);
  EXPECT_TRUE(stream.is_open()) << file;
  std::vector<WriteCase> cases;
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("== ")) {
      cases.push_back({.name = line.substr(3)});
      continue;
    }
    WriteCase& last = cases.back();
    if (line[0] == '<') last.input += line.substr(2) + "\r\n";
    if (line[0] == '>') last.output += line.substr(2) + "\r\n";
    if (line.starts_with("target=")) last.target = line.substr(7);
    if (line.starts_with("authority=")) last.authority = line.substr(10);
    if (line.starts_with("upgrade=")) last.upgrade = line.substr(8);
    if (line == "close") last.close = true;
    if (line == "keep_alive") last.keep_alive = true;
    if (line.starts_with("rule ")) last.rule.push_back(ParseChange(line));
    if (line.starts_with("backend ")) last.backend.push_back(ParseChange(line));
  }
  for (WriteCase& one : cases) {
    one.input += "\r\n";
    one.output += "\r\n";
  }
  EXPECT_FALSE(cases.empty()) << file;
  return cases;
}

}  // namespace sluice::http
