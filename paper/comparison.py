"""The paper's comparison as data: what it prints, what is counted and what is measured here."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from mssn.lab import complexity, nets
from mssn.models.info import BENCHMARKS, PHOTO

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "paper" / "results"
# As people write them, in the order of Table 5.
NAMES = {
    "srcnn": "SRCNN",
    "fsrcnn": "FSRCNN",
    "espcn": "ESPCN",
    "vdsr": "VDSR",
    "drcn": "DRCN",
    "lapsrn": "LapSRN",
    "drrn": "DRRN",
    "carn": "CARN",
    "carn-m": "CARN-M",
    "falsr-a": "FALSR-A",
    "falsr-b": "FALSR-B",
    "falsr-c": "FALSR-C",
    "awsrn-s": "AWSRN-S",
    "awsrn-sd": "AWSRN-SD",
    "awsrn": "AWSRN",
    "imdn": "IMDN",
    "mssn-s": "MSSN-S",
    "mssn-m": "MSSN-M",
    "mssn": "MSSN",
}
KERNELS_ONLY = ("srcnn", "fsrcnn", "vdsr", "drcn")  # counted without biases and slopes

Scores = dict[str, tuple[float, float]]


def printed() -> dict[str, dict[str, Any]]:
    """Rows of Table 5 by "MODEL-xSCALE": parameters in thousands, mult_adds in 1e9, PSNR and SSIM by set.

    Where ours cannot be counted to the same number, `parameters_differ` or `mult_adds_differ` says why.
    """
    return tomllib.loads((ROOT / "paper" / "reported.toml").read_text())


def measured() -> dict[str, Scores]:
    """PSNR and SSIM by "MODEL-xSCALE" and set: of what ships, and of CARN-M with its authors' weights."""
    found: dict[str, Scores] = {}
    for path in sorted(path for path in RESULTS.glob("mssn*-x?.json") if PHOTO not in path.stem):
        data = json.loads(path.read_text())["data"]
        found[path.stem] = {
            name: (data[name]["mean"]["psnr"], data[name]["mean"]["ssim"]) for name in BENCHMARKS
        }
    published = RESULTS / "carn-m-published.json"
    if published.exists():
        for scale, scores in json.loads(published.read_text())["psnr_ssim"].items():
            found[f"carn-m-{scale}"] = {name: (psnr, ssim) for name, (psnr, ssim) in scores.items()}
    return found


def counts(model: str, scale: int) -> tuple[int, float]:
    """Parameters and Mult-Adds of a network in the way Table 5 counts it.

    Of the oldest networks the kernels alone, of all but MSSN no additions of biases, and those at the exact
    share of 1280x720, where MSSN is counted at whole pixels (1280x720 is no multiple of 3).
    """
    net, spec = nets.build(model, scale), nets.spec(model)
    if model.startswith("mssn"):
        parameters = complexity.count_parameters(net, gains=spec.count_gains)
        return parameters, complexity.mult_adds(net, scale)
    if model in KERNELS_ONLY:
        tensors = net.named_parameters()
        parameters = sum(p.numel() for name, p in tensors if name.endswith("weight") and p.ndim == 4)
    else:
        parameters = complexity.count_parameters(net, gains=spec.count_gains)
    rows, columns = complexity.HD
    operations = complexity.mult_adds(net, scale, biases=False)
    if spec.domain is not nets.Domain.Y_ENLARGED:
        operations *= (rows / scale) * (columns / scale) / ((rows // scale) * (columns // scale))
    return parameters, operations
