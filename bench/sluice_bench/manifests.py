"""What the mesh of a run is told: a Service that splits, and for some settings far more."""
from sluice_testing import manifests

from .town import GRPC_PORT, HTTP2_PORT, MINIMAL_PORT, NGINX_PORT, STREAM_PORT, UNREAD_PORT

WEB, STREAMS = "10.98.0.1", "10.98.0.4"
HTTP_PORTS = {"minimal": 80, "nginx": 81, "http2": 82, "grpc": 83}          # Of WEB.
TCP_PORTS = {"stream": STREAM_PORT, "unread": UNREAD_PORT, "minimal": 9000, "http2": 9002,
             "nginx": 9003}                                                 # Of STREAMS.
H2C = "kubernetes.io/h2c"
CANARY = {"name": "x-canary", "value": "always"}
SERVICES, ENDPOINTS_EACH, ROUTES = 1000, 10, 100
CHURNED, CHANGES_PER_TURN = 50, 10


def _route(port):
    """One header match, then 90 to 10: what every peer is set up to do as well."""
    first = {"matches": [{"headers": [CANARY]}], "backendRefs": [manifests.backend("v2", port)]}
    rest = {"backendRefs": [manifests.backend("v1", port, 90), manifests.backend("v2", port, 10)]}
    return manifests.route(f"split-{port}", "web", [first, rest], parent_port=port)


def base(town):
    http = [manifests.port(80, "http", MINIMAL_PORT), manifests.port(81, "http-nginx", NGINX_PORT),
            manifests.port(82, "h2", HTTP2_PORT, app_protocol=H2C), manifests.port(83, "grpc", GRPC_PORT, app_protocol=H2C)]
    tcp = [manifests.port(STREAM_PORT, "tcp-stream"), manifests.port(UNREAD_PORT, "tcp-unread"),
           manifests.port(9000, "tcp", MINIMAL_PORT), manifests.port(9002, "tcp-h2", HTTP2_PORT),
           manifests.port(9003, "tcp-nginx", NGINX_PORT)]
    return [manifests.pod(town.client, "client"), manifests.pod(town.server, "server"),
            manifests.pod(town.attacker, "attacker"),
            manifests.service("web", "server", http, (WEB,)), manifests.service("v1", "server", http, ("10.98.0.2",)),
            manifests.service("v2", "server", http, ("10.98.0.3",)), manifests.service("streams", "server", tcp, (STREAMS,)),
            *map(_route, HTTP_PORTS.values())]


def _remote_pod(name, app, address, is_ready=True):
    """A pod of another node: an endpoint and nothing else."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "scale", "labels": {"app": app}},
            "spec": {"nodeName": "elsewhere"},
            "status": {"phase": "Running", "podIP": address,
                       "conditions": [{"type": "Ready", "status": "True" if is_ready else "False"}]}}


def _service(number):
    service = manifests.service(f"s{number}", f"s{number}", [manifests.port(80, "http", 8080)],
                                (f"10.99.{number // 250}.{number % 250 + 1}",), namespace="scale")
    return service


def scale():
    """{file name: [object, ...]}: 1,000 services, 10,000 endpoints and 100 routes of two rules."""
    files, per_file = {}, 50
    for first in range(0, SERVICES, per_file):
        objects = []
        for number in range(first, first + per_file):
            objects.append(_service(number))
            for index in range(ENDPOINTS_EACH):
                serial = number * ENDPOINTS_EACH + index
                objects.append(_remote_pod(f"p{serial}", f"s{number}", f"10.64.{serial // 250}.{serial % 250 + 1}"))
        files[f"scale-{first // per_file}.yaml"] = objects
    files["scale-routes.yaml"] = [
        manifests.route(f"r{number}", f"s{number}", namespace="scale", rules=[
            {"matches": [{"path": {"type": "PathPrefix", "value": f"/v{number}"}, "headers": [CANARY]}],
             "backendRefs": [manifests.backend(f"s{number}", 80)]},
            {"backendRefs": [manifests.backend(f"s{number}", 80, 90), manifests.backend(f"s{number}", 80, 10)]}])
        for number in range(ROUTES)]
    return files


def churn(turn):
    """Objects in which CHANGES_PER_TURN endpoints differ from those of the turn before: in turn n the pods n*10 ..
    n*10+9, modulo CHURNED, go out of service or come back."""
    objects = [_service(900 + number) for number in range(5)]
    for serial in range(CHURNED):
        flips = (turn * CHANGES_PER_TURN + CHURNED - 1 - serial) // CHURNED
        objects.append(_remote_pod(f"churn{serial}", f"s{900 + serial % 5}", f"10.65.0.{serial + 1}", is_ready=flips % 2 == 0))
    return objects
