"""HTTP/2 in clear text: programs of other makers as clients and servers, and HTTP/1.1 on either side."""
import base64
import collections
import hashlib
import os
import re
import socket
import threading
import types

import pytest

from sluice_testing import manifests, peers, servers
from sluice_testing.mesh import SCALE

try:
    import h2.connection
    import h2.events
    import h2.settings
except ImportError:
    h2 = None

H2_PORT, H1_PORT = 8071, 8090
VIP = "10.97.5.{}"
BIG = 3_000_000


@pytest.fixture(scope="module")
def h2_servers(pods):
    for pod in (pods.a, pods.b):
        peers.serve(pod, "h2go", H2_PORT)
    servers.nginx(pods.a, H1_PORT)
    return pods


@pytest.fixture(scope="module")
def web(town, h2_servers):
    """Addresses of Services: h2, net/http in a and in b; nginx, HTTP/1.1; echo, the behaviour server, HTTP/1.1."""
    said = types.SimpleNamespace(client=town.client, town=town, h2=VIP.format(1), nginx=VIP.format(2), echo=town.http4)
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("h2.yaml", [
        manifests.service("h2", None, [manifests.port(80, "h2", H2_PORT, "kubernetes.io/h2c")], (said.h2,)),
        manifests.endpoint_slice("h2", [town.a, town.b], "h2", H2_PORT),
        manifests.service("h2-nginx", "a", [manifests.port(80, "http", H1_PORT)], (said.nginx,))])
    town.mesh.wait_version_after(version)
    return said


def curl(web, *argv, version="--http2-prior-knowledge"):
    return web.client.exec("curl", "-sS", version, "--max-time", "30", *argv)


@pytest.fixture
def upload(tmp_path):
    """A file, and what /digest of net/http says of it."""
    data = os.urandom(BIG)
    path = tmp_path / "upload"
    path.write_bytes(data)
    return types.SimpleNamespace(path=path, digest=f"{BIG} {hashlib.sha256(data).hexdigest()}")


# HTTP/2 on both sides.


def test_net_http(web):
    assert web.client.exec(*peers.program("h2go"), "check", f"http://{web.h2}", check=False, timeout=120) == "ok\n"


def test_curl(web, upload):
    assert curl(web, f"http://{web.h2}/name", "-w", "%{http_version}").split("\n")[1] == "2"
    assert len(curl(web, f"http://{web.h2}/size/{BIG}")) == BIG
    assert curl(web, "--data-binary", f"@{upload.path}", f"http://{web.h2}/digest") == upload.digest


def test_each_request_of_a_connection_is_balanced(web):
    output = web.client.exec("nghttp", "-m", "100", f"http://{web.h2}/name")

    counts = collections.Counter(output.split())
    assert counts["a"] + counts["b"] == 100 and min(counts["a"], counts["b"]) > 20, counts


def test_nghttp_with_many_streams_and_small_windows(web):
    output = web.client.exec("nghttp", "-v", "-n", "-w", "14", "-W", "14", "-m", "20", f"http://{web.h2}/size/200000")

    assert output.count(":status: 200") == 20


# One side each.


def test_http2_client_and_http1_server(web, upload):
    assert curl(web, f"http://{web.nginx}/name", "-w", "%{http_version}") == "a\n2"
    assert len(curl(web, f"http://{web.nginx}/1m")) == 1 << 20
    assert curl(web, "-I", f"http://{web.nginx}/1k").lower().count("content-length: 1024") == 1
    assert f'"size": {BIG}' in curl(web, "-T", str(upload.path), f"http://{web.echo}/digest")


def test_http2_client_of_an_http1_server_sends_without_a_length(web, upload):
    with open(upload.path, "rb") as file:
        output = web.client.exec("curl", "-sS", "--http2-prior-knowledge", "--max-time", "30", "-T", "-",
                                 f"http://{web.echo}/digest", stdin=file)

    assert f'"size": {BIG}' in output


def test_http1_client_and_http2_server(web, upload):
    assert re.fullmatch(r"[ab] HTTP/2.0\n1.1", curl(web, f"http://{web.h2}/name", "-w", "%{http_version}",
                                                    version="--http1.1"))
    assert len(curl(web, f"http://{web.h2}/size/{BIG}", version="--http1.1")) == BIG
    for framing in ((), ("-H", "Transfer-Encoding: chunked")):
        assert curl(web, *framing, "--data-binary", f"@{upload.path}", f"http://{web.h2}/digest",
                    version="--http1.1") == upload.digest


def test_trailers_reach_an_http1_client(web):
    output = curl(web, "-i", "--raw", "-H", "TE: trailers", f"http://{web.h2}/trailers", version="--http1.1")

    assert output.lower().endswith("\n0\nx-sum: behind\n\n"), output


def test_what_a_route_adds_fits_into_a_head_of_the_most_fields(web):
    mesh = web.town.mesh
    added = {"set": [{"name": f"x-set-{i}", "value": "1"} for i in range(16)],
             "add": [{"name": f"x-add-{i}", "value": "1"} for i in range(16)]}
    rule = {"filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": added},
                        {"type": "ResponseHeaderModifier", "responseHeaderModifier": added}],
            "backendRefs": [manifests.backend("h2", 80)]}
    version = mesh.status()["config"]["version"]
    mesh.apply("fields.yaml", [manifests.route("fields", "h2", [rule])])
    mesh.wait_version_after(version)
    try:
        fields = [part for i in range(95) for part in ("-H", f"x-{i}: 1")]
        assert re.fullmatch(r"[ab] HTTP/2.0\n", curl(web, *fields, f"http://{web.h2}/name", version="--http1.1"))
        assert re.fullmatch(r"[ab] HTTP/2.0\n", curl(web, *fields[:160], f"http://{web.h2}/name"))
    finally:
        version = mesh.status()["config"]["version"]
        mesh.delete("fields.yaml")
        mesh.wait_version_after(version)


