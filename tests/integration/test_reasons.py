"""Why connections and requests end: rarer reasons, each provoked and read from the counters and the access log."""
import json
import os
import signal
import socket
import threading

import pytest

from sluice_testing import manifests, servers
from sluice_testing.http1 import HttpConnection, read_all
from sluice_testing.mesh import SCALE
from sluice_testing.wait import wait_until

ODD_PORT = 8087  # Of pod a; what listens there differs by test.
ODD_HTTP, ODD_TCP, ONLY_V6 = "10.97.3.1", "10.97.3.2", "10.97.3.3"


@pytest.fixture(scope="module")
def four(network):
    """A client that its manifest gives an IPv4 address only."""
    return network.pod("four")


@pytest.fixture(scope="module")
def six(network):
    """A server that has an IPv6 address only."""
    pod = network.pod("six")
    servers.behaviour(pod)
    return pod


def with_one_address(pod, app, address):
    manifest = manifests.pod(pod, app)
    manifest["status"].update(podIP=address, podIPs=[{"ip": address}])
    return manifest


@pytest.fixture
def odd_town(town, four, six):
    if "odd.yaml" not in os.listdir(town.mesh.manifests_dir):
        version = town.mesh.status()["config"]["version"]
        town.mesh.apply("odd.yaml", [
            with_one_address(four, "four", four.v4), with_one_address(six, "six", six.v6),
            manifests.service("odd-http", "a", [manifests.port(80, "http", ODD_PORT)], (ODD_HTTP,)),
            manifests.service("odd-tcp", "a", [manifests.port(80, "tcp", ODD_PORT)], (ODD_TCP,)),
            manifests.service("only-v6", "six", [manifests.port(80, "http", servers.HTTP_PORT)], (ONLY_V6,))])
        town.mesh.wait_version_after(version)
        wait_until(lambda: all(town.mesh.pod(name)["captured"] for name in ("four", "six")), "both are captured")
    return town


def answered(town, reason):
    return town.mesh.status()["counters"].get(f"sluice_http_local_answers_total{{reason={reason}}}", 0)


def closed(town, reason):
    return town.mesh.status()["counters"].get(f"sluice_connections_closed_total{{reason={reason}}}", 0)


def ends_without_a_byte(sock):
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connection_to_the_mesh_own_listener_has_no_original_destination(town):
    before = closed(town, "no_original_destination")

    try:
        with town.client.connect("127.0.0.1", 15001) as sock:
            assert sock.recv(1) == b""
    except ConnectionResetError:
        pass

    wait_until(lambda: closed(town, "no_original_destination") == before + 1, "it is counted")


def test_server_that_closes_before_its_answer_gives_502(odd_town):
    before = answered(odd_town, "server_closed")

    def serve(listener):
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(65536)

    with odd_town.a.listen(port=ODD_PORT) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with HttpConnection(odd_town.client.connect(ODD_HTTP, 80)) as connection:
            # Not idempotent: nothing but the one attempt.
            assert connection.exchange("POST", "/", body=b"x").status == 502
        thread.join()

    wait_until(lambda: answered(odd_town, "server_closed") == before + 1, "it is counted")
    lines = [json.loads(line) for line in open(odd_town.mesh.access_log_path, encoding="utf-8") if line.endswith("\n")]
    assert [line["status"] for line in lines if line["reason"] == "server_closed"][-1:] == [502]


def test_client_without_an_address_of_the_servers_family_gets_503(odd_town, four):
    before = answered(odd_town, "no_source_address")

    with HttpConnection(four.connect(ONLY_V6, 80)) as connection:
        assert connection.get("/echo").status == 503
    with HttpConnection(odd_town.client.connect(ONLY_V6, 80)) as connection:
        assert connection.get("/echo").json()["peer"][0] == odd_town.client.v6  # A client with both has no trouble.

    wait_until(lambda: answered(odd_town, "no_source_address") == before + 1, "it is counted")


def test_server_whose_backlog_is_full_times_out(odd_town):
    """The kernel drops its SYNs, so nobody says no."""
    before = closed(odd_town, "connect_timeout")
    with odd_town.a.listen(port=ODD_PORT, backlog=0), odd_town.client.connect(ODD_TCP, 80) as first:
        wait_until(lambda: odd_town.mesh.connections("tcp")["active"] >= 1, "the first fills the backlog")
        with odd_town.client.connect(ODD_TCP, 80, timeout=15 * SCALE) as second:
            assert ends_without_a_byte(second)
        first.sendall(b"still there")

    wait_until(lambda: closed(odd_town, "connect_timeout") > before, "it is counted")


def test_client_that_sends_on_after_its_last_answer_is_cut(town, http):
    before = closed(town, "discard_limit")
    connection = http()
    connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(1024):
            connection.send(b"x" * 65536)

    wait_until(lambda: closed(town, "discard_limit") == before + 1, "it is counted")


def test_dials_that_the_agent_makes_no_sockets_for_are_refused(town):
    """More than its stock, while the agent stands still; then all is well again."""
    before = closed(town, "no_dial_socket")
    agent = town.mesh.pids()["sluice-agent"]
    socks = []
    for _ in range(10):
        assert server_of(town.client2.connect("10.97.0.2", 9000)) == "b"  # So there is a stock.
    os.kill(agent, signal.SIGSTOP)
    try:
        socks = [town.client2.connect("10.97.0.2", 9000, timeout=15 * SCALE) for _ in range(400)]
        ends = [server_of(sock) for sock in socks]
    finally:
        os.kill(agent, signal.SIGCONT)
        for sock in socks:
            sock.close()

    assert set(ends) == {"b", None}
    wait_until(lambda: closed(town, "no_dial_socket") - before == ends.count(None), "each is counted")
    assert server_of(town.client2.connect("10.97.0.2", 9000)) == "b"


def server_of(sock):
    """Who answers; None if the connection ends instead."""
    with sock:
        try:
            sock.sendall(b"PEER\n")
            return json.loads(read_all(sock) or b"{}").get("server")
        except (ConnectionResetError, BrokenPipeError):
            return None


def test_no_dial_waits_for_a_socket_under_steady_load(town):
    """Connections that stay, and short ones at a pace that the agent keeps up with."""
    def load(count):
        for _ in range(count):
            with HttpConnection(town.client.connect(town.http4, 80)) as short:
                assert short.get("/echo", headers=["Connection: close"]).status == 200
        for connection in kept:
            assert connection.get("/echo").status == 200

    kept = [HttpConnection(town.client.connect(town.http4, 80)) for _ in range(8)]
    load(100)  # The first dials of a pod wait.
    before = town.mesh.counter("sluice_dial_socket_waits_total")

    for _ in range(5):
        load(60)

    for connection in kept:
        connection.sock.close()
    assert town.mesh.counter("sluice_dial_socket_waits_total") == before
