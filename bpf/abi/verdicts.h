/*
 * What the programs decide and meet; each is counted per CPU under its name. C11 and C++20.
 * A new one goes to the end of its group; user space reads the table by name, never by number.
 */
#pragma once

#define SLUICE_VERDICTS(X)                                                                         \
	/* connect() of an enrolled pod. */                                                        \
	X(CONNECT_PROXIED, connect_proxied)                                                        \
	X(CONNECT_PASSED, connect_passed)                                                          \
	X(CONNECT_OWN_DIAL, connect_own_dial)                                                      \
	X(CONNECT_DENIED_DESTINATION, connect_denied_destination)                                  \
	X(CONNECT_DENIED_STORAGE, connect_denied_storage)                                          \
	X(CONNECT_DENIED_DEVICE, connect_denied_device)                                            \
	X(SOCKET_DENIED_MPTCP, socket_denied_mptcp)                                                \
	/* Handshakes. */                                                                          \
	X(ORIGINAL_DESTINATION_STORED, original_destination_stored)                                \
	X(ORIGINAL_DESTINATION_LOST, original_destination_lost)                                    \
	X(ORIGINAL_DESTINATION_UNCLAIMED, original_destination_unclaimed)                          \
	X(DIAL_NOT_RECORDED, dial_not_recorded)                                                    \
	X(RECEIVE_NOT_BOUNDED, receive_not_bounded)                                                \
	/* New connections that arrive in a pod. */                                                \
	X(INBOUND_ASSIGNED, inbound_assigned)                                                      \
	X(INBOUND_OWN_DIAL, inbound_own_dial)                                                      \
	X(INBOUND_PASSED_LOCAL, inbound_passed_local)                                              \
	X(INBOUND_PASSED_ADDRESS, inbound_passed_address)                                          \
	X(INBOUND_DENIED_NO_LISTENER, inbound_denied_no_listener)                                  \
	X(INBOUND_DENIED_ASSIGN, inbound_denied_assign)                                            \
	X(INBOUND_DENIED_DIAL, inbound_denied_dial)                                                \
	/* Pairs of sockets, once each. */                                                         \
	X(PAIR_JOINED, pair_joined)                                                                \
	X(PAIR_TCP_ONLY, pair_tcp_only)                                                            \
	X(PAIR_NOT_RECORDED, pair_not_recorded)                                                    \
	X(PAIR_LEFT_ZEROCOPY, pair_left_zerocopy)                                                  \
	/* Messages of enrolled sockets. */                                                        \
	X(SPLICE_REDIRECTED, splice_redirected)                                                    \
	X(SPLICE_TCP, splice_tcp)                                                                  \
	X(SPLICE_BUSY, splice_busy)                                                                \
	X(SPLICE_PEER_GONE, splice_peer_gone)

enum sluice_verdict {
#define SLUICE_VERDICT_ENUMERATOR(upper, lower) SLUICE_VERDICT_##upper,
	SLUICE_VERDICTS(SLUICE_VERDICT_ENUMERATOR)
#undef SLUICE_VERDICT_ENUMERATOR
	    SLUICE_VERDICT_COUNT
};
