/* Configuration as the programs see it. */
#pragma once

#include "bpf/lib/maps.h"

/* Filled before loading; the verifier takes it as constants. */
const volatile struct sluice_config sluice_cfg __weak = {};

static __always_inline __u32 sluice_level(void)
{
	__u32 index = 0;
	__u32 *level = bpf_map_lookup_elem(&sluice_levels, &index);

	return level ? *level : SLUICE_LEVEL_OFF;
}
