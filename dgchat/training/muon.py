"""Muon for all matrices, stacked ones included, in the precision of the weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrices to a stack [count, rows, columns], by Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    for _ in range(iterations):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.transpose(1, 2) if tall else x


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum; parameters are [rows, columns] or [count, rows, columns].

    Matrices of one shape are treated together. (torch.optim.Muon computes in bf16, which not every CPU can.)
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step from the gradients."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                by_shape[tuple(parameter.shape[-2:])].append(parameter)
            for shape, parameters in by_shape.items():
                self._step_shape(shape, parameters, group["lr"], group["momentum"])

    def _step_shape(
        self, shape: tuple[int, int], parameters: list[Tensor], lr: float, momentum: float
    ) -> None:
        updates = [self._momentum(parameter, momentum).reshape(-1, *shape) for parameter in parameters]
        steps = orthogonalise(torch.cat(updates)) * max(1.0, shape[0] / shape[1]) ** 0.5
        for parameter, step in zip(parameters, steps.split([len(update) for update in updates]), strict=True):
            parameter.add_(step.view_as(parameter), alpha=-lr)

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        state["velocity"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(state["velocity"], momentum)
