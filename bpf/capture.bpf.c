// SPDX-License-Identifier: Apache-2.0
/* Outbound: where connect() of an enrolled pod goes, and what its sockets say about themselves. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/config.h"
#include "bpf/lib/counters.h"
#include "bpf/lib/pod.h"

#define SLUICE_ALLOW  1
#define SLUICE_REFUSE 0

#define SLUICE_IPPROTO_MPTCP   262
#define SLUICE_EPROTONOSUPPORT 93
#define SLUICE_ECONNREFUSED    111
#define SLUICE_SOL_SOCKET      1
#define SLUICE_SO_BINDTODEVICE 25

static __always_inline struct sluice_address read_v4(struct bpf_sock_addr *ctx)
{
	return sluice_address_v4(ctx->user_ip4);
}

static __always_inline struct sluice_address read_v6(struct bpf_sock_addr *ctx)
{
	struct sluice_address address;

	address.words_be[0] = ctx->user_ip6[0];
	address.words_be[1] = ctx->user_ip6[1];
	address.words_be[2] = ctx->user_ip6[2];
	address.words_be[3] = ctx->user_ip6[3];
	return address;
}

/* Per family, since the verifier lets a v4 hook touch only v4 fields. */
static __always_inline void write_v4(struct bpf_sock_addr *ctx,
				     const struct sluice_address *address)
{
	ctx->user_ip4 = address->words_be[3];
}

static __always_inline void write_v6(struct bpf_sock_addr *ctx,
				     const struct sluice_address *address)
{
	ctx->user_ip6[0] = address->words_be[0];
	ctx->user_ip6[1] = address->words_be[1];
	ctx->user_ip6[2] = address->words_be[2];
	ctx->user_ip6[3] = address->words_be[3];
}

static __always_inline int deny(enum sluice_verdict verdict, int error)
{
	sluice_count(verdict);
	if (sluice_cfg.can_set_retval)
		bpf_set_retval(-error);
	return SLUICE_REFUSE;
}

/* The exact port first, then the entry for the whole address. */
static __always_inline __u32 path_of(const struct sluice_address *address, __u16 port_be)
{
	struct sluice_destination_key key = {
	    .address = *address, .port_be = port_be, .protocol = IPPROTO_TCP};
	__u32 *path = bpf_map_lookup_elem(&sluice_destinations, &key);

	if (path)
		return *path;
	key.port_be = 0;
	path = bpf_map_lookup_elem(&sluice_destinations, &key);
	return path ? *path : SLUICE_PATH_PASS; /* Not in the mesh: the stack handles it. */
}

static __always_inline bool remember(struct bpf_sock_addr *ctx, const struct sluice_pod *pod,
				     const struct sluice_address *address, __u16 port_be)
{
	struct sluice_client *client =
	    bpf_sk_storage_get(&sluice_clients, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!client)
		return false;
	client->original.address = *address;
	client->original.port_be = port_be;
	client->original.pad0 = 0;
	client->source = sluice_is_v4(address) ? pod->address_v4 : pod->address_v6;
	return true;
}

/* A socket bound to the pod's interface could not reach our listener, which is behind lo. */
static __always_inline bool unbind_device(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	char none[1] = "";

	if (!sk || !sk->bound_dev_if)
		return true;
	return !bpf_setsockopt(ctx, SLUICE_SOL_SOCKET, SLUICE_SO_BINDTODEVICE, none, sizeof(none));
}

static __always_inline int to_proxy(struct bpf_sock_addr *ctx, const struct sluice_pod *pod,
				    struct sluice_address *address, __u16 port_be)
{
	if (!remember(ctx, pod, address, port_be))
		return deny(SLUICE_VERDICT_CONNECT_DENIED_STORAGE, SLUICE_ECONNREFUSED);
	if (!unbind_device(ctx))
		return deny(SLUICE_VERDICT_CONNECT_DENIED_DEVICE, SLUICE_ECONNREFUSED);
	*address = sluice_loopback_like(address);
	ctx->user_port = bpf_htons(sluice_cfg.outbound_port);
	sluice_count(SLUICE_VERDICT_CONNECT_PROXIED);
	return SLUICE_ALLOW;
}

/*
 * Decides the path of a flow. On return `address` is where the connection goes; it is changed only
 * for the path `proxy`.
 */
