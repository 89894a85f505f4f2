#include "controller/file/value_builder.h"

#include <utility>

#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kShownKeySizeMax = 80;

}  // namespace

bool ValueBuilder::Fail(std::string reason) {
  if (error_.empty()) error_ = std::move(reason);
  return false;
}

bool ValueBuilder::is_key_next() const {
  return !open_.empty() && open_.back().value->is_object() && !open_.back().has_key;
}

Json* ValueBuilder::Place(Json value) {
  if (has_failed()) return nullptr;
  if (++value_count_ > kValuesPerDocumentMax) {
    Fail(base::Concat("the document has more than ", kValuesPerDocumentMax,
                      " values (aliases expanded)"));
    return nullptr;
  }
  if (value.is_string()) text_size_ += value.get_ref<const std::string&>().size();
  if (text_size_ > kExpandedSizeMax) {
    Fail(
        base::Concat("the document has more than ", kExpandedSizeMax, " bytes (aliases expanded)"));
    return nullptr;
  }
  if (open_.empty()) {
    has_root_ = true;
    root_ = std::move(value);
    return last_ = &root_;
  }
  Level& level = open_.back();
  if (level.value->is_array()) {
    level.value->push_back(std::move(value));
    return last_ = &level.value->back();
  }
  level.has_key = false;
  return last_ = &((*level.value)[level.key] = std::move(value));
}

bool ValueBuilder::Scalar(Json value) { return Place(std::move(value)) != nullptr; }

bool ValueBuilder::Key(std::string key) {
  if (has_failed()) return false;
  Level& level = open_.back();
  text_size_ += key.size();
  if (level.value->contains(key)) {
    return Fail(
        base::Concat("the field \"", Shortened(key, kShownKeySizeMax), "\" is written twice"));
  }
  level.key = std::move(key);
  level.has_key = true;
  return true;
}

bool ValueBuilder::Begin(Json value) {
  if (open_.size() >= kDepthMax)
    return Fail(base::Concat("values are nested deeper than ", kDepthMax));
  Json* placed = Place(std::move(value));
  if (placed == nullptr) return false;
  open_.push_back({.value = placed});
  return true;
}

bool ValueBuilder::BeginObject() { return Begin(Json::object()); }
bool ValueBuilder::BeginArray() { return Begin(Json::array()); }

bool ValueBuilder::End() {
  if (has_failed()) return false;
  last_ = open_.back().value;
  open_.pop_back();
  return true;
}

}  // namespace sluice::controller
