"""Status, metrics, health and access log say what really happened."""
import json

from sluice_testing import servers
from sluice_testing.mesh import READINESS, http_get, split_metric
from sluice_testing.wait import wait_until


def test_status_names_every_pod(town):
    pods = {pod["name"]: pod for pod in town.mesh.status()["pods"]}

    assert set(pods) == {"client", "client2", "a", "b"}
    for name, pod in pods.items():
        assert pod["captured"] and pod["namespace"] == "default"
        assert set(pod["addresses"]) == {getattr(town, name).v4, getattr(town, name).v6}


def test_status_tells_the_level_and_its_probes(town):
    acceleration = town.mesh.status()["acceleration"]

    assert acceleration["requested"] == town.mesh.acceleration
    assert acceleration["level"] in ("off", "send", "full")
    if acceleration["level"] != acceleration["requested"]:
        assert acceleration["reason"]
    if acceleration["requested"] == "off":
        assert acceleration["reason"] == "not requested"
    assert acceleration["probes"]
    assert all({"name", "passed", "detail"} <= set(probe) for probe in acceleration["probes"])


def test_full_acceleration_is_reached_here(town):
    """On the kernels this project is built for; a fall-back would make every other test of `full` a test of `off`."""
    acceleration = town.mesh.status()["acceleration"]

    assert acceleration["level"] == acceleration["requested"], acceleration


def test_redirection_happens_only_when_asked_for(town, http):
    def redirected():
        return sum(value for name, value in town.mesh.status()["counters"].items() if "splice_redirected" in name)

    before = redirected()
    for _ in range(10):
        http().get("/echo")

    if town.mesh.acceleration == "full":
        wait_until(lambda: redirected() > before, "messages went through the kernel's redirect")
    else:
        assert redirected() == before == 0


def test_connections_by_path(town, http, tcp):
    wait_until(lambda: all(town.mesh.connections(path)["active"] == 0 for path in ("http", "tcp")),
               "connections of other tests are gone")
    before = {path: town.mesh.connections(path) for path in ("http", "tcp")}

    web, stream = http(), tcp("ECHO")
    web.get("/echo")
    stream.sendall(b"x")
    stream.recv(1)

    for path in ("http", "tcp"):
        now = town.mesh.connections(path)
        assert (now["opened"] - before[path]["opened"], now["active"] - before[path]["active"]) == (1, 1), path
    web.sock.close()
    stream.close()
    for path in ("http", "tcp"):
        wait_until(lambda: town.mesh.connections(path)["active"] == before[path]["active"], f"{path} closed")


def backend_requests(town):
    rows = [row for row in town.mesh.status()["backends"] if row["service"].startswith("default/a.")]
    return sum(row["requests"] for row in rows), sum(row["by_class"].get("2xx", 0) for row in rows), \
        sum(row["by_class"].get("4xx", 0) for row in rows)


def test_requests_by_backend_and_class(town, http):
    before = backend_requests(town)
    connection = http()

    for _ in range(7):
        connection.get("/echo")
    for _ in range(3):
        connection.get("/status/404")

    after = backend_requests(town)
    assert [now - then for now, then in zip(after, before)] == [10, 7, 3]


def test_metrics_are_well_formed_and_named(town, http):
    http().get("/echo")

    metrics = town.mesh.metrics()

    names = {split_metric(key)[0] for key in metrics}
    assert all(name.startswith("sluice_") for name in names), names
    assert any(name.startswith("sluice_connections_opened_total") for name in names), sorted(names)
    opened = {split_metric(key)[1].get("path"): value for key, value in metrics.items()
              if split_metric(key)[0] == "sluice_connections_opened_total"}
    assert opened["http"] >= 1


def test_counters_never_fall(town, http):
    before = town.mesh.metrics()
    for _ in range(5):
        http().get("/echo")
    after = town.mesh.metrics()

    fallen = {key: (value, after.get(key)) for key, value in before.items()
              if split_metric(key)[0].endswith("_total") and after.get(key, -1) < value}
    assert not fallen


def test_series_do_not_grow_with_what_clients_send(town, http):
    connection = http()
    connection.get("/echo")
    before = set(town.mesh.metrics())

    for number in range(300):
        connection.get(f"/echo/{number}", headers=[f"X-{number}: {number}"], host=f"host{number}.example")

    assert len(set(town.mesh.metrics()) - before) <= 5


def test_health(town):
    assert http_get(f"{READINESS}/healthz/ready")[0] == 200
    assert http_get(f"{READINESS}/healthz/live")[0] == 200
    assert http_get(f"{READINESS}/nothing")[0] == 404


def access_log(town):
    with open(town.mesh.access_log_path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def test_access_log_has_one_json_line_per_request(town, http):
    http().get("/echo?marker=json-line")

    line = wait_until(lambda: [item for item in access_log(town) if item.get("path") == "/echo?marker=json-line"], "it is logged")

    assert len(line) == 1
    text = json.dumps(line[0])
    for part in ("GET", "200", town.client.v4, f"{town.a.v4}:{servers.HTTP_PORT}"):
        assert part in text, (part, line[0])


def test_access_log_cannot_be_forged(town, http):
    http().get('/echo/forge"},{"status":1%0a', headers=['User-Agent: x" "y\\" \t\xff'])

    wait_until(lambda: [item for item in access_log(town) if item.get("path", "").startswith('/echo/forge"},{"')],
               "it is logged as one JSON object")


def test_refused_request_is_logged_with_its_reason(town, http):
    connection = http()
    connection.send(b"GET /refused-marker HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    connection.response()

    wait_until(lambda: [item for item in access_log(town) if "host" in json.dumps(item).lower() and 400 in item.values()],
               "a line with status 400")
