/* Reading the context of sockops. */
#pragma once

#include "bpf/lib/address.h"

static __always_inline struct sluice_endpoint sluice_local_of(struct bpf_sock_ops *ctx)
{
	struct sluice_endpoint end = {.address = SLUICE_CTX_ADDRESS(ctx, local_ip4, local_ip6)};

	/*
	 * On Linux 6.1 an AF_INET6 socket that connects to a mapped address has no IPv6 source
	 * until connect() returns, later than the handshake on loopback; its IPv4 source is there.
	 */
	if (sluice_is_unspecified(&end.address))
		end.address = sluice_address_v4(ctx->local_ip4);
	end.port_be = bpf_htons(ctx->local_port);
	return end;
}

static __always_inline struct sluice_endpoint sluice_remote_of(struct bpf_sock_ops *ctx)
{
	struct sluice_endpoint end = {.address = SLUICE_CTX_ADDRESS(ctx, remote_ip4, remote_ip6)};

	/* remote_port holds the 16 bits in the upper half of a big-endian word. */
	end.port_be = bpf_htons((__u16)bpf_ntohl(ctx->remote_port));
	return end;
}

/* Asks to be called when the state of this socket changes: every entry made for it must go then. */
static __always_inline void sluice_watch_state(struct bpf_sock_ops *ctx)
{
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}
