#include "controller/store/field_reader.h"

#include <utility>

#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kProblemsPerObjectMax = 20;
constexpr size_t kShownSizeMax = 80;

const Json& EmptyObject() {
  static const Json empty = Json::object();
  return empty;
}

std::string_view TypeName(const Json& value) {
  if (value.is_number_integer()) return "an integer";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "a boolean";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return "null";
}

}  // namespace

ObjectReport::ObjectReport(Origin origin, std::string object)
    : origin_(std::move(origin)), object_(std::move(object)) {}

void ObjectReport::Refuse(std::string_view field, std::string reason, std::string mend) {
  is_refused_ = true;
  Note(field, std::move(reason), std::move(mend));
}

void ObjectReport::Note(std::string_view field, std::string reason, std::string mend) {
  if (problems_.size() > kProblemsPerObjectMax) return;
  Problem problem{.file = origin_.file, .document = origin_.document, .object = object_};
  if (problems_.size() == kProblemsPerObjectMax) {
    problem.reason = "has more problems than are shown here";
    problem.mend = "mend the ones above; the rest will then be shown";
  } else {
    problem.field = std::string(field);
    problem.reason = std::move(reason);
    problem.mend = std::move(mend);
  }
  problems_.push_back(std::move(problem));
}

std::string Shown(const Json& value) {
  if (value.is_object() || value.is_array()) return std::string(TypeName(value));
  return Shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), kShownSizeMax);
}

std::string Quoted(std::string_view text) { return Shown(Json(text)); }

FieldReader::FieldReader(const Json& value, std::string path, ObjectReport& report)
    : value_(&value), path_(std::move(path)), report_(&report) {
  if (value.is_object()) return;
  value_ = &EmptyObject();
  report.Refuse(path_, base::Concat(Shown(value), " is not an object"),
                "write fields here, as \"name: value\" lines");
}

const Json* FieldReader::Value(std::string_view name) {
  known_.emplace(name);
  const auto it = value_->find(std::string(name));
  return it == value_->end() || it->is_null() ? nullptr : &*it;
}

bool FieldReader::Has(std::string_view name) { return Value(name) != nullptr; }

std::optional<std::string> FieldReader::String(std::string_view name) {
  const Json* value = Value(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get_ref<const std::string&>();
  RefuseType(name, *value, "a string");
  return std::nullopt;
}

std::string FieldReader::RequiredString(std::string_view name) {
  const Json* value = Value(name);
  std::string text = String(name).value_or("");
  const bool is_missing = value == nullptr || (value->is_string() && text.empty());
  if (is_missing) Refuse(name, "is required and missing", base::Concat("add ", name));
  return text;
}

std::optional<int64_t> FieldReader::Integer(std::string_view name, IntegerRange range) {
  const Json* value = Value(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    RefuseType(name, *value, "an integer");
    return std::nullopt;
  }
  const bool is_huge = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  const int64_t number = is_huge ? INT64_MAX : value->get<int64_t>();
  if (!is_huge && number >= range.min && number <= range.max) return number;
  Refuse(name, base::Concat(Shown(*value), " is not between ", range.min, " and ", range.max),
         base::Concat("write a number from ", range.min, " to ", range.max));
  return std::nullopt;
}

std::optional<bool> FieldReader::Boolean(std::string_view name) {
  const Json* value = Value(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  RefuseType(name, *value, "a boolean");
  return std::nullopt;
}

StringMap FieldReader::Strings(std::string_view name) { return ReadStrings(name, false); }

StringMap FieldReader::Texts(std::string_view name) { return ReadStrings(name, true); }

StringMap FieldReader::ReadStrings(std::string_view name, bool takes_scalars) {
  StringMap out;
  const Json* value = Value(name);
  if (value == nullptr) return out;
  if (!value->is_object()) {
    RefuseType(name, *value, "an object");
    return out;
  }
  for (const auto& [key, text] : value->items()) {
    const std::string field = base::Concat(name, "[", Shortened(key, kShownSizeMax), "]");
    if (text.is_string()) {
      out.emplace(key, text.get_ref<const std::string&>());
    } else if (takes_scalars && (text.is_boolean() || text.is_number())) {
      report_->Note(
          PathOf(field), base::Concat(Shown(text), " is not a string"),
          "put what you mean in quotes: without them YAML reads off as false and 010 as 8");
      out.emplace(key, text.dump());
    } else {
      RefuseType(field, text, "a string");
    }
  }
  return out;
}

const Json* FieldReader::List(std::string_view name, size_t count_max) {
  const Json* value = Value(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    RefuseType(name, *value, "a list");
    return nullptr;
  }
  if (value->size() <= count_max) return value;
  Refuse(name, base::Concat("has ", value->size(), " entries, at most ", count_max, " are allowed"),
         "spread them over several objects");
  return nullptr;
}

std::vector<std::string> FieldReader::StringList(std::string_view name, size_t count_max) {
  std::vector<std::string> out;
  const Json* list = List(name, count_max);
  if (list == nullptr) return out;
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& item = (*list)[i];
    if (item.is_string()) {
      out.push_back(item.get_ref<const std::string&>());
    } else {
      RefuseType(base::Concat(name, "[", i, "]"), item, "a string");
    }
  }
  return out;
}

std::optional<FieldReader> FieldReader::Object(std::string_view name) {
  const Json* value = Value(name);
  if (value == nullptr) return std::nullopt;
  return FieldReader(*value, PathOf(name), *report_);
}

std::vector<FieldReader> FieldReader::Objects(std::string_view name, size_t count_max) {
  std::vector<FieldReader> out;
  const Json* list = List(name, count_max);
  if (list == nullptr) return out;
  for (size_t i = 0; i < list->size(); ++i) {
    out.emplace_back((*list)[i], base::Concat(PathOf(name), "[", i, "]"), *report_);
  }
  return out;
}

void FieldReader::Ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) known_.emplace(name);
}

void FieldReader::NoteUnknown() {
  for (const auto& [name, unused] : value_->items()) {
    if (known_.contains(name)) continue;
    report_->Note(PathOf(Shortened(name, kShownSizeMax)), "is not a known field and is ignored",
                  "check its spelling and its indentation, or remove it");
  }
}

std::string FieldReader::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : base::Concat(path_, ".", name);
}

void FieldReader::Refuse(std::string_view name, std::string reason, std::string mend) const {
  report_->Refuse(PathOf(name), std::move(reason), std::move(mend));
}

void FieldReader::RefuseType(std::string_view name, const Json& value,
                             std::string_view wanted) const {
  std::string mend = base::Concat("write ", wanted);
  if (wanted == "a string" && value.is_primitive()) {
    mend = base::Concat("put it in quotes: \"", Shown(value), "\"");
  }
  const bool is_plain = value.is_primitive();
  Refuse(name,
         is_plain ? base::Concat(Shown(value), " is ", TypeName(value), ", not ", wanted)
                  : base::Concat("is ", TypeName(value), ", not ", wanted),
         std::move(mend));
}

}  // namespace sluice::controller
