"""Requests of 1 KiB answers over keep-alive connections: throughput, CPU per request, latency."""
import dataclasses
import re
import statistics

from peers import haproxy
from report.table import ratio_bar
from scenarios.town import NGINX_PORT, VIP
from sluice_testing.process import cpu_ns, machine_busy_ns

BARS = {  # level: (throughput / direct, proxy CPU / HAProxy's, machine CPU / direct, p50 / direct at 1 connection)
    "full": (0.9, 0.5, 1.25, 1.1),
    "off": (0.5, 0.9, None, None),
}
UNITS_US = {"us": 1, "ms": 1000, "s": 1_000_000}


@dataclasses.dataclass
class Sample:
    requests_per_s: float
    p50_us: float
    proxy_us: float    # CPU of the process in the middle, per request.
    machine_us: float  # CPU of everything, per request.


def wrk(pod, url, connections, seconds, proxy_pid):
    proxy, machine = cpu_ns(proxy_pid), machine_busy_ns()
    output = pod.exec("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url)
    proxy, machine = cpu_ns(proxy_pid) - proxy, machine_busy_ns() - machine
    if "Socket errors" in output or "Non-2xx" in output:
        raise AssertionError(f"wrk {url}: {output}")
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", output).groups()
    return Sample(float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)), float(value) * UNITS_US[unit],
                  proxy / requests / 1000, machine / requests / 1000)


def rounds(town, mesh, connections, options):
    """{'direct': [Sample...], 'haproxy': ..., 'sluice': ...}, taking turns forwards and backwards."""
    proxy = mesh.proxy_pid()
    peers = {
        "direct": (town.plain_client, f"http://{town.plain_server.v4}:{NGINX_PORT}/1k", proxy),
        "haproxy": (town.plain_client, f"http://{town.middle.v4}:{haproxy.PORT}/1k", town.haproxy.pid),
        "sluice": (town.client, f"http://{VIP}/1k", proxy),
    }
    seen = {name: [] for name in peers}
    for pod, url, pid in peers.values():
        wrk(pod, url, connections, 1, pid)  # Pools and caches fill up.
    for number in range(options.rounds):
        for name in list(peers)[::-1 if number % 2 else 1]:
            pod, url, pid = peers[name]
            seen[name].append(wrk(pod, url, connections, options.seconds, pid))
    return seen


def values(samples, field):
    return [getattr(sample, field) for sample in samples]


def medians(seen, field, names, unit):
    parts = [f"{name} {statistics.median(values(seen[name], field)):,.1f}" for name in names]
    return f"{', '.join(parts)} {unit}"


def run(town, mesh, level, options):
    throughput, proxy_cpu, machine_cpu, latency = BARS[level]
    bars = []
    for connections in (16, 64):
        seen = rounds(town, mesh, connections, options)
        where = f"{level}, {connections} connections"

        def bar(name, comparison, target, field, against, unit):
            bars.append(ratio_bar(f"{name}, {where}", comparison, target, values(seen["sluice"], field),
                                  values(seen[against], field), medians(seen, field, ("sluice", against), unit)))

        bar("throughput / direct", ">=", throughput, "requests_per_s", "direct", "req/s")
        bar("proxy CPU / HAProxy", "<=", proxy_cpu, "proxy_us", "haproxy", "us")
        if machine_cpu:
            bar("machine CPU / direct", "<=", machine_cpu, "machine_us", "direct", "us")
        print(f"  HAProxy / direct at {connections}: " + medians(seen, "requests_per_s", ("haproxy", "direct"), "req/s"), flush=True)
    if latency:
        seen = rounds(town, mesh, 1, options)
        bars.append(ratio_bar(f"p50 / direct, {level}, 1 connection", "<=", latency, values(seen["sluice"], "p50_us"),
                              values(seen["direct"], "p50_us"), medians(seen, "p50_us", ("sluice", "direct", "haproxy"), "us")))
    return bars
