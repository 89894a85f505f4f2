/*
 * Addresses in 16 bytes, so that one code path serves IPv4, IPv6 and IPv4 inside an AF_INET6 socket
 * (what a server listening on :: sees).
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/abi.h"

#define SLUICE_AF_INET	2
#define SLUICE_AF_INET6 10

#define SLUICE_V4_PREFIX_BE bpf_htonl(0x0000ffff)

static __always_inline struct sluice_address sluice_address_v4(__u32 v4_be)
{
	struct sluice_address address = {.words_be = {0, 0, SLUICE_V4_PREFIX_BE, v4_be}};

	return address;
}

static __always_inline bool sluice_is_v4(const struct sluice_address *address)
{
	return !address->words_be[0] && !address->words_be[1] &&
	       address->words_be[2] == SLUICE_V4_PREFIX_BE;
}

static __always_inline bool sluice_is_loopback(const struct sluice_address *address)
{
	if (sluice_is_v4(address))
		return (bpf_ntohl(address->words_be[3]) >> 24) == 127;
	return !address->words_be[0] && !address->words_be[1] && !address->words_be[2] &&
	       address->words_be[3] == bpf_htonl(1);
}

static __always_inline bool sluice_is_unspecified(const struct sluice_address *address)
{
	return !address->words_be[0] && !address->words_be[1] && !address->words_be[2] &&
	       !address->words_be[3];
}

static __always_inline bool sluice_same_address(const struct sluice_address *a,
						const struct sluice_address *b)
{
	return a->words_be[0] == b->words_be[0] && a->words_be[1] == b->words_be[1] &&
	       a->words_be[2] == b->words_be[2] && a->words_be[3] == b->words_be[3];
}

/* The loopback address of the same family. */
static __always_inline struct sluice_address
sluice_loopback_like(const struct sluice_address *address)
{
	struct sluice_address loopback = {.words_be = {0, 0, 0, bpf_htonl(1)}};

	if (sluice_is_v4(address))
		return sluice_address_v4(bpf_htonl(0x7f000001));
	return loopback;
}

/*
 * One address of a context with fields of both families. The barrier keeps clang from merging the
 * last loads of the two branches into one of a computed address: "dereference of modified ctx ptr"
 * (Linux 6.18); volatile is not enough.
 */
#define SLUICE_CTX_ADDRESS(ctx, v4_field, v6_field)                                                \
	({                                                                                         \
		struct sluice_address read;                                                        \
		if ((ctx)->family == SLUICE_AF_INET) {                                             \
			__u32 v4_be = (ctx)->v4_field;                                             \
			barrier_var(v4_be);                                                        \
			read = sluice_address_v4(v4_be);                                           \
		} else {                                                                           \
			read.words_be[0] = (ctx)->v6_field[0];                                     \
			read.words_be[1] = (ctx)->v6_field[1];                                     \
			read.words_be[2] = (ctx)->v6_field[2];                                     \
			read.words_be[3] = (ctx)->v6_field[3];                                     \
		}                                                                                  \
		read;                                                                              \
	})
