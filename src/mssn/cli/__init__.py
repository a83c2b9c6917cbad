"""The command line: `mssn VERB`. One file a verb, imported only when that verb is used."""

from __future__ import annotations

import _thread
import difflib
import gc
import io
import os
import signal
import sys
import threading

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Parameter, UnusedCliTokensError

from mssn.cli.streams import broken, flushed, open_closed, tell
from mssn.errors import MssnError
from mssn.version import __version__

# The extra that brings each package the base install lacks.
_OPTIONAL = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "tensorboard": "train",
    "ray": "cluster",
    "matplotlib": "paper",
    "skia": "draw",
    "uharfbuzz": "draw",
    "starlette": "app",
    "uvicorn": "app",
}
# A converter of models that OpenVINO loads if it is there, which takes longer than a small picture.
_UNUSED = "openvino.tools.ovc"
# By group: what each verb does, and an example of it.
_GROUPS = {
    "Enlarge": {
        "upscale": ("Enlarge pictures and films.", "mssn upscale holiday -o large/ --scale 3"),
        "compare": (
            "Shrink a picture, enlarge it again, and show how well that went beside bicubic.",
            "mssn compare photo.jpg -m mssn-m",
        ),
        "app": ("Enlarge in the browser, on this machine alone.", "mssn app"),
        "watch": (
            "Enlarge whatever comes into a folder.",
            "mssn watch scans/ -o large/",
        ),
        "info": (
            "List the models, or describe a weights file: size, cost, what it sees, scores.",
            "mssn info mssn-s",
        ),
    },
    "Judge": {
        "evaluate": (
            "Score a model on a benchmark or a folder of pictures.",
            "mssn evaluate -m mssn-s -d Set5 Set14 --csv scores.csv",
        ),
        "profile": (
            "Measure what each layer of a network costs on this processor.",
            "mssn profile mssn-s --size 1280x720 --plot layers.svg",
        ),
    },
    "Train": {
        "train": (
            "Train a network from a recipe.",
            "mssn train quick --set train=photos --set validation=others",
        ),
        "draw": (
            "Draw pairs of pictures to train on: text, lines, charts, windows, icons.",
            "mssn draw -o drawn --count 3000 --photos photos",
        ),
        "ablate": (
            "Train and score the arms of an experiment, such as a table of the paper.",
            "mssn ablate paper/plans/table-1.toml --set updates=10000",
        ),
        "soup": (
            "Average the weights of several trainings of one network.",
            "mssn soup runs/a/weights.safetensors runs/b/weights.safetensors -o mean.safetensors",
        ),
    },
    "Files": {
        "downscale": ("Shrink pictures exactly as MATLAB does.", "mssn downscale photos -o halves -s 2"),
        "export": (
            "Write the files that other runtimes run: ONNX, half-precision safetensors, int8.",
            "mssn export mssn-s-x2 -o .",
        ),
        "import": (
            "Turn weights that other authors published into a file of ours.",
            "mssn import carn_m.pth -s 2 -o carn-m-x2.safetensors",
        ),
        "cache": ("List or remove what is kept to be faster next time.", "mssn cache --clear"),
    },
}
_VERBS = {verb: told for verbs in _GROUPS.values() for verb, told in verbs.items()}
_HELP, _VERSION, _COMPLETION = ("--help", "-h"), ("--version", "-V"), "--install-completion"


def _default(value: object) -> str | None:
    """How help shows a default; that a switch is off or a value left out goes without saying."""
    if value is None or value is False:
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


app = App(
    name="mssn",
    version=__version__,
    help_flags=_HELP,
    version_flags=_VERSION,
    group_commands=Group("Help", sort_key=len(_GROUPS)),
    suppress_keyboard_interrupt=False,
    # Names of files may begin with [, which is no JSON.
    default_parameter=Parameter(negative=(), show_default=_default, json_list=False, json_dict=False),
    help="Enlarge photographs with networks of 80 thousand parameters; train, score and count them.",
)
for _place, (_title, _verbs) in enumerate(_GROUPS.items()):
    _group = Group(_title, sort_key=_place)
    for _verb, (_help, _example) in _verbs.items():
        # A word that Python keeps for itself, and one that means this module's own app.
        _name = f"{_verb}_" if _verb in ("import", "app") else _verb
        app.command(
            f"mssn.cli.{_name}:{_name}",
            name=_verb,
            group=_group,
            sort_key=list(_VERBS).index(_verb),
            help=_help,
            help_epilogue=f"Example: {_example}",
        )
