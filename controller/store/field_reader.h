// Strict reading of one JSON object, field by field. A wrong type or value refuses the whole
// object, a field that nobody asked for is noted: it is most often a misspelling of one that
// matters.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/store/manifest.h"
#include "controller/store/problem.h"

namespace sluice::controller {

using StringMap = std::map<std::string, std::string>;

// Collects what is wrong with one object. Bounds: at most kProblemsPerObjectMax; the last one says
// that there are more.
class ObjectReport {
 public:
  ObjectReport(Origin origin, std::string object);

  void Refuse(std::string_view field, std::string reason,
              std::string mend);  // The object is skipped.
  void Note(std::string_view field, std::string reason, std::string mend);  // The object is kept.
  bool is_refused() const { return is_refused_; }
  std::vector<Problem> TakeProblems() { return std::move(problems_); }

 private:
  Origin origin_;
  std::string object_;
  bool is_refused_ = false;
  std::vector<Problem> problems_;
};

struct IntegerRange {
  int64_t min = 0;
  int64_t max = 0;
};
inline constexpr IntegerRange kPortRange{.min = 1, .max = 65535};

// The text of a value for a message, shortened.
std::string Shown(const Json& value);
std::string Quoted(std::string_view text);  // Same for a string.

// Absent fields and nulls read alike. Requires: `value` and `report` outlive the reader.
class FieldReader {
 public:
  // A value that is not an object is refused and reads as an empty one.
  FieldReader(const Json& value, std::string path, ObjectReport& report);

  bool Has(std::string_view name);
  std::optional<std::string> String(std::string_view name);
  std::string RequiredString(std::string_view name);  // Absent or "": refused.
  std::optional<int64_t> Integer(std::string_view name, IntegerRange range);
  std::optional<bool> Boolean(std::string_view name);
  StringMap Strings(std::string_view name);  // Object of strings.
  // The same, but a number or a boolean among them is noted and read as its text: YAML makes one of
  // an unquoted `off`, and that is no reason to refuse the object.
  StringMap Texts(std::string_view name);
  std::vector<std::string> StringList(std::string_view name, size_t count_max);
  std::optional<FieldReader> Object(std::string_view name);
  std::vector<FieldReader> Objects(std::string_view name, size_t count_max);
  const Json* Value(std::string_view name);  // For fields of several types; null if absent.

  void Ignore(std::initializer_list<std::string_view> names);  // Known, of no interest.
  void NoteUnknown();  // Last: everything neither read nor ignored.

  std::string PathOf(std::string_view name) const;
  const std::string& path() const { return path_; }
  ObjectReport& report() const { return *report_; }
  void Refuse(std::string_view name, std::string reason, std::string mend) const;

 private:
  StringMap ReadStrings(std::string_view name, bool takes_scalars);
  const Json* List(std::string_view name, size_t count_max);
  void RefuseType(std::string_view name, const Json& value, std::string_view wanted) const;

  const Json* value_;
  std::string path_;
  ObjectReport* report_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace sluice::controller
