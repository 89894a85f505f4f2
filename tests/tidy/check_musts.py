"""Fails where tests/unit/http/musts.tsv, the table of what the RFCs of HTTP/2 demand, names no test or one that is not
there, or is out of order."""

import re
import sys

import sources

TABLE = "tests/unit/http/musts.tsv"
RFCS = ("9113", "7541", "8441")  # In the table's order.
TEST = re.compile(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)


def existing_tests():
    """All "Suite.Name" of the unit tests."""
    paths = [path for path in sources.files("_test.cc") if path.startswith("tests/unit/")]
    return {".".join(found) for path in paths for found in TEST.findall(sources.read(path))}


def is_named_after(test, rfc, section):
    """H2Rfc9113Test.Section6_9_1NothingIs... is of section 6.9.1 and of no other."""
    suite, _, name = test.partition(".")
    prefix = "Section" + section.replace(".", "_")
    return f"Rfc{rfc}" in suite and name.startswith(prefix) and name[len(prefix):][:1].isupper()


def check_row(cells, tests):
    """What is wrong with one row."""
    if len(cells) != 5 or not all(cells):
        yield "must have five cells between tabs: RFC, section, demand, tests, why there is none"
        return
    rfc, section, _, named, why = cells
    if rfc not in RFCS or not re.fullmatch(r"\d+(\.\d+)*", section):
        yield f"RFC {rfc} section {section}: no RFC of this table, or not a section"
    if (named == "-") == (why == "-"):
        yield "must have tests or why there is none, and not both"
    if named == "-":
        return
    for test in named.split(", "):
        if test not in tests:
            yield f"there is no test {test}"
    if not any(is_named_after(test, rfc, section) for test in named.split(", ")):
        yield f"no test is named after RFC {rfc} section {section}: SuiteRfc{rfc}Test.Section{section.replace('.', '_')}..."


def place(cells):
    return RFCS.index(cells[0]), [int(part) for part in cells[1].split(".")]


def check(text, tests):
    last = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        problems = list(check_row(cells, tests))
        yield from (f"{TABLE}:{number}: {problem}" for problem in problems)
        if problems:
            continue
        if last and place(cells) < last:
            yield f"{TABLE}:{number}: RFC {cells[0]} section {cells[1]} comes too late"
        last = place(cells)


def main():
    problems = list(check(sources.read(TABLE), existing_tests()))
    print("\n".join(problems) or "every MUST has its test")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
