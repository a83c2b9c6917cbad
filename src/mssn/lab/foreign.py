"""Weights other authors published, as ours: read safely, every name mapped explicitly."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from mssn.errors import WeightsError
from mssn.lab import nets
from mssn.lab.complexity import count_parameters, halo
from mssn.lab.nets.carn import CARN
from mssn.models.meta import Meta

IMPORTABLE = ("carn-m",)
_UNITS = {"b1.body.0": "parts.0.convs.0", "b1.body.2": "parts.0.convs.1", "b1.body.4": "parts.0.convs.2"}
_JOINS = {f"c{n + 1}.body.0": f"joins.{n}" for n in range(3)}


def read_foreign(path: Path, model: str, scale: int) -> tuple[nn.Module, Meta]:
    """A network with the weights its authors published.

    Args:
        path: CARN-M: carn_m.pth, which holds all three scales, as found at github.com/nmhkahn/CARN-pytorch.
        model: "carn-m".
        scale: 2, 3 or 4.

    Raises:
        WeightsError: The file cannot be read, or holds other weights; or there is no way to read that model.
        UnknownModelError: There is no such scale.
    """
    if model not in IMPORTABLE:
        raise WeightsError(f"weights of {model} cannot be imported; only those of {', '.join(IMPORTABLE)}")
    net = nets.build(model, scale)
    if not isinstance(net, CARN):
        raise WeightsError(f"{path}: {model} is no CARN")
    theirs = _read(path)
    state = {"normalize.mean": net.normalize.mean}
    for name, tensor in theirs.items():
        if (ours := _carn_m_name(name, scale)) is not None:
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
        data="DIV2K, by its authors",
        licence="MIT",
    )
    return net.eval(), meta


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # a file that is something else can break the reader anywhere
        raise WeightsError(f"{path}: no file of PyTorch weights") from error
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
