"""Settings: one table, four layers, and errors that name the nearest known name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgchat.errors import SettingsError
from dgchat.paths import config_file
from dgchat.settings import (
    Origin,
    Settings,
    choose_settings,
    doc_of,
    load_keys,
    load_settings,
    read_setting,
    setting_names,
    where_set,
)

SOURCES = Path(__file__).parent.parent / "dgchat"


def write_config(text: str) -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings({}) == Settings()


def test_it_is_known_what_has_to_be_left_out_for_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('model = "big"')
    assert where_set("model", choose_settings({"model": None}).origins) == f"model in {config_file()}"
    monkeypatch.setenv("DGCHAT_MODEL", "big")
    assert where_set("model", choose_settings({}).origins) == "DGCHAT_MODEL"
    assert where_set("model", choose_settings({"model": "big"}).origins) == "--model"


def test_flags_win_over_variables_and_variables_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('steps = 5\nmax_tokens = 100\nsystem = "file"')
    monkeypatch.setenv("DGCHAT_MAX_TOKENS", "200")
    monkeypatch.setenv("DGCHAT_SYSTEM", "variable")
    settings = load_settings({"system": "flag"})
    assert (settings.steps, settings.max_tokens, settings.system) == (5, 200, "flag")


def test_every_value_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config("steps = 5\nfps = 10\nt_min = 0.5")
    monkeypatch.setenv("DGCHAT_FPS", "20")
    origins = choose_settings({"t_min": "0.3", "t_max": None}).origins
    assert [origins[name] for name in ("t_max", "steps", "fps", "t_min")] == list(Origin)


def test_the_keys_are_no_setting_and_must_be_a_table() -> None:
    write_config("steps = 5\n[keys]\nhelp = 'f3'")
    assert load_settings({}).steps == 5
    assert load_keys() == {"help": "f3"}
    write_config("keys = 5")
    with pytest.raises(SettingsError, match=r"begin it with \[keys\]"):
        load_keys()


def test_a_value_of_any_kind_is_read_as_the_table_reads_it() -> None:
    assert read_setting("t_min", "0.25") == 0.25
    assert read_setting("bell", "on") is True
    with pytest.raises(SettingsError, match=r"t_min must be a number from 0\.01 to 10"):
        read_setting("t_min", "nan")


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    write_config("thinking = true")
    assert load_settings({"thinking": None}).thinking is True


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGCHAT_STEPS", "")
    assert load_settings({}).steps is None


def test_an_unknown_key_of_the_file_names_the_nearest() -> None:
    write_config("max_token = 5")
    with pytest.raises(SettingsError, match=r"max_token in .*config\.toml.*did you mean max_tokens"):
        load_settings({})


def test_an_unknown_variable_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGCHAT_THEMES", "paper")
    with pytest.raises(SettingsError, match=r"DGCHAT_THEMES.*did you mean DGCHAT_THEME\?"):
        load_settings({})


@pytest.mark.parametrize("text", ["steps = ", "[chat]\nsteps = 4", '\xff = "', "steps = 1\nsteps = 2"])
def test_a_broken_file_is_one_clear_error(text: str) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"config\.toml"):
        load_settings({})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", "0", "--steps must be a whole number from 1"),
        ("steps", "many", "--steps must be a whole number"),
        ("steps", "2.5", "--steps must be a whole number"),
        ("max_tokens", "-3", "--max-tokens must be a whole number"),
        ("seed", str(2**63), "--seed must be a whole number from 0"),
        ("device", "gpu", "--device must be one of auto, cpu, cuda, mps"),
        ("motion", "clam", r"did you mean calm\?"),
        ("fps", "1000", "from 1 to 60"),
        ("entropy_bound", "-1", "--entropy-bound must be a number from 0 to 1000"),
        ("t_max", "hot", "--t-max must be a number from 0.01 to 10"),
        ("model", "", "--model must be a name"),
    ],
)
def test_a_value_that_cannot_be_says_what_can(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        load_settings({name: value})


@pytest.mark.parametrize("value", ["true", "1", "on", "YES"])
def test_a_variable_can_switch_on(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DGCHAT_PLAIN", value)
    assert load_settings({}).plain is True


def test_a_switch_is_neither_a_number_nor_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGCHAT_PLAIN", "perhaps")
    with pytest.raises(SettingsError, match="DGCHAT_PLAIN must be true or false"):
        load_settings({})


@pytest.mark.parametrize("name", setting_names())
def test_every_setting_is_explained_and_read(name: str) -> None:
    assert doc_of(name).endswith(".")
    readers = [
        file for file in SOURCES.rglob("*.py") if f"settings.{name}" in file.read_text(encoding="utf-8")
    ]
    assert readers, f"nothing reads settings.{name}"


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("45", 45), ("0", 0)])
def test_a_time_has_a_unit_or_is_in_seconds(text: str, seconds: int) -> None:
    assert load_settings({"keep": text}).keep == seconds


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5h", "10 m", "8d", "169h", "9" * 40, "\u0661m"])
def test_what_is_no_time_says_what_is(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 90s, 10m or 2h"):
        load_settings({"keep": text})
