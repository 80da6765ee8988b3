"""Walking through sent prompts."""

from __future__ import annotations

from dgchat.session.prompt_history import PromptHistory


def test_older_and_newer_walk_through_what_was_sent_and_back_to_what_was_not():
    history = PromptHistory()
    history.add("one")
    history.add("two")
    assert history.older("half") == "two"
    assert history.older("two") == "one"
    assert history.older("one") is None
    assert history.newer() == "two"
    assert history.newer() == "half"
    assert history.newer() is None


def test_a_repeated_prompt_is_kept_once():
    history = PromptHistory()
    history.add("again")
    history.add("again")
    assert history.older("") == "again"
    assert history.older("again") is None
