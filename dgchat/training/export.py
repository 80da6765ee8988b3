"""A trained run as a checkpoint folder, laid out like any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from dgchat.checkpoint.tensors import tensor_name
from dgchat.training.shape import generation_json

TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def export(run: Path, folder: Path) -> int:
    """Write the run's newest weights, in bf16, with all files a checkpoint needs; return the step they are
    from.
    """
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    generation = generation_json(config["eos_token_id"][-1])
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        tensor_name(name): value.to(torch.bfloat16).contiguous() for name, value in state["model"].items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # safetensors leaves it readable by its owner alone
    training = {"step": state["step"], "config": state["config"]}
    contents = {"config.json": config, "generation_config.json": generation, "training.json": training}
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(run / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(TEMPLATE, folder / "chat_template.jinja")
    return state["step"]
