"""The outcome of a run as one JSON document, and tables made of it. Pure but for reading and writing files."""
import json
import statistics

from . import ratios
from .errors import BenchError

FORMAT = 1
COLUMNS = (  # metric, heading, decimals
    ("requests_per_s", "req/s", 0), ("gbit_per_s", "Gbit/s", 1), ("mean_us", "mean us", 0), ("p50_us", "p50 us", 0), ("p99_us", "p99 us", 0),
    ("p999_us", "p99.9 us", 0), ("proxy_us", "proxy CPU us", 2), ("machine_us", "machine CPU us", 1), ("switches", "switches", 2),
    ("system_calls", "syscalls", 2), ("bpf_us", "BPF us", 2), ("idle_mib", "idle MiB", 1), ("connection_kib", "KiB/connection", 2),
    ("pss_mib", "PSS MiB", 1), ("unread_mib", "unread MiB", 1), ("kept_up", "kept up", 2), ("changes_arrived", "changes", 0),
    ("config_mib", "config MiB", 1), ("config_agent_mib", "config MiB, agent", 1), ("rss_mib", "RSS MiB", 1),
    ("attack_connections", "attacks", 0), ("attack_kib", "attack KiB", 0), ("attack_ended", "attacks ended", 2),
)

PARTS = (("proxy_user_us", "proxy, user"), ("proxy_system_us", "proxy, kernel"), ("client_us", "client"), ("server_us", "server"),
         ("rest_us", "rest"))  # Of machine_us.
RATES = ("requests_per_s", "gbit_per_s")
OVER = {"requests_per_s": "rate", "gbit_per_s": "rate", "p50_us": "p50", "p99_us": "p99"}


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: {error}: give the JSON file that a run wrote") from error
    if document.get("format") != FORMAT:
        raise BenchError(f"{path}: format {document.get('format')!r}, this version reads {FORMAT}: run the benchmark anew")
    return document


def merge(documents):
    """One result of several that were measured one after the other, on one machine, with different cases."""
    first, *others = documents
    whole = {**first, "command": "; ".join(document["command"] for document in documents)}
    for other in others:
        if other["facts"]["kernel"] != first["facts"]["kernel"] or other["facts"]["processor"] != first["facts"]["processor"]:
            raise BenchError("results of different machines are not one result")
        known = [scenario["name"] for scenario in whole["scenarios"]]
        whole["scenarios"] = whole["scenarios"] + [item for item in other["scenarios"] if item["name"] not in known]
        whole["versions"], whole["missing"] = {**whole["versions"], **other["versions"]}, {**whole["missing"], **other["missing"]}
        for key in ("runs", "verdicts"):
            whole[key] = whole[key] + other[key]
    noises = [document["facts"]["spin_noise"] for document in documents if document["facts"]["spin_noise"] is not None]
    shares = [document["facts"]["others_busy"] for document in documents if document["facts"]["others_busy"] is not None]
    whole["facts"] = {**first["facts"], "spin_noise": max(noises, default=None), "others_busy": max(shares, default=None)}
    whole["rounds"] = min(document["rounds"] for document in documents)
    return whole


def write(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


def cases(runs):
    """The cases of some runs, in order of appearance."""
    found = []
    for run in runs:
        if run["case"] not in found:
            found.append(run["case"])
    return found


def targets(runs):
    return list(dict.fromkeys(run["target"] for run in runs))


def pick(runs, target, case, metric):
    """{turn: value}"""
    return {run["turn"]: run[metric] for run in runs
            if run["target"] == target and run["case"] == case and run.get(metric) is not None}


def table(runs, case):
    """(headings, rows) of the medians of a case; only columns that something was measured for."""
    here = [run for run in runs if run["case"] == case]
    reference = reference_of(here)
    over = [next((metric for metric in RATES if any(run.get(metric) for run in here)), RATES[0])]
    if reference != "direct":  # Addresses: latency is all else that can be told of them.
        over = [metric for metric in (*over, "p50_us", "p99_us") if any(run.get(metric) for run in here)] if len(targets(here)) > 1 else []
    columns = [column for column in COLUMNS if any(run.get(column[0]) is not None for run in here)]
    rows = []
    for target in targets(here):
        cells = [target]
        for metric, _, decimals in columns:
            values = list(pick(here, target, case, metric).values())
            cells.append(f"{statistics.median(values):,.{decimals}f}" if values else "-")
        for metric in over:
            ratio = against(here, target, reference, case, metric)
            cells.append(f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})" if ratio and target != reference else "-")
        rows.append(cells)
    return ["target", *(heading for _, heading, _ in columns), *(f"{OVER[metric]} over {reference}" for metric in over)], rows


def breakdown(runs, case):
    """(headings, rows) of the medians of where the CPU time of a case went; no rows where nothing was taken apart. What BPF
    programs took is part of the others, in whoever's time they ran."""
    here, rows = [run for run in runs if run["case"] == case], []
    for target in targets(here):
        if any("rest_us" in run for run in here if run["target"] == target):
            values = [list(pick(here, target, case, metric).values()) for metric, _ in (*PARTS, ("bpf_us", ""))]
            rows.append([target, *(f"{statistics.median(value):,.2f}" if value else "-" for value in values)])
    return ["CPU us for each", *(heading for _, heading in PARTS), "of these BPF"], rows


def reference_of(runs):
    """What ratios are over: no hop at all, or the first of the addresses that the user named."""
    names = targets(runs)
    return names[0] if names and "://" in names[0] else "direct"


def against(runs, target, reference, case, metric):
    return ratios.estimate(ratios.paired(pick(runs, target, case, metric), pick(runs, reference, case, metric)))


def rate_against(runs, target, reference, case):
    return next((found for metric in RATES if (found := against(runs, target, reference, case, metric))), None)


def case_text(case):
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in case.items())
