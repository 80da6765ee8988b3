"""The training loop: processes of one thread each, or one GPU; one gradient, checkpoints that resume."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from dgchat.errors import DgchatError
from dgchat.model.config import ModelConfig
from dgchat.model.transformer import DiffusionGemma
from dgchat.training.examples import Batch, ExampleMaker, batches, batches_by_workers
from dgchat.training.muon import Muon
from dgchat.training.objective import batch_losses
from dgchat.training.start import load_weights
from dgchat_kernels import select

MUON_LR, ADAM_LR = 0.02, 3e-3
WARMUP_STEPS = 100
CONSTANT_UNTIL, FINAL_LR = 0.45, 0.02
LOG_EVERY = 50

WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
}
"""Of the worker processes. With glibc's defaults every large tensor is returned to the system and fetched
again, which takes half of the time; some virtual machines advertise AMX and kill the process that uses it."""


_CHANGEABLE = frozenset({"steps", "max_prefix", "precision", "device", "compiles"})


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One run; a resumed run must have the same, but it may be longer and have longer prompts."""

    steps: int
    """Optimizer steps of the whole run."""
    batch_size: int = 64
    """Examples per step over all processes."""
    max_prefix: int = 256
    """Examples with more prefix tokens are left out."""
    processes: int = 2
    """Worker processes of one thread each."""
    seed: int = 1
    """Of the initial weights, the examples and the noise."""
    save_every: int = 500
    """Steps between checkpoints."""
    start_from: str | None = None
    """Checkpoint folder whose weights the run begins with; None: random ones."""
    rate_scale: float = 1.0
    """Of both learning rates; less for a run that begins with trained weights."""
    precision: str = "bf16"
    """Of matrix products: bf16, several times as fast where the processor has it, or fp32."""
    device: str = "cpu"
    """Where to train; on a GPU with one process, to which others hand examples."""
    compiles: bool = False
    """Whether the forward passes are compiled, which takes minutes and pays on a GPU."""


def initialise(model: DiffusionGemma, seed: int) -> None:
    """Random weights at the scales that attention without scaling and doubled norms need."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5, generator=generator)
        elif name.endswith(("q_norm.weight", "k_norm.weight")):
            nn.init.constant_(parameter, parameter.shape[0] ** -0.25)
        elif ".post_" in name:
            nn.init.constant_(parameter, 0.5)
        else:
            nn.init.ones_(parameter)


def learning_rate_factor(step: int, steps: int) -> float:
    """Warm-up, constant, then linear down to FINAL_LR; 1.0 at most."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    progress = step / steps
    decay = 1.0 - (1.0 - FINAL_LR) * max(0.0, progress - CONSTANT_UNTIL) / (1.0 - CONSTANT_UNTIL)
    return warm * decay


