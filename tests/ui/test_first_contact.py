"""The empty chat: greets once out of noise, names the model, offers prompts; bell and title on request."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from dgchat.engine.events import EngineInfo
from dgchat.paths import data_dir
from dgchat.session.first_run import is_first_run
from dgchat.session.offers import HOW_TO_GET_MORE, LARGE_OFFERS, SMALL_OFFERS, offers_for
from dgchat.settings import Settings
from dgchat.ui.terminal_title import TerminalTitle
from dgchat.ui.widgets.offer import Offer
from dgchat.ui.widgets.welcome import LETTERS, Welcome
from scripted_engine import ScriptedEngine

NOISE = "░▒▓"


def _is_settled(chat) -> bool:
    return LETTERS[1].strip() in chat.screen_text


async def test_the_first_time_the_name_settles_out_of_noise_and_never_again(open_chat):
    async with open_chat(ScriptedEngine(), Settings()) as chat:
        assert any(glyph in chat.screen_text for glyph in NOISE)
        await chat.until(lambda: _is_settled(chat))
    async with open_chat(ScriptedEngine(), Settings()) as chat:
        assert _is_settled(chat)


@pytest.mark.parametrize("motion", ["calm", "off"])
async def test_without_full_motion_the_name_is_just_there(open_chat, motion):
    async with open_chat(ScriptedEngine(), Settings(motion=motion)) as chat:
        assert _is_settled(chat)


async def test_any_key_skips_the_greeting_and_is_not_lost(open_chat):
    async with open_chat(ScriptedEngine(), Settings()) as chat:
        assert not _is_settled(chat)
        await chat.pilot.press("h")
        await chat.until(lambda: _is_settled(chat))
        assert chat.box.text == "h"


def test_a_data_folder_that_cannot_be_written_makes_nobody_wait(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DGCHAT_DATA_DIR", str(tmp_path / "file" / "data"))
    assert not is_first_run()


def test_the_first_run_is_remembered():
    assert is_first_run()
    assert not is_first_run()
    assert [path.name for path in data_dir().iterdir()] == ["welcomed"]


async def test_an_empty_chat_names_the_model_and_how_to_get_the_real_one(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.until(lambda: HOW_TO_GET_MORE in chat.screen_text)
        assert "scripted 1M on cpu" in chat.screen_text


@pytest.mark.parametrize("place", [1, 2, 3])
async def test_one_key_asks_what_is_offered_and_leaves_the_prompt_alone(open_chat, place):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.until(lambda: len(chat.app.chat.query(Offer)) == 3)
        await chat.type("half")
        await chat.pilot.press(f"f{place + 4}")
        await chat.until_settled()
        assert engine.requests[0].messages[-1].text == SMALL_OFFERS[place - 1]
        assert chat.box.text == "half"
        await chat.pilot.press(f"f{place + 4}")
        await chat.pilot.pause()
        assert len(engine.requests) == 1
        assert chat.box.text == "half"


async def test_an_offer_can_be_clicked(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.until(lambda: len(chat.app.chat.query(Offer)) == 3)
        await chat.pilot.click(chat.app.chat.query(Offer)[1])
        await chat.until_settled()
        assert engine.requests[0].messages[-1].text == SMALL_OFFERS[1]


def test_a_large_model_is_offered_harder_prompts():
    info: EngineInfo = replace(ScriptedEngine().info(), parameters=26_000_000_000)
    assert offers_for(info) == LARGE_OFFERS


@pytest.mark.parametrize("size", [(200, 60), (80, 24), (60, 20), (40, 12), (20, 6)])
async def test_the_greeting_fits_any_size(open_chat, size):
    async with open_chat(ScriptedEngine(), size=size) as chat:
        await chat.pilot.pause()
        assert all(len(row) <= size[0] for row in chat.screen_text.splitlines())
        if size[1] >= 12:
            await chat.until(lambda: all(prompt[:20] in chat.screen_text for prompt in SMALL_OFFERS))
        assert chat.app.chat.query_one(Welcome).offers == list(SMALL_OFFERS)


@contextmanager
def _rings(app, monkeypatch):
    rung: list[bool] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(True))
    yield rung


@pytest.mark.parametrize(
    ("bell", "is_looking", "seconds", "rings"),
    [(True, False, 9.0, 1), (True, True, 9.0, 0), (False, False, 9.0, 0), (True, False, 0.1, 0)],
)
async def test_the_bell_rings_for_a_long_answer_while_one_looks_elsewhere(
    open_chat, monkeypatch, bell, is_looking, seconds, rings
):
    monkeypatch.setattr("dgchat.ui.app.BELL_SECONDS", 0.01 if seconds > 1 else 5.0)
    async with open_chat(
        ScriptedEngine(steps=12, step_seconds=0.03), Settings(pace="live", bell=bell)
    ) as chat:
        with _rings(chat.app, monkeypatch) as rung:
            await chat.send("hello")
            chat.app.app_focus = is_looking
            await chat.until_settled()
            await chat.pilot.pause()
            assert len(rung) == rings


async def test_the_title_names_the_conversation_and_nothing_in_it_steers_the_terminal(open_chat):
    written: list[str] = []
    async with open_chat(ScriptedEngine(), Settings(pace="live", title=True)) as chat:
        chat.app.terminal_title._write = written.append
        await chat.send("tides\x1b]52;c;aGk=\x07\n\u202eevil")
        await chat.until(lambda: any("tides" in sequence for sequence in written))
    [sequence] = [sequence for sequence in written if "tides" in sequence]
    assert sequence.count("\x1b]") == 1
    assert sequence.endswith("\x07")
    body = sequence.partition("\x1b]2;")[2].removesuffix("\x07")
    assert not set(body) & set("\x1b\x07\n\u202e")


async def test_without_being_asked_for_no_title_is_written(open_chat):
    written: list[str] = []
    async with open_chat(ScriptedEngine()) as chat:
        chat.app.terminal_title._write = written.append
        await chat.send("hello")
        await chat.until_settled()
    assert written == []


def test_the_title_is_kept_once_and_given_back_once():
    written: list[str] = []
    title = TerminalTitle(written.append)
    title.give_back(written.append)
    assert written == []
    title.show("one")
    title.show("x" * 500)
    title.give_back(written.append)
    title.give_back(written.append)
    text = "".join(written)
    assert (text.count("\x1b[22;2t"), text.count("\x1b[23;2t")) == (1, 1)
    assert text.index("\x1b[22;2t") < text.index("one") < text.index("\x1b[23;2t")
    assert max(map(len, written)) < 100
