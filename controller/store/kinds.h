// Which objects the store reads, passes over or refuses, by apiVersion and kind alone. An ordinary
// object of a cluster (a Deployment, a ConfigMap) is none of the mesh's business; one that was
// meant for the mesh and misspelled, or that a later version will read, must not vanish without a
// word. Pure. Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::controller {

struct KindProblem {
  std::string_view field;  // "apiVersion" or "kind".
  std::string reason;
  std::string mend;
};

struct KindVerdict {
  bool is_read =
      false;  // One of the kinds that have a decoder; if not, and no problem: passed over.
  std::optional<KindProblem> problem;
};

KindVerdict JudgeKind(std::string_view api_version, std::string_view kind);

}  // namespace sluice::controller
