"""The reference: transformers' own model, its arithmetic widened to float64, its randomness replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, DynamicCache
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSampler,
)

from dgchat.engine.draws import Draws
from parity.checkpoints import SMALL_VISION


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one denoising step decided."""

    argmax_canvas: tuple[int, ...]
    accepted: tuple[bool, ...]
    mean_entropy: float


@dataclass(frozen=True, slots=True)
class CanvasRecord:
    """The denoising steps of one canvas, in order."""

    steps: tuple[StepRecord, ...]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Everything one `generate` call decided, and the ids it returned, prompt excluded."""

    canvases: tuple[CanvasRecord, ...]
    new_ids: tuple[int, ...]


class _AtLeastSinglePrecision(TorchFunctionMode):
    """Reads every upcast to float32 as "at least float32": a float64 tensor stays float64."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if args and isinstance(args[0], Tensor) and args[0].dtype == torch.float64:
            if func is Tensor.float:
                return args[0]
            args = tuple(map(_widen, args))
            kwargs = {name: _widen(value) for name, value in kwargs.items()}
        return func(*args, **kwargs)


def _widen(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value


class _InjectedDraws:
    """Stands in for `torch.randint` and `torch.multinomial`, answering from a `Draws`.

    The reference draws a canvas of ids before the first step, then in every step a proposal and a canvas of
    noise; so a `randint` that follows no proposal opens the next canvas.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._canvas_index = -1
        self._step = 0
        self._awaits_noise = False

    def randint(self, low: int, high: int, size: tuple[int, int], device: torch.device) -> Tensor:
        """Noise if a proposal went before, else the next canvas; ids below `high`."""
        assert low == 0
        if self._awaits_noise:
            self._awaits_noise = False
            return self._draws.noise(self._canvas_index, self._step, size, high)
        self._canvas_index += 1
        self._step = 0
        return self._draws.initial_canvas(self._canvas_index, size, high)

    def multinomial(self, probabilities: Tensor, num_samples: int) -> Tensor:
        """One proposed id per row of `probabilities` [canvas, vocab], [canvas, 1]."""
        assert num_samples == 1
        self._step += 1
        self._awaits_noise = True
        uniforms = self._draws.proposal(self._canvas_index, self._step, (1, len(probabilities)))
        return inverse_cdf(probabilities, uniforms.reshape(-1, 1))


def inverse_cdf(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Ids [rows, 1]: the first token whose cumulative probability exceeds the row's uniform."""
    cumulative = probabilities.double().cumsum(-1)
    return (cumulative <= uniforms.double() * cumulative[:, -1:]).sum(-1, keepdim=True)


@dataclass(slots=True)
class _Recorder:
    """A streamer for `generate` that keeps every draft; the sampler adds what it accepted."""

    canvases: list[list[StepRecord]] = field(default_factory=list)
    accepted: tuple[bool, ...] = ()
    mean_entropy: float = 0.0
    _is_denoising: bool = False

    def put(self, value: Tensor) -> None:
        """The prompt, then every finished canvas."""
        self._is_denoising = False

    def put_draft(self, value: Tensor) -> None:
        """The argmax canvas [1, canvas] of one step."""
        if not self._is_denoising:
            self.canvases.append([])
            self._is_denoising = True
        step = StepRecord(tuple(value[0].tolist()), self.accepted, self.mean_entropy)
        self.canvases[-1].append(step)

    def end(self) -> None:
        """Nothing is left open."""


class _RecordingSampler(EntropyBoundSampler):
    """The reference's sampler, telling the recorder which positions it accepted."""

    recorder: _Recorder

    def accept_canvas(
        self, current_canvas: Tensor, denoiser_canvas: Tensor, logits: Tensor, cur_step: Any
    ) -> Any:
        canvas = super().accept_canvas(current_canvas, denoiser_canvas, logits, cur_step)
        assert self.accepted_token_mask is not None
        self.recorder.accepted = tuple(self.accepted_token_mask[0].tolist())
        self.recorder.mean_entropy = float(torch.distributions.Categorical(logits=logits).entropy().mean())
        return canvas


def _config(folder: Path) -> DiffusionGemmaConfig:
    """The folder's configuration, with a vision tower too small to matter: images are not compared."""
    config = DiffusionGemmaConfig.from_pretrained(folder)
    config.vision_config = SMALL_VISION
    return config


class Oracle:
    """transformers' DiffusionGemma, opened from a checkpoint folder in float32 or float64."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        model = DiffusionGemmaForBlockDiffusion.from_pretrained(
            folder,
            config=_config(folder),
            dtype=torch.float32,
            attn_implementation="eager",
            experts_implementation="eager",
        )
        self.model = model.to(dtype).eval()
        self.dtype = dtype
        if dtype == torch.float64:
            self._restore_constants()

    def _restore_constants(self) -> None:
        """Compute in float64 what the reference rounded when it was built: the embedding scale."""
        for module in self.model.modules():
            if hasattr(module, "scalar_embed_scale"):
                module.embed_scale.fill_(module.scalar_embed_scale)

    @torch.no_grad()
    def encode(self, ids: Sequence[int], cache: DynamicCache | None = None) -> DynamicCache:
        """A cache that holds the keys and values of the ids, after those it already held."""
        if cache is None:
            cache = DynamicCache(config=self.model.config.get_text_config(decoder=True))
        with self._arithmetic():
            self.model.model.encoder(input_ids=torch.tensor([ids]), past_key_values=cache)
        return cache

    @torch.no_grad()
    def next_token_logits(self, ids: Sequence[int]) -> Tensor:
        """The encoder's causal predictions [1, ids, vocab]: final norm, tied head, soft cap."""
        with self._arithmetic():
            hidden = self.model.model.encoder(input_ids=torch.tensor([ids])).last_hidden_state
            cap = self.model.final_logit_softcapping
            return torch.tanh(self.model.lm_head(hidden) / cap) * cap

    @torch.no_grad()
    def decode(self, cache: DynamicCache, canvas: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Logits [1, canvas, vocab] of one decoder pass; `self_conditioning` are logits over temperature."""
        with self._arithmetic():
            output = self.model(
                past_key_values=cache, decoder_input_ids=canvas, self_conditioning_logits=self_conditioning
            )
        return output.logits

    def generate(self, prompt: Sequence[int], draws: Draws, max_new_tokens: int) -> Trajectory:
        """Run the reference's `generate` on a fresh cache with the injected draws."""
        recorder = _Recorder()
        self.model._prepare_sampler = lambda config: self._recording_sampler(config, recorder)
        injected = _InjectedDraws(draws)
        with (
            self._arithmetic(),
            patch.multiple(torch, randint=injected.randint, multinomial=injected.multinomial),
        ):
            output = self.model.generate(
                torch.tensor([prompt]), streamer=recorder, max_new_tokens=max_new_tokens
            )
        canvases = tuple(CanvasRecord(tuple(steps)) for steps in recorder.canvases)
        return Trajectory(canvases, tuple(output.sequences[0, len(prompt) :].tolist()))

    def _recording_sampler(
        self, config: DiffusionGemmaGenerationConfig, recorder: _Recorder
    ) -> _RecordingSampler:
        text = self.model.config.text_config
        sampler = _RecordingSampler(
            config.sampler_config,
            self.model.config.canvas_length,
            text.vocab_size,
            config.max_denoising_steps,
        )
        sampler.recorder = recorder
        return sampler

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """The reference's own arithmetic in float32; in float64 no value passes through float32."""
        if self.dtype != torch.float64:
            yield
            return
        previous = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with _AtLeastSinglePrecision():
                yield
        finally:
            torch.set_default_dtype(previous)
