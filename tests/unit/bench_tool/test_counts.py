"""The gate of exact instruction counts: what it reads, and what it refuses."""
import importlib.util
import os
import shlex

import pytest
from conftest import ROOT

_spec = importlib.util.spec_from_file_location("check_counts", os.path.join(ROOT, "bench", "micro", "check_counts.py"))
check_counts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_counts)

DUMP = "# callgrind format\npart: 2\n\n\ndesc: Trigger: Client Request: parse\n\nevents: Ir\nsummary: 2000\n\nfn=(0)\n0 900\ntotals: 600\n"


def test_a_dump_tells_operation_and_instructions_of_one_call():
    assert check_counts.parse_dump(DUMP) == ("parse", 100)


def test_what_ran_while_collection_was_off_is_not_counted():
    assert check_counts.parse_dump(DUMP, is_toggled=True) == ("parse", 30)


def test_the_dump_at_the_end_is_none_of_ours():
    assert check_counts.parse_dump(DUMP.replace("Client Request: parse", "Program termination")) is None


@pytest.mark.parametrize("now, is_wrong, is_said", [(100, False, False), (102, False, False), (103, True, False), (97, False, True)])
def test_only_growth_beyond_the_tolerance_fails(now, is_wrong, is_said):
    wrong, said = check_counts.compare({"parse": now}, {"parse": (100, 2.0)})
    assert (bool(wrong), bool(said)) == (is_wrong, is_said)


def test_operations_and_table_must_be_the_same():
    wrong, _ = check_counts.compare({"new": 1}, {"old": (1, 2.0)})
    assert wrong == ["old: is in the table and was not run", "new: is not in the table"]


@pytest.mark.parametrize("large, is_wrong", [(1000, False), (1020, False), (1021, True)])
def test_an_operation_may_be_no_dearer_than_another(large, is_wrong):
    assert bool(check_counts.dearer({"small": 1000, "large": large}, [("large", "small")])) == is_wrong


def test_update_keeps_tolerances():
    assert check_counts.parse_table(check_counts.render({"a": 5, "b": 7}, {"a": (4, 3.5)})) == {"a": (5, 3.5), "b": (7, 2.0)}


def test_a_broken_table_is_refused_with_its_line():
    with pytest.raises(SystemExit, match="counts.tsv:2: must be operation"):
        check_counts.parse_table("# head\nparse many\n")


def told(*argv):
    """The command that is told, taken apart as it would be if it were run."""
    command = shlex.split(check_counts.update_command(check_counts.parser_of().parse_args(argv)))
    assert os.path.realpath(command[0]) == os.path.realpath(check_counts.__file__)
    return check_counts.parser_of().parse_args(command[1:])


def test_the_told_command_updates_the_table_that_was_compared(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    again = told("/build/sluice-request-counts", "--table", "/tests/counts.tsv", "--within", "A::B*", "--within", "C D")
    assert again.update
    assert (os.path.abspath(again.program), os.path.abspath(again.table)) == ("/build/sluice-request-counts", "/tests/counts.tsv")
    assert again.within == ["A::B*", "C D"]


def test_the_told_command_is_short_for_the_usual_table():
    assert "--table" not in check_counts.update_command(check_counts.parser_of().parse_args(["bin/sluice-counts"]))
    assert told("bin/sluice-counts").table == check_counts.TABLE
