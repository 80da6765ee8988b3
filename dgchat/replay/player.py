"""A recording as one page that plays it: our own script, nothing from anywhere else."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from dgchat.replay.canvas_history import CanvasHistory
from dgchat.replay.frames import Frames
from dgchat.replay.heat import NUM_HEAT_LEVELS, heat_level, heat_ranges
from dgchat.replay.palette import Palette
from dgchat.replay.recording import Recording
from dgchat.safe_text import visible
from dgchat.ui.widgets.canvas_paint import style_name

_TEMPLATES = Path(__file__).parent

_CODES = {
    "settled": "s",
    "fresh": "f",
    "draft-0": "0",
    "draft-1": "1",
    "draft-2": "2",
    "draft-3": "3",
    "overturned": "o",
    "past-end": "p",
    "noise": "n",
}
"""One letter for each state; the page's stylesheet knows them as classes."""


def as_html(recording: Recording, palette: Palette) -> str:
    """The recording as an `.html` file; its policy lets it fetch nothing and run no other script."""
    script, style = _read("player.js"), _style(palette) + _read("player.css")
    prompt = visible(recording.prompt, newlines=False)
    parts = {
        "title": escape(prompt or "replay"),
        "policy": f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'",
        "style": style,
        "script": script,
        "data": _as_data(_describe(recording, palette)),
    }
    # one pass: what is put in is not searched for further marks
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _read("player.html"))


def _describe(recording: Recording, palette: Palette) -> dict[str, object]:
    frames = Frames(recording, palette.entropy_levels, palette.noise_glyphs, palette.width)
    pieces: dict[str, int] = {}
    canvases = [_describe_canvas(frames, number, pieces) for number in range(len(recording.canvases))]
    return {
        "prompt": visible(recording.prompt),
        "model": visible(recording.model, newlines=False),
        "glyphs": palette.noise_glyphs,
        "canvases": canvases,
        "pieces": list(pieces),
    }


def _describe_canvas(frames: Frames, number: int, pieces: dict[str, int]) -> dict[str, object]:
    history: CanvasHistory = frames.histories[number]
    steps = frames.recording.canvases[number]
    tokens: list[list[int]] = []
    states: list[str] = []
    for within in range(len(steps)):
        drawn = frames.tokens(number, within)
        tokens.append([pieces.setdefault(token.text, len(pieces)) for token in drawn])
        states.append("".join(_CODES[style_name(position, token)] for position, token in enumerate(drawn)))
    final = [visible(piece) for piece in steps[-1].pieces[: history.length]]
    ways = [
        [pieces.setdefault(visible(stay.piece), len(pieces)) for stay in history.stays(position)]
        for position in range(history.length)
    ]
    return {
        "tokens": tokens,
        "states": states,
        "final": [pieces.setdefault(text, len(pieces)) for text in final],
        "settled": list(history.settle_steps[: history.length]),
        "heat": [heat_level(step, history.num_steps) for step in history.settle_steps[: history.length]],
        "ranges": [list(one) for one in heat_ranges(history.num_steps)],
        "ways": ways,
        "entropy": [round(step.mean_entropy, 5) for step in steps],
    }


def _style(palette: Palette) -> str:
    names = {
        "background": palette.background,
        "text": palette.text,
        "muted": palette.muted,
        "rule": palette.rule,
        "accent": palette.accent,
        "fresh": palette.fresh,
        "noise": palette.noise,
        **{f"draft-{level}": colour for level, colour in enumerate(palette.drafts)},
        **{f"heat-{level}": palette.heat[level] for level in range(NUM_HEAT_LEVELS)},
    }
    return ":root{" + "".join(f"--{name}:{colour};" for name, colour in names.items()) + "}\n"


def _as_data(described: dict[str, object]) -> str:
    """JSON in ASCII without `<`: nothing in it can end the element that holds it."""
    return json.dumps(described, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
