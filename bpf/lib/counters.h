/* Counting. */
#pragma once

#include "bpf/lib/maps.h"

static __always_inline void sluice_count(enum sluice_verdict verdict)
{
	__u32 index = verdict;
	__u64 *value = bpf_map_lookup_elem(&sluice_counters, &index);

	if (value)
		*value += 1;
}
