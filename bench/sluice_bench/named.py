"""The same loads on addresses that the user named, from here: no pods, no mesh, nothing that needs root."""
import time

from . import busy, facts, loads, meter, ratios, results
from .errors import BenchError
from .progress import Progress
from .targets import Named

LISTEN_S = 0.2  # Before each round: while we load an address of this machine, what answers there looks like others.
OURS_TO_CHANGE = {"setting", "cpus", "rate_of_direct"}
HTTP_TOOLS = ("wrk", "own", "h2load", "grpc", "ghz")


def unusable(scenario, targets):
    """Why a scenario cannot be run on these addresses, or None."""
    if scenario.tool not in HTTP_TOOLS:
        return f"its load ({scenario.tool}) needs pods of our own: run it without --target"
    changed = sorted(set(scenario.vary) & OURS_TO_CHANGE)
    if changed:
        return f"it varies {', '.join(changed)}, which is ours to change only in pods of our own: run it without --target"
    named = next((target.name for target in targets if target.where.path), None)
    if named and "path" in scenario.vary:
        return f"it asks for {', '.join(scenario.vary['path'])}, and {named} names another path: give the address without one"
    return None


def measure_named(options, picked, argv):
    if len(set(options.target)) < len(options.target):
        raise BenchError("--target: an address is named twice: an address over itself says nothing; one more spelling of it (a name for a number) would do")
    targets = [Named(url) for url in options.target]
    refused = {item.name: reason for item in picked if (reason := unusable(item, targets))}
    usable = [item for item in picked if item.name not in refused]
    if not usable:
        raise BenchError("; ".join(f"{name}: {reason}" for name, reason in refused.items()))
    groups = [(item, case) for item in usable for group in item.groups(options.quick) for case in group]
    runs, spins, shares, progress = [], [], [], Progress(len(groups) * len(targets) * (options.rounds + 1))
    for item, case in groups:
        for turn in range(-1, options.rounds):  # The first warms up.
            spins.append(facts.spin_s())
            with busy.Others() as others:
                time.sleep(LISTEN_S)
            shares.append(others.share)
            for target in ratios.alternate(targets, turn):
                progress.begins(item, target.name, case)
                with meter.Meter([]) as cost:
                    result = loads.TIMED[item.tool](target.place(item, case), item, case, options.seconds)
                if turn >= 0:
                    runs.append({"scenario": item.name, "target": target.name, "case": case, "turn": f"named.{turn}", **result,
                                 **cost.per_request(result["requests"])})
                progress.done(result)
    progress.end()
    return {"format": results.FORMAT, "command": "sluice-bench " + " ".join(argv), "when": time.strftime("%Y-%m-%d"),
            "facts": {**facts.machine(), "spin_noise": facts.noise(spins), "others_busy": facts.usual(shares)}, "rounds": options.rounds,
            "seconds": options.seconds, "workers": 0, "versions": {}, "missing": refused,
            "scenarios": [{"name": item.name, "title": item.title, "about": item.about} for item in usable],
            "runs": runs, "verdicts": []}
