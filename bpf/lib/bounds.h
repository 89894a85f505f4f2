/*
 * What an application's socket may hold whose other end is the proxy, at every level
 * (docs/adr/0009). Unread: left alone the kernel lets the buffer of a reader that was fast grow to
 * tcp_rmem[2], and all of it fills when the reader falls asleep. Unsent: the same with tcp_wmem[2]
 * where the proxy does not read.
 */
#pragma once

#include <stdbool.h>

#include <bpf/bpf_core_read.h>

#include "bpf/lib/counters.h"
#include "bpf/lib/kernel_types.h"

#define SLUICE_SOL_SOCKET	 1
#define SLUICE_SO_RCVBUF	 8
#define SLUICE_SOL_TCP		 6
#define SLUICE_TCP_NOTSENT_LOWAT 25
#define SLUICE_SOCK_RCVBUF_LOCK	 2 /* Of sk_userlocks: the size was set by setsockopt(). */

static __always_inline bool sluice_has_own_receive_size(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk; /* Read once: two reads give the verifier two pointers. */
	struct sock *kernel_sk;

	if (!sk)
		return false;
	kernel_sk = (struct sock *)bpf_skc_to_tcp_sock(sk);
	return kernel_sk &&
	       BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_userlocks) & SLUICE_SOCK_RCVBUF_LOCK;
}

/*
 * At the end of the handshake, before the kernel sets the socket's window. An application that has
 * set the size itself, on a listener too, keeps it. Of what is unsent an application that sets the
 * option itself has the last word; a kernel that refuses it keeps TCP's own bound.
 */
static __always_inline void sluice_bound_application(struct bpf_sock_ops *ctx)
{
	int unread = SLUICE_APPLICATION_RECEIVE_BYTES;
	int unsent = SLUICE_UNSENT_MAX_BYTES;

	bpf_setsockopt(ctx, SLUICE_SOL_TCP, SLUICE_TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	if (sluice_has_own_receive_size(ctx))
		return;
	if (bpf_setsockopt(ctx, SLUICE_SOL_SOCKET, SLUICE_SO_RCVBUF, &unread, sizeof(unread)))
		sluice_count(SLUICE_VERDICT_RECEIVE_NOT_BOUNDED);
}
