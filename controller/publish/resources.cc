#include "controller/publish/resources.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <utility>

#include "userspace/base/text.h"

namespace sluice::controller {
namespace {

constexpr size_t kAddressIndex = 0;
constexpr size_t kRouteTableIndex = 1;
constexpr size_t kLocalPodIndex = 2;
constexpr size_t kObjectProblemIndex = 3;

// Maps of a message are written in key order, or equal messages would have different versions.
template <typename Message>
Resource MakeResource(const Message& message) {
  Resource out;
  {
    google::protobuf::io::StringOutputStream stream(&out.bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  out.version = ContentVersion(out.bytes);
  return out;
}

template <typename Message>
void Fill(const std::map<std::string, Message>& messages, ResourcesByName& out) {
  for (const auto& [name, message] : messages) out.emplace(name, MakeResource(message));
}

}  // namespace

std::string ContentVersion(std::string_view bytes) {
  // The 128-bit offset basis and prime of FNV (draft-eastlake-fnv).
  unsigned __int128 hash =
      static_cast<unsigned __int128>(0x6c62272e07bb0142) << 64 | 0x62b821756295c58d;
  constexpr unsigned __int128 kPrime = static_cast<unsigned __int128>(0x1000000) << 64 | 0x13b;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * kPrime;
  std::string out;
  for (int shift = 124; shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[static_cast<size_t>(hash >> shift) & 15]);
  }
  return out;
}

std::string ProblemName(const Problem& problem) {
  return base::Concat(problem.file, "#", problem.document, "/", problem.object, "/", problem.field,
                      "/", ContentVersion(problem.reason).substr(0, 16));
}

ResourceSet MakeResources(const Translation& translation) {
  ResourceSet out;
  Fill(translation.addresses, out.by_type[kAddressIndex]);
  Fill(translation.route_tables, out.by_type[kRouteTableIndex]);
  Fill(translation.local_pods, out.by_type[kLocalPodIndex]);
  for (const Problem& problem : translation.problems) {
    sluice::discovery::v1::ObjectProblem message;
    message.set_file(problem.file);
    message.set_document(problem.document);
    message.set_object(problem.object);
    message.set_field(problem.field);
    message.set_reason(problem.reason);
    message.set_mend(problem.mend);
    out.by_type[kObjectProblemIndex].emplace(ProblemName(problem), MakeResource(message));
  }
  return out;
}

bool HasSameContent(const ResourceSet& a, const ResourceSet& b) {
  for (size_t type = 0; type < kTypes.size(); ++type) {
    const bool is_same =
        std::equal(a.by_type[type].begin(), a.by_type[type].end(), b.by_type[type].begin(),
                   b.by_type[type].end(), [](const auto& x, const auto& y) {
                     return x.first == y.first && x.second.version == y.second.version;
                   });
    if (!is_same) return false;
  }
  return true;
}

}  // namespace sluice::controller
