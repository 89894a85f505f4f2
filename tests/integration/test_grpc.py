"""gRPC between clients and servers of grpc-go and grpcio: every kind of call."""
import types

import pytest

from sluice_testing import manifests, peers

SERVERS, CLIENTS = ("go", "py"), ("go", "py")
PORTS = {"go": 7001, "py": 7002, "both": 7003}
VIP = "10.97.4.{}"
CALLS = ("unary", "server_stream", "client_stream", "bidi", "cancel", "deadline", "metadata", "error", "stalled", "alone")


@pytest.fixture(scope="module")
def callees(pods):
    """A server of each maker in pod a, and one in each of a and b."""
    peers.serve(pods.a, "go", PORTS["go"])
    peers.serve(pods.a, "py", PORTS["py"])
    for pod in (pods.a, pods.b):
        peers.serve(pod, "go", PORTS["both"])
    return pods


@pytest.fixture(scope="module")
def calls(town, callees):
    """Services: grpc-go, grpc-py, grpc-a, grpc-b; grpc-both of two pods; grpc-none without any; `target` by name."""
    targets = {name: VIP.format(number) for number, name in enumerate(("go", "py", "a", "b", "both", "none"), start=1)}
    objects = [manifests.endpoint_slice("grpc-both", [town.a, town.b], "calls", PORTS["both"])]
    for name, address in targets.items():
        app = {"b": "b", "none": "nobody"}.get(name, "a")
        port = manifests.port(80, "calls", PORTS.get(name, PORTS["both"]), "grpc")
        objects.append(manifests.service(f"grpc-{name}", None if name == "both" else app, [port], (address,)))
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("grpc.yaml", objects)
    town.mesh.wait_version_after(version)
    return types.SimpleNamespace(town=town, target={name: f"{address}:80" for name, address in targets.items()})


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_call(calls, client, server, call):
    peers.check(calls.town.client, client, calls.target[server], call)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_message_of_100_mb(calls, client, server):
    peers.check(calls.town.client, client, calls.target[server], "large", 100 << 20)
