/* Configuration as the programs see it. */
#pragma once

#include "bpf/lib/maps.h"

/* Filled before loading; the verifier takes it as constants. */
const volatile struct sluice_config sluice_cfg __weak = {};
