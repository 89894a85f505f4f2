"""Ratios, their intervals, and what may be said of them."""
import pytest
from sluice_bench import bars, facts, loads, ratios, scenario


def test_order_alternates():
    assert [ratios.alternate("AB", number) for number in range(3)] == [["A", "B"], ["B", "A"], ["A", "B"]]


def test_only_turns_that_both_have_are_paired():
    assert ratios.paired({"1": 4.0, "2": 9.0, "3": 1.0}, {"1": 2.0, "2": 3.0, "4": 1.0}) == [2.0, 3.0]
    assert ratios.paired({"1": 4.0}, {"1": 0}) == []


def test_an_estimate_is_the_median_within_its_interval_and_repeatable():
    values = [0.9, 1.0, 1.1, 1.0, 5.0]
    found = ratios.estimate(values)
    assert found.low <= found.median <= found.high
    assert found.median == 1.0
    assert ratios.estimate(values) == found
    assert ratios.estimate([]) is None
    assert ratios.estimate([2.0]).relative_width() == 0


def test_the_interval_narrows_with_rounds():
    few, many = ratios.estimate([0.8, 1.0, 1.2]), ratios.estimate([0.8, 1.0, 1.2] * 20)
    assert many.relative_width() < few.relative_width()


BAR = scenario.Bar("proxy_us", "sluice-full", "haproxy", (), (), None, 0.5)


def runs(ratio_values):
    found = []
    for turn, ratio in enumerate(ratio_values):
        found += [{"target": "haproxy", "case": {}, "turn": str(turn), "proxy_us": 10.0},
                  {"target": "sluice-full", "case": {}, "turn": str(turn), "proxy_us": 10.0 * ratio}]
    return found


@pytest.mark.parametrize("values, noise, state", [
    ([0.38, 0.39, 0.40, 0.38], 0.02, "met"),
    ([0.44, 0.45, 0.46, 0.45], 0.02, "met"),
    ([0.6, 0.61, 0.62, 0.6], 0.02, "missed"),
    ([0.38, 0.39, 0.40, 0.38], 0.9, "noisy"),     # The machine was.
    ([0.2, 0.9, 0.3, 1.2], 0.02, "noisy"),        # The figures were, on both sides of the bar.
    ([0.1, 0.1, 0.3, 0.3], 0.02, "met"),          # So they were, but all on one side.
    ([0.4, 0.4], 0.02, "noisy"),                  # Too few to say.
])
def test_a_verdict_needs_a_quiet_machine_and_clear_figures(values, noise, state):
    found = bars.judge(BAR, runs(values), noise)
    assert found.state == state


@pytest.mark.parametrize("busy, state", [(None, "met"), (0.2, "met"), (0.3, "noisy")])
def test_a_verdict_needs_the_machine_for_itself(busy, state):
    assert bars.judge(BAR, runs([0.38, 0.39, 0.40, 0.38]), 0.02, others_busy=busy).state == state


def test_what_others_usually_used_is_more_than_in_three_quarters_of_the_rounds():
    assert facts.usual([]) is None
    assert facts.usual([0.5]) == 0.5
    assert facts.usual([0.0] * 9 + [5.0]) == 0
    assert facts.usual([0.0, 0.0, 1.0, 1.0, 1.0]) == 1


def test_exact_counts_need_neither():
    assert bars.judge(BAR, runs([0.4]), 0.9, fixed_rounds=1, others_busy=2.0).state == "met"


def test_what_was_not_measured_has_no_verdict():
    assert bars.judge(BAR, [], 0.0).state == "unmeasured"


def test_noise_is_how_much_the_time_of_fixed_work_varies():
    assert facts.noise([1.0, 1.0, 1.0]) is None
    assert facts.noise([1.0] * 8) == 0
    assert facts.noise([1.0, 1.0, 2.0, 2.0, 2.0, 2.0]) == pytest.approx(1.0)


def test_a_machine_that_is_slow_all_the_time_is_not_noisy():
    assert facts.noise([1.0] + [2.0] * 9) == 0


@pytest.mark.parametrize("percent, upper", [(0, 10), (50, 10), (50.1, 20), (90, 20), (99, 30), (100, 30)])
def test_percentiles_of_buckets_are_ranks(percent, upper):
    assert loads.percentile([[10, 50], [20, 40], [30, 10]], percent) == upper
