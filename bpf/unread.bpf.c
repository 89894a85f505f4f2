// SPDX-License-Identifier: Apache-2.0
/*
 * Names the sockets of a sockhash that may leave it: those to which nothing was redirected that is
 * not read yet, since the kernel throws that away with the membership. An object of its own: it is
 * also used where no mesh runs, and whoever cannot load it goes without.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "bpf/abi/layout.h"
#include "bpf/lib/kernel_types.h"

#define SLUICE_USER_DATA_FLAGS 7UL /* SK_USER_DATA_PTRMASK leaves the rest. */

static __always_inline bool has_unread(struct sock *sk)
{
	unsigned long data = (unsigned long)BPF_CORE_READ(sk, sk_user_data);
	struct sk_psock *psock = (struct sk_psock *)(data & ~SLUICE_USER_DATA_FLAGS);
	unsigned long list = (unsigned long)__builtin_preserve_access_index(&psock->ingress_msg);

	return psock && (unsigned long)BPF_CORE_READ(psock, ingress_msg.next) != list;
}

SEC("iter/sockmap")
int sluice_unread(struct bpf_iter__sockmap *ctx)
{
	struct sock *sk = ctx->sk;
	void *key = ctx->key;

	if (sk && key && !has_unread(sk))
		bpf_seq_write(ctx->meta->seq, key, sizeof(struct sluice_socket_key));
	return 0;
}

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";
