"""What changes about the mesh between two runs: nothing, its size, or its peace."""
import threading
import time

from sluice_testing import manifests as text
from sluice_testing.wait import settled, wait_until

from . import manifests, meter
from .errors import BenchError

ARRIVED = "sluice_agent_config_resources_total"
CHANGES_PER_S = 100
CHURN_INTERVAL_S = manifests.CHANGES_PER_TURN / CHANGES_PER_S
CHANGED_SHARE_MIN = 0.9


class Churn:
    """Changes endpoints in the manifests' folder until stopped. `turn`: how many times it has, each CHANGES_PER_TURN endpoints."""

    def __init__(self, mesh):
        self.mesh, self.ended, self.turn = mesh, threading.Event(), 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        due = time.monotonic()
        while not self.ended.wait(max(0.0, due - time.monotonic())):
            self.turn += 1
            self.mesh.apply("churn.yaml", manifests.churn(self.turn))
            due += CHURN_INTERVAL_S

    def stop(self):
        self.ended.set()
        self.thread.join()


def check_churn(runs):
    """Refuses runs which say that they were made under churn, and were not. One alone may begin or end between two turns."""
    runs = [run for run in runs if "changes_made" in run]
    seconds = sum(run["changed_s"] for run in runs)
    for key, what in (("changes_made", "were made: the machine is too busy: stop what else runs or give the mesh fewer --workers"),
                      ("changes_arrived", "arrived at the proxy: the mesh does not follow: see `sluicectl status` and the agent's log")):
        rate = sum(run[key] for run in runs) / seconds if runs else CHANGES_PER_S
        if rate < CHANGES_PER_S * CHANGED_SHARE_MIN:
            raise BenchError(f"{runs[0]['scenario']}: {runs[0]['target']}: {rate:.0f} of {CHANGES_PER_S} endpoint changes a second {what}")


class Settings:
    """The setting of one mesh; it is changed only when another one is asked for."""

    def __init__(self, mesh):
        self.mesh, self.now, self.churn, self.files = mesh, "plain", None, None
        self.config_bytes = None  # {program: what `scale` added to its memory, the first time}

    def apply(self, wanted):
        wanted = wanted if wanted in ("scale", "churn") else "plain"  # All others are of the load.
        if wanted == self.now:
            return
        if self.now == "churn":
            self.churn.stop()
            self.mesh.delete("churn.yaml")
        if self.now == "scale":
            for name in self.files:
                self.mesh.delete(name)
        if wanted == "churn":
            self.churn = Churn(self.mesh)
        before = self._memory()
        if wanted == "scale":
            self.files = self.files or {name: text.render(objects) for name, objects in manifests.scale().items()}
            for name, rendered in self.files.items():
                self.mesh.write(name, rendered)
        self.now = wanted
        if wanted != "churn":
            self._wait_applied(is_large=wanted == "scale")
        if wanted == "scale" and self.config_bytes is None:
            self.config_bytes = {name: after - before[name] for name, after in self._memory().items()}

    def _memory(self):
        return {name: meter.proportional_bytes([pid]) for name, pid in self.mesh.pids().items()}

    def changes(self):
        """{what: how many so far} of endpoints."""
        return {"changes_made": self.churn.turn * manifests.CHANGES_PER_TURN, "changes_arrived": self.mesh.counter(ARRIVED)}

    def _wait_applied(self, is_large):
        """Until the whole configuration, or none of it, has arrived and nothing moves any more."""
        endpoints = manifests.SERVICES * manifests.ENDPOINTS_EACH
        wait_until(lambda: (self.mesh.status()["config"]["workloads"] >= endpoints) == is_large, f"{endpoints} endpoints are applied", 60)
        settled(lambda: self.mesh.status()["config"]["version"], quiet_s=0.4, timeout_s=60)

    def close(self):
        if self.churn is not None:
            self.churn.stop()
