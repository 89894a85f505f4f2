"""Programs of the tests that are made of modules from the Go module proxy, PyPI and npm (tests/support/programs/grpc).

They are fetched and built once and kept beside the other test programs. Needs no pytest: the benchmarks use them too.
"""
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from .network import outside
from .servers import PROGRAMS_DIR, PYTHON, go, has_go, programs_cache

SOURCES = os.path.join(PROGRAMS_DIR, "grpc")
GRPCIO = "grpcio==1.81.1"
GO_MINOR_MIN = 25  # Of go.mod.
BUILD_TIMEOUT_S = 280


class Unavailable(Exception):
    """Why a program cannot be had here."""


def _run(*argv, **kwargs):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


@contextlib.contextmanager
def _locked(name):
    """Runs of tests may want the same program at the same time."""
    with open(os.path.join(programs_cache(), f".{name}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(*folders):
    sums = hashlib.sha256()
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    sums.update(file.read())
    return sums.hexdigest()[:12]


def go_built(name, module, package, *sources):
    """The path of a program: `package` of the Go module in the folder `module`; `sources` are its folders beside that one."""
    if not os.path.isdir(module):
        raise Unavailable(f"its source is not here ({module})")
    if not has_go():
        raise Unavailable("go is not installed")
    version = re.match(r"go1\.(\d+)", _run(go(), "env", "GOVERSION", env={**os.environ, "GOTOOLCHAIN": "local"}))
    if version is None or int(version[1]) < GO_MINOR_MIN:
        raise Unavailable(f"go 1.{GO_MINOR_MIN} or newer is needed")
    path = os.path.join(programs_cache(), f"{name}-{_digest(module, *sources)}")
    with _locked(name):
        if not os.path.exists(path):
            with outside():
                _run(go(), "build", "-o", f"{path}.new", package, cwd=module,
                     env={**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"})
            os.rename(f"{path}.new", path)
    return path


def _grpc_program(name):
    return [go_built(name, SOURCES, f"./{name}", os.path.join(SOURCES, name))]


def _made_folder(name, fill):
    """A folder of the cache that fill(folder) makes with what it downloads; it is there whole or not at all."""
    folder = os.path.join(programs_cache(), name)
    with _locked(name):
        if not os.path.exists(folder):
            made = tempfile.mkdtemp(dir=programs_cache())
            try:
                with outside():
                    fill(made)
                os.rename(made, folder)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
    return folder


def _python_with_grpcio():
    def fill(folder):
        _run(PYTHON, "-m", "venv", folder)
        _run(os.path.join(folder, "bin", "python"), "-m", "pip", "install", "-q", "--only-binary", ":all:", GRPCIO)

    folder = _made_folder(GRPCIO, fill)
    return [os.path.join(folder, "bin", "python"), "-B", os.path.join(SOURCES, "grpcpy.py")]


def _node_with_grpc_js():
    if shutil.which("npm") is None:
        raise RuntimeError("npm is not installed: run ./dev setup extra")
    sources = os.path.join(SOURCES, "js")

    def fill(folder):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(sources, name), folder)
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    with open(os.path.join(sources, "package-lock.json"), "rb") as lock:
        folder = _made_folder(f"grpc-js-{hashlib.sha256(lock.read()).hexdigest()[:12]}", fill)
    return ["env", f"NODE_PATH={folder}/node_modules", "node", os.path.join(sources, "grpcjs.js")]


MAKERS = {"go": lambda: _grpc_program("grpcgo"), "h2go": lambda: _grpc_program("h2go"), "py": _python_with_grpcio,
          "js": _node_with_grpc_js}
_made = {}


def made(name):
    """The argv of a program, which is made when it is first asked for; Unavailable says why it cannot be had."""
    if name not in _made:
        _made[name] = MAKERS[name]()
    return _made[name]
