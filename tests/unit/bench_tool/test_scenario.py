"""Scenario files are read strictly: what is wrong is refused with file, field and reason."""
import os

import pytest
from conftest import ROOT
from sluice_bench import attacks, scenario
from sluice_bench.errors import BenchError

GOOD = """
title: T
about: A
load: {tool: wrk, path: /1k}
vary: {connections: [1, 16], setting: [plain, scale]}
targets: [direct, sluice-full]
bars:
- {metric: p50_us, of: sluice-full, over: direct, at: {connections: 16}, at_most: 1.5}
"""


def parsed(text=GOOD):
    return scenario.parse("name", "name.yaml", text)


def test_a_good_file_is_read():
    found = parsed()
    assert (found.tool, found.server, found.rounds) == ("wrk", "minimal", None)
    assert found.bars[0].at == (("connections", 16),)


def test_cases_that_take_turns_are_one_group():
    groups = parsed().groups(is_quick=False)
    assert groups == [[{"connections": count, "setting": setting} for setting in ("plain", "scale")] for count in (1, 16)]


def test_quick_keeps_what_the_file_says():
    found = parsed(GOOD + "quick: {connections: [16]}\n")
    assert [group[0]["connections"] for group in found.groups(is_quick=True)] == [16]


@pytest.mark.parametrize("old, new, complaint", [
    ("title: T\n", "", "title: is missing"),
    ("title: T", "title: 7", "title: must be text"),
    ("title: T", "titel: T", "titel: is not known"),
    ("tool: wrk", "tool: ab", "load.tool: is 'ab'; allowed: wrk"),
    ("path: /1k", "path: 1k", "load.path: must begin with /"),
    (", path: /1k", "", "load.path: is missing"),
    ("path: /1k", "path: /1k, headers: [x]", "load.headers: 'x' is not"),
    ("[1, 16]", "[0]", "vary.connections[0]: is 0; must be a number from 1"),
    ("[1, 16]", "[true]", "vary.connections[0]: is True"),
    ("[1, 16]", "16", "vary.connections: must be a list"),
    ("connections: [1, 16]", "threads: [1]", "vary.threads: is not known"),
    ("connections: [1, 16], setting", "setting", "bars[0].at.connections: is not known"),
    ("[plain, scale]", "[plain, storm]", "vary.setting[1]: is 'storm'"),
    ("setting: [plain, scale]", "rate_per_s: [5]", "vary.rate_per_s: only the tool 'own'"),
    ("[direct, sluice-full]", "[direct, linkerd]", "targets[1]: is 'linkerd'"),
    ("[direct, sluice-full]", "[sluice-full]", "bars[0].over: 'direct' is none of the scenario's targets"),
    ("at: {connections: 16}", "at: {connections: 17}", "bars[0].at.connections: 17 is none of the values"),
    (", at_most: 1.5", "", "bars[0]: needs one of at_least and at_most"),
    ("at_most: 1.5", "at_most: fast", "bars[0].at_most: is 'fast'"),
    ("metric: p50_us", "metric: p42_us", "bars[0].metric: is 'p42_us'"),
    ("over: direct", "over_at: {connections: 1}", "bars[0].over_at.connections: only cases measured in turns compare"),
    ("tool: wrk", "tool: h2load, streams: 0", "load.streams: is 0; must be a number from 1 to 1000"),
    ("tool: wrk", "tool: h2load", "load.streams: says how many requests"),
    ("tool: wrk", "tool: wrk, streams: 8", "load.streams: says how many requests"),
    ("plain, scale", "plain, stalled", "vary.setting: only the tool 'own-http2'"),
    ("tool: wrk", "tool: h2load, streams: 8", "server: is minimal, which speaks no HTTP/2"),
    ("tool: wrk", "tool: download, streams: 1", "targets: download compares two paths through one mesh"),
    ("load: {", "load: [", "not YAML"),
    ("at: {connections: 16}", "each: threads", "bars[0].each: is 'threads'; allowed: connections, setting"),
    ("at: {connections: 16}", "each: connections, at: {connections: 16}", "bars[0].at.connections: is not known"),
    ("[plain, scale]", "[plain, attacked]", "vary.attack: goes with the settings attacked and attacked-elsewhere"),
    ("connections: [1, 16]", "connections: [1, 16], attack: [ping]", "vary.attack: goes with the settings"),
])
def test_a_bad_file_is_refused_with_field_and_reason(old, new, complaint):
    assert GOOD.count(old) == 1
    with pytest.raises(BenchError) as refusal:
        parsed(GOOD.replace(old, new))
    assert str(refusal.value).startswith("name.yaml: " + complaint)


