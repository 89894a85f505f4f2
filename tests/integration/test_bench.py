"""sluice-bench as one uses it: a short run, an interrupted one, an address of the user's; and the load that it sends."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from sluice_testing.mesh import REPOSITORY, programs_dir
from sluice_testing.process import Process, children
from sluice_testing.wait import wait_until

TOOL = os.path.join(REPOSITORY, "bench", "sluice-bench")
SCENARIO = """
title: A test
about: Two targets, for a moment.
load: {tool: own, path: /1k}
vary: {connections: [2]}
targets: [direct, sluice-off]
"""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(programs_dir(), "sluice-bench-load")),
                                reason="sluice-bench-load is not built")


@pytest.fixture
def run_dir():
    """A folder for a run: its scenario, its results, and a TMPDIR that must be empty afterwards. Its path is short, since
    the mesh makes sockets below it."""
    with tempfile.TemporaryDirectory(prefix="slt-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        (folder / "short.yaml").write_text(SCENARIO)
        (folder / "tmp").mkdir(mode=0o755)
        yield folder


def start(run_dir, *options):
    environment = {**os.environ, "TMPDIR": str(run_dir / "tmp"), "SLUICE_BIN_DIR": programs_dir(), "SLUICE_TEST_SHARED_MACHINE": "1"}
    return subprocess.Popen([TOOL, str(run_dir / "short.yaml"), "--json", str(run_dir / "out.json"), *options], env=environment,
                            stdout=subprocess.PIPE, stderr=open(run_dir / "log", "wb"), text=True)


def descendants(pid):
    found, ahead = [], [pid]
    while ahead:
        try:
            below = children(ahead.pop())
        except OSError:
            continue
        found += below
        ahead += below
    return found


def test_a_short_run_measures_every_target_and_leaves_nothing(run_dir):
    process = start(run_dir, "--rounds", "1", "--seconds", "0.1", "--report", str(run_dir / "page.html"))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (run_dir / "log").read_text()
    runs = json.loads((run_dir / "out.json").read_text())["runs"]
    timed = {run["target"]: run for run in runs if "requests_per_s" in run}
    assert set(timed) == {"direct", "sluice-off"}
    assert timed["sluice-off"]["proxy_us"] > 0
    assert [run["system_calls"] > 0 for run in runs if run["turn"].endswith("counted")] == [True]
    assert "rate over direct" in output
    assert (run_dir / "page.html").read_text().startswith("<!doctype html>")
    assert os.listdir(run_dir / "tmp") == []


def test_ctrl_c_stops_everything_and_leaves_nothing(run_dir):
    process = start(run_dir, "--rounds", "50", "--seconds", "1")
    wait_until(lambda: process.poll() is not None or any(program(pid) == "sluice-bench-load" for pid in descendants(process.pid)),
               lambda: (run_dir / "log").read_text(), 60)
    started = descendants(process.pid)
    assert {"sluice-proxy", "sluice-bench-server"} <= {program(pid) for pid in started}
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130, (run_dir / "log").read_text()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in started), "every process has ended", 5)
    assert os.listdir(run_dir / "tmp") == []


def made(run_dir, prefix):
    return any(name.startswith(prefix) for _, folders, files in os.walk(run_dir / "tmp") for name in (*folders, *files))


BUILD_DIR = os.path.dirname(programs_dir())


needs_build_dir = pytest.mark.skipif(not os.path.exists(os.path.join(BUILD_DIR, "cmake_install.cmake")) or shutil.which("cmake") is None,
                                     reason="the programs lie in no build folder, or cmake is not installed")


@needs_build_dir
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_the_installed_tools_need_no_tree(run_dir):
    subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", run_dir / "to"], check=True, capture_output=True, timeout=60)
    environment = {name: value for name, value in os.environ.items() if name not in ("SLUICE_BIN_DIR", "PYTHONPATH")}
    environment |= {"SLUICE_TEST_SHARED_MACHINE": "1", "TMPDIR": str(run_dir / "tmp")}

    def installed(name, *options):
        return subprocess.run([run_dir / "to" / "bin" / name, *options], cwd=run_dir, env=environment, capture_output=True, text=True,
                              timeout=90, check=False)

    measured = installed("sluice-bench", "--quick", "requests", "--targets", "direct,sluice-off")
    assert measured.returncode == 0, measured.stderr
    reported = installed("sluice-bench-report", "bench.json", "--html", "page.html")
    assert reported.returncode == 0, reported.stderr
    assert (run_dir / "page.html").read_text().startswith("<!doctype html>")
    assert "use bench/report there" in installed("sluice-bench-report", "bench.json", "--readme").stderr


@needs_build_dir
def test_what_an_installed_scenario_needs_is_installed(run_dir):
    """The gRPC programs are made from their sources, which lie beside the tool's own package."""
    subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", run_dir / "to"], check=True, capture_output=True, timeout=60)
    home = run_dir / "to" / "share" / "sluice" / "bench"
    told = subprocess.run(["/usr/bin/python3", "-B", "-c", "from sluice_testing import programs; print(programs.SOURCES)"], cwd=home,
                          capture_output=True, text=True, check=True, timeout=30)
    assert os.path.exists(os.path.join(told.stdout.strip(), "go.mod"))
    assert told.stdout.startswith(str(home))


