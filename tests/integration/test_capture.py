"""Applications notice nothing: every way to dial into the mesh, and what each end sees of the other."""
import contextlib
import json
import socket

import pytest

from sluice_testing import servers
from sluice_testing.http1 import HttpConnection, read_all
from sluice_testing.machine import network_programs, packet_rules
from sluice_testing.wait import wait_until

FAMILIES = ["v4", "v6"]


def vip(town, family):
    return town.http4 if family == "v4" else town.http6


def peer_seen(sock):
    return json.loads(read_all(sock))


@pytest.mark.smoke
@pytest.mark.parametrize("family", FAMILIES)
def test_http_service_address_reaches_its_pod(town, http, family):
    answer = http(vip(town, family)).get("/echo")

    assert answer.status == 200
    assert answer.json()["server"] == "a"


@pytest.mark.smoke
@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_service_address_reaches_its_pod(town, tcp, family):
    assert peer_seen(tcp("PEER", vip(town, family)))["server"] == "a"


@pytest.mark.smoke
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [80, 9000], ids=["http", "tcp"])
def test_server_sees_the_client_pods_address(town, http, tcp, family, port):
    if port == 80:
        seen = http(vip(town, family)).get("/echo").json()
    else:
        seen = peer_seen(tcp("PEER", vip(town, family)))

    assert seen["peer"][0] == getattr(town.client, family)
    assert seen["local"][0] == getattr(town.a, family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [80, 9000], ids=["http", "tcp"])
def test_client_sees_what_it_dialled(town, family, port):
    with town.client.connect(vip(town, family), port) as sock:
        peer, own = sock.getpeername(), sock.getsockname()

    assert (peer[0], peer[1]) == (vip(town, family), port)
    assert own[0] == getattr(town.client, family)


def test_v4_mapped_socket_is_captured_and_sees_mapped_addresses(town):
    with town.client.socket(socket.AF_INET6) as sock:
        sock.settimeout(10)
        sock.connect((f"::ffff:{town.http4}", 9000))
        sock.sendall(b"PEER\n")

        assert sock.getpeername()[0] == f"::ffff:{town.http4}"
        assert sock.getsockname()[0] == f"::ffff:{town.client.v4}"
        assert peer_seen(sock)["peer"][0] == town.client.v4


def test_connect_that_does_not_block_is_captured(town):
    with town.client.socket() as sock:
        sock.setblocking(False)
        assert sock.connect_ex((town.http4, 9000)) in (0, 115)  # EINPROGRESS
        wait_until(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 and _is_connected(sock), "connected")
        sock.setblocking(True)
        sock.sendall(b"PEER\n")

        assert peer_seen(sock)["server"] == "a"


def _is_connected(sock):
    try:
        sock.getpeername()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("family", FAMILIES)
def test_headless_service_is_http_by_pod_address(town, http, family):
    before = town.mesh.connections("http")["opened"]

    answer = http(getattr(town.a, family), servers.HTTP_PORT).get("/echo")

    assert answer.json()["peer"][0] == getattr(town.client, family)
    assert town.mesh.connections("http")["opened"] > before


@pytest.mark.parametrize("family", FAMILIES)
def test_pod_address_with_an_undeclared_port_is_relayed_as_tcp(town, family):
    before = town.mesh.connections("tcp")["opened"]
    with town.a.listen(getattr(town.a, family), 7777) as listener, \
            town.client.connect(getattr(town.a, family), 7777) as sock:
        listener.settimeout(10)
        accepted, peer = listener.accept()
        with accepted:
            sock.sendall(b"hello")

            assert accepted.recv(5) == b"hello"
            assert peer[0] == getattr(town.client, family)
    assert town.mesh.connections("tcp")["opened"] > before


@pytest.mark.parametrize("family", FAMILIES)
def test_named_target_port(town, http, family):
    address = {"v4": "10.97.0.7", "v6": "fd97::7"}[family]

    assert http(address, 8888).get("/echo").json()["local"][1] == servers.HTTP_PORT


