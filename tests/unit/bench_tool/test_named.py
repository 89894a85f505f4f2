"""Addresses that the user named: what is asked of them, and which scenarios can be run on them."""
import pytest
from sluice_bench import named, scenario
from sluice_bench.targets import Named

HEAD = "title: T\nabout: A\ntargets: [direct]\n"
FIXED = HEAD + "load: {tool: wrk, path: /1k}\nvary: {connections: [1]}\n"
VARIED = HEAD + "load: {tool: wrk}\nvary: {connections: [1], path: [/16k, /1m]}\n"
SETTING = HEAD + "load: {tool: wrk, path: /1k}\nvary: {connections: [1], setting: [plain, scale]}\n"
PODS = HEAD + "load: {tool: iperf3}\n"


@pytest.mark.parametrize("url, path", [("http://127.0.0.1:80", ""), ("http://127.0.0.1:80/", ""), ("http://127.0.0.1:80/a?b=c", "/a?b=c"),
                                       ("http://127.0.0.1:80/?b", "/?b")])
def test_an_address_without_a_path_leaves_it_to_the_scenario(url, path):
    assert Named(url).where.path == path


@pytest.mark.parametrize("text, path, why", [
    (FIXED, "", None), (FIXED, "/mine", None), (VARIED, "", None),
    (VARIED, "/1k", "it asks for /16k, /1m, and http://127.0.0.1:80/1k names another path: give the address without one"),
    (SETTING, "", "it varies setting"), (PODS, "", r"its load (iperf3) needs pods"),
])
def test_a_scenario_that_would_measure_something_else_is_refused(text, path, why):
    found = named.unusable(scenario.parse("name", "name.yaml", text), [Named("http://127.0.0.1:80" + path)])
    assert found is None if why is None else found.startswith(why)