MOMENTS = {
    "the run's folder": lambda run_dir, pids: made(run_dir, "sluice-bench-"),
    "a server's folder": lambda run_dir, pids: made(run_dir, "sluice-test-nginx-"),
    "a server": lambda run_dir, pids: "nginx" in map(program, pids),
    "the mesh": lambda run_dir, pids: "sluicectl" in map(program, pids),
    "the proxy": lambda run_dir, pids: "sluice-proxy" in map(program, pids),
    "the first run": lambda run_dir, pids: "# 0:" in (run_dir / "log").read_text(),
}


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_nothing_as_soon_as_there_is(run_dir, moment):
    (run_dir / "short.yaml").write_text(SCENARIO.replace("load:", "server: nginx\nload:").replace("[direct,", "[direct, nginx,"))
    process = start(run_dir, "--rounds", "50", "--seconds", "1")
    started = set()

    def has_come():
        started.update(descendants(process.pid))
        return process.poll() is not None or MOMENTS[moment](run_dir, started)

    wait_until(has_come, lambda: (run_dir / "log").read_text(), 60)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130, (run_dir / "log").read_text()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in started), "every process has ended", 5)
    assert os.listdir(run_dir / "tmp") == []


def program(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            name = file.read().strip()
        return next((full for full in ("sluice-bench-load", "sluice-bench-server") if full[:15] == name and full in
                     open(f"/proc/{pid}/cmdline", encoding="utf-8").read()), name)
    except OSError:
        return ""


def test_named_addresses_get_the_same_load_and_are_compared(run_dir):
    with Process([os.path.join(programs_dir(), "sluice-bench-server"), "--port", str(port := free_port())]) as server:
        wait_until(lambda: can_connect(port) and server.check_running(), "the server listens")
        urls = [f"http://{host}:{port}/1k" for host in ("127.0.0.1", "127.0.0.2")]
        process = start(run_dir, *(part for url in urls for part in ("--target", url)), "--rounds", "2", "--seconds", "0.1")
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, (run_dir / "log").read_text()
    document = json.loads((run_dir / "out.json").read_text())
    assert len(document["runs"]) == 4
    assert document["facts"]["others_busy"] >= 0
    assert f"rate over {urls[0]}" in output


def test_requests_that_fail_end_the_run_and_say_so(run_dir):
    with Process([os.path.join(programs_dir(), "sluice-bench-server"), "--port", str(port := free_port())]) as server:
        wait_until(lambda: can_connect(port) and server.check_running(), "the server listens")
        process = start(run_dir, "--target", f"http://127.0.0.1:{port}/no-such-size", "--seconds", "0.1")
        process.communicate(timeout=30)
    assert process.returncode == 2
    assert "'non_2xx'" in (run_dir / "log").read_text()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class StallingServer:
    """Answers at once, but for one pause."""

    def __init__(self, after, pause_s):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.after, self.pause_s = after, pause_s
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answered = 0
        while sock.recv(4096):
            if answered == self.after:
                time.sleep(self.pause_s)  # What is measured, not a way to wait.
            answered += 1
            sock.sendall(ANSWER)


def load(port, *options):
    argv = [os.path.join(programs_dir(), "sluice-bench-load"), "--address", "127.0.0.1", "--port", str(port), "--connections", "1"]
    return json.loads(subprocess.run([*argv, *options], capture_output=True, text=True, check=True, timeout=30).stdout)


def slower_than(seen, seconds):
    return sum(count for upper, count in seen["latency_ns"] if upper > seconds * 1e9)


def test_an_open_loop_charges_a_stall_with_everything_it_delays():
    """100 requests a second and a pause of half a second: some 50 requests were due in it, 40 of them waited 100 ms or more."""
    seen = load(StallingServer(20, 0.5).port, "--rate", "100", "--seconds", "1.5")
    assert sum(seen["errors"].values()) == 0
    assert slower_than(seen, 0.1) >= 35


def test_a_closed_loop_sees_one_slow_request_only():
    seen = load(StallingServer(20, 0.3).port, "--seconds", "0.6")
    assert slower_than(seen, 0.25) == 1


def test_what_a_target_never_answers_is_counted():
    seen = load(StallingServer(0, 5).port, "--rate", "100", "--seconds", "0.3")
    assert seen["errors"]["unanswered"] == 1
    assert seen["unsent"] >= 25
    assert slower_than(seen, 0.9) >= 25
