"""A bridge and pods on it, each a network namespace with an IPv4 and an IPv6 address.

The node is the namespace of the caller. Names carry the pid of their maker, so that a later run finds and removes
what a killed run left behind, and never touches what a living one uses.
"""
import ctypes
import fcntl
import os
import re
import socket
import subprocess

PREFIX = "slt"  # Namespaces: slt<pid>-<pod>; links: slt<pid>b (bridge) and slt<pid>v<n>.
NETNS_DIR = "/run/netns"
CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000
SO_NETNS_COOKIE = 71
_libc = ctypes.CDLL(None, use_errno=True)


def run(*argv, check=True, **kwargs):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **kwargs)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


_home = []  # The network that isolate() left, as an open file.


def isolate():
    """Makes the caller's process a node of its own: own network, own /run. Nothing on the machine is in the way (a
    mesh that runs already, a port in use) and nothing stays when the process dies, however it dies. Call it before
    any thread is made."""
    _home.append(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
    if _libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"unshare: {os.strerror(error)}")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")


def outside():
    """The calling thread, and what it starts, has the machine's own network within the `with`: for downloads."""
    return InNamespace(f"/proc/self/fd/{_home[0]}" if _home else "/proc/self/ns/net")


class InNamespace:
    """The calling thread is in the namespace within the `with`; sockets made there stay there."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        return self

    def __exit__(self, *_):
        try:
            _setns(self.home)
        finally:
            os.close(self.home)


class Pod:
    """One network namespace; a pod of the mesh if a manifest names it, else a client outside."""

    def __init__(self, network, name, index):
        self.name = name
        self.namespace = f"{network.prefix}-{name}"
        self.netns_path = f"{NETNS_DIR}/{self.namespace}"
        self.v4 = f"{network.v4_prefix}.{index + 10}"
        self.v6 = f"{network.v6_prefix}::{index + 0x10:x}"
        self.link = f"{network.prefix}v{index}"
        self.processes = []

    def inside(self):
        return InNamespace(self.netns_path)

    def exec(self, *argv, check=True, **kwargs):
        return run("ip", "netns", "exec", self.namespace, *argv, check=check, **kwargs)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        with self.inside():
            return socket.socket(family, kind)

    def connect(self, address, port, timeout=10.0, source=None):
        """A connected TCP socket of this pod; the family follows from the address."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self.socket(family)
        try:
            sock.settimeout(timeout)
            if source is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(source)
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def listen(self, address="0.0.0.0", port=0, backlog=128):
        sock = self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(backlog)
        return sock

    def cookie(self):
        with self.socket() as sock:
            return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), "little")

    def sysctl(self, name):
        with self.inside():
            try:
                with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
                    return file.read().strip()
            except FileNotFoundError:
                return None


class Network:
    """Bridge, addressing and pods of one test run. Use as a context manager."""

    def __init__(self):
        remove_stale()
        self.prefix = f"{PREFIX}{os.getpid()}"
        self.bridge = f"{self.prefix}b"
        self.pods = {}
        self._reserve_subnet()

    def _reserve_subnet(self):
        # A lock file per subnet keeps runs at the same time apart; the kernel drops the lock with the process.
        os.makedirs("/run/sluice-tests", exist_ok=True)
        for number in range(1, 65):
            lock = os.open(f"/run/sluice-tests/subnet-{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._subnet_lock = lock
            self.v4_prefix = f"10.213.{number}"
            self.v6_prefix = f"fd51:ce:{number:x}"
            return
        raise RuntimeError("all 64 test subnets are in use: are there runs that never ended?")

    def __enter__(self):
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self.v4_prefix}.1/24", "dev", self.bridge)
        run("ip", "addr", "add", f"{self.v6_prefix}::1/64", "dev", self.bridge, "nodad")
        run("ip", "link", "set", self.bridge, "up")
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for pod in list(self.pods.values()):
            self.remove(pod)
        run("ip", "link", "del", self.bridge, check=False)
        if self._subnet_lock >= 0:
            os.close(self._subnet_lock)
            self._subnet_lock = -1

    def pod(self, name):
        """Makes a namespace with a link on the bridge, both address families and default routes."""
        pod = Pod(self, name, len(self.pods))
        run("ip", "netns", "add", pod.namespace)
        self.pods[name] = pod
        run("ip", "link", "add", pod.link, "type", "veth", "peer", "name", "eth0", "netns", pod.namespace)
        run("ip", "link", "set", pod.link, "master", self.bridge, "up")
        batch = "\n".join([
            "link set lo up", "link set eth0 up",
            f"addr add {pod.v4}/24 dev eth0", f"addr add {pod.v6}/64 dev eth0 nodad",
            f"route add default via {self.v4_prefix}.1", f"route add default via {self.v6_prefix}::1"])
        run("ip", "-n", pod.namespace, "-batch", "-", input=batch + "\n")
        return pod

    def remove(self, pod):
        for process in reversed(pod.processes):
            process.stop()
        pod.processes.clear()
        run("ip", "netns", "del", pod.namespace, check=False)
        run("ip", "link", "del", pod.link, check=False)  # Gone with the namespace, unless something still holds that.
        self.pods.pop(pod.name, None)


def _is_alive(pid):
    return os.path.exists(f"/proc/{pid}")


def remove_stale():
    """Removes namespaces and links of runs whose process is gone."""
    names = os.listdir(NETNS_DIR) if os.path.isdir(NETNS_DIR) else []
    for name in names:
        match = re.fullmatch(PREFIX + r"(\d+)-.*", name)
        if match and not _is_alive(match.group(1)):
            for pid in run("ip", "netns", "pids", name, check=False).split():
                try:
                    os.kill(int(pid), 9)
                except ProcessLookupError:
                    pass
            run("ip", "netns", "del", name, check=False)
    for name in os.listdir("/sys/class/net"):
        match = re.fullmatch(PREFIX + r"(\d+)(b|v\d+)", name)
        if match and not _is_alive(match.group(1)):
            run("ip", "link", "del", name, check=False)
