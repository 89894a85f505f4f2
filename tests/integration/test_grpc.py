"""gRPC between clients and servers of grpc-go, grpcio and grpc-js: every kind of call, GRPCRoutes, statuses and deadlines."""
import json
import signal
import subprocess
import types

import pytest

from sluice_testing import manifests, peers
from sluice_testing.wait import wait_until

CLIENTS = ("go", "py", "js")
PAIRS = [("go", "go"), ("go", "py"), ("py", "go"), ("py", "py"), ("js", "go"), ("go", "js")]  # Client and server.
PORTS = {"go": 7001, "py": 7002, "js": 7006, "both": 7003, "mortal": 7004, "leaving": 7005, "closed": 7999}
VIP = "10.97.4.{}"
CALLS = ("unary", "server_stream", "client_stream", "bidi", "cancel", "deadline", "metadata", "error", "stalled", "alone")
SERVICE = "sluice.test.Echo"
DEADLINE_EXCEEDED, UNIMPLEMENTED, UNAVAILABLE = "4", "12", "14"


@pytest.fixture(scope="module")
def callees(pods):
    """A server of each maker in pod a, and one in each of a and b; that of grpc-js comes when it is asked for."""
    peers.serve(pods.a, "go", PORTS["go"])
    peers.serve(pods.a, "py", PORTS["py"])
    for pod in (pods.a, pods.b):
        peers.serve(pod, "go", PORTS["both"])
    return pods


@pytest.fixture(scope="module")
def grpc_js(pods):
    return peers.serve(pods.a, "js", PORTS["js"])


@pytest.fixture(scope="module")
def calls(town, callees):
    """Services grpc-NAME: go, py and js by maker; a and b by pod; of both pods: both and leaving; none has no endpoint,
    closed one that refuses connections. `target` has their addresses by name."""
    targets, objects = {}, []
    for number, name in enumerate(("go", "py", "js", "a", "b", "both", "leaving", "mortal", "closed", "none"), start=1):
        target = PORTS.get(name, PORTS["both"])
        app = {"b": "b", "none": "nobody"}.get(name, "a")
        if name in ("both", "leaving"):
            objects.append(manifests.endpoint_slice(f"grpc-{name}", [town.a, town.b], "calls", target))
            app = None
        targets[name] = f"{VIP.format(number)}:80"
        objects.append(manifests.service(f"grpc-{name}", app, [manifests.port(80, "calls", target, "grpc")],
                                         (VIP.format(number),)))
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("grpc.yaml", objects)
    town.mesh.wait_version_after(version)
    return types.SimpleNamespace(town=town, client=town.client, target=targets)


@pytest.fixture
def target_of(calls, request):
    def target(server):
        if server == "js":
            request.getfixturevalue("grpc_js")
        return calls.target[server]

    return target


@pytest.fixture
def routed(calls):
    """routed(rules): a route of Service grpc-go until the end of the test; what it serves without one is pod a."""
    mesh = calls.town.mesh

    def apply(rules, kind="GRPCRoute"):
        version = mesh.status()["config"]["version"]
        mesh.apply("grpc-route.yaml", [manifests.route("calls", "grpc-go", rules, parent_port=80, kind=kind)])
        mesh.wait_version_after(version)
        return calls.target["go"]

    yield apply
    version = mesh.status()["config"]["version"]
    mesh.delete("grpc-route.yaml")
    mesh.wait_version_after(version)


def method(name=None, kind="Exact", service=SERVICE):
    return {"method": {"type": kind, "service": service, **({"method": name} if name else {})}}


def to(backend, *matches, **more):
    rule = {"backendRefs": [manifests.backend(f"grpc-{backend}", 80)], **more}
    return {"matches": list(matches), **rule} if matches else rule


def names(calls, target, count, client="go"):
    return json.loads(peers.check(calls.client, client, target, "names", count))


def describe(calls, target, deadline_ms=30000, client="go"):
    return json.loads(peers.check(calls.client, client, target, "describe", deadline_ms))


def code(said):
    return said.split(" ")[0]


# Calls.


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("client,server", PAIRS)
def test_call(calls, target_of, client, server, call):
    peers.check(calls.client, client, target_of(server), call)


@pytest.mark.parametrize("client,server", PAIRS)
def test_message_of_100_mb(calls, target_of, client, server):
    peers.check(calls.client, client, target_of(server), "large", 100 << 20)


@pytest.mark.parametrize("client", CLIENTS)
def test_each_call_of_a_connection_is_balanced(calls, client):
    seen = names(calls, calls.target["both"], 200, client)

    assert min(seen.get("a", 0), seen.get("b", 0)) > 60, seen  # 100 +- 7 each; 60 is further than five of these.


