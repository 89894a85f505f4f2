"""The same loads on addresses that the user named, from here: no pods, no mesh, nothing that needs root."""
import time

from . import busy, facts, loads, meter, ratios, results
from .errors import BenchError
from .progress import Progress
from .targets import Named

LISTEN_S = 0.2  # Before each round: while we load an address of this machine, what answers there looks like others.
HTTP_TOOLS = ("wrk", "own", "h2load", "grpc")


def measure_named(options, picked, argv):
    targets = [Named(url) for url in options.target]
    usable = [item for item in picked if item.tool in HTTP_TOOLS and not set(item.vary) & {"setting", "cpus", "rate_of_direct"}]
    if not usable:
        raise BenchError(f"none of these scenarios can be run on an address: {', '.join(item.name for item in picked)}")
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
            "seconds": options.seconds, "workers": 0, "versions": {}, "missing": {},
            "scenarios": [{"name": item.name, "title": item.title, "about": item.about} for item in usable],
            "runs": runs, "verdicts": []}
