#include "controller/file/parse.h"

#include <algorithm>
#include <utility>

#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr std::string_view kJsonBlank = " \t\r\n";

std::vector<ParsedDocument> ParseJson(std::string_view text) {
  std::vector<ParsedDocument> out;
  for (uint32_t number = 1; text.find_first_not_of(kJsonBlank) != text.npos; ++number) {
    if (number > kDocumentsMax) {
      out.push_back({.document = number,
                     .error = base::Concat("has more than ", kDocumentsMax, " documents")});
      break;
    }
    ParsedDocument document = ParseJsonDocument(text);
    document.document = number;
    const bool has_failed = !document.error.empty();
    out.push_back(std::move(document));
    if (has_failed) break;  // Where the next value begins can no longer be told.
  }
  return out;
}

bool HasOnlyComments(std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const size_t first = line.find_first_not_of(kJsonBlank);
    if (first != line.npos && line[first] != '#') return false;
    begin = end + 1;
  }
  return true;
}

std::vector<ParsedDocument> ParseYaml(std::string_view text) {
  std::vector<ParsedDocument> out;
  uint32_t number = 1;
  uint32_t line = 1;
  for (size_t begin = 0; begin <= text.size(); ++number) {
    if (number > kDocumentsMax) {
      out.push_back({.document = number,
                     .error = base::Concat("has more than ", kDocumentsMax, " documents")});
      break;
    }
    // The separator ends this document and begins the next one, which may go on in the same line
    // ("--- {}").
    const size_t separator = text.find("\n---", begin);
    const size_t end = std::min(separator == text.npos ? text.size() : separator + 1, text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const bool is_head = part.starts_with("---") && number == 1;
    ParsedDocument document = ParseYamlDocument(part, line);
    document.document = number;
    if (!document.value.is_null() || !document.error.empty()) out.push_back(std::move(document));
    // What stands before the first separator is a document only if there is more than comments.
    const bool is_prologue =
        number == 1 && !is_head && separator != text.npos && HasOnlyComments(part);
    if (is_prologue) --number;
    line += static_cast<uint32_t>(std::count(part.begin(), part.end(), '\n'));
    if (separator == text.npos) break;
    begin = end;
  }
  return out;
}

}  // namespace

std::vector<ParsedDocument> ParseManifests(std::string_view file_name, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // A byte order mark.
  std::string error;
  if (text.size() > kFileSizeMax)
    error = base::Concat("is larger than ", kFileSizeMax, " bytes");
  else if (text.find('\0') != text.npos || !IsValidUtf8(text))
    error = "is not UTF-8 text";
  if (!error.empty()) return {{.document = 1, .error = std::move(error)}};
  return file_name.ends_with(".json") ? ParseJson(text) : ParseYaml(text);
}

}  // namespace sluice::controller
