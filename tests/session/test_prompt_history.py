"""Walking through sent prompts, and searching them."""

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


def test_a_search_finds_the_prompts_that_hold_the_text_latest_first_and_each_once():
    history = PromptHistory()
    for prompt in ("Tell a story", "what is rain", "another story", "Tell a story", "bye"):
        history.add(prompt)
    assert history.matches("STORY") == ["Tell a story", "another story"]
    assert history.matches("snow") == []
