"""`dgchat --prompt`: the answer alone on stdout, the denoising in place on stderr, documented exit codes."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.engine.events import CanvasStep, level_of_entropy
from dgchat.one_shot.canvas_lines import CanvasLines
from dgchat.one_shot.printer import InPlacePrinter, Line
from dgchat_process import run_scripted, scripted_command
from fake_hub import TINY, FakeHub
from recorded import recorded_answer, stream_of
from scripted_engine import ANSWER, ScriptedEngine

ATTRIBUTES = re.compile(r"\x1b\[[0-9;]*m")
LONG_ANSWER = " ".join(f"word{number}" for number in range(40))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that answers."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: scripted)
    return scripted


def test_the_answer_alone_is_on_stdout() -> None:
    done = run_scripted("--prompt", "hello")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ANSWER + "\n", b"")


@pytest.mark.parametrize("arguments", [("--prompt", "-"), ()])
def test_a_prompt_can_be_piped(arguments: tuple[str, ...]) -> None:
    done = run_scripted(*arguments, "--json", stdin="hello\nthere ü".encode())
    assert done.returncode == 0
    assert json.loads(done.stdout)["text"] == ANSWER


def test_flags_reach_the_engine(engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--steps", "7", "--max-tokens", "96", "--seed", "5", "--system", "Rhyme.", "--think"]
    assert run(["--prompt", "hello", *flags]) == 0
    request = engine.requests[0]
    assert request.sampler.max_denoising_steps == 7
    assert (request.max_new_tokens, request.seed, request.thinking) == (96, 5, True)
    assert [(message.role, message.text) for message in request.messages] == [
        ("system", "Rhyme."),
        ("user", "hello"),
    ]


def test_the_sampler_of_the_settings_reaches_the_engine(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGCHAT_T_MIN", "0.25")
    assert run(["--prompt", "hello", "--entropy-bound", "0.3", "--stability-threshold", "2"]) == 0
    sampler = engine.requests[0].sampler
    assert (sampler.t_min, sampler.entropy_bound, sampler.stability_threshold) == (0.25, 0.3, 2)
    assert (sampler.t_max, sampler.confidence_threshold) == (0.8, 0.005)


def test_an_answer_may_take_two_canvases_unless_told_otherwise(engine: ScriptedEngine) -> None:
    run(["--prompt", "hello"])
    assert engine.requests[0].max_new_tokens == 2 * engine.canvas_length


def test_every_turn_has_a_seed_of_its_own_and_a_given_one_is_kept(engine: ScriptedEngine) -> None:
    for _ in range(3):
        run(["--prompt", "hello"])
    run(["--prompt", "hello", "--seed", "0"])
    seeds = [request.seed for request in engine.requests]
    assert len(set(seeds)) == 4
    assert seeds[-1] == 0


def test_json_is_one_object_with_everything_about_the_answer(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.thought = "Which tide?"
    assert run(["--prompt", "hello", "--json", "--seed", "9", "--steps", "3"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    answer = json.loads(shown)
    assert list(answer) == ["text", "thought", "finish_reason", "model", "seed", "settings", "stats"]
    assert (answer["text"], answer["thought"]) == (ANSWER, "Which tide?")
    assert (answer["finish_reason"], answer["model"], answer["seed"]) == ("end_of_turn", "scripted 1M", 9)
    assert answer["settings"]["steps"] == 3
    assert list(answer["stats"]) == [
        "prompt_tokens",
        "cached_tokens",
        "generated_tokens",
        "canvases",
        "canvas_length",
        "denoising_steps",
        "prefill_seconds",
        "denoise_seconds",
        "peak_memory_bytes",
        "tokens_per_second",
        "parallel_tokens_per_second",
        "tokens_per_forward",
    ]
    assert answer["stats"]["denoising_steps"] == 3


def test_a_cut_answer_is_printed_and_said_to_be_cut() -> None:
    done = run_scripted("--prompt", "hello", "--max-tokens", "32", answer=LONG_ANSWER)
    assert done.returncode == 0
    assert done.stdout.startswith(b"word0 word1")
    assert done.stderr == b"dgchat: the answer was cut at 32 tokens; --max-tokens allows more\n"


def test_a_model_that_was_chosen_for_the_reader_is_named_on_stderr_in_one_line() -> None:
    done = run_scripted("--prompt", "hello", choice="someone/\x1b[31mtiny fits")
    assert done.stdout.decode() == ANSWER + "\n"
    assert done.stderr.decode() == "dgchat: someone/␛[31mtiny fits\n"


def test_no_escape_byte_reaches_a_pipe_even_if_the_model_writes_one() -> None:
    nasty = "a \x1b]52;c;aGk=\x07 b\x9b31m c\td\x7f"
    done = run_scripted("--prompt", "hello", answer=nasty)
    assert done.stdout.decode() == "a ␛]52;c;aGk=␇ b␦31m c\td␡\n"
    assert b"\x1b" not in run_scripted("--prompt", "hello", "--json", answer=nasty).stdout


def test_an_engine_that_fails_is_one_line_and_exit_code_1() -> None:
    done = run_scripted("--prompt", "hello", fail_at_step=2)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"dgchat: The engine broke. (ask again)\n")


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    process = subprocess.Popen(
        scripted_command("--prompt", "hello"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            scripted_command("--prompt", "hello"),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1


class Terminal:
    """A pseudo-terminal of 60 x 20 cells with dgchat on it; what it wrote, and how it ended."""

    def __init__(self, command: list[str], name: str = "xterm-256color", **streams: int) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.reading, writing = pty.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        environment = os.environ | {"TERM": name, "PYTHONIOENCODING": "utf-8"}
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        given = {"stdin": writing, "stdout": writing, "stderr": writing} | streams
        self.process = subprocess.Popen(command, env=environment, start_new_session=True, **given)
        os.close(writing)
        self.written = b""

    def read_until(self, wanted: bytes | None = None, seconds: float = 60) -> str:
        """Read until something is written, or to the end."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up and (wanted is None or wanted not in self.written):
            if select.select([self.reading], [], [], 0.1)[0]:
                try:
                    chunk = os.read(self.reading, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                self.written += chunk
        return self.written.decode()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.reading)


