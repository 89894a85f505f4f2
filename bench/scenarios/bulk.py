"""One fast stream through the L4 path, and how much a sleeping reader lets pile up."""
import socket
import statistics

from report.table import Bar, ratio_bar
from scenarios.town import IPERF_PORT
from sluice_testing import servers
from sluice_testing.wait import settled

BARS = {"full": 1.5, "off": 0.7}
MIB = 1024 * 1024


def run(town, mesh, level, options):
    runs = [("direct", town.plain_client, town.plain_server.v4), ("sluice", town.client, town.streams)]
    seen = {"direct": [], "sluice": []}
    for number in range(options.rounds):
        for name, pod, address in runs[::-1 if number % 2 else 1]:
            seen[name].append(servers.iperf3_gbit_per_s(pod, address, IPERF_PORT, options.seconds))
    detail = ", ".join(f"{name} {statistics.median(rates):.1f}" for name, rates in reversed(seen.items())) + " Gbit/s"
    return [ratio_bar(f"bulk / direct, {level}", ">=", BARS[level], seen["sluice"], seen["direct"], detail),
            unread(town, level)]


def unread(town, level):
    """Bytes taken from a fast sender whose peer never reads, over the whole way."""
    with town.client.connect(town.streams, servers.TCP_PORT) as sock:
        sock.sendall(b"SLEEP\n")
        sock.setblocking(False)
        sent = 0

        def push():
            nonlocal sent
            try:
                while sent < 256 * MIB:
                    sent += sock.send(b"x" * 65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            return sent

        accepted = settled(push, quiet_s=1.0, timeout_s=60)
    return Bar(f"unread bytes on the whole way, {level}", "MiB", "<=", 15, accepted / MIB)
