"""Bounded load from the client pod by wrk, and its report as numbers."""

import re
import subprocess

from world import inside

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Load:
    """wrk for `seconds` from the web-client pod; ends by itself."""

    def __init__(self, url, connections, seconds):
        self.seconds = seconds
        self.process = subprocess.Popen(
            inside("web-client", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True)

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def report(self):
        text, _ = self.process.communicate(timeout=self.seconds + 5)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
        if rate is None:
            raise RuntimeError("wrk has measured nothing: " + text.strip())
        return {"requests_per_s": float(rate[1]), "p50_ms": percentile(text, 50), "p99_ms": percentile(text, 99),
                "failed": failures(text)}


def percentile(text, which):
    found = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]] if found else float("nan")


def failures(text):
    count = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return count + (sum(int(number) for number in errors.groups()) if errors else 0)
