"""The table and the two plots of the README, made of a result. Pure."""
import statistics

from . import ratios, results, svg
from .errors import BenchError

BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"
PLOT_CASE = {"connections": 64}
PICTURES = ("docs/bench-throughput.svg", "docs/bench-cpu.svg")


def _runs(document, name):
    return [run for run in document["runs"] if run["scenario"] == name]


def _estimate(runs, target, over, case, metric):
    return ratios.estimate(ratios.paired(results.pick(runs, target, case, metric), results.pick(runs, over, case, metric)))


def plots(document):
    """{file: svg}: throughput and proxy CPU of every target at PLOT_CASE."""
    runs = _runs(document, "requests")
    names = [name for name in results.targets(runs) if name != "direct"]
    rates = [(name, found.median, found.low, found.high) for name in names
             if (found := _estimate(runs, name, "direct", PLOT_CASE, "requests_per_s"))]
    if not rates:
        raise BenchError("the result has no runs of the scenario 'requests' at 64 connections: measure that first")
    costs = []
    for name in names:
        values = list(results.pick(runs, name, PLOT_CASE, "proxy_us").values())
        if values:
            found = ratios.estimate(values)
            costs.append((name, found.median, found.low, found.high))
    return dict(zip(PICTURES, (
        svg.bar_chart("Throughput of one hop over no hop, 1 KiB, 64 connections: more is better", rates, "x", mark=1.0),
        svg.bar_chart("CPU that the proxy spends on a request, 1 KiB, 64 connections: less is better", costs, "us"))))


def table(document):
    """Markdown: one line a target, of what most people ask first."""
    runs = _runs(document, "requests")
    lines = ["| 1 KiB, one hop with a header match and weights | throughput over no hop, 16 / 64 connections | proxy CPU us | machine CPU over no hop | "
             "p50 over no hop, 1 connection |", "|---|---|---|---|---|"]
    for name in results.targets(runs):
        if name == "direct":
            continue
        cells = [" / ".join(_cell(_estimate(runs, name, "direct", {"connections": count}, "requests_per_s")) for count in (16, 64))]
        cpu = list(results.pick(runs, name, PLOT_CASE, "proxy_us").values())
        cells += [f"{statistics.median(cpu):.1f}" if cpu else "-", _cell(_estimate(runs, name, "direct", PLOT_CASE, "machine_us")),
                  _cell(_estimate(runs, name, "direct", {"connections": 1}, "p50_us"))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def bars(document):
    """Markdown: every bar, its median and interval, and what was said of it."""
    lines = ["| bar | goal | median and interval | verdict |", "|---|---|---|---|"]
    for verdict in document["verdicts"]:
        spread = f"{verdict['median']:.2f} ({verdict['low']:.2f}..{verdict['high']:.2f})"
        lines.append(f"| {verdict['scenario']}: {verdict['name']} | {verdict['goal']} | {spread} | {verdict['state']} |")
    return lines


def _cell(found):
    return f"{found.median:.2f} ({found.low:.2f}..{found.high:.2f})" if found else "-"


def section(document, command):
    machine = document["facts"]
    noise = "" if machine["spin_noise"] is None else f", noise of a fixed spin {machine['spin_noise']:.0%}"
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    lines = [f"`{document['command']}` on {machine['cpus']} CPUs of {machine['processor']}, Linux {machine['kernel']}{noise}: medians of",
             f"rounds in turns and 95 % intervals; {versions}. This part of the page is made by `{command}`.", "",
             *table(document), ""]
    lines += [f"missing: {what}: {why}" for what, why in document["missing"].items()]
    lines += [f"![{text}]({path})" for text, path in zip(("throughput", "CPU"), PICTURES)]
    lines += ["", "What is promised, and what is not kept:", "", *bars(document)]
    return "\n".join(lines)


def replace(page, document, command):
    """The page with what stands between the marks made anew."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise BenchError(f"the page needs {BEGIN} and {END}, each once")
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{section(document, command)}\n{END}{rest.split(END)[1]}"
