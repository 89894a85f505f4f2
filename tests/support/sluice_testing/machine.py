"""What a mesh may leave on a machine: taken before it starts and compared after it stopped."""
import json
import os
import subprocess

from .network import PREFIX, run
from .process import listening_ports

BPFTOOL = "/usr/sbin/bpftool"
MESH_PORTS = {15001, 15006, 15008, 15053}
NODE_PORTS = MESH_PORTS | {15000, 15020, 15021}  # A test may have servers of its own on the node.
PROGRAMS = {"sluicectl", "sluice-agent", "sluice-proxy", "sluice-controller"}


def bpf_objects(kind):
    """{id: name} of the kernel's programs, maps or links ("prog", "map", "link")."""
    listed = json.loads(run(BPFTOOL, "-j", kind, "show") or "[]")
    return {item["id"]: item.get("name", item.get("type", "")) for item in listed}


def mesh_bpf():
    """Programs and maps whose names are ours, and every link, as strings."""
    found = set()
    for kind in ("prog", "map"):
        found |= {f"{kind} {name}" for name in bpf_objects(kind).values() if name.startswith("sluice")}
    found |= {f"link {key} {name}" for key, name in bpf_objects("link").items()}
    return found


def map_entry_counts(pid):
    """{map name: entries} of the hash maps that a process (the agent) holds; arrays always count their size."""
    held = set()
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as file:
                held |= {int(line.split()[1]) for line in file if line.startswith("map_id:")}
        except FileNotFoundError:
            continue
    counts = {}
    for item in json.loads(run(BPFTOOL, "-j", "map", "show") or "[]"):
        if item["id"] in held and "hash" in item["type"]:
            keys = _map_keys(item["id"])
            if keys is not None:
                counts[item.get("name", str(item["id"]))] = keys
    return counts


def _map_keys(map_id):
    done = subprocess.run([BPFTOOL, "-j", "map", "dump", "id", str(map_id)], capture_output=True, text=True, check=False)
    try:
        return len(json.loads(done.stdout))
    except (json.JSONDecodeError, TypeError):
        return None


def sysctls(pod=None):
    """Every readable value under net.core, net.ipv4 and net.ipv6 of a pod (None: of the node)."""
    values = {}
    if pod is not None:
        with pod.inside():
            return sysctls()
    for root in ("/proc/sys/net/core", "/proc/sys/net/ipv4", "/proc/sys/net/ipv6"):
        for folder, _, files in os.walk(root):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    with open(path, encoding="ascii") as file:
                        values[path] = file.read().strip()
                except OSError:
                    continue
    return values


def routing(pod=None):
    """Rules and routes of all tables, both families."""
    where = ["-n", pod.namespace] if pod is not None else []
    found = set()
    for family in ("-4", "-6"):
        for what in (["rule", "show"], ["route", "show", "table", "all"]):
            for line in run("ip", *where, family, *what, check=False).splitlines():
                # Link-local addresses come seconds after a link is up, and the rest of these change by themselves too.
                if not any(word in line for word in (" expires ", "cache", "fe80:", "multicast ff00:")):
                    found.add(f"{family} {what[0]} {line.strip()}")
    return found


def links(pod=None):
    where = ["-n", pod.namespace] if pod is not None else []
    return {item["ifname"] for item in json.loads(run("ip", *where, "-j", "link", "show"))}


def inside(pod, *argv):
    """The output of a command in a pod (None: on the node)."""
    return run(*argv) if pod is None else pod.exec(*argv)


def network_programs(pod=None):
    """BPF programs at the links and packet filters: XDP, tc, flow dissector, netfilter."""
    attached = json.loads(inside(pod, BPFTOOL, "-j", "net", "show"))
    return {f"{kind} {json.dumps(item)}" for part in attached for kind, items in part.items() for item in items}


def packet_rules(pod=None):
    """Everything that iptables, nftables or tc would have to be asked for."""
    found = {f"nft {line}" for line in inside(pod, "nft", "list", "ruleset").splitlines()}
    for link in links(pod):
        for hook in ("ingress", "egress"):
            found |= {f"tc {link} {hook} {line}" for line in inside(pod, "tc", "filter", "show", "dev", link, hook).splitlines()}
        found |= {f"tc {line}" for line in inside(pod, "tc", "qdisc", "show", "dev", link).splitlines() if "clsact" in line}
    return found


def mesh_processes():
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                program = os.path.basename(os.readlink(f"/proc/{name}/exe"))
            except OSError:
                continue
            if program.removesuffix(" (deleted)") in PROGRAMS:
                found.add(f"{program} {name}")
    return found


def mounts():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return {line.split(" 0 0")[0] for line in file if " bpf " in line}


def bpf_pins(folder="/sys/fs/bpf"):
    found = set()
    for where, folders, files in os.walk(folder):
        found |= {os.path.join(where, name) for name in [*folders, *files]}
    return found


class MachineState:
    """One picture of the machine and of some pods. Where SLUICE_TEST_SHARED_MACHINE is set others load BPF programs
    and make links at the same time, so only the pods are looked at."""

    def __init__(self, pods):
        self.facts = {}
        if not os.environ.get("SLUICE_TEST_SHARED_MACHINE"):
            self.facts = {"bpf": mesh_bpf(), "processes": mesh_processes(), "mounts": mounts(), "pins": bpf_pins(),
                          "node routing": routing()}
        # Links of the tests' own pods come and go with those.
        self.facts |= {"node listeners": listening_ports() & NODE_PORTS,
                       "node links": {name for name in links() if not name.startswith(PREFIX)}}
        self.sysctls = {"node": sysctls()}
        for pod in pods:
            self.facts[f"{pod.name} routing"] = routing(pod)
            self.facts[f"{pod.name} listeners"] = listening_ports(pod) & MESH_PORTS
            self.facts[f"{pod.name} links"] = links(pod)
            self.sysctls[pod.name] = sysctls(pod)

    def differences(self, earlier):
        """Sentences about what is here and was not, or was and is gone."""
        found = []
        for key, before in earlier.facts.items():
            after = self.facts.get(key, set())
            found += [f"{key}: left behind: {item}" for item in sorted(map(str, after - before))]
            found += [f"{key}: taken away: {item}" for item in sorted(map(str, before - after))]
        for where, before in earlier.sysctls.items():
            after = self.sysctls.get(where, {})
            found += [f"{where}: {path} was {value}, is {after[path]}"
                      for path, value in before.items() if path in after and after[path] != value]
        return found
