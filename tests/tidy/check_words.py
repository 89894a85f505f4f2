"""Fails on words, paths and links that no committed file may hold (rules.py)."""

import re
import sys

import rules
import sources

BINARY = (".png", ".pb", ".bin", ".o", ".gz")
EXEMPT = ("LICENSE", "tests/tidy/", "tests/fuzz/corpus/")
LINK = re.compile(r"https?://([A-Za-z0-9.-]+)")
# Names that no resolver answers: for manifests, requests and tests.
INVENTED = re.compile(r"^(?:[\w.-]+\.(?:local|test|example|invalid|cluster)|[\d.]+|[\w-]*|[\w.-]*example\.(?:com|org))$")


def check_text(path, text):
    for pattern, advice in rules.FORBIDDEN:
        for found in re.finditer(pattern, text, re.MULTILINE):
            yield text.count("\n", 0, found.start()) + 1, f"{found[0].strip()!r}: {advice}"
    for found in LINK.finditer(text):
        host = found[1].rstrip(".")
        if host not in rules.LINK_HOSTS and not INVENTED.match(host) and not path.startswith("tests/"):
            yield text.count("\n", 0, found.start()) + 1, f"{found[0]}: not one of LINK_HOSTS in tests/tidy/rules.py"


def main():
    problems = 0
    for path in sources.files():
        if path.endswith(BINARY) or path.startswith(EXEMPT):
            continue
        for line, message in check_text(path, sources.read(path)):
            problems += 1
            print(f"{path}:{line}: {message}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
