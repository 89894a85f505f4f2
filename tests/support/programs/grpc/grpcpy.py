"""gRPC with grpcio, as a server and as a client: the same methods and checks as grpcgo.

    grpcpy.py serve ADDRESS NAME
    grpcpy.py check TARGET CHECK [NUMBER]

A check prints one line, "ok" and what it saw, and exits 0; or it prints what was wrong and exits 1.
"""
import concurrent.futures
import json
import os
import signal
import sys
import threading
import time

import grpc

SERVICE = "sluice.test.Echo"
PATIENCE_S = 60
OPTIONS = [("grpc.max_receive_message_length", 256 << 20), ("grpc.max_send_message_length", 256 << 20),
           ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]


class Server:
    """Behaviours by method name; each reads its own fields of the JSON that a request may be."""

    def __init__(self, name):
        self.name = name
        self.open = 0  # Calls of Hang, Stream and Chat that have not ended.
        self.lock = threading.Lock()

    def _add_open(self, number):
        with self.lock:
            self.open += number

    def count_open_until_the_end_of(self, context):
        self._add_open(1)
        if not context.add_callback(lambda: self._add_open(-1)):
            self._add_open(-1)

    def echo(self, data, _):
        return data

    def describe(self, _, context):
        said = {"name": self.name, "peer": context.peer(), "metadata": {}}
        for key, value in context.invocation_metadata():
            text = value if isinstance(value, str) else value.hex()
            said["metadata"].setdefault(key, []).append(text)
        if context.time_remaining() is not None and context.time_remaining() < 1e9:
            said["deadline_ms"] = int(context.time_remaining() * 1000)
        context.send_initial_metadata((("x-served-by", self.name),))
        context.set_trailing_metadata((("x-behind", "trailer"), ("x-data-bin", b"\x00\xff")))
        return json.dumps(said).encode()

    def fail(self, data, context):
        order = json.loads(data)
        context.set_trailing_metadata((("x-detail", "why"),))
        code = next(code for code in grpc.StatusCode if code.value[0] == order["code"])
        context.abort(code, order["message"])

    def hang(self, _, context):
        self.count_open_until_the_end_of(context)
        ended = threading.Event()
        if context.add_callback(ended.set):
            ended.wait(PATIENCE_S)
        return b""

    def count_open(self, _, __):
        return str(self.open).encode()

    def stream(self, data, context):
        self.count_open_until_the_end_of(context)
        order = json.loads(data)
        for _ in range(order["count"]):
            if not context.is_active():
                return
            yield bytes(order["size"])

    def collect(self, messages, _):
        sizes = [len(message) for message in messages]
        return f"{len(sizes)} {sum(sizes)}".encode()

    def chat(self, messages, context):
        self.count_open_until_the_end_of(context)
        yield from messages

    def handlers(self):
        return grpc.method_handlers_generic_handler(SERVICE, {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Describe": grpc.unary_unary_rpc_method_handler(self.describe),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Hang": grpc.unary_unary_rpc_method_handler(self.hang),
            "CountOpen": grpc.unary_unary_rpc_method_handler(self.count_open),
            "Stream": grpc.unary_stream_rpc_method_handler(self.stream),
            "Collect": grpc.stream_unary_rpc_method_handler(self.collect),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat)})


def serve(address, name):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), options=OPTIONS)
    server.add_generic_rpc_handlers((Server(name).handlers(),))
    assert server.add_insecure_port(address) != 0, address
    server.start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    server.stop(PATIENCE_S).wait()  # GOAWAY, and calls in flight come to their end.


class Failure(Exception):
    pass


def expect(is_true, *what):
    if not is_true:
        raise Failure(" ".join(map(str, what)))


