"""Conversations that are there again after the program was gone."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from time import time

import pytest

from conversations import answer, asked, converse
from dgchat.engine.events import FinishReason
from dgchat.errors import TraceError, UsageError
from dgchat.session.attachments import Attachment
from dgchat.session.conversation import Conversation
from dgchat.session.store.store import ERASE_AFTER_DAYS, Store, store_path


def test_a_turn_comes_back_with_all_that_belongs_to_it(store: Store, reopened: Store) -> None:
    conversation = converse(store, ("Who?", "The moon."))
    (turn,) = conversation.turns
    again, unanswered = reopened.load(conversation.id)
    (read,) = again.turns
    assert (again.title, again.created, unanswered) == ("Who?", conversation.created, "")
    assert (read.prompt, read.text, read.thought, read.model) == ("Who?", "The moon.", "hm", "scripted 1M")
    assert (read.settings, read.asked, read.id) == (turn.settings, turn.asked, turn.id)
    assert read.finished == turn.finished
    assert list(read.trace) == list(turn.trace)
    assert len(read.trace) == 3


def test_attachments_come_back(store: Store) -> None:
    conversation = Conversation(title="x")
    attached = (Attachment("notes.txt", 5, "hello"),)
    turn = answer(asked("Read @notes.txt", attachments=attached))
    store.add_turn(conversation, turn)
    store.finish_turn(turn).wait()
    assert store.load(conversation.id)[0].turns[0].attachments == attached


def test_ids_are_short_and_name_a_turn(store: Store) -> None:
    conversation = converse(store, ("One?", "1"), ("Two?", "2"))
    assert len(conversation.id) == 5
    assert [turn.id for turn in conversation.turns] == [f"{conversation.id}.1", f"{conversation.id}.2"]


def test_the_trace_of_a_turn_is_found_by_its_id_and_of_the_last_by_the_conversations(store: Store) -> None:
    conversation = converse(store, ("One?", "1 is one"), ("Two?", "2 is two"))
    first, second = conversation.turns
    assert list(store.trace_of(first.id)) == list(first.trace)
    assert list(store.trace_of(conversation.id)) == list(second.trace)
    with pytest.raises(UsageError, match="No denoising is stored"):
        store.trace_of(f"{conversation.id}.9")
    with pytest.raises(UsageError, match="no id"):
        store.trace_of("../etc")


def test_a_damaged_trace_leaves_the_answer_readable(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    with sqlite3.connect(store_path()) as connection:
        connection.execute("UPDATE traces SET packed = x'00'")
    connection.close()
    read = store.load(conversation.id)[0].turns[0]
    assert read.text == "1"
    assert len(read.trace) == 0
    assert isinstance(read.trace.error, TraceError)


def test_a_branch_is_read_on_from_where_it_was_left(store: Store) -> None:
    conversation = converse(store, ("One?", "1"), ("Two?", "2"))
    first, second = conversation.turns
    other = answer(asked("Two, otherwise?", first), "II")
    store.add_turn(conversation, other)
    store.finish_turn(other).wait()
    again, _ = store.load(conversation.id)
    assert [turn.text for turn in again.branch] == ["1", "II"]
    conversation.add(other)
    conversation.show(second)
    store.keep_leaf(conversation).wait()
    again, _ = store.load(conversation.id)
    assert [turn.text for turn in again.branch] == ["1", "2"]
    assert [turn.text for turn in again.versions(again.branch[1])] == ["2", "II"]


def test_a_prompt_without_an_answer_is_given_back(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    store.add_turn(conversation, asked("Two?", conversation.leaf)).wait()
    again, unanswered = store.load(conversation.id)
    assert unanswered == "Two?"
    assert [turn.prompt for turn in again.branch] == ["One?"]


def test_a_draft_whose_writer_was_killed_is_a_stopped_answer(store: Store) -> None:
    conversation = Conversation(title="x")
    turn = asked("Tell me.", begun="So far")
    store.add_turn(conversation, turn)
    store.keep_draft(turn).wait()
    again, unanswered = store.load(conversation.id)
    assert unanswered == ""
    assert again.branch[0].text == "So far"
    assert again.branch[0].finished.reason is FinishReason.CANCELLED


def test_an_answer_that_went_on_is_whole(store: Store) -> None:
    conversation = Conversation(title="x")
    turn = answer(asked("Tell me.", begun="So far"), " and further.")
    store.add_turn(conversation, turn)
    store.finish_turn(turn).wait()
    read = store.load(conversation.id)[0].branch[0]
    assert (read.begun, read.text) == ("So far", "So far and further.")


def test_text_on_the_disk_is_as_it_was_written(store: Store) -> None:
    hostile = "a\x1b]52;c;x\x07\x00\u202e海🦊\n\t<b>"
    conversation = converse(store, (hostile, "fine"))
    assert store.load(conversation.id)[0].turns[0].prompt == hostile


def test_half_characters_cost_only_themselves(store: Store) -> None:
    conversation = converse(store, ("a\ud800b", "fine"))
    assert store.load(conversation.id)[0].turns[0].prompt == "a?b"


def test_the_latest_comes_first(store: Store) -> None:
    first = converse(store, ("One?", "1"))
    second = converse(store, ("Two?", "2"), ("Three?", "3"))
    told = [(summary.title, summary.turns, summary.model) for summary in store.summaries()]
    assert told == [("Two?", 2, "scripted 1M"), ("One?", 1, "scripted 1M")]
    assert store.latest().id == second.id
    store.rename(first.id, "Uno").wait()
    assert store.latest().title == "Uno"


@pytest.mark.parametrize(
    "text",
    [
        "tide",
        "TIDE",
        "ide",
        "th ti",
        "moon pull",
        "海",
        "海は",
        "münchen",
        "Münch",
        '"quoted"',
        "50%",
        "a_b",
        "it's",
    ],
)
def test_words_and_parts_of_words_are_found(store: Store, text: str) -> None:
    converse(store, ("Nothing of that", "at all"))
    wanted = converse(
        store, ("How does the tide work?", 'The moon pulls. 海は "quoted" München 50% a_b it\'s all.')
    )
    assert [summary.id for summary in store.summaries(text)] == [wanted.id]


@pytest.mark.parametrize(
    "text", ["tide moon", "5%0", "axb", "' OR 1=1", "tide*x", 'NEAR("', "(", '""', "x\x00y"]
)
def test_what_is_not_there_is_not_found_and_nothing_breaks(store: Store, text: str) -> None:
    converse(store, ("How does the tide work?", "a_b 50%"))
    assert store.summaries(text) == []


def test_what_was_found_is_shown_with_what_stands_around_it(store: Store) -> None:
    converse(store, ("How?", "word " * 40 + "the needle lies here " + "word " * 40))
    (summary,) = store.summaries("needle")
    assert "the needle lies here" in summary.found
    assert len(summary.found) < 100


def test_a_new_title_is_found_by_its_words(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    store.rename(conversation.id, "Counting").wait()
    assert [summary.title for summary in store.summaries("count")] == ["Counting"]


def test_a_conversation_is_found_by_id_or_by_words(store: Store) -> None:
    conversation = converse(store, ("One?", "eleven"))
    assert store.find(conversation.id.upper()).id == conversation.id
    assert store.find("elev").id == conversation.id
    with pytest.raises(UsageError, match="'twelve'"):
        store.find("twelve")


def test_nothing_to_go_on_with_is_said(store: Store) -> None:
    with pytest.raises(UsageError, match="no conversation to go on with"):
        store.latest()


def test_a_deleted_conversation_can_be_brought_back(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    store.delete(conversation.id).wait()
    assert store.summaries() == []
    assert [summary.id for summary in store.summaries(deleted=True)] == [conversation.id]
    store.restore(conversation.id).wait()
    assert [summary.id for summary in store.summaries()] == [conversation.id]


def test_asking_on_in_a_deleted_conversation_brings_it_back(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    store.delete(conversation.id).wait()
    store.add_turn(conversation, asked("Two?", conversation.leaf)).wait()
    assert len(store.summaries()) == 1


def test_what_is_erased_is_gone_from_the_file(store: Store) -> None:
    conversation = converse(store, ("xyzzyplugh", "frobnicate"))
    store.erase(conversation.id).wait()
    assert store.summaries(deleted=True) == store.summaries("xyzzyplugh") == []
    store.close()
    data = b"".join(file.read_bytes() for file in store_path().parent.iterdir())
    assert b"xyzzyplugh" not in data
    assert b"frobnicate" not in data


def test_what_was_deleted_long_ago_is_erased(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    store.delete(conversation.id).wait()
    with sqlite3.connect(store_path()) as connection:
        long_ago = time() - (ERASE_AFTER_DAYS + 1) * 86_400
        connection.execute("UPDATE conversations SET deleted = ?", [long_ago])
    connection.close()
    again = Store(store_path())
    again.close()
    assert store.summaries(deleted=True) == []


def test_settings_of_another_version_are_read_as_far_as_they_are_known(store: Store) -> None:
    conversation = converse(store, ("One?", "1"))
    with sqlite3.connect(store_path()) as connection:
        connection.execute("""UPDATE turns SET settings = '{"seed": 3, "colour": "red"}'""")
    connection.close()
    assert store.load(conversation.id)[0].turns[0].settings == replace(
        conversation.turns[0].settings, seed=3, steps=None
    )
