"""Bars of scenarios against runs: met, missed, or refused because the machine was too noisy to say. Pure."""
import dataclasses

from . import ratios

SPIN_NOISE_MAX = 0.20   # A fixed piece of work may take this much longer at its 75th percentile than at its 25th.
WIDTH_MAX = 0.50        # An interval wider than this share of its median proves nothing ...
EXACT = ("system_calls", "idle_mib", "connection_kib", "unread_mib", "pss_mib", "config_mib", "rss_mib")  # Noise does not touch these.
ROUNDS_MIN = 3          # ... and neither do fewer rounds than this.
OTHERS_BUSY_MAX = 0.25  # Others may use this share of one CPU, at the 75th percentile of the rounds.


@dataclasses.dataclass(frozen=True)
class Verdict:
    bar: object
    measured: object     # ratios.Estimate, or None where nothing was measured.
    state: str           # "met", "missed", "noisy" or "unmeasured"
    why: str


def values(runs, target, case, metric):
    """{turn: value} of the runs of a target in a case. `case` may name some of the parameters only."""
    return {run["turn"]: run[metric] for run in runs
            if run["target"] == target and run.get(metric) is not None
            and all(run["case"].get(key) == value for key, value in case.items())}


def measure(bar, runs):
    case = dict(bar.at)
    tops = values(runs, bar.of, case, bar.metric)
    if not bar.over:
        return ratios.estimate(list(tops.values()))
    bottoms = values(runs, bar.over, {**case, **dict(bar.over_at)}, bar.metric)
    return ratios.estimate(ratios.paired(tops, bottoms))


def is_reached(bar, goal, value):
    return value >= goal if bar.at_least is not None else value <= goal


def judge(bar, runs, spin_noise, fixed_rounds=None, others_busy=None):
    """`fixed_rounds`: the scenario counts something exact."""
    measured = measure(bar, runs)
    if measured is None:
        return Verdict(bar, None, "unmeasured", "nothing was measured for it")
    goal = bar.at_least if bar.at_least is not None else bar.at_most
    state = "met" if is_reached(bar, goal, measured.median) else "missed"
    if fixed_rounds is None and bar.metric not in EXACT:
        is_clear = is_reached(bar, goal, measured.low) == is_reached(bar, goal, measured.high)
        if spin_noise is not None and spin_noise > SPIN_NOISE_MAX:
            return Verdict(bar, measured, "noisy", f"fixed work took now more, now less time: by {spin_noise:.0%}")
        if others_busy is not None and others_busy > OTHERS_BUSY_MAX:
            return Verdict(bar, measured, "noisy", f"others used {others_busy:.0%} of a CPU")
        if len(measured.values) < ROUNDS_MIN:
            return Verdict(bar, measured, "noisy", f"{len(measured.values)} rounds prove nothing")
        if measured.relative_width() > WIDTH_MAX and not is_clear:
            return Verdict(bar, measured, "noisy", f"the interval is {measured.relative_width():.0%} of the median wide")
    return Verdict(bar, measured, state, "")
