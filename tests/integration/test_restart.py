"""Nothing fails open: what enrolled pods can reach while parts of the mesh die, end and come back."""
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from sluice_testing import manifests, servers
from sluice_testing.http1 import EndOfStream, HttpConnection
from sluice_testing.mesh import SCALE, Mesh
from sluice_testing.process import proc_status
from sluice_testing.wait import wait_until

VIP = "10.97.2.1"
EXIT_LEFT_CLOSED = 3  # userspace/base/exit_codes.h
PROXIED, PAST, REFUSED = "proxied", "past the mesh", "refused"


@pytest.fixture(scope="module")
def street(network):
    client, server, outside = network.pod("client"), network.pod("server"), network.pod("outside")
    servers.behaviour(server)
    return network, client, server, outside


def objects(client, server):
    return [manifests.pod(client, "client"), manifests.pod(server, "server"),
            manifests.service("server", "server", [manifests.port(80, "http", servers.HTTP_PORT)], (VIP, "fd97:2::1"))]


def start(street, **kwargs):
    mesh = Mesh(street[0], **kwargs)
    mesh.apply("objects.yaml", objects(street[1], street[2]))
    return mesh


def get(client):
    with HttpConnection(client.connect(VIP, 80)) as connection:
        return connection.get("/echo")


def way_of_a_dial(pod, address):
    """How a dial from `pod` to the server's own address went: a proxied one arrives with another source port."""
    try:
        with HttpConnection(pod.connect(address, servers.HTTP_PORT, timeout=5)) as connection:
            port = connection.sock.getsockname()[1]
            answer = connection.get("/echo")
            if answer.status != 200:
                return REFUSED
            return PAST if answer.json()["peer"][1] == port else PROXIED
    except (OSError, AssertionError, ValueError, EndOfStream):
        return REFUSED


class Dialler:
    """Dials over and over from inside and outside of the mesh, v4 and v6, until the `with` ends."""

    def __init__(self, street):
        _, client, server, outside = street
        self.ways = [(client, server.v4), (client, server.v6), (outside, server.v4)]
        self.seen = {number: [] for number in range(len(self.ways))}

    def __enter__(self):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._dial, args=(number,)) for number in self.seen]
        for thread in self.threads:
            thread.start()
        return self

    def _dial(self, number):
        pod, address = self.ways[number]
        while not self.stop.is_set():
            self.seen[number].append(way_of_a_dial(pod, address))
            time.sleep(0.001)

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)

    def wait_for(self, way, timeout_s=20 * SCALE):
        """Until every dialler has gone that way once more than now."""
        before = {number: len(found) for number, found in self.seen.items()}
        wait_until(lambda: all(way in found[before[number]:] for number, found in self.seen.items()),
                   lambda: f"every dialler is {way}: {[found[-5:] for found in self.seen.values()]}", timeout_s)

    def count(self, way):
        return [found.count(way) for found in self.seen.values()]


def kill_everything(mesh, sig=signal.SIGKILL):
    for pid in mesh.pids().values():
        with contextlib.suppress(ProcessLookupError):  # It ended because its parent did.
            os.kill(pid, sig)
    mesh.process.wait(5)


def wait_gone(pids):
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the processes are gone", 10 * SCALE)


@pytest.mark.parametrize("acceleration,sig", [("off", signal.SIGKILL), ("full", signal.SIGKILL),
                                              ("full", signal.SIGTERM)])
def test_agent_that_ends_and_comes_back_never_opens_its_pods(street, acceleration, sig):
    with start(street, acceleration=acceleration) as mesh, Dialler(street) as dialler:
        for _ in range(3):
            dialler.wait_for(PROXIED)
            pid = mesh.pids()["sluice-agent"]
            os.kill(pid, sig)
            wait_gone([pid])
            wait_until(lambda: mesh.pids().get("sluice-agent", pid) != pid, "a new agent runs", 10 * SCALE)
            wait_until(lambda: _is_ready(mesh), "ready again", 20 * SCALE)
        dialler.wait_for(PROXIED)

        assert dialler.count(PAST) == [0, 0, 0]
        assert all(dialler.count(REFUSED)), "the test saw the time without an agent"
        assert mesh.metrics()["sluice_pods_held_closed"] == 0


