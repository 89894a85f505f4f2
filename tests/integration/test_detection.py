"""Ports that declare nothing: what the first bytes tell, servers that speak first, TLSRoute and TCPRoute. The programs are
real: Python's SMTP server and client, MariaDB, OpenSSH, Redis, nginx and OpenSSL."""
import collections
import json
import os
import shutil
import smtplib
import ssl
import subprocess
import tempfile

import pytest

from sluice_testing import manifests, peers, servers
from sluice_testing.http1 import HttpConnection, read_all
from sluice_testing.mesh import SCALE, Mesh
from sluice_testing.process import Process, wait_listening

VIP = "10.97.3.{}"
WEB, MAIL, MAIL_TCP, CACHE, EDGE, PASS, SPLIT, TLS_A, TLS_B, DB_A, DB_B = (VIP.format(n) for n in range(1, 12))
SQL, SQL_TCP, SHELL, SHELL_TCP = (VIP.format(n) for n in range(12, 16))
SMTP_PORT, TLS_PORT, REDIS_PORT, SQL_PORT, SSH_PORT = 2525, 8443, 6379, 3306, 22
NGINX_TLS = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr error; events {{ worker_connections 256; }}
http {{ access_log off; server {{ listen {port} ssl; ssl_certificate {folder}/cert; ssl_certificate_key {folder}/key;
  location / {{ return 200 "{name} $ssl_server_name\\n"; }} }} }}
