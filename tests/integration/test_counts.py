"""What a request costs, counted and not timed: the same on a busy machine as on an idle one, so these gate."""
import contextlib
import os
import re
import signal

import pytest

from sluice_testing import manifests, servers
from sluice_testing.counting import CountedPrograms, SystemCallCount
from sluice_testing.http1 import HttpConnection
from sluice_testing.mesh import Mesh, is_sanitized
from sluice_testing.process import asleep, children, cpu_ns
from sluice_testing.wait import settled, wait_until

pytestmark = pytest.mark.skipif(is_sanitized(), reason="a sanitizer allocates and calls on its own")
VIP = "10.97.3.1"
CONNECTIONS, ROUNDS = 64, 10
STALLED_READERS = 24
# One turn of the loop serves all that has come: 64 requests and 64 answers take a handful of turns, a call or two each.
SYSTEM_CALLS_PER_REQUEST_MAX = 0.3


@pytest.fixture(scope="module")
def pair(network):
    client, server = network.pod("client"), network.pod("server")
    servers.nginx(server, 8090)
    return network, client, server


def mesh_of(pair, acceleration, **kwargs):
    network, client, server = pair
    mesh = Mesh(network, acceleration=acceleration, workers=1, **kwargs)
    http = [manifests.port(80, "http", 8090)]
    mesh.apply("pair.yaml", [manifests.pod(client, "client"), manifests.pod(server, "server"),
                             manifests.service("web", "server", http, (VIP,)), manifests.service("v1", "server", http, ("10.97.3.2",)),
                             manifests.service("v2", "server", http, ("10.97.3.3",)),
                             manifests.split("split", "web", {"v1": 90, "v2": 10})])
    return mesh


def load(client, seconds=2, connections=64):
    """Requests answered by wrk."""
    output = client.exec("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://{VIP}/1k")
    assert "Socket errors" not in output and "Non-2xx" not in output, output
    return int(re.search(r"(\d+) requests in", output).group(1))


@contextlib.contextmanager
def held(pids):
    """Stops processes for the length of a `with`."""
    with contextlib.ExitStack() as stack:
        for pid in pids:
            stack.enter_context(asleep(pid))
        yield


def one_round(connections, proxy, servers_pids, calls):
    """One request on each connection in lock step: all requests are there before the proxy runs, and all answers are
    there before it runs again. So what is counted is how it batches, not how fast the machine is today."""
    with held(servers_pids):
        with held([proxy]):
            for connection in connections:
                connection.request("GET", "/1k")
        settled(calls.read, quiet_s=0.05)  # All are forwarded.
        with held([proxy]):
            for pid in servers_pids:
                os.kill(pid, signal.SIGCONT)
            settled(lambda: sum(cpu_ns(pid) for pid in servers_pids), quiet_s=0.05)  # All are answered.
    for connection in connections:
        assert len(connection.response().body) == 1024


def system_calls_per_request(mesh, client, server):
    connections = [HttpConnection(client.connect(VIP, 80)) for _ in range(CONNECTIONS)]
    proxy, nginx = mesh.proxy_pid(), children(server.processes[0].pid)
    with SystemCallCount(proxy) as calls:
        for _ in range(2):  # The first rounds open the upstream connections.
            one_round(connections, proxy, nginx, calls)
        before = calls.read()
        for _ in range(ROUNDS):
            one_round(connections, proxy, nginx, calls)
        per_request = (calls.read() - before) / (ROUNDS * CONNECTIONS)
    for connection in connections:
        connection.sock.close()
    return per_request


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_system_calls_per_request(pair, acceleration):
    network, client, server = pair
    with mesh_of(pair, acceleration) as mesh:
        per_request = system_calls_per_request(mesh, client, server)

    print(f"{per_request:.3f} system calls per request at {CONNECTIONS} connections ({acceleration})")
    assert per_request <= SYSTEM_CALLS_PER_REQUEST_MAX


def test_readers_that_stall_cost_the_requests_of_others_no_system_calls(pair):
    """Receive buffers that wait in vain are copied, so that half of them are always there for those who read."""
    network, client, server = pair
    with mesh_of(pair, "off") as mesh, contextlib.ExitStack() as stack:
        for _ in range(STALLED_READERS):
            reader = stack.enter_context(client.connect(VIP, 80))
            reader.sendall(b"GET /1m HTTP/1.1\r\nHost: t\r\n\r\n" * 24)
        settled(lambda: mesh.metrics()['sluice_bytes_total{direction="to_client"}'], quiet_s=0.5)
        per_request = system_calls_per_request(mesh, client, server)

    print(f"{per_request:.3f} system calls per request beside {STALLED_READERS} readers that stall")
    assert per_request <= SYSTEM_CALLS_PER_REQUEST_MAX


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_no_heap_allocation_per_request_in_steady_state(pair, acceleration):
    """Two loads of the same 64 connections' life; the second has many more requests. What differs is per request."""
    with CountedPrograms() as programs, mesh_of(pair, acceleration, bin_dir=programs.folder) as mesh:
        assert programs.allocations() > 0, "the counter is not loaded"
        load(pair[1], 1)

        def run(seconds):
            before = settled(programs.allocations, quiet_s=0.5)
            requests = load(pair[1], seconds)
            wait_until(lambda: mesh.connections("http")["active"] == 0, "the load has gone")
            return requests, settled(programs.allocations, quiet_s=0.5) - before

        short_requests, short_allocations = run(1)
        long_requests, long_allocations = run(4)

    # Opening 64 connections may allocate, and so does the status that is asked for meanwhile: both as often in both.
    extra_requests = long_requests - short_requests
    extra = long_allocations - short_allocations
    print(f"{extra} more allocations for {extra_requests} more requests ({acceleration})")
    assert extra_requests > 1000
    # A reading of the proxy's counters, by whoever asks for them meanwhile, allocates some 1,200 times in all; one
    # allocation in fifty requests would be a fault of the request's own path.
    assert extra / extra_requests <= 0.02, f"{extra} allocations for {extra_requests} requests"
