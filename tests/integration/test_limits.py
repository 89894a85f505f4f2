"""Limits of the whole proxy, against clients that hold as much as they can."""
import time

import pytest

from sluice_testing.mesh import SCALE, is_sanitized
from sluice_testing.process import cpu_ns, resident_bytes
from sluice_testing.wait import settled, wait_until

MIB = 1024 * 1024
BUFFERED_MAX = 64 * MIB
HOLDERS, HEAD = 3000, b"GET /echo HTTP/1.1\r\nHost: t\r\nX-A: " + b"a" * (60 * 1024)


def median_latency_s(connection, count=50):
    took = []
    for _ in range(count):
        began = time.monotonic()
        assert connection.get("/name").status == 200
        took.append(time.monotonic() - began)
    return sorted(took)[count // 2]


@pytest.mark.skipif(is_sanitized(), reason="memory of a sanitized program says nothing")
def test_unfinished_heads_stay_within_the_limit_and_others_are_served(town, http):
    ordinary = http()
    before, memory = median_latency_s(ordinary), resident_bytes(town.mesh.proxy_pid())
    holders, refused = [], 0
    try:
        for _ in range(HOLDERS):
            sock = town.client2.connect(town.http4, 80)
            sock.settimeout(10 * SCALE)
            holders.append(sock)
            try:
                sock.sendall(HEAD)
            except OSError:
                refused += 1  # Refused before all of it was sent.
        held = settled(lambda: town.mesh.metrics()["sluice_buffered_bytes"], quiet_s=0.5, interval_s=0.1)
        during = median_latency_s(ordinary)
        grown = resident_bytes(town.mesh.proxy_pid()) - memory
    finally:
        for sock in holders:
            sock.close()

    answers = town.mesh.metrics()['sluice_http_local_answers_total{reason="memory_limit"}']
    print(f"held {held / MIB:.1f} MiB, resident +{grown / MIB:.1f} MiB, {answers:.0f} refused; "
          f"median latency {before * 1e6:.0f} us before, {during * 1e6:.0f} us during")
    assert 0 < held <= BUFFERED_MAX
    assert grown <= BUFFERED_MAX + 16 * MIB
    assert answers >= HOLDERS - BUFFERED_MAX // len(HEAD)
    assert during <= 20 * before + 0.01


def test_writers_to_a_server_that_never_reads_cost_no_cpu(town, tcp):
    """Each send is put off, and tried again ever more rarely."""
    socks = [tcp("SLEEP") for _ in range(100)]
    block = b"x" * 65536
    for sock in socks:
        sock.setblocking(False)

    def push():
        for sock in socks:
            try:
                while sock.send(block):
                    pass
            except BlockingIOError:
                pass
        return town.mesh.metrics()['sluice_bytes_total{direction="from_client"}']

    settled(push, quiet_s=1.0, timeout_s=120 * SCALE, interval_s=0.1)
    proxy = town.mesh.proxy_pid()
    window_s = 5.0

    def cpu_share():  # Over a window of its own: what is waited for is that it falls.
        began, used = time.monotonic(), cpu_ns(proxy)
        wait_until(lambda: time.monotonic() - began >= window_s, "the window is over", window_s * 2, 0.1)
        return (cpu_ns(proxy) - used) / 1e9 / (time.monotonic() - began)

    shares = []

    def is_quiet():
        shares.append(cpu_share())
        return shares[-1] <= 0.02

    wait_until(is_quiet, lambda: f"the proxy uses at most 2 % of a core; it used {shares}", 60 * SCALE)
    print(f"cpu shares {shares}")
