"""Names of conversations, without asking a model."""

from __future__ import annotations

import pytest

from dgchat.session.titles import MAX_LENGTH, title_of


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("What is the capital of Norway?", "What is the capital of Norway?"),
        ("hello there, can you please explain tides. I am five.", "Explain tides"),
        ("Hi!", "Hi!"),
        ("\n\n  # A plan\nwith details", "A plan"),
        ("def primes(n):\n    return []", "def primes(n)"),
        ("no. 5 is alive", "No. 5 is alive"),
        ("潮汐はどうして起こりますか。", "潮汐はどうして起こりますか。"),
        ("please", "Please"),
        ("...", "..."),
    ],
)
def test_a_title_says_what_is_wanted(prompt: str, title: str) -> None:
    assert title_of(prompt) == title


@pytest.mark.parametrize("prompt", ["word " * 100, "x" * 500, "海" * 200])
def test_a_long_prompt_is_cut(prompt: str) -> None:
    title = title_of(prompt)
    assert len(title) <= MAX_LENGTH
    assert title.endswith("…")
    assert not title.endswith(" …")


@pytest.mark.parametrize("prompt", [" ", "\n", "#", "- ", "\x1b[2J"])
def test_any_prompt_has_a_title(prompt: str) -> None:
    assert isinstance(title_of(prompt), str)
