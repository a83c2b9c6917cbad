"""Train networks with one recipe and one budget, and score them all, so that only the architecture differs.

    python paper/same_budget.py                 # every network below; finished ones are not trained again
    python paper/same_budget.py mssn-s srcnn    # only these; the other results stay

The recipe is `same-budget`: 3,000 updates of 8 patches at x2, from nothing. Weights stay in
runs/same-budget-MODEL, results go to paper/results/same-budget.json. Needs MSSN_DATA.
Killed runs go on where they were.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from mssn import arch, complexity, provenance
from mssn.evaluate import evaluate
from mssn.export.onnx import export
from mssn.runtime.openvino import OpenVINORuntime
from mssn.train.recipe import load_recipe
from mssn.weights import files, manifest

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "paper" / "results" / "same-budget.json"
NETWORKS = ("srcnn", "fsrcnn", "espcn", "carn-m", "awsrn-s", "falsr-c", "imdn", "mssn-s", "mssn-m")
RECIPE, SCALE = "same-budget", 2


def main() -> int:
    """Train, score and write, one network after the other."""
    recipe = load_recipe(RECIPE)
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {"networks": {}}
    result = {
        "recipe": asdict(recipe),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "networks": result["networks"],
    }
    for model in sys.argv[1:] or NETWORKS:
        weights = ROOT / "runs" / f"{RECIPE}-{model}" / "weights.safetensors"
        if not weights.exists() or files.load(weights)[1].updates != recipe.updates:
            command = [
                "train",
                RECIPE,
                "--set",
                f"model={model}",
                "--set",
                f"scale={SCALE}",
                "-o",
                weights.parent,
            ]
            if (weights.parent / "checkpoint.pt").exists():
                command.append("--resume")
            if code := subprocess.call([sys.executable, "-m", "mssn", *map(str, command)]):
                return code
        result["networks"][model] = measured(weights)
        print(model, result["networks"][model], flush=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measured(weights: Path) -> dict[str, object]:
    """What a weights file's network costs and scores, in float32."""
    meta = files.load(weights)[1]
    net = arch.build(meta.model, meta.scale)
    with tempfile.TemporaryDirectory() as folder:
        _, onnx = export(weights, Path(folder))
        runtime = OpenVINORuntime(onnx, precision="fp32")
        means = {name: evaluate(runtime, name).mean for name in manifest.BENCHMARKS}
    return {
        "parameters": complexity.count_parameters(net),
        "mult_adds": complexity.mult_adds(net, meta.scale),
        "updates": meta.updates,
        "data": meta.data,
        "psnr": {name: round(mean.psnr, 4) for name, mean in means.items()},
        "ssim": {name: round(mean.ssim, 5) for name, mean in means.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
