// Manifests as hostile text: whatever they hold, the controller says so in valid messages, gives
// the same answer twice, and sends nothing that a node refuses. The first byte chooses between YAML
// and JSON.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/file/parse.h"
#include "controller/publish/resources.h"
#include "controller/store/names.h"
#include "controller/store/store.h"
#include "controller/translate/translate.h"
#include "userspace/base/check.h"
#include "userspace/model/snapshot_builder.h"

namespace {

using sluice::controller::IsValidUtf8;
using sluice::controller::Problem;
using sluice::controller::Translation;

Translation Run(std::string_view file_name, std::string_view text) {
  sluice::controller::Store store;
  for (auto& document : sluice::controller::ParseManifests(file_name, text)) {
    SLUICE_CHECK(IsValidUtf8(sluice::controller::Repaired(document.error)));
    store.Add({.origin = {.file = "input", .document = document.document},
               .value = std::move(document.value)});
  }
  return Translate(store, {.node = "node-1"});
}

void CheckProblem(const Problem& problem) {
  SLUICE_CHECK(IsValidUtf8(problem.object) && IsValidUtf8(problem.field));
  SLUICE_CHECK(IsValidUtf8(problem.reason) && !problem.reason.empty());
  SLUICE_CHECK(IsValidUtf8(problem.mend) && !problem.mend.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view file_name = data[0] == 'j' ? "input.json" : "input.yaml";

  const Translation first = Run(file_name, text);

  for (const Problem& problem : first.problems) CheckProblem(problem);
  sluice::model::SnapshotBuilder builder;
  for (const auto& [name, address] : first.addresses)
    SLUICE_CHECK(builder.PutAddress(address).empty());
  for (const auto& [name, table] : first.route_tables)
    SLUICE_CHECK(builder.PutRouteTable(name, table).empty());
  SLUICE_CHECK(HasSameContent(MakeResources(first), MakeResources(Run(file_name, text))));
  return 0;
}
