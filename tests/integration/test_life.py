"""`sluicectl standalone` from start to end: what it promises while it runs and what it leaves when it goes."""
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from sluice_testing import manifests, servers
from sluice_testing.http1 import HttpConnection, read_all
from sluice_testing.mesh import LOCK_FILE, SCALE, Mesh, is_sanitized
from sluice_testing.process import Process, proc_status, resident_bytes
from sluice_testing.stream import Digest, pattern, pattern_digest
from sluice_testing.wait import stays_true, wait_until

VIP = "10.97.1.1"


@pytest.fixture(scope="module")
def street(network):
    """Pods for tests that start meshes of their own."""
    client, server = network.pod("client"), network.pod("server")
    servers.behaviour(server)
    return network, client, server


def objects(client, server, enrolled=True):
    return [manifests.pod(client, "client", enrolled=enrolled), manifests.pod(server, "server", enrolled=enrolled),
            manifests.service("server", "server", [manifests.port(80, "http", servers.HTTP_PORT),
                                                   manifests.port(9000, "tcp", servers.TCP_PORT)], (VIP, "fd97:1::1"))]


def start(street, **kwargs):
    network, client, server = street
    mesh = Mesh(network, **kwargs)
    mesh.apply("objects.yaml", objects(client, server))
    return mesh


def get(client, target="/echo"):
    with HttpConnection(client.connect(VIP, 80)) as connection:
        return connection.get(target)


@pytest.mark.parametrize("acceleration,sig", [
    pytest.param("full", signal.SIGTERM, marks=pytest.mark.smoke), ("full", signal.SIGINT), ("off", signal.SIGTERM),
    ("off", signal.SIGINT)])
def test_ends_cleanly_on_signal(street, acceleration, sig):
    mesh = start(street, acceleration=acceleration)
    with mesh:
        assert get(street[1]).status == 200
        mesh.stop(sig)  # Asserts exit 0, one line on stdout and nothing left.
        mesh.start()    # And the next one starts on the same machine.
        assert get(street[1]).status == 200


def test_ends_cleanly_under_load(street):
    network, client, server = street
    with start(street) as mesh:
        load = Process(["wrk", "-t1", "-c16", "-d10s", f"http://{VIP}/echo"], client)
        wait_until(lambda: mesh.connections("http")["active"] >= 16, "load runs", 10)
        mesh.stop()
        load.stop(signal.SIGINT)


