"""HTTP/1.1 through the proxy: what reaches the server and what comes back, byte by byte."""
import socket

import pytest

from sluice_testing import servers
from sluice_testing.http1 import EndOfStream
from sluice_testing.stream import Digest, pattern, pattern_digest
from sluice_testing.wait import wait_until


def test_keep_alive_serves_many_requests_on_one_connection(town, http):
    connection = http()

    for number in range(200):
        assert connection.get(f"/echo?{number}").json()["target"] == f"/echo?{number}"


def test_upstream_connection_is_reused_for_the_same_client(town, http):
    connection = http()

    ports = {connection.get("/echo").json()["peer"][1] for _ in range(20)}

    assert len(ports) == 1, "one client that waits for each answer needs one upstream connection"


def test_pipelined_requests_are_answered_in_order(town, http):
    connection = http()
    count = 50

    connection.send(b"".join(b"GET /echo?%d HTTP/1.1\r\nHost: test\r\n\r\n" % number for number in range(count)))

    assert [connection.response().json()["target"] for _ in range(count)] == [f"/echo?{n}" for n in range(count)]


def test_every_request_before_a_half_close_is_answered(town, http):
    connection = http()
    connection.send(b"".join(b"GET /echo?n=%d HTTP/1.1\r\nHost: t\r\n\r\n" % number for number in range(50)))
    connection.sock.shutdown(socket.SHUT_WR)

    assert [connection.response().json()["target"] for _ in range(50)] == [f"/echo?n={number}" for number in range(50)]


@pytest.mark.parametrize("port", [15001, 15006])
def test_the_meshs_own_ports_are_refused(town, http, port):
    # The reset may come as early as connect() returns.
    with pytest.raises(ConnectionError), town.client2.connect(town.a.v4, port, timeout=5) as sock:
        sock.sendall(b"x")
        sock.recv(1)

    assert http().get("/echo").status == 200


def test_pipelined_requests_with_bodies_are_kept_apart(town, http):
    connection = http()

    connection.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n%03d" % number
                             for number in range(20)))

    assert [connection.response().json()["body"] for _ in range(20)] == [f"{n:03d}" for n in range(20)]


def test_request_in_single_bytes(town, http):
    connection = http()

    for byte in b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
        connection.send(bytes([byte]))

    assert connection.response().json()["body"] == "abc"


def test_chunked_request_with_trailers_reaches_the_server(town, http):
    connection = http()

    connection.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                    b"5\r\nhello\r\n6;note=x\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n")

    seen = connection.response().json()
    assert seen["body"] == "hello world"
    assert [line.lower() for line in seen["trailers"]] == ["x-sum: 11"]


def test_chunked_response_with_trailers_reaches_the_client(town, http):
    answer = http().get("/chunked?n=100000&chunk=777")

    digest = Digest()
    digest.update(answer.body)
    assert digest.hex() == pattern_digest(100000)
    assert answer.trailers == [f"X-Sum: {pattern_digest(100000)}"]


def test_connection_goes_on_after_a_chunked_response(town, http):
    connection = http()
    connection.get("/chunked?n=5000")

    assert connection.get("/echo").status == 200


def test_response_until_close_is_whole(town, http):
    answer = http().get("/until-close?n=300000")

    digest = Digest()
    digest.update(answer.body)
    assert digest.hex() == pattern_digest(300000)


@pytest.mark.parametrize("target", ["/bytes?n=0", "/bytes?n=1", "/bytes?n=65536", "/bytes?n=10000000"])
def test_response_with_length_is_whole(town, http, target):
    size = int(target.split("=")[1])

    digest = Digest()
    digest.update(http().get(target).body)

    assert digest.hex() == pattern_digest(size)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_large_upload_is_whole(town, http, is_chunked):
    size, connection = 20_000_000, http()
    framing = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % size
    connection.send(b"POST /digest HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n" % framing)
    for block in pattern(size):
        connection.send(b"%x\r\n%s\r\n" % (len(block), block) if is_chunked else block)
    if is_chunked:
        connection.send(b"0\r\n\r\n")

    assert connection.response().json()["sha256"] == pattern_digest(size)


