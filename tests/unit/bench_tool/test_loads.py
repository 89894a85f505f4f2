"""Loads that fail say where, why, and what to do."""
import json
import os
import shutil
import socket
import types

import pytest
from sluice_bench import loads, scenario
from sluice_bench.errors import BenchError

CASE = {"connections": 2}
H2LOAD_FAILED = "finished in 1.0s, 0.00 req/s\nrequests: 2 total, 2 started, 2 done, 0 succeeded, 2 failed, 2 errored, 0 timeout\n"


def made(tool, more=""):
    return scenario.parse("name", "name.yaml", f"title: T\nabout: A\ntargets: [haproxy]\nload: {{tool: {tool}{more}}}\nvary: {{connections: [2]}}\n")


@pytest.fixture
def refused():
    """A place where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield loads.Place(None, "127.0.0.1", sock.getsockname()[1], "/1k")


@pytest.mark.parametrize("tool, more, program", [("wrk", ", path: /1k", "wrk"), ("h2load", ", path: /1k, streams: 2", "h2load"),
                                                 ("iperf3", "", "iperf3"), ("own", ", path: /1k", "sluice-bench-load")])
def test_a_refused_load_says_what_to_do(refused, tool, more, program):
    if shutil.which(program) is None and not os.path.exists(os.path.join(os.environ["SLUICE_BIN_DIR"], program)):
        pytest.skip(f"{program} is not here")
    with pytest.raises(BenchError) as refusal:
        loads.TIMED[tool](refused, made(tool, more), CASE, 0.1)
    assert f"127.0.0.1:{refused.port}" in str(refusal.value)
    assert f"try `curl -v http://127.0.0.1:{refused.port}/1k`" in str(refusal.value)


@pytest.mark.parametrize("output, tool, more", [
    ("Requests/sec: 1\n  Socket errors: connect 2, read 0, write 0, timeout 0\n", "wrk", ", path: /1k"),
    (H2LOAD_FAILED, "h2load", ", path: /1k, streams: 2"), (H2LOAD_FAILED.replace("0 succeeded, 2 failed", "9 succeeded, 1 failed"), "h2load",
                                                           ", path: /1k, streams: 2"), ("", "h2load", ", path: /1k, streams: 2"),
])
def test_failed_requests_in_a_pod_point_at_its_log(monkeypatch, output, tool, more):
    monkeypatch.setattr(loads, "run", lambda *_: output)
    monkeypatch.setattr(loads, "require", lambda name, _: name)
    with pytest.raises(BenchError, match="nothing was measured: look at the log of what answers there, or run the scenario with --targets direct"):
        loads.TIMED[tool](loads.Place(types.SimpleNamespace(namespace="x"), "10.0.0.1", 80), made(tool, more), CASE, 1)


GHZ_SEEN = {"count": 3, "rps": 3.0, "average": 2000, "statusCodeDistribution": {"OK": 3},
            "latencyDistribution": [{"percentage": percent, "latency": percent * 1000} for percent in (50, 90, 99)]}


@pytest.fixture
def ghz_says(monkeypatch):
    monkeypatch.setattr(loads, "ghz_program", lambda: "ghz")

    def says(**changes):
        monkeypatch.setattr(loads, "run", lambda *_: json.dumps({**GHZ_SEEN, **changes}))
    return says


def test_ghz_tells_latencies_in_microseconds(ghz_says):
    ghz_says()
    seen = loads.ghz(loads.Place(None, "10.0.0.1", 80), made("ghz", ", path: /a.B/C, streams: 2"), CASE, 1)
    assert seen == {"requests": 3, "requests_per_s": 3.0, "mean_us": 2.0, "p50_us": 50.0, "p90_us": 90.0, "p99_us": 99.0}


@pytest.mark.parametrize("changes", [{"statusCodeDistribution": {"OK": 2, "Unavailable": 1}}, {"count": 0, "statusCodeDistribution": {}}])
def test_calls_that_fail_end_a_run_of_ghz(ghz_says, changes):
    ghz_says(**changes)
    with pytest.raises(BenchError, match="10.0.0.1:80: calls failed"):
        loads.ghz(loads.Place(None, "10.0.0.1", 80), made("ghz", ", path: /a.B/C, streams: 2"), CASE, 1)
