/*
 * The few fields of kernel types that we read, found at load time by name (CO-RE). No vmlinux.h: it
 * would tie the build to the kernel it runs on.
 */
#pragma once

#include <linux/types.h>

typedef struct {
	int counter;
} atomic_t;

/* Bit numbers of skc_flags; the value is found at load time. */
enum sock_flags {
	SOCK_ZEROCOPY = 0,
};

struct list_head {
	struct list_head *next;
} __attribute__((preserve_access_index));

/* Of a socket in a sockhash; sk_user_data points to it. */
struct sk_psock {
	struct list_head ingress_msg; /* What was redirected to it and is not read. */
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned long skc_flags;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct {
		atomic_t rmem_alloc; /* sk_rmem_alloc: bytes waiting for the reader. */
	} sk_backlog;
	void *sk_user_data;
	int sk_rcvbuf;
	__u8 sk_userlocks; /* SOCK_..._LOCK: what the application has set itself. */
} __attribute__((preserve_access_index));

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

/* Context of a program that looks at each socket of a sockhash. */
struct bpf_iter__sockmap {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	struct sock *sk;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 snd_una;	  /* First byte not acknowledged. */
	__u32 write_seq;  /* One past the last byte queued. */
	__u32 copied_seq; /* First byte not read. */
	__u32 rcv_nxt;	  /* Next byte expected. */
	__u32 rcv_wup;	  /* rcv_nxt when the window was last told ... */
	__u32 rcv_wnd;	  /* ... and how many bytes from there were promised room. */
} __attribute__((preserve_access_index));
