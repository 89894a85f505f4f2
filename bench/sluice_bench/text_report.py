"""A result as plain text for a terminal and as Markdown."""
from . import results


def _plain(headings, rows, left=1):
    """Columns; the first `left` of them are text."""
    widths = [max(len(str(row[column])) for row in [headings, *rows]) for column in range(len(headings))]
    return ["  " + "  ".join(str(cell).ljust(width) if column < left else str(cell).rjust(width)
                             for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in [headings, *rows]]


def _markdown(headings, rows, left=1):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [headings, *rows]]
    return [lines[0], "|" + "---|" * len(headings), *lines[1:]]


def verdict_rows(document):
    rows = []
    for verdict in document["verdicts"]:
        measured = "-" if verdict["median"] is None else f"{verdict['median']:.2f}"
        spread = "-" if verdict["median"] is None else f"{verdict['low']:.2f}..{verdict['high']:.2f}"
        rows.append([verdict["state"], f"{verdict['scenario']}: {verdict['name']}", verdict["goal"], measured, spread, verdict["why"]])
    return ["verdict", "bar", "goal", "median", "95 % interval", "why"], rows


def facts_line(document):
    machine = document["facts"]
    noise = "not measured" if machine.get("spin_noise") is None else f"{machine['spin_noise']:.0%}"
    busy = "not measured" if machine["others_busy"] is None else f"{machine['others_busy']:.0%} of a CPU"
    kind = "virtual" if machine["virtual"] else "bare"
    return (f"{machine['cpus']} CPUs of {machine['processor']} ({kind}), Linux {machine['kernel']}, governor {machine['governor']}, "
            f"noise of a fixed spin {noise}, others used {busy} during the rounds")


def render(document, is_markdown=False):
    layout = _markdown if is_markdown else _plain
    title = (lambda text: f"\n## {text}\n") if is_markdown else (lambda text: f"\n{text}")
    lines = [f"`{document['command']}`" if is_markdown else document["command"], "", facts_line(document),
             "versions: " + ", ".join(f"{name} {version}" for name, version in document["versions"].items())]
    lines += [f"missing: {what}: {why}" for what, why in document["missing"].items()]
    for scenario in document["scenarios"]:
        runs = [run for run in document["runs"] if run["scenario"] == scenario["name"]]
        if not runs:
            continue
        lines += [title(f"{scenario['name']}: {scenario['title']}"), scenario["about"]]
        for case in results.cases(runs):
            headings, rows = results.table(runs, case)
            lines += ["", results.case_text(case) + ("\n" if is_markdown else "")] if case else [""]
            lines += layout(headings, rows)
            headings, rows = results.breakdown(runs, case)
            lines += ["", *layout(headings, rows)] if rows else []
    if document["verdicts"]:
        lines.append(title("Bars"))
        lines += layout(*verdict_rows(document), left=2)
    return "\n".join(lines) + "\n"
