"""The last accepted ratios, and what has become worse since. Pure but for reading and writing files."""
import dataclasses
import json
import os

from . import bars, results
from .errors import BenchError
from .outcome import QUIETLY

TOLERANCE = 0.10  # A median may be this much worse before it is called a regression.
KEPT = ("scenario", "name", "goal", "median", "low", "high")


@dataclasses.dataclass(frozen=True)
class Comparison:
    worse: list          # Sentences: beyond the tolerance, and with the whole interval.
    compared: int        # Ratios with a verdict that the baseline has too ...
    total: int           # ... of all that were measured.
    noisy: int
    unknown: int         # To the baseline.
    doubt: str | None    # Why the baseline itself says little.


def accept(path, document):
    """Renews the ratios of a run in the baseline; those of other scenarios stay. Refuses what was measured on a machine that was not
    quiet, and what another machine measured."""
    if doubt := _doubt(document["facts"]):
        raise BenchError(f"not accepted: {doubt}: {QUIETLY}")
    noisy = [verdict["name"] for verdict in document["verdicts"] if verdict["state"] == "noisy"]
    if noisy:
        raise BenchError(f"not accepted: {len(noisy)} figures are without a verdict, the first is {noisy[0]}: {QUIETLY}")
    if not document["verdicts"]:
        raise BenchError("not accepted: no ratio was measured: a baseline holds those of scenarios' bars; choose scenarios and targets that have some")
    kept = {}
    if os.path.exists(path):
        before = read(path)
        for key in ("kernel", "processor", "cpus"):
            if before["facts"].get(key) != document["facts"].get(key):
                raise BenchError(f"not accepted: {path} is of another machine ({key} {before['facts'].get(key)}, here {document['facts'].get(key)}): "
                                 "name a file of this machine's own, or remove that one and measure every scenario")
        kept = _by_name(before["ratios"])
    kept |= _by_name({key: verdict[key] for key in KEPT} for verdict in document["verdicts"])
    results.write(path, {"format": results.FORMAT, "when": document["when"], "command": document["command"], "facts": document["facts"],
                         "versions": document["versions"], "ratios": list(kept.values())})


def _by_name(ratios):
    return {(item["scenario"], item["name"]): item for item in ratios}


def _doubt(facts):
    """Why nothing that was measured under these facts is to be believed, or None."""
    noise, busy = facts.get("spin_noise"), facts.get("others_busy")
    if noise is not None and noise > bars.SPIN_NOISE_MAX:
        return f"fixed work took now more, now less time: by {noise:.0%}"
    if busy is not None and busy > bars.OTHERS_BUSY_MAX:
        return f"others used {busy:.0%} of a CPU during the rounds"
    return None


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: {error}: make one with --accept") from error


def compare(document, baseline):
    before, worse, noisy, unknown = _by_name(baseline["ratios"]), [], 0, 0
    for now in document["verdicts"]:
        then = before.get((now["scenario"], now["name"]))
        if then is None:
            unknown += 1
        elif now["state"] == "noisy":
            noisy += 1
        elif (by := _worse(now, then, now["goal"].startswith(">="))) is not None:
            worse.append(f"{now['scenario']}: {now['name']}: {now['median']:.3f} ({now['low']:.3f}..{now['high']:.3f}), "
                         f"was {then['median']:.3f}: {by:.0%} worse")
    total = len(document["verdicts"])
    return Comparison(worse, total - noisy - unknown, total, noisy, unknown, _doubt(baseline["facts"]))


def _worse(now, then, is_more_better):
    """By how much, if it is beyond doubt; else None."""
    if not then["median"]:
        return None
    if is_more_better:
        return 1 - now["median"] / then["median"] if now["high"] < then["low"] and now["median"] < then["median"] * (1 - TOLERANCE) else None
    return now["median"] / then["median"] - 1 if now["low"] > then["high"] and now["median"] > then["median"] * (1 + TOLERANCE) else None
