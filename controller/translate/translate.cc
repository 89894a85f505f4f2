#include "controller/translate/translate.h"

#include <algorithm>

#include "controller/translate/internal.h"
#include "userspace/base/text.h"

namespace sluice::controller {

void Draft::Report(const ObjectMeta& meta, std::string field, std::string reason,
                   std::string mend) const {
  out.problems.push_back({.file = meta.origin.file,
                          .document = meta.origin.document,
                          .object = meta.Title(),
                          .field = std::move(field),
                          .reason = std::move(reason),
                          .mend = std::move(mend)});
}

std::string Draft::ServiceName(const ObjectKey& key) const {
  return base::Concat(key.namespace_name, "/", key.name, ".", key.namespace_name, ".svc.",
                      options.domain);
}

std::string Draft::WorkloadUid(const ObjectKey& pod) const {
  return base::Concat(options.cluster, "//Pod/", pod.namespace_name, "/", pod.name);
}

Translation Translate(const Store& store, const TranslateOptions& options) {
  Translation out;
  out.problems = store.problems();
  Draft draft{.store = store, .options = options, .out = out, .service_of_address = {}};
  TranslateServices(draft);
  TranslateRoutes(draft);     // Decides which ports are HTTP,
  TranslateWorkloads(draft);  // which the workloads' ports repeat.
  std::sort(out.problems.begin(), out.problems.end());
  out.problems.erase(std::unique(out.problems.begin(), out.problems.end()), out.problems.end());
  return out;
}

}  // namespace sluice::controller
