// The only file that meets yaml-cpp. It throws on malformed text, so this is also the only file
// with a catch.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "controller/file/parse.h"
#include "controller/file/value_builder.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kAnchorsMax = 1000;
constexpr size_t kAnchoredWeightMax = size_t{64}
                                      << 20;  // Nested anchors hold what is inside them once each.

// Replays a value into a builder without recursion; false when it failed (a limit).
bool Replay(const Json& value, ValueBuilder& builder) {
  struct Level {
    const Json* value;
    Json::const_iterator next;
  };
  std::vector<Level> open;
  const auto enter = [&](const Json& item) {
    if (item.is_object())
      builder.BeginObject();
    else if (item.is_array())
      builder.BeginArray();
    else
      return builder.Scalar(item);
    open.push_back({.value = &item, .next = item.begin()});
    return !builder.has_failed();
  };
  if (!enter(value)) return false;
  while (!open.empty()) {
    Level& level = open.back();
    if (level.next == level.value->end()) {
      builder.End();
      open.pop_back();
      continue;
    }
    if (level.value->is_object()) builder.Key(level.next.key());
    const Json& item = *level.next++;
    if (!enter(item)) return false;
  }
  return true;
}

class Events : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    OnScalar(mark, "?", anchor, "");
  }

  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override {
    if (builder.has_failed()) return;
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) {
      builder.Fail("an alias refers to the value that it stands in");
    } else if (builder.is_key_next()) {
      builder.Fail("an alias as the name of a field is not supported");
    } else {
      Replay(it->second, builder);
    }
  }

  void OnScalar(const YAML::Mark&, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (builder.has_failed()) return;
    if (builder.is_key_next()) {
      if (tag == "?" && value == "<<") {
        builder.Fail("merge keys (<<) are not supported");
        return;
      }
      builder.Key(value);
      return;
    }
    // Without a tag a plain scalar has "?", a quoted one "!".
    const bool is_plain = tag == "?" || tag.empty();
    const size_t weight = builder.weight();
    builder.Scalar(is_plain ? ResolvePlainScalar(value) : Json(value));
    Remember({.anchor = anchor, .weight = weight});
  }

  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (!CheckKey()) return;
    if (builder.BeginArray()) open_.push_back({.anchor = anchor, .weight = builder.weight()});
  }
  void OnSequenceEnd() override { OnEnd(); }

  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (!CheckKey()) return;
    if (builder.BeginObject()) open_.push_back({.anchor = anchor, .weight = builder.weight()});
  }
  void OnMapEnd() override { OnEnd(); }

  ValueBuilder builder;

 private:
  struct Start {
    YAML::anchor_t anchor = 0;
    size_t weight = 0;  // Of the builder when the value began.
  };

  bool CheckKey() {
    if (builder.has_failed()) return false;
    return !builder.is_key_next() || builder.Fail("the name of a field is a list or an object");
  }

  void OnEnd() {
    if (!builder.End()) return;
    const Start start = open_.back();
    open_.pop_back();
    Remember(start);
  }

  void Remember(const Start& start) {
    if (start.anchor == 0 || builder.has_failed() || builder.last() == nullptr) return;
    anchored_weight_ += builder.weight() - start.weight;
    if (anchors_.size() >= kAnchorsMax || anchored_weight_ > kAnchoredWeightMax) {
      builder.Fail(base::Concat("the document has more than ", kAnchorsMax,
                                " anchors, or too much in them"));
      return;
    }
    anchors_.emplace(start.anchor, *builder.last());
  }

  std::map<YAML::anchor_t, Json> anchors_;
  std::vector<Start> open_;
  size_t anchored_weight_ = 0;
};

}  // namespace

ParsedDocument ParseYamlDocument(std::string_view text, uint32_t first_line) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Events events;
    const bool has_document = parser.HandleNextDocument(events);
    if (events.builder.has_failed()) return {.error = events.builder.error()};
    if (!has_document) return {};
    Json value = events.builder.Take();
    Events rest;
    if (parser.HandleNextDocument(rest)) {
      return {.error = "has text after the end of the document"};
    }
    return {.value = std::move(value)};
  } catch (const YAML::Exception& e) {
    const bool has_place = e.mark.line >= 0;
    return {.error = has_place ? base::Concat("is not YAML: line ",
                                              first_line + static_cast<uint32_t>(e.mark.line),
                                              ", column ", e.mark.column + 1, ": ", e.msg)
                               : base::Concat("is not YAML: ", e.msg)};
  } catch (const std::exception& e) {
    return {.error = base::Concat("is not YAML: ", e.what())};
  }
}

}  // namespace sluice::controller
