#!/usr/bin/python3
"""Instructions of single operations, counted exactly by callgrind, against those in counts.tsv.

    bench/micro/check_counts.py build/bin/sluice-counts            # fails on any that grew beyond its tolerance
    bench/micro/check_counts.py build/bin/sluice-counts --update   # accepts what is there now
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TABLE = os.path.join(HERE, "counts.tsv")
TURNS = 20  # kTurns of counts.cc.
TOLERANCE_PERCENT = 2.0
TIMEOUT_S = 100
HEAD = "# Instructions of one call, by callgrind, in a release build of gcc 12; check_counts.py --update renews them.\n" \
       "# operation\tinstructions\ttolerance in percent\n"


def parse_dump(text, is_toggled=False):
    """(operation, instructions of one call) of one of callgrind's files; None of one that is not between our marks. Where
    collection was switched on and off, only "totals" leaves out what ran while it was off; else "summary" is exact."""
    mark = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.MULTILINE)
    total = re.search(r"^totals: (\d+)$" if is_toggled else r"^summary: (\d+)$", text, re.MULTILINE)
    return (mark[1], int(total[1]) / TURNS) if mark and total else None


def count(program, within=()):
    """{operation: instructions of one call}; with `within`, only of functions of those names and what they call."""
    with tempfile.TemporaryDirectory(prefix="sluice-counts-") as folder:
        argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--dump-line=no",
                *(f"--toggle-collect={name}" for name in within), program]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        except FileNotFoundError:
            sys.exit("check_counts.py: valgrind is not installed: ./dev setup")
        except subprocess.TimeoutExpired:
            sys.exit(f"check_counts.py: {program} under callgrind has not ended within {TIMEOUT_S} s")
        if done.returncode != 0:
            sys.exit(f"check_counts.py: {program} under callgrind exited {done.returncode}:\n{done.stderr[-2000:]}")
        found = {}
        for name in sorted(os.listdir(folder), key=lambda name: int(name.rpartition(".")[2]) if "." in name else 0):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                dump = parse_dump(file.read(), bool(within))
            if dump:
                found[dump[0]] = round(dump[1])
        return found


def parse_table(text, path=TABLE):
    """{operation: (instructions, tolerance in percent)}"""
    table = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            try:
                table[cells[0]] = (int(cells[1]), float(cells[2]))
            except (IndexError, ValueError):
                sys.exit(f"{path}:{number}: must be operation, instructions, tolerance, between tabs")
    return table


def compare(now, table):
    """(what is wrong, what is worth saying)"""
    wrong, said = [], []
    for name, (accepted, tolerance) in table.items():
        if name not in now:
            wrong.append(f"{name}: is in the table and was not run")
            continue
        change = (now[name] / accepted - 1) * 100 if accepted else 0.0
        sentence = f"{name}: {now[name]} instructions, accepted are {accepted} ({change:+.1f} %)"
        if now[name] - accepted > accepted * tolerance / 100:
            wrong.append(sentence)
        elif accepted - now[name] > accepted * tolerance / 100:
            said.append(f"{sentence}: better; accept it as is said below")
    wrong += [f"{name}: is not in the table" for name in now if name not in table]
    return wrong, said


def dearer(now, pairs):
    """What is wrong with operations that may cost no more than others of the same run, within the usual tolerance."""
    return [f"{name}: {now[name]} instructions, {other} needs {now[other]}: more than {TOLERANCE_PERCENT:g} % more" for name, other in pairs
            if now[name] > now[other] * (1 + TOLERANCE_PERCENT / 100)]


def render(now, table):
    rows = [f"{name}\t{count}\t{table.get(name, (0, TOLERANCE_PERCENT))[1]:g}" for name, count in now.items()]
    return HEAD + "\n".join(rows) + "\n"


def update_command(options):
    """What accepts the counts that were compared: the same table and functions, or another gate's table would be overwritten."""
    argv = [os.path.realpath(__file__), os.path.abspath(options.program)]
    if os.path.realpath(options.table) != TABLE:
        argv += ["--table", os.path.abspath(options.table)]
    argv += [part for name in options.within for part in ("--within", name)]
    return shlex.join([*argv, "--update"])


def parser_of():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--table", default=TABLE, help="the accepted counts (default: %(default)s)")
    parser.add_argument("--within", action="append", default=[], metavar="FUNCTION", help="count only in these functions")
    parser.add_argument("--no-dearer", nargs=2, action="append", default=[], metavar=("OPERATION", "THAN"),
                        help=f"fail where OPERATION costs {TOLERANCE_PERCENT:g} %% more than THAN; no update accepts it")
    return parser


def main():
    options = parser_of().parse_args()
    now, table = count(options.program, options.within), {}
    if os.path.exists(options.table):
        with open(options.table, encoding="utf-8") as file:
            table = parse_table(file.read(), options.table)
    wrong, said = compare(now, table)
    for name, instructions in now.items():
        print(f"{name:<28} {instructions:>10}")
    if options.update:
        with open(options.table, "w", encoding="utf-8") as file:
            file.write(render(now, table))
        return 0
    too_dear = dearer(now, options.no_dearer)
    for sentence in said + wrong + too_dear:
        print(sentence)
    if said or wrong:
        print(f"If that is wanted, accept it, and say why in the commit:\n  {update_command(options)}")
    return 1 if wrong or too_dear else 0


if __name__ == "__main__":
    sys.exit(main())
