"""What a run cost: read before and after it, from /proc. Nothing here slows the run.

Counts that do slow it (system calls, BPF run time) are taken in a run of their own: see `Counters`.
"""
import ctypes
import json
import os
import resource
import struct
import subprocess

from sluice_testing.counting import SystemCallCount
from sluice_testing.machine import BPFTOOL
from sluice_testing.process import children, cpu_ns, machine_busy_ns, program_of

from .errors import BenchError

BPF_SYSCALL, BPF_ENABLE_STATS = 321, 32  # x86_64
_libc = ctypes.CDLL(None, use_errno=True)


def _switches(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as file:
            total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return total


def _rollup(pid, field):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))
    except ProcessLookupError as error:
        raise BenchError(f"{program_of(pid) or 'process'} {pid} has ended during the measurement") from error


def resident_bytes(pids):
    return sum(_rollup(pid, "Rss") for pid in pids)


def proportional_bytes(pids):
    """Resident memory where a page shared by n processes counts 1/n in each."""
    return sum(_rollup(pid, "Pss") for pid in pids)


def _with_children(pids):
    return [pid for parent in pids for pid in (parent, *children(parent))]


def _mode_ticks(pids):
    """(in user mode, in the kernel)"""
    user = system = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user, system


def _waited_for_ns():
    """CPU time of the programs that we ran to their end: within a run, the load."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1e9)


def breakdown(machine, proxy, user_share, client, server):
    """Where the machine's time went. The machine's is counted in ticks, so the rest may come out a little below nothing."""
    return {"proxy_user_us": proxy * user_share, "proxy_system_us": proxy * (1 - user_share), "client_us": client, "server_us": server,
            "rest_us": max(machine - proxy - client - server, 0.0)}


class Meter:
    """Context manager around one run. `per_request(n)` says what each of n requests cost. `server_pids`: of what answers; their
    children are found. Costs are taken apart only where those are known."""

    def __init__(self, pids, server_pids=()):
        self.pids, self.server_pids = list(pids), _with_children(server_pids)

    def _read(self):
        return (sum(map(cpu_ns, self.pids)), machine_busy_ns(), sum(map(_switches, self.pids)), sum(map(cpu_ns, self.server_pids)),
                _waited_for_ns(), *_mode_ticks(self.pids))

    def __enter__(self):
        self.before = self._read()
        return self

    def __exit__(self, *_):
        after = self._read()
        self.proxy_ns, self.machine_ns, self.switches, self.server_ns, self.client_ns, self.user, self.system = (late - early for late, early in zip(after, self.before))

    def per_request(self, requests):
        costs = {"machine_us": self.machine_ns / requests / 1000}
        if self.pids:
            costs |= {"proxy_us": self.proxy_ns / requests / 1000, "switches": self.switches / requests}
        if self.server_pids:
            proxy, client, server = (ns / requests / 1000 for ns in (self.proxy_ns, self.client_ns, self.server_ns))
            costs |= breakdown(costs["machine_us"], proxy, self.user / max(self.user + self.system, 1), client, server)
        return costs


class BpfRunTime:
    """Run time of the BPF programs that a process holds. The kernel counts only while our descriptor is open, so
    nothing has to be put back, however this process ends."""

    def __init__(self, holder_pid):
        self.holder_pid = holder_pid

    def __enter__(self):
        attributes = (ctypes.c_char * 128)()  # stats type 0: run time.
        self.fd = _libc.syscall(BPF_SYSCALL, BPF_ENABLE_STATS, attributes, ctypes.c_uint(128))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS: " + os.strerror(ctypes.get_errno()))
        self.before = self._read()
        return self

    def _read(self):
        held = set()
        for name in os.listdir(f"/proc/{self.holder_pid}/fdinfo"):
            try:
                with open(f"/proc/{self.holder_pid}/fdinfo/{name}", encoding="ascii") as file:
                    held |= {int(line.split()[1]) for line in file if line.startswith("prog_id:")}
            except FileNotFoundError:
                continue
        shown = subprocess.run([BPFTOOL, "-j", "prog", "show"], capture_output=True, text=True, check=True).stdout
        programs = [item for item in json.loads(shown) if item["id"] in held]
        return {item.get("name", str(item["id"])): (item.get("run_time_ns", 0), item.get("run_cnt", 0)) for item in programs}

    def programs(self):
        """{program: (ns, runs)} since the beginning."""
        now = self._read()
        return {name: (now[name][0] - self.before.get(name, (0, 0))[0], now[name][1] - self.before.get(name, (0, 0))[1])
                for name in now}

    def __exit__(self, *_):
        os.close(self.fd)


class Counters:
    """Around a run of its own: system calls by the kernel's tracepoint, BPF by its own clock. What the machine does
    not allow is left out and named in `unavailable`."""

    def __init__(self, pids, bpf_holder_pid=None):
        self.pids, self.bpf_holder_pid = list(pids), bpf_holder_pid
        self.system_calls, self.bpf, self.unavailable = [], None, {}

    def __enter__(self):
        try:
            self.system_calls = [SystemCallCount(pid) for pid in self.pids]
            self.before = [count.read() for count in self.system_calls]
        except (OSError, RuntimeError, struct.error) as error:
            self.unavailable["system_calls"] = str(error)
        if self.bpf_holder_pid is not None:
            try:
                self.bpf = BpfRunTime(self.bpf_holder_pid)
                self.bpf.__enter__()
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                self.bpf, self.unavailable["bpf_us"] = None, str(error)
        return self

    def __exit__(self, *_):
        self.after = [count.read() for count in self.system_calls]
        for count in self.system_calls:
            count.__exit__()
        if self.bpf is not None:
            self.programs = self.bpf.programs()
            self.bpf.__exit__()

    def per_request(self, requests):
        found = {}
        if self.system_calls and "system_calls" not in self.unavailable:
            found["system_calls"] = sum(late - early for late, early in zip(self.after, self.before)) / requests
        if self.bpf is not None:
            found["bpf_us"] = sum(ns for ns, _ in self.programs.values()) / requests / 1000
            found["bpf_programs"] = {name: {"us": ns / requests / 1000, "runs": runs / requests}
                                     for name, (ns, runs) in self.programs.items() if runs}
        return found
