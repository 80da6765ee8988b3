"""Storage that fails at the N-th call, programs that are killed while saving, and eight of them at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgchat.session.store.store import Store, store_path
from faults.chatters import find_lost, kill_while_saving, start_chatter, stored_prompts
from faults.failing_files import CALLS, can_fail_files, python_with_faults

needs_faults = pytest.mark.skipif(not can_fail_files(), reason="needs Linux and a C compiler")

CONVERSE = """
import json, sys
from pathlib import Path
from conversations import answer, asked
from dgchat.errors import StoreError
from dgchat.session.conversation import Conversation
from dgchat.session.store.store import Store
from faults.failing_files import BROKEN, FULL, failing

call, is_full, stays, stride = sys.argv[1], sys.argv[2] == "full", sys.argv[3] == "stays", int(sys.argv[4])
home = Path(sys.argv[5])
struck, words, lost = 0, set(), []


def chat(store):
    told, conversation = [], Conversation(title="x")
    parent = None
    for number in range(3):
        turn = asked(f"prompt {number} " + "x" * 500, parent)
        ticket = store.add_turn(conversation, turn)
        has_prompt = ticket.wait(10)
        parent = answer(turn)
        has_answer = store.finish_turn(turn).wait(10)
        told.append((turn.prompt, has_prompt, has_answer))
        conversation.add(turn)
    return told


at = 1
while True:
    folder, told, store = home / f"{call} {at}", [], None
    folder.mkdir()
    with failing(call, at, folder, FULL if is_full else BROKEN, from_then_on=stays) as fault:
        try:
            store = Store(folder / "conversations.db")
            store.listen(lambda trouble: words.add(str(trouble)) if trouble else None)
            told = chat(store)
        except StoreError as error:
            words.add(str(error))
    unwritten = store.close() if store else 0
    if not fault.has_struck:
        break
    struck += 1
    again = Store(folder / "conversations.db")
    loaded = [again.load(each.id) for each in again.summaries()]
    found = {turn.prompt: bool(turn.text) for conversation, _ in loaded for turn in conversation.turns}
    found |= {unanswered: False for _, unanswered in loaded if unanswered}
    for prompt, has_prompt, has_answer in told:
        if (has_prompt and prompt not in found) or (has_answer and not found.get(prompt)):
            lost.append([at, prompt[:10]])
    if told and not stays and not unwritten and len(found) != 3:
        lost.append([at, "what was put off", unwritten, sorted(found)])
    (check,) = again._read("PRAGMA integrity_check")
    if check[0] != "ok":
        lost.append([at, check[0]])
    again.close()
    at += stride
print(json.dumps({"struck": struck, "lost": lost, "words": sorted(words)}))
"""


KINDS = {"open": "broken", "write": "full", "fsync": "broken"}
"""What is wrong with the disk when a call fails."""


def fail_storage(tmp_path: Path, call: str, error: str, how: str, stride: int) -> dict[str, object]:
    home = tmp_path / "home"
    home.mkdir()
    return json.loads(python_with_faults(tmp_path, CONVERSE, call, error, how, str(stride), str(home)))


@needs_faults
@pytest.mark.parametrize("how", ["once", "stays"])
@pytest.mark.parametrize("call", ["open", "write", "fsync"])
def test_a_call_that_fails_while_saving_loses_nothing_that_was_told(tmp_path, call, how):
    check_storage(fail_storage(tmp_path, call, KINDS[call], how, stride=4 if call == "write" else 1), least=3)


@needs_faults
@pytest.mark.slow
@pytest.mark.parametrize("how", ["once", "stays"])
def test_any_single_write_that_fails_while_saving_loses_nothing_that_was_told(tmp_path, how):
    check_storage(fail_storage(tmp_path, "write", "full", how, stride=1), least=20)


def check_storage(seen: dict[str, object], least: int) -> None:
    assert seen["lost"] == []
    assert seen["struck"] >= least
    assert all("\n" not in words and "are not stored in" in words for words in seen["words"])


@needs_faults
@pytest.mark.parametrize("call", [call for call in CALLS if call != "fsync"])
def test_settings_are_saved_whole_or_stay_as_they_were(tmp_path, call):
    seen = json.loads(python_with_faults(tmp_path, SAVE_SETTING, call, str(tmp_path / "home")))
    assert seen["struck"] >= 1
    assert seen["wrong"] == []


SAVE_SETTING = """
import json, sys
from pathlib import Path
from dgchat.errors import SettingsError
from dgchat.settings_file import save_setting
from faults.failing_files import failing

call, home = sys.argv[1], Path(sys.argv[2])
home.mkdir()
path, old, new = home / "config.toml", "# mine\\nsteps = 4\\n", "# mine\\nsteps = 5\\n"
struck, wrong, at = 0, [], 1
while True:
    path.write_text(old)
    with failing(call, at, home) as fault:
        try:
            save_setting(path, "steps", 5)
            expected = new
        except SettingsError:
            expected = old
    if not fault.has_struck:
        break
    struck += 1
    if path.read_text() != expected or len(list(home.iterdir())) != 1:
        wrong.append([at, path.read_text(), len(list(home.iterdir()))])
    at += 1
print(json.dumps({"struck": struck, "wrong": wrong}))
"""


def test_killed_at_any_moment_nothing_that_was_told_is_lost():
    told = kill_while_saving(runs=6, seed=3)
    assert len(told) > 6
    assert find_lost(told) == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_200_times_while_saving_nothing_that_was_told_is_lost():
    told = kill_while_saving(runs=200, seed=4)
    assert len(told) > 200
    assert find_lost(told) == []


@pytest.mark.timeout(600)
def test_eight_windows_write_100_messages_each_and_800_are_there():
    names = [f"window {number}" for number in range(8)]
    processes = [start_chatter(name, 100) for name in names]
    for process in processes:
        process.communicate(timeout=500)
        assert process.returncode == 0
    store = Store(store_path())
    expected = {f"{name} prompt {number}": True for name in names for number in range(100)}
    assert stored_prompts(store) == expected
    store.close()
