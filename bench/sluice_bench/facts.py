"""What this machine is, and how quiet it is."""
import hashlib
import os
import platform
import statistics
import time

SPIN_BYTES = 4 * 1024 * 1024
_block = bytes(SPIN_BYTES)


def spin_s():
    """How long a fixed piece of work takes now: some 5 to 10 ms on a quiet machine. The best of five on every CPU, so that
    a single interruption is not noise but somebody else's work, or a slower clock, is; the slowest CPU counts."""
    allowed, slowest = os.sched_getaffinity(0), 0.0
    try:
        for cpu in sorted(allowed)[:8]:
            os.sched_setaffinity(0, {cpu})
            slowest = max(slowest, min(_work_s() for _ in range(5)))
    finally:
        os.sched_setaffinity(0, allowed)
    return slowest


def _work_s():
    began = time.perf_counter()
    hashlib.blake2b(_block).digest()
    return time.perf_counter() - began


def noise(spins):
    """How much longer the work took at its 75th percentile than at its 25th; None of too few. A machine that is slower all the
    time, because others share its cores, is no noise to runs that take turns; one that is now fast and now slow is."""
    if len(spins) < 4:
        return None
    low, _, high = statistics.quantiles(spins, n=4)
    return high / low - 1


def usual(shares):
    """The 75th percentile of what others used in some rounds; None of none."""
    return statistics.quantiles(shares, n=4)[2] if len(shares) > 1 else next(iter(shares), None)


def _first(path, prefix="", default="not told"):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(prefix):
                    return line.split(":", 1)[-1].strip() if prefix else line.strip()
    except OSError:
        pass
    return default


def machine():
    return {
        "kernel": platform.release(), "architecture": platform.machine(), "processor": _first("/proc/cpuinfo", "model name"),
        "cpus": len(os.sched_getaffinity(0)), "memory": _first("/proc/meminfo", "MemTotal"),
        "governor": _first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "virtual": "hypervisor" in _first("/proc/cpuinfo", "flags").split(),
    }
