"""Fails on files and functions that do not fit a reader's head (docs/architecture.md); warns where it comes close."""

import ast
import re
import sys

import rules
import sources


TABLE_LINE = re.compile(r"\s*(?:case [^;]*:(?: *return [^;(]*;)?|return [^;(]*;)\s*(?://.*)?$")


def is_test(path):
    return path.startswith("tests/")


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, node.end_lineno - node.lineno + 1


def is_table(lines):
    """A switch that only maps values to values is a table, and tables may be long."""
    entries = sum(1 for line in lines if TABLE_LINE.match(line))
    return entries >= 0.9 * len(lines)


def check_file(path, text):
    """(is failure, message) for every finding."""
    lines = text.count("\n")
    if lines > rules.FILE_LINES_WARN and not is_test(path):
        yield lines > rules.FILE_LINES_MAX, (f"{path}: {lines} lines (at most {rules.FILE_LINES_MAX}, better under "
                                             f"{rules.FILE_LINES_WARN}): split it by idea")
    found = python_functions(text) if path.endswith(".py") else sources.functions(text)
    for line, name, size in found:
        if is_table(text.splitlines()[line - 1:line - 1 + size]):
            continue
        if size > rules.FUNCTION_LINES_MAX:
            yield not is_test(path), f"{path}:{line}: {name} has {size} lines (at most {rules.FUNCTION_LINES_MAX})"
        elif path.startswith("bpf/") and size > rules.BPF_FUNCTION_LINES_WARN:
            yield False, f"{path}:{line}: {name} has {size} lines (in BPF better under {rules.BPF_FUNCTION_LINES_WARN})"


def main():
    has_failed = False
    for path in sources.files(*sources.CXX, ".py"):
        for is_failure, message in check_file(path, sources.read(path)):
            has_failed |= is_failure
            print(message if is_failure else "warning: " + message)
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
