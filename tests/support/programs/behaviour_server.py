#!/usr/bin/python3
"""A server that does exactly what it is told, byte by byte. One thread per connection, raw sockets only.

HTTP port: the path of a request names a behaviour (see HTTP below); anything else answers /echo: a JSON text of what
arrived, so that a test sees what the proxy sent. TCP port: the first line names a behaviour (see TCP below).
"""
import argparse
import json
import os
import select
import socket
import struct
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from sluice_testing.stream import Digest, pattern  # noqa: E402  (the test's side makes the same bytes)

READ_SIZE = 256 * 1024
HEAD_SIZE_MAX = 256 * 1024


def receive(sock):
    """Reads as event-driven programs do: poll, read, and poll again on EAGAIN. A blocking recv() may return EAGAIN on
    a socket in a sockhash when another thread sends (test_streams has a test of just that)."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    while True:
        poller.poll()
        try:
            return sock.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue


class Closed(Exception):
    pass


class Reader:
    """Bytes of a connection with a push-back buffer."""

    def __init__(self, sock):
        self.sock, self.buffer, self.raw = sock, b"", bytearray()

    def more(self):
        data = self.sock.recv(READ_SIZE)
        if not data:
            raise Closed
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            if len(self.buffer) > HEAD_SIZE_MAX:
                raise ValueError("no end of line")
            self.more()
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, size, sink):
        while size:
            if not self.buffer:
                self.more()
            part, self.buffer = self.buffer[:size], self.buffer[size:]
            size -= len(part)
            sink(part)


class Request:
    """A strictly read request head; the body is read by the behaviour."""

    def __init__(self, reader):
        self.reader = reader
        self.raw_head = reader.until(b"\r\n\r\n") + b"\r\n\r\n"
        lines = self.raw_head[:-4].split(b"\r\n")
        self.method, self.target, self.version = lines[0].decode("latin-1").split(" ")
        self.headers = []
        for line in lines[1:]:
            name, value = line.decode("latin-1").split(":", 1)
            assert name and name.strip() == name, f"bad header line {line!r}"
            self.headers.append([name, value.strip()])
        parts = urllib.parse.urlsplit(self.target)
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.trailers = []
        self.chunks = []

    def header(self, name):
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    def read_body(self, sink):
        length, coding = self.header("content-length"), self.header("transfer-encoding")
        assert not (length and coding), "both Content-Length and Transfer-Encoding"
        if coding:
            assert coding.lower() == "chunked", coding
            while True:
                size = int(self.reader.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                self.chunks.append(size)
                self.reader.exactly(size, sink)
                assert self.reader.until(b"\r\n") == b""
            while line := self.reader.until(b"\r\n"):
                self.trailers.append(line.decode("latin-1"))
        elif length:
            self.reader.exactly(int(length), sink)


def answer(sock, body=b"", status="200 OK", headers=(), length=True):
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def wait_for_close(sock):
    """Returns when the peer has closed or reset."""
    try:
        while sock.recv(READ_SIZE):
            pass
    except OSError:
        pass


def addresses(sock):
    def text(address):
        host = address[0].removeprefix("::ffff:")
        return [host, address[1]]
    return {"peer": text(sock.getpeername()), "local": text(sock.getsockname())}


def echo(server, sock, request):
    body = bytearray()
    request.read_body(body.extend)
    result = {"server": server.name, **addresses(sock), "method": request.method, "target": request.target,
              "version": request.version, "headers": request.headers, "trailers": request.trailers,
              "chunks": request.chunks, "body": bytes(body).decode("latin-1"),
              "raw_head": request.raw_head.decode("latin-1")}
    text = json.dumps(result).encode()
    if request.method == "HEAD":
        answer(sock, headers=[f"Content-Length: {len(text)}"], length=False)
    else:
        answer(sock, text, headers=["Content-Type: application/json"])


def digest(server, sock, request):
    seen = Digest()
    request.read_body(seen.update)
    answer(sock, json.dumps({"size": seen.size, "sha256": seen.hex(), "server": server.name}).encode())


def send_bytes(server, sock, request):
    size = int(request.query["n"])
    answer(sock, headers=[f"Content-Length: {size}"], length=False)
    for block in pattern(size):
        sock.sendall(block)


def send_chunked(server, sock, request):
    request.read_body(lambda part: None)
    size, chunk = int(request.query["n"]), int(request.query.get("chunk", 1000))
    answer(sock, headers=["Transfer-Encoding: chunked", "Trailer: X-Sum"], length=False)
    seen = Digest()
    for block in pattern(size):
        seen.update(block)
        for start in range(0, len(block), chunk):
            part = block[start:start + chunk]
            sock.sendall(b"%x;note=1\r\n%s\r\n" % (len(part), part) if request.query.get("extension")
                         else b"%x\r\n%s\r\n" % (len(part), part))
    sock.sendall(b"0\r\nX-Sum: %s\r\n\r\n" % seen.hex().encode())


def until_close(server, sock, request):
    answer(sock, headers=["Connection: close"], length=False)
    for block in pattern(int(request.query["n"])):
        sock.sendall(block)
    sock.shutdown(socket.SHUT_WR)
    wait_for_close(sock)
    raise Closed


def status(server, sock, request):
    request.read_body(lambda part: None)
    code = int(request.path.split("/")[2])
    if code == 204:
        answer(sock, status="204 No Content", length=False)
    elif code == 304:
        answer(sock, status="304 Not Modified", headers=["Content-Length: 1234", 'ETag: "x"'], length=False)
    else:
        answer(sock, b"body of %d" % code, status=f"{code} Reason")


def slow(server, sock, request):
    time.sleep(int(request.query["ms"]) / 1000)  # The behaviour under test is the delay itself.
    answer(sock, b"slow")


def hints(server, sock, request):
    sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    answer(sock, b"after hints")


def continue_(server, sock, request):
    if request.header("expect").lower() == "100-continue":
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    echo(server, sock, request)


def refuse_continue(server, sock, request):
    answer(sock, b"no", status="417 Expectation Failed", headers=["Connection: close"])
    sock.shutdown(socket.SHUT_WR)
    wait_for_close(sock)
    raise Closed


def early(server, sock, request):
    """Answers before the body was read, then reads it."""
    answer(sock, b"early")
    request.read_body(lambda part: None)


def no_read(server, sock, request):
    server.hold(sock)


def never(server, sock, request):
    request.read_body(lambda part: None)
    server.hold(sock)


def reset_midway(server, sock, request):
    answer(sock, b"x" * 50, headers=["Content-Length: 100"], length=False)
    server.wait_sent(sock)
    reset(sock)
    raise Closed


def truncated(server, sock, request):
    answer(sock, b"x" * 50, headers=["Content-Length: 100"], length=False)
    raise Closed


def close_after(server, sock, request):
    """A proper answer, then the connection is closed without having said so: the keep-alive race."""
    request.read_body(lambda part: None)
    answer(sock, b"bye")
    raise Closed


RAW = {
    "bare_lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "both_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "garbage": b"\x16\x03\x01\x00\x00garbage\r\n\r\n",
    "huge_head": b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200000 + b"\r\n\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok",
    "bad_chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    "nothing": b"",
}


def raw(server, sock, request):
    sock.sendall(RAW[request.query["kind"]])
    raise Closed


HTTP = {
    "/echo": echo, "/digest": digest, "/bytes": send_bytes, "/chunked": send_chunked, "/until-close": until_close,
    "/slow": slow, "/hints": hints, "/continue": continue_, "/refuse-continue": refuse_continue, "/early": early,
    "/no-read": no_read, "/never": never, "/reset": reset_midway, "/truncated": truncated, "/raw": raw,
    "/close-after": close_after,
}


def tcp_sink(server, sock, reader, argument):
    """Reads to the end of stream, then says size and checksum."""
    seen = Digest()
    seen.update(reader.buffer)
    while data := receive(sock):
        seen.update(data)
    sock.sendall(json.dumps({"size": seen.size, "sha256": seen.hex()}).encode())


def tcp_collect(server, sock, reader, argument):
    """Like SINK, but the checksum is the report of that name, however the connection ended."""
    seen = Digest()
    seen.update(reader.buffer)
    try:
        while data := receive(sock):
            seen.update(data)
    except OSError:
        pass
    server.reports[argument] = {"size": seen.size, "sha256": seen.hex()}


def tcp_source(server, sock, reader, argument):
    for block in pattern(int(argument)):
        sock.sendall(block)


def tcp_duplex(server, sock, reader, argument, read=receive):
    """Sends and reads at once; the checksum of what was read goes to the report of that name."""
    size, name = argument.split()
    thread = threading.Thread(target=tcp_source, args=(server, sock, reader, size), daemon=True)
    thread.start()
    seen = Digest()
    seen.update(reader.buffer)
    while data := read(sock):
        seen.update(data)
    thread.join()
    server.reports[name] = {"size": seen.size, "sha256": seen.hex()}


def tcp_duplex_blocking(server, sock, reader, argument):
    """The same with a blocking recv() in one thread and a blocking send() in another."""
    tcp_duplex(server, sock, reader, argument, read=lambda sock: sock.recv(READ_SIZE))


def tcp_echo(server, sock, reader, argument):
    data = reader.buffer
    while True:
        sock.sendall(data)
        data = receive(sock)
        if not data:
            return


def tcp_peer(server, sock, reader, argument):
    sock.sendall(json.dumps({"server": server.name, **addresses(sock)}).encode() + b"\n")


def tcp_sleep(server, sock, reader, argument):
    server.hold(sock)


def tcp_read_then_sleep(server, sock, reader, argument):
    left = int(argument) - len(reader.buffer)
    while left > 0:
        left -= len(receive(sock))
    sock.sendall(b"ok")
    server.hold(sock)


def tcp_reset(server, sock, reader, argument):
    reset(sock)
    raise Closed


def tcp_flood(server, sock, reader, argument):
    """Sends until nothing is taken any more; the count of accepted bytes is the report of that name."""
    sock.setblocking(False)
    block = b"f" * 65536
    server.reports[argument] = {"size": 0}
    while True:
        try:
            server.reports[argument]["size"] += sock.send(block)
        except BlockingIOError:
            time.sleep(0.001)
        except OSError:
            return


def tcp_expect(server, sock, reader, argument):
    """Reports how the connection ended: 'eof', or the name of the error."""
    server.reports[argument] = {"end": None}
    sock.sendall(b"ok\n")
    try:
        while receive(sock):
            pass
        server.reports[argument] = {"end": "eof"}
    except OSError as error:
        server.reports[argument] = {"end": type(error).__name__}


def tcp_half(server, sock, reader, argument):
    """Closes its own sending side first, then reads to the end and reports the size."""
    sock.sendall(b"bye")
    sock.shutdown(socket.SHUT_WR)
    size = len(reader.buffer)
    server.reports[argument] = {"size": None}
    while data := receive(sock):
        size += len(data)
    server.reports[argument] = {"size": size}


def tcp_report(server, sock, reader, argument):
    sock.sendall(json.dumps(server.reports.get(argument)).encode())


TCP = {"SINK": tcp_sink, "COLLECT": tcp_collect, "SOURCE": tcp_source, "DUPLEX": tcp_duplex, "DUPLEX-BLOCKING": tcp_duplex_blocking, "ECHO": tcp_echo, "PEER": tcp_peer,
       "SLEEP": tcp_sleep, "READ-THEN-SLEEP": tcp_read_then_sleep, "RESET": tcp_reset, "FLOOD": tcp_flood, "EXPECT": tcp_expect, "HALF": tcp_half,
       "REPORT": tcp_report}


class Server:
    def __init__(self, name):
        self.name = name
        self.reports = {}

    def hold(self, sock):
        """Keeps the connection open without reading until the peer has ended it. Then it goes: what a mesh leaves in the
        kernel for readers that have not read would stay as long."""
        hangup = select.poll()
        hangup.register(sock, select.POLLRDHUP)
        hangup.poll()

    def wait_sent(self, sock):
        """Until the peer's kernel has acknowledged everything sent."""
        import fcntl
        import termios
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            if struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0] == 0:
                return
            time.sleep(0.001)

    def serve(self, sock, handle):
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                handle(sock, Reader(sock))
            except (Closed, OSError):
                pass

    def http(self, sock, reader):
        while True:
            request = Request(reader)
            behaviour = status if request.path.startswith("/status/") else HTTP.get(request.path, echo)
            behaviour(self, sock, request)
            if request.header("connection").lower() == "close":
                return

    def tcp(self, sock, reader):
        command, _, argument = reader.until(b"\n").decode().partition(" ")
        TCP[command](self, sock, reader, argument)

    def listen(self, port, handle):
        listener = socket.create_server(("::", port), family=socket.AF_INET6, backlog=4096, dualstack_ipv6=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=self.serve, args=(sock, handle), daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--tcp", type=int, required=True)
    options = parser.parse_args()
    server = Server(options.name)
    threading.stack_size(256 * 1024)
    threading.Thread(target=server.listen, args=(options.http, server.http), daemon=True).start()
    server.listen(options.tcp, server.tcp)


if __name__ == "__main__":
    main()
