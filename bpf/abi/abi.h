/* Everything that the kernel programs and user space must agree on. */
#pragma once

#include "bpf/abi/layout.h"
#include "bpf/abi/limits.h"
#include "bpf/abi/verdicts.h"
