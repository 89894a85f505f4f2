/* Sizes of the kernel tables and the marks of the guard. C11 and C++20. */
#pragma once

#define SLUICE_ABI_VERSION 1

#define SLUICE_PODS_MAX			 1024
#define SLUICE_POD_ADDRESSES_MAX	 (2 * SLUICE_PODS_MAX)
#define SLUICE_DESTINATIONS_MAX		 65536
#define SLUICE_ORIGINAL_DESTINATIONS_MAX 65536
#define SLUICE_DIALS_MAX		 65536
#define SLUICE_PAIRS_MAX		 65536
#define SLUICE_SPLICED_SOCKETS_MAX	 (2 * SLUICE_PAIRS_MAX)

/*
 * Unread bytes of a receiver above which nothing more is redirected to it, and below which a sender
 * that fell back to TCP may return. 256 KiB for the high mark halved bulk throughput.
 */
#define SLUICE_UNREAD_HIGH_BYTES (3 * 512 * 1024)
#define SLUICE_UNREAD_LOW_BYTES	 (SLUICE_UNREAD_HIGH_BYTES / 4)

/*
 * SO_RCVBUF of an application's socket whose other end is the proxy; the kernel doubles it, and
 * caps it at net.core.rmem_max. The other end is microseconds away, so more would only pile up
 * unread.
 */
#define SLUICE_APPLICATION_RECEIVE_BYTES (768 * 1024)

/*
 * Bytes that an application's socket may hold unsent while the proxy does not read. Without it TCP
 * takes its whole send buffer (4 MiB) on top of what the other end holds.
 */
#define SLUICE_UNSENT_MAX_BYTES (768 * 1024)
