// From Kubernetes objects to what a node is told. A pure function: equal stores give equal results.
// Thread: any.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/discovery.pb.h"
#include "api/route.pb.h"
#include "api/workload.pb.h"
#include "controller/store/store.h"

namespace sluice::controller {

struct TranslateOptions {
  std::string node;  // Where enrolled pods run.
  std::string cluster = "standalone";
  std::string domain = "cluster.local";
};

// Resources by name, as api/*.proto names them.
struct Translation {
  std::map<std::string, istio::workload::Address> addresses;
  std::map<std::string, sluice::route::v1::RouteTable> route_tables;
  std::map<std::string, sluice::discovery::v1::LocalPod> local_pods;
  std::vector<Problem> problems;  // Sorted, no duplicates; those of the store included.
};

Translation Translate(const Store& store, const TranslateOptions& options);

}  // namespace sluice::controller
