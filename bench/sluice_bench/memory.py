"""Counts that need no rounds: memory of idle connections, and bytes that pile up before a reader that sleeps."""
import json
import socket
import subprocess

from sluice_testing.wait import settled, wait_until

from . import loads, meter
from .errors import BenchError

KIB, MIB = 1024, 1024 * 1024
FIRST_SHARE = 5  # The first fifth of the connections warms pools up and is not counted.
UNREAD_MAX = 256 * MIB


def _resident(target):
    return settled(lambda: meter.resident_bytes(target.pids()), quiet_s=0.5)


class _Held:
    """sluice-bench-load with idle connections, until closed."""

    def __init__(self, place, scenario, case, count):
        argv = [loads.program("sluice-bench-load"), "--address", place.address, "--port", str(place.port),
                "--path", scenario.load.get("path", "/1k"), "--connections", str(count), "--hold", scenario.load.get("after", "none")]
        if case.get("protocol") == "tcp":
            argv[-1] = "none"
        self.process = subprocess.Popen(place.command(*argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        opened = json.loads(line or '{"open": 0}')["open"]
        if opened != count:
            self.close()
            raise BenchError(f"{opened} of {count} idle connections to {place.address}:{place.port} could be opened: is `ulimit -n` "
                             "of the target high enough?")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def hold(target, place, scenario, case):
    """Resident memory of the target: idle, and for each further idle connection."""
    idle = _resident(target)
    count = case["connections"]
    first, held = max(1, count // FIRST_SHARE), []
    try:
        held.append(_Held(place, scenario, case, first))
        before = _resident(target)
        held.append(_Held(place, scenario, case, count - first))
        after = _resident(target)
        pss = meter.proportional_bytes(target.pids())
    finally:
        for load in held:
            load.close()
    return {"idle_mib": idle / MIB, "connection_kib": (after - before) / (count - first) / KIB, "pss_mib": pss / MIB}


def unread(town, place):
    """How many bytes a fast sender gets rid of whose peer never reads."""
    with place.pod.connect(place.address, place.port) as sock:
        sock.setblocking(False)
        sent = 0

        def push():
            nonlocal sent
            town.accept_unread()
            try:
                while sent < UNREAD_MAX:
                    sent += sock.send(b"x" * 65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            return sent

        wait_until(lambda: push() > 0, "the connection takes bytes", 10)
        accepted = settled(push, quiet_s=1.0, timeout_s=60)
    town.forget_unread()
    return {"unread_mib": accepted / MIB}
