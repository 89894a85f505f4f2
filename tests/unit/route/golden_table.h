// Rows of a golden file: columns between tabs, "#" starts a comment line, "-" is an empty column.
#pragma once

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::route {

using Row = std::vector<std::string>;

inline Row SplitRow(const std::string& line) {
  Row row;
  for (size_t start = 0; start <= line.size();) {
    const size_t end = std::min(line.find('\t', start), line.size());
    const std::string column = line.substr(start, end - start);
    row.push_back(column == "-" ? "" : column);
    start = end + 1;
  }
  return row;
}

inline std::vector<Row> ReadGolden(std::string_view name) {
  std::ifstream file(std::string(SLUICE_GOLDEN_DIR "/route/") + std::string(name));
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') rows.push_back(SplitRow(line));
  }
  return rows;
}

}  // namespace sluice::route