# Server-sent events and long polling: what the server says passes at once, whatever HTTP each side speaks.


@pytest.fixture(scope="module")
def news(town, h2_servers):
    """URLs of one server of both versions, by the one that its Service declares."""
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("news.yaml", [
        manifests.service("news1", "a", [manifests.port(80, "http", H2_PORT)], (VIP.format(4),)),
        manifests.service("news2", "a", [manifests.port(80, "h2", H2_PORT, "kubernetes.io/h2c")], (VIP.format(5),))])
    town.mesh.wait_version_after(version)
    return {1: f"http://{VIP.format(4)}", 2: f"http://{VIP.format(5)}"}


@pytest.mark.parametrize("server,said", [(1, "HTTP/1.1"), (2, "HTTP/2.0")])
@pytest.mark.parametrize("client", [1, 2])
def test_news_pass_at_once(town, news, client, server, said):
    argv = [*peers.program("h2go"), "news", news[server], str(client)]

    assert town.client.exec(*argv, check=False, timeout=60 * SCALE) == f"ok {said}\n"


# WebSocket. What is behind the handshake is bytes to the mesh, so the server below gives them back as they are.


class Upgraded:
    """An HTTP/1.1 server in pod a that takes an upgrade to WebSocket and then echoes."""

    PORT = 8072

    def __init__(self, pod):
        self.listener = pod.listen(port=self.PORT)
        self.heads = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(sock,), daemon=True).start()

    def _echo(self, sock):
        with sock, sock.makefile("rb") as reader:
            head = b"".join(iter(reader.readline, b"\r\n")).decode()
            self.heads.append(head)
            key = re.search(r"(?i)sec-websocket-key: (\S+)", head)[1]
            digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
            for data in iter(lambda: reader.read1(65536), b""):
                sock.sendall(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


@pytest.fixture(scope="module")
def sockets(town):
    server = Upgraded(town.a)
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("ws.yaml", [manifests.service("ws", "a", [manifests.port(80, "http", server.PORT)], (VIP.format(3),))])
    town.mesh.wait_version_after(version)
    yield types.SimpleNamespace(address=VIP.format(3), server=server, client=town.client)
    server.close()


def test_websocket_over_http1(sockets):
    with sockets.client.connect(sockets.address, 80) as sock, sock.makefile("rb") as reader:
        sock.sendall(b"GET /chat HTTP/1.1\r\nHost: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        head = b"".join(iter(reader.readline, b"\r\n")).decode().lower()
        assert head.startswith("http/1.1 101") and "s3pplmbitxaq9kygzzhzrbk+xoo=" in head, head
        for size in (1, 1000, 100_000):
            sock.sendall(b"w" * size)
            assert reader.read(size) == b"w" * size


class H2Client:
    """One connection by the h2 library, read one event at a time."""

    def __init__(self, sock):
        self.sock = sock
        self.connection = h2.connection.H2Connection()
        self.events = []
        self.connection.initiate_connection()
        self.flush()

    def flush(self):
        self.sock.sendall(self.connection.data_to_send())

    def wait(self, kind):
        while True:
            while self.events:
                event = self.events.pop(0)
                assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
                if isinstance(event, kind):
                    return event
            data = self.sock.recv(65536)
            assert data, "the connection was closed"
            self.events += self.connection.receive_data(data)
            self.flush()


def test_websocket_over_http2(sockets):
    if h2 is None:
        assert not peers.CI, "python3-h2 is missing: run ./dev setup"
        pytest.skip("python3-h2 is missing: run ./dev setup")
    codes = h2.settings.SettingCodes
    with sockets.client.connect(sockets.address, 80) as sock:
        client = H2Client(sock)
        settings = client.wait(h2.events.RemoteSettingsChanged).changed_settings
        assert settings[codes.ENABLE_CONNECT_PROTOCOL].new_value == 1
        stream = client.connection.get_next_available_stream_id()
        client.connection.send_headers(stream, [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"),
            (":authority", "ws"), ("sec-websocket-version", "13")])
        client.flush()
        head = dict(client.wait(h2.events.ResponseReceived).headers)
        assert head[b":status"] == b"200" and b"sec-websocket-accept" not in head
        for size in (1, 1000, 16384):
            client.connection.send_data(stream, b"w" * size)
            client.flush()
            heard = b""
            while len(heard) < size:
                data = client.wait(h2.events.DataReceived)
                heard += data.data
                client.connection.acknowledge_received_data(data.flow_controlled_length, stream)
            assert heard == b"w" * size
    assert sockets.server.heads[-1].startswith("GET /chat HTTP/1.1"), sockets.server.heads


# Load.


@pytest.mark.parametrize("server,path", [("h2", "/size/1024"), ("nginx", "/1k")])
def test_h2load_loses_nothing(web, server, path):
    count = 8000
    output = web.client.exec("h2load", "-n", str(count), "-c", "4", "-m", "16", f"http://{getattr(web, server)}{path}",
                             timeout=60 * SCALE)

    assert f"{count} succeeded, 0 failed, 0 errored" in output, output
