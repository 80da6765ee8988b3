"""A Hugging Face hub of one's own, on 127.0.0.1: it serves a few small files, and fails as it is told to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Self
from urllib.parse import unquote, urlsplit

import pytest

TINY = "someone/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"

_INFO = re.compile(r"/api/models/(?P<name>[^/]+/[^/]+)/revision/(?P<revision>[^/]+)")
_FILE = re.compile(r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_BLOB = re.compile(r"/cdn/(?P<blob>[0-9a-f]+)")


@dataclass
class FakeRepository:
    files: Mapping[str, bytes]
    revisions: Mapping[str, str] = field(default_factory=lambda: {"main": COMMIT})
    """Commit of each branch and tag."""

    def commit(self, revision: str) -> str | None:
        """The commit a revision stands for; None if there is no such revision."""
        return revision if revision in self.revisions.values() else self.revisions.get(revision)


class FakeHub:
    """Serves its repositories while it is entered."""

    def __init__(self, repositories: Mapping[str, FakeRepository]) -> None:
        self.repositories = dict(repositories)
        self.refusal: tuple[int, str] | None = None
        """Status and X-Error-Code of every answer; None: answers."""
        self.refuses_files_only = False
        """As a gated repository does: everyone may see its names and sizes."""
        self.offers_xet = False
        """Whether large files are said to be in Xet's storage too; there is none behind it."""
        self.cuts_short: str | None = None
        """The file that is said to be, and is, a byte shorter than the list of files has it."""
        self.stalls_at: str | None = None
        """The file of which only the first half is sent."""
        self.has_stalled = Event()
        self.released = Event()
        """Set: a stalled file is sent to its end."""
        self.requests: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self, home: Path) -> dict[str, str]:
        """Variables with which a process asks this hub and caches in `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN_PATH": str(home / "token"),
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def fetched(self) -> list[str]:
        """Names of the files whose contents were asked for, in order."""
        names = {_blob(data): file for one in self.repositories.values() for file, data in one.files.items()}
        found: list[str] = []
        for method, path in self.requests:
            small, large = _FILE.fullmatch(path), _BLOB.fullmatch(path)
            if method == "GET" and (small or large):
                found.append(small["file"] if small else names[large["blob"]])
        return found

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub._answer(self)

            def do_GET(self) -> None:
                hub._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(request.path).path)
        self.requests.append((request.command, path))
        match = _INFO.fullmatch(path) or _FILE.fullmatch(path) or _BLOB.fullmatch(path)
        if match is None:
            _send(request, 404)
        elif self.refusal and not (self.refuses_files_only and match.re is _INFO):
            status, code = self.refusal
            _send(request, status, {"X-Error-Code": code} if code else {})
        elif match.re is _BLOB:
            self._send_blob(request, match["blob"])
        else:
            self._tell(request, match)

    def _tell(self, request: BaseHTTPRequestHandler, match: re.Match[str]) -> None:
        repository = self.repositories.get(match["name"])
        commit = repository and repository.commit(match["revision"])
        if repository is None:
            _send(request, 404, {"X-Error-Code": "RepoNotFound"})
        elif not commit:
            _send(request, 404, {"X-Error-Code": "RevisionNotFound"})
        elif match.re is _INFO:
            _send(
                request, 200, {"Content-Type": "application/json"}, _info(match["name"], commit, repository)
            )
        else:
            data = repository.files[match["file"]]
            headers = {"X-Repo-Commit": commit, "ETag": f'"{_blob(data)}"'}
            if match["file"] == self.cuts_short:
                _send(request, 200, headers, data[:-1])
            elif _is_large(data):
                _send(request, 302, headers | self._elsewhere(data))
            else:
                _send(request, 200, headers, data)

    def _elsewhere(self, data: bytes) -> dict[str, str]:
        """Headers that send a client to where the large files are, under another name of this host."""
        xet = {"X-Xet-Hash": "0" * 64, "X-Xet-Refresh-Route": f"{self.url}/xet"} if self.offers_xet else {}
        return xet | {
            "X-Linked-Size": str(len(data)),
            "X-Linked-Etag": f'"{_blob(data)}"',
            "Location": f"{self.url.replace('127.0.0.1', 'localhost')}/cdn/{_blob(data)}",
        }

    def _send_blob(self, request: BaseHTTPRequestHandler, blob: str) -> None:
        every = {
            _blob(data): (file, data)
            for one in self.repositories.values()
            for file, data in one.files.items()
        }
        file, data = every[blob]
        if file != self.stalls_at:
            _send(request, 200, {}, data)
            return
        _send(request, 200, {}, data, until=len(data) // 2)
        self.has_stalled.set()
        self.released.wait(60)
        request.wfile.write(data[len(data) // 2 :])


def use_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let huggingface_hub, in this process, ask the fake hub as somebody without a token."""
    from huggingface_hub import constants  # few tests need it

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nonexistent/token")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("HF_TOKEN", raising=False)


def _info(name: str, commit: str, repository: FakeRepository) -> bytes:
    siblings = [_sibling(file, data) for file, data in repository.files.items()]
    return json.dumps({"id": name, "sha": commit, "siblings": siblings}).encode()


def _sibling(file: str, data: bytes) -> dict[str, object]:
    lfs = {"sha256": _blob(data), "size": len(data), "pointerSize": 100} if _is_large(data) else None
    return {
        "rfilename": file,
        "size": len(data),
        "blobId": _git_hash(data),
        **({"lfs": lfs} if lfs else {}),
    }


def _is_large(data: bytes) -> bool:
    return len(data) > 10_000


def _blob(data: bytes) -> str:
    return sha256(data).hexdigest() if _is_large(data) else _git_hash(data)


def _git_hash(data: bytes) -> str:
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: Mapping[str, str] | None = None,
    data: bytes = b"",
    until: int | None = None,
) -> None:
    request.send_response(status)
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(data[:until])
