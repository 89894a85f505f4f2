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

struct sock_common {
	unsigned long skc_flags;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct {
		atomic_t rmem_alloc; /* sk_rmem_alloc: bytes waiting for the reader. */
	} sk_backlog;
	__u8 sk_userlocks; /* SOCK_..._LOCK: what the application has set itself. */
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 snd_una;	  /* First byte not acknowledged. */
	__u32 write_seq;  /* One past the last byte queued. */
	__u32 copied_seq; /* First byte not read. */
	__u32 rcv_nxt;	  /* Next byte expected. */
} __attribute__((preserve_access_index));
