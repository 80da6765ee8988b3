"""How much memory a checkpoint takes: weights, cache and workspace, from headers and config alone.

Nothing is allocated to find out, and what does not fit is refused with the nearest thing that does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import torch

from dgchat.checkpoint.find import checkpoint_name
from dgchat.checkpoint.folder import Checkpoint
from dgchat.checkpoint.formats.layout import Layout, are_experts, experts_layout
from dgchat.checkpoint.stored import StoredWeights, compute_dtype
from dgchat.checkpoint.tensors import expected_tensors
from dgchat.checkpoint.workspace import workspace_bytes
from dgchat.errors import InsufficientMemoryError, UsageError
from dgchat.hub.formats import Configuration
from dgchat.hub.quantisation import quantisation_of
from dgchat.hub.sizes import rounded
from dgchat.model.cache_sizes import cache_bytes
from dgchat.model.config import ModelConfig

LEAST_CANVASES = 4
"""Canvases of the shortest context that is worth loading a model for: a question and a short answer."""

KEPT_FREE = 0.03
"""Of the free memory, what a context that nobody asked for leaves to other programs and to fragmentation."""

NVFP4_BYTES = 9 / 16
"""Per expert weight in NVFP4: half a byte of code, and a byte of scale for every 16."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What a model needs on its device."""

    context_length: int
    """Most tokens of prompt and answer together."""
    weights_bytes: int
    cache_bytes: int
    """Keys and values of the whole context."""
    workspace_bytes: int
    """The most that a denoising step or a chunk of the prompt holds for itself."""
    batch: int = 1
    """Answers together, each with cache and workspace of its own."""

    @property
    def total_bytes(self) -> int:
        """All three together."""
        return self.weights_bytes + self.cache_bytes + self.workspace_bytes

    def beside(self, available_bytes: int | None) -> str:
        """The plan in one line with what is free; None: nothing tells how much that is."""
        if available_bytes is None:
            return f"{self}; how much is free is not known here"
        return f"{self}; {rounded(available_bytes)} free"

    def __str__(self) -> str:
        together = f"{self.batch} answers together, each with " if self.batch > 1 else ""
        return (
            f"{rounded(self.total_bytes)} for {together}a context of {self.context_length:,} tokens:"
            f" weights {rounded(self.weights_bytes)}, cache {rounded(self.cache_bytes)},"
            f" workspace {rounded(self.workspace_bytes)}"
        )


@dataclass(frozen=True, slots=True)
class MemoryPlanner:
    """Plans for one model on one kind of device, whatever the context."""

    config: ModelConfig
    weights_bytes: int
    device: str
    """`cuda`, `cpu` or `mps`."""
    dtype: torch.dtype
    """Data type of the computation, and of every weight that is not packed."""
    is_packed: bool = False
    """Whether the experts are quantised, and stay so in memory."""
    batch: int = 1
    """Answers that are to be denoised together."""

    @classmethod
    def of(cls, stored: StoredWeights, device: str) -> MemoryPlanner:
        """The planner for the model that these weights become on the device."""
        dtype = stored.compute_dtype(device)
        is_packed = stored.quantisation != "none"
        return cls(stored.config, weights_bytes(stored.layout, dtype), device, dtype, is_packed)

    @classmethod
    def of_configuration(cls, configuration: Configuration, device: str) -> MemoryPlanner:
        """The planner for a model of which only the configuration is here: exact where nothing but experts is
        quantised, too large otherwise. CheckpointError if the configuration is not one of ours.
        """
        quantisation = quantisation_of(configuration.config, configuration.own)
        config = ModelConfig.from_json(configuration.config)
        dtype = compute_dtype(device, torch.float32 if configuration.format == "fp32" else torch.bfloat16)
        num_bytes = 0
        for name, shape in expected_tensors(config).items():
            if quantisation.scheme == "none" or not are_experts(name):
                num_bytes += prod(shape) * dtype.itemsize
            else:
                count, *expert = shape
                num_bytes += count * weights_bytes(experts_layout(quantisation, name, (1, *expert)), dtype)
        return cls(config, num_bytes, device, dtype, quantisation.scheme != "none")

    @property
    def limit(self) -> int:
        """The longest context that the model is made for."""
        return self.config.max_position_embeddings

    @property
    def least(self) -> int:
        """The shortest context worth loading the model for."""
        return min(self.limit, LEAST_CANVASES * self.config.canvas_length)

    def plan(self, context_length: int) -> MemoryPlan:
        """The plan for a context of so many tokens."""
        return MemoryPlan(
            context_length,
            self.weights_bytes,
            cache_bytes(within(self.config, context_length), context_length, self.dtype, self.batch),
            workspace_bytes(self.config, context_length, self.device, self.dtype, self.batch),
            self.batch,
        )

    def longest_context(self, available_bytes: int) -> int | None:
        """The longest context whose plan fits, at most the model's limit; None if not even the least does."""
        if self.plan(self.least).total_bytes > available_bytes:
            return None
        fits, too_long = self.least, self.limit + 1
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.plan(middle).total_bytes <= available_bytes:
                fits = middle
            else:
                too_long = middle
        return fits

    def roomy_context(self, available_bytes: int) -> int | None:
        """The longest context that leaves a little of the memory free, else what `longest_context` says."""
        roomy = self.longest_context(int(available_bytes * (1 - KEPT_FREE)))
        return roomy or self.longest_context(available_bytes)

    def largest_batch(self, available_bytes: int, context_length: int | None) -> int:
        """How many answers together fit, with the context or else the least one; 0 if not even one."""
        fits, length = 0, min(context_length or self.least, self.limit)
        while fits < self.batch and replace(self, batch=fits + 1).plan(length).total_bytes <= available_bytes:
            fits += 1
        return fits

    def in_nvfp4(self) -> MemoryPlanner:
        """The planner for the same model with its experts in NVFP4."""
        config = self.config
        per_layer = 3 * config.num_experts * config.moe_intermediate_size * config.hidden_size
        saved = len(config.layers) * per_layer * (self.dtype.itemsize - NVFP4_BYTES)
        return replace(self, weights_bytes=self.weights_bytes - int(saved), is_packed=True)


