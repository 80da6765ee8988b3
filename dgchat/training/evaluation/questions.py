"""The test's dialogs with their only right answers: unseen phrasings, and values kept out of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from dgchat.engine.events import ChatMessage
from dgchat.training.corpus.conversation import Turn
from dgchat.training.corpus.entries import Entry, load_entries
from dgchat.training.corpus.memory import (
    MEMORIES,
    NAME_MEMORY,
    Memory,
    draw_value,
    made_up_name,
    recall_turns,
    two_things_turns,
)
from dgchat.training.corpus.outside import outside_turn
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.corpus.skills import SKILLS, WITHDRAWN, WITHDRAWN_ANSWER_ID, Skill
from dgchat.training.corpus.stories import Wish, draw_wish
from dgchat.training.corpus.unclear import unclear_turn

NAME_DIALOGS = 80
FAVORITE_DIALOGS = 20
MADE_UP_NAME_DIALOGS = 40
TWO_THINGS_DIALOGS = 40
EXERCISES = 40
OUTSIDE_QUESTIONS = 80
UNCLEAR_SENTENCES = 80
STORIES = 100


@dataclass(frozen=True, slots=True)
class Question:
    """A dialog that ends with the user's turn, and the answer it must get to the letter."""

    family: str
    messages: tuple[ChatMessage, ...]
    expected: str


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """A request for a story and what must be in it."""

    ask: str
    wish: Wish


def all_questions() -> dict[str, list[Question]]:
    """Every question by family, always the same ones."""
    families: dict[str, list[Question]] = {}
    for question in (*_entry_questions(), *_memory_questions(), *_skill_questions(), *_other_questions()):
        families.setdefault(question.family, []).append(question)
    return families


def story_requests() -> list[StoryRequest]:
    """Requests for stories: a hero and a name that never met in training, one of them, or anything."""
    rng = Random(2)
    wishes = [draw_wish(rng, held_out=True) for _ in range(STORIES // 2)]
    wishes += [draw_wish(rng) for _ in range(STORIES - len(wishes))]
    return [StoryRequest(wish.ask(rng), wish) for wish in wishes]


def _single(family: str, ask: str, expected: str) -> Question:
    return Question(family, (ChatMessage("user", ask),), expected)


def _dialog(family: str, turns: tuple[Turn, ...]) -> Question:
    messages = [
        message
        for turn in turns
        for message in (ChatMessage("user", turn.user), ChatMessage("assistant", turn.answer))
    ]
    return Question(family, tuple(messages[:-1]), turns[-1].answer)


def _entry_questions() -> Iterator[Question]:
    rng = Random(3)
    names = {"fact": "facts and definitions", "small_talk": "small talk", "fallback": "fallback"}
    for entry in load_entries():
        yield _single(f"{names[entry.family]}, seen phrasings", rng.choice(entry.ask), entry.answer)
        for ask in entry.unseen:
            yield _single(f"{names[entry.family]}, unseen phrasings", ask, entry.answer)


def _memory_questions() -> Iterator[Question]:
    rng = Random(4)
    small_talk = [entry for entry in load_entries() if entry.family == "small_talk"]
    for memory in MEMORIES:
        for _ in range(NAME_DIALOGS if memory is NAME_MEMORY else FAVORITE_DIALOGS):
            family = "name" if memory is NAME_MEMORY else "favorites"
            yield _memory_question(family, memory, draw_value(memory, rng, held_out=True), small_talk, rng)
    for _ in range(MADE_UP_NAME_DIALOGS):
        name = made_up_name(rng, held_out=True)
        yield _memory_question("made-up name", NAME_MEMORY, name, small_talk, rng)
    for _ in range(TWO_THINGS_DIALOGS):
        first, second = rng.sample(MEMORIES, 2)
        values = (draw_value(first, rng, held_out=True), draw_value(second, rng, held_out=True))
        turns = two_things_turns((first, second), values, rng, _as_it_is)
        yield _dialog("two things told, the other one asked, held-out values", turns)


def _memory_question(
    family: str, memory: Memory, value: str, small_talk: list[Entry], rng: Random
) -> Question:
    between = tuple(Turn(rng.choice(e.ask), e.answer) for e in rng.sample(small_talk, rng.choice((1, 2))))
    turns = recall_turns(memory, value, between, rng, _as_it_is)
    return _dialog(f"{family} told earlier, held-out values", turns)


def _as_it_is(text: str, rng: Random) -> str:
    return text


def _skill_questions() -> Iterator[Question]:
    for skill in SKILLS:
        drawn: dict[str, Question] = {}
        rng = Random(5)
        for _ in range(50 * EXERCISES):
            if len(drawn) == EXERCISES:
                break
            _add_exercise(drawn, skill, rng)
        yield from drawn.values()


def _add_exercise(drawn: dict[str, Question], skill: Skill, rng: Random) -> None:
    exercise = skill.exercise(rng, held_out=True)
    family, answer = f"{skill.name}, held-out values", exercise.answer
    if skill.name in WITHDRAWN:
        family = f"{skill.name}, withdrawn: the honest answer"
        answer = next(entry.answer for entry in load_entries() if entry.id == WITHDRAWN_ANSWER_ID)
    drawn.setdefault(exercise.ask, _single(family, exercise.ask, answer))


def _other_questions() -> Iterator[Question]:
    rng = Random(6)
    for _ in range(OUTSIDE_QUESTIONS):
        turn = outside_turn(rng, held_out=True)
        yield _single("fallback, things never named in training", turn.user, turn.answer)
    for _ in range(UNCLEAR_SENTENCES):
        turn = unclear_turn(rng)
        yield _single("unclear sentences, as good as never seen", turn.user, turn.answer)
    for shelf in (jokes(), poems()):
        for topic, _ in shelf.topics[::2]:
            yield _single(
                f"{shelf.name}s by topic",
                rng.choice(shelf.about_asks).format(topic),
                shelf.about_answer(topic),
            )
        for text in shelf.texts[::3]:
            yield _follow_up(shelf.name, shelf.answer_after, text, shelf.bare_asks, rng)


def _follow_up(
    name: str, after: Callable[[str], str], text: str, asks: tuple[str, ...], rng: Random
) -> Question:
    return _dialog(f"{name}s, another one", (Turn(rng.choice(asks), text), Turn("another one", after(text))))
