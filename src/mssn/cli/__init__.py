"""The command line: `mssn VERB`. One file a verb, imported only when that verb is used."""

from __future__ import annotations

import difflib
import io
import signal
import sys
import threading

from cyclopts import App, CycloptsError, MissingArgumentError, UnusedCliTokensError

from mssn.cli.streams import broken, flushed, open_closed, tell
from mssn.errors import MssnError
from mssn.version import __version__

app = App(
    name="mssn",
    version=__version__,
    suppress_keyboard_interrupt=False,
    help="Enlarge photographs with networks of 80 thousand parameters; train, score and count them.",
)
# The extra that brings each package the base install lacks.
_OPTIONAL = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "tensorboard": "train",
    "ray": "cluster",
}
# A converter of models that OpenVINO loads if it is there, which takes longer than a small picture.
_UNUSED = "openvino.tools.ovc"
_VERBS = {
    "upscale": "Enlarge pictures.",
    "compare": "Shrink a picture, enlarge it again, and show how well that went beside bicubic.",
    "evaluate": "Score a model on a benchmark or a folder of pictures.",
    "info": "List the models: size, cost, what they see, scores.",
    "profile": "Measure what each layer of a network costs on this processor.",
    "downscale": "Shrink pictures exactly as MATLAB does.",
    "train": "Train a network from a recipe.",
    "ablate": "Train and score the arms of an experiment, such as a table of the paper.",
    "soup": "Average the weights of several trainings of one network.",
    "import": "Turn weights that other authors published into a file of ours.",
    "export": "Turn trained weights into the files that ship: ONNX, half-precision safetensors, int8.",
}
for _verb, _help in _VERBS.items():
    _name = "import_" if _verb == "import" else _verb  # a word that Python keeps for itself
    app.command(f"mssn.cli.{_name}:{_name}", name=_verb, help=_help)


def main() -> None:
    """Run the command line; errors a person can put right become one line and exit code 2."""
    open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows knows no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup has it ignored
                signal.signal(number, _terminated)
    sys.modules.setdefault(_UNUSED, None)  # pyright: ignore[reportArgumentType]
    try:
        if "" in sys.argv[1:]:  # an unset variable in a script, which as a path would mean "everything here"
            raise MssnError("an argument is empty; is a variable unset?")
        _check_verb(sys.argv[1:])
        # A dash alone would be taken for an option without a name; as a path it is the same.
        arguments = ["./-" if argument == "-" else argument for argument in sys.argv[1:]]
        result = app(arguments, print_error=False, exit_on_error=False, result_action="return_value")
        code = result if isinstance(result, int) else 0
    except (MissingArgumentError, UnusedCliTokensError) as error:
        code = fail(_in_words(error))
    except (MssnError, CycloptsError) as error:
        from mssn.cli.options import in_options

        code = fail(in_options(error))
    except BrokenPipeError:  # the reader of a pipe has seen enough; of errors nobody ever has
        code = 0 if broken(sys.stdout) else 1
    except ImportError as error:
        missing = _missing_dependency(error)
        install = f"{missing} is not installed; run: pip install 'mssn[{_OPTIONAL.get(str(missing))}]'"
        code = _fault(error) if missing is None else fail(install)
    except MemoryError:
        code = fail("not enough memory for this picture or batch; try a smaller one")
    except OSError as error:  # whatever the verbs did not put into better words
        code = fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt as stop:
        code = _stopped(stop, 128 + signal.SIGINT)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
        if code > 128:
            _stopped(stop, code)
    except Exception as error:
        code = _fault(error)
    sys.exit(flushed(code))


def _check_verb(arguments: list[str]) -> None:
    """Refuse what is no verb, before the verbs are imported to find one like it; some need PyTorch."""
    if not arguments or arguments[0] in _VERBS or arguments[0] in ("--help", "-h", "--version"):
        return
    close = difflib.get_close_matches(arguments[0], _VERBS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"it must be one of {', '.join(_VERBS)}"
    raise MssnError(f"'{arguments[0]}' is nothing that mssn does; {hint}")


def _in_words(error: MissingArgumentError | UnusedCliTokensError) -> str:
    """What is missing or too much, and where it is explained; cyclopts' own words riddle."""
    verb = sys.argv[1]
    if isinstance(error, UnusedCliTokensError):
        told = f"cannot do anything with '{' '.join(error.unused_tokens or ())}'"
    else:
        name = error.keyword or (error.argument.name if error.argument else "an argument")
        told = f"a value for {name} is missing" if name.startswith("-") else f"{name} is missing"
    return f"{verb}: {told}; see mssn {verb} --help"


def _terminated(number: int, _: object) -> None:
    """Leave as after Ctrl-C, so that temporary files go."""
    sys.exit(128 + number)


def _stopped(stop: BaseException, code: int) -> int:
    """Say that somebody stopped the work, and what its verb noted of that; the exit code."""
    if sys.stderr.isatty():
        print(file=sys.stderr)  # behind the ^C
    tell(": ".join(["mssn: stopped", *getattr(stop, "__notes__", ())]))
    return code


def _fault(error: Exception) -> int:
    """Say what nobody expected, in a line; the exit code. Whoever is to mend it sees where it was."""
    if sys.flags.dev_mode:
        raise error
    fail(f"a fault of mssn itself: {type(error).__name__}: {error}; PYTHONDEVMODE=1 shows where")
    return 1


def _missing_dependency(error: BaseException | None) -> str | None:
    """The optional package an import failed for, however deep in the chain of errors."""
    while error is not None:
        name = (getattr(error, "name", None) or "").split(".")[0]
        if isinstance(error, ModuleNotFoundError) and name in _OPTIONAL:
            return name
        error = error.__cause__ or error.__context__
    return None


def fail(message: str) -> int:
    """Print one line to stderr; the exit code for bad input."""
    tell(f"mssn: {' '.join(message.split())}")
    return 2
