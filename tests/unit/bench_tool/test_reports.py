"""Pages made of a result."""
import xml.etree.ElementTree as xml

import pytest
from sluice_bench import baseline, charts, html_report, peers, readme, results, svg, text_report
from sluice_bench.errors import BenchError, Missing


def run(target, turn, connections=64, **figures):
    return {"scenario": "requests", "target": target, "case": {"connections": connections}, "turn": turn, **figures}


PARTS = {"proxy_user_us": 3.0, "proxy_system_us": 5.0, "client_us": 6.0, "server_us": 7.0, "rest_us": 1.0}


def document(median=0.45, low=0.44, high=0.46, state="met"):
    runs = []
    for turn in ("a", "b", "c"):
        for count in (1, 16, 64):
            runs += [run("direct", turn, count, requests_per_s=1000.0, p50_us=50.0, machine_us=20.0, **PARTS),
                     run("sluice-full", turn, count, requests_per_s=900.0, p50_us=40.0, machine_us=22.0, proxy_us=8.0, **PARTS,
                         curve_us={"50": 40.0, "99": 90.0})]
    return {"format": 1, "command": "sluice-bench requests", "when": "2026-01-02", "rounds": 3, "seconds": 1.0,
            "facts": {"cpus": 2, "processor": "<a> & b", "kernel": "6.1", "governor": "none", "virtual": True, "spin_noise": 0.02,
                      "others_busy": 0.01},
            "versions": {"haproxy": "2.6"}, "missing": {"envoy": "no wheel"},
            "scenarios": [{"name": "requests", "title": "T", "about": "A"}], "runs": runs,
            "verdicts": [{"scenario": "requests", "name": "bar", "goal": "<= 0.5", "state": state, "why": "", "median": median,
                          "low": low, "high": high}]}


def test_missing_peers_are_named_in_every_report():
    for page in (text_report.render(document()), text_report.render(document(), is_markdown=True), html_report.render(document())):
        assert "envoy" in page and "no wheel" in page
    assert "envoy: no wheel" in readme.section(document(), "command")


def test_a_missing_peer_says_which_package_it_is(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(Missing, match="Debian's package haproxy"):
        peers.prepare("haproxy")


def test_the_page_needs_nothing_from_elsewhere():
    page = html_report.render(document())
    assert "<script" not in page and "src=" not in page and "href=" not in page
    assert "&lt;a&gt; &amp; b" in page


def test_charts_are_well_formed_and_show_every_target():
    runs = document()["runs"]
    drawn = charts.of_case({"name": "requests"}, {"connections": 64}, runs)
    assert len(drawn) == 3
    for chart in drawn:
        assert "sluice-full" in "".join(xml.fromstring(chart).itertext())


def test_the_table_gives_medians_and_ratios():
    headings, rows = results.table(document()["runs"], {"connections": 64})
    assert dict(zip(headings, rows[1]))["rate over direct"] == "0.90 (0.90..0.90)"


def test_the_readme_changes_only_between_its_marks():
    page = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"
    renewed = readme.replace(page, document(), "command")
    assert renewed.startswith("before\n") and renewed.endswith("\nafter\n") and "old" not in renewed
    assert "| sluice-full | 0.90 (0.90..0.90) / 0.90 (0.90..0.90) | 8.0 |" in renewed
    with pytest.raises(BenchError, match="each once"):
        readme.replace("no marks", document(), "command")


def test_readme_plots_are_well_formed():
    for picture in readme.plots(document()).values():
        xml.fromstring(picture)


@pytest.mark.parametrize("median, low, high, state, is_worse", [
    (0.45, 0.44, 0.46, "met", False),
    (0.55, 0.54, 0.56, "missed", True),
    (0.55, 0.45, 0.65, "missed", False),   # The intervals overlap.
    (0.48, 0.471, 0.49, "met", False),     # Within the tolerance.
    (0.55, 0.54, 0.56, "noisy", False),
])
def test_a_regression_is_beyond_tolerance_and_doubt(tmp_path, median, low, high, state, is_worse):
    path = str(tmp_path / "base.json")
    baseline.accept(path, document())
    assert bool(baseline.compare(document(median, low, high, state), baseline.read(path)).worse) == is_worse


def test_numbers_keep_three_figures():
    assert [svg.number_text(value) for value in (0.123, 12.34, 1234.5)] == ["0.12", "12.3", "1,234"]


def test_results_of_one_machine_are_merged():
    first, second = document(), {**document(), "command": "more"}
    second["facts"] = {**second["facts"], "spin_noise": 0.5}
    whole = results.merge([first, second])
    assert (len(whole["runs"]), whole["facts"]["spin_noise"]) == (2 * len(first["runs"]), 0.5)
    second["facts"]["kernel"] = "6.2"
    with pytest.raises(BenchError, match="different machines"):
        results.merge([first, second])


def test_addresses_are_compared_with_the_first_of_them():
    first, second = "http://a:1/", "http://b:1/"
    runs = [run(target, str(turn), requests_per_s=rate, p50_us=50.0, p99_us=latency)
            for turn in range(3) for target, rate, latency in ((first, 1000.0, 100.0), (second, 500.0, 300.0))]
    headings, rows = results.table(runs, {"connections": 64})
    assert headings[-3:] == [f"{what} over {first}" for what in ("rate", "p50", "p99")]
    assert [row[-3:] for row in rows] == [["-"] * 3, ["0.50 (0.50..0.50)", "1.00 (1.00..1.00)", "3.00 (3.00..3.00)"]]
    assert f"rate over {first}" in charts.throughput(runs, {"connections": 64}, "title")


def test_one_address_is_compared_with_nothing():
    headings, _ = results.table([run("http://a:1/", "0", requests_per_s=9.0)], {"connections": 64})
    assert not any("over" in heading for heading in headings)


def test_every_report_tells_where_the_cpu_time_went():
    headings, rows = results.breakdown(document()["runs"], {"connections": 64})
    assert dict(zip(headings, rows[1])) == {"CPU us for each": "sluice-full", "proxy, user": "3.00", "proxy, kernel": "5.00", "client": "6.00",
                                            "server": "7.00", "rest": "1.00", "of these BPF": "-"}
    for page in (text_report.render(document()), text_report.render(document(), is_markdown=True), html_report.render(document())):
        assert "proxy, kernel" in page


def test_what_was_not_taken_apart_has_no_such_table():
    assert results.breakdown([run("direct", "a", machine_us=20.0)], {"connections": 64})[1] == []
