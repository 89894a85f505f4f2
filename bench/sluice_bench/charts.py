"""Which charts a result is worth: throughput with intervals, CPU where it is spent, latency by percentile. Pure."""
import statistics

from . import ratios, results, svg


def of_case(scenario, case, runs):
    """[svg, ...] for one case."""
    here = [run for run in runs if run["case"] == case]
    title = f"{scenario['name']}" + (f", {results.case_text(case)}" if case else "")
    found = [throughput(here, case, title), cpu(here, case, title), curves(here, case, title), memory(here, case, title)]
    return [chart for chart in found if chart]


def throughput(runs, case, title):
    rows, reference = [], results.reference_of(runs)
    for target in results.targets(runs):
        if target != reference and (ratio := results.rate_against(runs, target, reference, case)):
            rows.append((target, ratio.median, ratio.low, ratio.high))
    return svg.bar_chart(f"{title}: rate over {reference}", rows, "x", mark=1.0) if rows else None


def cpu(runs, case, title):
    rows = []
    for target in results.targets(runs):
        found = [list(results.pick(runs, target, case, metric).values()) for metric, _ in results.PARTS]
        if all(found):
            rows.append((target, [statistics.median(values) for values in found]))
    names = [name for _, name in results.PARTS]
    return svg.stacked_chart(f"{title}: CPU for each request or MiB", rows, names, "us") if rows else None


def curves(runs, case, title):
    found = {}
    for target in results.targets(runs):
        seen = [run["curve_us"] for run in runs if run["target"] == target and "curve_us" in run]
        if seen:
            found[target] = {float(percent): statistics.median(curve[percent] for curve in seen) for percent in seen[0]}
    return svg.curve_chart(f"{title}: latency", found, "us") if found else None


def memory(runs, case, title):
    rows = []
    for target in results.targets(runs):
        values = list(results.pick(runs, target, case, "connection_kib").values())
        if values:
            estimate = ratios.estimate(values)
            rows.append((target, max(estimate.median, 0.0), None, None))
    return svg.bar_chart(f"{title}: memory of the proxy for each connection", rows, "KiB") if rows else None
