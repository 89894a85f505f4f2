"""How much CPU others had while we measured: what is not ours among the processes, and what the hypervisor took.

Others' time is the growth of every foreign process's own and waited-for CPU time, so one that came and went is charged through whoever
waited for it. Not seen: processes of another pid namespace; the fixed spin of facts.py tells of those.
"""
import os
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KERNEL_THREADS_PARENT = 2


def _processes():
    """{pid: (parent, session, own ticks, ticks of children that were waited for)}"""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # It has ended.
        found[int(name)] = (int(fields[1]), int(fields[3]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))
    return found


def of_session(session):
    """[pid, ...]"""
    return [pid for pid, (_, its, _, _) in _processes().items() if its == session]


def foreign(processes, me, session=None):
    """{pid: (own ticks, waited-for ticks)} of those which are neither we, nor below us, nor of our session, nor the kernel's threads,
    which work for us too."""

    def is_ours(pid):
        while pid in processes:
            if pid == me or (session is not None and processes[pid][1] == session):
                return True
            pid = processes[pid][0]
        return False

    # Our parents wait for us only in the end, but then would be charged with us: what they waited for is not counted.
    above, pid = set(), me
    while pid in processes:
        pid = processes[pid][0]
        above.add(pid)
    return {pid: (own, 0 if pid in above else waited) for pid, (parent, _, own, waited) in processes.items()
            if parent != KERNEL_THREADS_PARENT and pid != KERNEL_THREADS_PARENT and not is_ours(pid)}


def growth(before, after):
    """Ticks. A child that nobody waited for takes its time with it, so what is alive is the least that is certain."""
    whole = sum(map(sum, after.values())) - sum(map(sum, before.values()))
    alive = sum(own - before.get(pid, (0, 0))[0] for pid, (own, _) in after.items())
    return max(whole, alive, 0)


def _steal_ticks():
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8])


class Others:
    """Around a round: `share` is that of one CPU which others had in its `seconds`."""

    def _read(self):
        session = os.getsid(0)
        return foreign(_processes(), os.getpid(), session if session == os.getpid() else None), _steal_ticks(), time.monotonic()

    def __enter__(self):
        self.before = self._read()
        return self

    def __exit__(self, *_):
        (then, stolen_then, began), (now, stolen, ended) = self.before, self._read()
        self.seconds = max(ended - began, 1e-9)
        self.share = (growth(then, now) + stolen - stolen_then) / TICKS_PER_S / self.seconds
