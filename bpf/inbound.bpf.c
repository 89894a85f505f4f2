// SPDX-License-Identifier: Apache-2.0
/* Inbound: gives every new connection to an enrolled pod to the proxy's listener in that pod. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/config.h"
#include "bpf/lib/counters.h"
#include "bpf/lib/pod.h"

#define SLUICE_LOOPBACK_IFINDEX 1 /* lo is the first interface of every namespace. */

static __always_inline struct sluice_dial_key tuple_of(struct bpf_sk_lookup *ctx)
{
	struct sluice_dial_key key = {};

	key.source.address = SLUICE_CTX_ADDRESS(ctx, remote_ip4, remote_ip6);
	key.destination.address = SLUICE_CTX_ADDRESS(ctx, local_ip4, local_ip6);
	key.source.port_be = ctx->remote_port;
	key.destination.port_be = bpf_htons(ctx->local_port);
	return key;
}

static __always_inline int pass(enum sluice_verdict verdict)
{
	sluice_count(verdict);
	return SK_PASS;
}

static __always_inline int drop(enum sluice_verdict verdict)
{
	sluice_count(verdict);
	return SK_DROP;
}

/* The program has no netns cookie, so the listener is found by the pod's address. */
static __always_inline int assign(struct bpf_sk_lookup *ctx, const struct sluice_address *address)
{
	struct bpf_sock *listener = bpf_map_lookup_elem(&sluice_listeners, address);
	long error;

	if (!listener) {
		/* Closed listener of an enrolled pod: refuse. Another address of the namespace: not
		 * ours. */
		if (bpf_map_lookup_elem(&sluice_addresses, address))
			return drop(SLUICE_VERDICT_INBOUND_DENIED_NO_LISTENER);
		return pass(SLUICE_VERDICT_INBOUND_PASSED_ADDRESS);
	}
	error = bpf_sk_assign(ctx, listener, 0);
	bpf_sk_release(listener);
	if (error)
		return drop(SLUICE_VERDICT_INBOUND_DENIED_ASSIGN);
	return pass(SLUICE_VERDICT_INBOUND_ASSIGNED);
}

/*
 * Only dials of the proxy are bound to lo and go to the pod's own address: an application's socket
 * is captured and unbound at connect(). One without its record came when the table was full; the
 * listener would give it back to the proxy, which would dial again, for ever.
 */
static __always_inline bool is_lost_dial(struct bpf_sk_lookup *ctx,
					 const struct sluice_address *address)
{
	return ctx->ingress_ifindex == SLUICE_LOOPBACK_IFINDEX &&
	       bpf_map_lookup_elem(&sluice_addresses, address);
}

SEC("sk_lookup")
int sluice_inbound(struct bpf_sk_lookup *ctx)
{
	struct sluice_dial_key tuple;

	if (ctx->protocol != IPPROTO_TCP)
		return SK_PASS; /* Only TCP is meshed. */
	tuple = tuple_of(ctx);
	if (sluice_is_loopback(&tuple.destination.address))
		return pass(SLUICE_VERDICT_INBOUND_PASSED_LOCAL); /* Never leaves the pod. */
	if (ctx->local_port == sluice_cfg.inbound_port ||
	    ctx->local_port == sluice_cfg.outbound_port)
		return pass(
		    SLUICE_VERDICT_INBOUND_PASSED_LOCAL); /* Our own listeners answer themselves. */
	if (bpf_map_lookup_elem(&sluice_dials, &tuple))
		return pass(
		    SLUICE_VERDICT_INBOUND_OWN_DIAL); /* The proxy's way to the application. */
	if (is_lost_dial(ctx, &tuple.destination.address))
		return drop(SLUICE_VERDICT_INBOUND_DENIED_DIAL);
	return assign(ctx, &tuple.destination.address);
}

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";
