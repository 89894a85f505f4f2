"""Fails where two places that must say the same do not: versions, links between pages, verbs of ./dev,
metrics and their table."""

import os
import re
import sys

import sources


def versions():
    project = re.search(r"project\(sluice VERSION ([\d.]+)", sources.read("CMakeLists.txt"))[1]
    newest = re.search(r"^## \[(?!Unreleased)([\d.]+)\]", sources.read("CHANGELOG.md"), re.MULTILINE)
    if newest and newest[1] != project:
        yield f"CHANGELOG.md: the newest release is {newest[1]}, CMakeLists.txt says {project}"


def links():
    for page in sources.files(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", sources.read(page)):
            if "://" not in target and not (sources.ROOT / os.path.dirname(page) / target).exists():
                yield f"{page}: the link to {target} leads nowhere"


def verbs():
    script = sources.read("dev")
    defined = set(re.findall(r"^verb_(\w+)\(\)", script, re.MULTILINE))
    explained = set(re.findall(r"^  ([a-z]+)(?: |$)", script.split("HELP")[1], re.MULTILINE))
    for verb in sorted(defined ^ explained):
        yield f"dev: verb '{verb}' is {'not in --help' if verb in defined else 'in --help and nowhere else'}"
    for page in sources.files(".md"):
        for verb in re.findall(r"\./dev ([a-z]+)", sources.read(page)):
            if verb not in defined:
                yield f"{page}: ./dev {verb} does not exist"


def decisions():
    pages = [name for name in sources.files(".md") if name.startswith("docs/adr/")]
    numbers = [int(re.match(r"docs/adr/(\d{4})-", page)[1]) for page in pages if re.match(r"docs/adr/\d{4}-", page)]
    if len(set(numbers)) != len(numbers):
        yield "docs/adr: a number is used twice"


def metrics():
    """Every metric of the code is explained, and every explained metric exists."""
    written = {}
    for path in sources.files(".cc", ".h"):
        if path.startswith(("userspace/agent/", "userspace/proxy/", "userspace/app/")):
            for name in re.findall(r'"(sluice_[a-z0-9_]+)"', sources.read(path)):
                written.setdefault(name, path)
    explained = set(re.findall(r"`(sluice_[a-z0-9_]+)`", sources.read("docs/operations.md")))
    for name in sorted(set(written) - explained):
        yield f"docs/operations.md: the metric {name} ({written[name]}) is not explained"
    for name in sorted(explained - set(written)):
        yield f"docs/operations.md: there is no metric {name}"


def main():
    problems = [problem for check in (versions, links, verbs, decisions, metrics) for problem in check()]
    print("\n".join(problems) or "consistent")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
