"""Child processes that end with the test, and what /proc tells about them."""
import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile

from .wait import wait_until

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program with its output in a file. `pod` is where it runs; None: the node."""

    def __init__(self, argv, pod=None, name=None, env=None, cwd=None, stdout_pipe=False):
        self.name = name or os.path.basename(argv[0])
        self.log = tempfile.NamedTemporaryFile(prefix=f"sluice-test-{self.name}-", suffix=".log")
        # `ip netns exec` replaces itself with the program, so the pid is the program's own; it would also give the
        # program a /sys of its own, which nothing here minds.
        full = list(argv) if pod is None else ["ip", "netns", "exec", pod.namespace, *argv]
        self.popen = subprocess.Popen(
            full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if stdout_pipe else self.log, stderr=self.log,
            env={**os.environ, **(env or {})}, cwd=cwd, preexec_fn=_end_with_parent, close_fds=True)
        if pod is not None:
            pod.processes.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def is_running(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def check_running(self):
        if not self.is_running():
            raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.output()[-4000:]}")
        return True

    def wait(self, timeout_s=30.0):
        self.popen.wait(timeout_s)
        return self.popen.returncode

    def stop(self, sig=signal.SIGTERM, timeout_s=5.0):
        if self.is_running():
            self.popen.send_signal(sig)
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()
        return self.popen.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def wait_listening(pod, port, process=None, timeout_s=10.0):
    """Waits until something listens on the TCP port in the pod (any address, either family)."""

    def is_listening():
        if process is not None:
            process.check_running()
        return port in listening_ports(pod)

    wait_until(is_listening, f"port {port} in {pod.name} is not listening", timeout_s)


def listening_ports(pod=None):
    """TCP ports that somebody listens on in a pod; None: on the node."""
    ports = set()
    with pod.inside() if pod is not None else contextlib.nullcontext():
        for table in ("tcp", "tcp6"):
            try:
                with open(f"/proc/thread-self/net/{table}", encoding="ascii") as file:
                    rows = file.read().splitlines()[1:]
            except FileNotFoundError:
                continue
            for row in rows:
                fields = row.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def proc_status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@contextlib.contextmanager
def asleep(pid):
    """The process with all its threads stopped: the signal alone leaves those that run now running for a while."""
    def is_stopped():
        return all(proc_status(f"{pid}/task/{task}")["State"].startswith("T") for task in os.listdir(f"/proc/{pid}/task"))

    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(is_stopped, f"process {pid} stops")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def resident_bytes(pid):
    return int(proc_status(pid)["VmRSS"].split()[0]) * 1024


def descriptor_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_ns(pid):
    """CPU time of all living threads, to the nanosecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def machine_busy_ns():
    """CPU time that the whole machine spent not idle (user, nice, system, irq, softirq), in steps of 10 ms."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(value) for value in file.readline().split()[1:]]
    busy_ticks = fields[0] + fields[1] + fields[2] + fields[5] + fields[6]
    return busy_ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""