class Client:
    def __init__(self, target):
        self.channel = grpc.insecure_channel(target, options=OPTIONS)

    def call(self, method, data=b"", timeout_s=PATIENCE_S, metadata=()):
        return self.channel.unary_unary(f"/{SERVICE}/{method}")(data, timeout=timeout_s, metadata=metadata)

    def fails(self, method, data=b"", timeout_s=PATIENCE_S):
        """The error of a call that has to fail."""
        try:
            self.call(method, data, timeout_s)
        except grpc.RpcError as error:
            return error
        raise Failure(f"{method} did not fail")

    def stream(self, count, size):
        order = json.dumps({"count": count, "size": size}).encode()
        return self.channel.unary_stream(f"/{SERVICE}/Stream")(order, timeout=PATIENCE_S)

    def chat(self):
        return Chat(self.channel.stream_stream(f"/{SERVICE}/Chat"))

    def wait_ended(self):
        """Polls until the server has no call open: it hears of a cancellation after the client has gone on."""
        end = time.monotonic() + PATIENCE_S / 2
        while self.call("CountOpen") != b"0":
            expect(time.monotonic() < end, "the server was never told of the end")
            time.sleep(0.005)


class Chat:
    """A stream in which each message is sent when it is given."""

    def __init__(self, method):
        self.condition = threading.Condition()
        self.waiting = []
        self.has_ended = False
        self.answers = method(iter(self._next, None), timeout=PATIENCE_S)

    def _next(self):
        with self.condition:
            self.condition.wait_for(lambda: self.waiting or self.has_ended)
            return self.waiting.pop(0) if self.waiting else None

    def say(self, data):
        with self.condition:
            self.waiting.append(data)
            self.condition.notify()
        return next(self.answers)

    def end(self):
        with self.condition:
            self.has_ended = True
            self.condition.notify()

    def cancel(self):
        self.answers.cancel()
        self.end()


def check_unary(client, _):
    expect(client.call("Echo", b"hello") == b"hello", "another answer")
    return client.call("Echo").decode()


def check_server_stream(client, number):
    sizes = [len(message) for message in client.stream(number or 1000, 1000)]
    expect(sizes == [1000] * (number or 1000), "other messages", len(sizes))


def check_client_stream(client, number):
    count = number or 1000
    reply = client.channel.stream_unary(f"/{SERVICE}/Collect")((bytes(i) for i in range(count)), timeout=PATIENCE_S)
    expect(reply.decode() == f"{count} {count * (count - 1) // 2}", "the server saw", reply)


def check_bidi(client, number):
    """Each answer is awaited before the next message goes: nothing may be held back on the way."""
    chat = client.chat()
    for i in range(number or 200):
        expect(chat.say(b"x" * i) == b"x" * i, "message", i, "came back differently")
    chat.end()
    expect(not list(chat.answers), "more answers than messages")


def check_cancel(client, _):
    chat = client.chat()
    chat.say(b"one")
    chat.cancel()
    expect(chat.answers.code() is grpc.StatusCode.CANCELLED, chat.answers.code())
    client.wait_ended()
    return client.call("Echo", b"the connection lives").decode()


def check_deadline(client, _):
    error = client.fails("Hang", timeout_s=0.3)
    expect(error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, error)
    client.wait_ended()


def check_hang(client, _):
    """The status of a call that the server never answers, for whoever ends it."""
    error = client.fails("Hang")
    return f"{error.code().value[0]} {error.details()}"


def check_open(client, _):
    return client.call("CountOpen").decode()


def check_large(client, number):
    data = bytearray(number or 100 << 20)
    data[::4096] = bytes(i & 255 for i in range(len(data[::4096])))
    expect(client.call("Echo", bytes(data)) == data, "another answer")


def check_metadata(client, _):
    sent = (("x-asked", "a"), ("x-asked", "b"), ("x-raw-bin", b"\x00\x01\xfe"))
    reply, call = client.channel.unary_unary(f"/{SERVICE}/Describe").with_call(b"", timeout=PATIENCE_S, metadata=sent)
    trailers = dict(call.trailing_metadata())
    expect(trailers.get("x-behind") == "trailer" and trailers.get("x-data-bin") == b"\x00\xff", "trailers", trailers)
    expect("x-served-by" in dict(call.initial_metadata()), "headers", call.initial_metadata())
    seen = json.loads(reply)["metadata"].get("x-asked", [])
    expect(",".join(seen).replace(", ", ",") == "a,b", "the server saw", seen)