@pytest.fixture
def on_terminal() -> Iterator[Callable[..., Terminal]]:
    """Start a command on a terminal of its own."""
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals are a POSIX thing")
    started: list[Terminal] = []

    def start(command: list[str], name: str = "xterm-256color", **streams: int) -> Terminal:
        started.append(Terminal(command, name, **streams))
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def test_on_a_terminal_a_named_checkpoint_is_asked_about_and_then_answers(
    on_terminal: Callable[..., Terminal], hub: FakeHub, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hub.environment(hub_cache.parent).items():
        monkeypatch.setenv(name, value)
    terminal = on_terminal(scripted_command("--prompt", "hello", "--model", TINY))
    asked = terminal.read_until(b"[y/N] ")
    assert re.search(r"to fetch: [\d,]+ bytes", asked)
    assert hub.fetched() == ["config.json"]
    os.write(terminal.reading, b"y\n")
    assert re.search(r"\ball +\S", terminal.read_until())
    assert terminal.process.wait(timeout=10) == 0
    assert ANSWER.split()[-1] in terminal.written.decode()
    assert len(hub.fetched()) == 7


def test_denoising_animates_in_place_and_leaves_only_the_answer(on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", step_seconds=0.03))
    written = terminal.read_until()
    assert terminal.process.wait(timeout=10) == 0
    assert all(f"step {step}/48" in written for step in (1, 6, 12))
    erased, _, rest = written.rpartition("\x1b[J\x1b[?25h")
    assert erased.count("\x1b[?25l") == 1
    assert ATTRIBUTES.sub("", rest).startswith(ANSWER.replace("\n", "\r\n") + "\r\n")


def test_loading_is_told_in_place_and_is_gone_with_the_answer(on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", load_seconds=1.0))
    told = terminal.read_until(b"GB/s")
    assert re.search(r"loading 3\.2 of 18\.8 GB · \d s · \d\.\d GB/s", told)
    written = terminal.read_until()
    assert terminal.process.wait(timeout=10) == 0
    assert "loading" not in written.rpartition("\x1b[J\x1b[?25h")[2]


PLAN = "memory: 20.5 GB for a context of 32,768 tokens: weights 17.7 GB, cache 1.5 GB; 23.1 GB free"


def test_what_memory_the_model_takes_is_told_before_it_is_read_and_is_gone_with_the_answer(
    on_terminal: Callable[..., Terminal],
) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", load_seconds=0.5, plan=PLAN))
    told = ATTRIBUTES.sub("", terminal.read_until(b"GB/s").replace("\x1b[K", ""))
    assert PLAN in " ".join(told.split())
    assert told.index("memory: ") < told.index("loading 3.2 of 18.8 GB")
    written = terminal.read_until()
    assert "memory" not in written.rpartition("\x1b[J\x1b[?25h")[2]


def test_where_nothing_moves_the_memory_it_takes_is_a_line_for_a_person_and_none_for_a_pipe(
    on_terminal: Callable[..., Terminal],
) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", "--plain", plan=PLAN))
    assert terminal.read_until().startswith(f"dgchat: {PLAN}\r\n")
    assert run_scripted("--prompt", "hello", plan=PLAN).stderr == b""


def test_a_signal_while_loading_leaves_at_once_and_restores_the_cursor(
    on_terminal: Callable[..., Terminal],
) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", load_seconds=60.0))
    terminal.read_until(b"loading 3.2 of 18.8 GB")
    terminal.process.send_signal(signal.SIGINT)
    written = terminal.read_until()
    assert terminal.process.wait(timeout=10) == 130
    assert written.endswith("\x1b[?25h")


def test_only_the_answer_is_in_a_file_while_stderr_animates(
    on_terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    with (tmp_path / "answer").open("wb") as file:
        terminal = on_terminal(scripted_command("--prompt", "hello"), stdout=file.fileno())
        assert "step 12/48" in terminal.read_until()
    assert (tmp_path / "answer").read_text(encoding="utf-8") == ANSWER + "\n"


@pytest.mark.parametrize(
    ("flags", "name"), [(["--motion", "off"], "xterm"), (["--plain"], "xterm"), ([], "dumb")]
)
def test_nothing_moves_where_nothing_should(
    on_terminal: Callable[..., Terminal], flags: list[str], name: str
) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", *flags), name=name)
    written = terminal.read_until()
    assert "step 1/" not in written
    assert ANSWER in written.replace("\r\n", "\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_within_a_step_keeps_the_draft_and_restores_the_cursor(
    on_terminal: Callable[..., Terminal], number: signal.Signals
) -> None:
    terminal = on_terminal(scripted_command("--prompt", "hello", "--seed", "3", step_seconds=0.3))
    terminal.read_until(b"step 4/48")
    terminal.process.send_signal(number)
    written = terminal.read_until()
    assert terminal.process.wait(timeout=10) == 130
    ending = written.rpartition("\x1b[?25h")[2]
    draft, _, note = ending.partition("dgchat: stopped at step ")
    assert draft.strip()
    assert 4 <= int(note.partition("/")[0]) < 12
    assert "\x1b[?25l" not in ending


def test_a_stopped_answer_is_json_too(on_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    with (tmp_path / "answer").open("wb") as file:
        terminal = on_terminal(
            scripted_command("--prompt", "hello", "--json", step_seconds=0.3), stdout=file.fileno()
        )
        terminal.read_until(b"step 3/48")
        terminal.process.send_signal(signal.SIGINT)
        terminal.read_until()
    assert terminal.process.wait(timeout=10) == 130
    assert json.loads((tmp_path / "answer").read_text(encoding="utf-8"))["finish_reason"] == "cancelled"


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A stored stream whose every step took a tenth of a second."""
    events, last = recorded_answer(answer=ANSWER, step_seconds=0.1)
    file = tmp_path / "stream.jsonl"
    file.write_text("".join(stream_of(events, last)), encoding="utf-8")
    return file


def test_a_stream_animates_in_place_and_leaves_only_the_answer(
    on_terminal: Callable[..., Terminal], stream: Path
) -> None:
    terminal = on_terminal(scripted_command("view", str(stream)))
    written = terminal.read_until()
    assert terminal.process.wait(timeout=10) == 0
    assert all(f"step {step}/48" in written for step in (1, 6, 12))
    rest = written.rpartition("\x1b[J\x1b[?25h")[2]
    assert ATTRIBUTES.sub("", rest).startswith(ANSWER + "\r\n")


def test_ctrl_c_ends_a_view_and_restores_the_cursor(
    on_terminal: Callable[..., Terminal], stream: Path
) -> None:
    terminal = on_terminal(scripted_command("view", str(stream)))
    terminal.read_until(b"step 3/48")
    terminal.process.send_signal(signal.SIGINT)
    written = terminal.read_until()
    assert terminal.process.wait(timeout=10) == 130
    assert written.endswith("\x1b[J\x1b[?25h")


def size_of(columns: int, lines: int) -> Callable[[], os.terminal_size]:
    return lambda: os.terminal_size((columns, lines))


def test_a_frame_is_one_write_and_the_next_goes_back_to_its_first_line() -> None:
    screen = StringIO()
    printer = InPlacePrinter(screen, size_of(20, 10))
    printer.draw([Line("one", 3), Line("two", 3), Line("three", 5)])
    first = screen.tell()
    printer.draw([Line("four", 4)])
    assert screen.getvalue()[first:].startswith("\x1b[?2026h\r\x1b[2Afour\x1b[0m\x1b[K\x1b[J")
    printer.clear()
    assert screen.getvalue().endswith("\r\x1b[J\x1b[?25h")


def test_the_same_frame_is_not_written_twice() -> None:
    screen = StringIO()
    printer = InPlacePrinter(screen, size_of(20, 10))
    printer.draw([Line("one", 3)])
    written = screen.tell()
    printer.draw([Line("one", 3)])
    assert screen.tell() == written


def test_a_frame_never_has_more_lines_than_the_terminal() -> None:
    screen = StringIO()
    InPlacePrinter(screen, size_of(20, 4)).draw([Line(f"line {number}", 6) for number in range(9)])
    assert re.findall(r"line \d", screen.getvalue()) == ["line 6", "line 7", "line 8"]


def test_lines_that_a_narrower_terminal_has_wrapped_are_erased_too() -> None:
    screen, columns = StringIO(), [40]
    printer = InPlacePrinter(screen, lambda: os.terminal_size((columns[0], 10)))
    printer.draw([Line("x" * 39, 39), Line("y" * 10, 10)])
    columns[0] = 20
    written = screen.tell()
    printer.clear()
    assert "\x1b[2A" in screen.getvalue()[written:]


def test_clearing_nothing_writes_nothing() -> None:
    screen = StringIO()
    InPlacePrinter(screen, size_of(20, 4)).clear()
    assert screen.getvalue() == ""


def step_of(pieces: list[str], nats: float, *, step: int = 1, canvas_index: int = 0) -> CanvasStep:
    return CanvasStep(
        canvas_index=canvas_index,
        step=step,
        max_steps=48,
        temperature=0.8,
        token_ids=array("q", [hash(piece) % 1000 for piece in pieces]),
        pieces=tuple(pieces),
        entropy_levels=bytes([level_of_entropy(nats)]) * len(pieces),
        accepted=bytes(len(pieces)),
        seconds=0.01,
        end=None,
    )


@pytest.mark.parametrize("nats", [1e-5, 0.3, 5.0])
@pytest.mark.parametrize("width", [1, 7, 30])
def test_no_line_is_wider_than_asked_or_steers_the_terminal(nats: float, width: int) -> None:
    canvas = CanvasLines()
    pieces = [" wide", " 漢字", "\x1b[2J", "\n", " 🦊", "supercalifragilistic", "\t", "\u202e", " end"]
    for step in range(1, 5):
        canvas.observe(step_of(pieces, nats, step=step), now=step * 1.0)
        for line in canvas.lines(width, now=step * 1.0):
            assert line.width <= width
            assert ATTRIBUTES.sub("", line.text).isprintable() or "漢" in line.text


@pytest.mark.parametrize(
    ("pieces", "shape"), [([" ando", " tides"], "xxxx xxxxx"), (["algorithmically", " so"], "xxxxxx xx")]
)
def test_noise_has_the_width_of_its_token_but_is_never_wider_than_six_cells(
    pieces: list[str], shape: str
) -> None:
    canvas = CanvasLines(".:;")
    canvas.observe(step_of(pieces, 5.0), now=0.0)
    (line,) = canvas.lines(40, now=0.0)
    assert re.sub("[.:;]", "x", ATTRIBUTES.sub("", line.text)) == shape
    assert line.width == len(shape)


def test_a_finished_canvas_stands_above_the_next() -> None:
    canvas = CanvasLines()
    for step in range(1, 5):
        canvas.observe(step_of(["Once", " more"], 1e-5, step=step), now=step * 1.0)
    canvas.observe(step_of([" noise"], 5.0, canvas_index=1), now=5.0)
    lines = canvas.lines(40, now=5.0)
    assert lines[0].text == "Once more"
    assert len(lines) == 2
