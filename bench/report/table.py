"""Bars: what was promised, what was measured, and whether it holds."""
import dataclasses
import statistics


@dataclasses.dataclass
class Bar:
    name: str
    unit: str          # "x" for ratios.
    comparison: str    # ">=" or "<=".
    target: float
    measured: float
    detail: str = ""   # The absolute medians behind a ratio.
    samples: list = dataclasses.field(default_factory=list)

    @property
    def is_met(self):
        return self.measured >= self.target if self.comparison == ">=" else self.measured <= self.target

    def as_dict(self):
        return {**dataclasses.asdict(self), "met": self.is_met}


def ratio_bar(name, comparison, target, numerators, denominators, detail=""):
    """Median of the ratios of paired runs."""
    ratios = [top / bottom for top, bottom in zip(numerators, denominators) if bottom]
    return Bar(name, "x", comparison, target, statistics.median(ratios), detail, [round(item, 4) for item in ratios])


def render(bars):
    rows = [("", "what", "target", "measured", "spread", "medians")]
    for bar in bars:
        spread = f"{min(bar.samples):.2f}..{max(bar.samples):.2f}" if bar.samples else ""
        rows.append(("ok" if bar.is_met else "MISS", bar.name, f"{bar.comparison} {bar.target:g} {bar.unit}",
                     f"{bar.measured:.2f} {bar.unit}", spread, bar.detail))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
