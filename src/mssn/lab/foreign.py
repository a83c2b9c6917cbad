"""Weights other authors published, as ours: read safely, every name mapped explicitly."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mssn.errors import WeightsError
from mssn.lab import nets
from mssn.lab.complexity import count_parameters, halo
from mssn.models.meta import Meta

_CARN_M, _SMFANET = "carn-m", "smfanet-plus"
IMPORTABLE = (_CARN_M, _SMFANET)
_UNITS = {"b1.body.0": "parts.0.convs.0", "b1.body.2": "parts.0.convs.1", "b1.body.4": "parts.0.convs.2"}
_SMFANET_PARTS = {
    "smfa.linear_0": "aggregate.enter",
    "smfa.linear_1": "aggregate.whole.mix",
    "smfa.linear_2": "aggregate.leave",
    "smfa.lde.conv_0.0": "aggregate.near.0",
    "smfa.lde.conv_0.1": "aggregate.near.1",
    "smfa.lde.conv_1": "aggregate.near.3",
    "smfa.dw_conv": "aggregate.whole.filter",
    "pcfn.conv_0": "feed_forward.widen",
    "pcfn.conv_1": "feed_forward.filter",
    "pcfn.conv_2": "feed_forward.narrow",
}
_SMFANET_NAMES = {"to_feat": "head", "to_img.0": "tail"}
_SMFANET_FACTORS = {"smfa.alpha": "aggregate.whole.coarse", "smfa.belt": "aggregate.whole.spread"}
_JOINS = {f"c{n + 1}.body.0": f"joins.{n}" for n in range(3)}


def read_foreign(path: Path, model: str, scale: int) -> tuple[nn.Module, Meta]:
    """A network with the weights its authors published.

    Args:
        path: CARN-M: carn_m.pth, which holds all three scales, as found at github.com/nmhkahn/CARN-pytorch;
            SMFANet+: a file for each scale, as found at github.com/Zheng-MJ/SMFANet.
        model: "carn-m" or "smfanet-plus".
        scale: 2, 3 or 4.

    Raises:
        WeightsError: The file cannot be read, or holds other weights; or there is no way to read that model.
        UnknownModelError: There is no such scale.
    """
    if model not in IMPORTABLE:
        raise WeightsError(f"weights of {model} cannot be imported; only those of {', '.join(IMPORTABLE)}")
    net: Any = nets.build(model, scale)
    theirs = _read(path)
    state = {"normalize.mean": net.normalize.mean} if model == _CARN_M else {}
    for name, tensor in theirs.items():
        if (ours := _carn_m_name(name, scale) if model == _CARN_M else _smfanet_name(name)) is not None:
            state[ours] = tensor
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{path}: not the weights of {model} as its authors published them") from error
    meta = Meta(
        model=model,
        scale=scale,
        config=asdict(net.config),
        domain=nets.spec(model).domain.value,
        halo=halo(net, scale),
        parameters=count_parameters(net),
        data=f"{'DIV2K' if model == _CARN_M else 'DF2K'}, by its authors",
        licence="MIT" if model == _CARN_M else "Apache-2.0",
    )
    return net.eval(), meta


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # a file that is something else can break the reader anywhere
        raise WeightsError(f"{path}: no file of PyTorch weights") from error
    if isinstance(state, dict):
        state = state.get("params_ema", state.get("params", state))  # SMFANet's tables lie in a table
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise WeightsError(f"{path}: holds no table of weights")
    return state


def _carn_m_name(name: str, scale: int) -> str | None:
    """Our name of a tensor of theirs; None for what another scale needs, and for the mean, which is ours."""
    stem, _, kind = name.rpartition(".")
    if stem in ("entry", "exit"):
        return name
    if stem in _JOINS:
        return f"body.{_JOINS[stem]}.{kind}"
    if found := re.fullmatch(r"b([123])\.(.*)", stem):
        part = _UNITS.get(found[2]) or _JOINS.get(found[2])
        return f"body.parts.{int(found[1]) - 1}.{part}.{kind}"
    if found := re.fullmatch(rf"upsample\.up{scale}\.body\.([03])", stem):
        return f"upsample.{int(found[1]) // 3}.{kind}"
    return None


def _smfanet_name(name: str) -> str:
    """Our name of a tensor of theirs; of an unknown one theirs, which no network takes."""
    stem, _, kind = name.rpartition(".")
    if stem in _SMFANET_NAMES:
        return f"{_SMFANET_NAMES[stem]}.{kind}"
    found = re.fullmatch(r"feats\.(\d+)\.(.*)", name)
    if found and found[2] in _SMFANET_FACTORS:
        return f"body.{found[1]}.{_SMFANET_FACTORS[found[2]]}"
    part, _, kind = (found[2] if found else "").rpartition(".")
    return f"body.{found[1]}.{_SMFANET_PARTS[part]}.{kind}" if found and part in _SMFANET_PARTS else name
