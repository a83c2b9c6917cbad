"""Optimisers: Adam for everything, or Muon for the convolutions and Adam for gains, biases and scales."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from mssn.lab import private_torch
from mssn.lab.train.recipe import Recipe

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Momentum whose step has all singular values near 1, for the weights of convolutions.

    A weight is the matrix it applies to a patch: out x (in * k * k). Patches of a picture are so
    much alike that their small differences, which matter here, are learnt late with any other step.

    Source: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); the step's
    length as in J. Liu et al., "Muon is Scalable for LLM Training" (2025), which lets it share Adam's
    learning rate. Matrices of one shape are orthogonalised together.

    Args:
        params: Weights, out x in x k x k; in is 1 in a depthwise convolution.
        lr: Learning rate, on Adam's scale.
        momentum: Decay of the gradients' average.
    """

    def __init__(self, params: Any, lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One update."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.shape].append(p)
            for shape, params in alike.items():
                grads: list[Tensor] = [p.grad for p in params]  # pyright: ignore[reportAssignmentType]
                averages = []
                for p in params:
                    state = self.state[p]
                    if not state:
                        state["average"] = torch.zeros_like(p)
                    averages.append(state["average"])
                private_torch.lerp_(averages, grads, 1 - group["momentum"])
                ahead = private_torch.lerp(grads, averages, group["momentum"])
                steps = orthogonal(torch.stack([a.flatten(1) for a in ahead]))
                length = 0.2 * max(shape[0], shape[1:].numel()) ** 0.5
                private_torch.add_(params, list((steps * (-length * group["lr"])).view(-1, *shape)))


def orthogonal(matrices: Tensor, iterations: int = 5) -> Tensor:
    """N x rows x columns -> the same singular vectors with singular values of about 0.7 to 1.2."""
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-12)
    for _ in range(iterations):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


def optimizers(net: nn.Module, recipe: Recipe, *, captured: bool = False) -> list[torch.optim.Optimizer]:
    """Adam for everything, or Muon for the weights of convolutions and Adam for the rest.

    Args:
        net: Whose parameters.
        recipe: Which optimiser, learning rate, and Adam's settings.
        captured: Whether updates will be replayed as a CUDA graph. Learning rates are tensors then, so that
            they follow the schedule.
    """
    matrices = [p for p in net.parameters() if p.ndim == 4] if recipe.optimizer == "muon" else []
    rest = [p for p in net.parameters() if all(p is not m for m in matrices)]

    def rate() -> Any:
        return torch.tensor(recipe.learning_rate, device=rest[0].device) if captured else recipe.learning_rate

    betas = recipe.betas[0], recipe.betas[1]
    adam = torch.optim.Adam(rest, rate(), betas, recipe.epsilon, fused=True, capturable=captured)
    return [adam, Muon(matrices, rate())] if matrices else [adam]


def load_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take over an optimiser's averages, but not its settings: those are the recipe's and this device's.

    Raises:
        ValueError: It belongs to other parameters.
    """
    own = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, settings in zip(optimizer.param_groups, own, strict=True):
        group.update(settings)
