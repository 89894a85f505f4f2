"""Paired ratios and what they are worth: the median, and an interval that 95 % of all such experiments would hold in.

Pure. Runs of one turn are a second apart, so a machine that slows down slows both; the ratio is what stays.
"""
import dataclasses
import random
import statistics

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Estimate:
    median: float
    low: float
    high: float
    values: tuple

    def relative_width(self):
        """How wide the interval is, as a share of the median."""
        return (self.high - self.low) / self.median if self.median else float("inf")


def estimate(values):
    """Median and bootstrap interval of some values; None of none. The same values give the same interval."""
    if not values:
        return None
    middle = statistics.median(values)
    if len(values) == 1:
        return Estimate(middle, middle, middle, tuple(values))
    chance = random.Random(0x51CE)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Estimate(middle, medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975) - 1], tuple(values))


def paired(tops, bottoms):
    """Ratios of two {turn: value}, for the turns that both have and where there is something to divide by."""
    return [tops[turn] / bottoms[turn] for turn in tops if bottoms.get(turn)]


def alternate(items, round_number):
    """A B C in even rounds and C B A in odd ones: what drifts steadily falls on both sides of every pair."""
    return list(items) if round_number % 2 == 0 else list(reversed(items))
