"""Where a chat server is, and which of its models is meant: URL[:MODEL]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dgchat.errors import UsageError

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_ADDRESS = re.compile(
    r"""
    (?P<server>https?://
        (?:\[[0-9a-f:.]+\] | [^\s/:@?#\[\]]+)   # host
        (?::\d{1,5}(?=[/:]|$))?)                 # port
    (?P<path>/[^\s:?#]*)?
    (?::(?P<model>\S+))?                         # may hold colons itself: llama3:8b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENDPOINT = "/chat/completions"
_USUAL_PATH = "/v1"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    base: str
    """What `/models` and `/chat/completions` are appended to: `http://localhost:8000/v1`."""
    model: str | None
    """The model's name on the server; None if none was named."""


def parse_address(text: str) -> ServerAddress:
    """Read URL[:MODEL]: without a path /v1 is meant, without a scheme http; UsageError if it is none."""
    if "@" in _SCHEME.sub("", text).partition("/")[0]:  # the text is not repeated: it may hold a key
        raise UsageError("a server's address holds no user and no key", hint="keys are read from variables")
    match = _ADDRESS.fullmatch(text if "://" in text else f"http://{text}")
    if match is None:
        raise UsageError(f"{text!r} is no server's address", hint="like http://localhost:8000")
    path = (match["path"] or "").rstrip("/").removesuffix(_ENDPOINT)
    return ServerAddress(match["server"] + (path or _USUAL_PATH), match["model"])