def receive_to_the_end(sock, seen, ends):
    buffer = bytearray(1 << 20)
    try:
        while size := sock.recv_into(buffer):
            seen.update(memoryview(buffer)[:size])
        ends.append("eof")
    except ConnectionResetError:
        ends.append("reset")


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_stop_leaves_no_hole_in_what_clients_receive(street, acceleration):
    """Whatever is under way: a client has a beginning of the stream, and each byte of it, or all."""
    network, client, server = street
    with start(street, acceleration=acceleration) as mesh:
        reader, sleeper = (client.connect(VIP, servers.TCP_PORT, timeout=30) for _ in range(2))
        read, slept, ends = Digest(), Digest(), []
        for sock in (reader, sleeper):
            sock.sendall(b"SOURCE %d\n" % (64 << 30))
        thread = threading.Thread(target=receive_to_the_end, args=(reader, read, ends))
        thread.start()
        wait_until(lambda: mesh.counter("sluice_bytes_total{direction=to_client}") >= 32 << 20, "bytes flow", 20 * SCALE)
        pids = mesh.end()
        thread.join(30)
        receive_to_the_end(sleeper, slept, ends)
        for sock in (reader, sleeper):
            sock.close()
        mesh.assert_clean(pids)

        assert read.size >= 30 << 20 and read.hex() == pattern_digest(read.size)
        assert slept.hex() == pattern_digest(slept.size)  # A reset over TCP takes what is not read.
        assert ends == ["reset", "reset"]  # Nobody takes a part for the whole.


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_stop_takes_nothing_of_what_was_delivered_whole(street, acceleration):
    """The connection is over for everybody but the client, which reads after the mesh has gone."""
    network, client, server = street
    size, seen, ends = 1_000_000, Digest(), []
    with start(street, acceleration=acceleration) as mesh:
        sock = client.connect(VIP, servers.TCP_PORT, timeout=30)
        sock.sendall(b"SOURCE %d\n" % size)
        sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: mesh.connections("tcp") == {"path": "tcp", "opened": 1, "active": 0}, "the relay is done", 10 * SCALE)
        pids = mesh.end()
        receive_to_the_end(sock, seen, ends)
        sock.close()
        mesh.assert_clean(pids)  # The kernel kept the bytes, and a program beside them, for as long.

    assert (seen.size, seen.hex(), ends) == (size, pattern_digest(size), ["eof"])


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_stop_leaves_no_hole_in_what_servers_receive(street, acceleration):
    network, client, server = street
    with start(street, acceleration=acceleration) as mesh:
        sock = client.connect(VIP, servers.TCP_PORT, timeout=30)
        sock.sendall(b"COLLECT stop-%s\n" % acceleration.encode())

        def send():
            with contextlib.suppress(OSError):
                for block in pattern(64 << 30):
                    sock.sendall(block)

        thread = threading.Thread(target=send)
        thread.start()
        wait_until(lambda: mesh.counter("sluice_bytes_total{direction=from_client}") >= 32 << 20, "bytes flow", 20 * SCALE)
        mesh.stop()
        thread.join(30)

        def seen():
            with client.connect(server.v4, servers.TCP_PORT) as direct:  # There is no mesh any more.
                direct.sendall(b"REPORT stop-%s\n" % acceleration.encode())
                return json.loads(read_all(direct))

        told = wait_until(seen, "the server knows how it ended", 10 * SCALE)
        assert told["size"] >= 16 << 20 and told["sha256"] == pattern_digest(told["size"])


def test_second_mesh_is_refused_in_clear_words(street):
    with start(street) as mesh:
        done = subprocess.run([mesh.argv[0], "standalone", "--manifests", mesh.manifests_dir, "--state-dir",
                               os.path.join(mesh.folder, "second")], capture_output=True, text=True, timeout=20)

        assert done.returncode != 0
        assert LOCK_FILE in done.stderr or "already" in done.stderr, done.stderr
        assert str(mesh.pids()["sluice-agent"]) in done.stderr or str(mesh.process.pid) in done.stderr, done.stderr
        assert "ready" not in done.stdout
        assert get(street[1]).status == 200, "the first one goes on"


def test_missing_manifests_folder_is_an_error(street, tmp_path):
    mesh = Mesh(street[0])
    done = subprocess.run([mesh.argv[0], "standalone", "--manifests", str(tmp_path / "none"), "--state-dir",
                           str(tmp_path / "state")], capture_output=True, text=True, timeout=20)

    assert done.returncode != 0 and "none" in done.stderr


def test_too_few_open_files_are_an_error_and_not_a_mesh_that_refuses_everything(street):
    mesh = start(street)
    mesh.argv = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh", *mesh.argv]
    mesh.start(wait_ready=False)

    assert mesh.process.wait(10 * SCALE) == 1
    assert "the hard limit of open files is 1024" in mesh.log() and "at least 4096" in mesh.log()
    mesh.assert_clean({})


def test_pod_that_appears_is_captured_within_a_second(street):
    network, client, server = street
    mesh = Mesh(network)
    mesh.apply("objects.yaml", objects(client, server, enrolled=False))
    with mesh:
        with pytest.raises(OSError):
            client.connect(VIP, 80, timeout=1)  # Nobody routes this address.
        mesh.apply("objects.yaml", objects(client, server))

        wait_until(lambda: len(mesh.status()["pods"]) == 2 and all(pod["captured"] for pod in mesh.status()["pods"]),
                   lambda: f"both pods are captured: {mesh.status()['pods']}", 1.0 * SCALE)
        assert get(client).status == 200


