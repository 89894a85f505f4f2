"""HTTP/2 in clear text between programs of other makers."""
import pytest

from sluice_testing import manifests, peers

PORT = 8071
VIP = "10.97.5.1"


@pytest.fixture(scope="module")
def h2_servers(pods):
    for pod in (pods.a, pods.b):
        peers.serve(pod, "h2go", PORT)
    return pods


@pytest.fixture(scope="module")
def h2(town, h2_servers):
    """Service h2, an HTTP/2 server of net/http in a and in b."""
    port = manifests.port(80, "h2", PORT, "kubernetes.io/h2c")
    version = town.mesh.status()["config"]["version"]
    town.mesh.apply("h2.yaml", [manifests.service("h2", None, [port], (VIP,)),
                                manifests.endpoint_slice("h2", [town.a, town.b], "h2", PORT)])
    town.mesh.wait_version_after(version)
    return town


def test_net_http(h2):
    assert h2.client.exec(*peers.program("h2go"), "check", f"http://{VIP}", check=False, timeout=120) == "ok\n"
