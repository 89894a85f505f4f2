"""A result as one page that needs nothing else: no script, no style, no picture from elsewhere. Pure."""
import html

from . import charts, results, text_report

STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:1rem 0;
display:block;overflow-x:auto}td,th{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #8884}td:first-child,th:first-child
{text-align:left}svg{max-width:46rem;width:100%;display:block;margin:1rem 0}.met td:first-child{color:#2a7d2e}.missed td:first-child
{color:#c0392b}.noisy td:first-child{color:#b7791f}code{background:#8882;padding:.1rem .3rem;border-radius:3px}.bars td{text-align:left}
"""


def _table(headings, rows, kind=""):
    head = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in headings)
    lines = "".join(f'<tr class="{html.escape(str(row[0]).split(":")[0])}">'
                    + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'


def render(document):
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>sluice-bench</title>"
             f"<style>{STYLE}</style><h1>What a hop costs</h1><p><code>{html.escape(document['command'])}</code>, {document['when']}</p>",
             f"<p>{html.escape(text_report.facts_line(document))}.</p>",
             f"<p>{document['rounds']} rounds of {document['seconds']:g} s in turns; medians; intervals hold in 95 % of such experiments. "
             + html.escape(", ".join(f"{name} {version}" for name, version in document["versions"].items())) + "</p>"]
    parts += [f"<p><strong>Missing:</strong> {html.escape(what)}: {html.escape(why)}</p>" for what, why in document["missing"].items()]
    if document["verdicts"]:
        parts.append("<h2>Bars</h2>" + _table(*text_report.verdict_rows(document), kind="bars"))
    for scenario in document["scenarios"]:
        runs = [run for run in document["runs"] if run["scenario"] == scenario["name"]]
        if not runs:
            continue
        parts.append(f"<h2>{html.escape(scenario['title'])}</h2><p>{html.escape(scenario['about'])}</p>")
        for case in results.cases(runs):
            if case:
                parts.append(f"<h3>{html.escape(results.case_text(case))}</h3>")
            headings, rows = results.breakdown(runs, case)
            parts += [_table(*results.table(runs, case)), _table(headings, rows) if rows else "", *charts.of_case(scenario, case, runs)]
    return "".join(parts) + "</html>\n"
