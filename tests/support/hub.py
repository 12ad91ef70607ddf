"""A model hub on this machine that can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest

from clapsep_desktop.model import download

_PIECE = 1 << 16  # bytes sent at once


@dataclass
class Hub:
    """What a test hub holds, how it behaves and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)  # by address, "/owner/name/resolve/..."
    cuts: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    tells_lengths: bool = True  # of what it transfers
    corrupt: bool = False  # sends other bytes than it promises
    knows_ranges: bool = True
    status: int = 200  # of every answer
    get_status: int = 200  # of every transfer
    gets: list[tuple[str, str | None]] = field(default_factory=list)  # address, Range
    pause: float = 0.0  # s before each piece of a transfer
    sent: int = 0  # bytes of content
    address: str = ""

    def publish(self, files: Sequence[Path]) -> None:
        """Hold the files of "base", in the order of `download.BASE_FILES`."""
        for file, path in zip(download.BASE_FILES, files, strict=True):
            self.put(file.repository, file.path, path.read_bytes(), file.kind)

    def put(self, repository: str, path: str, content: bytes, kind: str = "model") -> None:
        prefix = {"model": "", "space": "/spaces"}[kind]
        self.files[f"{prefix}/{repository}/resolve/main/{path}"] = content


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        content = self._content()
        if content is None:
            return
        self._head(200, len(content))

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.hub.gets.append((self.path, wanted))
        content = self._content()
        if content is None:
            return
        if self.hub.get_status != 200:
            self._refuse(self.hub.get_status)
            return
        if self.hub.corrupt:
            content = bytes(255 - byte for byte in content)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        start = start if self.hub.knows_ranges else 0
        body = content[start:]
        length = len(body) if self.hub.tells_lengths else None
        self._head(206 if start else 200, length, len(content) if start else None)
        if self.hub.cuts:
            body = body[: self.hub.cuts.pop(0)]
            self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked has enough
            for at in range(0, len(body), _PIECE):
                time.sleep(self.hub.pause)
                self.wfile.write(body[at : at + _PIECE])
                self.hub.sent += len(body[at : at + _PIECE])

    def _content(self) -> bytes | None:
        if self.hub.status != 200:
            self._refuse(self.hub.status)
            return None
        # Through a proxy, the request names the whole address.
        path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http") else self.path
        content = self.hub.files.get(path)
        if content is None:
            self._refuse(404)
        return content

    def _head(self, status: int, length: int | None, of: int | None = None) -> None:
        self.send_response(status)
        path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http") else self.path
        content = self.hub.files[path]
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{git_hash(content)}"')
        if not path.endswith((".json", ".txt")):  # as large files are kept
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        if of is not None and length is not None:
            self.send_header("Content-Range", f"bytes {of - length}-{of - 1}/{of}")
        self.end_headers()

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for those that still answer


def git_hash(content: bytes) -> str:
    """What git, and so the hub, calls a small file's content."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub at ``address`` on the loopback, until the block ends."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with _Server(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that the program's downloads come from, until the block ends."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    huggingface_hub.close_session()
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub
        huggingface_hub.close_session()
