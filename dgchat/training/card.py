"""The bundled model's card: what it is, how it was made, and its evaluation, written by one command."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from textwrap import fill
from typing import Any

from dgchat.training.corpus.skills import SKILLS, WITHDRAWN
from dgchat.training.evaluation.report import Report

TEMPLATE = Path(__file__).with_name("card.md")


def write_card(folder: Path, parameters: int, report: Report) -> Path:
    """Write README.md into a checkpoint folder and return its path."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = config["text_config"]
    card = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        parameters=f"{parameters:,}",
        layers=text["num_hidden_layers"],
        experts=text["num_experts"],
        canvas=config["canvas_length"],
        vocabulary=f"{text['vocab_size']:,}",
        recipe=_recipe(json.loads((folder / "training.json").read_text(encoding="utf-8"))),
        report=report.as_markdown(),
        skills=_skills(),
    )
    path = folder / "README.md"
    path.write_text(card, encoding="utf-8")
    return path


def _skills() -> str:
    offered = [skill.name for skill in SKILLS if skill.name not in WITHDRAWN]
    told = f"{len(offered)} skills are offered: {', '.join(offered)}."
    if WITHDRAWN:
        told += f" Withdrawn, because the model is wrong too often: {', '.join(sorted(WITHDRAWN))}."
    return fill(told, width=120)


def _recipe(training: dict[str, Any]) -> str:
    steps, batch = training["step"], training["config"]["batch_size"]
    return f"{steps:,} of {training['config']['steps']:,} steps of {batch} examples"
