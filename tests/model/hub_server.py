"""A hub of our own on this machine: as much of the real one's HTTP as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is served, and what was asked for.

    Attributes:
        files: of the one repository, by path.
        refuse: status and error code that every request gets; None serves.
        cuts: how many answers with a file's content break off in the middle.
        asked: method, path and range of every request.
    """

    files: Mapping[str, bytes]
    repo: str = "someone/model"
    revisions: tuple[str, ...] = ("main", "v1", COMMIT)
    refuse: tuple[int, str] | None = None
    cuts: int = 0
    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def contents(self) -> set[str]:
        """The files whose content was asked for."""
        return {path.partition(f"/resolve/{COMMIT}/")[2] for kind, path, _ in self.asked if kind == "GET"} - {
            ""
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._serve(with_body=False)

    def do_GET(self) -> None:
        self._serve(with_body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, *, with_body: bool) -> None:
        hub, path = self.hub, self.path.partition("?")[0]
        hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if hub.refuse:
            self._send(hub.refuse[0], b"{}", {"X-Error-Code": hub.refuse[1], "X-Error-Message": "no"})
        elif path.startswith(f"/{hub.repo}/resolve/{COMMIT}/"):
            self._file(path.partition(f"/resolve/{COMMIT}/")[2], with_body=with_body)
        elif path.startswith(f"/api/models/{hub.repo}/revision/"):
            known = path.rpartition("/")[2] in hub.revisions
            facts = json.dumps({"id": hub.repo, "sha": COMMIT}).encode()
            self._send(200, facts) if known else self._missing("RevisionNotFound")
        elif path == f"/api/models/{hub.repo}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": _etag(data)}
                for name, data in hub.files.items()
            ]
            self._send(200, json.dumps(tree).encode())
        else:
            self._missing("RepoNotFound")

    def _missing(self, code: str) -> None:
        self._send(404, b"{}", {"X-Error-Code": code})

    def _file(self, name: str, *, with_body: bool) -> None:
        data = self.hub.files[name]
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        head = {"ETag": f'"{_etag(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if start:
            head["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        part = data[start:]
        if with_body and self.hub.cuts and len(part) > 1000:
            self.hub.cuts -= 1
            self._send(206 if start else 200, part[: len(part) // 2], head, length=len(part))
            self.close_connection = True
        else:
            self._send(206 if start else 200, part if with_body else b"", head, length=len(part))

    def _send(
        self, status: int, body: bytes, head: Mapping[str, str] = {}, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) if length is None else length), **head}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _etag(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, reachable at ``hub.url`` within the block."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