def weights_bytes(layout: Layout, dtype: torch.dtype) -> int:
    """Bytes of all parameters in memory: packed ones as they are kept, the others as `dtype`."""
    return sum(
        prod(expected.shapes[0]) * (expected.kept_as or dtype).itemsize for expected in layout.values()
    )


def within(config: ModelConfig, context_length: int) -> ModelConfig:
    """The config of the same model with a shorter context, for which it also takes a smaller cache."""
    return replace(config, max_position_embeddings=context_length)


def choose_plan(
    planner: MemoryPlanner,
    name: str,
    available_bytes: int | None,
    context_length: int | None,
    named_by: str = "--model",
) -> MemoryPlan:
    """The plan to load the model called `name` by: for the context asked for or else the longest that fits
    with a little to spare, in either case at most the model's limit.

    InsufficientMemoryError names what is needed, what is there, and the nearest that fits. None
    available: how much is there is not known, and nothing refused. `named_by` is what a person has to leave
    out to get the bundled model.
    """
    if context_length is not None and context_length <= planner.config.canvas_length:
        raise UsageError(
            f"a context of {context_length} tokens has no room for a canvas of"
            f" {planner.config.canvas_length} and a prompt",
            hint=f"{planner.least} and more make sense",
        )
    if available_bytes is None:
        return planner.plan(min(context_length or planner.limit, planner.limit))
    longest = planner.roomy_context(available_bytes)
    wanted = min(context_length or longest or planner.least, planner.limit)
    plan = planner.plan(wanted)
    if plan.total_bytes > available_bytes:
        raise InsufficientMemoryError(
            f"{name} needs {plan}; {rounded(available_bytes)} are free",
            hint=_nearest(planner, available_bytes, longest, named_by, context_length),
        )
    return plan


def bound_context(
    checkpoint: Checkpoint,
    device: str,
    available_bytes: int | None,
    context_length: int | None,
    named_by: str = "--model",
    batch: int = 1,
) -> tuple[Checkpoint, MemoryPlan]:
    """The checkpoint with the context of `choose_plan`, and that plan, for `batch` answers together; its
    errors if it does not fit.
    """
    name = checkpoint_name(checkpoint.folder)
    planner = replace(MemoryPlanner.of(checkpoint, device), batch=batch)
    plan = choose_plan(planner, name, available_bytes, context_length, named_by)
    return replace(checkpoint, config=within(checkpoint.config, plan.context_length)), plan


def _nearest(
    planner: MemoryPlanner, available_bytes: int, longest: int | None, named_by: str, wished: int | None
) -> str:
    """What to do where a plan does not fit, the least change first."""
    if planner.batch > 1:
        if fits := planner.largest_batch(available_bytes, wished):
            return f"{fits} together fit: --batch-size {fits}"
        planner = replace(planner, batch=1)
        longest = planner.roomy_context(available_bytes)
    if longest is not None:
        return f"a context of {longest:,} tokens fits: --context {longest}"
    twin = planner.in_nvfp4()
    if not planner.is_packed and (fits := twin.roomy_context(available_bytes)) is not None:
        needs = rounded(twin.plan(fits).total_bytes)
        return (
            f"in NVFP4 it fits, {needs} with a context of {fits:,} tokens; dgchat models lists what there is"
        )
    return f"the bundled model fits: leave out {named_by}"
