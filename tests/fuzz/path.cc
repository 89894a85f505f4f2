#include <string>
#include <string_view>

#include "userspace/base/check.h"
#include "userspace/http/h1.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  std::string out;
  bool changed = false;
  if (!sluice::http::NormalisePath(path, out, &changed)) return 0;
  const std::string normal = changed ? out : std::string(path);
  if (normal.empty() || normal == "*") return 0;

  SLUICE_CHECK(normal[0] == '/' && normal.size() <= path.size());
  const std::string closed = normal + "/";
  SLUICE_CHECK(closed.find("/../") == std::string::npos && closed.find("/./") == std::string::npos);
  for (const char c : normal) SLUICE_CHECK(c > 0x20 && c < 0x7f && c != '\\');
  for (const char* escape : {"%2F", "%2f", "%5C", "%5c", "%00", "%2E", "%2e"}) {
    SLUICE_CHECK(normal.find(escape) == std::string::npos);
  }
  std::string twice;
  SLUICE_CHECK(sluice::http::NormalisePath(normal, twice, &changed) && !changed);
  return 0;
}
