"""The end of a mesh as clients that speak HTTP/2 see it: they are told by GOAWAY, and what is in flight comes to its end."""
import contextlib
import os
import signal
import subprocess

import pytest

from sluice_testing import manifests, peers
from sluice_testing.mesh import SCALE, Mesh

VIP = "10.97.6.{}"
H2_PORT, GRPC_PORT = 8071, 7001
CLIENTS = {"h2go": ("drain", f"http://{VIP.format(1)}"),
           **{maker: ("check", f"{VIP.format(2)}:80", "drain") for maker in ("go", "py", "js")}}


@pytest.fixture(scope="module")
def street(network):
    pods = {"network": network, **{name: network.pod(name) for name in ("client", "a")}}
    peers.serve(pods["a"], "h2go", H2_PORT)
    peers.serve(pods["a"], "go", GRPC_PORT)
    return pods


def start(street, level):
    mesh = Mesh(street["network"], acceleration=level)
    mesh.apply("town.yaml", [
        manifests.pod(street["client"], "client"), manifests.pod(street["a"], "a"),
        manifests.service("h2", "a", [manifests.port(80, "h2", H2_PORT, "kubernetes.io/h2c")], (VIP.format(1),)),
        manifests.service("calls", "a", [manifests.port(80, "calls", GRPC_PORT, "grpc")], (VIP.format(2),))])
    return mesh


@contextlib.contextmanager
def in_flight(pod, names):
    """Clients with requests that are not over; yields them by name. They end by themselves once they are told to go."""
    with contextlib.ExitStack() as stack:
        clients = {}
        for name in names:
            argv = ["ip", "netns", "exec", pod.namespace, *peers.program(name), *CLIENTS[name]]
            client = stack.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
            stack.callback(client.kill)
            clients[name] = client
        for name, client in clients.items():
            assert client.stdout.readline() == "open\n", f"{name}: {client.stdout.read()}"
        yield clients


def said_by(clients):
    return {name: client.communicate(timeout=60 * SCALE)[0].strip() for name, client in clients.items()}


@pytest.mark.parametrize("level", ["off", "full"])
def test_requests_in_flight_end_well_when_the_mesh_stops(street, level):
    with start(street, level) as mesh, in_flight(street["client"], CLIENTS) as clients:
        mesh.stop()

        assert said_by(clients) == {name: "ok" for name in CLIENTS}


def test_requests_in_flight_end_well_when_all_processes_are_told_to_stop(street):
    """As service managers do it: the proxy must leave it to the agent when to end."""
    with start(street, "off") as mesh, in_flight(street["client"], CLIENTS) as clients:
        pids = mesh.pids()
        for pid in pids.values():
            os.kill(pid, signal.SIGTERM)

        assert said_by(clients) == {name: "ok" for name in CLIENTS}
        assert mesh.process.wait(15 * SCALE) == 0, mesh.log()
        mesh.assert_clean(pids)
        mesh.has_ended = True
