"""The evaluation: it accepts right answers only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

import pytest

from dgchat.engine.events import ChatMessage, GenerationStats
from dgchat.training.corpus.entries import load_entries
from dgchat.training.corpus.stories import Wish, plot_for, tell
from dgchat.training.evaluate import evaluate, keeps_wish
from dgchat.training.evaluation.first_sentences import Kind, judged
from dgchat.training.evaluation.garble import garbled
from dgchat.training.evaluation.questions import StoryRequest, all_questions, story_requests

STATS = GenerationStats(denoising_steps=6, canvases=2)


@dataclass(frozen=True)
class Answer:
    text: str
    stats: GenerationStats = STATS


class Oracle:
    """Knows every expected answer, and spoils those of one family."""

    def __init__(self, spoiled: str = "") -> None:
        self.right = {q.messages: q.expected for questions in all_questions().values() for q in questions}
        self.spoiled = {q.messages for q in all_questions().get(spoiled, [])}
        self.wishes = {request.ask: request.wish for request in story_requests()}

    def __call__(self, messages: list[ChatMessage], seed: int) -> Answer:
        key = tuple(messages)
        if key in self.spoiled:
            return Answer(self.right[key] + " Yes.")
        if key in self.right:
            return Answer(self.right[key])
        wish = self.wishes.get(messages[-1].text, Wish())
        return Answer(tell(wish, plot_for(wish, messages[-1].text), Random(seed)))


def test_right_answers_score_everything():
    report = evaluate(Oracle(), limit=8)
    assert all(score.right == score.total for score in report.scores)
    assert report.stories.garbled == 0
    assert report.stories.wish_kept == report.stories.with_wish
    assert report.steps_per_canvas == 3.0
    assert report.mistakes == ()


def test_wrong_answers_of_one_family_cost_that_family_alone():
    report = evaluate(Oracle(spoiled="addition, held-out values"), limit=5)
    scores = {score.family: score.percent for score in report.scores}
    assert scores.pop("addition, held-out values") == 0
    assert set(scores.values()) == {100}
    assert {mistake.family for mistake in report.mistakes} == {"addition, held-out values"}


def test_the_report_is_a_table_with_five_stories_and_plain_data():
    report = evaluate(Oracle(), limit=5)
    markdown = report.as_markdown()
    assert "| facts and definitions, unseen phrasings | 5 | 5 | 100 | 3.0 |" in markdown
    assert markdown.count("> **") == 5
    assert set(json.loads(json.dumps(report.as_dict()))) >= {"scores", "stories", "first_sentences"}
    assert len(report.first_sentence_pairs().splitlines()) == 5


def test_every_family_has_enough_questions():
    sizes = {family: len(questions) for family, questions in all_questions().items()}
    assert sizes["name told earlier, held-out values"] >= 60
    assert min(sizes.values()) >= 8
    assert len(story_requests()) == 100


@pytest.mark.parametrize(
    "text",
    [
        "The fox the fox went home.",
        "I am am here.",
        "The glorpy cat is here.",
        "A cat sat on",
        "Mia the fox found a map. Mia the fox found a map.",
        "and then the dog and then the dog ran.",
        "",
        "...",
    ],
)
def test_garbled_text_is_found(text: str):
    assert garbled(text)


@pytest.mark.parametrize(
    ("text", "asked"), [("Nice to meet you, Zorvin!", "I am Zorvin"), ("La la la, here I am.", "")]
)
def test_the_users_words_and_the_corpus_own_repetitions_are_not_garbled(text: str, asked: str):
    assert garbled(text, asked) is None


def test_a_story_without_the_wished_hero_does_not_keep_the_wish():
    request = StoryRequest("Tell me a story about a fox named Mia.", Wish(hero="fox", name="Mia"))
    assert keeps_wish(request, "Mia the fox slept.")
    assert not keeps_wish(request, "Mia the owl slept.")
    assert not keeps_wish(request, "Max the fox slept.")


@pytest.mark.parametrize(
    ("sentence", "right"),
    [
        ("what is 7 + 5", "7 plus 5 is 12."),
        ("what is 9 - 4", "9 minus 4 is 5."),
        ("take 4 away from 9", "9 minus 4 is 5."),
        ("count from 3 to 6", "3, 4, 5, 6."),
        ("count to 3", "1, 2, 3."),
        ("which is bigger, 12 or 47?", "47 is bigger than 12."),
        ("which is smaller, 12 or 47?", "12 is smaller than 47."),
        ("sort 9 3 5", "In order: 3, 5, 9."),
        ("sort these words: fox, ant, bear", "In order: ant, bear, fox."),
        ("spell tiger", "You spell tiger like this: T-I-G-E-R."),
        ("what is the first letter of tiger", "The first letter of tiger is T."),
        ("what is the last letter of tiger", "The last letter of tiger is R."),
        ("what is the opposite of hot", "The opposite of hot is cold."),
        ("plural of mouse", "The plural of mouse is mice."),
        ("what comes after Monday", "Tuesday comes after Monday."),
        ("which month is before January", "December comes before January."),
        ("what number comes after 41", "The number after 41 is 42."),
        ("hi, I am Zorvin", "Nice to meet you, Zorvin!"),
        ("what is 7 times 8", "7 times 8 is 56."),
        ("is 17 even or odd", "17 is an odd number."),
        ("half of 50", "Half of 50 is 25."),
        ("double 12", "Twice 12 is 24."),
        ("spell banana backwards", "Backwards, banana is A-N-A-N-A-B."),
        ("how many letters has apple", "The word apple has 5 letters."),
        ("write apple in capitals", "In capital letters it is APPLE."),
        ("past tense of go", "The past tense of go is went."),
        ("comparative of good", "We say good, better, best."),
        ("name three fruits", "Three fruits: apples, pears, plums."),
        ("how many days are in april", "April has 30 days."),
        ("which month is number 5", "Month number 5 is May."),
        ("what is the day after May 3", "The day after May 3 is May 4."),
        ("how many hours are 2 days", "2 days are 48 hours."),
        (
            "tell me a joke about lawyers",
            "I know no joke about lawyers. But do you know why the pencil was sad? It had no point.",
        ),
    ],
)
def test_checkers_accept_the_right_answer_to_its_own_question_only(sentence: str, right: str):
    assert judged(sentence, right).kind is Kind.CHECKED
    assert judged("why is the sky blue", right).kind is not Kind.CHECKED


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("what is 7 + 5", "7 plus 5 is 13."),
        ("what is 7 + 5", "7 plus 6 is 13."),
        ("what is 7 - 5", "7 plus 5 is 12."),
        ("what is 7 + 5", "7 minus 5 is 2."),
        ("count from 3 to 6", "3, 4, 6."),
        ("count to 3", "1, 2, 3, 4."),
        ("which is bigger, 12 or 47?", "12 is bigger than 47."),
        ("which is bigger, 12 or 47?", "12 is smaller than 47."),
        ("sort 9 3 5", "In order: 3, 9, 5."),
        ("sort 9 3 5", "In order: 3, 5."),
        ("sort these words: fox, ant, bear", "In order: ant, fox, bear."),
        ("sort these words: fox, ant, bear", "In order: ant, bear, cat."),
        ("spell tiger", "You spell tiger like this: T-I-G-R."),
        ("spell tiger", "You spell lion like this: L-I-O-N."),
        ("what is the first letter of tiger", "The last letter of tiger is R."),
        ("what is the last letter of tiger", "The last letter of tiger is T."),
        ("what is the opposite of hot", "The opposite of hot is warm."),
        ("plural of mouse", "The plural of mouse is mouses."),
        ("what comes after Monday", "Sunday comes after Monday."),
        ("what comes after Monday", "Sunday comes before Monday."),
        ("what number comes after 41", "The number after 41 is 40."),
        ("hi, I am Zorvin", "Nice to meet you, Anna!"),
        ("what is 7 times 8", "7 times 8 is 54."),
        ("what is 7 plus 8", "7 times 8 is 56."),
        ("is 17 even or odd", "17 is an even number."),
        ("half of 50", "Half of 50 is 24."),
        ("double 12", "Half of 12 is 6."),
        ("spell banana backwards", "Backwards, banana is A-N-A-N-B."),
        ("how many letters has apple", "The word apple has 6 letters."),
        ("write apple in capitals", "In capital letters it is APLE."),
        ("past tense of go", "The past tense of go is goed."),
        ("comparative of good", "We say good, gooder, goodest."),
        ("name three fruits", "Three fruits: apples, pears, beans."),
        ("how many days are in april", "April has 31 days."),
        ("which month is number 5", "Month number 5 is June."),
        ("what is the day after May 3", "The day after May 3 is May 2."),
        ("how many hours are 2 days", "2 days are 24 hours."),
        (
            "tell me a joke about lawyers",
            "I know no joke about cats. But do you know why the pencil was sad? It had no point.",
        ),
        ("tell me a story", "Once upon a time there was a."),
    ],
)
def test_checkers_reject_planted_wrong_answers(sentence: str, wrong: str):
    assert judged(sentence, wrong).kind is not Kind.CHECKED


def test_listed_answers_and_fallbacks_are_told_apart():
    assert (
        judged("capital of norway", "The capital of Norway is Oslo. It lies by the sea in the south.").what
        == "capital-norway"
    )
    fallbacks = {entry.id: entry.answer for entry in load_entries()}
    assert judged("asdf", fallbacks["fallback-gibberish"]).kind is Kind.FALLBACK
    assert judged("asdf", "purple glorp").kind is Kind.GARBLED
    assert judged("asdf", "The capital of Norway is a tiny fox.").kind is Kind.OTHER
