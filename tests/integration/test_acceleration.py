"""Who is on the kernel path and who decides it, and the programs that must not be on it (docs/operations.md, Kernel path)."""
import socket
import struct

import pytest

from sluice_testing import servers
from sluice_testing.http1 import read_all
from sluice_testing.mesh import SCALE
from sluice_testing.process import Process, wait_listening
from sluice_testing.stream import Digest, pattern_digest

MIB = 1024 * 1024
RELAY_PORT, GO_HTTP_PORT = 7001, 8071


def redirected(town):
    return town.mesh.counter("sluice_kernel_events_total{event=splice_redirected}")


def echo_once(tcp):
    sock = tcp("ECHO")
    sock.sendall(b"x")
    assert sock.recv(1) == b"x"


def skip_unless_full_is_possible(town):
    if town.mesh.status()["acceleration"]["kernel_allows"] != "full":
        pytest.skip("this kernel does not reach full")


def expect_failure_at_full(town, request, reason):
    """Strict: a kernel, or a Sluice, that cures the hazard fails the test, so that it is noticed."""
    if town.mesh.level() == "full":
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


@pytest.mark.parametrize("value", ["off", "full"])
def test_annotation_decides_whatever_the_flag_says(town, tcp, wish, value):
    skip_unless_full_is_possible(town)
    wish(client=value, a=value)
    before = redirected(town)

    echo_once(tcp)

    assert (redirected(town) > before) == (value == "full")
    for name in ("client", "a"):
        told = town.mesh.pod(name)["acceleration"]
        assert (told["requested"], told["requested_by"], told["level"]) == (value, "annotation", value)


def test_annotation_of_one_pod_leaves_the_others_with_the_flag(town, wish):
    wish(a="off")

    told = town.mesh.pod("b")["acceleration"]

    assert (told["requested"], told["requested_by"]) == (town.mesh.acceleration, "flag")


def test_annotation_changes_while_a_connection_lives(town, tcp, wish):
    sock = tcp("ECHO")
    for value in ("full", "off", "full"):
        wish(client=value, a=value)
        sock.sendall(value.encode())

        assert sock.recv(100) == value.encode()
    assert town.mesh.pod("a")["captured"]


def test_bad_annotation_means_off_and_is_told(town, tcp, wish):
    wish(a="fast")
    problems = town.mesh.status()["problems"]

    echo_once(tcp)

    assert town.mesh.pod("a")["acceleration"]["level"] == "off"
    assert [(problem["field"], problem["reason"]) for problem in problems] == [
        ("metadata.annotations[sluice.dev/acceleration]", '"fast" is neither "off" nor "full"; off is used')]


def test_wait_for_all_bytes(town, tcp, request):
    expect_failure_at_full(town, request, "recv(MSG_WAITALL) of redirected bytes returns what is there")
    sock = tcp(f"SOURCE {8 * MIB}")
    block_for_seconds(sock, 10)

    assert len(sock.recv(8 * MIB, socket.MSG_WAITALL)) == 8 * MIB


def block_for_seconds(sock, seconds):
    """Blocking calls of the kernel; Python's own timeout would poll instead."""
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds * SCALE), 0))


@pytest.fixture
def go_server(town, tmp_path):
    """In pod b: net/http, and a relay to pod a that is io.Copy both ways between two connections."""
    if not servers.has_go():
        pytest.skip("go is not installed")
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_bytes(bytes(number * 7 >> 3 & 255 for number in range(MIB)))
    with Process([servers.go_program("goserver"), "-http", f":{GO_HTTP_PORT}", "-file", str(tmp_path / "file"), "-relay",
                  f":{RELAY_PORT}", "-relay-to", f"{town.a.v4}:{servers.TCP_PORT}"], town.b, name="goserver") as process:
        wait_listening(town.b, GO_HTTP_PORT, process)
        wait_listening(town.b, RELAY_PORT, process)
        yield town.b
    town.b.processes.remove(process)


def relay_bytes(town, tcp):
    """Both ways through the relay: a question that waits for its answer, then bulk."""
    sock = tcp("ECHO", town.b.v4, RELAY_PORT, timeout=5 * SCALE)
    for number in range(20):
        message = b"%08d" % number
        sock.sendall(message)
        assert sock.recv(100) == message
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == b""
    bulk, seen = tcp(f"SOURCE {64 * MIB}", town.b.v4, RELAY_PORT, timeout=5 * SCALE), Digest()
    while data := bulk.recv(MIB):
        seen.update(data)
    assert (seen.size, seen.hex()) == (64 * MIB, pattern_digest(64 * MIB))


def test_go_relay(town, tcp, go_server, request):
    expect_failure_at_full(town, request, "splice() of redirected bytes says EAGAIN with data waiting")
    relay_bytes(town, tcp)


def test_go_relay_in_a_pod_that_opts_out(town, tcp, go_server, wish):
    wish(b="off")

    relay_bytes(town, tcp)


def test_go_http_in_a_pod_that_opts_out(town, go_server, wish):
    wish(b="off")

    output = town.client.exec(servers.go_program("goclient"), f"http://{town.b.v4}:{GO_HTTP_PORT}", str(MIB), check=False,
                              timeout=60 * SCALE)

    assert output == "ok\n"
