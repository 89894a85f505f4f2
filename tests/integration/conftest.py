"""Shared by all integration tests: the check for privileges and the usual small town of pods."""
import ctypes
import os
import shutil
import sys
import types

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from sluice_testing import manifests, servers  # noqa: E402
from sluice_testing.http1 import HttpConnection  # noqa: E402
from sluice_testing.mesh import Mesh, programs_dir  # noqa: E402
from sluice_testing.network import CLONE_NEWNET, Network, isolate  # noqa: E402
from sluice_testing.wait import wait_until  # noqa: E402

CI = os.environ.get("CI", "") not in ("", "false", "0")
# Everything in the mesh of `town`; addresses nobody routes, so only capture can make them work.
VIP4, VIP6 = "10.97.0.{}", "fd97::{}"
LEVELS = [level for level in ("off", "full") if os.environ.get("SLUICE_TEST_ACCELERATION", level) == level]


def lacking():
    """Why integration tests cannot run here; empty if they can."""
    if os.geteuid() != 0:
        return "they need root"
    pid = os.fork()
    if pid == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0 else 1)
    if os.waitpid(pid, 0)[1] != 0:
        return "network namespaces cannot be made (CAP_SYS_ADMIN)"
    for program in ("ip", "nginx", "curl", "/usr/sbin/bpftool"):
        if shutil.which(program) is None:
            return f"{program} is missing: run ./dev setup"
    missing = [name for name in ("sluicectl", "sluice-agent", "sluice-controller", "sluice-proxy")
               if not os.path.exists(os.path.join(programs_dir(), name))]
    if missing:
        return f"{', '.join(missing)} not built in {programs_dir()}: run ./dev build, or set SLUICE_BIN_DIR"
    return ""


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: also run inside other kernels (tests/kernels)")
    if not lacking() and not config.option.collectonly:
        isolate()


def pytest_collection_modifyitems(items):
    reason = lacking()
    if not reason:
        return
    if CI:
        pytest.exit(f"integration tests cannot run in CI: {reason}", returncode=3)
    for item in items:
        item.add_marker(pytest.mark.skip(reason=f"integration tests cannot run: {reason}"))


@pytest.fixture(scope="module")
def network():
    with Network() as made:
        yield made


def town_objects(town, wishes=()):
    """Two workloads behind services: an HTTP port, a TCP port, one of each headless, a named target port. `wishes`:
    values of the acceleration annotation by pod."""
    wishes = dict(wishes)

    def pod(name, app, **kwargs):
        return manifests.pod(getattr(town, name), app, acceleration=wishes.get(name), **kwargs)

    http = [manifests.port(80, "http", servers.HTTP_PORT, "http")]
    tcp = [manifests.port(9000, "tcp", servers.TCP_PORT)]
    objects = [pod("client", "client"), pod("client2", "client"), pod("a", "a", named_ports=[("web", servers.HTTP_PORT)]),
               pod("b", "b")]
    for number, app in enumerate("ab", start=1):
        vips = (VIP4.format(number), VIP6.format(number))
        objects.append(manifests.service(app, app, http + tcp, vips))
    objects.append(manifests.service("web", "a", http, (town.web4, town.web6)))
    objects.append(manifests.service("headless", "a", [manifests.port(servers.HTTP_PORT, "http"),
                                                       manifests.port(servers.TCP_PORT, "tcp")]))
    objects.append(manifests.service("named", "a", [manifests.port(8888, "http-x", "web")], (VIP4.format(7), VIP6.format(7))))
    return objects


@pytest.fixture(scope="module")
def pods(network):
    """Pods with behaviour servers in `a` and `b`, clients, and `outside`, which no manifest names."""
    town = types.SimpleNamespace(**{name: network.pod(name) for name in ("client", "client2", "a", "b", "outside")})
    town.network = network
    servers.behaviour(town.a)
    servers.behaviour(town.b)
    town.http4, town.http6 = VIP4.format(1), VIP6.format(1)  # Service a: 80 HTTP, 9000 TCP.
    town.web4, town.web6 = VIP4.format(9), VIP6.format(9)    # Service web: for routes.
    return town


def tell_level(mesh):
    """For tests inside other kernels: what that kernel allows, in words."""
    path = os.environ.get("SLUICE_LEVEL_FILE")
    if path and mesh.acceleration != "off":
        acceleration = mesh.status()["acceleration"]
        assert acceleration["level"] == acceleration["requested"] or acceleration["reason"], acceleration
        lines = [f"acceleration {acceleration['requested']}: reached {acceleration['level']} {acceleration['reason']}"]
        lines += [f"  probe {probe['name']}: {'passed' if probe['passed'] else 'failed'}: {probe['detail']}"
                  for probe in acceleration["probes"]]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


@pytest.fixture(scope="module", params=LEVELS)
def town(request, pods):
    """A running mesh around `pods`, once with and once without acceleration."""
    mesh = Mesh(pods.network, acceleration=request.param, access_log="json")
    mesh.apply("town.yaml", town_objects(pods))
    with mesh:
        pods.mesh = mesh
        tell_level(mesh)
        yield pods


@pytest.fixture
def wish(town):
    """wish(a="off"): annotates pods until the end of the test; it concerns connections made from then on."""
    def level_of(name):
        return town.mesh.pod(name)["acceleration"]

    def annotate(**wishes):
        town.mesh.apply("town.yaml", town_objects(town, wishes))
        wait_until(lambda: all(level_of(name)["requested_by"] == "annotation" for name in wishes), "the wish is known")

    yield annotate
    town.mesh.apply("town.yaml", town_objects(town))
    wait_until(lambda: all(pod["acceleration"]["requested_by"] == "flag" for pod in town.mesh.status()["pods"]),
               "nobody wishes anything")


@pytest.fixture
def http(town):
    """Opens HTTP connections from the client pod: http() to Service a, or http(address, port, pod)."""
    opened = []

    def connect(address=None, port=80, pod=None, timeout=10.0):
        connection = HttpConnection((pod or town.client).connect(address or town.http4, port, timeout))
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.sock.close()


@pytest.fixture
def tcp(town):
    """Opens TCP connections from the client pod with a first line sent: tcp('ECHO')."""
    opened = []

    def connect(command, address=None, port=9000, pod=None, timeout=20.0):
        sock = (pod or town.client).connect(address or town.http4, port, timeout)
        opened.append(sock)
        sock.sendall(command.encode() + b"\n")
        return sock

    yield connect
    for sock in opened:
        sock.close()
