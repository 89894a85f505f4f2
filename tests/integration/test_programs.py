"""Programs that people really run, in enrolled pods, with no setting of theirs changed."""
import os

import pytest

from sluice_testing import manifests, servers
from sluice_testing.mesh import SCALE
from sluice_testing.process import Process
from sluice_testing.wait import wait_until

SIZE = 5_000_000
WEB, FILES, REDIS, IPERF, GO, RELAY = ("10.97.2.%d" % number for number in range(1, 7))
WEB6 = "fd97:2::1"


def go_programs():
    if servers.has_go():
        return servers.go_program("goserver"), servers.go_program("goclient")
    if os.environ.get("CI"):
        pytest.fail("go is missing: run ./dev setup")
    pytest.skip("go is not installed")


@pytest.fixture(scope="module")
def shop(pods, tmp_path_factory):
    """Every server of this file in pod a."""
    folder = tmp_path_factory.mktemp("files")
    folder.chmod(0o755)
    (folder / "file").write_bytes(bytes(number * 7 >> 3 & 255 for number in range(SIZE)))
    servers.nginx(pods.a, 8090)
    servers.http_server(pods.a, str(folder), 8000)
    servers.redis(pods.a)
    servers.iperf3(pods.a)
    pods.files = folder
    return pods


@pytest.fixture
def open_shop(town, shop):
    def service(name, address, port, target, protocol, second=()):
        return manifests.service(name, "a", [manifests.port(port, protocol, target)], (address, *second))

    if "shop.yaml" not in os.listdir(town.mesh.manifests_dir):
        version = town.mesh.status()["config"]["version"]
        town.mesh.apply("shop.yaml", [
            service("shop-web", WEB, 80, 8090, "http", (WEB6,)), service("shop-files", FILES, 80, 8000, "http"),
            service("shop-redis", REDIS, 6379, 6379, "redis"), service("shop-iperf", IPERF, 5201, 5201, "tcp-iperf"),
            service("shop-go", GO, 80, 8070, "http"), service("shop-relay", RELAY, 7000, 7000, "tcp")])
        town.mesh.wait_version_after(version)
    return town


@pytest.mark.parametrize("address", [WEB, f"[{WEB6}]"])
def test_curl_and_nginx(open_shop, address):
    pod = open_shop.client

    assert pod.exec("curl", "-sS", "--max-time", "10", f"http://{address}/name") == "a\n"
    assert pod.exec("curl", "-sS", "--max-time", "10", f"http://{address}/peer").split()[0] in (pod.v4, pod.v6)
    assert len(pod.exec("curl", "-sS", "--max-time", "10", f"http://{address}/1m")) == 1 << 20


def test_curl_uploads_with_expect_continue(open_shop, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"u" * 3_000_000)

    code = open_shop.client.exec("curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                                 "Expect: 100-continue", "-T", str(upload), f"http://{open_shop.http4}/digest")

    assert code == "200"


def test_nginx_slow_response(open_shop):
    assert len(open_shop.client.exec("curl", "-sS", "--max-time", "20", f"http://{WEB}/slow")) == 65536


def test_nginx_as_a_client(open_shop):
    """An enrolled nginx that proxies to a service: FIONREAD and its own pool on the client's side."""
    folder = open_shop.files / "proxy"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    config = folder / "nginx.conf"
    config.write_text(f"""daemon off; pid {folder}/pid; error_log stderr; worker_rlimit_nofile 4096; events {{}}
http {{ access_log off; proxy_temp_path {folder}/p; client_body_temp_path {folder}/b; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
upstream web {{ server {WEB}:80; keepalive 8; }}
server {{ listen 8099; location / {{ proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}""")
    with Process(["nginx", "-p", str(folder), "-c", str(config)], open_shop.client) as nginx:
        from sluice_testing.process import wait_listening
        wait_listening(open_shop.client, 8099, nginx)
        for _ in range(5):
            assert len(open_shop.client.exec("curl", "-sS", "--max-time", "10", "http://127.0.0.1:8099/1m")) == 1 << 20
        assert nginx.stop() is not None
    open_shop.client.processes.remove(nginx)


def test_wrk(open_shop):
    output = open_shop.client.exec("wrk", "-t1", "-c32", "-d2s", f"http://{WEB}/1k")

    assert "Socket errors" not in output and "Non-2xx" not in output, output


def test_python_requests_and_http_server(open_shop):
    script = f"""
import requests
with requests.Session() as session:
    for _ in range(3):
        answer = session.get("http://{FILES}/file", timeout=20)
        assert answer.status_code == 200 and len(answer.content) == {SIZE}, answer
    answer = session.post("http://{open_shop.http4}/digest", data=iter([b"a" * 1000] * 100), timeout=20)
    assert answer.json()["size"] == 100000
    assert session.get("http://{FILES}/none", timeout=20).status_code == 404
"""
    open_shop.client.exec(servers.PYTHON, "-c", script)


def test_go_http_client_and_server(open_shop):
    server, client = go_programs()
    target = f"{open_shop.a.v4}:{servers.TCP_PORT}"
    with Process([server, "-http", ":8070", "-file", str(open_shop.files / "file")], open_shop.a, name="goserver") as process:
        from sluice_testing.process import wait_listening
        wait_listening(open_shop.a, 8070, process)
        output = open_shop.client.exec(client, f"http://{GO}", str(SIZE), check=False, timeout=60 * SCALE)
    open_shop.a.processes.remove(process)

    assert output == "ok\n", (output, target)


def test_redis(open_shop):
    def cli(*argv):
        return open_shop.client.exec("redis-cli", "-h", REDIS, *argv, timeout=30).strip()

    assert cli("ping") == "PONG"
    assert cli("set", "key", "v" * 100_000) == "OK"
    assert cli("get", "key") == "v" * 100_000


def test_redis_pipelines(open_shop):
    output = open_shop.client.exec("redis-benchmark", "-h", REDIS, "-n", "20000", "-c", "20", "-P", "16", "-q", "-t", "set,get",
                                   timeout=60 * SCALE)

    assert "GET" in output and "requests per second" in output


@pytest.mark.parametrize("reverse", [False, True], ids=["upload", "download"])
def test_iperf3(open_shop, reverse):
    # One test at a time at the server: it says "busy" until the former one has ended.
    rate = wait_until(lambda: _iperf3(open_shop, reverse), "iperf3 is free", 10)

    assert rate > 0.5 / SCALE


def _iperf3(town, reverse):
    try:
        return servers.iperf3_gbit_per_s(town.client, IPERF, reverse=reverse)
    except AssertionError as error:
        if "busy" in str(error):
            return None
        raise
