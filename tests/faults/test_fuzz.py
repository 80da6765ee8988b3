"""Whatever bytes come in, what comes out is a value or an error of the right type."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.segment import Segment
from textual.color import Color

from conversations import converse
from dgchat import settings
from dgchat.checkpoint.files import weight_files
from dgchat.checkpoint.headers import read_headers
from dgchat.errors import CheckpointError, DgchatError, SettingsError, StoreError, StreamError
from dgchat.safe_text import visible
from dgchat.session.history_file import HistoryFile
from dgchat.session.store.store import Store
from dgchat.settings_file import save_setting
from dgchat.stream.lines import Decoder
from dgchat.ui.line_filter import SafeLines
from faults.fuzzing import fuzzed, fuzzed_for
from faults.payloads import PAYLOADS

any_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
hostile = some.lists(
    some.sampled_from(PAYLOADS) | some.text(some.characters(categories=None), max_size=12), max_size=6
).map("".join)


@fuzzed
@given(hostile, some.integers(0, 80), some.booleans())
def test_what_is_visible_is_showable_idempotent_and_whole_however_it_is_split(text, cut, newlines):
    shown = visible(text, newlines=newlines)
    categories = {unicodedata.category(letter) for letter in shown if letter != "\n"}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert visible(shown, newlines=newlines) == shown
    assert visible(text[:cut], newlines=newlines) + visible(text[cut:], newlines=newlines) == shown


@fuzzed
@given(hostile)
def test_the_line_filter_keeps_the_width(text):
    (before,) = [Segment(text.replace("\ud800", ""))]
    (after,) = SafeLines().apply([before], Color(0, 0, 0))
    assert after.cell_length == before.cell_length
    assert visible(after.text, newlines=False) == after.text


COLUMNS = (
    "parent",
    "prompt",
    "begun",
    "attachments",
    "model",
    "settings",
    "answer",
    "thought",
    "reason",
    "stats",
)
cell = (
    some.none()
    | some.integers(-(2**63), 2**63 - 1)
    | some.floats()
    | some.binary(max_size=12)
    | hostile.map(lambda text: text.encode("utf-8", "replace").decode())
    | any_json.map(json.dumps)
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("fuzz") / "conversations.db"
    store = Store(path)
    converse(store, ("One?", "1"), ("Two?", "2"), ("Three?", "3"))
    store.close()
    return path


@fuzzed_for(4)
@given(some.sampled_from(COLUMNS), cell, some.integers(1, 3))
def test_a_row_that_somebody_changed_is_read_or_one_error_and_costs_no_other(stored, column, value, number):
    connection = sqlite3.connect(stored)
    before = connection.execute(f"SELECT {column} FROM turns WHERE number = ?", [number]).fetchone()
    with suppress(sqlite3.IntegrityError):
        connection.execute(f"UPDATE turns SET {column} = ? WHERE number = ?", [value, number])
    connection.commit()
    store = Store(stored)
    try:
        summary = store.latest()
        conversation, _ = store.load(summary.id)
        prompts = [turn.prompt for turn in conversation.turns]
        assert len(set(prompts) & {"One?", "Two?", "Three?"}) >= 2
        for turn in conversation.turns:
            str(turn.text), str(turn.thought), str(turn.stopped_at), turn.messages()
    except StoreError:
        pass
    finally:
        store.close()
        connection.execute(f"UPDATE turns SET {column} = ? WHERE number = ?", [before[0], number])
        connection.commit()
        connection.close()


@fuzzed
@given(
    some.dictionaries(
        some.sampled_from([*settings.setting_names(), "keys", "nonsense"]), any_json, max_size=3
    )
    | some.text(max_size=40)
    | some.binary(max_size=40)
)
def test_a_file_of_settings_is_read_or_refused_in_one_line(tmp_path, monkeypatch, content):
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, dict):
        content = "\n".join(f"{name} = {json.dumps(value)}" for name, value in content.items())
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
    before = path.read_bytes()
    for read in (lambda: settings.load_settings({}), settings.load_keys):
        try:
            read()
        except SettingsError as error:
            assert len(visible(str(error), newlines=False).splitlines()) == 1  # noqa: PT017 - it may be read
    try:
        save_setting(path, "steps", 7)
    except SettingsError:
        assert path.read_bytes() == before


@fuzzed
@given(
    some.sampled_from(settings.setting_names()),
    some.text(some.characters(exclude_characters="\0", codec="utf-8")),
)
def test_a_variable_is_a_setting_or_refused(name, value):
    try:
        settings.read_setting(name, value)
    except SettingsError as error:
        assert str(error)  # noqa: PT017 - it may be read


@fuzzed
@given(any_json | some.fixed_dictionaries({"weight_map": any_json}) | some.binary(max_size=30))
def test_an_index_is_read_or_refused(tmp_path, index):
    data = index if isinstance(index, bytes) else json.dumps(index).encode()
    (tmp_path / "model.safetensors.index.json").write_bytes(data)
    try:
        files, weight_map = weight_files(tmp_path)
        read_headers(tmp_path)
    except CheckpointError as error:
        assert "\n" not in visible(str(error), newlines=False)  # noqa: PT017 - it may be read
    else:
        assert files == []
        assert weight_map == {}


entry = some.fixed_dictionaries(
    {},
    optional={
        "dtype": some.sampled_from(["U8", "BF16", "F4", "Q7"]) | any_json,
        "shape": some.lists(some.integers(-2, 2**70), max_size=3) | any_json,
        "data_offsets": some.lists(some.integers(-2, 40), max_size=3) | any_json,
    },
)


@fuzzed
@given(
    some.dictionaries(some.text(max_size=6), entry | any_json, max_size=3) | some.binary(max_size=60),
    some.binary(max_size=40),
)
def test_a_safetensors_header_is_read_or_refused(tmp_path, header, values):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    data = len(raw).to_bytes(8, "little") + raw + values
    (tmp_path / "model.safetensors").write_bytes(data)
    with suppress(CheckpointError):
        for told in read_headers(tmp_path).values():
            assert 0 <= told.offset <= told.offset + told.num_bytes <= len(data)


@fuzzed
@given(
    some.lists(
        any_json.map(json.dumps)
        | some.text(max_size=30)
        | some.fixed_dictionaries(
            {
                "type": some.sampled_from(
                    ["stream", "prefilled", "canvas_started", "step", "canvas_committed", "finished", "error"]
                ),
                "version": some.integers(0, 2),
            },
            optional=dict.fromkeys(
                ("canvas", "length", "step", "text", "pieces", "ids", "message"), any_json
            ),
        ).map(json.dumps),
        max_size=4,
    )
)
def test_a_line_of_a_stream_is_an_event_or_a_stream_error(lines):
    decoder = Decoder()
    for line in lines:
        with suppress(StreamError):
            decoder.decode(line)


@fuzzed
@given(
    some.binary(max_size=80),
    some.text(some.characters(codec="utf-8", exclude_categories=["Z"]), min_size=1, max_size=20),
)
def test_a_history_of_any_bytes_is_read_and_takes_the_next_prompt(tmp_path, content, prompt):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(content)
    with suppress(DgchatError):
        history = HistoryFile(path)
        history.append(prompt)
        assert history.read()[-1] == prompt
