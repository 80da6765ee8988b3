"""Turns and conversations, made up and stored."""

from __future__ import annotations

from threading import Event

from dgchat.engine.events import GenerationRequest
from dgchat.session.conversation import Conversation
from dgchat.session.store.store import Store
from dgchat.session.turn import Turn, TurnSettings
from scripted_engine import ScriptedEngine


def asked(prompt: str, parent: Turn | None = None, **more: object) -> Turn:
    return Turn(prompt, TurnSettings(seed=7, steps=5), parent=parent, model="scripted 1M", **more)


def answer(turn: Turn, text: str = "The tide comes in.") -> Turn:
    engine = ScriptedEngine(text, steps=3, thought="hm")
    turn.finished = engine.generate(GenerationRequest((), 256, seed=7), turn.record, Event())
    return turn


def converse(store: Store, *exchanges: tuple[str, str], **more: object) -> Conversation:
    """A stored conversation of these prompts and answers."""
    conversation = Conversation(title=exchanges[0][0], **more)
    for prompt, text in exchanges:
        turn = asked(prompt, conversation.leaf)
        store.add_turn(conversation, turn)
        answer(turn, text)
        conversation.add(turn)
        assert store.finish_turn(turn).wait(10)
    return conversation
