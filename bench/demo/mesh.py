"""Starts and asks the real mesh: `sluicectl standalone` and the agent's /status."""

import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

STATUS_URL = "http://127.0.0.1:15000/status"
START_SECONDS = 15
STOP_SECONDS = 10


class Mesh:
    def __init__(self, programs, world, acceleration):
        self.log_path = world.folder / f"mesh-{acceleration}.log"
        self.acceleration = acceleration
        # Ends, in order, with this process, however this process ends.
        command = ["setpriv", "--pdeathsig", "TERM", str(pathlib.Path(programs).resolve() / "sluicectl"), "standalone",
                   "--manifests", str(world.manifests), "--state-dir", str(world.folder / "state"),
                   "--acceleration", acceleration, "--node", "demo"]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            start_new_session=True)

    def wait_ready(self):
        os.set_blocking(self.process.stdout.fileno(), False)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            if line == b"ready\n":
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError("the mesh has not become ready; its last words:\n" + self.last_words())

    def last_words(self):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])

    def status(self):
        with urllib.request.urlopen(STATUS_URL, timeout=3) as answer:
            return json.load(answer)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.terminate()  # Asked twice, it kills what hangs and undoes its work.
            code = self.process.wait(STOP_SECONDS)
        self.process.stdout.close()
        if code != 0:
            raise RuntimeError(f"the mesh ended with exit code {code}; its last words:\n" + self.last_words())


def requests_by_backend(status):
    """{"shop-v1": requests, ...} of the demo's route, and how many of them were not answered by 2xx."""
    counts, failed = {}, 0
    for backend in status.get("backends", []):
        found = re.match(r"demo/(shop-v\d)\.", backend["backend"])
        if found is None or backend["route"] != "demo/canary":
            continue
        counts[found[1]] = counts.get(found[1], 0) + int(backend["requests"])
        failed += int(backend["requests"]) - int(backend.get("by_class", {}).get("2xx", 0))
    return counts, failed
