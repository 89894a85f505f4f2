/*
 * A receive buffer of a fixed size for an application's socket whose other end is the proxy. Left
 * alone the kernel lets the buffer of a reader that was fast grow to tcp_rmem[2], and all of it
 * fills when the reader falls asleep; a size that was set ends that (docs/adr/0009).
 */
#pragma once

#include <bpf/bpf_core_read.h>

#include "bpf/lib/counters.h"
#include "bpf/lib/kernel_types.h"

#define SLUICE_SOL_SOCKET	1
#define SLUICE_SO_RCVBUF	8
#define SLUICE_SOCK_RCVBUF_LOCK 2 /* Of sk_userlocks: the size was set by setsockopt(). */

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
 * set the size itself, on a listener too, keeps it.
 */
static __always_inline void sluice_bound_receive(struct bpf_sock_ops *ctx)
{
	int bytes = SLUICE_APPLICATION_RECEIVE_BYTES;

	if (sluice_has_own_receive_size(ctx))
		return;
	if (bpf_setsockopt(ctx, SLUICE_SOL_SOCKET, SLUICE_SO_RCVBUF, &bytes, sizeof(bytes)))
		sluice_count(SLUICE_VERDICT_RECEIVE_NOT_BOUNDED);
}
