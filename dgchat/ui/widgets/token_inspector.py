"""Everything that is known about one token of a recorded answer at one step."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from dgchat.engine.events import CanvasStep
from dgchat.replay.canvas_history import CanvasHistory
from dgchat.replay.frames import Spot
from dgchat.ui.widgets.status_line import sparkline
from dgchat.ui.widgets.token_words import describe_stays, draw_alternatives, name_alternatives, name_of

NOT_RECORDED = (
    "what else could have stood there is not recorded; /alternatives on, and it is from the next turn"
)

_MAX_SPARKS = 48


class TokenInspector(Static):
    """Position, piece, settle step, entropy and its curve, the tokens before, the alternatives."""

    def show(
        self, spot: Spot, history: CanvasHistory, step: CanvasStep, number: int, *, has_room: bool
    ) -> None:
        """Tell of a token at a step, which is the `number`-th of its canvas; with room, in more lines."""
        position = spot.position
        self.update(
            Content("\n").join(
                [
                    _title(spot, step),
                    describe_stays(history.stays(position), number),
                    _entropy(history, position, number),
                    _alternatives(step, position, has_room),
                ]
            )
        )

    def show_hint(self) -> None:
        """Say how to get at a token."""
        self.update(Content.styled("i or a click on a token inspects it", "$muted"))


def _title(spot: Spot, step: CanvasStep) -> Content:
    place = f"   position {spot.position + 1} of canvas {spot.canvas + 1}"
    return Content.assemble(
        ("inspect ", "bold $accent"),
        (name_of(step.pieces[spot.position]), "bold $foreground"),
        (place, "$muted"),
    )


def _entropy(history: CanvasHistory, position: int, number: int) -> Content:
    entropies = history.entropies(position)
    curve = sparkline(entropies)
    now = _nats(entropies[number - 1])
    settled = f"settled at step {history.settle_steps[position]} of {history.num_steps}"
    first = max(0, min(number - _MAX_SPARKS // 2, len(curve) - _MAX_SPARKS))
    shown = curve[first : first + _MAX_SPARKS]
    here = number - 1 - first
    return Content.assemble(
        (f"{settled} · H {now} nats at step {number}  ", "$muted"),
        (shown[:here], "$muted"),
        (shown[here : here + 1], "bold $accent"),
        (shown[here + 1 :], "$muted"),
    )


def _nats(nats: float) -> str:
    """Nats in as many digits as are worth reading."""
    return f"{nats:.2f}" if nats >= 0.01 else (f"{nats:.3f}" if nats >= 0.001 else "below 0.001")


def _alternatives(step: CanvasStep, position: int, has_room: bool) -> Content:
    if step.alternatives is None:
        return Content.styled(NOT_RECORDED, "$muted")
    alternatives = step.alternatives.at(position)
    return draw_alternatives(alternatives) if has_room else name_alternatives(alternatives)
