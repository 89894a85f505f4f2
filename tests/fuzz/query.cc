#include <string>
#include <string_view>

#include "userspace/base/check.h"
#include "userspace/route/query.h"

// The input is a name, a line end and a query. What is found is a part of the query, and the two
// ways to decode agree.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::route;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\n');
  if (end == input.npos) return 0;
  const std::string_view name = input.substr(0, end);
  const std::string_view query = input.substr(end + 1);
  const std::string decoded = PercentDecode(query);
  SLUICE_CHECK(decoded.size() <= query.size());
  SLUICE_CHECK(DecodedEquals(query, decoded));
  SLUICE_CHECK(DecodedEquals(query, name) == (decoded == name));
  const auto value = FindParameter(query, name);
  if (!value.has_value()) return 0;
  SLUICE_CHECK(value->find('&') == value->npos);
  if (!value->empty()) {
    SLUICE_CHECK(value->data() >= query.data() &&
                 value->data() + value->size() <= query.data() + query.size());
  }
  return 0;
}
