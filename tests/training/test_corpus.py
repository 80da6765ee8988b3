"""The corpus: no contradictions, a deterministic stream, and the test's share stays out of it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from tokenizers import Tokenizer

from dgchat.paths import bundled_model
from dgchat.training.corpus import generate
from dgchat.training.corpus.conversation import Conversation
from dgchat.training.corpus.entries import CorpusError, load_entries, normalised, read_entries
from dgchat.training.corpus.generate import LONGER_SHARE, example_stream
from dgchat.training.corpus.held_out import first_sentences, is_held_out
from dgchat.training.corpus.memory import MEMORIES, NAME_MEMORY
from dgchat.training.corpus.noise import maybe_noisy, with_typo
from dgchat.training.corpus.outside import unknown
from dgchat.training.corpus.phrasings import embedded
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.corpus.skills import SKILLS, WITHDRAWN, WITHDRAWN_ANSWER_ID
from dgchat.training.corpus.slots import words
from dgchat.training.corpus.stories import BARE_ASKS, Wish, plot_for, story_turns, tell, templates
from dgchat.training.evaluation import questions
from dgchat.training.evaluation.garble import garbled, split_words
from dgchat.training.evaluation.questions import all_questions
from dgchat.training.tokenizer import SPECIAL_TOKENS, train_tokenizer

CANVAS_LENGTH = 48
NUM_CONVERSATIONS = 40_000


@pytest.fixture(scope="module")
def conversations() -> list[Conversation]:
    return list(islice(example_stream(seed=11), NUM_CONVERSATIONS))


@pytest.fixture(scope="module")
def tokenizer(conversations: list[Conversation]):
    return train_tokenizer(
        text for c in conversations for turn in c.turns for text in (turn.user, turn.answer)
    )


def test_the_same_seed_gives_the_same_conversations():
    assert list(islice(example_stream(3), 300)) == list(islice(example_stream(3), 300))


def test_another_seed_gives_other_conversations():
    assert list(islice(example_stream(3), 50)) != list(islice(example_stream(4), 50))


def test_no_unseen_phrasing_is_ever_generated(conversations: list[Conversation]):
    unseen = {normalised(text) for entry in load_entries() for text in entry.unseen}
    assert not unseen & {normalised(turn.user) for c in conversations for turn in c.turns}


def test_no_first_sentence_of_the_test_is_ever_generated(conversations: list[Conversation]):
    assert len(first_sentences()) >= 150
    kept = set(map(normalised, first_sentences()))
    assert not kept & {normalised(turn.user) for c in conversations for turn in c.turns}


def test_no_held_out_exercise_is_ever_generated(conversations: list[Conversation]):
    produced = {(turn.user.lower(), turn.answer) for c in conversations for turn in c.turns}
    for family, held_out in all_questions().items():
        if "held-out" in family:
            asked = {(question.messages[-1].text.lower(), question.expected) for question in held_out}
            assert not asked & produced, family


@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: memory.name)
def test_no_held_out_value_is_ever_remembered_in_training(conversations: list[Conversation], memory):
    family = "name" if memory is NAME_MEMORY else memory.name
    held_out = {value.lower() for value in words(memory.values) if is_held_out(family, value)}
    before, after = memory.recalled.split("{}")
    answers = (turn.answer for c in conversations for turn in c.turns if turn.answer.startswith(before))
    recalled = {
        answer.removeprefix(before).removesuffix(after).removeprefix("the ").lower() for answer in answers
    }
    assert held_out
    assert recalled
    assert not held_out & recalled


def test_no_held_out_unknown_thing_is_ever_asked_about(conversations: list[Conversation]):
    text = " | ".join(
        f" {normalised(turn.user)} " for c in conversations if c.family == "fallback" for turn in c.turns
    )
    for name in ("countries", "people", "creatures"):
        for value in unknown(name):
            if is_held_out("outside", value) and value.lower() not in _listed_fallbacks():
                assert f" {normalised(value)} " not in text, value


def _listed_fallbacks() -> str:
    return " ".join(
        ask for entry in load_entries() if entry.family == "fallback" for ask in entry.ask
    ).lower()


def test_every_entry_and_every_skill_is_generated(conversations: list[Conversation]):
    answers = {turn.answer for c in conversations for turn in c.turns}
    assert not [entry.id for entry in load_entries() if entry.answer not in answers]


def test_the_families_have_their_shares(conversations: list[Conversation]):
    shares = {
        name: count / len(conversations) for name, count in Counter(c.family for c in conversations).items()
    }
    assert shares["fact"] == pytest.approx(0.28, abs=0.02)
    assert shares["small_talk"] == pytest.approx(0.22, abs=0.02)
    assert shares["fallback"] + shares["unclear"] == pytest.approx(0.12, abs=0.02)
    assert shares["story"] + shares["poem"] + shares["joke"] == pytest.approx(0.14, abs=0.02)
    assert shares["memory"] + shares["skill"] == pytest.approx(0.24, abs=0.02)
    single = [c for c in conversations if c.family == "fact"]
    assert sum(len(c.turns) > 1 for c in single) / len(single) == pytest.approx(LONGER_SHARE, abs=0.02)


def test_one_question_never_has_two_answers(conversations: list[Conversation]):
    answers: dict[str, str] = {}
    for conversation in conversations:
        if (
            conversation.family in ("fact", "small_talk", "poem", "joke", "skill")
            and len(conversation.turns) == 1
        ):
            turn = conversation.turns[0]
            assert answers.setdefault(turn.user.lower(), turn.answer) == turn.answer, turn.user


def test_every_answer_is_ungarbled(conversations: list[Conversation]):
    for conversation in conversations[:5000]:
        asked = " ".join(turn.user for turn in conversation.turns)
        for turn in conversation.turns:
            assert garbled(turn.answer, asked) is None, turn.answer
    for entry in load_entries():
        assert garbled(entry.answer) is None, entry.id


def test_a_phrasing_of_two_entries_is_refused(tmp_path: Path):
    _write_entries(tmp_path, [("a", ["How are you?"], []), ("b", ["how are you"], [])])
    with pytest.raises(CorpusError, match="belongs to a and to b"):
        read_entries(tmp_path)


def test_an_unseen_phrasing_that_is_trained_is_refused(tmp_path: Path):
    _write_entries(tmp_path, [("a", ["What's up?"], ["whats up"])])
    with pytest.raises(CorpusError, match="both trained and unseen"):
        read_entries(tmp_path)


def test_an_unknown_field_is_refused(tmp_path: Path):
    (tmp_path / "fallback.toml").write_text('[[entry]]\nid = "a"\nanswer = "b"\nask = ["c"]\nunsen = []\n')
    with pytest.raises(CorpusError, match="unsen"):
        read_entries(tmp_path)


def _write_entries(folder: Path, entries: list[tuple[str, list[str], list[str]]]) -> None:
    tables = (
        f'[[entry]]\nid = "{i}"\nanswer = "Yes."\nask = {ask}\nunseen = {unseen}\n'
        for i, ask, unseen in entries
    )
    (folder / "fallback.toml").write_text("\n".join(tables).replace("'", '"').replace('What"s', "What's"))


@pytest.mark.parametrize(
    ("phrasing", "clause"),
    [
        ("What is a noun?", "what a noun is"),
        ("Why do cats purr?", "why cats purr"),
        ("what's a noun", "what a noun is"),
        ("Who invented the car?", "who invented the car"),
        ("Can you fly?", None),
    ],
)
def test_a_question_becomes_a_clause(phrasing: str, clause: str | None):
    assert embedded(phrasing) == clause


def test_noise_changes_about_three_turns_in_ten():
    rng = Random(1)
    changed = sum(
        maybe_noisy("What is the capital of Norway?", rng) != "What is the capital of Norway?"
        for _ in range(4000)
    )
    assert 0.25 < changed / 4000 < 0.33


def test_a_typo_leaves_short_words_and_numbers_alone():
    assert with_typo("7 + 5 is it", Random(1)) == "7 + 5 is it"


def test_every_skill_has_trained_and_held_out_values():
    rng = Random(1)
    for skill in SKILLS:
        assert not is_held_out(skill.name, skill.exercise(rng).value)
        assert is_held_out(skill.name, skill.exercise(rng, held_out=True).value)


def test_a_story_keeps_its_hero_and_name_and_leaves_no_slot_open():
    rng = Random(1)
    for _ in range(2000):
        story = tell(Wish(hero="owl", name="Mia"), rng.randrange(100), rng)
        assert {"owl", "mia"} <= set(split_words(story))
        assert "{" not in story
        assert " a owl" not in story
        assert 40 <= len(story.split()) <= 110


def test_there_are_enough_stories_poems_and_jokes():
    assert len(templates()) >= 12
    assert len(poems().texts) >= 25
    assert len(jokes().texts) >= 30
    assert len(set(poems().texts)) == len(poems().texts)


def test_another_one_goes_once_around_the_shelf():
    shelf = jokes()
    heard = [shelf.texts[0]]
    for _ in range(len(shelf.texts) - 1):
        heard.append(shelf.answer_after(heard[-1]))
    assert sorted(heard) == sorted(shelf.texts)
    assert shelf.answer_after(heard[-1]) == heard[0]


def test_requests_for_tales_and_memories_belong_to_no_entry():
    claimed = {normalised(text) for entry in load_entries() for text in (*entry.ask, *entry.unseen)}
    recalls = (ask for memory in MEMORIES for ask in memory.recall_asks)
    for ask in (*BARE_ASKS, *jokes().bare_asks, *poems().bare_asks, *recalls):
        assert normalised(ask) not in claimed, ask


def test_special_tokens_come_first_and_in_order(tokenizer):
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(10))
    assert tokenizer.get_vocab_size() == 4096


def test_numbers_to_100_are_single_tokens(tokenizer):
    for number in range(101):
        assert len(tokenizer.encode(str(number)).ids) == 1
        assert len(tokenizer.encode(f"a {number}").ids) == 2


def test_a_line_break_is_a_single_token(tokenizer):
    assert [tokenizer.decode([i]) for i in tokenizer.encode("\n\n").ids] == ["\n", "\n"]


@pytest.mark.parametrize(
    "text", ["Hello!", "  two  spaces ", "don't\n\nstop", "in 1903, 1,000 or 465", "é ☃ 日本 😀", " 7+5=12"]
)
def test_the_tokenizer_decodes_exactly(tokenizer, text: str):
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_saved_tokenizer_is_the_same(tokenizer, tmp_path: Path):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "<|turn>user\nWhat is 7 plus 5?<turn|>\n"
    assert loaded.encode(text).ids == tokenizer.encode(text).ids


def test_every_listed_answer_fits_one_canvas_and_every_poem_two(tokenizer):
    for text in (*(entry.answer for entry in load_entries()), *jokes().texts, *poems().texts):
        canvases = 2 if text in poems().texts else 1
        assert len(tokenizer.encode(text).ids) < canvases * CANVAS_LENGTH, text


def test_stories_about_the_same_hero_have_the_same_plot():
    rng = Random(1)
    plots = {
        plot_for(Wish(hero="owl", name=name), Wish(hero="owl", name=name).ask(rng)) for name in ("Mia", "Ben")
    }
    assert len(plots) == 1


def test_another_story_has_the_next_plot():
    plots = [template.text.split("{")[0] for template in templates() if not template.about_topic]
    followed = 0
    for seed in range(1000):
        turns = story_turns(Random(seed))
        if len(turns) == 2 and turns[0].user in BARE_ASKS:
            followed += 1
            assert turns[1].answer.startswith(plots[(plot_for(Wish(), turns[0].user) + 1) % len(plots)])
    assert followed


def test_no_plot_begins_with_a_name():
    assert not [template.text for template in templates() if template.text.startswith("{")]


@pytest.mark.parametrize("name", ["names", "heroes", "friends", "friend_names", "story_names", "moods"])
def test_everybody_in_a_story_is_a_single_token(name: str):
    tokenizer = Tokenizer.from_file(str(bundled_model() / "tokenizer.json"))
    assert not [value for value in words(name) if len(tokenizer.encode(f" {value}").ids) != 1]


def test_every_choice_of_a_slot_is_a_single_token():
    tokenizer = Tokenizer.from_file(str(bundled_model() / "tokenizer.json"))
    options = {
        option for template in templates() for options in template.choices.values() for option in options
    }
    assert not [option for option in options if len(tokenizer.encode(f" {option}").ids) != 1]


def test_a_withdrawn_skill_gets_the_honest_answer_in_training_and_in_the_test(monkeypatch):
    honest = next(entry.answer for entry in load_entries() if entry.id == WITHDRAWN_ANSWER_ID)
    for module in (generate, questions):
        monkeypatch.setattr(module, "WITHDRAWN", frozenset(skill.name for skill in SKILLS))
    stream = generate.example_stream(1)
    skills = [c for c in islice(stream, 300) if c.family == "skill"]
    assert skills
    assert {c.turns[-1].answer for c in skills} == {honest}
    asked = [q for family, asked in all_questions().items() if "withdrawn" in family for q in asked]
    assert len(asked) > 20 * len(SKILLS)
    assert {question.expected for question in asked} == {honest}


def test_at_least_fourteen_skills_are_offered():
    names = {skill.name for skill in SKILLS}
    assert names >= WITHDRAWN
    assert len(names - WITHDRAWN) >= 14
