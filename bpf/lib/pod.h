/* Questions about pods. */
#pragma once

#include "bpf/lib/address.h"
#include "bpf/lib/maps.h"

static __always_inline struct sluice_pod *sluice_pod_of(__u64 netns_cookie)
{
	return bpf_map_lookup_elem(&sluice_pods, &netns_cookie);
}

static __always_inline bool sluice_pod_has(const struct sluice_pod *pod,
					   const struct sluice_address *address)
{
	if (sluice_is_unspecified(address))
		return false; /* A family that the pod does not have is stored as all zero. */
	return sluice_same_address(&pod->address_v4, address) ||
	       sluice_same_address(&pod->address_v6, address);
}
