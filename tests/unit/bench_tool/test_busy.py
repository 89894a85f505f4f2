"""What others use of the machine while we measure."""
import os
import signal
import subprocess
import sys
import time

from sluice_bench import busy


def test_we_what_we_started_and_the_kernel_are_not_others():
    processes = {1: (0, 1, 5, 90), 2: (0, 0, 7, 0), 9: (2, 0, 7, 0), 20: (1, 20, 3, 60), 30: (20, 30, 100, 100), 31: (30, 30, 50, 0),
                 32: (1, 30, 50, 0), 40: (1, 40, 8, 2)}
    assert busy.foreign(processes, me=30, session=30) == {1: (5, 0), 20: (3, 0), 40: (8, 2)}


def test_a_process_that_came_and_went_is_charged_through_its_parent():
    assert busy.growth({1: (10, 0)}, {1: (12, 30)}) == 32


def test_a_process_that_ended_is_not_counted_twice():
    assert busy.growth({1: (10, 0), 2: (50, 0)}, {1: (10, 55)}) == 5


def test_one_that_nobody_waited_for_hides_nobody_else():
    assert busy.growth({1: (10, 0), 2: (500, 0)}, {1: (30, 0)}) == 20


def test_a_foreign_spinner_is_seen():
    """It is nobody's child and of its own session, as other people's are."""
    report, write = os.pipe()
    maker = subprocess.Popen([sys.executable, "-c", "import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n"
                              "    os.write(int(sys.argv[1]), b'%d ' % os.getpid())\n    end = time.time() + 20\n"
                              "    while time.time() < end: pass\n", str(write)], pass_fds=[write])
    maker.wait()
    pid = int(os.read(report, 32))
    try:
        with busy.Others() as others:
            used = began = busy._processes()[pid][2]
            while used < began + 20:  # 0.2 s of its CPU; the time it takes is what is measured.
                time.sleep(0.01)
                used = busy._processes()[pid][2]
        assert others.share * others.seconds >= 0.2
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(report)
        os.close(write)
