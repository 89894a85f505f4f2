// A translation as the stream sends it: bytes by type and name, each with a version that is a hash
// of the bytes. Equal content has an equal version in every run of every controller, so a node that
// comes back is sent only what it does not have. Thread: any (values).
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controller/translate/translate.h"
#include "userspace/base/type_urls.h"

namespace sluice::controller {

struct Resource {
  std::string version;
  std::string bytes;
};

using ResourcesByName = std::map<std::string, Resource>;

// The order in which a change is sent: addresses before the routes that name them, pods last.
inline constexpr std::array<std::string_view, 4> kTypes{
    base::kAddressType, base::kRouteTableType, base::kLocalPodType, base::kObjectProblemType};

struct ResourceSet {
  uint64_t version = 0;  // Counts sets that differ.
  std::array<ResourcesByName, kTypes.size()> by_type;
};

ResourceSet MakeResources(const Translation& translation);
// Names a problem: unique, and stable while the problem stays.
std::string ProblemName(const Problem& problem);
bool HasSameContent(const ResourceSet& a, const ResourceSet& b);
// Hexadecimal FNV-1a of 128 bits: not for enemies, who could only make their own change unseen.
std::string ContentVersion(std::string_view bytes);

}  // namespace sluice::controller
