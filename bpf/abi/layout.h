/*
 * Layouts of map keys and values, shared by the programs and user space. C11 and C++20.
 * Every byte is named: padding would make equal keys differ. Ports in `_be` are in network order.
 */
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define SLUICE_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), "layout of " #type)
#else
#define SLUICE_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "layout of " #type)
#endif

/* IPv6 in network order; IPv4 as ::ffff:a.b.c.d. */
struct sluice_address {
	__u32 words_be[4];
};
SLUICE_ASSERT_SIZE(struct sluice_address, 16);

struct sluice_endpoint {
	struct sluice_address address;
	__u16 port_be;
	__u16 pad0;
};
SLUICE_ASSERT_SIZE(struct sluice_endpoint, 20);

/* pods: netns cookie (__u64) -> this. An address is all zero where the pod has none of that family.
 */
struct sluice_pod {
	struct sluice_address address_v4;
	struct sluice_address address_v6;
	__u32 id;
	__u32 level; /* enum sluice_level, for connections from now on. */
};
SLUICE_ASSERT_SIZE(struct sluice_pod, 40);

/* How a flow travels: decided once, at connect(), from the destinations table. */
enum sluice_path {
	SLUICE_PATH_PASS = 0,
	SLUICE_PATH_PROXY = 1,
	SLUICE_PATH_DENY = 2,
};

/* destinations: this -> __u32 (enum sluice_path). Port 0 covers the ports without an entry. */
struct sluice_destination_key {
	struct sluice_address address;
	__u16 port_be;
	__u8 protocol; /* IPPROTO_TCP */
	__u8 pad0;
};
SLUICE_ASSERT_SIZE(struct sluice_destination_key, 20);

/* clients: kept on a captured socket from connect() on. */
struct sluice_client {
	struct sluice_endpoint original; /* What the application dialled. */
	struct sluice_address source;	 /* The pod's address of that family. */
};
SLUICE_ASSERT_SIZE(struct sluice_client, 36);

/* original_destinations: this -> struct sluice_endpoint. */
struct sluice_client_key {
	__u64 netns_cookie;
	struct sluice_endpoint client; /* As the proxy sees it: the accepted socket's peer. */
	__u32 pad0;
};
SLUICE_ASSERT_SIZE(struct sluice_client_key, 32);

/* dials: the proxy's own handshakes towards a local pod; consulted by sk_lookup. */
struct sluice_dial_key {
	struct sluice_endpoint source;
	struct sluice_endpoint destination;
};
SLUICE_ASSERT_SIZE(struct sluice_dial_key, 40);

/* One socket: the loopback four-tuple alone is not unique across pods. Key of spliced and pairs. */
struct sluice_socket_key {
	__u64 netns_cookie;
	struct sluice_endpoint local;
	struct sluice_endpoint remote;
};
SLUICE_ASSERT_SIZE(struct sluice_socket_key, 48);

/*
 * State of the direction towards the application. It leaves OPEN once, by compare-and-exchange.
 *
 *  OPEN     -> TCP_ONLY  the proxy's end sends before the application's end is there
 *  OPEN     -> JOINING   the application's end is there; it is being put into the sockhash
 *  JOINING  -> JOINED    it is in the sockhash: only redirected bytes may reach it from now on
 *  JOINING  -> TCP_ONLY  it could not be put there
 */
enum sluice_pair_state {
	SLUICE_PAIR_OPEN = 0,
	SLUICE_PAIR_JOINING = 1,
	SLUICE_PAIR_JOINED = 2,
	SLUICE_PAIR_TCP_ONLY = 3,
};

/* pairs: key of the active (connecting) end -> this. */
struct sluice_pair {
	__u64 sock[2]; /* struct tcp_sock of the active and the passive end; 0: not there, or
			  closed. */
	__u32 state;   /* enum sluice_pair_state */
	__u32 alive;   /* Bit per end; the one that clears the last bit deletes the record. */
	__u32 level;   /* The pod's when the active end was made; both ends go by it. */
	__u32 pad0;
};
SLUICE_ASSERT_SIZE(struct sluice_pair, 32);

enum sluice_side {
	SLUICE_SIDE_ACTIVE = 0,
	SLUICE_SIDE_PASSIVE = 1,
};

/* ends: kept on each enrolled socket. */
struct sluice_end {
	struct sluice_socket_key own;
	struct sluice_socket_key peer;
	__u64 sock;	/* Its own struct tcp_sock. */
	__u8 side;	/* enum sluice_side */
	__u8 is_proxy;	/* Its messages go to an application. */
	__u8 is_on_tcp; /* Bytes it sent may still be on the TCP path. */
	__u8 pad0[5];
};
SLUICE_ASSERT_SIZE(struct sluice_end, 112);

enum sluice_level {
	SLUICE_LEVEL_OFF = 0,
	SLUICE_LEVEL_SEND = 1,
	SLUICE_LEVEL_FULL = 2,
};

/* Read-only configuration, fixed when the programs are loaded. */
struct sluice_config {
	__u16 outbound_port;
	__u16 inbound_port;
	__u8 can_set_retval; /* bpf_set_retval() is there: a denied connect() says ECONNREFUSED. */
	__u8 pad0[3];
	__u32 unread_high_bytes;
	__u32 unread_low_bytes;
};
SLUICE_ASSERT_SIZE(struct sluice_config, 16);
