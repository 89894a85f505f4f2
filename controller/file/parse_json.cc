#include <sstream>
#include <utility>

#include "controller/file/parse.h"
#include "controller/file/value_builder.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

// The library's event interface over ValueBuilder; with it the parser reports errors instead of
// throwing them.
class Events : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return builder.Scalar(nullptr); }
  bool boolean(bool value) override { return builder.Scalar(value); }
  bool number_integer(number_integer_t value) override { return builder.Scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return builder.Scalar(value); }
  bool number_float(number_float_t value, const string_t&) override {
    return builder.Scalar(value);
  }
  bool string(string_t& value) override { return builder.Scalar(std::move(value)); }
  bool binary(binary_t&) override { return builder.Fail("has binary data"); }
  bool start_object(std::size_t) override { return builder.BeginObject(); }
  bool key(string_t& value) override { return builder.Key(std::move(value)); }
  bool end_object() override { return builder.End(); }
  bool start_array(std::size_t) override { return builder.BeginArray(); }
  bool end_array() override { return builder.End(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    // The library's text begins with its own error number, which helps nobody.
    const std::string text = e.what();
    const size_t start = text.find("parse error");
    const size_t message = text.find(": ", start == text.npos ? 0 : start);
    return builder.Fail(base::Concat("is not JSON: byte ", position, ": ",
                                     message == text.npos ? text : text.substr(message + 2)));
  }

  ValueBuilder builder;
};

}  // namespace

ParsedDocument ParseJsonDocument(std::string_view& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != text.npos) text.remove_prefix(begin);
  if (!text.starts_with('{')) return {.error = "is not JSON: a manifest begins with {"};
  std::istringstream stream{std::string(text)};
  Events events;
  const bool is_done = Json::sax_parse(stream, &events, Json::input_format_t::json, false);
  if (!is_done) return {.error = events.builder.error()};
  const std::streamoff read = stream.tellg();
  text.remove_prefix(read < 0 ? text.size() : static_cast<size_t>(read));
  return {.value = events.builder.Take()};
}

}  // namespace sluice::controller
