"""A strict HTTP/1.1 client over one socket: tests send exact bytes and see exact answers."""
import json
import socket
import struct


class Response:
    def __init__(self, status, version, headers):
        self.status, self.version, self.headers = status, version, headers
        self.body, self.trailers, self.chunks, self.interim = b"", [], [], []

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class EndOfStream(Exception):
    pass


class HttpConnection:
    """Use as a context manager."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def request(self, method, target, headers=(), body=b"", host="test", send_length=True):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
        if body and send_length:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def exchange(self, method, target, **kwargs):
        self.request(method, target, **kwargs)
        return self.response(method)

    def get(self, target, **kwargs):
        return self.exchange("GET", target, **kwargs)

    def _more(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise EndOfStream(f"closed after {self.buffer[:200]!r}")
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def _exactly(self, size):
        parts = []
        while size:
            if not self.buffer:
                self._more()
            part, self.buffer = self.buffer[:size], self.buffer[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def response(self, method="GET"):
        """The next final response, framing checked; interim ones are in `interim`."""
        interim = []
        while True:
            response = self._head()
            if response.status >= 200 or response.status == 101:
                response.interim = interim
                break
            interim.append(response)
        if method != "HEAD" and response.status not in (204, 304):
            self._body(response)
        return response

    def _head(self):
        lines = self._until(b"\r\n\r\n").split(b"\r\n")
        assert not any(b"\n" in line or b"\r" in line for line in lines), lines
        version, status, _ = (lines[0].decode("latin-1") + " ").split(" ", 2)
        headers = [tuple(part.strip() for part in line.decode("latin-1").split(":", 1)) for line in lines[1:]]
        return Response(int(status), version, headers)

    def _body(self, response):
        length, coding = response.header("content-length"), response.header("transfer-encoding")
        assert not (length and coding), response
        if coding:
            assert coding.lower() == "chunked", response
            parts = []
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                response.chunks.append(size)
                parts.append(self._exactly(size))
                assert self._until(b"\r\n") == b""
            while line := self._until(b"\r\n"):
                response.trailers.append(line.decode("latin-1"))
            response.body = b"".join(parts)
        elif length is not None:
            response.body = self._exactly(int(length))
        else:
            try:
                while True:
                    self._more()
            except EndOfStream:
                response.body, self.buffer = self.buffer, b""

    def at_end(self, timeout=5.0):
        """True if the peer closes in order without sending more; a reset raises."""
        self.sock.settimeout(timeout)
        return not self.buffer and self.sock.recv(1) == b""

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        reset(self.sock)


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_all(sock):
    parts = []
    while data := sock.recv(1 << 18):
        parts.append(data)
    return b"".join(parts)
