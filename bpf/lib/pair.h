/*
 * Enrolment: a pair record is made by the active end and completed by the passive one.
 *
 * Which end may be put into the sockhash when follows from one fault of the kernel: FIONREAD of an
 * enrolled socket is wrong for bytes that came over TCP. An application's socket is therefore
 * enrolled only where no byte can ever reach it natively:
 *  - the client's, before the proxy's end exists, so before the proxy can write;
 *  - the server's, only by winning the pair's state from the proxy's first message.
 */
#pragma once

#include <bpf/bpf_core_read.h>

#include "bpf/lib/address.h"
#include "bpf/lib/counters.h"
#include "bpf/lib/kernel_types.h"
#include "bpf/lib/maps.h"
#include "bpf/lib/sockops.h"

#define SLUICE_ALIVE(side) (1u << (side))

/* The record's state moves only from `from`; returns the state found. */
static __always_inline __u32 sluice_pair_move(struct sluice_pair *pair, __u32 from, __u32 to)
{
	return __sync_val_compare_and_swap(&pair->state, from, to);
}

/* The other end's struct tcp_sock; 0 if it is not there (yet, or any more). */
static __always_inline __u64 sluice_peer_sock(const struct sluice_pair *pair,
					      const struct sluice_end *end)
{
	const volatile __u64 *sock = pair->sock;

	return end->side == SLUICE_SIDE_ACTIVE ? sock[SLUICE_SIDE_PASSIVE]
					       : sock[SLUICE_SIDE_ACTIVE];
}

/* Puts the socket of `ctx` into the sockhash with what sk_msg needs beside it. */
static __always_inline bool sluice_enrol(struct bpf_sock_ops *ctx, const struct sluice_end *made)
{
	struct sluice_socket_key key = made->own;
	struct bpf_sock *sk = ctx->sk; /* Read once: two reads give the verifier two pointers. */
	struct sluice_end *end;

	if (!sk)
		return false;
	end = bpf_sk_storage_get(&sluice_ends, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!end)
		return false;
	*end = *made;
	return !bpf_sock_hash_update(ctx, &sluice_spliced, &key, BPF_ANY);
}

static __always_inline __u64 sluice_tcp_sock_of(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	if (!sk)
		return 0;
	return (__u64)(unsigned long)bpf_skc_to_tcp_sock(sk);
}

static __always_inline struct sluice_end sluice_end_of(struct bpf_sock_ops *ctx, __u64 netns_cookie,
						       enum sluice_side side, bool is_proxy)
{
	struct sluice_end end = {};

	end.own.netns_cookie = netns_cookie;
	end.own.local = sluice_local_of(ctx);
	end.own.remote = sluice_remote_of(ctx);
	end.peer.netns_cookie = netns_cookie;
	end.peer.local = end.own.remote;
	end.peer.remote = end.own.local;
	end.sock = sluice_tcp_sock_of(ctx);
	end.side = side;
	end.is_proxy = is_proxy;
	end.is_on_tcp = 1; /* Until the TCP path is seen to be empty. */
	return end;
}

/*
 * An enrolled socket sends MSG_ZEROCOPY by copying and never tells that it is done, so a program
 * that waits for that would wait for ever. It has to set SO_ZEROCOPY first; whoever does so before
 * the handshake (an accepted socket has it from its listener) is left on TCP.
 */
static __always_inline bool sluice_wants_zerocopy(__u64 tcp_sock)
{
	struct sock *sk = (struct sock *)(unsigned long)tcp_sock;
	unsigned long flags;

	if (!sk)
		return false; /* The verifier follows the pointer to here and wants it tested. */
	flags = BPF_CORE_READ(sk, __sk_common.skc_flags);
	return flags & (1UL << bpf_core_enum_value(enum sock_flags, SOCK_ZEROCOPY));
}

