"""`sluicectl standalone` around the pods of a test: started, watched, edited and stopped as an operator does it."""
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from . import manifests
from .machine import MachineState
from .process import Process, children, program_of
from .wait import wait_until

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LOCK_FILE = "/run/sluice.lock"
ADMIN = "http://127.0.0.1:15000"
METRICS = "http://127.0.0.1:15020"
READINESS = "http://127.0.0.1:15021"
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ")
SCALE = float(os.environ.get("SLUICE_TEST_TIME_SCALE", "1"))  # Emulated machines and sanitizers need more time.
START_TIMEOUT_S = 20.0 * SCALE
STOP_TIMEOUT_S = 15.0 * SCALE


def programs_dir():
    """Where the built programs lie: SLUICE_BIN_DIR, else build/bin of the repository."""
    return os.environ.get("SLUICE_BIN_DIR") or os.path.join(REPOSITORY, "build", "bin")


def is_sanitized():
    """True if the proxy was built with a sanitizer: its memory says nothing then."""
    linked = subprocess.run(["ldd", os.path.join(programs_dir(), "sluice-proxy")], capture_output=True, text=True, check=False)
    return "libasan" in linked.stdout or "libtsan" in linked.stdout


def http_get(url, timeout_s=5.0):
    """(status, body) of a GET on the node."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def parse_metrics(text):
    """{'name{label="value"}': number}, comments left out."""
    values = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.rpartition(" ")
            values[key] = float(value)
    return values


class Mesh:
    """Use as a context manager; leaving it stops the mesh and asserts that nothing of it stays on the machine."""

    def __init__(self, network, acceleration="full", access_log="off", workers=None, bin_dir=None, options=(),
                 env=None):
        self.network = network
        self.acceleration = acceleration
        self.folder = tempfile.mkdtemp(prefix="sluice-test-")
        os.chmod(self.folder, 0o755)
        self.manifests_dir = os.path.join(self.folder, "manifests")
        self.state_dir = os.path.join(self.folder, "state")
        self.access_log_path = os.path.join(self.folder, "access.log")
        os.mkdir(self.manifests_dir)
        self.bin_dir = bin_dir or programs_dir()
        self.env = env
        self.argv = [os.path.join(self.bin_dir, "sluicectl"), "standalone", "--manifests", self.manifests_dir,
                     "--acceleration", acceleration, "--state-dir", self.state_dir]
        if access_log != "off":
            self.argv += ["--access-log", access_log, "--access-log-file", self.access_log_path]
        if workers is not None:
            self.argv += ["--workers", str(workers)]
        self.argv += list(options)
        self.process = None
        self.before = None
        self.has_ended = False
        self.expected_restarts = 0  # Of the proxy; more of them is a crash, which stop() reports.

    # Manifests.

    def write(self, name, text):
        """Replaces one file as editors and `kubectl` users do: whole, by rename."""
        temporary = os.path.join(self.folder, f".{name}.new")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(temporary, os.path.join(self.manifests_dir, name))

    def apply(self, name, objects):
        self.write(name, manifests.render(objects))

    def delete(self, name):
        os.unlink(os.path.join(self.manifests_dir, name))

    # Life.

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._give_up()
            return
        try:
            self.stop()
        except BaseException:
            self._give_up()
            raise
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, wait_ready=True):
        for _ in range(20):
            self._launch()
            if not wait_ready:
                return self
            try:
                self.wait_ready()
                return self
            except AssertionError:
                # On a shared machine somebody else's mesh may have been faster.
                if not (os.environ.get("SLUICE_TEST_SHARED_MACHINE") and "another mesh runs" in self.log()):
                    raise
        raise AssertionError("the machine was never free")

    def _launch(self):
        wait_for_free_machine()
        self.has_ended = False
        self.before = MachineState(self.network.pods.values())
        self.process = Process(self.argv, name="sluicectl", env=self.env, stdout_pipe=True)

    def wait_ready(self, timeout_s=START_TIMEOUT_S):
        """Waits for the one line `ready` on stdout."""
        os.set_blocking(self.process.popen.stdout.fileno(), False)
        seen = bytearray()

        def has_line():
            seen.extend(self.process.popen.stdout.read() or b"")
            if b"\n" in seen:
                return True
            return self.process.check_running() and False

        wait_until(has_line, lambda: f"ready on stdout; log:\n{self.log()[-6000:]}", timeout_s)
        assert bytes(seen) == b"ready\n", f"stdout is {bytes(seen)!r}, expected the one line 'ready'"

    def stop(self, sig=signal.SIGTERM):
        """Ends the mesh; asserts exit 0 within the deadline and a machine as it was before."""
        if not self.has_ended:
            self.assert_clean(self.end(sig))

    def end(self, sig=signal.SIGTERM):
        """The same, but the machine is not looked at: returns what assert_clean() wants to know."""
        pids = self.pids()
        restarts = self.status()["proxy"]["restarts"]
        began = time.monotonic()
        self.process.popen.send_signal(sig)
        code = self.process.wait(STOP_TIMEOUT_S)
        self.stop_duration_s = time.monotonic() - began
        assert code == 0, f"sluicectl exited {code} after {sig!r}; log:\n{self.log()[-6000:]}"
        rest = self.process.popen.stdout.read()
        assert not rest, f"more than 'ready' on stdout: {rest!r}"
        self.process.stop()
        self.has_ended = True
        assert restarts == self.expected_restarts, f"the proxy was restarted {restarts} times; log:\n{self.log()[-6000:]}"
        reports = [line for line in self.log().splitlines() if any(word in line for word in SANITIZER_REPORTS)]
        assert not reports, f"a sanitizer complains: {reports}; log:\n{self.log()[-20000:]}"
        return pids

    def assert_clean(self, pids=()):
        pods = list(self.network.pods.values())
        left = []

        def is_clean():  # The kernel frees BPF objects a moment after the last descriptor is closed.
            left[:] = MachineState(pods).differences(self.before)
            left.extend(f"process {pid} lives" for pid in pids.values() if pid and os.path.exists(f"/proc/{pid}"))
            return not left

        wait_until(is_clean, lambda: "the machine is as before; differences:\n  " + "\n  ".join(left), 5.0 * SCALE, 0.1)

    def _give_up(self):
        """After a failure: show the log once, end what runs, clean what can be cleaned."""
        if self.process is None:
            return
        print(f"--- sluicectl log ---\n{self.log()[-20000:]}\n---")
        pids = self.pids()
        self.process.stop(timeout_s=STOP_TIMEOUT_S)
        for pid in pids.values():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, TypeError):
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return self.process.output() if self.process else ""

    def pids(self):
        """{'sluice-agent': pid, ...} of the living processes below sluicectl, itself included."""
        found, open_pids = {}, [self.process.pid] if self.process.is_running() else []
        while open_pids:
            pid = open_pids.pop()
            found[program_of(pid)] = pid
            try:
                open_pids += children(pid)
            except OSError:
                continue
        return found

    def proxy_pid(self):
        return wait_until(lambda: self.pids().get("sluice-proxy"), "a proxy process lives", 10.0 * SCALE)

    # What it tells.

    def status(self):
        code, body = http_get(f"{ADMIN}/status")
        assert code == 200, f"GET /status: {code} {body}"
        return json.loads(body)

    def metrics(self):
        code, body = http_get(f"{METRICS}/metrics")
        assert code == 200, f"GET /metrics: {code} {body}"
        return parse_metrics(body)

    def ready(self):
        return http_get(f"{READINESS}/healthz/ready")

    def counter(self, name):
        """Of a name that there is: a misspelled one would stand still for ever."""
        return self.status()["counters"][name]

    def connections(self, path):
        """{'opened', 'active'} of one path."""
        for row in self.status()["connections"]:
            if row["path"] == path:
                return row
        return {"path": path, "opened": 0, "active": 0}

    def wait_version_after(self, version, timeout_s=5.0 * SCALE):
        return wait_until(lambda: self.status()["config"]["version"] > version, "a newer configuration is applied",
                          timeout_s)

    def pod(self, name):
        """What status says of one pod."""
        return next(pod for pod in self.status()["pods"] if pod["name"] == name)

    def level(self):
        return self.status()["acceleration"]["level"]


def wait_for_free_machine(timeout_s=float(os.environ.get("SLUICE_TEST_LOCK_WAIT", "60"))):
    """Only one mesh runs on a machine: waits for another test's to end."""
    def is_free():
        fd = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(fd)

    wait_until(is_free, f"{LOCK_FILE} is free (another mesh runs on this machine)", timeout_s, 0.2)


def split_metric(key):
    """('name', {'label': 'value'}) of a key of parse_metrics."""
    match = re.fullmatch(r"([^{]+)(?:\{(.*)\})?", key)
    labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
    return match.group(1), labels
