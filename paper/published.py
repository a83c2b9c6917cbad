"""Score the weights that the authors of CARN-M published, on every benchmark and scale.

    python paper/published.py carn_m.pth

An outside proof that network, resize and metrics are right: its scores are known from other scorers. Writes
paper/results/carn-m-published.json. Needs MSSN_DATA.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from mssn import provenance
from mssn.lab.export.onnx import write_onnx
from mssn.lab.foreign import read_foreign
from mssn.models import info
from mssn.runtime.openvino import OpenVINORuntime
from mssn.score.evaluate import evaluate

RESULT = Path(__file__).parent / "results" / "carn-m-published.json"


def main() -> None:
    """Score and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path, help="carn_m.pth, as its authors published it")
    weights = parser.parse_args().weights
    scores = {}
    for scale in (2, 3, 4):
        net, meta = read_foreign(weights, "carn-m", scale)
        with tempfile.TemporaryDirectory() as folder:
            write_onnx(net, meta, Path(folder) / "net.onnx")
            runtime = OpenVINORuntime(Path(folder) / "net.onnx", precision="fp32")
            means = {name: evaluate(runtime, name).mean for name in info.BENCHMARKS}
        scores[f"x{scale}"] = {name: [round(m.psnr, 4), round(m.ssim, 5)] for name, m in means.items()}
        print(scale, scores[f"x{scale}"], flush=True)
    result = {"versions": provenance.versions(), "commit": provenance.commit(), "psnr_ssim": scores}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
