"""The last accepted ratios, and what has become worse since. Pure but for reading and writing files."""
import json

from . import results
from .errors import BenchError

TOLERANCE = 0.10  # A median may be this much worse before it is called a regression.


def accept(path, document):
    """Keeps the ratios of a run, with the machine that made them. Refuses a run that was too noisy."""
    noisy = [verdict["name"] for verdict in document["verdicts"] if verdict["state"] == "noisy"]
    if noisy:
        raise BenchError(f"not accepted: {len(noisy)} figures are without a verdict, the first is {noisy[0]}: measure again, quietly")
    keep = ("scenario", "name", "goal", "median", "low", "high")
    results.write(path, {"format": results.FORMAT, "when": document["when"], "command": document["command"], "facts": document["facts"],
                         "versions": document["versions"],
                         "ratios": [{key: verdict[key] for key in keep} for verdict in document["verdicts"]]})


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: {error}: make one with --accept") from error


def regressions(document, baseline):
    """Sentences about what is worse than the baseline: beyond the tolerance, and with its whole interval."""
    before = {(item["scenario"], item["name"]): item for item in baseline["ratios"]}
    found = []
    for now in document["verdicts"]:
        then = before.get((now["scenario"], now["name"]))
        if then is None:
            continue
        is_more_better = now["goal"].startswith(">=")
        if now["state"] != "noisy" and (worse := _worse(now, then, is_more_better)) is not None:
            found.append(f"{now['scenario']}: {now['name']}: {now['median']:.3f} ({now['low']:.3f}..{now['high']:.3f}), "
                         f"was {then['median']:.3f}: {worse:.0%} worse")
    return found


def _worse(now, then, is_more_better):
    """By how much, if it is beyond doubt; else None."""
    if not then["median"]:
        return None
    if is_more_better:
        return 1 - now["median"] / then["median"] if now["high"] < then["low"] and now["median"] < then["median"] * (1 - TOLERANCE) else None
    return now["median"] / then["median"] - 1 if now["low"] > then["high"] and now["median"] > then["median"] * (1 + TOLERANCE) else None
