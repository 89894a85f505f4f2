"""Attackers beside a load: our own program in another pod, for as long as the load runs. One at a time, at a bounded pace."""
import contextlib
import dataclasses
import json
import select
import subprocess

from . import meter
from .errors import BenchError

READY_S, END_S = 20, 10
# {name: (connections that are kept, turns a second)}. A turn is a connection, or a part of an attack that goes on.
ATTACKS = {
    "rapid-reset": (1, 20), "reset-flood": (1, 50), "continuation": (1, 100), "hpack-bomb": (1, 50), "settings": (1, 100),
    "ping": (1, 100), "zero-window": (16, 20), "one-byte": (4, 100), "half-open": (4000, 100), "half-open-streams": (8, 10),
}
HTTP1 = ("half-open",)  # The others are HTTP/2.
SETTINGS = ("attacked", "attacked-elsewhere")


@dataclasses.dataclass(frozen=True)
class Attacker:
    place: object  # A loads.Place: where it is and what it attacks.
    pids: tuple    # Whose memory is looked at when the attack is at its end.


@contextlib.contextmanager
def under(attacker, case, program):
    """What is done inside happens under attack, if there is an attacker. Gives a dictionary that is filled at the end."""
    seen = {}
    if attacker is None:
        yield seen
        return
    count, rate = ATTACKS[case["attack"]]
    place = attacker.place
    argv = place.command(program, "--attack", case["attack"], "--address", place.address, "--port", str(place.port),
                         "--connections", str(count), "--rate", str(rate))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if not select.select([process.stdout], [], [], READY_S)[0] or not process.stdout.readline():
                raise BenchError(f"the attack {case['attack']} on {place.address}:{place.port} has not begun within {READY_S} s")
            yield seen
            if attacker.pids:
                seen["rss_mib"] = meter.resident_bytes(attacker.pids) / (1 << 20)
            told, _ = process.communicate(timeout=END_S)  # Its input ends.
            seen |= _figures(json.loads(told))
        finally:
            process.kill()


def _figures(told):
    opened = told["connections"]
    return {"attack_connections": opened, "attack_kib": told["sent_bytes"] / 1024,
            "attack_ended": told["ended_by_peer"] / opened if opened else 0.0}
