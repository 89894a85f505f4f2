"""Fails on an include through a closed door, or of a fenced library outside of its fence (rules.py)."""

import re
import sys

import rules
import sources

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
OURS = ("userspace/", "controller/", "bpf/", "api/", "tests/", "bench/")


def room_of(path):
    """The longest room that the path lies in; None outside of all rooms."""
    rooms = [room for room in rules.DOORS if path.startswith(room + "/")]
    return max(rooms, key=len) if rooms else None


def target_of(include):
    if re.fullmatch(r"bpf/\w+\.skel\.h", include):
        return "bpf/skeleton"
    if include.startswith(rules.OUTSIDE):
        return include.split("/")[0]
    return room_of(include)


def problem(path, quote, include):
    """What is wrong with this include of this file, or None."""
    for prefix, places in rules.FENCES.items():
        if include.startswith(prefix) and quote == "<" and not path.startswith(tuple(places) + rules.OUTSIDE):
            return f"<{include}> is fenced: only {', '.join(places) or 'nobody'} may include it"
    if quote == "<" or path.startswith(rules.OUTSIDE):
        return None
    if not include.startswith(OURS):
        if include.startswith(("absl/", "google/")) or path.startswith("bpf/"):
            return None
        return f'"{include}": name a header of ours from the root of the tree' if "/" not in include else None
    room, target = room_of(path), target_of(include)
    if room is None:
        return "this folder is no room: add it to DOORS in tests/tidy/rules.py"
    if target == room or target in rules.DOORS[room] or include in rules.DOORS[room]:
        return None
    return f'"{include}": the door from {room} to {target} is closed (tests/tidy/rules.py, docs/architecture.md)'


def main():
    problems = 0
    for path in sources.files(*sources.CXX):
        if not path.startswith(OURS):
            continue
        text = sources.read(path)
        for found in INCLUDE.finditer(text):
            trouble = problem(path, found[1], found[2])
            if trouble:
                problems += 1
                print(f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {trouble}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
