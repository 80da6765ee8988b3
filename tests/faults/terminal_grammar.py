"""What a terminal may be told, as a grammar: every byte must belong to a sequence that the program means."""

from __future__ import annotations

import base64
import re
import unicodedata
from binascii import Error as NoBase64
from collections.abc import Collection

_TOKEN = re.compile(
    r"(?P<csi>\x1b\[[0-?]*[ -/]*[@-~])"
    r"|(?P<osc>\x1b\][^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|(?P<string>\x1b[PX^_].*?(?:\x1b\\|\x07))"
    r"|(?P<escape>\x1b[ -/]*.?)"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)",
    re.DOTALL,
)
_ALLOWED_CSI = re.compile(
    r"\x1b\[(?:"
    r"[0-9;:]*m"  # colours
    r"|[0-9;]*[HABCDGJK]"  # places
    r"|\?(?:7|25|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2031|2048)[hl]"  # modes
    r"|\?(?:2026|2048)\$p"  # questions about them
    r"|[>=<]?[0-9;]*u|\?u|>[0-9]?q|>?[0-9]*c|[56]n|>4;[0-9]m"  # keyboard protocol, who are you
    r"|2[23];[02](?:;0)?t|1[468]t"  # titles put aside, sizes asked for
    r")"
)
_TITLE = re.compile(r"\x1b\][012];([^\x07\x1b]*)(?:\x07|\x1b\\)")
_POINTER = re.compile(r"\x1b\]22;[a-z-]*(?:\x07|\x1b\\)")
_COLOUR_QUESTION = re.compile(r"\x1b\]1[01];\?(?:\x07|\x1b\\)")
_COPY = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")
_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def forbidden(written: bytes, *, copies: Collection[str] = (), lines_only: bool = False) -> list[str]:
    """Everything in the output that no part of the program means; `copies` are texts that were copied, and
    with `lines_only` not even colours are allowed.
    """
    try:
        text = written.decode()
    except UnicodeDecodeError as error:
        return [f"bytes that are no UTF-8: {written[error.start : error.start + 20]!r}"]
    found, end = [], 0
    for token in _TOKEN.finditer(text):
        kind, sequence = token.lastgroup, token[0]
        end = token.end()
        if kind == "text":
            found += [repr(letter) for letter in set(sequence) if _is_unshowable(letter)]
        elif kind == "control":
            found += [] if sequence in "\r\n" else [repr(sequence)]
        elif lines_only or not _is_meant(str(kind), sequence, copies):
            found.append(repr(sequence))
    return found + ([repr(text[end:])] if end < len(text) else [])


def shown_words(written: bytes) -> str:
    """The letters of the output without the sequences between them."""
    return "".join(
        token[0] for token in _TOKEN.finditer(written.decode(errors="replace")) if token.lastgroup == "text"
    )


def _is_meant(kind: str, sequence: str, copies: Collection[str]) -> bool:
    if kind == "csi":
        return _ALLOWED_CSI.fullmatch(sequence) is not None
    if kind != "osc":
        return False
    if title := _TITLE.fullmatch(sequence):
        return not any(_is_unshowable(letter) for letter in title[1])
    if copied := _COPY.fullmatch(sequence):
        return _decoded(copied[1]) in copies
    return bool(_COLOUR_QUESTION.fullmatch(sequence) or _POINTER.fullmatch(sequence))


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (NoBase64, UnicodeDecodeError):
        return None


def _is_unshowable(letter: str) -> bool:
    return unicodedata.category(letter) in _UNSHOWABLE or "\ufe00" <= letter <= "\ufe0f"