def test_head_has_the_length_and_no_body(town, http):
    connection = http()

    answer = connection.exchange("HEAD", "/echo")

    assert answer.status == 200 and int(answer.header("content-length")) > 0
    assert connection.get("/echo").status == 200, "the next answer starts where the head ended"


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_a_body(town, http, status):
    connection = http()

    answer = connection.get(f"/status/{status}")

    assert answer.status == status
    assert connection.get("/echo").status == 200
    if status == 304:
        assert answer.header("content-length") == "1234"


def test_expect_continue_is_asked_of_the_server(town, http):
    connection = http()
    connection.send(b"POST /continue HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")

    interim = connection._head()
    connection.send(b"body")

    assert interim.status == 100
    assert connection.response().json()["body"] == "body"


def test_expect_continue_refused_by_the_server(town, http):
    connection = http()
    connection.send(b"POST /refuse-continue HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")

    assert connection.response().status == 417


def test_early_hints_come_before_the_answer(town, http):
    answer = http().get("/hints")

    assert [hint.status for hint in answer.interim] == [103]
    assert answer.body == b"after hints"


def test_answer_before_the_body_was_read(town, http):
    connection = http()

    answer = connection.exchange("POST", "/early", body=b"x" * 10000)

    assert answer.body == b"early"


def test_half_closed_client_still_gets_its_answer(town, http):
    connection = http()
    connection.request("GET", "/slow?ms=200")
    connection.half_close()

    assert connection.response().body == b"slow"
    assert connection.at_end()


def test_connection_close_is_honoured(town, http):
    connection = http()

    answer = connection.get("/echo", headers=["Connection: close"])

    assert answer.status == 200
    assert connection.at_end()


def test_http_1_0_client_gets_a_closed_connection(town, http):
    connection = http()
    connection.send(b"GET /echo HTTP/1.0\r\nHost: test\r\n\r\n")

    assert connection.response().status == 200
    assert connection.at_end()


def test_http_1_0_client_with_keep_alive_goes_on(town, http):
    connection = http()
    for _ in range(2):
        connection.send(b"GET /bytes?n=5 HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n")
        answer = connection.response()
        assert answer.status == 200 and answer.header("connection").lower() == "keep-alive"


def test_hop_by_hop_fields_stay_on_their_hop(town, http):
    seen = http().get("/echo", headers=["Connection: x-private", "X-Private: 1", "Keep-Alive: timeout=5",
                                        "Proxy-Connection: keep-alive", "X-Kept: 1"]).json()

    names = {name.lower() for name, _ in seen["headers"]}
    assert "x-kept" in names
    assert not names & {"x-private", "keep-alive", "proxy-connection"}


def test_headers_reach_the_server_unchanged(town, http):
    fields = ["X-One: 1", "x-TWO:   spaced  ", "X-One: again", "Cookie: a=b; c=d", "X-Empty:", "X-Bytes: \xe9\xff"]

    seen = http().get("/echo", headers=fields).json()

    kept = [tuple(field) for field in seen["headers"] if field[0] != "Host"]
    assert kept == [("X-One", "1"), ("x-TWO", "spaced"), ("X-One", "again"), ("Cookie", "a=b; c=d"), ("X-Empty", ""),
                    ("X-Bytes", "\xe9\xff")]


def test_absolute_form_becomes_origin_form(town, http):
    connection = http()
    connection.send(b"GET http://test/echo?x HTTP/1.1\r\nHost: test\r\n\r\n")

    assert connection.response().json()["target"] == "/echo?x"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_methods_pass(town, http, method):
    assert http().exchange(method, "/echo").json()["method"] == method


