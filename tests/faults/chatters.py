"""Processes that hold conversations, which are stored while they are killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

from dgchat.session.store.store import Store, store_path

CHATTER = """
import sys
from threading import Thread
from dgchat.engine.events import CanvasStarted
from dgchat.session.session import Session
from dgchat.session.store.store import Store, store_path
from scripted_engine import ScriptedEngine

name, num_turns, step_seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
engine = ScriptedEngine(steps=4, step_seconds=step_seconds)
session = Session(lambda loading: engine, store=Store(store_path()))
session.load()


def tell(event):
    if isinstance(event, CanvasStarted):
        print("asked", turn.prompt, flush=True)


for number in range(num_turns):
    turn = session.begin(f"{name} prompt {number}")
    session.run(turn, tell)
    session.conclude(turn)
    print("answered", turn.prompt, flush=True)
sys.exit(session.close())
"""


def start_chatter(name: str, num_turns: int, step_seconds: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHATTER, name, str(num_turns), str(step_seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stored_prompts(store: Store) -> dict[str, bool]:
    """Every stored prompt, and whether it has an answer."""
    found: dict[str, bool] = {}
    for summary in store.summaries():
        conversation, unanswered = store.load(summary.id)
        found |= {turn.prompt: True for turn in conversation.turns}
        found |= {unanswered: False} if unanswered else {}
    return found


def kill_while_saving(runs: int, seed: int) -> dict[str, bool]:
    """Kill so many chatters at random moments; every prompt they told of, and whether its answer was told."""
    moments, told = random.Random(seed), dict[str, bool]()
    for run in range(runs):
        process = start_chatter(f"run {run}", 1000)
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        time.sleep(moments.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        lines += [line for line in process.stdout if line.endswith("\n")]
        process.wait()
        for line in lines:
            what, _, prompt = line.strip().partition(" ")
            told[prompt] = told.get(prompt, False) or what == "answered"
    return told


def find_lost(told: dict[str, bool]) -> list[str]:
    """What was told of and is not stored: prompts, and prompts that have lost their answer."""
    store = Store(store_path())
    found = stored_prompts(store)
    store.close()
    return [
        prompt
        for prompt, has_answer in told.items()
        if found.get(prompt, not has_answer) < has_answer or prompt not in found
    ]
