"""What changes about the mesh between two runs: nothing, its size, or its peace."""
import threading
import time

from sluice_testing import manifests as text
from sluice_testing.wait import settled, wait_until

from . import manifests

CHURN_INTERVAL_S = manifests.CHANGES_PER_TURN / 100  # 100 endpoint changes a second.


class Churn:
    """Changes endpoints in the manifests' folder until stopped."""

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


class Settings:
    """The setting of one mesh; it is changed only when another one is asked for."""

    def __init__(self, mesh):
        self.mesh, self.now, self.churn, self.files = mesh, "plain", None, None

    def apply(self, wanted):
        wanted = "plain" if wanted == "stalled" else wanted  # That is the load's.
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
        if wanted == "scale":
            self.files = self.files or {name: text.render(objects) for name, objects in manifests.scale().items()}
            for name, rendered in self.files.items():
                self.mesh.write(name, rendered)
        self.now = wanted
        if wanted != "churn":
            self._wait_applied(is_large=wanted == "scale")

    def _wait_applied(self, is_large):
        """Until the whole configuration, or none of it, has arrived and nothing moves any more."""
        endpoints = manifests.SERVICES * manifests.ENDPOINTS_EACH
        wait_until(lambda: (self.mesh.status()["config"]["workloads"] >= endpoints) == is_large, f"{endpoints} endpoints are applied", 60)
        settled(lambda: self.mesh.status()["config"]["version"], quiet_s=0.4, timeout_s=60)

    def close(self):
        if self.churn is not None:
            self.churn.stop()
