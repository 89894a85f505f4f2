"""The files of the tree and small readings of C++ text, shared by the checks."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CXX = (".cc", ".h", ".c")


def files(*suffixes):
    """Paths relative to the root: what is committed, and what could be."""
    listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE)
    if listed.returncode == 0:
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:  # A tarball without git.
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                 if path.is_file() and not path.relative_to(ROOT).parts[0].startswith(("build", ".git"))]
    return sorted({name for name in names if (not suffixes or name.endswith(suffixes)) and (ROOT / name).is_file()})


def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
                   re.DOTALL)


def blank(text):
    """The same text with comments, strings and preprocessor lines made empty; lines keep their numbers."""
    text = TOKEN.sub(lambda found: '""' if found[0][0] in 'R"\'' and "\n" not in found[0] else "\n" * found[0].count("\n"),
                     text)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda found: "\n" * found[0].count("\n"), text, flags=re.MULTILINE)


NOT_A_FUNCTION = re.compile(r"^\s*(?:template\s*<[^{}]*>\s*)?(?:inline\s+)?(?:namespace|class|struct|union|enum|extern)\b")


ACCESS = re.compile(r"^\s*(?:public|private|protected)\s*:")


def functions(text):
    """(first line, name, lines) of every function body. A reading of braces, not of C++: a block whose head has a
    parenthesis is a function, and what it encloses belongs to it."""
    text = blank(text)
    found, depth, head, start_depth, start_line, name, line = [], 0, "", None, 0, "", 1
    has_initialisers = False
    for character in text:
        if character == "\n":
            line += 1
        if start_depth is not None:
            depth += {"{": 1, "}": -1}.get(character, 0)
            if depth == start_depth:
                found.append((start_line, name, line - start_line + 1))
                start_depth, head = None, ""
            continue
        if character == "{":
            head = ACCESS.sub("", head)
            # The body may follow a braced member initialiser: then the head goes on after the block.
            if has_initialisers and (not head.strip() or head.lstrip().startswith(",")):
                start_line, name, _ = found.pop()
                start_depth = depth
            elif "(" in head and not NOT_A_FUNCTION.match(head):
                start_depth = depth
                has_initialisers = re.search(r"\)[^()]*(?<!:):(?!:)", head) is not None
                name = (re.findall(r"([\w:~]+)\s*\(", head) or ["?"])[0]
                start_line = line - head.lstrip().count("\n")
            depth += 1
            head = ""
        elif character in ";}":
            has_initialisers = False
            depth -= character == "}"
            head = ""
        else:
            head += character
    return found
