#include "userspace/proxy/access_log.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace sluice::proxy {
namespace {

constexpr size_t kPendingMax = 1024 * 1024;  // Bytes kept while the log does not take any.

std::string NowUtc() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

// Escapes as JSON does; in the text form a quoted value looks the same.
void AppendQuoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

class LineWriter {
 public:
  LineWriter(AccessLogFormat format, std::string_view time)
      : is_json_(format == AccessLogFormat::kJson) {
    if (is_json_) line_ = "{";
    Text("time", time);
  }
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    AppendQuoted(line_, value);
  }
  void TextIfAny(std::string_view key, std::string_view value) {
    if (!value.empty()) Text(key, value);
  }
  void Number(std::string_view key, uint64_t value) {
    Key(key);
    line_ += std::to_string(value);
  }
  std::string Finish() && {
    line_ += is_json_ ? "}\n" : "\n";
    return std::move(line_);
  }

 private:
  void Key(std::string_view key) {
    if (line_.size() > 1) line_ += is_json_ ? ',' : ' ';
    if (is_json_)
      AppendQuoted(line_, key);
    else
      line_ += key;
    line_ += is_json_ ? ':' : '=';
  }
  const bool is_json_;
  std::string line_;
};

}  // namespace

std::string FormatAccessEntry(const AccessEntry& entry, AccessLogFormat format,
                              std::string_view time_utc) {
  LineWriter line(format, time_utc);
  line.Text("protocol", entry.protocol);
  line.TextIfAny("pod", entry.pod);
  line.Text("client", entry.client.ToString());
  line.Text("dialled", entry.dialled.ToString());
  if (entry.endpoint.port != 0) line.Text("endpoint", entry.endpoint.ToString());
  line.TextIfAny("method", entry.method);
  line.TextIfAny("authority", entry.authority);
  line.TextIfAny("path", entry.path);
  if (entry.status != 0) line.Number("status", entry.status);
  line.TextIfAny("route", entry.route);
  line.TextIfAny("backend", entry.backend);
  line.Number("bytes_from_client", entry.bytes_from_client);
  line.Number("bytes_to_client", entry.bytes_to_client);
  line.Number("duration_us", entry.duration_us);
  line.Text("reason", CloseReasonLabel(entry.reason));
  line.TextIfAny("detail", entry.detail);
  return std::move(line).Finish();
}

void AccessLog::Append(const AccessEntry& entry) {
  if (lines_.size() > kPendingMax) {
    counters_.Add(Counter::kLogDropped);
    return;
  }
  lines_ += FormatAccessEntry(entry, format_, NowUtc());
  ++line_count_;
}

void AccessLog::Flush() {
  if (lines_.empty()) return;
  const ssize_t written = ::write(fd_, lines_.data(), lines_.size());
  if (written < 0) {
    if (errno == EAGAIN || errno == EINTR) return;  // Next turn.
    counters_.Add(Counter::kLogDropped, line_count_);
    lines_.clear();
  } else {
    lines_.erase(0, static_cast<size_t>(written));
  }
  if (lines_.empty()) line_count_ = 0;
}

}  // namespace sluice::proxy
