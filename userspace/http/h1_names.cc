#include "userspace/http/h1_names.h"

#include <array>
#include <cstring>

#include "userspace/http/h1_chars.h"

namespace sluice::http {
namespace {

struct KnownName {
  std::string_view name;
  HeaderId id = HeaderId::kOther;
};

// At most three names share a length; the table keeps the look-up to one load and one or two
// compares.
inline constexpr size_t kNamesPerLength = 3;
inline constexpr size_t kNameSizeMax = 17;
using LengthTable = std::array<std::array<KnownName, kNamesPerLength>, kNameSizeMax + 1>;

constexpr LengthTable MakeLengthTable() {
  LengthTable table{};
  const auto add = [&table](HeaderId id, std::string_view name) {
    for (KnownName& slot : table[name.size()]) {
      if (slot.id != HeaderId::kOther) continue;
      slot = {name, id};
      return;
    }
  };
#define SLUICE_ADD(enumerator, name, hop) add(HeaderId::enumerator, name);
  SLUICE_H1_NAMES(SLUICE_ADD)
#undef SLUICE_ADD
  return table;
}

constexpr LengthTable kByLength = MakeLengthTable();

constexpr size_t CountNames(const LengthTable& table) {
  size_t count = 0;
  for (const auto& row : table) {
    for (const KnownName& slot : row) count += slot.id != HeaderId::kOther ? 1 : 0;
  }
  return count;
}
static_assert(CountNames(kByLength) == kHeaderIdCount - 1,
              "a name did not fit into its length's row");

constexpr uint64_t kCaseBits = 0x2020202020202020u;

uint64_t Load8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

}  // namespace

// Setting bit 0x20 folds case exactly: among token characters only letters become a lower-case
// letter or "-" by it.
bool EqualsIgnoreCase(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size()) return false;
  const size_t size = name.size();
  if (size >= 8) {
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
      if ((Load8(name.data() + i) | kCaseBits) != (Load8(lower.data() + i) | kCaseBits))
        return false;
    }
    return (Load8(name.data() + size - 8) | kCaseBits) ==
           (Load8(lower.data() + size - 8) | kCaseBits);
  }
  for (size_t i = 0; i < size; ++i) {
    if ((name[i] | 0x20) != (lower[i] | 0x20)) return false;
  }
  return true;
}

HeaderId HeaderIdOf(std::string_view name) {
  if (name.size() > kNameSizeMax) return HeaderId::kOther;
  for (const KnownName& known : kByLength[name.size()]) {
    if (known.id == HeaderId::kOther) break;
    if ((name[0] | 0x20) == known.name[0] && EqualsIgnoreCase(name, known.name)) return known.id;
  }
  return HeaderId::kOther;
}

bool IsProtectedFromConnection(std::string_view name) {
  static constexpr std::string_view kProtected[] = {
      "host",
      "content-length",
      "transfer-encoding",
      "content-type",
      "authorization",
      "cookie",
      "forwarded",
      "x-forwarded-for",
      "x-real-ip",
      "x-forwarded-proto",
      "x-forwarded-host",
      "x-forwarded-client-cert",
  };
  for (const std::string_view field : kProtected) {
    if (EqualsIgnoreCase(name, field)) return true;
  }
  return false;
}

bool IsAmbiguousName(std::string_view name) {
  static constexpr std::string_view kFraming[] = {"content-length", "transfer-encoding"};
  for (const std::string_view field : kFraming) {
    if (name.size() != field.size()) continue;
    size_t i = 0;
    while (i < field.size() && (name[i] == '_' ? '-' : ToLower(name[i])) == field[i]) ++i;
    if (i == field.size()) return true;
  }
  return false;
}

}  // namespace sluice::http