def make_optimizers(model: DiffusionGemma) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embedding, norms and scales."""
    matrices = [p for n, p in model.named_parameters() if p.ndim >= 2 and n != "embed_tokens.weight"]
    others = [p for n, p in model.named_parameters() if p.ndim < 2 or n == "embed_tokens.weight"]
    return [
        Muon(matrices, lr=MUON_LR),
        torch.optim.AdamW(others, lr=ADAM_LR, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _lasting(config: dict[str, Any]) -> dict[str, Any]:
    """What a resumed run cannot change."""
    return {name: value for name, value in config.items() if name not in _CHANGEABLE}


class Trainer:
    """One process's share of a run."""

    def __init__(self, config: TrainingConfig, model_json: dict[str, Any], run: Path, rank: int) -> None:
        self.config, self.run, self.rank = config, run, rank
        self.device = torch.device(config.device)
        tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
        model_config = ModelConfig.from_json(model_json)
        self.model = self._new_model(model_config, tokenizer)
        self.optimizers = make_optimizers(self.model)
        self.base_lrs = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        self.maker = ExampleMaker(tokenizer, model_config.canvas_length, config.max_prefix)
        self.step = 0
        self._resume()
        # a resumed run goes on with examples it has not seen
        self.seed = config.seed + 1_000 * rank + 1_000_000 * self.step
        self.generator = torch.Generator(self.device).manual_seed(self.seed)

    def _new_model(self, model_config: ModelConfig, tokenizer: Tokenizer) -> DiffusionGemma:
        model = DiffusionGemma(model_config, select(self.device)[0])
        initialise(model, self.config.seed)
        if self.config.start_from is not None:
            load_weights(model, tokenizer, Path(self.config.start_from))
        model.to(self.device)
        model.place_frequencies(self.device)
        if self.config.compiles:
            model.decode = torch.compile(model.decode, dynamic=True)
            model.next_token_logits = torch.compile(model.next_token_logits, dynamic=True)
        return model

    def train(self) -> None:
        """Run to the last step, logging and saving on the way."""
        started, done = time.perf_counter(), self.step
        recent = torch.zeros(2, device=self.device)
        for batch in self._batches():
            if self.step >= self.config.steps:
                break
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
                recent += self._update(batch.to(self.device))
            self.step += 1
            if self.step % LOG_EVERY == 0:
                rate = (self.step - done) * self.config.batch_size / (time.perf_counter() - started)
                self._log(recent / LOG_EVERY, rate)
                recent.zero_()
            if self.step % self.config.save_every == 0 or self.step == self.config.steps:
                self._save()

    def _batches(self) -> Iterator[Batch]:
        size = self.config.batch_size // self.config.processes
        if self.device.type == "cpu":
            return batches(self.maker, size, self.seed)
        return batches_by_workers(self.maker, size, self.seed, max(1, (os.cpu_count() or 2) - 2))

    def _update(self, batch: Batch) -> Tensor:
        losses = batch_losses(self.model, batch, self.maker.fill, self.generator)
        losses.total.backward()
        self._average_gradients()
        factor = self.config.rate_scale * learning_rate_factor(self.step, self.config.steps)
        for optimizer, base in zip(self.optimizers, self.base_lrs, strict=True):
            optimizer.param_groups[0]["lr"] = base * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return torch.stack((losses.denoising.detach(), losses.next_token.detach()))

    def _average_gradients(self) -> None:
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        if self.config.processes > 1:
            dist.all_reduce(flat)
        flat /= self.config.processes
        flat *= (1.0 / flat.norm()).clamp_max(1.0)
        for gradient, averaged in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(averaged.view_as(gradient))

    def _log(self, losses: Tensor, rate: float) -> None:
        if self.rank:
            return
        row = {
            "step": self.step,
            "loss": losses[0].item(),
            "next_token": losses[1].item(),
            "examples_per_second": rate,
        }
        line = json.dumps({name: round(value, 4) for name, value in row.items()})
        with (self.run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        print(line, flush=True)

    def _save(self) -> None:
        if self.rank:
            return
        state = {
            "step": self.step,
            "config": asdict(self.config),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        fresh = self.run / "checkpoint.new"
        torch.save(state, fresh)
        fresh.replace(self.run / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.run / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if _lasting(state["config"]) != _lasting(asdict(self.config)):
            raise DgchatError(
                f"{path} belongs to a run with other settings", hint="give this run another folder"
            )
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def _work(rank: int, config: TrainingConfig, model_json: dict[str, Any], run: Path, rendezvous: str) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # subnormal gradients are many times slower
    if config.processes > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=config.processes
        )
    Trainer(config, model_json, run, rank).train()


def train(config: TrainingConfig, model_json: dict[str, Any], run: Path) -> None:
    """Train in `run`, which holds tokenizer.json; resume from its checkpoint if there is one."""
    if config.processes == 1:
        _work(0, config, model_json, run, "")
        return
    os.environ.update(WORKER_ENVIRONMENT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exit, unlike a kill, takes daemons along
    with tempfile.TemporaryDirectory() as folder:
        rendezvous = os.path.join(folder, "rendezvous")  # noqa: PTH118  becomes a URL
        arguments = (config, model_json, run, rendezvous)
        spawn(_work, arguments, nprocs=config.processes, daemon=True)
