#include <string>

#include "userspace/agent/undo_journal.h"
#include "userspace/base/check.h"

// What is taken says the same when it is written again, and names nothing outside of the network's
// sysctls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::agent::UndoFromText;
  const auto list = UndoFromText(std::string(reinterpret_cast<const char*>(data), size));
  if (!list.ok()) return 0;
  for (const sluice::agent::NamespaceUndo& undo : list->namespaces) {
    SLUICE_CHECK(undo.path.starts_with('/'));
    for (const sluice::agent::SysctlUndo& sysctl : undo.sysctls) {
      SLUICE_CHECK(sysctl.file.starts_with("/proc/sys/net/"));
      SLUICE_CHECK(sysctl.file.find("/../") == std::string::npos);
    }
  }
  const auto again = UndoFromText(UndoToText(*list));
  SLUICE_CHECK(again.ok() && *again == *list);
  return 0;
}
