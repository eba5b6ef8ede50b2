"""A real HTTP server on the loopback address, which behaves as badly as a test asks for."""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    """An answer to a request.

    Attributes:
        body: the bytes that are sent; less than announced if `length` says so.
        length: what is announced; None for the length of the body, -1 for nothing.
        pause: seconds before each part of the body.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    pause: float = 0.0


Route = Callable[[Request], Answer]


def serve_file(content: bytes, *, etag: str | None = None, **headers: str) -> Route:
    """A well-behaved file: with ranges, ETag and If-Range."""
    mark = etag if etag is not None else f'"{hashlib.md5(content).hexdigest()}"'
    known = {"ETag": mark, **headers} if mark else dict(headers)

    def answer(request: Request) -> Answer:
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        condition = request.headers.get("if-range", mark)
        if found is None or condition != mark:
            return Answer(content, headers=known)
        start = int(found[1])
        if start >= len(content):
            return Answer(b"", 416, {"Content-Range": f"bytes */{len(content)}"})
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Answer(content[start:], 206, {**known, "Content-Range": span})

    return answer


def breaking_off(route: Route, after: int) -> Route:
    """A route that announces all of an answer and sends only so many bytes."""

    def answer(request: Request) -> Answer:
        whole = route(request)
        return Answer(whole.body[:after], whole.status, whole.headers, len(whole.body), whole.pause)

    return answer


def in_turn(*routes: Route) -> Route:
    """A route that is another one at each request, and stays with the last."""
    waiting = list(routes)

    def answer(request: Request) -> Answer:
        return (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    return answer


def redirecting(target: str, status: int = 302) -> Route:
    return lambda request: Answer(b"", status, {"Location": target})


class _QuietServer(ThreadingHTTPServer):
    """A server whose clients may leave in the middle of a request: tests break connections off."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@dataclass
class FileServer:
    """A running server.

    Attributes:
        address: `http://127.0.0.1:port`.
        routes: answers by path.
        requests: what came.
    """

    address: str
    routes: dict[str, Route]
    requests: list[Request]

    def count(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)


@contextmanager
def running_server(
    routes: Mapping[str, Route] | None = None, fallback: Route | None = None
) -> Iterator[FileServer]:
    """A server with an address of its own while the `with` block runs.

    Args:
        routes: answers by path.
        fallback: the answer to other paths; 404 by default.
    """
    known, requests = dict(routes or {}), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers)
            requests.append(request)
            route = known.get(self.path) or known.get(self.path.partition("?")[0]) or fallback
            self._send(route(request) if route else Answer(b"no such file", 404))

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.length is None else answer.length
            if length >= 0:
                self.send_header("Content-Length", str(length))
            if length != len(answer.body):
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            if self.command == "HEAD":
                return
            try:
                step = 4096 if answer.pause else max(len(answer.body), 1)
                for start in range(0, len(answer.body), step):
                    if answer.pause and stopping.wait(answer.pause):
                        return
                    self.wfile.write(answer.body[start : start + step])
            except OSError:  # the client has gone
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    stopping = threading.Event()
    server = _QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield FileServer(f"http://127.0.0.1:{server.server_port}", known, requests)
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