"""


def tls_server(pod):
    folder = tempfile.mkdtemp(prefix="sluice-test-tls-")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-keyout", f"{folder}/key", "-out", f"{folder}/cert"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{folder}/nginx.conf", "w", encoding="ascii") as file:
        file.write(NGINX_TLS.format(folder=folder, port=TLS_PORT, name=pod.name))
    process = Process(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"], pod, name="nginx-tls")
    wait_listening(pod, TLS_PORT, process)
    shutil.rmtree(folder)  # It has read them.
    return process


def smtp_server(pod):
    process = Process([servers.PYTHON, "-W", "ignore", "-m", "smtpd", "-n", "-c", "DebuggingServer",
                       f"0.0.0.0:{SMTP_PORT}"], pod, name="smtpd")
    wait_listening(pod, SMTP_PORT, process)
    return process


def l4_route(kind, name, parent, port, backends, hostnames=None):
    spec = {"parentRefs": [{"group": "", "kind": "Service", "name": parent, "port": port}],
            "rules": [{"backendRefs": backends}]}
    if hostnames:
        spec["hostnames"] = hostnames
    version = "v1" if kind == "TLSRoute" else "v1alpha2"
    return {"apiVersion": f"gateway.networking.k8s.io/{version}", "kind": kind,
            "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def objects_of(pods):
    def service(name, app, vip, number, target, port_name=None):
        return manifests.service(name, app, [manifests.port(number, port_name, target)], [vip])

    web = service("web", "a", WEB, 80, servers.HTTP_PORT)
    web["spec"]["selector"] = {"all": "yes"}
    backend = manifests.backend
    return [
        manifests.pod(pods.client, "client"), manifests.pod(pods.a, "a", labels={"all": "yes"}),
        manifests.pod(pods.b, "b", labels={"all": "yes"}), web,
        service("mail", "a", MAIL, 25, SMTP_PORT), service("mail-tcp", "a", MAIL_TCP, 25, SMTP_PORT, "tcp-mail"),
        service("sql", "a", SQL, 3306, SQL_PORT), service("sql-tcp", "a", SQL_TCP, 3306, SQL_PORT, "tcp-sql"),
        service("shell", "a", SHELL, 22, SSH_PORT), service("shell-tcp", "a", SHELL_TCP, 22, SSH_PORT, "tcp-shell"),
        service("cache", "a", CACHE, 6379, REDIS_PORT), service("edge", "a", EDGE, 443, TLS_PORT),
        service("pass", "a", PASS, 443, TLS_PORT), service("tls-a", "a", TLS_A, 443, TLS_PORT, "tls"),
        service("tls-b", "b", TLS_B, 443, TLS_PORT, "tls"), service("split", "a", SPLIT, 9000, servers.TCP_PORT),
        service("db-a", "a", DB_A, 9000, servers.TCP_PORT, "tcp"), service("db-b", "b", DB_B, 9000, servers.TCP_PORT, "tcp"),
        l4_route("TLSRoute", "a", "edge", 443, [backend("tls-a", 443)], ["a.test"]),
        l4_route("TLSRoute", "b", "edge", 443, [backend("tls-b", 443)], ["*.b.test"]),
        l4_route("TCPRoute", "split", "split", 9000, [backend("db-a", 9000, 1), backend("db-b", 9000, 3)]),
    ]


@pytest.fixture(scope="module")
def undeclared(network):
    class Town:
        client, a, b = (network.pod(f"det-{name}") for name in ("client", "a", "b"))

    for pod in (Town.a, Town.b):
        servers.behaviour(pod)
        tls_server(pod)
    smtp_server(Town.a)
    servers.redis(Town.a, REDIS_PORT)
    mesh = Mesh(network, acceleration=os.environ.get("SLUICE_TEST_ACCELERATION", "full"), access_log="json")
    mesh.apply("town.yaml", objects_of(Town))
    with mesh:
        Town.mesh = mesh
        yield Town


def detections(town):
    return {key: value for key, value in town.mesh.metrics().items() if key.startswith("sluice_detections_total")}


def seen(town, service):
    ports = town.mesh.status()["undeclared_ports"]
    return next((port["seen"] for port in ports if port["service"].startswith(f"default/{service}.")), [])


def waits(town):
    """How many connections waited for a client that said nothing."""
    return town.mesh.metrics()['sluice_detections_total{protocol="silence"}']


def banner(town, address):
    """What the server says to a client that says nothing."""
    with town.client.connect(address, 25) as sock, sock.makefile("rb") as lines:
        return lines.readline()


def over_tls(town, address, server_name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(town.client.connect(address, 443), server_hostname=server_name) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return read_all(sock).decode().splitlines()[-1]


def test_requests_to_an_undeclared_port_are_balanced_each_for_itself(undeclared):
    with HttpConnection(undeclared.client.connect(WEB, 80)) as client:
        answers = collections.Counter(client.get("/echo").json()["server"] for _ in range(40))

    assert set(answers) == {"det-a", "det-b"}
    assert seen(undeclared, "web") == ["http1"]


def test_a_mail_goes_through_a_port_that_declares_nothing(undeclared):
    class PodSmtp(smtplib.SMTP):
        def _get_socket(self, host, port, timeout):
            return undeclared.client.connect(host, port)

    with PodSmtp(MAIL, 25) as client:
        refused = client.sendmail("a@example.com", ["b@example.com"], "Subject: x\r\n\r\nhello")

    assert refused == {}
    assert "server_first" in seen(undeclared, "mail")


def test_after_the_first_connection_nobody_waits_for_a_server_that_speaks_first(undeclared):
    assert banner(undeclared, MAIL).startswith(b"220 ")
    waited = waits(undeclared)

    for _ in range(5):
        assert banner(undeclared, MAIL).startswith(b"220 ")

    assert waits(undeclared) == waited


def test_a_port_declared_as_tcp_is_never_looked_at(undeclared):
    before = detections(undeclared)

    assert banner(undeclared, MAIL_TCP).startswith(b"220 ")
    assert detections(undeclared) == before
    assert seen(undeclared, "mail-tcp") == []


# Real servers that speak first, with clients of their own.


@pytest.fixture(scope="module")
def sql(undeclared):
    """sql(address): what MariaDB's client is told by the server behind it."""
    peers.need("mariadbd", "mariadb")
    servers.mariadb(undeclared.a, SQL_PORT)

    def ask(address):
        return undeclared.client.exec("mariadb", "--no-defaults", "-h", address, "-N", "-e", "SELECT 6 * 7",
                                      timeout=30 * SCALE)

    return ask


def test_mariadb_waits_once_on_an_undeclared_port(undeclared, sql):
    before = waits(undeclared)

    assert sql(SQL) == "42\n"
    assert waits(undeclared) == before + 1
    assert [sql(SQL) for _ in range(5)] == ["42\n"] * 5
    assert waits(undeclared) == before + 1
    assert seen(undeclared, "sql") == ["silence", "server_first"]


