"""Texts that steer a terminal, hide in it, or mean something to a renderer. Each ends with its tag."""

from __future__ import annotations

_HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07",
    "\x1b]52;c;aGFja2Vk\x1b\\",
    "\x1b]0;stolen title\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]1337;File=inline=1:AAAA\x07",
    "\x1b]9;notify\x07",
    "\x1b[2J\x1b[H",
    "\x1b[31mred",
    "\x1b[?1049l",
    "\x1b[?1003l\x1b[?25h",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[8mhidden",
    "\x1b[3J\x1b[999B",
    "\x1bPq#0;2;0;0;0\x1b\\",
    "\x1b_Gi=1;AAAA\x1b\\",
    "\x1b^privacy\x1b\\",
    "\x1bc",
    "\x1b(0",
    "\x1b",
    "\x9b31m",
    "\x9d52;c;aGk=\x9c",
    "\x90q\x9c",
    "\x85\x84",
    "\x07\x05\x0e\x0f",
    "gone\x08\x08\x08\x08",
    "over\rwritten",
    "\x0b\x0c",
    "\x00\x7f",
    "\u202etxt.exe\u202c",
    "\u2066a\u2069\u200f",
    "zero\u200b\u200d\u2060\ufeffwidth",
    "\U000e0041\U000e0042",
    "\u2028\u2029",
    "\ue000\ufdd0",
    "[@click=app.quit]quit[/]",
    "[link=http://evil.example]x[/link]",
    "[$x @click=app.bell]y[/",
    "[bold red]",
    "&#27;[31m &#8238; &#x9b;2J",
    "<script>alert(1)</script>",
    "[bank](http://evil.example)",
    "![x](javascript:alert)",
    "\\[/]\\",
)


def tag(number: int) -> str:
    """The word that follows a payload, by which it is seen that the payload was shown."""
    return f"z{number:02d}q"


PAYLOADS = tuple(text + tag(number) for number, text in enumerate(_HOSTILE))
TAGS = tuple(tag(number) for number in range(len(PAYLOADS)))

ON_ONE_LINE = " ".join(text.replace("\n", "") for text in PAYLOADS)
"""All of them."""

PASTED = " ".join(text for text in PAYLOADS if "\r" not in text)
"""Those that a paste brings as they are."""


def on_lines(per_line: int = 4) -> str:
    """All of them, a few on each line, as paragraphs of their own."""
    rows = [PAYLOADS[start : start + per_line] for start in range(0, len(PAYLOADS), per_line)]
    return "\n\n".join(" ".join(row) for row in rows)


def num_shown(words: str) -> int:
    """How many of the payloads were shown among these letters."""
    return sum(each in words for each in TAGS)