def test_pod_that_goes_is_released(street):
    network, client, server = street
    with start(street) as mesh:
        mesh.apply("objects.yaml", objects(client, server)[1:])
        wait_until(lambda: len(mesh.status()["pods"]) == 1, "the client's pod is gone", 1.0 * SCALE)

        with pytest.raises(OSError):
            client.connect(VIP, 80, timeout=1)


def test_pod_whose_namespace_does_not_exist_is_told_and_the_rest_works(street):
    network, client, server = street
    mesh = start(street)
    ghost = manifests.pod(client, "ghost", name="ghost")
    ghost["metadata"]["annotations"]["sluice.dev/netns"] = "/run/netns/sluice-test-no-such"
    ghost["status"] = {"phase": "Running", "podIP": "10.99.99.99", "podIPs": [{"ip": "10.99.99.99"}]}
    mesh.apply("ghost.yaml", [ghost])
    mesh.start(wait_ready=False)
    try:
        wait_until(lambda: _answers(client), "the other pods work", 20 * SCALE)
        pods = {pod["name"]: pod for pod in mesh.status()["pods"]}
        assert not pods["ghost"]["captured"] and "no-such" in pods["ghost"]["reason"]
        code, reasons = mesh.ready()
        assert code == 503 and "ghost" in reasons
        mesh.delete("ghost.yaml")
        mesh.wait_ready()
    finally:
        mesh.stop()


def _answers(client):
    try:
        return get(client).status == 200
    except OSError:
        return False


BAD_OBJECTS = """\
apiVersion: v1
kind: Service
metadata: {name: bad-port}
spec: {clusterIP: 10.97.1.77, selector: {app: server}, ports: [{port: 99999}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad-regex}
spec:
  parentRefs: [{kind: Service, group: "", name: server}]
  rules:
  - matches: [{path: {type: RegularExpression, value: "["}}]
    backendRefs: [{name: server, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: good}
spec: {clusterIP: 10.97.1.78, selector: {app: server}, ports: [{port: 80, name: http, targetPort: 8080}]}
"""


def test_bad_objects_are_skipped_with_a_reason_and_the_rest_works(street):
    with start(street) as mesh:
        version = mesh.status()["config"]["version"]
        mesh.write("bad.yaml", BAD_OBJECTS)
        mesh.write("broken.yaml", "kind: [unclosed\n")
        mesh.wait_version_after(version)

        def problems():
            return {item["object"] or item["file"]: item for item in mesh.status()["problems"]}

        wait_until(lambda: len(problems()) >= 3, lambda: f"three problems are told: {problems()}", 2 * SCALE)
        found = problems()
        for name, document, field in (("bad-port", 1, "port"), ("bad-regex", 2, "path")):
            problem = next(item for key, item in found.items() if name in key)
            assert problem["file"].endswith("bad.yaml") and problem["document"] == document
            assert field in problem["field"] and problem["reason"] and problem["mend"], problem
        assert any("broken.yaml" in item["file"] for item in found.values())
        with HttpConnection(street[1].connect("10.97.1.78", 80)) as connection:
            assert connection.get("/").status == 200, "the good object of the same file works"
        mesh.delete("bad.yaml")
        mesh.delete("broken.yaml")
        wait_until(lambda: not mesh.status()["problems"], "mended problems go away", 2 * SCALE)


