// SPDX-License-Identifier: Apache-2.0
/*
 * Handshakes: tells the proxy what a captured client dialled, lets the proxy's own dials past the
 * inbound listener, bounds the buffers of applications, enrols the sockets of a same-node
 * hop, and takes every entry away at the end.
 *
 *   client pod            server pod
 *   c ---- p1   (proxy)   p2 ---- s
 *   c: captured client, active    p1: accepted on the outbound listener, passive
 *   p2: the proxy's dial, active  s: the application's accepted socket, passive
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/bounds.h"
#include "bpf/lib/config.h"
#include "bpf/lib/counters.h"
#include "bpf/lib/pair.h"
#include "bpf/lib/pod.h"
#include "bpf/lib/sockops.h"

static __always_inline bool is_marked_dial(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk && bpf_sk_storage_get(&sluice_dial_marks, sk, 0, 0);
}

static __always_inline struct sluice_client *client_of(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk ? bpf_sk_storage_get(&sluice_clients, sk, 0, 0) : 0;
}

static __always_inline bool is_our_listener(const struct sluice_endpoint *end)
{
	return end->port_be == bpf_htons(sluice_cfg.outbound_port) &&
	       sluice_is_loopback(&end->address);
}

static __always_inline struct sluice_dial_key dial_key(const struct sluice_endpoint *source,
						       const struct sluice_endpoint *destination)
{
	struct sluice_dial_key key = {.source = *source, .destination = *destination};

	return key;
}

/*
 * Before the SYN of a dial to the application of this pod. The entry stays until the application's
 * socket exists, not only until ours is established: with SYN cookies the listener is looked up
 * once more for the last ACK.
 */
static __always_inline void start_dial(struct bpf_sock_ops *ctx, const struct sluice_pod *pod)
{
	struct sluice_endpoint local = sluice_local_of(ctx);
	struct sluice_endpoint remote = sluice_remote_of(ctx);
	struct sluice_dial_key key = dial_key(&local, &remote);
	__u32 one = 1;

	if (!is_marked_dial(ctx) || !sluice_pod_has(pod, &remote.address))
		return; /* An application's socket, or a dial that leaves the pod. */
	sluice_watch_state(ctx);
	if (bpf_map_update_elem(&sluice_dials, &key, &one, BPF_ANY))
		sluice_count(SLUICE_VERDICT_DIAL_NOT_RECORDED);
}

static __always_inline void store_original(struct bpf_sock_ops *ctx, __u64 netns_cookie,
					   const struct sluice_client *client)
{
	struct sluice_client_key key = {.netns_cookie = netns_cookie,
					.client = sluice_local_of(ctx)};
	struct sluice_endpoint original = client->original;

	if (bpf_map_update_elem(&sluice_original_destinations, &key, &original, BPF_ANY))
		sluice_count(SLUICE_VERDICT_ORIGINAL_DESTINATION_LOST); /* The proxy will close. */
	else
		sluice_count(SLUICE_VERDICT_ORIGINAL_DESTINATION_STORED);
}

/* Runs before our ACK leaves, so before the proxy can accept the other end. */
static __always_inline void active_established(struct bpf_sock_ops *ctx, __u64 netns_cookie,
					       const struct sluice_pod *pod)
{
	struct sluice_endpoint remote = sluice_remote_of(ctx);
	struct sluice_client *client = client_of(ctx);

	if (client && is_our_listener(&remote)) {
		sluice_bound_application(ctx);
		store_original(ctx, netns_cookie, client);
		if (pod->level != SLUICE_LEVEL_OFF)
			sluice_enrol_active(ctx, netns_cookie, pod->level, false);
		return;
	}
	if (pod->level != SLUICE_LEVEL_OFF && sluice_pod_has(pod, &remote.address) &&
	    is_marked_dial(ctx))
		sluice_enrol_active(ctx, netns_cookie, pod->level, true);
}

/* Runs with the new socket locked, so before accept() can return it. */
static __always_inline void passive_established(struct bpf_sock_ops *ctx, __u64 netns_cookie)
{
	struct sluice_endpoint local = sluice_local_of(ctx);
	struct sluice_endpoint remote = sluice_remote_of(ctx);
	struct sluice_dial_key dial = dial_key(&remote, &local);
	bool is_proxy = is_our_listener(&local);

	if (is_proxy)
		sluice_watch_state(ctx); /* For the original destination, if nobody takes it. */
	else if (bpf_map_delete_elem(&sluice_dials, &dial))
		return; /* Not the other end of a dial of ours. */
	if (!is_proxy)
		sluice_bound_application(ctx);
	/* Not by the pod's level: it may have changed since the active end went by it. */
	sluice_enrol_passive(ctx, netns_cookie, is_proxy);
}

static __always_inline void forget_original(struct bpf_sock_ops *ctx, __u64 netns_cookie)
{
	struct sluice_client_key key = {.netns_cookie = netns_cookie,
					.client = sluice_remote_of(ctx)};

	if (!bpf_map_delete_elem(&sluice_original_destinations, &key))
		sluice_count(SLUICE_VERDICT_ORIGINAL_DESTINATION_UNCLAIMED);
}

/* Before the socket leaves the tables of the kernel, so before its four-tuple can be used again. */
static __always_inline void closed(struct bpf_sock_ops *ctx, __u64 netns_cookie)
{
	struct sluice_endpoint local = sluice_local_of(ctx);
	struct sluice_endpoint remote = sluice_remote_of(ctx);
	struct sluice_dial_key dial = dial_key(&local, &remote);
	struct bpf_sock *sk = ctx->sk;
	struct sluice_end *end;

	if (is_our_listener(&local))
		forget_original(ctx, netns_cookie);
	else
		bpf_map_delete_elem(&sluice_dials, &dial);
	if (!sk)
		return;
	end = bpf_sk_storage_get(&sluice_ends, sk, 0, 0);
	if (end)
		sluice_leave_pair(end);
}

SEC("sockops")
int sluice_establish(struct bpf_sock_ops *ctx)
{
	__u64 netns_cookie;
	struct sluice_pod *pod;

	if (ctx->op == BPF_SOCK_OPS_STATE_CB) {
		if (ctx->args[1] == BPF_TCP_CLOSE)
			closed(ctx,
			       bpf_get_netns_cookie(ctx)); /* Also of a pod that was removed. */
		return 1;
	}
	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB &&
	    ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	netns_cookie = bpf_get_netns_cookie(ctx);
	pod = sluice_pod_of(netns_cookie);
	if (!pod)
		return 1; /* Not an enrolled pod. */
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		start_dial(ctx, pod);
	else if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		active_established(ctx, netns_cookie, pod);
	else
		passive_established(ctx, netns_cookie);
	return 1;
}

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";
