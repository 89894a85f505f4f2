#include "userspace/base/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "userspace/base/stderr.h"

namespace sluice::base {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// A value with spaces, quotes or control bytes is quoted, so that one log entry is always one line.
std::string Quoted(std::string_view value) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const bool is_plain = !value.empty() && value.find_first_of(" \"\\=") == value.npos &&
                        std::none_of(value.begin(), value.end(), is_control);
  if (is_plain) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += is_control(c) ? ' ' : c;
  }
  return out + '"';
}

// Lines that stderr does not take are lost, and counted until it takes the next one.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (lost_ > 0 && !SayLost(message)) {
      ++lost_;
      return;
    }
    if (!Write(message)) ++lost_;
  }
  void flush_() override {}

 private:
  bool Write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    return WriteToStderr({line.data(), line.size()});
  }

  bool SayLost(const spdlog::details::log_msg& next) {
    const std::string text =
        "lines of this log were lost: nobody took them count=" + std::to_string(lost_);
    // The last line may have been cut short.
    if (!WriteToStderr("\n") || !Write({next.logger_name, spdlog::level::warn, text})) return false;
    lost_ = 0;
    return true;
  }

  uint64_t lost_ = 0;
};

}  // namespace

void StartLog(std::string_view component, LogLevel least) {
  auto logger = std::make_shared<spdlog::logger>("sluice", std::make_shared<StderrSink>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l " + std::string(component) + " %v",
                      spdlog::pattern_time_type::utc);
  logger->set_level(ToSpdlog(least));
  spdlog::set_default_logger(std::move(logger));
}

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  if (text == "debug")
    level = LogLevel::kDebug;
  else if (text == "info")
    level = LogLevel::kInfo;
  else if (text == "warning")
    level = LogLevel::kWarning;
  else if (text == "error")
    level = LogLevel::kError;
  else
    return false;
  return true;
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!spdlog::default_logger_raw()->should_log(ToSpdlog(level))) return;
  std::string line(message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += Quoted(field.value);
  }
  spdlog::default_logger_raw()->log(ToSpdlog(level),
                                    spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace sluice::base
