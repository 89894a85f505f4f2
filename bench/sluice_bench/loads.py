"""Load generators, each a function of (place, case) that returns what it saw; errors are fatal, never averaged away.

A place says where the load runs and what it is sent to. Results are dictionaries: `requests` (how many the costs are
divided by), `requests_per_s`, latencies in us.
"""
import base64
import dataclasses
import functools
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile

from sluice_testing import programs

from . import attacks
from .errors import BenchError, Missing

UNITS_US = {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000}
GRPC_MESSAGE_SIZE = 1024
GHZ_DIR = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "load", "ghz")  # The module that names its version.
STALLED_PATH, STREAM_WINDOW = "/1m", 64 * 1024  # What is asked for and not read, and how much of it comes.
CURVE = (50, 75, 90, 95, 99, 99.5, 99.9, 99.99)


@dataclasses.dataclass(frozen=True)
class Place:
    pod: object          # Where the load runs; None: here.
    address: str
    port: int
    path: str = ""       # Overrides the scenario's, for a target that the user named.
    attacker: object = None  # An attacks.Attacker that is to be at work meanwhile.

    def command(self, *argv):
        return ["ip", "netns", "exec", self.pod.namespace, *argv] if self.pod else list(argv)


def program(name):
    """A program of ours that lies beside the mesh's."""
    path = os.path.join(os.environ["SLUICE_BIN_DIR"], name)
    if not os.path.exists(path):
        raise BenchError(f"{path} is not there: build it (./dev build), or set SLUICE_BIN_DIR to where it lies")
    return path


def require(name, package):
    if shutil.which(name) is None:
        raise Missing(f"{name} is not installed (Debian's package {package})")
    return name


def mend(place):
    """What to do about a load that failed there."""
    if place.pod is None:
        return f"is it up, and does it speak what the load asks? try `curl -v http://{place.address}:{place.port}{place.path}`"
    return "look at the log of what answers there, or run the scenario with --targets direct to see whether the load works"


