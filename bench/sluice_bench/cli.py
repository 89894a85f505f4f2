"""The command line of sluice-bench."""
import argparse
import os
import subprocess
import sys
import time

from sluice_testing.network import Network, isolate

from . import bars, baseline, facts, html_report, loads, outcome, peers, results, scenario as scenarios, text_report
from .errors import BenchError, Missing
from .named import measure_named
from .runner import PEERS, Runner, check_needs
from .town import Town

QUICK_ROUNDS, QUICK_SECONDS = 3, 0.3


def parser():
    made = argparse.ArgumentParser(prog="sluice-bench", description="Measures a hop through Sluice and its peers against no hop, on "
                                   "this machine, in runs that take turns. Without SCENARIO: all of them.",
                                   epilog="exit codes: 0 measured, and nothing is wrong; 1 a bar is missed (--gate) or something is worse than "
                                   "the baseline (--compare); 2 the run failed; 3 no verdict: nothing was measured in some scenario, nothing "
                                   "could be compared, or a bar of the gate is without a verdict; 130 interrupted")
    made.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="names of scenarios (--list shows them) or paths of files")
    made.add_argument("--list", action="store_true", help="list the scenarios and end")
    made.add_argument("--targets", default=",".join(scenarios.TARGETS), help="default: %(default)s")
    made.add_argument("--target", action="append", default=[], metavar="URL", help="send the loads to this address instead; may be "
                      "repeated, the addresses take turns. Only name what you may put load on")
    made.add_argument("--only", action="append", default=[], metavar="PARAMETER=VALUE,...", help="only the cases with one of these "
                      "values, for example connections=16,64; may be repeated")
    made.add_argument("--rounds", type=int, default=10, help="rounds of every comparison (default %(default)s)")
    made.add_argument("--seconds", type=float, default=1.0, help="length of one run (default %(default)s)")
    made.add_argument("--workers", type=int, default=os.cpu_count(), help="workers of every proxy (default: processors, %(default)s)")
    made.add_argument("--quick", action="store_true", help="a look in under a minute: few rounds, few cases; no result")
    made.add_argument("--json", metavar="FILE", help="where the numbers go (default: build/bench.json, or ./bench.json)")
    made.add_argument("--report", metavar="FILE.html", help="also write a page with charts")
    made.add_argument("--markdown", metavar="FILE", help="also write the tables as Markdown")
    made.add_argument("--compare", nargs="?", const="", metavar="FILE", help="name what is worse than a baseline: exit 1 if "
                      "anything is, 3 if nothing could be compared (default: baselines/default.json beside the scenarios)")
    made.add_argument("--accept", nargs="?", const="", metavar="FILE", help="renew this run's ratios in the baseline; "
                      "the machine has to be quiet")
    made.add_argument("--gate", action="store_true", help="every bar has to be met: exit 1 if one is missed, 3 if one is without a verdict")
    return made


def options_of(argv, home):
    options = parser().parse_args(argv)
    options.targets = options.targets.split(",")
    for name in options.targets:
        if name not in scenarios.TARGETS:
            raise BenchError(f"--targets: {name!r} is not known; there are: {', '.join(scenarios.TARGETS)}")
    if not 1 <= options.rounds <= 50 or not 0.1 <= options.seconds <= 10 or not 1 <= options.workers <= 64:
        raise BenchError("--rounds is 1 to 50, --seconds 0.1 to 10, --workers 1 to 64")
    if options.quick:
        options.rounds, options.seconds = min(options.rounds, QUICK_ROUNDS), min(options.seconds, QUICK_SECONDS)
    options.peers_dir, options.scenarios_dir = os.path.join(home, "peers"), os.path.join(home, "scenarios")
    default = os.path.join(home, "baselines", "default.json")
    options.compare = default if options.compare == "" else options.compare
    options.accept = default if options.accept == "" else options.accept
    options.before = baseline.read(options.compare) if options.compare else None  # A wrong path is told before, not after.
    options.cpus = os.sched_getaffinity(0)
    options.json = options.json or (os.path.join("build", "bench.json") if os.path.isdir("build") else "bench.json")
    return options


