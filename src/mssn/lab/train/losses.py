"""How far an enlarged picture is from the original, as training sees it."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}
_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)  # BT.601; the offset of 16 cancels in a difference


class Loss:
    """Mean error over RGB values, brightness, and what a larger network makes of the picture.

    Args:
        kind: "l1" (the paper's) or "l2".
        luma: Share of the error of Y, which is what PSNR is measured on; the rest is the error of RGB.
        distill: Share of the error against the teacher's picture; the rest is against the original.
    """

    def __init__(self, kind: str, luma: float = 0.0, distill: float = 0.0) -> None:
        self.error, self.luma, self.distill = _ERRORS[kind], luma, distill

    def __call__(self, sr: Tensor, hr: Tensor, taught: Tensor | None = None) -> Tensor:
        """N x 3 x H x W float32 each -> a scalar."""
        loss = self._apart(sr, hr)
        if taught is not None and self.distill:
            loss = torch.lerp(loss, self._apart(sr, taught), self.distill)
        return loss

    def _apart(self, sr: Tensor, target: Tensor) -> Tensor:
        if not self.luma:
            return self.error(sr, target)
        y = self.error(_luma(sr), _luma(target))
        return y if self.luma == 1 else torch.lerp(self.error(sr, target), y, self.luma)


def _luma(x: Tensor) -> Tensor:
    """N x 3 x H x W -> N x H x W, Y without its offset."""
    red, green, blue = _LUMA
    return red * x[:, 0] + green * x[:, 1] + blue * x[:, 2]
