"""What a change costs a node that knows 10,000 endpoints: only what changed goes over the stream, to the proxy and into the kernel."""
import pytest

from sluice_testing import manifests
from sluice_testing.mesh import SCALE, Mesh
from sluice_testing.wait import settled, wait_until

SERVICES, ENDPOINTS_EACH = 100, 100
DISCOVERY, CONFIG = "sluice_agent_discovery_resources_total", "sluice_agent_config_resources_total"
MAP_WRITES = "sluice_kernel_map_writes_total{map="


def remote_pod(name, app, address, is_ready=True):
    """A pod of another node: an endpoint and nothing else."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "many", "labels": {"app": app}},
            "spec": {"nodeName": "elsewhere"},
            "status": {"phase": "Running", "podIP": address,
                       "conditions": [{"type": "Ready", "status": "True" if is_ready else "False"}]}}


def service(number):
    return manifests.service(f"s{number}", f"s{number}", [manifests.port(80, "http", 8080)], (f"10.99.0.{number + 1}",),
                             namespace="many")


@pytest.fixture(scope="module")
def mesh(network):
    made = Mesh(network)
    made.apply("town.yaml", [manifests.pod(network.pod("client"), "client")])
    for number in range(SERVICES):
        made.apply(f"s{number}.yaml", [service(number)] + [
            remote_pod(f"p{number}-{index}", f"s{number}", f"10.64.{number}.{index + 1}") for index in range(ENDPOINTS_EACH)])
    made.apply("one.yaml", [remote_pod("one", "s7", "10.65.0.1")])
    with made:
        wait_until(lambda: made.status()["config"]["workloads"] > SERVICES * ENDPOINTS_EACH, "all endpoints are there", 60 * SCALE)
        yield made


def cost_of(mesh, change):
    """(resources over the stream, resources to the proxy, {kernel table: entries}) of a change."""
    def counters():
        status = mesh.status()
        return {**status["counters"], "version": status["config"]["version"]}

    before = settled(counters, quiet_s=0.5)
    change()
    wait_until(lambda: counters()["version"] > before["version"], "the proxy has the change", 10 * SCALE)
    after = settled(counters, quiet_s=0.5)
    growth = {name: after[name] - before[name] for name in after}
    tables = {name.removeprefix(MAP_WRITES).rstrip("}"): count for name, count in growth.items()
              if name.startswith(MAP_WRITES) and count}
    return growth[DISCOVERY], growth[CONFIG], tables


def test_an_endpoint_that_is_not_ready_any_more_is_one_resource_and_nothing_in_the_kernel(mesh):
    assert cost_of(mesh, lambda: mesh.apply("one.yaml", [remote_pod("one", "s7", "10.65.0.1", is_ready=False)])) == (1, 1, {})


def test_an_endpoint_with_another_address_is_one_resource_and_nothing_in_the_kernel(mesh):
    assert cost_of(mesh, lambda: mesh.apply("one.yaml", [remote_pod("one", "s7", "10.65.0.2")])) == (1, 1, {})


def test_a_service_writes_its_own_entries_to_the_kernel_and_no_others(mesh):
    """Its port, and the refusal of all others."""
    assert cost_of(mesh, lambda: mesh.apply("new.yaml", [service(SERVICES)])) == (1, 1, {"destinations": 2})
    assert cost_of(mesh, lambda: mesh.delete("new.yaml")) == (1, 1, {"destinations": 2})
