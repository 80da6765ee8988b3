"""The schema that is printed is the one that the lines follow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dgchat.cli import run
from dgchat.engine.events import Prefilled, Prefilling
from dgchat.errors import UsageError
from dgchat.stream.lines import Encoder
from dgchat.stream.schema import SCHEMA
from json_schema import faults
from recorded import recorded_answer, stream_of
from recordings import scripted_recording

OPTIONAL = {"prefilled": ("prompt",), "step": ("joined", "thought", "alternatives")}
KINDS = ("prefilling", "prefilled", "canvas_started", "step", "canvas_committed", "finished", "error")


@pytest.fixture
def lines() -> dict[str, dict[str, Any]]:
    """One line of every kind."""
    events, last = recorded_answer(thought="Hm.")
    others = (Prefilling(512, 1300), UsageError("It broke."))
    told = [*stream_of(events, last), *map(Encoder().encode, others)]
    return {line["event"]: line for line in map(json.loads, told)}


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_it_knows_every_kind_of_line(lines: dict[str, dict[str, Any]]) -> None:
    assert tuple(sorted(lines)) == tuple(sorted(KINDS))


def test_every_line_of_an_answer_follows_it() -> None:
    events, last = recorded_answer(answer=" ".join(f"word{number}" for number in range(70)))
    for line in stream_of(events, last):
        assert faults(json.loads(line), SCHEMA) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_each_kind_follows_it_and_says_nothing_else(lines: dict[str, Any], kind: str) -> None:
    (schema,) = [one for one in SCHEMA["oneOf"] if one["properties"]["event"]["const"] == kind]  # type: ignore[index, attr-defined]
    assert faults(lines[kind], schema) == []
    assert (
        set(lines[kind]) == set(schema["required"]) == set(schema["properties"]) - set(OPTIONAL.get(kind, ()))
    )


def test_a_line_with_every_optional_field_follows_it(lines: dict[str, dict[str, Any]]) -> None:
    (step,) = scripted_recording("one", steps=1, alternatives=True).steps
    step = replace(step, thought=bytes([1] * 32), joined=((0, 2, "é"),))
    for line in (Encoder().fields(step), Encoder("why?").fields(Prefilled(1, 0, 0, 0.1))):
        assert faults(line, SCHEMA) == []
        assert set(OPTIONAL[str(line["event"])]) <= set(line)


@pytest.mark.parametrize("kind", KINDS)
def test_it_refuses_a_line_without_any_one_of_its_fields(lines: dict[str, Any], kind: str) -> None:
    for name in lines[kind]:
        assert faults({other: lines[kind][other] for other in lines[kind] if other != name}, SCHEMA)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("prefilling", "done_tokens", -1),
        ("prefilled", "v", 2),
        ("prefilled", "event", "prefiled"),
        ("prefilled", "seconds", -1),
        ("step", "ids", "a b"),
        ("step", "thought", "a b"),
        ("step", "joined", 3),
        ("step", "alternatives", {"ids": ""}),
        ("prefilled", "prompt", 3),
        ("step", "step", 0),
        ("step", "end", "3"),
        ("step", "pieces", {"x": "y"}),
        ("step", "pieces", {"1": 2}),
        ("canvas_committed", "stop_reason", "tired"),
        ("finished", "seed", -1),
        ("finished", "stats", {}),
        ("error", "hint", 3),
    ],
)
def test_it_refuses_what_a_reader_refuses(lines: dict[str, Any], kind: str, name: str, value: object) -> None:
    assert faults({**lines[kind], name: value}, SCHEMA)


def test_every_field_is_explained() -> None:
    for kind in SCHEMA["oneOf"]:  # type: ignore[attr-defined]
        for name, field in kind["properties"].items():
            assert name in ("v", "event") or field.get("description") or name == "stats", name
