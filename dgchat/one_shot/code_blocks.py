"""The fenced code blocks of a Markdown text, as CommonMark reads them."""

from __future__ import annotations

import re

_OPENING = re.compile(r"^(?P<indent> {0,3})(?P<fence>`{3,}(?=[^`]*$)|~{3,})")
_CLOSING = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})[ \t]*$")


def code_blocks(text: str) -> list[str]:
    """What stands between the fences, block by block, each line with its newline; a block that is not closed
    goes to the end of the text.
    """
    blocks: list[str] = []
    lines: list[str] = []
    fence, indent = "", 0
    for line in text.splitlines(keepends=True):
        if not fence:
            if opening := _OPENING.match(line.rstrip("\r\n")):
                fence, indent, lines = opening["fence"], len(opening["indent"]), []
        elif _closes(line, fence):
            blocks.append("".join(lines))
            fence = ""
        else:
            lines.append(_without_indent(line, indent))
    if fence:
        blocks.append("".join(lines))
    return blocks


def _closes(line: str, fence: str) -> bool:
    closing = _CLOSING.match(line.rstrip("\r\n"))
    return closing is not None and closing["fence"].startswith(fence)


def _without_indent(line: str, most: int) -> str:
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(spaces, most) :]
