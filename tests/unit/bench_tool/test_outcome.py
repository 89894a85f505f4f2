"""What a result comes to: exit codes that never say "fine" of nothing."""
import json

import pytest
from sluice_bench import baseline, outcome
from sluice_bench.errors import BenchError


def bar(name, state="met", scenario="requests", median=0.45, goal="<= 0.5"):
    return {"scenario": scenario, "name": name, "goal": goal, "state": state, "median": median, "low": median - 0.01, "high": median + 0.01}


def document(*verdicts, busy=0.01, noise=0.02, cpus=2):
    return {"when": "2026-01-02", "command": "sluice-bench", "versions": {}, "verdicts": list(verdicts), "missing": {},
            "facts": {"kernel": "6.1", "processor": "p", "cpus": cpus, "spin_noise": noise, "others_busy": busy}, "runs": []}


@pytest.mark.parametrize("states, without_gate, with_gate", [
    (["met", "met"], outcome.FINE, outcome.FINE),
    (["met", "missed", "noisy"], outcome.FINE, outcome.WORSE),
    (["noisy", "noisy"], outcome.FINE, outcome.NO_VERDICT),
    (["met", "noisy"], outcome.FINE, outcome.NO_VERDICT),
    ([], outcome.FINE, outcome.NO_VERDICT),
])
def test_a_gate_passes_only_when_every_bar_is_met(states, without_gate, with_gate):
    found = document(*(bar(str(number), state) for number, state in enumerate(states)))
    assert [outcome.of_bars(found, is_gate)[1] for is_gate in (False, True)] == [without_gate, with_gate]


def test_a_scenario_in_which_nothing_was_measured_is_no_success():
    found = {**document(), "runs": [{"scenario": "bulk"}], "missing": {"requests": "wrk is not installed"}}
    assert outcome.of_run(found, ["bulk"]) == ([], outcome.FINE)
    assert outcome.of_run(found, ["bulk", "requests"]) == (["nothing was measured in requests: wrk is not installed"], outcome.NO_VERDICT)


@pytest.mark.parametrize("now, code, said", [
    ([bar("a"), bar("b")], outcome.FINE, "compared 1 of 2 ratios with base; 1 are not in it"),
    ([bar("b")], outcome.NO_VERDICT, "compared 0 of 1 ratios"),
    ([bar("a", scenario="bulk")], outcome.NO_VERDICT, "compared 0 of 1 ratios"),
    ([bar("a", "noisy", median=0.9)], outcome.NO_VERDICT, "compared 0 of 1 ratios with base; 1 are too noisy"),
    ([bar("a", median=0.9), bar("b")], outcome.WORSE, "compared 1 of 2 ratios"),
    ([], outcome.NO_VERDICT, "compared 0 of 0 ratios"),
])
def test_a_comparison_says_how_much_it_compared(now, code, said):
    then = {"ratios": [bar("a")], "facts": document()["facts"]}
    sentences, found = outcome.of_comparison(baseline.compare(document(*now), then), "base")
    assert found == code
    assert said in "\n".join(sentences)


def test_a_baseline_of_a_busy_machine_is_doubted():
    then = {"ratios": [bar("a")], "facts": document(busy=1.86)["facts"]}
    assert "others used 186% of a CPU" in "\n".join(outcome.of_comparison(baseline.compare(document(bar("a")), then), "base")[0])


def test_accepting_keeps_what_was_not_measured_again(tmp_path):
    path = str(tmp_path / "base.json")
    baseline.accept(path, document(bar("a"), bar("b", scenario="bulk")))
    baseline.accept(path, document(bar("a", median=0.3)))
    assert [(item["scenario"], item["median"]) for item in baseline.read(path)["ratios"]] == [("requests", 0.3), ("bulk", 0.45)]


@pytest.mark.parametrize("refused, why", [
    (document(bar("a"), busy=0.6), "others used 60% of a CPU during the rounds: stop what else runs"),
    (document(bar("a"), noise=0.5), "fixed work took now more, now less time: by 50%"),
    (document(bar("a", "noisy")), "1 figures are without a verdict"),
    (document(), "no ratio was measured"),
    (document(bar("a"), cpus=4), "is of another machine"),
])
def test_what_proves_nothing_is_not_accepted(tmp_path, refused, why):
    path = tmp_path / "base.json"
    baseline.accept(str(path), document(bar("old")))
    before = json.loads(path.read_text())
    with pytest.raises(BenchError, match=why):
        baseline.accept(str(path), refused)
    assert json.loads(path.read_text()) == before


def test_a_regression_is_certain_so_it_goes_before_doubt():
    assert outcome.worst([outcome.NO_VERDICT, outcome.WORSE, outcome.FINE]) == outcome.WORSE
    assert outcome.worst([outcome.FINE, outcome.NO_VERDICT]) == outcome.NO_VERDICT
    assert outcome.worst([]) == outcome.FINE
