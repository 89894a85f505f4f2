// The kernel programs as bpftool has written them for C: what it writes does not keep to our
// warnings.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "bpf/sluice_bpf.skel.h"
#include "bpf/sluice_unread.skel.h"
#pragma GCC diagnostic pop
