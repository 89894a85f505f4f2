"""The pods of a run: a pair in the mesh, a pair that no mesh knows, and one for each peer.

What can be measured against: `minimal` (our server), `nginx`, `http2` (nginx too), `grpc` (grpc-go), `stream` (iperf3), `unread` (accepts and never reads).
"""
import os
import socket

from sluice_testing import servers
from sluice_testing.process import Process, wait_listening

from . import loads, peers

MINIMAL_PORT, NGINX_PORT, HTTP2_PORT, GRPC_PORT, STREAM_PORT, UNREAD_PORT = 8091, 8090, 8092, 8093, 5201, 9001
PORTS = {"minimal": MINIMAL_PORT, "nginx": NGINX_PORT, "http2": HTTP2_PORT, "grpc": GRPC_PORT, "stream": STREAM_PORT,
         "unread": UNREAD_PORT}
SIZES = (("1k", 1024), ("16k", 16384), ("64k", 65536), ("1m", 1 << 20), ("16m", 1 << 24))


class Town:
    def __init__(self, network):
        self.network = network
        self.client, self.server = network.pod("client"), network.pod("server")
        self.attacker = network.pod("attacker")
        self.plain_client, self.plain_server = network.pod("plain-client"), network.pod("plain-server")
        self.middles = {name: network.pod(name) for name in peers.PEERS}  # One each: they listen on the same ports.
        self.started = {}
        self.unread_listeners, self.unread_socks = [], []
        for pod in network.pods.values():
            with pod.inside():  # A new connection per request needs many ports.
                _sysctl("net/ipv4/ip_local_port_range", "10000 65000")
                _sysctl("net/core/somaxconn", "8192")

    def serve(self, what):
        """Starts a server in both server pods, once."""
        what = "nginx" if what == "http2" else what
        if what in self.started:
            return
        start = {"minimal": _minimal, "nginx": _nginx, "grpc": _grpc, "stream": _stream, "unread": self._listen_unread}[what]
        self.started[what] = [process for pod in (self.server, self.plain_server) if (process := start(pod))]

    def _listen_unread(self, pod):
        self.unread_listeners.append(pod.listen(port=UNREAD_PORT))
        return None

    def accept_unread(self):
        """Accepts what has been dialled, so that it is nobody's backlog; nothing is read."""
        for listener in self.unread_listeners:
            listener.setblocking(False)
            try:
                self.unread_socks.append(listener.accept()[0])
            except BlockingIOError:
                continue

    def forget_unread(self):
        for sock in self.unread_socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        self.unread_socks.clear()

    def server_pids(self):
        return [process.pid for processes in self.started.values() for process in processes]


def _sysctl(name, value):
    try:
        with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
            file.write(value)
    except OSError:
        pass  # The defaults serve all but the largest runs.


def _minimal(pod):
    process = Process([loads.program("sluice-bench-server"), "--port", str(MINIMAL_PORT)], pod, name="bench-server")
    wait_listening(pod, MINIMAL_PORT, process)
    return process


def _nginx(pod):
    loads.require("nginx", "nginx-light")
    return servers.nginx(pod, NGINX_PORT, sizes=SIZES, http2_port=HTTP2_PORT)


def _grpc(pod):
    process = Process([*loads.grpc_program(), "serve", f"0.0.0.0:{GRPC_PORT}", pod.name], pod, name="grpc-server")
    wait_listening(pod, GRPC_PORT, process, 20)
    return process


def _stream(pod):
    loads.require("iperf3", "iperf3")
    return servers.iperf3(pod, STREAM_PORT)


def affinity(pids, cpus):
    """Puts processes, all their threads and us on the first CPUs of those allowed."""
    for pid in (*pids, os.getpid()):
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                os.sched_setaffinity(int(task), cpus)
            except ProcessLookupError:
                continue
