"""What stands between client and server: nothing, Sluice, a peer; or an address that the user named."""
import socket
import urllib.parse

from sluice_testing.mesh import Mesh

from . import manifests, peers
from .attacks import HTTP1, Attacker
from .errors import BenchError, Missing
from .loads import Place
from .scenario import HTTP2_TOOLS
from .settings import Settings
from .town import HTTP2_PORT, NGINX_PORT, PORTS

TCP_TOOLS = {"iperf3": "stream", "unread": "unread"}
TOOL_SERVERS = {**TCP_TOOLS, "grpc": "grpc", "ghz": "grpc"}
MIB = 1 << 20
HTTP2_SERVERS = ("http2", "grpc")


def served_by(scenario):
    """Which of the town's servers a scenario is answered by."""
    return TOOL_SERVERS.get(scenario.tool, scenario.server)


class Target:
    """Started for a scenario and stopped after it, also if it could not be started wholly."""
    bpf_holder_pid = None

    def __init__(self, name):
        self.name = name

    def start(self):
        """Before anything else. Apart from making it, so that whoever is interrupted meanwhile knows what to stop."""

    def pids(self):
        return []

    def place(self, scenario, case):
        raise NotImplementedError

    def prepare(self, case):
        """Before a run of that case."""

    def counters(self, case):
        """Running counts whose growth during a run of that case is told with it."""
        return {}

    def memory(self, case):
        """What is known of its memory in that case beside the whole of it."""
        return {}

    def stop(self):
        pass


class Direct(Target):
    def __init__(self, town):
        super().__init__("direct")
        self.town = town

    def place(self, scenario, case):
        served = served_by(scenario)
        # nginx is asked in HTTP/2 by the load itself, and in HTTP/1.1 by a hop.
        server = "http2" if scenario.tool in HTTP2_TOOLS and served == "nginx" else served
        return Place(self.town.plain_client, self.town.plain_server.v4, PORTS[server])


class PeerTarget(Target):
    def __init__(self, name, town, scenario, config_dir, workers):
        super().__init__(name)
        self.town = town
        served = served_by(scenario)
        self.peer = peers.Peer(name, config_dir, town.middles[name], town.plain_server.v4, PORTS[served], workers,
                               is_server_http2=served in HTTP2_SERVERS)
        if scenario.tool in TCP_TOOLS and not self.peer.has_tcp:
            raise Missing("nginx has no stream module (Debian's package libnginx-mod-stream)")

    def start(self):
        self.peer.start()

    def pids(self):
        return self.peer.pids()

    def place(self, scenario, case):
        is_tcp = scenario.tool in TCP_TOOLS or case.get("protocol") == "tcp"
        port = peers.TCP_PORT if is_tcp else peers.HTTP2_PORT if scenario.tool in HTTP2_TOOLS else peers.HTTP_PORT
        return Place(self.town.plain_client, self.town.middles[self.name].v4, port)

    def stop(self):
        self.peer.stop()


class Sluice(Target):
    """The mesh with one acceleration level."""

    def __init__(self, level, town, workers):
        super().__init__(f"sluice-{level}")
        self.town = town
        self.mesh = Mesh(town.network, acceleration=level, workers=workers)
        self.mesh.apply("town.yaml", manifests.base(town))
        self.settings = Settings(self.mesh)

    def start(self):
        self.mesh.__enter__()
        self.proxy_pid = self.mesh.proxy_pid()
        self.bpf_holder_pid = self.mesh.pids().get("sluice-agent")

    def pids(self):
        return [self.proxy_pid]

    def place(self, scenario, case):
        if scenario.tool in TCP_TOOLS or case.get("protocol") == "tcp":
            return Place(self.town.client, manifests.STREAMS, manifests.TCP_PORTS[served_by(scenario)])
        return Place(self.town.client, manifests.WEB, manifests.HTTP_PORTS[served_by(scenario)], attacker=self._attacker(case))

    def _attacker(self, case):
        """Another pod of the mesh, which attacks another server than the load's; or, to tell the mesh from the machine, the same
        attack on such a server that no mesh knows."""
        setting = case.get("setting")
        if setting == "attacked":
            return Attacker(Place(self.town.attacker, manifests.WEB, manifests.HTTP_PORTS["nginx"]), (self.proxy_pid,))
        if setting == "attacked-elsewhere":
            port = NGINX_PORT if case["attack"] in HTTP1 else HTTP2_PORT
            return Attacker(Place(self.town.plain_client, self.town.plain_server.v4, port), ())
        return None

    def prepare(self, case):
        self.settings.apply(case.get("setting", "plain"))

    def counters(self, case):
        return self.settings.changes() if case.get("setting") == "churn" else {}

    def memory(self, case):
        grown = self.settings.config_bytes if case.get("setting") == "scale" else None
        return {"config_mib": grown["sluice-proxy"] / MIB, "config_agent_mib": grown["sluice-agent"] / MIB} if grown else {}

    def stop(self):
        self.settings.close()
        if self.mesh.process is not None and self.mesh.process.is_running():  # Else its start has failed and cleaned up.
            self.mesh.stop()
            self.mesh.__exit__(None)


class Named(Target):
    """An address that the user named; its processes are unknown, so only the client's side is told."""

    def __init__(self, url):
        super().__init__(url)
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise BenchError(f"--target {url}: must be http://HOST:PORT/PATH")
        try:
            address = socket.getaddrinfo(parts.hostname, parts.port or 80, socket.AF_INET, socket.SOCK_STREAM)[0][4]
        except (OSError, ValueError) as error:
            raise BenchError(f"--target {url}: {error}: name a host with an IPv4 address") from error
        path = parts.path.removesuffix("/") if parts.path == "/" and not parts.query else parts.path + (f"?{parts.query}" if parts.query else "")
        self.where = Place(None, address[0], address[1], path)

    def place(self, scenario, case):
        return self.where
