#include "userspace/http/h1_upgrade.h"

#include <algorithm>

#include "userspace/http/h1_chars.h"
#include "userspace/http/h1_fields.h"
#include "userspace/http/h1_names.h"

namespace sluice::http {
namespace {

bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsToken);
}

// Name, or name "/" version.
bool IsProtocol(std::string_view text) {
  const size_t slash = text.find('/');
  return IsName(text.substr(0, slash)) &&
         (slash == std::string_view::npos || IsName(text.substr(slash + 1)));
}

bool IsSame(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return ToLower(a) == ToLower(b); });
}

template <typename Visit>
bool ForEachOffer(const RequestHead& head, Visit visit) {
  for (const Header& header : head.headers()) {
    if (header.id != HeaderId::kUpgrade) continue;
    const bool goes_on = ForEachListMember(header.value, [&](std::string_view protocol) {
      return EqualsIgnoreCase(protocol, "h2c") || !IsProtocol(protocol) || visit(protocol);
    });
    if (!goes_on) return false;
  }
  return true;
}

void Join(std::string_view part, std::string& list) {
  list.append(list.empty() ? "" : ", ").append(part);
}

}  // namespace

bool OffersProtocol(const RequestHead& head) {
  return !ForEachOffer(head, [](std::string_view) { return false; });
}

std::string OfferedProtocols(const RequestHead& head) {
  std::string offered;
  ForEachOffer(head, [&offered](std::string_view protocol) {
    Join(protocol, offered);
    return true;
  });
  return offered;
}

std::string UpgradeOf(const ResponseHead& head) {
  std::string all;
  for (const Header& header : head.headers()) {
    if (header.id == HeaderId::kUpgrade && !header.value.empty()) Join(header.value, all);
  }
  return all;
}

bool HasConnectionUpgrade(const ResponseHead& head) {
  bool has = false;
  for (const Header& header : head.headers()) {
    if (header.id != HeaderId::kConnection) continue;
    ForEachListMember(header.value, [&has](std::string_view option) {
      has = has || EqualsIgnoreCase(option, "upgrade");
      return !has;
    });
  }
  return has;
}

bool IsChosenFrom(std::string_view offered, std::string_view chosen) {
  bool has_any = false;
  const bool are_offered = ForEachListMember(chosen, [&](std::string_view choice) {
    has_any = true;
    return !ForEachListMember(offered,
                              [choice](std::string_view offer) { return !IsSame(choice, offer); });
  });
  return has_any && are_offered;
}

}  // namespace sluice::http
