/* Every map, one sentence each. Weak, because each program file carries them and the linker joins
 * them. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/abi.h"

/* Pods whose sockets we own, by network namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_PODS_MAX);
	__type(key, __u64);
	__type(value, struct sluice_pod);
} sluice_pods SEC(".maps") __weak;

/* Addresses of those pods: tells a lost listener (deny) from an address that is not ours (pass). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_POD_ADDRESSES_MAX);
	__type(key, struct sluice_address);
	__type(value, __u32);
} sluice_addresses SEC(".maps") __weak;

/* The inbound listener behind each pod address; a closed listener leaves by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SLUICE_POD_ADDRESSES_MAX);
	__type(key, struct sluice_address);
	__type(value, __u64);
} sluice_listeners SEC(".maps") __weak;

/* What enrolled pods may dial and which path it takes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_DESTINATIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sluice_destination_key);
	__type(value, __u32);
} sluice_destinations SEC(".maps") __weak;

/* On a captured client socket: what it dialled. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sluice_client);
} sluice_clients SEC(".maps") __weak;

/* On a dial socket that the agent made: the mark that no pod can forge. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} sluice_dial_marks SEC(".maps") __weak;

/* For the proxy: what the peer of an accepted connection dialled. A lost entry closes the
 * connection. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SLUICE_ORIGINAL_DESTINATIONS_MAX);
	__type(key, struct sluice_client_key);
	__type(value, struct sluice_endpoint);
} sluice_original_destinations SEC(".maps") __weak;

/* Handshakes of the proxy towards local pods, which the inbound listener must not catch. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_DIALS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sluice_dial_key);
	__type(value, __u32);
} sluice_dials SEC(".maps") __weak;

/* Enrolled sockets; the sk_msg program runs on what they send. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SLUICE_SPLICED_SOCKETS_MAX);
	__type(key, struct sluice_socket_key);
	__type(value, __u64);
} sluice_spliced SEC(".maps") __weak;

/* One record for the two ends of a spliced connection. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLUICE_PAIRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sluice_socket_key);
	__type(value, struct sluice_pair);
} sluice_pairs SEC(".maps") __weak;

/* On an enrolled socket: who it is and where its bytes go. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sluice_end);
} sluice_ends SEC(".maps") __weak;

/* Verdicts, counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} sluice_counters SEC(".maps") __weak;
