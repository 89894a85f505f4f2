"""Real servers and clients in pods. Each returns a Process that ends with its pod."""
import json
import os
import shutil
import tempfile

from .network import run
from .process import Process, wait_listening

PROGRAMS_DIR = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "programs"))  # Also where benchmarks are installed.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"
HTTP_PORT, TCP_PORT = 8080, 9000


def behaviour(pod, name=None, http=HTTP_PORT, tcp=TCP_PORT):
    """behaviour_server.py: does what path or first line say."""
    process = Process([PYTHON, os.path.join(PROGRAMS_DIR, "behaviour_server.py"), "--name", name or pod.name,
                       "--http", str(http), "--tcp", str(tcp)], pod, name="behaviour")
    wait_listening(pod, http, process, 30)
    wait_listening(pod, tcp, process, 30)
    return process


NGINX = """
daemon off; worker_processes {workers}; pid {folder}/pid; error_log stderr error; worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; sendfile on; tcp_nopush on;
  default_type application/octet-stream; client_max_body_size 0; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen {port} backlog=4096; listen [::]:{port} backlog=4096; {http2} root {folder}/www;
    location = /name {{ return 200 "{name}\\n"; }}
    location = /peer {{ return 200 "$remote_addr $server_addr $server_port\\n"; }}
    location = /slow {{ limit_rate 100k; try_files /64k =404; }}
  }}
}}
"""


def nginx(pod, port=HTTP_PORT, name=None, workers=1, sizes=(("1k", 1024), ("64k", 65536), ("1m", 1 << 20)),
          http2_port=None):
    """nginx with files /1k, /64k, /1m and /index.html; /name and /peer say who answers and who asks. HTTP/2 without TLS on
    a port of its own, if one is given."""
    folder = tempfile.mkdtemp(prefix="sluice-test-nginx-")
    os.chmod(folder, 0o755)
    os.mkdir(f"{folder}/www")
    for file_name, size in (*sizes, ("index.html", 100)):
        with open(f"{folder}/www/{file_name}", "wb") as file:
            file.write(b"%-7d\n" % size * (size // 8) + b"." * (size % 8))
    with open(f"{folder}/nginx.conf", "w", encoding="ascii") as file:
        file.write(NGINX.format(folder=folder, port=port, name=name or pod.name, workers=workers,
                                http2=f"listen {http2_port} http2 backlog=4096;" if http2_port else ""))
    process = Process(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"], pod, name="nginx")
    _remove_with(process, folder)
    wait_listening(pod, port, process)
    return process


def _remove_with(process, folder):
    stop = process.stop

    def stop_and_remove(*args, **kwargs):
        result = stop(*args, **kwargs)
        shutil.rmtree(folder, ignore_errors=True)
        return result

    process.stop = stop_and_remove


def http_server(pod, folder, port=8000):
    process = Process([PYTHON, "-m", "http.server", str(port), "--bind", "0.0.0.0", "--directory", folder], pod,
                      name="http.server")
    wait_listening(pod, port, process)
    return process


def redis(pod, port=6379):
    process = Process(["redis-server", "--port", str(port), "--bind", "*", "-::*", "--protected-mode", "no", "--save", "",
                       "--appendonly", "no", "--dir", "/tmp"], pod, name="redis")
    wait_listening(pod, port, process)
    return process


def mariadb(pod, port=3306):
    """Without InnoDB and without accounts: it starts in a moment in an empty folder, and speaks as always."""
    folder = tempfile.mkdtemp(prefix="sluice-test-mariadb-")
    process = Process(["/usr/sbin/mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}", f"--port={port}",
                       f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--bind-address=*", "--skip-name-resolve",
                       "--skip-grant-tables", "--skip-innodb", "--default-storage-engine=Aria"], pod, name="mariadb")
    _remove_with(process, folder)
    wait_listening(pod, port, process, 30)
    return process


SSHD = """
Port {port}
HostKey {folder}/key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
ForceCommand echo "$SSH_CONNECTION"
"""


def sshd(pod, port=22):
    """OpenSSH; `key` of the Process is its host's and, to keep it short, also that of the only one who may enter: root.
    Whoever enters is told the addresses and ports of both ends."""
    folder = tempfile.mkdtemp(prefix="sluice-test-sshd-")
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # Of the test's own /run.
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/key")
    with open(f"{folder}/config", "w", encoding="ascii") as file:
        file.write(SSHD.format(folder=folder, port=port))
    process = Process(["/usr/sbin/sshd", "-D", "-e", "-f", f"{folder}/config"], pod, name="sshd")
    process.key = f"{folder}/key"
    _remove_with(process, folder)
    wait_listening(pod, port, process)
    return process


def iperf3(pod, port=5201):
    process = Process(["iperf3", "-s", "-p", str(port)], pod, name="iperf3")
    wait_listening(pod, port, process)
    return process


def iperf3_gbit_per_s(pod, address, port=5201, seconds=1, reverse=False, streams=1):
    argv = ["iperf3", "-c", address, "-p", str(port), "-t", str(seconds), "-J", "-P", str(streams)]
    result = json.loads(pod.exec(*argv, *(["-R"] if reverse else []), check=False))
    if "error" in result:
        raise AssertionError(f"iperf3 {address}: {result['error']}")
    return result["end"]["sum_received"]["bits_per_second"] / 1e9


def programs_cache():
    out = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "sluice", "test-programs")
    os.makedirs(out, exist_ok=True)
    return out


def go():
    return shutil.which("go") or "/usr/local/go/bin/go"


def go_program(name):
    """Builds tests/support/programs/go/<name> (standard library only) once and returns its path."""
    path = os.path.join(programs_cache(), name)
    run(go(), "build", "-o", path, f"./{name}", cwd=os.path.join(PROGRAMS_DIR, "go"),
        env={**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"})
    return path


def has_go():
    return shutil.which("go") is not None or os.path.exists("/usr/local/go/bin/go")
