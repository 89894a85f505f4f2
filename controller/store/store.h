// All objects of one reading of the sources, by kind and key.
// Thread: one at a time; a filled store is a value that anybody may read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controller/store/manifest.h"
#include "controller/store/objects.h"
#include "controller/store/problem.h"

namespace sluice::controller {

struct ObjectKey {
  std::string namespace_name;
  std::string name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

template <typename Object>
using ObjectMap = std::map<ObjectKey, Object>;

class ObjectReport;

class Store {
 public:
  // Decodes the document's object, or each object of a List, and keeps those that are sound. Of two
  // objects of one kind and key the first added wins; the second is a problem. Kinds that
  // are not the mesh's business are only counted (kinds.h).
  void Add(const Manifest& manifest);

  const ObjectMap<Pod>& pods() const { return pods_; }
  const ObjectMap<Service>& services() const { return services_; }
  const ObjectMap<EndpointSlice>& slices() const { return slices_; }
  const ObjectMap<HttpRoute>& http_routes() const { return http_routes_; }
  const ObjectMap<HttpRoute>& grpc_routes() const { return grpc_routes_; }
  const ObjectMap<HttpRoute>& tls_routes() const { return tls_routes_; }
  const ObjectMap<HttpRoute>& tcp_routes() const { return tcp_routes_; }
  const std::vector<Problem>& problems() const { return problems_; }
  uint32_t ignored_count() const { return ignored_count_; }

 private:
  void AddList(const Manifest& manifest, const std::string& kind);
  void AddObject(const Origin& origin, const Json& value, const std::string& api_version,
                 const std::string& kind);
  template <typename Object>
  void Keep(ObjectMap<Object>& objects, Object object, ObjectReport& report);

  ObjectMap<Pod> pods_;
  ObjectMap<Service> services_;
  ObjectMap<EndpointSlice> slices_;
  ObjectMap<HttpRoute> http_routes_;
  ObjectMap<HttpRoute> grpc_routes_;
  ObjectMap<HttpRoute> tls_routes_;
  ObjectMap<HttpRoute> tcp_routes_;
  std::vector<Problem> problems_;
  uint32_t ignored_count_ = 0;
};

}  // namespace sluice::controller
