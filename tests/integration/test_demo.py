"""`./dev demo`, as a colleague is shown it. In continuous integration at its full length, else as short as it gets."""
import os
import re
import signal
import subprocess
import time

import pytest

from sluice_testing.machine import MachineState
from sluice_testing.mesh import REPOSITORY, SCALE, is_sanitized, programs_dir
from sluice_testing.process import Process
from sluice_testing.wait import wait_until

SHORT = [] if os.environ.get("CI") else ["--seconds", "3", "--compare-seconds", "2"]
PROMISED_S = 60


@pytest.fixture
def machine():
    """Asserts that afterwards the node has what it had."""
    before = MachineState([])
    yield
    wait_until(lambda: not MachineState([]).differences(before),
               lambda: "\n".join(MachineState([]).differences(before)), 5.0 * SCALE, 0.1)


def demo(*options):
    return Process([os.path.join(REPOSITORY, "dev"), "demo", "--programs", programs_dir(), "--plain", *options], name="demo")


def shares(text, title):
    """Percent that each version had got in the last table of that title."""
    table = re.findall(rf"^  {title} +requests.*\n  shop-v1 .* ([\d.]+) %\n  shop-v2 .* ([\d.]+) %", text, re.MULTILINE)
    assert table, text
    return [float(share) for share in table[-1]]


@pytest.mark.skipif(is_sanitized(), reason="its time limits are not for a sanitized program")
def test_shows_the_split_moving_and_leaves_nothing(machine):
    began = time.monotonic()
    show = demo(*SHORT)
    code = show.wait(2 * PROMISED_S)
    duration_s = time.monotonic() - began
    text = show.output()

    assert code == 0, text
    assert duration_s < PROMISED_S, f"{duration_s:.1f} s\n{text}"
    assert 5 <= shares(text, "90 / 10")[1] <= 15, text
    assert 40 <= shares(text, "50 / 50")[1] <= 60, text
    assert re.search(r"seen in the traffic after \d+ ms, load still running", text), text
    assert re.search(r"through both, 0 failed", text), text
    for row in ("no mesh: pod to pod", "through the mesh, plain TCP", "through the mesh, kernel path"):
        assert re.search(rf"^  {row} +[1-9]", text, re.MULTILINE), text
    assert text.rstrip().endswith("Left behind: nothing."), text


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_leaves_nothing_when_it_is_interrupted(machine, sig):
    show = demo("--no-compare")
    wait_until(lambda: show.check_running() and "90 / 10" in show.output(), show.output, 30 * SCALE)

    show.popen.send_signal(sig)

    assert show.wait(20 * SCALE) == 1, show.output()
    assert "stopped: " in show.output() and "Left behind: nothing." in show.output(), show.output()


def test_refuses_a_second_one():
    with demo("--no-compare") as first:
        wait_until(lambda: first.check_running() and "90 / 10" in first.output(), first.output, 30 * SCALE)
        second = subprocess.run(first.popen.args, capture_output=True, text=True, timeout=20 * SCALE, check=False)
        first.stop(signal.SIGINT, 20 * SCALE)

    assert second.returncode == 1 and "another demo runs" in second.stderr
