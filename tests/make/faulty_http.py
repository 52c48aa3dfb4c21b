"""A proxy in front of an HTTP server that spoils answers: errors, bodies that end early, connections that are reset."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What happens in place of the answer.

    Attributes:
        status: this one, with an error as S3 words it; 0: the server's own answer is spoiled.
        share: of the body that is sent before the connection ends; the length that is announced stays.
        reset: whether the connection is reset in place of closed.
        etag: the answer is the server's own, but for this.
    """

    status: int = 0
    share: float = 0.0
    reset: bool = False
    etag: str = ""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        number: from 0 on, of those for which somebody asked for faults.
        range: the bytes that it asks for, "" for all.
    """

    method: str
    path: str
    number: int
    range: str


Faults = Callable[[Request], Fault | None]
"""None: the request is answered as it should be."""

CODES = {500: "InternalError", 503: "SlowDown", 403: "AccessDenied", 404: "NoSuchKey"}


class FaultyProxy:
    """Forwards everything to a server on this machine.

    Attributes:
        url: its own address.
        asked: the requests of the last :meth:`spoiling`.
    """

    def __init__(self, host: str, port: int) -> None:
        proxy = self
        self._upstream = host, port
        self._lock = threading.Lock()
        self._faults: Faults | None = None
        self.asked: list[Request] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def __getattr__(self, name: str) -> Callable[[], None]:
                if not name.startswith("do_"):  # do_GET, do_PUT …: every method is forwarded
                    raise AttributeError(name)
                return lambda: proxy.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def spoiling(self, faults: Faults) -> Iterator[list[Request]]:
        """While the context is open, answers are spoiled; yields what was asked."""
        with self._lock:
            self._faults, self.asked = faults, []
        try:
            yield self.asked
        finally:
            with self._lock:
                self._faults = None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self._fault(handler)
        if fault is not None and fault.status:
            self._error(handler, fault.status)
            return
        upstream = http.client.HTTPConnection(*self._upstream)
        try:
            upstream.request(handler.command, handler.path, body, dict(handler.headers.items()))
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        if fault is not None and not fault.etag and not data:  # it was done, and nobody hears of it
            self._end(handler, fault)
            return
        handler.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if fault is not None and fault.etag and name.lower() == "etag":
                value = f'"{fault.etag}"'
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") if handler.command == "HEAD" else str(len(data))
        handler.send_header("Content-Length", length or "0")
        handler.end_headers()
        if fault is None or fault.etag:
            handler.wfile.write(data)
            return
        handler.wfile.write(data[: int(len(data) * fault.share)])
        handler.wfile.flush()
        self._end(handler, fault)

    def _end(self, handler: BaseHTTPRequestHandler, fault: Fault) -> None:
        handler.close_connection = True
        if fault.reset:  # a socket that lingers for no time is reset when it is closed
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _fault(self, handler: BaseHTTPRequestHandler) -> Fault | None:
        with self._lock:
            if self._faults is None:
                return None
            request = Request(handler.command, handler.path, len(self.asked), handler.headers.get("Range") or "")
            self.asked.append(request)
            return self._faults(request)

    def _error(self, handler: BaseHTTPRequestHandler, status: int) -> None:
        told = f"<Error><Code>{CODES[status]}</Code><Message>hidden-word</Message></Error>".encode()
        handler.send_response_only(status)
        handler.send_header("Content-Type", "application/xml")
        handler.send_header("Content-Length", str(len(told)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(told)
