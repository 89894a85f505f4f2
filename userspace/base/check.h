// Broken invariants end the process: it is safer to restart than to go on with a state nobody has
// thought of.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"

#define SLUICE_CHECK(condition)                                                          \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#ifdef NDEBUG
#define SLUICE_DCHECK(condition) static_cast<void>(sizeof(condition))
#else
#define SLUICE_DCHECK(condition) SLUICE_CHECK(condition)
#endif

#define SLUICE_RETURN_IF_ERROR(expression)                                  \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)
