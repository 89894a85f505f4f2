// SPDX-License-Identifier: Apache-2.0
/*
 * Joins the two ends of a local connection: what one sends goes straight to the other's receive
 * queue. The kernel does not hold such a sender back (1.3 GB were taken for a reader that slept),
 * so each message asks first how much the receiver has not read yet.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/config.h"
#include "bpf/lib/counters.h"
#include "bpf/lib/pair.h"

static __always_inline int pass(enum sluice_verdict verdict)
{
	sluice_count(verdict);
	return SK_PASS;
}

/*
 * The send fails with EINVAL and takes no byte: the proxy tries again when the reader has read.
 * SK_DROP would be the plain way, but the kernel keeps that verdict for every later message of the
 * socket without asking again (Linux 6.18: psock->eval stays __SK_DROP). So the message is sent
 * into a wall: a connection of the agent's in repair mode, which refuses whatever is written to it.
 */
static __always_inline int busy(struct sk_msg_md *msg)
{
	struct sluice_socket_key wall = {}; /* No namespace has the cookie 0. */

	sluice_count(SLUICE_VERDICT_SPLICE_BUSY);
	return bpf_msg_redirect_hash(msg, &sluice_spliced, &wall, 0);
}

/*
 * `peer` is the number of a socket that may close while we read: the reads cannot fault, and a
 * stale answer can only choose TCP or a retry, since the redirect itself looks the socket up again.
 */
static __always_inline __u32 unread_bytes(__u64 peer)
{
	struct sock *sk = (struct sock *)(unsigned long)peer;
	int bytes = BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter);

	return bytes < 0 ? 0 : bytes;
}

static __always_inline int redirect(struct sk_msg_md *msg, struct sluice_end *end)
{
	if (bpf_msg_redirect_hash(msg, &sluice_spliced, &end->peer, BPF_F_INGRESS) != SK_PASS)
		return pass(SLUICE_VERDICT_SPLICE_PEER_GONE); /* TCP tells the sender so. */
	return pass(SLUICE_VERDICT_SPLICE_REDIRECTED);
}

/*
 * Nothing this socket sent over TCP is still on its way or unread. Redirected bytes are read before
 * TCP's, so going back any earlier would change their order.
 */
static __always_inline bool is_tcp_path_empty(const struct sluice_end *end, __u64 peer)
{
	struct tcp_sock *sender = (struct tcp_sock *)(unsigned long)end->sock;
	struct tcp_sock *receiver = (struct tcp_sock *)(unsigned long)peer;

	if (BPF_CORE_READ(sender, snd_una) != BPF_CORE_READ(sender, write_seq))
		return false;
	return BPF_CORE_READ(receiver, copied_seq) == BPF_CORE_READ(receiver, rcv_nxt);
}

/*
 * A window that TCP has told stays told when redirected bytes come. Both must fit into the buffer:
 * else TCP drops what it has promised to take, and the sender waits for its timers. A quarter more
 * for what the kernel keeps beside the bytes.
 */
static __always_inline bool has_room(__u64 peer, __u32 unread)
{
	struct tcp_sock *receiver = (struct tcp_sock *)(unsigned long)peer;
	int size = BPF_CORE_READ((struct sock *)(unsigned long)peer, sk_rcvbuf);
	int promised = BPF_CORE_READ(receiver, rcv_wup) + BPF_CORE_READ(receiver, rcv_wnd) -
		       BPF_CORE_READ(receiver, rcv_nxt);

	if (unread > sluice_cfg.unread_high_bytes)
		return false;
	return promised <= 0 || (__u64)unread + promised + promised / 4 < (__u64)size;
}

/* The receiver is ours and may take both kinds of bytes, so TCP's own window holds back the sender.
 */
static __always_inline int to_proxy(struct sk_msg_md *msg, struct sluice_end *end, __u64 peer)
{
	__u32 unread;

	if (!peer)
		goto tcp; /* Not accepted yet, or closed. */
	unread = unread_bytes(peer);
	if (!has_room(peer, unread))
		goto tcp;
	if (end->is_on_tcp &&
	    (unread > sluice_cfg.unread_low_bytes || !is_tcp_path_empty(end, peer)))
		goto tcp;
	end->is_on_tcp = 0;
	return redirect(msg, end);
tcp:
	end->is_on_tcp = 1;
	return pass(SLUICE_VERDICT_SPLICE_TCP);
}

/* The receiver is an application: all bytes redirected or all over TCP, decided once. */
static __always_inline int to_application(struct sk_msg_md *msg, struct sluice_end *end,
					  struct sluice_pair *pair)
{
	__u32 state = sluice_pair_move(pair, SLUICE_PAIR_OPEN, SLUICE_PAIR_TCP_ONLY);
	__u64 peer;

	if (state == SLUICE_PAIR_OPEN)
		sluice_count(SLUICE_VERDICT_PAIR_TCP_ONLY);
	if (state == SLUICE_PAIR_JOINING)
		return busy(msg); /* The other end is just being enrolled. */
	if (state != SLUICE_PAIR_JOINED)
		return pass(SLUICE_VERDICT_SPLICE_TCP);
	peer =
	    sluice_peer_sock(pair, end); /* Only now: it is written before the state says JOINED. */
	if (!peer)
		return pass(SLUICE_VERDICT_SPLICE_PEER_GONE); /* TCP tells the proxy so. */
	if (unread_bytes(peer) > sluice_cfg.unread_high_bytes)
		return busy(msg);
	return redirect(msg, end);
}

SEC("sk_msg")
int sluice_splice(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct sluice_socket_key *key;
	struct sluice_pair *pair;
	struct sluice_end *end;

	if (!sk)
		return SK_PASS;
	end = bpf_sk_storage_get(&sluice_ends, sk, 0, 0);
	if (!end)
		return pass(SLUICE_VERDICT_SPLICE_TCP);
	key = end->side == SLUICE_SIDE_ACTIVE ? &end->own : &end->peer;
	pair = bpf_map_lookup_elem(&sluice_pairs, key);
	if (!pair)
		return pass(SLUICE_VERDICT_SPLICE_PEER_GONE);
	if (!end->is_proxy)
		return to_proxy(msg, end, sluice_peer_sock(pair, end));
	if (pair->level != SLUICE_LEVEL_FULL)
		return pass(SLUICE_VERDICT_SPLICE_TCP);
	return to_application(msg, end, pair);
}

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";
