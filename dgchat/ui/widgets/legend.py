"""What the states of a canvas look like, in real samples."""

from __future__ import annotations

from textual.content import Content

SETTLED, FRESH = "$foreground", "bold $fresh"
DRAFTS = tuple(f"italic $draft-{level}" for level in range(4))
OVERTURNED, NOISE, GUTTER = "italic underline $draft-2", "$noise", "$accent"

_ROWS = (
    ((("settled", SETTLED),), "unchanged for some steps"),
    ((("fresh", FRESH),), "has just settled"),
    (tuple(zip(("d", "ra", "f", "t"), DRAFTS, strict=True)), "may still change; the fainter, the less sure"),
    ((("mind", OVERTURNED),), "was settled, and was changed after all"),
    ((("░▒▓", NOISE),), "not known yet"),
    ((("▏▎▍▌", GUTTER),), "how much of the line has settled"),
    (
        tuple(zip("■■■■■", (f"$heat-{level}" for level in range(5)), strict=True)),
        "settled early, to settled late",
    ),
)


def legend() -> Content:
    """One row for each state."""
    width = 1 + max(sum(len(text) for text, _ in sample) for sample, _ in _ROWS)
    lines: list[Content] = []
    for sample, means in _ROWS:
        gap = " " * (width + 2 - sum(len(text) for text, _ in sample))
        lines.append(Content.assemble(*sample, gap, (means, "$muted")))
    return Content("\n").join(lines)


def sample_of_states() -> Content:
    """A sentence half denoised, in all the states at once."""
    return Content.assemble(
        ("▍ ", GUTTER),
        ("The moon ", SETTLED),
        ("pulls", FRESH),
        (" the ", DRAFTS[0]),
        ("sea ", DRAFTS[2]),
        ("and\n", OVERTURNED),
        ("▏ ", GUTTER),
        ("▒░▓▒ ", NOISE),
        ("tide ", DRAFTS[3]),
        ("░▓▒░▓ ▒░", NOISE),
    )
