"""Fenced code out of Markdown, as CommonMark reads it."""

from __future__ import annotations

import pytest

from dgchat.one_shot.code_blocks import code_blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no code, only `one` span", []),
        ("a\n```python\nprint(1)\n```\nb", ["print(1)\n"]),
        ("```\none\n```\n~~~ sh\ntwo\n~~~", ["one\n", "two\n"]),
        ("````\n```\ninner\n```\n````", ["```\ninner\n```\n"]),
        ("~~~\n```\n~~~", ["```\n"]),
        ("```\nnot closed\n", ["not closed\n"]),
        ("```\n```", [""]),
        ("  ```\n    two less\n  ```", ["  two less\n"]),
        ("``` a`b\nno fence", []),
        ("    ```\nindented code, no fence", []),
        ("```\n``` not a closing\n```", ["``` not a closing\n"]),
        ("```\r\nwindows\r\n```\r\n", ["windows\r\n"]),
    ],
)
def test_blocks_are_found(text: str, blocks: list[str]) -> None:
    assert code_blocks(text) == blocks
