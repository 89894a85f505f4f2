"""Many connections: none refused, none lost, nothing leaked afterwards."""
import collections
import selectors
import socket

import pytest

from sluice_testing import manifests, servers
from sluice_testing.http1 import HttpConnection
from sluice_testing.machine import map_entry_counts
from sluice_testing.mesh import SCALE, is_sanitized
from sluice_testing.process import descriptor_count, resident_bytes
from sluice_testing.wait import settled, wait_until

MANY = 3000
SHORT = int(20_000 / SCALE)
REQUEST = b"GET /name HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture(scope="module")
def web(pods):
    """nginx in a and b behind Service many: HTTP on 80, the same as plain TCP on 81. Its addresses by family."""
    for pod in (pods.a, pods.b):
        servers.nginx(pod, 8090)
    return {"4": "10.97.0.70", "6": "fd97::70"}


@pytest.fixture
def many(town, web):
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("many.yaml", [manifests.service("many", "a", [
        manifests.port(80, "http", 8090), manifests.port(81, "tcp", 8090)], tuple(web.values()))])
    if town.mesh.status()["config"]["services"] and not _has_service(town, web["6"]):
        town.mesh.wait_version_after(version)
    return web


def _has_service(town, address):
    try:
        town.client.connect(address, 80, timeout=2).close()
        return True
    except OSError:
        return False


def open_at_once(pod, address, port, count):
    """`count` connections whose handshakes are all under way together; fails if one is refused or not done in 30 s."""
    selector, waiting, done = selectors.DefaultSelector(), set(), []
    with pod.inside():
        for _ in range(count):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            sock.setblocking(False)
            sock.connect_ex((address, port))
            selector.register(sock, selectors.EVENT_WRITE)
            waiting.add(sock)
    while waiting:
        ready = selector.select(timeout=30 * SCALE)
        assert ready, f"{len(waiting)} of {count} connections were not established"
        for key, _ in ready:
            error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == 0, f"connect: errno {error} after {len(done)} connections"
            selector.unregister(key.fileobj)
            waiting.discard(key.fileobj)
            done.append(key.fileobj)
    for sock in done:
        sock.setblocking(True)
        sock.settimeout(30 * SCALE)
    return done


@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("port", [80, 81], ids=["http", "tcp"])
def test_three_thousand_connections_at_once(town, many, port, family):
    socks = open_at_once(town.client, many[family], port, MANY)
    try:
        for sock in socks:
            sock.sendall(REQUEST)
        for sock in socks:
            assert b"200 OK" in sock.recv(4096)
        path = "http" if port == 80 else "tcp"
        assert town.mesh.connections(path)["active"] >= MANY
        for sock in socks:  # And once more: each still has its place.
            sock.sendall(REQUEST)
        for sock in socks:
            assert b"200 OK" in sock.recv(4096)
    finally:
        for sock in socks:
            sock.close()
    wait_until(lambda: town.mesh.connections("http" if port == 80 else "tcp")["active"] == 0, "all are closed", 20 * SCALE)


def resources(town):
    pids = town.mesh.pids()
    return {"descriptors of " + name: descriptor_count(pids[name]) for name in ("sluice-agent", "sluice-proxy")}


def entries_of(town):
    return map_entry_counts(town.mesh.pids()["sluice-agent"])


def at_rest(town):
    """(descriptors, map entries) once every connection is closed and the counts stand still."""
    wait_until(lambda: all(town.mesh.connections(path)["active"] == 0 for path in ("http", "tcp")),
               "all connections are closed", 20 * SCALE)
    return settled(lambda: resources(town), quiet_s=1.0), settled(lambda: entries_of(town), quiet_s=1.0, interval_s=0.2)


def short_connections(town, address, port, count):
    """Opens, asks once and closes, in small batches; returns what was answered."""
    answers = collections.Counter()
    for _ in range(count // 50):
        socks = open_at_once(town.client, address, port, 50)
        for sock in socks:
            sock.sendall(REQUEST)
        for sock in socks:
            answers[b"200 OK" in sock.recv(4096)] += 1
            sock.close()
    return answers


@pytest.mark.parametrize("family", ["4", "6"])
def test_short_connections_leave_nothing_behind(town, many, family):
    address = many[family]
    for port in (80, 81):  # Pools and caches fill up first: they are not leaks.
        short_connections(town, address, port, 1000)
    descriptors, entries = at_rest(town)
    memory = resident_bytes(town.mesh.proxy_pid())

    answers = short_connections(town, address, 80, SHORT // 2) + short_connections(town, address, 81, SHORT // 2)

    assert answers == {True: SHORT // 2 // 50 * 50 * 2}
    descriptors_after, entries_after = at_rest(town)
    for name, count in descriptors.items():
        assert descriptors_after[name] <= count + 64, f"{name}: {count} before, {descriptors_after[name]} after"
    for name, count in entries_after.items():
        assert count <= entries.get(name, 0) + 64, f"map {name}: {entries.get(name, 0)} entries before, {count} after"
    assert is_sanitized() or resident_bytes(town.mesh.proxy_pid()) <= memory + 4 * 1024 * 1024


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("family", ["4", "6"])
def test_short_connections_from_outside_leave_nothing_behind(town, family):
    def talk(count):
        for _ in range(count):
            with HttpConnection(town.outside.connect(getattr(town.a, f"v{family}"), 8090)) as client:
                assert client.get("/name", headers=["Connection: close"]).status == 200

    talk(100)
    before = settled(lambda: entries_of(town), quiet_s=1.0, interval_s=0.2)
    talk(1000)
    after = settled(lambda: entries_of(town), quiet_s=1.0, interval_s=0.2)

    for name, count in after.items():
        assert count <= before.get(name, 0) + 64, f"map {name}: {before.get(name, 0)} entries before, {count} after"


def test_wrk_sees_no_error(town, many):
    output = town.client.exec("wrk", "-t2", "-c64", "-d3s", "--latency", f"http://{many['4']}/1k")

    assert "Socket errors" not in output and "Non-2xx" not in output, output
    assert float(output.split("Requests/sec:")[1].split()[0]) > 1000 / SCALE, output


def test_both_backends_are_used(town, many):
    """Service `a` and `b` share a label here, so that least request of two has something to choose."""
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("both.yaml", [
        manifests.service("both", "x", [manifests.port(80, "http", 8090)], ("10.97.0.71",)),
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
         "metadata": {"name": "both-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "both"}},
         "endpoints": [{"addresses": [pod.v4], "conditions": {"ready": True}} for pod in (town.a, town.b)],
         "ports": [{"name": "http", "port": 8090, "protocol": "TCP"}]}])
    town.mesh.wait_version_after(version)

    seen = collections.Counter()
    for _ in range(200):
        with HttpConnection(town.client.connect("10.97.0.71", 80)) as client:
            seen[client.get("/name").body] += 1

    assert seen[b"a\n"] > 40 and seen[b"b\n"] > 40, seen