# Routes.


def test_route_by_method_and_header(calls, routed):
    blue = {"headers": [{"name": "X-Tenant", "value": "blue"}]}
    target = routed([to("b", {**method("Describe"), **blue}), to("a", method())])

    assert describe(calls, target)["name"] == "b"  # It sends x-tenant: blue.
    assert names(calls, target, 20) == {"a": 20}


def test_route_by_expression(calls, routed):
    target = routed([to("a"), to("b", method("Desc.*|None", "RegularExpression", r"sluice\..*"))])

    assert describe(calls, target)["name"] == "b"
    assert peers.check(calls.client, "go", target, "unary") == ""


def test_route_splits_by_weight(calls, routed):
    target = routed([{"backendRefs": [manifests.backend("grpc-a", 80, 80), manifests.backend("grpc-b", 80, 20),
                                      manifests.backend("grpc-nowhere", 80, 0)]}])

    seen = names(calls, target, 400)

    assert 40 < seen["b"] < 120 and seen["a"] + seen["b"] == 400, seen  # 80 +- 8.


def test_route_changes_headers(calls, routed):
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {
        "set": [{"name": "x-route", "value": "calls"}], "remove": ["x-tenant"]}}]
    target = routed([to("b", filters=filters)])

    seen = describe(calls, target)["metadata"]

    assert seen["x-route"] == ["calls"] and "x-tenant" not in seen


# Statuses.


STATUSES = [
    ("no rule matches", [to("a", method(service="other.Service"))], UNIMPLEMENTED),
    ("the backend is broken", [to("nowhere")], UNAVAILABLE),
    ("there is no backend", [{"matches": [method()]}], UNAVAILABLE),
    ("no endpoint", [to("none")], UNAVAILABLE),
    ("nobody listens", [to("closed")], UNAVAILABLE),
]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name,rules,expected", STATUSES, ids=[row[0] for row in STATUSES])
def test_status_of_the_mesh(calls, routed, name, rules, expected, client):
    said = peers.check(calls.client, client, routed(rules), "status")

    assert code(said) == expected, f"{name}: {said}"


# Deadlines.


def test_deadline_reaches_the_server(calls):
    assert 1000 < describe(calls, calls.target["go"], 5000)["deadline_ms"] <= 5000


@pytest.mark.parametrize("client", CLIENTS)
def test_timeout_of_a_route_shortens_the_deadline(calls, routed, client):
    target = routed([to("a", timeouts={"request": "700ms"})], kind="HTTPRoute")

    assert 0 < describe(calls, target, 5000, client)["deadline_ms"] <= 700
    assert code(peers.check(calls.client, client, target, "hang")) == DEADLINE_EXCEEDED


# Ends.


def start(pod, client, target, check):
    return subprocess.Popen(["ip", "netns", "exec", pod.namespace, *peers.program(client), "check", target, check],
                            stdout=subprocess.PIPE, text=True)


def wait_open(calls, target, count):
    wait_until(lambda: peers.check(calls.client, "go", target, "open") == str(count), f"{count} calls are open")


@pytest.mark.parametrize("server", ["go", "py", "js"])
def test_client_that_dies_ends_its_calls(calls, target_of, server):
    target = target_of(server)
    with start(calls.client, "go", target, "hang") as client:
        wait_open(calls, target, 1)
        client.kill()

    wait_open(calls, target, 0)


@pytest.mark.parametrize("client", CLIENTS)
def test_server_that_dies_ends_its_calls(calls, client):
    with peers.serve(calls.town.a, "go", PORTS["mortal"]) as server:
        with start(calls.client, client, calls.target["mortal"], "hang") as waiting:
            wait_open(calls, calls.target["mortal"], 1)
            server.stop(signal.SIGKILL)
            said = waiting.communicate(timeout=60)[0]
    calls.town.a.processes.remove(server)

    assert said.split(" ")[:2] == ["ok", UNAVAILABLE], said


@pytest.mark.parametrize("client", CLIENTS)
def test_server_that_leaves_in_order_costs_no_call(calls, client):
    town = calls.town
    with peers.serve(town.a, "go", PORTS["leaving"]) as leaving, peers.serve(town.b, "go", PORTS["leaving"]) as other:
        with peers.steady(calls.client, client, calls.target["leaving"]):
            wait_until(lambda: set(names(calls, calls.target["leaving"], 20)) == {"a", "b"}, "both serve")
            leaving.stop(signal.SIGTERM)
            assert names(calls, calls.target["leaving"], 50) == {"b": 50}
    town.a.processes.remove(leaving)
    town.b.processes.remove(other)