def check_error(client, _):
    """Trailers without headers: the whole answer is one HEADERS frame."""
    error = client.fails("Fail", json.dumps({"code": 5, "message": "nothing: ünïcode\n%"}).encode())
    expect(error.code() is grpc.StatusCode.NOT_FOUND, error)
    expect(error.details() == "nothing: ünïcode\n%", "the message is", repr(error.details()))
    expect(dict(error.trailing_metadata()).get("x-detail") == "why", error.trailing_metadata())


def check_status(client, _):
    """The status of a call, whatever it is."""
    try:
        client.call("Echo")
    except grpc.RpcError as error:
        return f"{error.code().value[0]} {error.details()}"
    return "0"


def check_names(client, number):
    """How many of the calls, one after another over one connection, each server answered."""
    seen = {}
    for _ in range(number or 100):
        name = json.loads(client.call("Describe"))["name"]
        seen[name] = seen.get(name, 0) + 1
    return json.dumps(seen)


def check_describe(client, number):
    """What the server saw of one call with this many milliseconds to go."""
    return client.call("Describe", b"", (number or 30000) / 1000, (("x-tenant", "blue"),)).decode()


def check_stalled(client, number):
    """One stream that nobody reads; calls beside it go on, and afterwards every byte of it is there."""
    count = number or 2000
    stalled = client.stream(count, 16384)
    for _ in range(200):
        client.call("Echo", bytes(1000))
    expect(sum(len(message) for message in stalled) == count * 16384, "bytes are missing")


def check_alone(client, _):
    """Calls that fail, and are cancelled, beside a stream that goes on."""
    chat = client.chat()
    for _ in range(50):
        error = client.fails("Fail", b'{"code": 13, "message": "broken"}')
        expect(error.code() is grpc.StatusCode.INTERNAL, error)
        other = client.chat()
        other.say(b"x")
        other.cancel()
        expect(chat.say(b"still here") == b"still here", "another answer")
    chat.end()


def check_steady(client, _):
    """Calls until the input ends: none may fail, whatever servers and meshes do meanwhile."""
    print("started", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    count = 0
    while not ended.is_set():
        client.call("Echo", b"steady")
        count += 1
    return str(count)


def check_drain(client, _):
    """Streams in flight when the connection is told to take no more: each goes on and comes to its end."""
    left = threading.Event()
    states = []

    def on_state(state):
        states.append(state)
        if grpc.ChannelConnectivity.READY in states and state is not grpc.ChannelConnectivity.READY:
            left.set()

    chats = [client.chat() for _ in range(16)]
    for chat in chats:
        chat.say(b"before")
    client.channel.subscribe(on_state)
    while grpc.ChannelConnectivity.READY not in states:
        time.sleep(0.005)
    print("open", flush=True)
    expect(left.wait(PATIENCE_S), "the connection was never told to take no more")
    for chat in chats:
        expect(chat.say(b"after") == b"after", "another answer")
        chat.end()
    for chat in chats:
        expect(not list(chat.answers), "more answers than messages")


def check(target, name, number=0):
    try:
        seen = globals()[f"check_{name}"](Client(target), int(number))
    except (Failure, grpc.RpcError, StopIteration) as error:
        print(f"{type(error).__name__}: {error}")
        code = 1
    else:
        print(f"ok {seen or ''}".strip())
        code = 0
    sys.stdout.flush()
    os._exit(code)  # Threads of grpcio outlive cancelled streams and would keep the process.


if __name__ == "__main__":
    {"serve": serve, "check": check}[sys.argv[1]](*sys.argv[2:])
