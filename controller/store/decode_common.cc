#include <algorithm>
#include <array>
#include <utility>

#include "absl/time/time.h"
#include "controller/store/decode.h"
#include "controller/store/names.h"
#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr std::string_view kNameMend =
    "use lower case letters, digits and '-' (and '.' where Kubernetes allows it)";

bool IsMulticast(const base::IpAddress& address) {
  const auto& bytes = address.bytes();
  return address.is_v4() ? (bytes[12] >> 4) == 0xE : bytes[0] == 0xFF;
}

absl::Time DecodeTime(FieldReader& metadata, std::string_view name) {
  const std::optional<std::string> text = metadata.String(name);
  if (!text.has_value()) return absl::InfiniteFuture();
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, *text, &time, nullptr)) return time;
  metadata.Refuse(name, base::Concat(Quoted(*text), " is not a time"),
                  "write it as 2026-01-31T12:00:00Z, or remove it");
  return absl::InfiniteFuture();
}

}  // namespace

ObjectMeta DecodeMeta(FieldReader& root, const Origin& origin, std::string_view kind) {
  ObjectMeta meta{.origin = origin, .kind = std::string(kind)};
  root.Ignore({"apiVersion", "kind"});
  std::optional<FieldReader> metadata = root.Object("metadata");
  if (!metadata.has_value()) {
    root.Refuse("metadata", "is required and missing", "add metadata with a name");
    return meta;
  }
  meta.name = metadata->RequiredString("name");
  if (!meta.name.empty() && !IsDnsSubdomain(meta.name)) {
    metadata->Refuse("name", base::Concat(Quoted(meta.name), " is not a valid name"),
                     std::string(kNameMend));
  }
  meta.namespace_name = metadata->String("namespace").value_or("");
  if (meta.namespace_name.empty()) meta.namespace_name = "default";
  if (!IsDnsLabel(meta.namespace_name)) {
    metadata->Refuse("namespace",
                     base::Concat(Quoted(meta.namespace_name), " is not a valid namespace"),
                     std::string(kNameMend));
  }
  meta.labels = metadata->Strings("labels");
  meta.annotations = metadata->Texts("annotations");
  meta.created = DecodeTime(*metadata, "creationTimestamp");
  meta.is_deleting = metadata->Has("deletionTimestamp");
  metadata->Ignore({"generateName", "selfLink", "uid", "resourceVersion", "generation",
                    "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields",
                    "clusterName"});
  metadata->NoteUnknown();
  return meta;
}

std::optional<base::IpAddress> DecodeAddress(const FieldReader& reader, std::string_view name,
                                             std::string_view text) {
  const std::optional<base::IpAddress> address = base::IpAddress::Parse(text);
  if (!address.has_value()) {
    reader.Refuse(name, base::Concat(Quoted(text), " is not an IP address"),
                  "write an IPv4 or IPv6 address without port, brackets or zone");
    return std::nullopt;
  }
  if (address->is_loopback() || address->is_unspecified() || IsMulticast(*address)) {
    reader.Refuse(name,
                  base::Concat(Quoted(text), " is a loopback, unspecified or multicast address"),
                  "write an address that other pods can reach");
    return std::nullopt;
  }
  return address;
}

bool DecodeIsTcp(FieldReader& port) {
  const std::string protocol = port.String("protocol").value_or("TCP");
  if (protocol == "TCP") return true;
  if (protocol != "UDP" && protocol != "SCTP") {
    port.Refuse("protocol", base::Concat(Quoted(protocol), " is not a protocol"),
                "write TCP, UDP or SCTP");
  }
  return false;
}

std::optional<uint64_t> ParseDurationMs(std::string_view text) {
  constexpr size_t kDigitsMax = 5;
  constexpr size_t kPartsMax = 4;
  constexpr std::array<std::pair<std::string_view, uint64_t>, 4> kUnits{
      {{"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}}};
  uint64_t total_ms = 0;
  size_t part_count = 0;
  while (!text.empty()) {
    const size_t digit_count = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digit_count == 0 || digit_count > kDigitsMax || ++part_count > kPartsMax) {
      return std::nullopt;
    }
    uint64_t number = 0;
    for (const char c : text.substr(0, digit_count)) number = number * 10 + (c - '0');
    text.remove_prefix(digit_count);
    uint64_t unit_ms = 0;
    for (const auto& [name, size_ms] : kUnits) {
      if (!text.starts_with(name)) continue;
      unit_ms = size_ms;
      text.remove_prefix(name.size());
      break;  // "ms" stands before "m": the longer unit wins.
    }
    if (unit_ms == 0) return std::nullopt;
    total_ms += number * unit_ms;
  }
  if (part_count == 0) return std::nullopt;
  return total_ms;
}

}  // namespace sluice::controller
