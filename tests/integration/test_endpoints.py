"""Which endpoints get connections, and what a change of them does to those that are open."""
import collections
import json
import os
import threading
import types

import pytest

from sluice_testing import manifests, servers
from sluice_testing.http1 import HttpConnection, read_all
from sluice_testing.mesh import SCALE, Mesh
from sluice_testing.wait import wait_until

VIP, OTHER_VIP = "10.97.4.1", "10.97.4.2"
DEAD_PORT = 9100  # Only pod `one` listens there.


@pytest.fixture(scope="module")
def pair_pods(network):
    pair = types.SimpleNamespace(network=network, **{name: network.pod(name) for name in ("client", "one", "two", "three")})
    for pod in (pair.one, pair.two, pair.three):
        servers.behaviour(pod)
    return pair


@pytest.fixture(scope="module", params=["off", "full"])
def pair(request, pair_pods):
    pair_pods.mesh = Mesh(pair_pods.network, acceleration=request.param)
    pair_pods.mesh.apply("pair.yaml", objects(pair_pods))
    with pair_pods.mesh:
        yield pair_pods


def objects(pair, names=("one", "two"), not_ready=(), more_ports=()):
    ports = [manifests.port(80, "http", servers.HTTP_PORT), manifests.port(9000, "tcp", servers.TCP_PORT),
             manifests.port(DEAD_PORT, "tcp-dead", DEAD_PORT), *more_ports]
    return [manifests.pod(pair.client, "client"), manifests.service("pair", "pair", ports, (VIP,))] + [
        manifests.pod(getattr(pair, name), "pair", ready=name not in not_ready) for name in names]


def change(pair, **kwargs):
    version = pair.mesh.status()["config"]["version"]
    pair.mesh.apply("pair.yaml", objects(pair, **kwargs))
    pair.mesh.wait_version_after(version)


def ask_tcp(pair, port=9000):
    with pair.client.connect(VIP, port) as sock:
        sock.sendall(b"PEER\n")
        return json.loads(read_all(sock))["server"]


def ask_http(pair):
    with HttpConnection(pair.client.connect(VIP, 80)) as connection:
        return connection.get("/echo").json()["server"]


@pytest.mark.parametrize("ask", [ask_tcp, ask_http], ids=["tcp", "http"])
def test_every_ready_endpoint_is_used(pair, ask):
    seen = collections.Counter(ask(pair) for _ in range(100))

    assert set(seen) == {"one", "two"} and min(seen.values()) >= 20, seen


@pytest.mark.parametrize("ask", [ask_tcp, ask_http], ids=["tcp", "http"])
def test_a_pod_that_is_not_ready_gets_nothing(pair, ask):
    change(pair, not_ready=["two"])
    seen = {ask(pair) for _ in range(50)}
    change(pair)
    again = {ask(pair) for _ in range(50)}

    assert (seen, again) == ({"one"}, {"one", "two"})


def test_a_dead_endpoint_of_a_tcp_service_is_stepped_over(pair):
    """Nothing listens in `two`: the client never learns of it."""
    def serve(listener):
        for _ in range(50):
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(5)
                accepted.sendall(b'{"server": "one"}')

    with pair.one.listen(port=DEAD_PORT) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()

        assert {ask_tcp(pair, DEAD_PORT) for _ in range(50)} == {"one"}
        thread.join()


def test_a_tcp_service_with_dead_endpoints_only_resets_and_says_why(pair):
    name = "sluice_connections_closed_total{reason=connect_failed}"
    before = pair.mesh.status()["counters"].get(name, 0)

    with pytest.raises(ConnectionResetError), pair.client.connect(VIP, DEAD_PORT) as sock:
        sock.recv(1)

    wait_until(lambda: pair.mesh.counter(name) == before + 1, "it is counted")


class Users:
    """Connections that stay open and are used without a pause; the first fault of each ends it."""

    def __init__(self, pair, http=6, tcp=4):
        self.pair, self.rounds, self.faults, self.is_over = pair, collections.Counter(), [], False
        work = [("http", number, self._http) for number in range(http)] + [("tcp", number, self._tcp) for number in range(tcp)]
        self.threads = [threading.Thread(target=self._guarded, args=(f"{kind}-{number}", body)) for kind, number, body in work]
        for thread in self.threads:
            thread.start()

    def _guarded(self, name, body):
        try:
            body(name)
        except Exception as fault:  # pylint: disable=broad-except
            self.faults.append(f"{name} after {self.rounds[name]} rounds: {fault!r}")

    def _http(self, name):
        with HttpConnection(self.pair.client.connect(VIP, 80)) as connection:
            while not self.is_over:
                answer = connection.exchange("POST", "/echo", body=b"x" * 3000)
                assert answer.status == 200, answer
                self.rounds[name] += 1

    def _tcp(self, name):
        with self.pair.client.connect(VIP, 9000) as sock:
            sock.sendall(b"ECHO\n")
            while not self.is_over:
                sock.sendall(b"y" * 3000)
                left = 3000
                while left:
                    data = sock.recv(left)
                    assert data, "closed"
                    left -= len(data)
                self.rounds[name] += 1

    def work_on(self):
        """Until each has made rounds since now, on whatever the configuration is."""
        before = dict(self.rounds)
        wait_until(lambda: self.faults or all(self.rounds[thread] >= before.get(thread, 0) + 5 for thread in self._names()),
                   "everybody is served", 20 * SCALE)
        assert not self.faults

    def _names(self):
        return [f"http-{n}" for n in range(6)] + [f"tcp-{n}" for n in range(4)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()


def test_no_change_drops_a_connection_that_need_not_go(pair):
    """An endpoint in use, a pod, a port, a protocol and a broken file come and go; nobody who works notices."""
    other = manifests.port(81, "tcp-other", servers.TCP_PORT)
    other_http = manifests.port(81, "other", servers.HTTP_PORT, "http")
    with Users(pair) as users:
        users.work_on()
        for step in ({"not_ready": ["two"]}, {}, {"names": ["one", "two", "three"]}, {}, {"more_ports": [other]},
                     {"more_ports": [other_http]}, {}):
            change(pair, **step)
            users.work_on()
        path = os.path.join(pair.mesh.manifests_dir, "pair.yaml")
        with open(path, "r+", encoding="utf-8") as file:  # In place, as no good editor does.
            whole = file.read()
            file.truncate(len(whole) // 2)
        wait_until(lambda: pair.mesh.status()["problems"], "the broken file is told")
        users.work_on()
        pair.mesh.write("pair.yaml", whole)
        wait_until(lambda: not pair.mesh.status()["problems"], "all is well again")
        users.work_on()

    assert not users.faults