/*
 * The connecting end: the client application's socket, or the proxy's dial to a local pod. Without
 * its record the accepted end stays on plain TCP too.
 */
static __always_inline void sluice_enrol_active(struct bpf_sock_ops *ctx, __u64 netns_cookie,
						__u32 level, bool is_proxy)
{
	struct sluice_end end = sluice_end_of(ctx, netns_cookie, SLUICE_SIDE_ACTIVE, is_proxy);
	struct sluice_pair pair = {.alive = SLUICE_ALIVE(SLUICE_SIDE_ACTIVE), .level = level};

	if (!is_proxy && sluice_wants_zerocopy(end.sock)) {
		sluice_count(SLUICE_VERDICT_PAIR_LEFT_ZEROCOPY);
		return;
	}
	pair.sock[SLUICE_SIDE_ACTIVE] = end.sock;
	/* The record first: a socket in the sockhash without one could never be joined. */
	if (!end.sock || bpf_map_update_elem(&sluice_pairs, &end.own, &pair, BPF_ANY)) {
		sluice_count(SLUICE_VERDICT_PAIR_NOT_RECORDED);
		return; /* Plain TCP. */
	}
	sluice_watch_state(ctx);
	if (!sluice_enrol(ctx, &end)) {
		/* The passive end must not redirect to a socket that is not there. */
		pair.state = SLUICE_PAIR_TCP_ONLY;
		bpf_map_update_elem(&sluice_pairs, &end.own, &pair, BPF_EXIST);
		sluice_count(SLUICE_VERDICT_PAIR_TCP_ONLY);
	}
}

/* The accepted end. The record is that of a socket we made or captured, so the peer is known. */
static __always_inline void sluice_enrol_passive(struct bpf_sock_ops *ctx, __u64 netns_cookie,
						 bool is_proxy)
{
	struct sluice_end end = sluice_end_of(ctx, netns_cookie, SLUICE_SIDE_PASSIVE, is_proxy);
	struct sluice_pair *pair = bpf_map_lookup_elem(&sluice_pairs, &end.peer);

	if (!pair || !end.sock)
		return; /* The other end was not recorded: plain TCP. */
	if (!is_proxy && sluice_wants_zerocopy(end.sock)) {
		sluice_pair_move(pair, SLUICE_PAIR_OPEN, SLUICE_PAIR_TCP_ONLY);
		sluice_count(SLUICE_VERDICT_PAIR_LEFT_ZEROCOPY);
		return;
	}
	if (sluice_pair_move(pair, SLUICE_PAIR_OPEN, SLUICE_PAIR_JOINING) != SLUICE_PAIR_OPEN)
		return; /* Decided for TCP already. */
	if (!sluice_enrol(ctx, &end)) {
		pair->state = SLUICE_PAIR_TCP_ONLY;
		sluice_count(SLUICE_VERDICT_PAIR_TCP_ONLY);
		return;
	}
	pair->sock[SLUICE_SIDE_PASSIVE] = end.sock;
	__sync_fetch_and_or(&pair->alive, SLUICE_ALIVE(SLUICE_SIDE_PASSIVE));
	sluice_watch_state(ctx);
	pair->state = SLUICE_PAIR_JOINED;
	sluice_count(SLUICE_VERDICT_PAIR_JOINED);
}

/* A closed end: nobody may look at its socket again, and the last one takes the record away. */
static __always_inline void sluice_leave_pair(const struct sluice_end *end)
{
	struct sluice_socket_key key = end->side == SLUICE_SIDE_ACTIVE ? end->own : end->peer;
	struct sluice_pair *pair = bpf_map_lookup_elem(&sluice_pairs, &key);
	__u32 bit = SLUICE_ALIVE(end->side & 1);

	if (!pair)
		return;
	pair->sock[end->side & 1] = 0;
	if (__sync_fetch_and_and(&pair->alive, ~bit) == bit)
		bpf_map_delete_elem(&sluice_pairs, &key);
}