def _is_ready(mesh):
    try:
        return mesh.ready()[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_pods_stay_closed_without_a_mesh_until_the_next_one_takes_them_over(street, sig):
    """SIGKILL of sluicectl alone, or SIGTERM of the agent followed by the end of its restarter."""
    with start(street) as mesh:
        first, pids = mesh.before, mesh.pids()
        with Dialler(street) as dialler:
            dialler.wait_for(PROXIED)
            if sig == signal.SIGTERM:
                os.kill(pids["sluicectl"], signal.SIGSTOP)
                os.kill(pids["sluice-agent"], signal.SIGTERM)
                wait_gone([pids["sluice-proxy"]])
            os.kill(pids["sluicectl"], signal.SIGKILL)
            mesh.process.wait(5)
            wait_gone(pids.values())
            dialler.wait_for(REFUSED)
            mesh.start()
            dialler.wait_for(PROXIED)

            assert dialler.count(PAST) == [0, 0, 0]
        assert get(street[1]).status == 200
        mesh.before = first  # In the end the machine is as before the first mesh.


def test_cleanup_opens_what_a_killed_mesh_left_closed(street):
    mesh = start(street)
    with mesh:
        kill_everything(mesh)
        assert way_of_a_dial(street[1], street[2].v4) == REFUSED

        subprocess.run([mesh.argv[0], "cleanup", "--state-dir", mesh.state_dir], check=True, timeout=20)

        assert way_of_a_dial(street[1], street[2].v4) == PAST
        assert way_of_a_dial(street[3], street[2].v4) == PAST
        mesh.assert_clean({})
        mesh.has_ended = True


def test_failed_start_after_a_crash_leaves_the_pods_closed(street):
    with start(street) as mesh:
        first = mesh.before
        kill_everything(mesh)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = subprocess.run([*mesh.argv, "--admin-port", str(taken.getsockname()[1])], capture_output=True,
                                  text=True, check=False, timeout=20)
        assert done.returncode == 1, done.stderr
        assert way_of_a_dial(street[1], street[2].v4) == REFUSED
        assert way_of_a_dial(street[3], street[2].v4) == REFUSED
        mesh.start()
        mesh.before = first
        assert way_of_a_dial(street[1], street[2].v4) == PROXIED


def test_pod_that_left_the_manifests_while_the_mesh_was_down_is_opened(street):
    network, client, server, outside = street
    with start(street) as mesh:
        first = mesh.before
        kill_everything(mesh)
        mesh.apply("objects.yaml", objects(client, server)[1:])
        mesh.start()
        mesh.before = first

        wait_until(lambda: mesh.metrics()["sluice_pods_held_closed"] == 0, "the client is released", 5 * SCALE)
        assert not any(pod["name"] == "client" for pod in mesh.status()["pods"])
        assert way_of_a_dial(client, server.v4) == PROXIED, "by the server's inbound side"
        with pytest.raises(OSError):
            client.connect(VIP, 80, timeout=1)  # The client's own side is not captured any more.


def test_state_folder_may_change_after_a_crash(street):
    with start(street) as mesh:
        first = mesh.before
        with Dialler(street) as dialler:
            dialler.wait_for(PROXIED)
            kill_everything(mesh)
            _move(mesh, "second")
            mesh.start()
            dialler.wait_for(PROXIED)

            assert dialler.count(PAST) == [0, 0, 0]
        mesh.before = first


def test_failed_start_in_another_state_folder_forgets_nothing(street):
    """What the killed mesh has changed in the pods' namespaces is put back in the end, by a third state folder."""
    with start(street) as mesh:
        first = mesh.before
        kill_everything(mesh)
        _move(mesh, "second")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = subprocess.run([*mesh.argv, "--admin-port", str(taken.getsockname()[1])], capture_output=True,
                                  text=True, check=False, timeout=20)
        assert done.returncode == 1, done.stderr
        _move(mesh, "third")
        mesh.start()
        mesh.before = first


def _move(mesh, name):
    mesh.state_dir = os.path.join(mesh.folder, name)
    mesh.argv[mesh.argv.index("--state-dir") + 1] = mesh.state_dir


def test_stop_of_all_processes_at_once_opens_the_pods(street):
    """The agent has ended by a SIGTERM of its own before it could be told to undo."""
    with start(street) as mesh:
        pids = mesh.pids()
        restarts = mesh.status()["proxy"]["restarts"]
        assert restarts == 0
        os.kill(pids["sluicectl"], signal.SIGSTOP)
        os.kill(pids["sluicectl"], signal.SIGTERM)  # Before it sees how the agent ended.
        for name in ("sluice-agent", "sluice-controller"):
            os.kill(pids[name], signal.SIGTERM)
        wait_until(lambda: proc_status(pids["sluice-agent"])["State"].startswith("Z"), "the agent has ended", 10 * SCALE)
        os.kill(pids["sluicectl"], signal.SIGCONT)

        assert mesh.process.wait(15 * SCALE) == 0, mesh.log()
        assert way_of_a_dial(street[1], street[2].v4) == PAST
        mesh.assert_clean(pids)
        mesh.has_ended = True


def test_stop_of_an_agent_that_does_not_answer_opens_the_pods_when_asked_twice(street):
    """Asked once it is given 20 s; the second signal has it killed, and what it made is undone without it."""
    with start(street) as mesh:
        pids = mesh.pids()
        os.kill(pids["sluice-agent"], signal.SIGSTOP)
        os.kill(pids["sluicectl"], signal.SIGTERM)
        wait_until(lambda: "stopping" in mesh.log(), "the first signal is seen", 10 * SCALE)
        os.kill(pids["sluicectl"], signal.SIGTERM)

        assert mesh.process.wait(20 * SCALE) == 0, mesh.log()
        assert way_of_a_dial(street[1], street[2].v4) == PAST
        mesh.assert_clean(pids)
        mesh.has_ended = True


@pytest.mark.parametrize("sig,code", [(signal.SIGTERM, EXIT_LEFT_CLOSED), (signal.SIGUSR1, 0)])
def test_agent_says_by_its_exit_code_whether_pods_are_closed(street, sig, code):
    with start(street) as mesh:
        os.kill(mesh.pids()["sluice-agent"], sig)

        wait_until(lambda: "the agent ended with" in mesh.log(), "sluicectl has seen it", 10 * SCALE)
        assert f"the agent ended with exit status {code};" in mesh.log()
        wait_until(lambda: _is_ready(mesh), "ready again", 20 * SCALE)


def test_restarted_proxy_knows_every_local_pod_before_it_serves_one(street):
    """A dial to a pod of this node that goes over the wire arrives at that pod's inbound listener."""
    network, client, server, outside = street
    between = [network.pod(f"p{number}") for number in range(8)]  # The proxy is told of pods in the order of names.
    mesh = start(street)
    mesh.apply("between.yaml", [manifests.pod(pod, "between") for pod in between])
    try:
        with mesh:
            for number in range(1, 4):
                mesh.expected_restarts = number
                pid = mesh.proxy_pid()
                os.kill(pid, signal.SIGKILL)
                wait_gone([pid])
                answers = []
                waiting = [threading.Thread(target=lambda: answers.append(get(client).status)) for _ in range(8)]
                for thread in waiting:
                    thread.start()
                for thread in waiting:
                    thread.join(20)

                assert answers == [200] * 8
                wait_until(lambda: _is_ready(mesh), "ready again", 10 * SCALE)
                assert mesh.connections("inbound_tcp")["opened"] == 0
    finally:
        for pod in between:
            network.remove(pod)


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_connections_of_a_pod_that_leaves_live_on(street, acceleration):
    network, client, server, outside = street
    mesh = start(street, acceleration=acceleration)
    mesh.apply("tcp.yaml", [manifests.service("tcp", "server", [manifests.port(9000, "tcp", servers.TCP_PORT)],
                                              ("10.97.2.2", "fd97:2::2"))])
    with mesh, client.connect("10.97.2.2", 9000) as stream:
        stream.sendall(b"ECHO\n")
        assert _talk(stream)

        mesh.apply("objects.yaml", objects(client, server)[:1])

        wait_until(lambda: len(mesh.status()["pods"]) == 1, "the server's pod is gone", 2 * SCALE)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert _talk(stream), "the hop into the pod lives on"
        assert mesh.metrics()["sluice_pods_draining"] == 1
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(1) == b"", "it ends in order"
        wait_until(lambda: mesh.metrics()["sluice_pods_draining"] == 0, "the namespace is put back", 5 * SCALE)
        assert server.sysctl("net.ipv4.tcp_fwmark_accept") == "0"


def _talk(stream):
    stream.settimeout(5)
    stream.sendall(b"ping")
    return stream.recv(4, socket.MSG_WAITALL) == b"ping"
