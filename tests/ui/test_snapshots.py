"""Every screen and state looks as in its picture; `UPDATE_PICTURES=1` takes the pictures anew."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from threading import Event

import pytest

from conversations import converse
from dgchat.engine.events import LoadProgress
from dgchat.errors import DgchatError
from dgchat.session.loading import Loading
from scripted_engine import ScriptedEngine
from stage import NOON, Stage, StoppedTime

SMALL, MIDDLE, LARGE = (80, 24), (100, 30), (160, 50)
DARK, LIGHT, SIXTEEN = "ember", "paper", "slate"

STORY = (
    "The tide comes in, the tide goes out, and the moon does all the work without ever getting wet. "
    "Twice a day the pier loses its steps to the water and gets them back, a little greener than before. "
    "Whoever stands at the shore for long enough will see all of this without any table at all."
)
MARKDOWN = """## Primes below n

The **sieve** crosses out multiples; what is *left over* is prime:

```python
def primes(n: int) -> list[int]:
    is_prime = [True] * n
    return [k for k in range(2, n) if is_prime[k]]
```

- it takes `n` steps and a little
- 2 is the only even one"""
SURF = "Surf is the sea that has met the land."
DAY = 86_400.0


def tides(**more: object) -> ScriptedEngine:
    """Two canvases of 32 tokens."""
    return ScriptedEngine(**{"answer": STORY, "canvas_length": 32, **more})


def surf(**more: object) -> ScriptedEngine:
    """A short answer in a few steps."""
    return ScriptedEngine(**{"answer": SURF, "steps": 5, "canvas_length": 32, **more})


async def welcome(stage: Stage) -> None:
    await stage.open()


async def loading(stage: Stage) -> None:
    is_released = Event()
    stage.exits.callback(is_released.set)

    def load(loading: Loading) -> ScriptedEngine:
        loading.take_plan("memory: 20.5 GB for a context of 32,768 tokens; 23.1 GB free")
        loading.report(LoadProgress(3_200_000_000, 18_823_855_888))
        is_released.wait(60)
        return ScriptedEngine()

    await stage.open_with(load)
    await stage.until("loading 3.2")
    stage.time.now += 12
    await stage.until("12 s")


async def mid_denoise(stage: Stage) -> None:
    await stage.open(tides())
    await stage.ask("How do tides work?", 5)


async def second_canvas(stage: Stage) -> None:
    await stage.open(tides())
    await stage.ask("How do tides work?", 17)


async def settled(stage: Stage) -> None:
    await stage.open(tides(answer=MARKDOWN, canvas_length=64, steps=6))
    await stage.answer("List the primes below n.")


async def stopped(stage: Stage) -> None:
    await stage.open(tides())
    await stage.ask("How do tides work?", 6)
    await stage.press("escape")
    await stage.finish()
    stage.hush()


async def cut(stage: Stage) -> None:
    await stage.open(tides(steps=5), max_tokens=32)
    await stage.answer("How do tides work?")


async def thought(stage: Stage) -> None:
    await stage.open(surf(thought="They want one sentence.\nSurf is waves; waves break."), thinking=True)
    await stage.answer("What is surf?")


async def error(stage: Stage) -> None:
    trouble = DgchatError("The GPU ran out of memory.", hint="/tokens 32 needs less of it")
    await stage.open(surf(fail_at_step=3, error=trouble))
    await stage.ask("What is surf?", 2)
    stage.go()
    await stage.until("ran out of memory")


async def completion(stage: Stage) -> None:
    await stage.open()
    await stage.chat.type("/re")


async def search(stage: Stage) -> None:
    await stage.open()
    for prompt in ("What is surf?", "How do tides work?", "List the primes below n.", "And neap tides?"):
        stage.chat.box.remember(prompt)
    await stage.press("ctrl+r")
    await stage.chat.type("tide")


async def sliders(stage: Stage) -> None:
    await stage.open(surf())
    await stage.answer("What is surf?")
    await stage.press("tab", "b")
    stage.hush()


async def more(stage: Stage) -> None:
    await stage.open()
    await stage.press("f3")


async def settings(stage: Stage) -> None:
    await stage.open()
    await stage.press("f2", "down", "down", "down")


async def help_(stage: Stage) -> None:
    await stage.open()
    await stage.press("f1")


async def theme_picker(stage: Stage) -> None:
    await stage.open(surf())
    await stage.answer("What is surf?")
    await stage.chat.send("/theme")
    await stage.until("enter keeps it")


async def palette(stage: Stage) -> None:
    await stage.open()
    await stage.press("ctrl+p")
    await stage.until("/clear")


async def replay(stage: Stage) -> None:
    await stage.open(tides(steps=8))
    await stage.answer("How do tides work?")
    await stage.press("alt+r", "left_square_bracket", "left", "left", "left")


async def heat(stage: Stage) -> None:
    await stage.open(tides(steps=8))
    await stage.answer("How do tides work?")
    await stage.press("alt+r", "h")


async def inspector(stage: Stage) -> None:
    await stage.open(tides(steps=8), alternatives=True)
    await stage.answer("How do tides work?")
    await stage.press("alt+r", "left_square_bracket", "left", "left", "left", "i")


async def minds(stage: Stage) -> None:
    await stage.open(tides(steps=8))
    await stage.answer("How do tides work?")
    await stage.press("alt+r", "m")


async def export(stage: Stage) -> None:
    await stage.open(surf())
    await stage.answer("What is surf?")
    await stage.press("alt+r", "e")
    await stage.until("replay-1.html")


async def compare(stage: Stage) -> None:
    script = tides(answer=None, steps=12)
    await stage.open(script)
    await stage.answer("How do tides work?")
    script.answer = "The moon comes in, the tide goes out, and does all the work without ever being seen."
    await stage.chat.send("/retry 4")
    await stage.until("stop, keep")
    await stage.finish()
    await stage.until("keep the new")


async def picker(stage: Stage) -> None:
    await stage.open()
    for days, *exchange in (
        (40, ("List the primes below n.", "2, 3, 5, 7, and so on.")),
        (3, ("How do tides work?", STORY), ("And neap tides?", "The sun pulls the other way.")),
        (0.1, ("What is surf?", SURF)),
    ):
        stage.time.wall = NOON - days * DAY
        converse(stage.chat.session.store, *exchange, created=stage.time.wall)
    stage.time.wall = NOON
    await stage.chat.send("/resume")
    await stage.until("w9d4t")
    await stage.press("down")
    await stage.until("m2p8x")


async def deletion(stage: Stage) -> None:
    await picker(stage)
    await stage.press("ctrl+d")
    await stage.until("delete “How")


async def edit(stage: Stage) -> None:
    await stage.open(surf())
    for prompt in ("What is surf?", "And foam?"):
        await stage.answer(prompt)
    await stage.chat.send("/edit 1")
    await stage.until("another version")


SCENES = (
    welcome, loading, mid_denoise, second_canvas, settled, stopped, cut, thought, error, completion, search,
    sliders, more, settings, help_, theme_picker, palette, replay, heat, inspector, minds, export, compare,
    picker, deletion, edit,
)  # fmt: skip
ROOMY = (welcome, mid_denoise, settled, replay, compare)
IN_LIGHT = (welcome, mid_denoise, settled, replay, heat, settings, picker)

CASES = [
    *((scene, SMALL, DARK) for scene in SCENES),
    *((scene, MIDDLE, DARK) for scene in (*ROOMY, picker, help_)),
    *((scene, LARGE, DARK) for scene in (*ROOMY, second_canvas)),
    *((scene, SMALL, LIGHT) for scene in IN_LIGHT),
    (mid_denoise, MIDDLE, LIGHT),
    (mid_denoise, LARGE, LIGHT),
    (mid_denoise, SMALL, SIXTEEN),
    (theme_picker, SMALL, SIXTEEN),
]


def _name(scene, size, theme) -> str:
    return f"{scene.__name__.strip('_')}-{size[0]}x{size[1]}-{theme}"


@pytest.fixture
def set_stage(open_chat, monkeypatch, tmp_path):
    """A stage in the terminal and theme that are asked for; in the end everything on it is closed."""
    ids = iter(("k7f3q", "m2p8x", "w9d4t", "b6h5c"))
    monkeypatch.setattr("dgchat.session.store.rows.fresh_id", lambda: next(ids))
    monkeypatch.setattr(
        "dgchat.ui.screens.settings.config_file", lambda: Path("~/.config/dgchat/config.toml")
    )
    monkeypatch.chdir(tmp_path)
    stopped_time = StoppedTime()
    stopped_time.hold(monkeypatch)

    @asynccontextmanager
    async def set_it(size, theme):
        async with AsyncExitStack() as exits:
            yield Stage(open_chat, size, theme, stopped_time, exits)

    return set_it


@pytest.mark.parametrize(("scene", "size", "theme"), CASES, ids=[_name(*case) for case in CASES])
async def test_the_screen_is_as_in_its_picture(set_stage, scene, size, theme):
    async with set_stage(size, theme) as stage:
        await scene(stage)
        await stage.expect(_name(scene, size, theme))


async def test_without_colours_the_canvas_is_as_in_its_picture(set_stage, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with set_stage(SMALL, DARK) as stage:
        await mid_denoise(stage)
        await stage.expect("mid_denoise-80x24-no_color")
