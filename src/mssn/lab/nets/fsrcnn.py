"""FSRCNN: works on the small picture in few channels and enlarges with one transposed convolution at the end.

Source: C. Dong, C. C. Loy, X. Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV
2016, section 3; FSRCNN(56, 12, 4). Table 5 of the MSSN paper prints 12K: its 12,464 weights without biases
and PReLU slopes; and 6.0G at x2, which counts all 81 x 56 weights of the last layer for each large pixel.
Each large pixel meets only one in scale**2 of them: 2.9G.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class FSRCNNConfig:
    """Shape of an FSRCNN.

    Args:
        features: Channels of the first and the last layer (d, 56).
        shrunk: Channels between them (s, 12).
        layers: Mapping layers (m, 4).
    """

    features: int = 56
    shrunk: int = 12
    layers: int = 4


class FSRCNN(nn.Module):
    """Enlarges luma.

    Args:
        config: Shape.
        scale: Factor.
    """

    def __init__(self, config: FSRCNNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        d, s = config.features, config.shrunk
        mapping = [layer for _ in range(config.layers) for layer in _step(s, s, 3)]
        self.body = nn.Sequential(*_step(1, d, 5), *_step(d, s, 1), *mapping, *_step(s, d, 1))
        # An output pixel for each of scale x scale; what is cut off keeps the picture in place.
        self.enlarge = nn.ConvTranspose2d(d, 1, 9, stride=scale, padding=4, output_padding=scale - 1)
        nn.init.normal_(self.enlarge.weight, std=1e-3)  # starts near black, not in noise

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> N x 1 x scale*H x scale*W."""
        return self.enlarge(self.body(x))


def _step(before: int, after: int, kernel: int) -> list[nn.Module]:
    conv = nn.Conv2d(before, after, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(conv.weight, a=0.25)  # made for PReLU (He et al. 2015)
    return [conv, nn.PReLU(after)]