def test_pod_dials_its_own_service(town, http):
    seen = http(pod=town.a).get("/echo").json()

    assert seen["server"] == "a"
    assert seen["peer"][0] == town.a.v4


def test_loopback_of_the_pod_is_left_alone(town):
    with town.a.connect("127.0.0.1", servers.TCP_PORT) as sock:
        sock.sendall(b"PEER\n")

        assert peer_seen(sock)["peer"][0] == "127.0.0.1"


@pytest.fixture(scope="module")
def outside_server(pods):
    yield servers.behaviour(pods.outside)


@pytest.mark.smoke
@pytest.mark.parametrize("family", FAMILIES)
def test_destination_outside_the_mesh_passes_untouched_and_is_counted(town, tcp, family, outside_server):
    before = town.mesh.connections("passed")["opened"]
    sock = tcp("PEER", getattr(town.outside, family), servers.TCP_PORT)
    source = sock.getsockname()

    seen = peer_seen(sock)

    assert seen["peer"] == [source[0], source[1]], "the very connection of the client reaches the server"
    wait_until(lambda: town.mesh.connections("passed")["opened"] > before, "the passed connection is counted")


@pytest.mark.smoke
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [servers.HTTP_PORT, servers.TCP_PORT], ids=["http", "tcp"])
def test_client_outside_is_captured_on_the_servers_side_and_keeps_its_address(town, family, port):
    before = town.mesh.connections("inbound_tcp")["opened"]
    with town.outside.connect(getattr(town.a, family), port) as sock:
        if port == servers.HTTP_PORT:
            seen = HttpConnection(sock).get("/echo").json()
        else:
            sock.sendall(b"PEER\n")
            seen = peer_seen(sock)

    assert seen["peer"][0] == getattr(town.outside, family)
    assert seen["local"] == [getattr(town.a, family), port]
    assert town.mesh.connections("inbound_tcp")["opened"] > before


def test_outside_client_to_a_closed_port_gets_no_data(town):
    """The capture listener takes the handshake; the connection must then end, not hang."""
    with pytest.raises(OSError):
        with town.outside.connect(town.a.v4, 7999, timeout=5) as sock:
            assert sock.recv(1) != b"", "closed in order although nothing listens there"


@pytest.mark.smoke
@pytest.mark.parametrize("family", FAMILIES)
def test_port_that_the_service_does_not_have_is_refused_and_counted(town, family):
    before = town.mesh.connections("denied")["opened"]

    with pytest.raises((ConnectionRefusedError, PermissionError)):
        town.client.connect(vip(town, family), 81).close()

    wait_until(lambda: town.mesh.connections("denied")["opened"] > before, "the denied connection is counted")


def test_connecting_to_a_closed_port_of_a_pod_fails(town):
    with pytest.raises(OSError):
        with town.client.connect(town.a.v4, 7998, timeout=5) as sock:
            assert sock.recv(1) != b""


def test_client_with_a_bound_source_address_and_port(town):
    with town.client.connect(town.http4, 9000, source=(town.client.v4, 0)) as sock:
        sock.sendall(b"PEER\n")

        assert sock.getsockname()[0] == town.client.v4
        assert peer_seen(sock)["peer"][0] == town.client.v4


def test_udp_is_left_alone(town):
    with town.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            town.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind((town.a.v4, 5353))
        server.settimeout(5)
        client.sendto(b"ping", (town.a.v4, 5353))

        assert server.recvfrom(10)[0] == b"ping"


def test_no_packet_filter_rules_are_made(town):
    """On no link of the node or of a pod, with each tool that would show one."""
    for pod in (None, town.client, town.client2, town.a, town.b, town.outside):
        where = pod.name if pod else "the node"
        assert not packet_rules(pod), where
        assert not network_programs(pod), where
        with pod.inside() if pod else contextlib.nullcontext():
            for table in ("ip_tables_names", "ip6_tables_names", "arp_tables_names"):
                try:
                    with open(f"/proc/thread-self/net/{table}", encoding="ascii") as file:
                        assert file.read() == "", (where, table)
                except FileNotFoundError:
                    continue  # The kernel has no such tables.