static __always_inline int choose_path(struct bpf_sock_addr *ctx, struct sluice_address *address)
{
	struct sluice_pod *pod;
	__u32 path;

	if (ctx->protocol != IPPROTO_TCP)
		return SLUICE_ALLOW; /* Only TCP is meshed. */
	pod = sluice_pod_of(bpf_get_netns_cookie(ctx));
	if (!pod)
		return SLUICE_ALLOW; /* Not an enrolled pod. */
	if (bpf_sk_storage_get(&sluice_dial_marks, ctx->sk, 0, 0)) {
		sluice_count(SLUICE_VERDICT_CONNECT_OWN_DIAL);
		return SLUICE_ALLOW; /* Our own way out. */
	}
	path = path_of(address, ctx->user_port);
	if (path == SLUICE_PATH_PROXY)
		return to_proxy(ctx, pod, address, ctx->user_port);
	if (path != SLUICE_PATH_PASS) /* An unknown path is a denied one. */
		return deny(SLUICE_VERDICT_CONNECT_DENIED_DESTINATION, SLUICE_ECONNREFUSED);
	bpf_sk_storage_delete(&sluice_clients, ctx->sk); /* The socket may have dialled before. */
	sluice_count(SLUICE_VERDICT_CONNECT_PASSED);
	return SLUICE_ALLOW;
}

SEC("cgroup/connect4")
int sluice_connect4(struct bpf_sock_addr *ctx)
{
	struct sluice_address address = read_v4(ctx);
	__u32 before = address.words_be[3];
	int verdict = choose_path(ctx, &address);

	if (address.words_be[3] != before)
		write_v4(ctx, &address);
	return verdict;
}

SEC("cgroup/connect6")
int sluice_connect6(struct bpf_sock_addr *ctx)
{
	struct sluice_address address = read_v6(ctx);
	struct sluice_address before = address;
	int verdict = choose_path(ctx, &address);

	if (!sluice_same_address(&address, &before))
		write_v6(ctx, &address);
	return verdict;
}

/* True if the name in `ctx` is that of our listener, so the application must be shown another. */
static __always_inline struct sluice_client *captured_peer(struct bpf_sock_addr *ctx,
							   struct sluice_address address)
{
	if (ctx->user_port != bpf_htons(sluice_cfg.outbound_port) || !sluice_is_loopback(&address))
		return 0;
	return bpf_sk_storage_get(&sluice_clients, ctx->sk, 0, 0);
}

/* A captured socket that did not bind itself sits on a loopback address: it shows the pod's. */
static __always_inline struct sluice_client *captured_self(struct bpf_sock_addr *ctx,
							   struct sluice_address address)
{
	struct sluice_client *client;

	if (!sluice_is_loopback(&address))
		return 0;
	client = bpf_sk_storage_get(&sluice_clients, ctx->sk, 0, 0);
	if (!client || sluice_is_unspecified(&client->source))
		return 0;
	return client;
}

SEC("cgroup/getpeername4")
int sluice_getpeername4(struct bpf_sock_addr *ctx)
{
	struct sluice_client *client = captured_peer(ctx, read_v4(ctx));

	if (client) {
		write_v4(ctx, &client->original.address);
		ctx->user_port = client->original.port_be;
	}
	return SLUICE_ALLOW;
}

SEC("cgroup/getpeername6")
int sluice_getpeername6(struct bpf_sock_addr *ctx)
{
	struct sluice_client *client = captured_peer(ctx, read_v6(ctx));

	if (client) {
		write_v6(ctx, &client->original.address);
		ctx->user_port = client->original.port_be;
	}
	return SLUICE_ALLOW;
}

SEC("cgroup/getsockname4")
int sluice_getsockname4(struct bpf_sock_addr *ctx)
{
	struct sluice_client *client = captured_self(ctx, read_v4(ctx));

	if (client)
		write_v4(ctx, &client->source);
	return SLUICE_ALLOW;
}

SEC("cgroup/getsockname6")
int sluice_getsockname6(struct bpf_sock_addr *ctx)
{
	struct sluice_client *client = captured_self(ctx, read_v6(ctx));

	if (client)
		write_v6(ctx, &client->source);
	return SLUICE_ALLOW;
}

/*
 * Multipath TCP dials its subflows without asking connect hooks, so it would leave the mesh unseen.
 * Programs that use it (Go) fall back to TCP when the protocol is not there.
 */
SEC("cgroup/sock_create")
int sluice_sock_create(struct bpf_sock *ctx)
{
	if (ctx->protocol != SLUICE_IPPROTO_MPTCP)
		return SLUICE_ALLOW;
	if (!sluice_pod_of(bpf_get_netns_cookie(ctx)))
		return SLUICE_ALLOW; /* Not an enrolled pod. */
	return deny(SLUICE_VERDICT_SOCKET_DENIED_MPTCP, SLUICE_EPROTONOSUPPORT);
}

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";
