"""Files that a recording is written to; nothing in a recording may break out of them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dgchat.errors import DgchatError, UsageError
from dgchat.replay.cast import as_cast
from dgchat.replay.export import SUFFIXES, export_recording, free_name
from dgchat.replay.jsonl import as_jsonl, read_jsonl
from dgchat.replay.palette import DEFAULT_PALETTE
from dgchat.replay.player import as_html
from dgchat.replay.svg import as_svg
from recordings import hostile_recording, scripted_recording
from scripted_engine import ANSWER

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SGR_OR_PRINTER = re.compile(r"\x1b\[(?:[0-9;]*m|\?2026[hl]|\?25[hl]|[0-9]*A|K|J)")
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = f"{tag} {dict(attrs).get('type', '')}".strip()

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        self.texts[self._inside] = self.texts.get(self._inside, "") + data


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_chooses_the_format_and_no_file_is_overwritten(tmp_path, suffix):
    recording, name = scripted_recording(ANSWER), str(tmp_path / f"answer{suffix}")
    path = export_recording(recording, name, DEFAULT_PALETTE)
    before = path.read_bytes()
    assert before
    with pytest.raises(UsageError, match="is there already"):
        export_recording(recording, name, DEFAULT_PALETTE)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["answer", "answer.gif", "", ".html"])
def test_a_name_without_a_known_suffix_is_refused_with_those_there_are(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"\.html, \.svg, \.cast, \.jsonl"):
        export_recording(scripted_recording(ANSWER), name, DEFAULT_PALETTE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(DgchatError, match="cannot be written"):
        export_recording(scripted_recording(ANSWER), str(tmp_path / "no" / "a.svg"), DEFAULT_PALETTE)


def test_the_offered_name_is_one_that_is_free(tmp_path):
    (tmp_path / "replay-1.html").touch()
    assert free_name(tmp_path) == "replay-2.html"


def test_jsonl_comes_back_as_it_was():
    recording = scripted_recording(ANSWER, alternatives=True)
    again = read_jsonl(as_jsonl(recording).splitlines())
    assert (again.prompt, again.model, again.seed) == (recording.prompt, recording.model, recording.seed)
    for one, other in zip(recording.steps, again.steps, strict=True):
        assert list(one.token_ids) == list(other.token_ids)
        assert (one.pieces, one.entropy_levels, one.accepted) == (
            other.pieces,
            other.entropy_levels,
            other.accepted,
        )
        assert (one.canvas_index, one.step, one.end, one.seconds) == (
            other.canvas_index,
            other.step,
            other.end,
            other.seconds,
        )
        assert one.alternatives.pieces == other.alternatives.pieces


def test_hostile_pieces_come_back_from_jsonl_which_is_plain_ascii():
    recording = hostile_recording()
    text = as_jsonl(recording)
    assert text.isascii()
    assert not STEERING.search(text)
    assert read_jsonl(text.splitlines()).steps[0].pieces == recording.steps[0].pieces


def test_a_cast_plays_every_step_and_steers_nothing_but_its_own_lines():
    for recording in (scripted_recording(ANSWER), hostile_recording()):
        head, *events = map(json.loads, as_cast(recording, DEFAULT_PALETTE).splitlines())
        assert head["version"] == 2
        assert not STEERING.search(head["title"])
        times = [event[0] for event in events]
        assert times == sorted(times)
        assert len(events) == len(recording.steps) + 1
        for _, kind, text in events:
            assert kind == "o"
            rest = SGR_OR_PRINTER.sub("", text).replace("\r", "").replace("\n", "")
            assert not STEERING.search(rest)


def test_the_svg_has_no_script_and_shows_the_answer_where_nothing_moves():
    root = ElementTree.fromstring(as_svg(scripted_recording(ANSWER), DEFAULT_PALETTE))
    kinds = {element.tag for element in root.iter()}
    assert kinds == {SVG + name for name in ("svg", "title", "style", "rect", "text", "tspan")}
    still = [
        "".join(text.itertext())
        for text in root.iter(SVG + "text")
        if "m" not in text.get("class", "").split() or "last" in text.get("class", "").split()
    ]
    assert [word for word in ANSWER.split() if word not in "\n".join(still)] == []


def test_every_moving_row_of_the_svg_has_its_animation():
    text = as_svg(scripted_recording(ANSWER), DEFAULT_PALETTE)
    root = ElementTree.fromstring(text)
    style = root.find(SVG + "style").text
    moving = {text.get("class").split()[-1] for text in root.iter(SVG + "text") if text.get("class")}
    assert moving
    assert all(f"@keyframes {name}{{" in style for name in moving)
    assert "prefers-reduced-motion" in style


def test_hostile_pieces_are_text_in_the_svg():
    text = as_svg(hostile_recording(), DEFAULT_PALETTE)
    root = ElementTree.fromstring(text)
    assert {element.tag for element in root.iter()} <= {
        SVG + name for name in ("svg", "title", "style", "rect", "text", "tspan")
    }
    assert all(not STEERING.search(part) for part in root.itertext())
    assert not re.search(r"<(?:script|img)", text)


def test_the_page_fetches_nothing_and_runs_only_its_own_script():
    for recording in (scripted_recording(ANSWER), hostile_recording()):
        text = as_html(recording, DEFAULT_PALETTE)
        page = Page(text)
        tags = [tag for tag, _ in page.elements]
        assert tags.count("script") == 2
        assert "img" not in tags
        assert not [1 for _, given in page.elements if {"src", "href", "onerror", "onload"} & set(given)]
        policy = next(g["content"] for t, g in page.elements if t == "meta" and "http-equiv" in g)
        assert policy.startswith("default-src 'none'")
        for element, source in (("script", "script-src"), ("style", "style-src")):
            digest = b64encode(sha256(page.texts[element].encode()).digest()).decode()
            assert f"{source} 'sha256-{digest}'" in policy
        assert not STEERING.search(text)


def test_the_data_of_the_page_are_whole_and_cannot_end_their_element():
    recording = hostile_recording()
    data = Page(as_html(recording, DEFAULT_PALETTE)).texts["script application/json"]
    assert "<" not in data
    described = json.loads(data)
    (canvas,) = described["canvases"]
    assert len(canvas["tokens"]) == len(canvas["states"]) == len(canvas["entropy"]) == 3
    assert all(map(len, canvas["tokens"]))
    shown = [described["pieces"][index] for index in canvas["final"]]
    assert shown[0] == recording.steps[0].pieces[0]
    assert not STEERING.search("".join(shown))


def test_the_script_of_the_page_never_writes_markup():
    script = (Path(__file__).parents[2] / "dgchat/replay/player.js").read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|import", script
    )
