"""Clients and servers of HTTP/2 and gRPC by other makers (tests/support/programs/grpc): net/http, grpc-go, grpcio,
grpc-js.

They need modules from the Go module proxy, PyPI and npm, which are fetched once and kept beside the other test
programs. Where that cannot be done the tests are skipped, and say so.
"""
import contextlib
import os
import shutil
import subprocess

import pytest

from . import programs
from .process import Process, wait_listening

CI = os.environ.get("CI", "") not in ("", "false", "0")
_unavailable = {}


def program(name):
    """The argv of a program; skips the test, or fails it in CI, where it cannot be had."""
    try:
        if name not in _unavailable:
            return programs.made(name)
    except programs.Unavailable as reason:
        _unavailable[name] = str(reason)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        assert not CI, error
        _unavailable[name] = str(error)
    pytest.skip(f"{name} cannot be made: {_unavailable[name]}")


def need(*names):
    """Skips the test, or fails it in CI, where a program of Debian's is not installed."""
    missing = [name for name in names if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        said = f"{', '.join(missing)} missing: run ./dev setup or ./dev setup extra"
        assert not CI, said
        pytest.skip(said)


def serve(pod, name, port, says=None):
    """A server that calls itself `says`, by default as its pod."""
    process = Process([*program(name), "serve", f"0.0.0.0:{port}", says or pod.name], pod, name=name)
    wait_listening(pod, port, process, 30)
    return process


def check(pod, client, target, name, *args, timeout_s=90):
    """Runs one check of a gRPC client in a pod and returns what it saw."""
    output = pod.exec(*program(client), "check", target, name, *map(str, args), check=False, timeout=timeout_s)
    assert output.startswith("ok"), f"{client} {name}: {output}"
    return output[2:].strip()


@contextlib.contextmanager
def steady(pod, client, target):
    """Calls without a pause until the `with` ends; none of them may have failed."""
    argv = ["ip", "netns", "exec", pod.namespace, *program(client), "check", target, "steady"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "started\n"
            yield
            output = process.communicate("", timeout=60)[0]
        finally:
            process.kill()
    assert output.startswith("ok ") and int(output.split()[1]) > 0, output