def test_upgrade_that_the_server_ignores_is_a_request_like_any_other(town, http):
    answer = http().get("/echo", headers=["Connection: Upgrade", "Upgrade: websocket"])

    assert answer.status == 200
    assert ["upgrade", "websocket"] in answer.json()["headers"]


def test_offer_of_h2c_is_declined_by_not_answering_it(town, http):
    """Java's client and `curl --http2` offer it with every first request and go on without."""
    answer = http().get("/echo", headers=["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAA"])

    assert answer.status == 200
    assert not {"upgrade", "http2-settings"} & {name.lower() for name, _ in answer.json()["headers"]}


def test_server_that_answers_connect_like_any_request_gets_no_tunnel(town, http):
    connection = http()
    connection.send(b"CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\nGET /past-the-route HTTP/1.1\r\nHost: t\r\n\r\n")

    answer = connection.response()
    assert answer.status == 502
    assert b"CONNECT" in answer.body


HOSTILE = {
    "both lengths": (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
    "signed length": (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +4\r\n\r\nabcd", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: t\n\n", 400),
    "folded field": (b"GET / HTTP/1.1\r\nHost: t\r\nX: 1\r\n 2\r\n\r\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\nHost: t\r\nX : 1\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", 400),
    "bad chunk size": (b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
    "unknown coding": (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", None),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "head too large": (b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    "target too large": (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
    "too many fields": (b"GET / HTTP/1.1\r\nHost: t\r\n" + b"X: 1\r\n" * 101 + b"\r\n", 431),
    "path above the root": (b"GET /../../etc HTTP/1.1\r\nHost: t\r\n\r\n", 400),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_request_is_refused_and_the_connection_closed(town, http, name):
    data, status = HOSTILE[name]
    connection = http()
    connection.send(data)

    answer = connection.response()

    assert 400 <= answer.status <= 505 and status in (None, answer.status), answer
    assert connection.at_end()


@pytest.mark.parametrize("kind", ["bare_lf", "both_lengths", "two_lengths", "garbage", "huge_head", "folded", "nothing"])
def test_hostile_response_becomes_502(town, http, kind):
    answer = http().get(f"/raw?kind={kind}")

    assert answer.status in (502, 503), answer


@pytest.mark.parametrize("target", ["/truncated", "/reset", "/raw?kind=bad_chunk"])
def test_response_cut_short_is_seen_by_the_client(town, http, target):
    """Once the head has gone, only a connection cut before the promised end can tell."""
    connection = http()
    connection.request("GET", target)

    with pytest.raises((EndOfStream, ConnectionError, ValueError)):
        connection.response()


def test_server_that_closes_after_each_answer_loses_no_idempotent_request(town, http):
    connection = http()

    assert [connection.get("/close-after").body for _ in range(50)] == [b"bye"] * 50


def test_service_without_endpoints_answers_503(town, http):
    from sluice_testing import manifests
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("empty.yaml", [manifests.service("empty", "nobody", [manifests.port(80, "http")], ("10.97.0.50",))])
    town.mesh.wait_version_after(version)

    answer = http("10.97.0.50").get("/")

    assert answer.status == 503 and answer.body
    town.mesh.delete("empty.yaml")


def test_two_clients_never_share_an_upstream_connection(town, http):
    first, second = http(), http(pod=town.client2)

    for _ in range(10):
        assert first.get("/echo").json()["peer"][0] == town.client.v4
        assert second.get("/echo").json()["peer"][0] == town.client2.v4


def test_client_that_goes_away_midway_frees_the_upstream(town, http):
    connection = http()
    connection.request("GET", "/never")
    connection.reset()

    wait_until(lambda: town.mesh.connections("http")["active"] == 0, "no HTTP connection is active")
    assert http().get("/echo").status == 200


def test_http_service_on_pod_port_keeps_the_host_header(town, http):
    seen = http(town.a.v4, servers.HTTP_PORT).get("/echo", host="example.org:8080").json()

    assert ["Host", "example.org:8080"] in seen["headers"]