def chosen(options):
    """The scenarios that were asked for, with only the cases that were."""
    picked = find(options)
    for condition in options.only:
        name, _, value = condition.partition("=")
        picked = [scenarios.restricted(item, name, value) for item in picked]
    return picked


def find(options):
    known = scenarios.load_all(options.scenarios_dir)
    if not options.scenarios:
        return [item for item in known.values() if not options.quick or item.quick]
    picked = []
    for name in options.scenarios:
        if name in known:
            picked.append(known[name])
        elif name.endswith(".yaml"):
            picked.append(scenarios.load(name))
        else:
            raise BenchError(f"there is no scenario {name!r}; there are: {', '.join(known)}")
    return picked


def find_peers(options, picked):
    """({program: version}, {peer: why it is missing})"""
    told = subprocess.run([loads.program("sluicectl"), "version"], capture_output=True, text=True, check=False).stdout.split()
    versions, missing = {"sluice": told[1] if len(told) > 1 else "unknown"}, {}
    for name in PEERS:
        if name in options.targets and any(name in item.targets for item in picked):
            try:
                versions[name] = peers.prepare(name)
            except Missing as error:
                missing[name] = str(error)
    return versions, missing


def verdicts_of(picked, runs, spin_noise, busy):
    rows = []
    for item in picked:
        mine = [run for run in runs if run["scenario"] == item.name]
        if not mine:
            continue
        for bar in item.bars:
            found = bars.judge(bar, mine, spin_noise, item.rounds, facts.usual(busy.get(item.name, [])))
            if found.state == "unmeasured":
                continue  # A case or target that was not asked for.
            measured = found.measured
            goal = f">= {bar.at_least:g}" if bar.at_least is not None else f"<= {bar.at_most:g}"
            rows.append({"scenario": item.name, "name": bar.name(), "goal": goal, "state": found.state, "why": found.why,
                         "median": measured.median, "low": measured.low, "high": measured.high})
    return rows


def measure(options, picked, argv):
    check_needs()
    versions, missing = find_peers(options, picked)
    isolate()
    with Network() as network:
        runner = Runner(Town(network), options, missing)
        runner.run_all(picked)
    noise = facts.noise(runner.spins)
    return {"format": results.FORMAT, "command": "sluice-bench " + " ".join(argv), "when": time.strftime("%Y-%m-%d"),
            "facts": {**facts.machine(), "spin_noise": noise,
                      "others_busy": facts.usual([share for shares in runner.busy.values() for share in shares]),
                      "spins_ms": [round(1000 * spin, 2) for spin in runner.spins]},
            "rounds": options.rounds, "seconds": options.seconds, "workers": options.workers, "versions": versions,
            "missing": {**missing, **runner.left_out},
            "scenarios": [{"name": item.name, "title": item.title, "about": item.about} for item in picked],
            "runs": runner.runs, "verdicts": verdicts_of(picked, runner.runs, noise, runner.busy)}


def finish(options, document, asked):
    print(text_report.render(document))
    results.write(options.json, document)
    for path, render in ((options.markdown, lambda: text_report.render(document, is_markdown=True)),
                         (options.report, lambda: html_report.render(document))):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(render())
    told = [outcome.of_run(document, asked), outcome.of_bars(document, options.gate)]
    if options.before:
        told.append(outcome.of_comparison(baseline.compare(document, options.before), options.compare))
    for sentence in (sentence for sentences, _ in told for sentence in sentences):
        print(sentence)
    print(f"numbers in {options.json}")
    if options.accept:
        baseline.accept(options.accept, document)
        print(f"accepted: {options.accept}")
    return outcome.worst([code for _, code in told])


def run(argv, home):
    options = options_of(argv, home)
    picked = chosen(options)
    if options.list:
        for item in picked:
            print(f"{item.name:<16} {item.title}")
        return 0
    if options.target:
        document = measure_named(options, picked, argv)
        # Without names all scenarios are meant that can be run so.
        return finish(options, document, [item.name for item in picked] if options.scenarios else [item["name"] for item in document["scenarios"]])
    return finish(options, measure(options, picked, argv), [item.name for item in picked])


def main(argv, home):
    try:
        return run(argv, home)
    except (BenchError, AssertionError, RuntimeError) as error:
        print(f"\nsluice-bench: {error}", file=sys.stderr)
        return 2
