"""What stands on the page for an answer that is over."""

from __future__ import annotations

from textual.widget import Widget

from dgchat.session.turn import Turn
from dgchat.ui.widgets.answer_text import AnswerText
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.thought_view import ThoughtView


def settled_answer(turn: Turn) -> list[Widget]:
    """Its thought, folded away; its text; and a word where either is missing something."""
    parts: list[Widget] = [AnswerText(turn.text)] if turn.text.strip() else []
    if turn.thought:
        parts.insert(0, ThoughtView(turn.thought))
    if turn.finished and (turn.is_cut or turn.finished.note):
        tokens = turn.finished.stats.generated_tokens
        parts.append(Notice(turn.finished.note or f"cut at its limit of {tokens} tokens; /continue goes on"))
    if not parts:
        parts.append(Notice("stopped before the first step" if turn.stopped_at else "the answer is empty"))
    return parts