app.register_install_completion_command(_COMPLETION, help="Teach the shell to complete verbs and options.")


_SIGNALS: list[int] = []  # those so far that are to end the program; libraries drop what is raised for them


def main() -> None:
    """Run the command line; errors a person can put right become one line and exit code 2."""
    open_closed()
    _SIGNALS.clear()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, _interrupted)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows knows no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup has it ignored
                signal.signal(number, _terminated)
    sys.unraisablehook = _unraisable
    sys.modules.setdefault(_UNUSED, None)  # pyright: ignore[reportArgumentType]
    try:
        if "" in sys.argv[1:]:  # an unset variable in a script, which as a path would mean "everything here"
            raise MssnError("an argument is empty; is a variable unset?")
        _check_verb(sys.argv[1:])
        # A dash alone would be taken for an option without a name; as a path it is the same.
        arguments = ["./-" if argument == "-" else argument for argument in sys.argv[1:]]
        verb, bound, _ = app.parse_args(arguments, print_error=False, exit_on_error=False)
        if not gc.isenabled():  # by `mssn.__main__`; all modules are loaded now, and stay
            gc.freeze()
            gc.enable()
        result = verb(*bound.args, **bound.kwargs)
        code = result if isinstance(result, int) else 0
    except (MissingArgumentError, UnusedCliTokensError) as error:
        code = fail(_in_words(error))
    except (MssnError, CycloptsError) as error:
        from mssn.cli.options import in_options

        if _SIGNALS:  # a film's library was waiting for a pipe, and says that the pipe failed
            code = _stopped(error, 128 + _SIGNALS[0])
        else:
            code = fail(in_options(error).rstrip(".") + _dashed(error))
    except BrokenPipeError:  # the reader of a pipe has seen enough; of errors nobody ever has
        code = 0 if broken(sys.stdout) else 1
    except ImportError as error:
        missing = _missing_dependency(error)
        install = f"{missing} is not installed; run: pip install 'mssn[{_OPTIONAL.get(str(missing))}]'"
        if _SIGNALS:  # as below
            code = _stopped(error, 128 + _SIGNALS[0])
        else:
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
        # A module that Ctrl-C has stopped half way says so in many words.
        code = _stopped(error, 128 + _SIGNALS[0]) if _SIGNALS else _fault(error)
    sys.exit(flushed(code))


def _check_verb(arguments: list[str]) -> None:
    """Refuse what is no verb, before the verbs are imported to find one like it; some need PyTorch."""
    if not arguments or arguments[0] in _VERBS or arguments[0] in (*_HELP, *_VERSION, _COMPLETION):
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


def _dashed(error: Exception) -> str:
    """How to name a file that was taken for an option."""
    files = [name for name in sys.argv[1:] if name in str(error) and name[:1] == "-" and os.path.isfile(name)]
    return f"; the file is ./{files[0]}" if files else ""


def _interrupted(number: int, frame: object) -> None:
    """As Python itself does, but remembered."""
    _SIGNALS.append(number)
    raise KeyboardInterrupt


def _terminated(number: int, _: object) -> None:
    """Leave as after Ctrl-C, so that temporary files go."""
    _SIGNALS.append(number)
    sys.exit(128 + number)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Stop a little later where Python cannot: a library called back, or something was being removed.

    There it prints whatever is raised and goes on, as if nobody had pressed Ctrl-C.
    """
    stop = lost.exc_value
    if isinstance(stop, KeyboardInterrupt):
        number: int = signal.SIGINT
    elif isinstance(stop, SystemExit) and isinstance(stop.code, int) and stop.code > 128:
        number = stop.code - 128
    else:
        sys.__unraisablehook__(lost)
        return
    again = threading.Timer(0.01, _signal_main, (number,))
    again.daemon = True
    again.start()


def _signal_main(number: int) -> None:
    """Send a signal to the main thread; where the system can, one that ends its waiting."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


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
