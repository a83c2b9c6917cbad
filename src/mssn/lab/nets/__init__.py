"""The table of models, and the one way from a name to a network."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import nn

from mssn.errors import UnknownModelError
from mssn.lab.nets.awsrn import AWSRN, AWSRNConfig
from mssn.lab.nets.carn import CARN, CARNConfig
from mssn.lab.nets.drcn import DRCN, DRCNConfig
from mssn.lab.nets.drrn import DRRN, DRRNConfig
from mssn.lab.nets.edsr import EDSR, EDSRConfig
from mssn.lab.nets.espcn import ESPCN, ESPCNConfig
from mssn.lab.nets.falsr import FALSR, FALSRConfig
from mssn.lab.nets.fsrcnn import FSRCNN, FSRCNNConfig
from mssn.lab.nets.imdn import IMDN, IMDNConfig
from mssn.lab.nets.lapsrn import LapSRN, LapSRNConfig
from mssn.lab.nets.luma import LumaNetwork
from mssn.lab.nets.mssn import MSSN, MSSNConfig
from mssn.lab.nets.rcan import RCAN, RCANConfig
from mssn.lab.nets.smfanet import SMFANet, SMFANetConfig
from mssn.lab.nets.spec import Domain, Spec
from mssn.lab.nets.srcnn import SRCNN, SRCNNConfig
from mssn.lab.nets.vdsr import VDSR, VDSRConfig
from mssn.lab.nets.wdsr import WDSR, WDSRConfig

__all__ = ["MODELS", "Domain", "Spec", "build", "spec"]


def _told(row: Spec) -> Spec:
    return dataclasses.replace(row, config=dataclasses.replace(row.config, told=True))


_MSSN_S = Spec(MSSN, MSSNConfig(channels=32, expanded=64, blocks=4))
_MSSN_M = Spec(MSSN, MSSNConfig(channels=64, expanded=128, blocks=4))
_MSSN = Spec(MSSN, MSSNConfig(channels=64, expanded=256, blocks=6), count_gains=True)

MODELS: dict[str, Spec] = {
    "mssn-s": _MSSN_S,
    "mssn-m": _MSSN_M,
    "mssn": _MSSN,
    # The same networks with weights made for photographs as they are stored.
    "mssn-s-photo": _told(_MSSN_S),
    "mssn-m-photo": _told(_MSSN_M),
    "mssn-photo": _told(_MSSN),
    "carn": Spec(CARN, CARNConfig()),
    "carn-m": Spec(CARN, CARNConfig(groups=4, shared=True)),
    "srcnn": Spec(SRCNN, SRCNNConfig(), domain=Domain.Y_ENLARGED),
    "fsrcnn": Spec(FSRCNN, FSRCNNConfig(), domain=Domain.Y),
    "espcn": Spec(ESPCN, ESPCNConfig(), domain=Domain.Y),
    "vdsr": Spec(VDSR, VDSRConfig(), domain=Domain.Y_ENLARGED),
    "drcn": Spec(DRCN, DRCNConfig(), domain=Domain.Y_ENLARGED),
    "lapsrn": Spec(LapSRN, LapSRNConfig(), scales=(2, 4), domain=Domain.Y),
    "drrn": Spec(DRRN, DRRNConfig(), domain=Domain.Y_ENLARGED),
    "drrn-b1u9": Spec(DRRN, DRRNConfig(units=9), domain=Domain.Y_ENLARGED),
    "edsr-baseline": Spec(EDSR, EDSRConfig()),
    "mdsr-baseline": Spec(EDSR, EDSRConfig(own_blocks=2)),
    "wdsr-a": Spec(WDSR, WDSRConfig()),
    "wdsr-b": Spec(WDSR, WDSRConfig(expansion=6, low_rank=0.8)),
    "falsr-a": Spec(FALSR, FALSRConfig("a"), scales=(2,), domain=Domain.Y),
    "falsr-b": Spec(FALSR, FALSRConfig("b"), scales=(2,), domain=Domain.Y),
    "falsr-c": Spec(FALSR, FALSRConfig("c"), scales=(2,), domain=Domain.Y),
    "awsrn": Spec(AWSRN, AWSRNConfig(), count_gains=True),
    "awsrn-m": Spec(AWSRN, AWSRNConfig(blocks=3), count_gains=True),
    "awsrn-s": Spec(AWSRN, AWSRNConfig(blocks=1), count_gains=True),
    "awsrn-sd": Spec(AWSRN, AWSRNConfig(channels=16, blocks=2), count_gains=True),
    "rcan": Spec(RCAN, RCANConfig()),
    "imdn": Spec(IMDN, IMDNConfig()),
    "smfanet-plus": Spec(SMFANet, SMFANetConfig()),
}


def spec(model: str) -> Spec:
    """The row of a model.

    Raises:
        UnknownModelError: There is no such model.
    """
    if model not in MODELS:
        raise UnknownModelError(f"unknown model '{model}'; known are: {', '.join(MODELS)}")
    return MODELS[model]


def build(model: str, scale: int, changes: dict[str, Any] | None = None) -> nn.Module:
    """A fresh network with random weights.

    Args:
        model: A name of the table.
        scale: One of the model's factors.
        changes: Config fields that differ from the model's, for ablations.

    Raises:
        UnknownModelError: No such model, no such scale of it, or no such config field.
    """
    row = spec(model)
    if scale not in row.scales:
        known = ", ".join(map(str, row.scales))
        raise UnknownModelError(f"{model} has no scale {scale}; it has: {known}")
    usual = vars(row.config)
    for key, value in (changes or {}).items():
        if key not in usual:
            raise UnknownModelError(f"{model} has no setting '{key}'; it has: {', '.join(usual)}")
        if isinstance(usual[key], bool) and not isinstance(value, bool):
            raise UnknownModelError(f"{model}: {key} must be true or false, got {value!r}")
    try:
        net = row.network(dataclasses.replace(row.config, **(changes or {})), scale)
    except (TypeError, ValueError) as error:
        raise UnknownModelError(f"{model}: {error}") from error
    if row.domain is Domain.RGB:
        return net
    return LumaNetwork(net, scale, enlarged=row.domain is Domain.Y_ENLARGED)