def test_a_bar_for_each_value_is_as_many_bars():
    found = parsed(GOOD.replace("at: {connections: 16}", "each: connections, at: {setting: scale}"))
    assert [bar.at for bar in found.bars] == [(("connections", count), ("setting", "scale")) for count in (1, 16)]


def test_quick_may_only_choose_from_vary():
    with pytest.raises(BenchError, match="quick.connections: must be some of the values"):
        parsed(GOOD + "quick: {connections: [2]}\n")


def test_a_file_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text("#" * (scenario.SIZE_MAX + 1))
    with pytest.raises(BenchError, match="a scenario is small"):
        scenario.load(str(path))


def test_every_scenario_of_the_tree_is_good():
    assert "requests" in scenario.load_all(os.path.join(ROOT, "bench", "scenarios"))


def test_only_keeps_one_value_of_a_parameter():
    assert scenario.restricted(parsed(), "connections", "16").vary["connections"] == [16]
    assert scenario.restricted(parsed(), "connections", "1,16").vary["connections"] == [1, 16]
    with pytest.raises(BenchError, match="has no such case; it varies connections: 1, 16; setting"):
        scenario.restricted(parsed(), "connections", "17")


def figures(name):
    with_case = scenario.load_all(os.path.join(ROOT, "bench", "scenarios"))[name].bars
    return {(bar.metric, bar.of.removeprefix("sluice-"), bar.over, bar.at): bar.at_least if bar.at_least is not None else bar.at_most
            for bar in with_case}


SCALE = (("setting", "scale"),)
PROMISED = {  # The figures that this project has set itself. A miss is shown, not hidden behind a weaker bar.
    "requests": {
        **{(metric, level, over, (("connections", count),)): figure
           for metric, over, counts, by_level in (
               ("requests_per_s", "direct", (16,), (1.0, 0.55)), ("requests_per_s", "direct", (64,), (1.0, 0.6)),
               ("proxy_us", "haproxy", (16, 64), (0.40, 0.75)), ("proxy_us", "envoy", (16, 64), (0.12, 0.22)),
               ("machine_us", "direct", (16, 64), (1.15, 1.75)), ("p50_us", "direct", (1,), (1.0, 1.2)))
           for count in counts for level, figure in zip(("full", "off"), by_level)}},
    "open-loop": {("p99_us", level, "direct", (("rate_of_direct", 0.5),)): figure for level, figure in (("full", 1.3), ("off", 1.6))},
    "new-connections": {("requests_per_s", level, "direct", ()): figure for level, figure in (("full", 1.0), ("off", 1.05))},
    "bulk": {("gbit_per_s", level, "direct", ()): figure for level, figure in (("full", 1.5), ("off", 0.8))},
    "scale": {(metric, level, over.format(level), SCALE): figure for metric, over, figure in (("proxy_us", "sluice-{}", 1.02), ("config_mib", "", 40))
              for level in ("full", "off")},
    "abuse": {(metric, level, over.format(level), (("attack", attack), ("setting", "attacked"))): figure
              for metric, over, figure in (("p99_us", "sluice-{}", 2), ("rss_mib", "", 80))
              for level in ("full", "off") for attack in attacks.ATTACKS},
    "idle": {(metric, level, "", ()): figure for metric, figure in (("idle_mib", 12), ("connection_kib", 0.75)) for level in ("full", "off")},
}


@pytest.mark.parametrize("name", PROMISED)
def test_bars_are_the_promised_figures(name):
    assert figures(name) == PROMISED[name]


def test_there_is_no_weaker_figure_beside_a_bar():
    with pytest.raises(BenchError, match="bars.0..aim: is not known"):
        parsed(GOOD.replace("at_most: 1.5", "at_most: 1.5, aim: 1"))
