#!/usr/bin/python3 -B
"""Shows Sluice to a colleague in under a minute, on real traffic, and leaves no trace:
a canary at 90/10, moved to 50/50 by editing a file while load runs, then the same load without a mesh and with the
kernel path off and on. Called by `./dev demo`; needs root, nginx, wrk and the built programs."""

import argparse
import fcntl
import glob
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time

from load import Load
from mesh import Mesh, requests_by_backend
from screen import Screen, comparison_lines, split_lines
from world import BODY_BYTES, PODS, SERVICE_ADDRESS, World

SERVICE_URL = f"http://{SERVICE_ADDRESS}/"
DIRECT_URL = f"http://{PODS[1][1]}:8080/"
CONNECTIONS = 16
FOLDER_PREFIX = "sluice-demo-"
LOCK_PATH = "/run/sluice-demo.lock"
DEADLINE_SECONDS = 52  # Then tidying up begins, whatever is still to be shown.


class Stopped(Exception):
    """A signal or the deadline: tidy up and leave."""


def on_signal(number, _frame):
    # From here on nothing may interrupt tidying up, which is bounded by itself.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(ignored, signal.SIG_IGN)
    raise Stopped("out of time" if number == signal.SIGALRM else signal.strsignal(number))


class Demo:
    def __init__(self, options):
        self.options = options
        self.screen = Screen(options.plain)
        # The lock is ours, so these belong to demos that were killed.
        for stale in glob.glob(os.path.join(tempfile.gettempdir(), FOLDER_PREFIX + "*")):
            shutil.rmtree(stale, ignore_errors=True)
        self.world = World(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.mesh = None
        self.load = None
        self.failed_requests = 0

    def run(self):
        say = self.screen.say
        say("Sluice demo: one node, three pods (network namespaces), nothing installed in them.")
        self.world.make()
        say(f"  web-client   sends load with wrk to http://{SERVICE_ADDRESS}/, the address of Service shop")
        say("  shop-v1      nginx, the version in production")
        say("  shop-v2      nginx, the canary")

        self.screen.heading("1. The canary: HTTPRoute demo/canary sends 90 % to v1, 10 % to v2")
        self.start_mesh("full")
        self.show_split()
        if self.options.no_compare:
            return self.stop_mesh()
        self.screen.heading(f"2. The same load, {CONNECTIONS} connections, {BODY_BYTES} byte answers, one nginx")
        rows = self.compare()
        self.screen.draw([])
        for line in comparison_lines(self.screen, rows):
            say(line)
        say("  (a few seconds each, in turns: read the ratios; ./dev bench measures with care)")

    def start_mesh(self, acceleration):
        self.mesh = Mesh(self.options.programs, self.world, acceleration)
        began = time.monotonic()
        self.mesh.wait_ready()
        reached = self.mesh.status()["acceleration"]
        text = f"  the mesh is ready after {time.monotonic() - began:.1f} s, kernel path: {reached['level']}"
        if reached["level"] != acceleration:
            text += f" (asked for {acceleration}: {reached['reason']})"
        self.screen.say(text)

    def stop_mesh(self):
        if self.mesh is not None:
            mesh, self.mesh = self.mesh, None
            mesh.stop()

    def show_split(self):
        """One run of load through both splits: the file is edited half-way, no connection is dropped."""
        half = self.options.seconds
        self.load = Load(SERVICE_URL, CONNECTIONS, 2 * half)
        self.watch("90 / 10", half)
        self.world.split(50, 50)
        seen_ms = self.wait_for_share(0.35)
        self.screen.say(f"  30-canary.json now says 50/50; seen in the traffic after {seen_ms:.0f} ms, load still running")
        self.watch("50 / 50", half - 1)
        report = self.load.report()
        self.load = None
        self.failed_requests += report["failed"]
        self.screen.say(f"  wrk: {report['requests_per_s']:.0f} requests/s through both, {report['failed']} failed")

    def watch(self, title, seconds):
        """Draws the live table until `seconds` are over or the load has ended."""
        first, first_failed = requests_by_backend(self.mesh.status())
        last, last_time = first, time.monotonic()
        end = last_time + seconds
        pause = 0.5 if self.screen.is_terminal else 2.0
        while self.load.is_running() and time.monotonic() < end:
            time.sleep(max(0.05, min(pause, end - time.monotonic())))
            counts, failed = requests_by_backend(self.mesh.status())
            now = time.monotonic()
            rates = {name: (count - last.get(name, 0)) / (now - last_time) for name, count in counts.items()}
            since = {name: count - first.get(name, 0) for name, count in counts.items()}
            self.screen.draw(split_lines(self.screen, title, since, rates, failed - first_failed))
            last, last_time = counts, now

    def wait_for_share(self, share):
        """Until shop-v2 gets at least `share` of what is sent between two looks; returns the milliseconds it took."""
        began = time.monotonic()
        last, _ = requests_by_backend(self.mesh.status())
        while time.monotonic() < began + 3:
            time.sleep(0.05)
            counts, _ = requests_by_backend(self.mesh.status())
            since = {name: count - last.get(name, 0) for name, count in counts.items()}
            if sum(since.values()) > 100 and since.get("shop-v2", 0) / sum(since.values()) >= share:
                return 1000 * (time.monotonic() - began)
            last = counts
        raise RuntimeError("3 s after the file was edited the traffic has not moved")

    def compare(self):
        """Twice each, in turns, so that what else the machine does meets all of them."""
        self.world.split(100, 0)
        self.wait_for_quiet_split()
        reports = {"full": [], "direct": [], "off": []}
        for mode in ("full", "direct", "off", "off", "direct", "full"):
            self.bring_to(mode)
            reports[mode].append(self.measure(mode))
        self.stop_mesh()
        return [(name, {key: statistics.mean(report[key] for report in reports[mode]) for key in reports[mode][0]})
                for name, mode in (("no mesh: pod to pod", "direct"), ("through the mesh, plain TCP", "off"),
                                   ("through the mesh, kernel path", "full"))]

    def bring_to(self, mode):
        if self.mesh is not None and self.mesh.acceleration != mode:
            self.stop_mesh()
        if self.mesh is None and mode != "direct":
            self.mesh = Mesh(self.options.programs, self.world, mode)
            self.mesh.wait_ready()

    def wait_for_quiet_split(self):
        """Until the mesh has taken the new weights: the configuration's version moves."""
        before = self.mesh.status()["config"]["version"]
        deadline = time.monotonic() + 2
        while self.mesh.status()["config"]["version"] == before and time.monotonic() < deadline:
            time.sleep(0.05)

    def measure(self, mode):
        names = {"full": "mesh, kernel path full", "direct": "no mesh", "off": "mesh, kernel path off"}
        self.screen.draw([f"  measuring: {names[mode]} ..."])
        self.load = Load(DIRECT_URL if mode == "direct" else SERVICE_URL, CONNECTIONS, self.options.compare_seconds)
        report = self.load.report()
        self.load = None
        self.failed_requests += report["failed"]
        return report

    def tidy_up(self):
        if self.load is not None:
            self.load.stop()
        try:
            self.stop_mesh()
        finally:
            self.world.remove()
        return self.world.traces()


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--programs", default="build/bin", help="folder of the built programs (default: build/bin)")
    parser.add_argument("--seconds", type=int, default=8, choices=range(3, 13), metavar="3..12",
                        help="length of each half of the canary (default: 8)")
    parser.add_argument("--compare-seconds", type=int, default=3, choices=range(2, 5), metavar="2..4",
                        help="length of each of the six measurements (default: 3)")
    parser.add_argument("--no-compare", action="store_true", help="leave out the comparison with no mesh")
    parser.add_argument("--plain", action="store_true", help="plain lines on a terminal too")
    return parser.parse_args()


def main():
    options = parse_options()
    for program in ("ip", "wrk", "setpriv"):
        if shutil.which(program) is None:
            sys.exit(f"the demo needs {program}: run ./dev setup")
    lock = os.open(LOCK_PATH, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another demo runs on this machine")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, on_signal)
    signal.alarm(DEADLINE_SECONDS)
    demo = Demo(options)
    trouble = None
    try:
        demo.run()
    except Stopped as reason:
        trouble = f"stopped: {reason}"
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        trouble = str(error)
    return finish(demo, trouble)


def finish(demo, trouble):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    demo.screen.say()
    try:
        traces = demo.tidy_up()
    except (RuntimeError, OSError) as error:
        traces = demo.world.traces() + [str(error)]
    os.unlink(LOCK_PATH)
    demo.screen.say("Left behind: " + (", ".join(traces) if traces else "nothing."))
    if demo.failed_requests:
        trouble = trouble or f"{demo.failed_requests} requests failed"
    if trouble:
        print(f"demo: {trouble}", file=sys.stderr)
    return 1 if trouble or traces else 0


if __name__ == "__main__":
    sys.exit(main())