def test_half_written_file_does_not_tear_the_mesh_down(street):
    with start(street) as mesh:
        text = manifests.render(objects(street[1], street[2]))
        mesh.write("objects.yaml", text[:len(text) // 2])
        wait_until(lambda: mesh.status()["problems"], "the broken file is told", 2 * SCALE)

        assert get(street[1]).status == 200
        assert all(pod["captured"] for pod in mesh.status()["pods"])


def test_changes_never_drop_a_connection(street):
    """Requests on open connections, while services and routes come and go."""
    network, client, server = street
    with start(street) as mesh:
        failures, stop = [], threading.Event()

        def talk():
            with HttpConnection(client.connect(VIP, 80)) as http, client.connect(VIP, 9000) as tcp:
                tcp.sendall(b"ECHO\n")
                while not stop.is_set():
                    try:
                        assert http.get("/echo").status == 200
                        tcp.sendall(b"ping")
                        assert tcp.recv(4, 0x100) == b"ping"
                    except (OSError, AssertionError) as error:
                        failures.append(repr(error))
                        return

        threads = [threading.Thread(target=talk) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(20):
            version = mesh.status()["config"]["version"]
            mesh.apply("more.yaml", [
                manifests.service("more", "server", [manifests.port(80 + number, "http", servers.HTTP_PORT)], ("10.97.1.9",)),
                manifests.split("r", "server", {"server": 1 + number}, parent_port=80)])
            mesh.wait_version_after(version, 1.0 * SCALE)
        stop.set()
        for thread in threads:
            thread.join(20)

        assert not failures


@pytest.mark.parametrize("acceleration", ["off", "full"])
def test_killed_proxy_comes_back_while_connections_wait(street, acceleration):
    network, client, server = street
    with start(street, acceleration=acceleration) as mesh:
        assert get(client).status == 200
        mesh.expected_restarts = 1
        pid = mesh.proxy_pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the killed process is gone")  # What it accepted dies too.
        began = time.monotonic()

        answers = [get(client).status for _ in range(20)]  # Dialled at once: none may be refused.

        assert answers == [200] * 20
        assert time.monotonic() - began < 2.0 * SCALE, "new connections wait, but not for long"
        assert mesh.proxy_pid() != pid
        assert mesh.status()["proxy"]["restarts"] == 1
        wait_until(lambda: mesh.ready()[0] == 200, "ready again", 5 * SCALE)


def test_killed_controller_changes_nothing_and_comes_back(street):
    network, client, server = street
    with start(street) as mesh:
        pid = mesh.pids()["sluice-controller"]
        os.kill(pid, signal.SIGKILL)

        assert get(client).status == 200
        wait_until(lambda: mesh.pids().get("sluice-controller", pid) != pid, "a new controller runs", 10 * SCALE)
        wait_until(lambda: mesh.status()["controller"]["connected"], "the agent is connected to it", 10 * SCALE)
        version = mesh.status()["config"]["version"]
        mesh.apply("more.yaml", [manifests.service("more", "server", [manifests.port(80, "http", 8080)], ("10.97.1.10",))])
        mesh.wait_version_after(version)
        with HttpConnection(client.connect("10.97.1.10", 80)) as connection:
            assert connection.get("/").status == 200


@contextlib.contextmanager
def log_in_a_pipe(street, tmp_path):
    """A mesh whose log goes into a pipe, and the descriptor that reads it; the test reads it, or does not."""
    fifo = str(tmp_path / "log")
    os.mkfifo(fifo)
    mesh = start(street)
    mesh.argv = ["sh", "-c", 'exec "$@" 2>"$0"', fifo, *mesh.argv]
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with mesh:
            yield mesh, fifo, reader
    finally:
        with contextlib.suppress(OSError):
            os.close(reader)


def test_log_that_nobody_reads_holds_nothing_up(street, tmp_path):
    """As a terminal that Ctrl-S stopped, or a pager that waits."""
    with log_in_a_pipe(street, tmp_path) as (mesh, fifo, reader):
        writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while os.write(writer, b"."):
                pass
        os.close(writer)
        mesh.expected_restarts = 1
        os.kill(mesh.proxy_pid(), signal.SIGKILL)

        wait_until(lambda: mesh.status()["proxy"]["restarts"] == 1 and mesh.ready()[0] == 200, "ready again", 5 * SCALE)
        assert get(street[1]).status == 200
        os.read(reader, 1 << 20)
        mesh.stop()
        assert b"lines of this log were lost" in os.read(reader, 1 << 20)


def test_log_whose_reader_went_away_ends_nobody(street, tmp_path):
    with log_in_a_pipe(street, tmp_path) as (mesh, _, reader):
        os.close(reader)
        before = mesh.pids()
        version = mesh.status()["config"]["version"]

        mesh.apply("more.yaml", [manifests.service("more", "server", [manifests.port(80, "http", 8080)], ("10.97.1.11",))])

        mesh.wait_version_after(version)
        assert mesh.pids() == before


def test_start_after_a_crash_cleans_what_was_left(street):
    """Everything killed at once, as by a power cut without the power cut."""
    network, client, server = street
    with start(street) as mesh:
        for pid in mesh.pids().values():
            os.kill(pid, signal.SIGKILL)
        mesh.process.wait(5)
        first = mesh.before
        mesh.start()
        mesh.before = first  # In the end the machine is as before the crash.
        assert get(client).status == 200


def test_proxy_is_unprivileged(street):
    with start(street) as mesh:
        pid = mesh.proxy_pid()
        status = proc_status(pid)

        assert status["Uid"].split() == [status["Uid"].split()[0]] * 4 and status["Uid"].split()[0] != "0"
        assert status["Gid"].split()[0] != "0" and status.get("Groups", "").strip() == ""
        for task in os.listdir(f"/proc/{pid}/task"):
            of_task = proc_status(f"{pid}/task/{task}")
            assert of_task["Uid"] == status["Uid"], f"thread {task} is another user"
            for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(of_task[capabilities], 16) == 0, f"thread {task}: {capabilities}"
            assert of_task["NoNewPrivs"] == "1", f"thread {task}"
            assert of_task["Seccomp"] == "2", f"thread {task} has no filter"


def test_ready_is_said_once_and_not_before_every_pod_is_captured(street):
    network, client, server = street
    mesh = Mesh(network)
    absent = manifests.pod(server, "server")
    absent["metadata"]["annotations"]["sluice.dev/netns"] = os.path.join(mesh.folder, "later")
    mesh.apply("objects.yaml", [absent, *(item for item in objects(client, server) if item["metadata"]["name"] != "server"
                                          or item["kind"] != "Pod")])
    mesh.start(wait_ready=False)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: mesh.has_ended or mesh.process.stop())
        wait_until(lambda: is_captured(mesh, "client"), "the client is captured", 20 * SCALE)
        stays_true(lambda: not readable(mesh.process.popen.stdout), "nothing on stdout", 1.0)
        assert not is_captured(mesh, "server") and mesh.ready()[0] == 503

        mesh.apply("objects.yaml", objects(client, server))
        mesh.wait_ready()  # The one line.
        assert is_captured(mesh, "server") and mesh.ready()[0] == 200
        mesh.stop()  # Asserts that no other line came.


def is_captured(mesh, name):
    try:
        return mesh.pod(name)["captured"]
    except (OSError, StopIteration, AssertionError):
        return False  # Nobody answers yet, or does not know the pod.


def readable(stream):
    return bool(select.select([stream], [], [], 0)[0])


def test_access_log_as_text_and_json_has_a_line_per_request_and_per_relay(street):
    network, client, server = street
    for form in ("text", "json"):
        with start(street, access_log=form) as mesh:
            get(client, "/echo?logged")
            with client.connect(VIP, 9000) as sock:
                sock.sendall(b"PEER\n")
                read_all(sock)
            wait_until(lambda: len(log_lines(mesh, form)) == 2, "two lines")
            http, tcp = sorted(log_lines(mesh, form), key=lambda line: line["protocol"])

            assert (http["method"], http["path"], str(http["status"])) == ("GET", "/echo?logged", "200")
            for line, port, target in ((http, 80, servers.HTTP_PORT), (tcp, 9000, servers.TCP_PORT)):
                assert line["pod"] == "default/client" and line["client"].startswith(client.v4 + ":")
                assert (line["dialled"], line["endpoint"]) == (f"{VIP}:{port}", f"{server.v4}:{target}")
                assert line["reason"] == "done" and int(line["bytes_to_client"]) > 0
            assert int(tcp["bytes_from_client"]) == len("PEER\n") and "status" not in tcp


def log_lines(mesh, form):
    with open(mesh.access_log_path, encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    if form == "json":
        return [json.loads(line) for line in lines]
    # key="value" as JSON quotes it, or key=number.
    return [{key: json.loads(value) for key, value in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\d+)', line)} for line in lines]


def test_log_that_takes_nothing_loses_lines_and_no_request(street):
    mesh = start(street, access_log="json")
    mesh.argv[mesh.argv.index("--access-log-file") + 1] = "/dev/full"
    with mesh:
        for _ in range(10):
            assert get(street[1]).status == 200
        wait_until(lambda: mesh.counter("sluice_access_log_dropped_total") == 10, "every lost line is counted")


def test_access_log_in_a_pipe_that_nobody_empties_holds_no_request_up(street, tmp_path):
    fifo = str(tmp_path / "access")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    mesh = start(street, access_log="json")
    mesh.argv[mesh.argv.index("--access-log-file") + 1] = fifo
    with mesh, HttpConnection(street[1].connect(VIP, 80)) as connection:
        for _ in range(300):  # A pipe has room for about 150 lines.
            assert connection.get("/echo").status == 200
        assert mesh.counter("sluice_access_log_dropped_total") == 0, "what the pipe has no room for is kept a while"
    os.close(reader)


def test_access_log_in_a_pipe_without_a_reader_is_an_error(street, tmp_path):
    fifo = str(tmp_path / "access")
    os.mkfifo(fifo)
    mesh = start(street, access_log="json")
    mesh.argv[mesh.argv.index("--access-log-file") + 1] = fifo
    mesh.start(wait_ready=False)

    assert mesh.process.wait(10 * SCALE) == 1
    assert f"open the access log {fifo}" in mesh.log()
    mesh.assert_clean({})


def test_no_process_has_openssl_beside_boringssl(street):
    with start(street) as mesh:
        for name, pid in mesh.pids().items():
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
                libraries = {os.path.basename(line.split()[-1]) for line in file if ".so" in line}
            assert not any(item.startswith(("libssl.so", "libcrypto.so")) for item in libraries), (name, libraries)


def test_node_ports_listen_on_loopback_only(street):
    with start(street):
        rows = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout.splitlines()
        local = [row.split()[3] for row in rows]

        for port in (15000, 15020, 15021):
            assert [item for item in local if item.endswith(f":{port}")] == [f"127.0.0.1:{port}"]


def test_status_command(street):
    with start(street) as mesh:
        sluicectl = mesh.argv[0]
        text = subprocess.run([sluicectl, "status"], capture_output=True, text=True, check=True, timeout=10).stdout
        data = subprocess.run([sluicectl, "status", "-o", "json"], capture_output=True, text=True, check=True, timeout=10).stdout

        assert "client" in text and "server" in text
        assert json.loads(data)["ready"] is True


def test_manifests_as_json_and_lists(street):
    network, client, server = street
    mesh = Mesh(network)
    mesh.write("all.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": objects(client, server)}))
    with mesh:
        assert get(client).status == 200


@pytest.mark.skipif(is_sanitized(), reason="memory of a sanitized program says nothing")
def test_memory_of_an_idle_proxy(street):
    with start(street, workers=1) as mesh:
        get(street[1])
        resident = resident_bytes(mesh.proxy_pid())

        assert resident <= 20 * 1024 * 1024, f"{resident / 1048576:.1f} MiB"


def test_readiness_turns_only_with_the_first_configuration(street):
    with start(street) as mesh:
        assert mesh.ready()[0] == 200
        stays_true(lambda: mesh.ready()[0] == 200, "it stays ready", 0.5)
