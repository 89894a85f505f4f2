"""Waiting for conditions. Nothing in the tests sleeps for a fixed time: it polls a condition up to a deadline."""
import time

POLL_INTERVAL_S = 0.01


class DeadlineError(AssertionError):
    pass


def wait_until(condition, what, timeout_s=10.0, interval_s=POLL_INTERVAL_S):
    """Calls `condition` until it returns something true and returns that; fails with `what` at the deadline."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            detail = what() if callable(what) else what
            raise DeadlineError(f"not within {timeout_s:g} s: {detail}")
        time.sleep(interval_s)


def stays_true(condition, what, duration_s, interval_s=0.05):
    """Fails as soon as `condition` is false within `duration_s`: for promises that something does not happen."""
    deadline = time.monotonic() + duration_s
    while time.monotonic() < deadline:
        assert condition(), what() if callable(what) else what
        time.sleep(interval_s)


def settled(read, quiet_s=1.0, timeout_s=30.0, interval_s=0.05):
    """Polls `read` until its value has not changed for `quiet_s` and returns it."""
    deadline = time.monotonic() + timeout_s
    value, since = read(), time.monotonic()
    while time.monotonic() - since < quiet_s:
        if time.monotonic() >= deadline:
            raise DeadlineError(f"still changing after {timeout_s:g} s: {value!r}")
        time.sleep(interval_s)
        latest = read()
        if latest != value:
            value, since = latest, time.monotonic()
    return value
