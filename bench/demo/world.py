"""The demo's little world: three pods (network namespaces on one bridge), two shops served by nginx, and the
manifests that describe them. Everything made here is taken away by World.remove(), also what an earlier run that was
killed has left."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

PREFIX = "sluicedemo"
BRIDGE = PREFIX + "0"
GATEWAY = "10.203.0.1"
SERVICE_ADDRESS = "10.204.0.10"
BODY_BYTES = 1024

# Name, address; the namespace carries the pod's name behind the prefix.
PODS = [("web-client", "10.203.0.2"), ("shop-v1", "10.203.0.3"), ("shop-v2", "10.203.0.4")]

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  server {{
    listen 8080 reuseport;
    location / {{ root {folder}/html; default_type text/plain; }}
  }}
}}
"""

# Where nginx is missing: slow, but it shows the same things.
PYTHON_SERVER = """
import http.server, sys
body = open(sys.argv[1], "rb").read()
class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *ignored): pass
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8080), Shop).serve_forever()
"""


def namespace(pod):
    return f"{PREFIX}-{pod}"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def inside(pod, *command):
    """A command line that runs in the pod and ends with this process, however this process ends."""
    return ["setpriv", "--pdeathsig", "TERM", "ip", "netns", "exec", namespace(pod), *command]


class World:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.manifests = self.folder / "manifests"
        self.servers = []

    def make(self):
        self.remove_network()
        self.manifests.mkdir(parents=True)
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", GATEWAY + "/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        for index, (pod, address) in enumerate(PODS, start=1):
            self._make_pod(pod, address, f"{PREFIX}{index}")
        for version in ("v1", "v2"):
            self._serve(version)
        self._write("10-pods.json", [pod_manifest(pod, address) for pod, address in PODS])
        self._write("20-services.json", service_manifests())
        self.split(90, 10)

    def _make_pod(self, pod, address, link):
        space = namespace(pod)
        run("ip", "netns", "add", space)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        run("ip", "link", "set", link, "master", BRIDGE, "up")
        for command in (["link", "set", "lo", "up"], ["address", "add", address + "/24", "dev", "eth0"],
                        ["link", "set", "eth0", "up"], ["route", "add", "default", "via", GATEWAY]):
            run("ip", "-n", space, *command)

    def _serve(self, version):
        folder = self.folder / version
        (folder / "html").mkdir(parents=True)
        # nginx's worker is another user.
        for path in (self.folder, folder, folder / "html"):
            path.chmod(0o755)
        text = f"shop {version}\n"
        page = folder / "html" / "index.html"
        page.write_text(text + "." * (BODY_BYTES - len(text) - 1) + "\n")
        if shutil.which("nginx"):
            config = folder / "nginx.conf"
            config.write_text(NGINX.format(folder=folder))
            command = ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)]
        else:
            command = [sys.executable, "-c", PYTHON_SERVER, str(page)]
        log = open(folder / "server.log", "wb")
        self.servers.append(subprocess.Popen(inside(f"shop-{version}", *command), stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, start_new_session=True))
        log.close()

    def _write(self, name, objects):
        """In one step, as an editor or `kubectl` would: the mesh never sees half a file."""
        whole = self.manifests / name
        part = self.folder / (name + ".part")
        part.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2))
        os.replace(part, whole)

    def split(self, first, second):
        self._write("30-canary.json", [route_manifest(first, second)])

    def remove_network(self):
        # Links by name: those of a deleted namespace would only go a little later.
        for link in [BRIDGE] + [f"{PREFIX}{index}" for index in range(1, len(PODS) + 1)]:
            run_quietly("ip", "link", "delete", link)
        for pod, _ in PODS:
            if pathlib.Path("/run/netns", namespace(pod)).exists():
                run_quietly("ip", "netns", "delete", namespace(pod))

    def remove(self):
        for server in self.servers:
            server.terminate()
        for server in self.servers:
            try:
                server.wait(3)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self.remove_network()
        shutil.rmtree(self.folder, ignore_errors=True)

    def traces(self):
        """What is left of us on this machine: nothing, after remove()."""
        links = [line.split(":")[1].split("@")[0].strip() for line in run("ip", "-o", "link").splitlines()]
        spaces = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        found = [name for name in links + spaces if name.startswith(PREFIX)]
        if self.folder.exists():
            found.append(str(self.folder))
        return found


def run_quietly(*command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pod_manifest(pod, address):
    labels = {"app": pod.split("-")[0], "pod": pod}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": "demo", "labels": labels,
                         "annotations": {"sluice.dev/netns": f"/run/netns/{namespace(pod)}"}},
            "spec": {"containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}


def service_manifests():
    services = []
    for index, (name, selector) in enumerate([("shop", {"app": "shop"}), ("shop-v1", {"pod": "shop-v1"}),
                                              ("shop-v2", {"pod": "shop-v2"})]):
        services.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "demo"},
                         "spec": {"clusterIP": f"10.204.0.{10 + index}", "selector": selector,
                                  "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}})
    return services


def route_manifest(first, second):
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "canary", "namespace": "demo"},
            "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": "shop", "port": 80}],
                     "rules": [{"backendRefs": [{"name": "shop-v1", "port": 80, "weight": first},
                                                {"name": "shop-v2", "port": 80, "weight": second}]}]}}