def test_mariadb_on_a_port_declared_as_tcp_is_never_looked_at(undeclared, sql):
    before = detections(undeclared)

    assert sql(SQL_TCP) == "42\n"
    assert detections(undeclared) == before
    assert seen(undeclared, "sql-tcp") == []


@pytest.fixture(scope="module")
def shell(undeclared):
    peers.need("sshd", "ssh", "ssh-keyscan")
    return servers.sshd(undeclared.a, SSH_PORT)


def host_key(town, address):
    """As ssh-keyscan sees it, which says nothing before the server has."""
    return town.client.exec("ssh-keyscan", "-t", "ed25519", "-T", str(int(30 * SCALE)), address).split()[-1]


def enter(town, shell, address):
    """Whom the server takes the client to be."""
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
    argv = [word for option in options for word in ("-o", option)]
    said = town.client.exec("ssh", "-F", "none", "-i", shell.key, *argv, f"root@{address}", timeout=30 * SCALE)
    return said.split()[0]


def test_ssh_waits_once_on_an_undeclared_port(undeclared, shell):
    with open(f"{shell.key}.pub", encoding="ascii") as file:
        expected = file.read().split()[1]
    before = waits(undeclared)

    assert host_key(undeclared, SHELL) == expected
    assert waits(undeclared) == before + 1
    assert [host_key(undeclared, SHELL) for _ in range(3)] == [expected] * 3
    assert enter(undeclared, shell, SHELL) == undeclared.client.v4
    assert waits(undeclared) == before + 1
    assert set(seen(undeclared, "shell")) >= {"silence", "server_first"}


def test_ssh_on_a_port_declared_as_tcp_is_never_looked_at(undeclared, shell):
    before = detections(undeclared)

    assert enter(undeclared, shell, SHELL_TCP) == undeclared.client.v4
    assert detections(undeclared) == before
    assert seen(undeclared, "shell-tcp") == []


def test_redis_on_an_undeclared_port_works_and_is_remembered(undeclared):
    with undeclared.client.connect(CACHE, 6379) as sock:
        sock.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert sock.recv(64) == b"+PONG\r\n"

    assert seen(undeclared, "cache") == ["other"]


def test_tls_without_routes_passes_as_it_is(undeclared):
    assert over_tls(undeclared, PASS, "any.test") == "det-a any.test"
    assert seen(undeclared, "pass") == ["tls"]


@pytest.mark.parametrize("server_name,server", [("a.test", "det-a"), ("A.Test", "det-a"), ("x.b.test", "det-b"),
                                                ("y.x.b.test", "det-b")])
def test_a_tls_route_goes_by_the_servers_name(undeclared, server_name, server):
    assert over_tls(undeclared, EDGE, server_name).split()[0] == server


def test_curl_reaches_the_backend_of_its_server_name(undeclared):
    out = undeclared.client.exec("curl", "-sSk", "--resolve", f"x.b.test:443:{EDGE}", "https://x.b.test/")

    assert out.strip() == "det-b x.b.test"


@pytest.mark.parametrize("server_name", ["b.test", "other.test", None])
def test_a_name_that_no_tls_route_takes_is_reset(undeclared, server_name):
    reason = 'sluice_connections_closed_total{reason="no_route"}'
    before = undeclared.mesh.metrics()[reason]

    with pytest.raises((ConnectionResetError, ssl.SSLError)):
        over_tls(undeclared, EDGE, server_name)

    assert undeclared.mesh.metrics()[reason] == before + 1


def test_what_is_not_tls_is_reset_where_tls_is_routed(undeclared):
    with undeclared.client.connect(EDGE, 443) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)

    assert undeclared.mesh.metrics()['sluice_connections_closed_total{reason="bad_client_hello"}'] >= 1


def test_a_tcp_route_splits_connections_by_weight(undeclared):
    servers_met = collections.Counter()
    for _ in range(400):
        with undeclared.client.connect(SPLIT, 9000) as sock:
            sock.sendall(b"PEER\n")
            servers_met[json.loads(read_all(sock))["server"]] += 1

    # Weights 1 and 3: 300 are expected, and 5 standard deviations are 43.
    assert 257 <= servers_met["det-b"] <= 343, servers_met
    assert servers_met["det-a"] + servers_met["det-b"] == 400
