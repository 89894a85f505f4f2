// Log lines of a process: one line each, to stderr, `time level component message key=value ...`.
// Cold path only; the hot path counts. Never blocks: what stderr does not take is lost, and the
// next line says how much that was (stderr.h). Format spdlog lives behind log.cc so that no other
// file pays for it. Thread: any.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  LogField(std::string_view name, const std::string& text) : key(name), value(text) {}
  template <typename Integer>
  requires std::is_integral_v<Integer> LogField(std::string_view name, Integer number)
      : key(name), value(std::to_string(number)) {}

  std::string_view key;
  std::string value;
};

// Names the process in each line ("agent", "proxy", ...). Call once, first.
void StartLog(std::string_view component, LogLevel least = LogLevel::kInfo);
// "debug", "info", "warning" or "error"; anything else leaves `level` alone and returns false.
bool ParseLogLevel(std::string_view text, LogLevel& level);

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
inline void LogDebug(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kDebug, m, f);
}
inline void LogInfo(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kInfo, m, f);
}
inline void LogWarning(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kWarning, m, f);
}
inline void LogError(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kError, m, f);
}

}  // namespace sluice::base
