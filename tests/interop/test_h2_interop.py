"""The HTTP/2 codec against curl, nghttp, h2load and nghttpd, as server and as client."""
import contextlib
import os
import re
import shutil
import socket
import subprocess

import pytest

CI = os.environ.get("CI", "") not in ("", "false", "0")
PEER = os.path.join(os.environ.get("SLUICE_BIN_DIR", ""), "h2_peer")
TIMEOUT_S = 60


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        assert not CI, f"{name} is missing: run ./dev setup"
        pytest.skip(f"{name} is missing: run ./dev setup")
    return found


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def port():
    if not os.path.exists(PEER):
        pytest.skip(f"{PEER} is not built: set SLUICE_BIN_DIR")
    with subprocess.Popen([PEER, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        yield int(peer.stdout.readline())
        assert peer.poll() is None, "the server ended before its time"
        peer.stdin.close()
        assert peer.wait(timeout=TIMEOUT_S) == 0


def curl(port, path, *options):
    return run(program("curl"), "-s", "--http2-prior-knowledge", "--max-time", "30", *options,
               f"http://127.0.0.1:{port}{path}")


def test_curl_downloads(port):
    assert curl(port, "/size/100", "-w", "%{http_code} %{http_version}") == "x" * 100 + "200 2"


def test_curl_downloads_much(port):
    assert curl(port, "/size/30000000", "-o", os.devnull, "-w", "%{size_download}") == "30000000"


def test_curl_uploads_and_hears_the_same(port, tmp_path):
    body = os.urandom(3_000_000)
    (tmp_path / "body").write_bytes(body)
    curl(port, "/echo", "--data-binary", f"@{tmp_path}/body", "-H", "Expect:", "-o", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == body


def test_curl_asks_for_the_head_alone(port):
    assert "content-length: 500" in curl(port, "/size/500", "-I")


def test_curl_sees_interim_answers(port):
    seen = curl(port, "/interim", "-i")
    assert "HTTP/2 103" in seen and "HTTP/2 204" in seen


def test_curl_sends_many_headers_and_cookies(port):
    headers = [part for i in range(60) for part in ("-H", f"X-{i}: {'v' * 200}")]
    assert curl(port, "/size/1", "-b", "a=1; b=2", *headers) == "x"


def test_nghttp_sees_trailers(port):
    assert "x-trailer: behind" in run(program("nghttp"), "-v", f"http://127.0.0.1:{port}/trailers")


def test_nghttp_sends_padding_and_small_windows(port):
    seen = run(program("nghttp"), "-v", "-n", "-b", "100", "-w", "14", "-W", "14", "-m", "20",
               f"http://127.0.0.1:{port}/size/200000")
    assert seen.count(":status: 200") == 20


def test_nghttp_cuts_heads_into_continuations(port):
    headers = [part for i in range(4) for part in ("-H", f"x-{i}: {os.urandom(3000).hex()}")]
    assert ":status: 200" in run(program("nghttp"), "-v", "-n", *headers, f"http://127.0.0.1:{port}/size/1")


@pytest.mark.parametrize("path,size", [("/size/0", 0), ("/size/1024", 1024), ("/size/100000", 100000)])
def test_h2load_loses_nothing(port, path, size):
    count = 20000 if size < 2000 else 2000
    seen = run(program("h2load"), "-n", str(count), "-c", "4", "-m", "16", f"http://127.0.0.1:{port}{path}")
    assert f"{count} succeeded, 0 failed, 0 errored" in seen
    assert f"({count * size}) data" in re.sub(r"\w+B \((\d+)\) data", r"(\1) data", seen) or size == 0


@contextlib.contextmanager
def nghttpd(tmp_path, *options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program("nghttpd"), "--no-tls", "-a", "127.0.0.1", "-d", str(tmp_path), *options, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while True:
            assert server.poll() is None
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        try:
            yield port
        finally:
            server.terminate()


def fetch(port, path, count, *size):
    lines = run(PEER, "fetch", str(port), path, str(count), *map(str, size)).split("\n")
    return [tuple(map(int, line.split())) for line in lines if line]


def test_nghttpd_serves_our_client(port, tmp_path):
    (tmp_path / "file").write_bytes(b"y" * 70_000)
    with nghttpd(tmp_path) as other:
        assert fetch(other, "/file", 500) == [(200, 70_000)] * 500
        assert [status for status, _ in fetch(other, "/none", 3)] == [404] * 3


def test_nghttpd_takes_our_uploads_with_little_windows(port, tmp_path):
    with nghttpd(tmp_path, "--echo-upload", "-w", "14", "-W", "14", "-b", "50") as other:
        assert fetch(other, "/", 8, 300_000) == [(200, 300_000)] * 8


def test_our_client_and_server_agree(port):
    assert fetch(port, "/echo", 300, 50_000) == [(200, 50_000)] * 300
