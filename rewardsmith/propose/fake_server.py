"""A server on loopback that speaks OpenAI's protocol and misbehaves on request: a fake that ships, for tests and demos.

It knows nothing of language: each call is answered by the next line of a script, or by a function of the request. It
is no model and no proof that a real provider behaves the same; `tests/e2e` has a real one.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

# --- what it may do with a call ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """Answer with `text`; `refusal` fills the protocol's field of that name, `text` None sends a null."""

    text: str | None = "ok"
    finish: str | None = "stop"
    refusal: str | None = None
    tokens_in: int = 11
    tokens_out: int = 7
    more_usage: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fail:
    """Answer with an HTTP error; `error` is the body's `error` object, `headers` e.g. `{"Retry-After": "1"}`."""

    status: int
    error: Mapping[str, object] = field(default_factory=lambda: {"message": "the fake server was told to fail"})
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """Answer with these very bytes; `headers` may lie, e.g. of a length or an encoding that the bytes do not have."""

    content: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stall:
    """Send nothing until the client hangs up or the server closes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drip:
    """Send a blank every `every_s` and never finish; each byte resets a naive time-out."""

    every_s: float = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Reset:
    """Break the connection without an answer."""


Behaviour = Say | Fail | Body | Stall | Drip | Reset


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A call as it came in; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The words of the last message: what is asked, and after it captions of images."""
        return "\n".join(part["text"] for part in self._parts if part["type"] == "text")

    @property
    def images(self) -> tuple[bytes, ...]:
        """The images of the last message, as files, in order."""
        urls = [part["image_url"]["url"] for part in self._parts if part["type"] == "image_url"]
        return tuple(base64.b64decode(url.partition(";base64,")[2], validate=True) for url in urls)

    @property
    def _parts(self) -> list[dict[str, Any]]:
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, list) else [{"type": "text", "text": content}]


Script = Sequence[Behaviour] | Callable[[Heard], Behaviour]
"""Behaviours in the order of calls, the last one for all later calls; or a function that may be called concurrently."""


# --- the server -------------------------------------------------------------------------------------------------------


class FakeServer:
    """Serves while it is entered: `with FakeServer([Say(text="hi")]) as server: ... server.base_url ...`.

    `heard` lists the calls in order of arrival; `most_at_once` is how many were being answered together at most.
    """

    def __init__(self, script: Script, *, takes_s: float = 0.0) -> None:
        self._script = script
        self._takes_s = takes_s
        self._lock = threading.Lock()
        self._at_once = 0
        self.heard: list[Heard] = []
        self.most_at_once = 0
        self.closing = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.fake = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        """The address to give as `--base-url`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def begin(self, heard: Heard) -> Behaviour:
        """Take note of a call and choose what to do with it."""
        with self._lock:
            turn = len(self.heard)
            self.heard.append(heard)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.closing.wait(self._takes_s)
        return self._script(heard) if callable(self._script) else self._script[min(turn, len(self._script) - 1)]

    def end(self) -> None:
        """Take note that a call has been dealt with."""
        with self._lock:
            self._at_once -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: half of the behaviours make them."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
        """Keep quiet."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(path=self.path, headers=headers, body=json.loads(content))
        behaviour = self.server.fake.begin(heard)
        try:
            self._do(behaviour, heard)
        finally:
            self.server.fake.end()

    def _do(self, behaviour: Behaviour, heard: Heard) -> None:
        match behaviour:
            case Say():
                self._send(200, _json(_completion(behaviour, model=str(heard.body.get("model", "")))))
            case Fail():
                self._send(behaviour.status, _json({"error": dict(behaviour.error)}), headers=behaviour.headers)
            case Body():
                odd = {"Content-Type": behaviour.content_type, **behaviour.headers}
                self._send(behaviour.status, behaviour.content, headers=odd)
            case Stall():
                self._wait_for_hang_up()
            case Drip():
                self._drip(behaviour.every_s)
            case Reset():
                self._reset()

    def _send(self, status: int, body: bytes, *, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _wait_for_hang_up(self) -> None:
        self.close_connection = True
        self.connection.settimeout(0.02)
        while not self.server.fake.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def _drip(self, every_s: float) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        while not self.server.fake.closing.wait(every_s):
            self.wfile.write(b" ")

    def _reset(self) -> None:
        """Close with SO_LINGER 0, which sends RST."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _completion(say: Say, *, model: str) -> dict[str, object]:
    message = {"role": "assistant", "content": say.text, "refusal": say.refusal}
    total = say.tokens_in + say.tokens_out
    usage = {"prompt_tokens": say.tokens_in, "completion_tokens": say.tokens_out, "total_tokens": total}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": say.finish}],
        "usage": {**usage, **say.more_usage},
    }
