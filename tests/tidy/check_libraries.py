"""Fails when a program of ours would load OpenSSL, or a library that brings it (rules.py), directly or through another.
usage: check_libraries.py FOLDER_OF_PROGRAMS"""

import pathlib
import subprocess
import sys

import rules


def loaded(program):
    """Every shared object that the dynamic loader would map, by its soname."""
    text = subprocess.run(["ldd", str(program)], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def main():
    folder = pathlib.Path(sys.argv[1])
    problems = []
    for name in rules.PROGRAMS:
        program = folder / name
        if not program.exists():
            problems.append(f"{program} is missing: build everything first")
            continue
        for library in loaded(program):
            if library.split("/")[-1].startswith(rules.FORBIDDEN_LIBRARIES):
                problems.append(f"{name} loads {library}: BoringSSL and OpenSSL cannot share a process")
    print("\n".join(problems) or "no program loads OpenSSL")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