def run(place, argv, timeout_s):
    try:
        done = subprocess.run(place.command(*argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{argv[0]} against {place.address}:{place.port} has not ended within {timeout_s:g} s: the target "
                         f"hangs: {mend(place)}") from error
    if done.returncode != 0:
        raise BenchError(f"{argv[0]} against {place.address}:{place.port} exited {done.returncode}: "
                         f"{(done.stderr or done.stdout).strip()[-500:]}: {mend(place)}")
    return done.stdout


def _path(place, scenario, case):
    return place.path or case.get("path") or scenario.load["path"]


def wrk(place, scenario, case, seconds):
    whole = max(1, round(seconds))  # wrk counts in whole seconds.
    headers = [part for header in scenario.load.get("headers", ()) for part in ("-H", header)]
    url = f"http://{place.address}:{place.port}{_path(place, scenario, case)}"
    output = run(place, [require("wrk", "wrk"), "-t1", f"-c{case['connections']}", f"-d{whole}s", "--latency", *headers, url],
                 whole + 15)
    failed = [line.strip() for line in output.splitlines() if "Socket errors" in line or "Non-2xx" in line]
    if failed:
        raise BenchError(f"wrk {url}: {'; '.join(failed)}: requests failed, so nothing was measured: {mend(place)}")
    result = {"requests": int(re.search(r"(\d+) requests in", output)[1]),
              "requests_per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])}
    for share in (50, 90, 99):
        value, unit = re.search(rf"\b{share}%\s+([\d.]+)(us|ms|s|m)\b", output).groups()
        result[f"p{share}_us"] = float(value) * UNITS_US[unit]
    return result


def percentile(buckets, percent):
    """The upper bound of the bucket in which that many percent of [[upper bound, count], ...] end."""
    total = sum(count for _, count in buckets)
    rank, seen = max(1, -(-total * percent // 100)), 0
    for upper, count in buckets:
        seen += count
        if seen >= rank:
            return upper
    return 0


def own(place, scenario, case, seconds):
    argv = [program("sluice-bench-load"), "--address", place.address, "--port", str(place.port),
            "--path", _path(place, scenario, case), "--connections", str(case["connections"]),
            "--seconds", str(seconds), "--rate", str(case.get("rate_per_s", 0))]
    for header in scenario.load.get("headers", ()):
        argv += ["--header", header]
    if scenario.load.get("new_connections"):
        argv.append("--new-connections")
    if scenario.tool == "own-http2":
        argv += ["--streams", str(scenario.load["streams"])]
    is_stalled = case.get("setting") == "stalled"
    if is_stalled:
        argv += ["--stalled", "1", "--stalled-path", STALLED_PATH]
    with attacks.under(place.attacker, case, program("sluice-bench-attack") if place.attacker else None) as attack:
        seen = json.loads(run(place, argv, seconds + 15))
    errors = {name: count for name, count in seen["errors"].items() if count}
    if "rate_per_s" in case:
        errors.pop("unanswered", None)  # A target that cannot keep up; its latency says so.
    if errors or not seen["requests"]:
        raise BenchError(f"load on {place.address}:{place.port}: {errors or 'no answer at all'}: requests failed, so nothing was "
                         f"measured: {mend(place)}")
    if is_stalled and not STREAM_WINDOW - 1 <= seen["stalled_bytes"] / case["connections"] <= STREAM_WINDOW:
        raise BenchError(f"load on {place.address}:{place.port}: the streams that are not read got {seen['stalled_bytes']} bytes, so they "
                         "were not held by their windows")
    buckets = seen["latency_ns"]
    result = {"requests": seen["requests"], "requests_per_s": seen["requests"] / seen["seconds"],
              "received_bytes": seen["received_bytes"], "took_s": seen["seconds"],
              "curve_us": {str(percent): percentile(buckets, percent) / 1000 for percent in CURVE}}
    result |= {name: percentile(buckets, percent) / 1000
               for name, percent in (("p50_us", 50), ("p90_us", 90), ("p99_us", 99), ("p999_us", 99.9))}
    if "rate_per_s" in case:
        result["kept_up"] = result["requests_per_s"] / case["rate_per_s"]
    return result | attack


def h2load(place, scenario, case, seconds, more=()):
    url = f"http://{place.address}:{place.port}{_path(place, scenario, case)}"
    whole = max(1, round(seconds))
    headers = [f"-H{header}" for header in scenario.load.get("headers", ())]
    argv = [require("h2load", "nghttp2-client"), f"-c{case['connections']}", f"-m{scenario.load['streams']}", f"-D{whole}", "-t1"]
    output = run(place, [*argv, *headers, *more, url], whole + 15)
    counts = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
    if counts is None or not int(counts[1]) or any(int(count) for count in counts.groups()[1:]):
        raise BenchError(f"h2load {url}: requests failed, so nothing was measured: {mend(place)}\n{output[-500:]}")
    mean, unit = re.search(r"time for request:(?:\s+[\d.]+\w+){2}\s+([\d.]+)(us|ms|s)", output).groups()
    took_s = float(re.search(r"finished in ([\d.]+)s", output)[1])
    return {"requests": int(counts[1]), "requests_per_s": float(re.search(r"finished in .*, ([\d.]+) req/s", output)[1]),
            "received_bytes": int(re.search(r"traffic: .*\((\d+)\) total", output)[1]), "took_s": took_s, "mean_us": float(mean) * UNITS_US[unit]}


@functools.cache
def _grpc_message():
    """The path of a file that holds one message as gRPC frames it: not compressed, its length, its bytes."""
    file = tempfile.NamedTemporaryFile(prefix="sluice-bench-")  # Goes with this process.
    file.write(struct.pack(">BI", 0, GRPC_MESSAGE_SIZE) + b"." * GRPC_MESSAGE_SIZE)
    file.flush()
    return file


def grpc(place, scenario, case, seconds):
    """Unary calls whose answer is what was asked. h2load makes them: it costs a fraction of what a gRPC library does, so it is
    the hop that is measured. It does not look at grpc-status: check_grpc() has seen that calls succeed there."""
    return h2load(place, scenario, case, seconds,
                  [f"-d{_grpc_message().name}", "-Hcontent-type: application/grpc", "-Hte: trailers"])


def check_grpc(place):
    """One call by a real client, whose status counts."""
    output = run(place, [*grpc_program(), "check", f"{place.address}:{place.port}", "unary"], 15)
    if not output.startswith("ok"):
        raise BenchError(f"a gRPC call to {place.address}:{place.port} fails, so nothing was measured: {output.strip()[-500:]}: {mend(place)}")


def ghz(place, scenario, case, seconds):
    """The same calls by a client made with grpc-go, which looks at each status."""
    streams, connections = scenario.load["streams"], case["connections"]
    argv = [ghz_program(), "--insecure", "--proto", os.path.join(GHZ_DIR, "echo.proto"), "--call", _path(place, scenario, case).lstrip("/"),
            "--connections", str(connections), "--concurrency", str(connections * streams), "--duration", f"{seconds}s",
            "--duration-stop", "wait", "--format", "json",
            "--data", json.dumps({"data": base64.b64encode(b"." * GRPC_MESSAGE_SIZE).decode()}), f"{place.address}:{place.port}"]
    output = run(place, argv, seconds + 15)
    seen = json.loads(output)
    if not seen["count"] or set(seen["statusCodeDistribution"]) != {"OK"}:
        raise BenchError(f"ghz {place.address}:{place.port}: calls failed ({seen['statusCodeDistribution']}), so nothing was measured: "
                         f"{mend(place)}")
    latency_us = {item["percentage"]: item["latency"] / 1000 for item in seen["latencyDistribution"]}
    return {"requests": seen["count"], "requests_per_s": seen["rps"], "mean_us": seen["average"] / 1000,
            "p50_us": latency_us[50], "p90_us": latency_us[90], "p99_us": latency_us[99]}


def check_ghz(place):
    ghz_program()  # Made now, or missing now.
    check_grpc(place)


def ghz_program():
    return _made("ghz", lambda: programs.go_built("ghz", GHZ_DIR, "github.com/bojand/ghz/cmd/ghz"))


def grpc_program():
    return _made("the gRPC server (grpc-go)", lambda: programs.made("go"))


def _made(what, make):
    """What make() returns; Missing says why it cannot be had."""
    try:
        return make()
    except (programs.Unavailable, RuntimeError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{what} cannot be made: {error}") from error


def download(place, scenario, case, seconds):
    """Large answers one after the other: over HTTP/2, with windows that never hold them back; through a relay to a server of
    HTTP/1.1 in that protocol, by the lightest client there is."""
    is_http1 = case.get("protocol") == "tcp" and scenario.server != "http2"
    seen = own(place, scenario, case, seconds) if is_http1 else h2load(place, scenario, case, seconds, ["-w30", "-W30"])
    # Costs are told per MiB.
    return {"requests": seen["received_bytes"] / (1 << 20), "gbit_per_s": seen["received_bytes"] * 8 / seen["took_s"] / 1e9}


def iperf3(place, scenario, case, seconds):
    output = run(place, [require("iperf3", "iperf3"), "-c", place.address, "-p", str(place.port), "-t", str(max(1, round(seconds))), "-J"],
                 seconds + 15)
    result = json.loads(output)
    if "error" in result:
        raise BenchError(f"iperf3 {place.address}:{place.port}: {result['error']}: {mend(place)}")
    received = result["end"]["sum_received"]
    # Costs of a stream are told per MiB.
    return {"requests": received["bytes"] / (1 << 20), "gbit_per_s": received["bits_per_second"] / 1e9}


TIMED = {"wrk": wrk, "own": own, "own-http2": own, "h2load": h2load, "grpc": grpc, "ghz": ghz, "download": download, "iperf3": iperf3}
CHECKS = {"grpc": check_grpc, "ghz": check_ghz}  # Before the first run of a case.
