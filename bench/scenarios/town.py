"""Pods of the benchmarks: one pair in the mesh, one pair that no mesh knows, and HAProxy between the latter."""
from peers import haproxy
from sluice_testing import manifests, servers
from sluice_testing.mesh import Mesh

NGINX_PORT, IPERF_PORT = 8090, 5201
VIP = "10.98.0.1"


class Town:
    def __init__(self, network):
        self.network = network
        self.client, self.server = network.pod("client"), network.pod("server")
        self.plain_client, self.plain_server = network.pod("plain-client"), network.pod("plain-server")
        self.middle = network.pod("middle")
        for pod in (self.server, self.plain_server):
            servers.nginx(pod, NGINX_PORT)
            servers.iperf3(pod, IPERF_PORT)
        servers.behaviour(self.server)
        self.haproxy = haproxy.start(self.middle, self.plain_server.v4, NGINX_PORT)

    def mesh(self, level, workers):
        """A mesh whose Service at VIP splits 90/10 between two services, both of which are the server pod."""
        http = [manifests.port(80, "http", NGINX_PORT)]
        mesh = Mesh(self.network, acceleration=level, workers=workers)
        mesh.apply("town.yaml", [
            manifests.pod(self.client, "client"), manifests.pod(self.server, "server"),
            manifests.service("web", "server", http, (VIP,)), manifests.service("v1", "server", http, ("10.98.0.2",)),
            manifests.service("v2", "server", http, ("10.98.0.3",)), manifests.split("split", "web", {"v1": 90, "v2": 10}),
            manifests.service("streams", "server", [manifests.port(IPERF_PORT, "tcp-iperf"),
                                                    manifests.port(servers.TCP_PORT, "tcp"),
                                                    manifests.port(81, "http-b", NGINX_PORT)], ("10.98.0.4",))])
        return mesh

    streams = "10.98.0.4"
