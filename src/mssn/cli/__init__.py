"""The command line: `mssn VERB`. One file a verb, imported only when that verb is used."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError

from mssn.errors import MssnError
from mssn.version import __version__

app = App(
    name="mssn",
    version=__version__,
    suppress_keyboard_interrupt=False,
    help="Enlarge photographs with networks of 80 thousand parameters; train, score and count them.",
)
_VERBS = {
    "upscale": "Enlarge pictures.",
    "compare": "Shrink a picture, enlarge it again, and show how well that went beside bicubic.",
    "evaluate": "Score a model on a benchmark or a folder of pictures.",
    "info": "List the models: size, cost, what they see, scores.",
    "downscale": "Shrink pictures exactly as MATLAB does.",
    "train": "Train a network from a recipe.",
    "export": "Turn trained weights into the files that ship: ONNX and half-precision safetensors.",
}
for _verb, _help in _VERBS.items():
    app.command(f"mssn.cli.{_verb}:{_verb}", name=_verb, help=_help)


def main() -> None:
    """Run the command line; errors a person can put right become one line and exit code 2."""
    try:
        result = app(sys.argv[1:], print_error=False, exit_on_error=False, result_action="return_value")
        code = result if isinstance(result, int) else 0
    except (MssnError, CycloptsError) as error:
        code = fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("torch", "onnx", "onnxscript", "tensorboard"):
            raise
        code = fail(f"{error.name} is not installed; run: pip install 'mssn[train]'")
    except KeyboardInterrupt:
        print("mssn: stopped", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        code = 0
    sys.exit(code)


def fail(message: str) -> int:
    """Print one line to stderr; the exit code for bad input."""
    print(f"mssn: {' '.join(message.split())}", file=sys.stderr)
    return 2
