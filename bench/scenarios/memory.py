"""Resident memory of the proxy: idle, and per idle connection."""
from report.table import Bar
from sluice_testing.process import resident_bytes
from sluice_testing.wait import settled, wait_until

KIB, MIB = 1024, 1024 * 1024
FIRST, THEN = 500, 2500  # Between the two nothing is warmed up any more.


def run(town, mesh, level, options):
    pid = mesh.proxy_pid()
    idle = settled(lambda: resident_bytes(pid), quiet_s=0.5)
    bars = [Bar(f"idle proxy, {level}", "MiB", "<=", 20, idle / MIB)]
    for name, port in (("tcp", 9000), ("http", 81)):
        bars.append(per_connection(town, mesh, pid, name, port, level))
    return bars


def per_connection(town, mesh, pid, path, port, level):
    socks = []
    try:
        def resident_at(count):
            while len(socks) < count:
                socks.append(town.client.connect(town.streams, port))
            wait_until(lambda: mesh.connections(path)["active"] >= count, f"{count} {path} connections are open", 20)
            return settled(lambda: resident_bytes(pid), quiet_s=0.5)

        first = resident_at(FIRST)
        grown = resident_at(THEN) - first
    finally:
        for sock in socks:
            sock.close()
    return Bar(f"memory per idle {path} connection, {level}", "KiB", "<=", 2, grown / (THEN - FIRST) / KIB)
