"""Every decision about how a network is run, as a table."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from mssn.errors import MssnError, UnknownModelError, WeightsError
from mssn.models import info
from mssn.models.info import FOLDER, ModelInfo
from mssn.models.meta import Meta, read_meta
from mssn.runtime import plan as planning
from mssn.runtime.base import Computed, Precision, RuntimeName
from mssn.runtime.native.network import suits
from mssn.runtime.plan import (
    MAX_LOSS_OF_AUTO,
    Part,
    Plan,
    Processor,
    WeightsFile,
    describe,
    plan,
    plan_for,
)

ROOT = Path(__file__).resolve().parents[2]
ROW = ModelInfo("m", 2, 1, 1, 1, receptive_field=13, weights="m.onnx", int8="m-int8.onnx")
META = Meta(model="m", scale=2, config={}, domain="rgb", halo=6, parameters=1)
SOURCES = {
    "ships": replace(ROW, loss={"bf16": 0.001, "int8": -0.01}),
    "ships-no-int8": replace(ROW, int8=None, loss={"bf16": 0.001, "int8": 0.001}),
    "ships-unmeasured": ROW,
    "ships-rough-bf16": replace(ROW, loss={"bf16": 0.021, "int8": 0.02}),
    "ships-rough-int8": replace(ROW, loss={"bf16": 0.02, "int8": 0.021}),
    "fp32.onnx": WeightsFile(Path("fp32.onnx"), META),
    "int8.onnx": WeightsFile(Path("int8.onnx"), replace(META, precision="int8")),
    "net.safetensors": WeightsFile(Path("net.safetensors"), META),
}
PROCESSORS = [Processor(bf16=bf16, int8=int8) for bf16, int8 in product((False, True), repeat=2)]
# What is computed in on a processor with neither, with fast int8, with bf16, with both; or why it is refused.
TABLE = """
ships             openvino     auto  fp32 int8 bf16 bf16
ships-no-int8     openvino     auto  fp32 fp32 bf16 bf16
ships-unmeasured  openvino     auto  fp32 fp32 fp32 fp32
ships-rough-bf16  openvino     auto  fp32 int8 fp32 int8
ships-rough-int8  openvino     auto  fp32 fp32 bf16 bf16
fp32.onnx         openvino     auto  fp32 fp32 bf16 bf16
int8.onnx         openvino     auto  int8 int8 int8 int8
net.safetensors   openvino     auto  export
ships             onnxruntime  auto  fp32 fp32 fp32 fp32
ships-no-int8     onnxruntime  auto  fp32 fp32 fp32 fp32
ships-unmeasured  onnxruntime  auto  fp32 fp32 fp32 fp32
ships-rough-bf16  onnxruntime  auto  fp32 fp32 fp32 fp32
ships-rough-int8  onnxruntime  auto  fp32 fp32 fp32 fp32
fp32.onnx         onnxruntime  auto  fp32 fp32 fp32 fp32
int8.onnx         onnxruntime  auto  int8 int8 int8 int8
net.safetensors   onnxruntime  auto  export
ships             pytorch      auto  fp32 fp32 fp32 fp32
ships-no-int8     pytorch      auto  fp32 fp32 fp32 fp32
ships-unmeasured  pytorch      auto  fp32 fp32 fp32 fp32
ships-rough-bf16  pytorch      auto  fp32 fp32 fp32 fp32
ships-rough-int8  pytorch      auto  fp32 fp32 fp32 fp32
fp32.onnx         pytorch      auto  fp32 fp32 fp32 fp32
int8.onnx         pytorch      auto  not-pytorch
net.safetensors   pytorch      auto  fp32 fp32 fp32 fp32

ships             openvino     fp32  fp32 fp32 fp32 fp32
ships             openvino     bf16  fp32 fp32 bf16 bf16
ships             openvino     int8  int8 int8 int8 int8
ships-no-int8     openvino     fp32  fp32 fp32 fp32 fp32
ships-no-int8     openvino     bf16  fp32 fp32 bf16 bf16
ships-no-int8     openvino     int8  none-ships
ships-unmeasured  openvino     fp32  fp32 fp32 fp32 fp32
ships-unmeasured  openvino     bf16  fp32 fp32 bf16 bf16
ships-unmeasured  openvino     int8  int8 int8 int8 int8
ships-rough-bf16  openvino     fp32  fp32 fp32 fp32 fp32
ships-rough-bf16  openvino     bf16  fp32 fp32 bf16 bf16
ships-rough-bf16  openvino     int8  int8 int8 int8 int8
ships-rough-int8  openvino     fp32  fp32 fp32 fp32 fp32
ships-rough-int8  openvino     bf16  fp32 fp32 bf16 bf16
ships-rough-int8  openvino     int8  int8 int8 int8 int8
fp32.onnx         openvino     fp32  fp32 fp32 fp32 fp32
fp32.onnx         openvino     bf16  fp32 fp32 bf16 bf16
fp32.onnx         openvino     int8  no-units
int8.onnx         openvino     fp32  only-int8
int8.onnx         openvino     bf16  only-int8
int8.onnx         openvino     int8  int8 int8 int8 int8
net.safetensors   openvino     fp32  export
net.safetensors   openvino     bf16  export
net.safetensors   openvino     int8  export

ships             onnxruntime  fp32  fp32 fp32 fp32 fp32
ships             onnxruntime  bf16  not-onnx
ships             onnxruntime  int8  int8 int8 int8 int8
ships-no-int8     onnxruntime  fp32  fp32 fp32 fp32 fp32
ships-no-int8     onnxruntime  bf16  not-onnx
ships-no-int8     onnxruntime  int8  none-ships
ships-unmeasured  onnxruntime  fp32  fp32 fp32 fp32 fp32
ships-unmeasured  onnxruntime  bf16  not-onnx
ships-unmeasured  onnxruntime  int8  int8 int8 int8 int8
ships-rough-bf16  onnxruntime  fp32  fp32 fp32 fp32 fp32
ships-rough-bf16  onnxruntime  bf16  not-onnx
ships-rough-bf16  onnxruntime  int8  int8 int8 int8 int8
ships-rough-int8  onnxruntime  fp32  fp32 fp32 fp32 fp32
ships-rough-int8  onnxruntime  bf16  not-onnx
ships-rough-int8  onnxruntime  int8  int8 int8 int8 int8
fp32.onnx         onnxruntime  fp32  fp32 fp32 fp32 fp32
fp32.onnx         onnxruntime  bf16  not-onnx
fp32.onnx         onnxruntime  int8  no-units
int8.onnx         onnxruntime  fp32  only-int8
int8.onnx         onnxruntime  bf16  not-onnx
int8.onnx         onnxruntime  int8  int8 int8 int8 int8
net.safetensors   onnxruntime  fp32  export
net.safetensors   onnxruntime  bf16  export
net.safetensors   onnxruntime  int8  export

ships             pytorch      fp32  fp32 fp32 fp32 fp32
ships             pytorch      bf16  bf16 bf16 bf16 bf16
ships             pytorch      int8  not-pytorch
ships-no-int8     pytorch      fp32  fp32 fp32 fp32 fp32
ships-no-int8     pytorch      bf16  bf16 bf16 bf16 bf16
ships-no-int8     pytorch      int8  not-pytorch
ships-unmeasured  pytorch      fp32  fp32 fp32 fp32 fp32
ships-unmeasured  pytorch      bf16  bf16 bf16 bf16 bf16
ships-unmeasured  pytorch      int8  not-pytorch
ships-rough-bf16  pytorch      fp32  fp32 fp32 fp32 fp32
ships-rough-bf16  pytorch      bf16  bf16 bf16 bf16 bf16
ships-rough-bf16  pytorch      int8  not-pytorch
ships-rough-int8  pytorch      fp32  fp32 fp32 fp32 fp32
ships-rough-int8  pytorch      bf16  bf16 bf16 bf16 bf16
ships-rough-int8  pytorch      int8  not-pytorch
fp32.onnx         pytorch      fp32  fp32 fp32 fp32 fp32
fp32.onnx         pytorch      bf16  bf16 bf16 bf16 bf16
fp32.onnx         pytorch      int8  not-pytorch
int8.onnx         pytorch      fp32  only-int8
int8.onnx         pytorch      bf16  only-int8
int8.onnx         pytorch      int8  not-pytorch
net.safetensors   pytorch      fp32  fp32 fp32 fp32 fp32
net.safetensors   pytorch      bf16  bf16 bf16 bf16 bf16
net.safetensors   pytorch      int8  net-no-units
"""
LINES = [line.split() for line in TABLE.splitlines() if line]
REFUSALS = {
    "export": (
        WeightsError,
        "net.safetensors: {} runs .onnx files; mssn export makes one of it, or take pytorch",
    ),
    "not-onnx": (
        WeightsError,
        "onnxruntime computes in fp32 or int8 here; use native or openvino or pytorch for bf16",
    ),
    "not-pytorch": (
        WeightsError,
        "pytorch computes in fp32 or bf16 here; use native or openvino or onnxruntime for int8",
    ),
    "none-ships": (UnknownModelError, "m x2 does not ship in int8; take fp32, bf16 or auto"),
    "no-units": (
        WeightsError,
        "fp32.onnx: holds no int8 units; mssn export --int8 makes a file that does",
    ),
    "net-no-units": (
        WeightsError,
        "net.safetensors: holds no int8 units; mssn export --int8 makes a file that does",
    ),
    "only-int8": (
        WeightsError,
        "int8.onnx: computes in int8; for {} take the float32 file it was made from",
    ),
}


def file_of(source: str, precision: str) -> Path:
    """The file that holds a precision of a source."""
    if not source.startswith("ships"):
        return Path(source)
    return FOLDER / ("m-int8.onnx" if precision == "int8" else "m.onnx")


def test_the_table_is_complete() -> None:
    cases = [tuple(line[:3]) for line in LINES]
    assert len(cases) == len(set(cases))
    runtimes = set(get_args(RuntimeName)) - {"auto", "native"}
    assert set(cases) == set(product(SOURCES, runtimes, get_args(Precision)))


@pytest.mark.parametrize(("source", "asked"), list(product(SOURCES, get_args(Precision))))
def test_auto_is_what_runs_the_file_where_our_kernels_do_not(source, asked) -> None:
    def outcome(runtime: RuntimeName, processor: Processor) -> object:
        try:
            return plan(SOURCES[source], None, runtime, asked, processor)
        except MssnError as error:
            return type(error), str(error)

    for found in PROCESSORS:  # without kernels, and for a network that they do not know
        every = replace(found, native=("fp32", "bf16", "int8"))
        runs = "pytorch" if source == "net.safetensors" else "openvino"
        assert outcome("auto", found) == outcome("auto", every) == outcome(runs, found)


FAMILY = replace(ROW, native=True, loss={"bf16": 0.001, "int8": -0.01})
FAMILY_FILE = WeightsFile(
    Path("own.onnx"),
    replace(META, config={"channels": 32, "expanded": 64, "blocks": 4, "units": 4}, scale=2),
)
FAMILY_INT8 = replace(FAMILY_FILE, meta=replace(FAMILY_FILE.meta, precision="int8"))
# Of a processor: bf16, fast int8, what our kernels compute in. Then what is run: of what ships, of a file,
# and of what ships if our kernels are asked for.
KERNELS = [
    (Processor(False, True, ("fp32", "int8")), "native int8", "native fp32", "native int8"),
    (Processor(True, True, ("fp32", "bf16", "int8")), "native bf16", "native bf16", "native bf16"),
    (Processor(False, True, ("fp32",)), "openvino int8", "native fp32", "native fp32"),
    (Processor(False, False, ("fp32",)), "native fp32", "native fp32", "native fp32"),
    (Processor(True, True, ("fp32", "bf16")), "native bf16", "native bf16", "native bf16"),
    (Processor(True, True, ("fp32",)), "openvino bf16", "openvino bf16", None),
    (Processor(False, True), "openvino int8", "openvino fp32", None),
]


@pytest.mark.parametrize(("processor", "ships", "file", "native"), KERNELS)
def test_our_kernels_run_what_they_compute(processor, ships, file, native) -> None:
    for source, expected in ((FAMILY, ships), (FAMILY_FILE, file)):
        found = plan(source, None, "auto", "auto", processor)
        assert f"{found.runtime} {found.precision}" == expected
        assert found.deep.precision == "fp32"
        assert found.tile == (1024 if found.runtime == "native" else 640)
        assert plan(source, None, "openvino", "fp32", processor).runtime == "openvino"
    if native is not None:
        for source, expected in ((FAMILY, native), (FAMILY_FILE, file)):
            found = plan(source, None, "native", "auto", processor)
            assert f"{found.runtime} {found.precision}" == expected


STRANGE = "{}: native runs .onnx files of the MSSN family only; take openvino"


@pytest.mark.parametrize(
    ("source", "precision", "native", "told"),
    [
        (FAMILY, "int8", ("fp32",), "native cannot compute in int8 on this machine; take openvino"),
        (FAMILY, "bf16", ("fp32",), "native cannot compute in bf16 on this machine; take fp32 or auto"),
        (FAMILY, "auto", (), "native cannot compute in fp32 on this machine; take openvino"),
        (SOURCES["ships"], "auto", ("fp32",), STRANGE.format("m x2")),
        (SOURCES["int8.onnx"], "auto", ("fp32", "int8"), STRANGE.format("int8.onnx")),
        (FAMILY_INT8, "auto", ("fp32",), "native cannot compute in int8 on this machine; take openvino"),
        (
            FAMILY_INT8,
            "fp32",
            ("fp32", "int8"),
            "own.onnx: computes in int8; for fp32 take the float32 file it was made from",
        ),
        (
            FAMILY_FILE,
            "int8",
            ("fp32", "int8"),
            "own.onnx: holds no int8 units; mssn export --int8 makes a file that does",
        ),
    ],
)
def test_what_our_kernels_refuse(source, precision, native, told) -> None:
    with pytest.raises(WeightsError) as error:
        plan(source, None, "native", precision, Processor(False, True, native))
    assert str(error.value) == told


@pytest.mark.parametrize("runtime", ["auto", "openvino"])
@pytest.mark.parametrize("native", [(), ("fp32", "int8")])
def test_what_a_processor_without_bf16_computes_is_called_fp32(runtime, native) -> None:
    without, having = Processor(False, True, native), Processor(True, True, native)
    for source in (FAMILY, FAMILY_FILE):
        assert plan(source, None, runtime, "bf16", without) == plan(source, None, runtime, "fp32", without)
        assert plan(source, None, runtime, "bf16", having).precision == "bf16"
    assert plan(FAMILY_FILE, None, "pytorch", "bf16", without).precision == "bf16", "which pretends"


def test_our_kernels_know_all_that_ships() -> None:
    for row in info.list_models():
        for path in filter(None, (row.path, row.int8_path)):
            assert row.native and suits(read_meta(path)), row.model


@pytest.mark.parametrize("line", [line for line in LINES if len(line) == 7], ids=" ".join)
def test_table(line) -> None:
    source, runtime, asked, *expected = line
    for processor, precision in zip(PROCESSORS, expected, strict=True):
        for scale in (None, 2):
            found = plan(SOURCES[source], scale, runtime, asked, processor)
            # What was asked for holds for all pictures; "auto" is exact where 8 bits would not do.
            deep = precision if asked != "auto" or source == "int8.onnx" else "fp32"
            assert found == Plan(
                runtime,
                2,
                file_of(source, precision),
                precision,
                Part(file_of(source, deep), deep),
                halo=6,
                border=4,
            )


@pytest.mark.parametrize("line", [line for line in LINES if len(line) == 4], ids=" ".join)
def test_refusals(line) -> None:
    source, runtime, asked, code = line
    kind, words = REFUSALS[code]
    words = words.format(runtime if code == "export" else asked)
    for processor in PROCESSORS:
        with pytest.raises(kind) as caught:
            plan(SOURCES[source], None, runtime, asked, processor)
        assert type(caught.value) is kind
        assert str(caught.value) == words


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_auto_gives_away_two_hundredths_of_a_decibel_and_no_more(precision) -> None:
    assert MAX_LOSS_OF_AUTO == 0.02
    processor = Processor(bf16=precision == "bf16", int8=precision == "int8")
    for loss, expected in ((-1.0, precision), (0.02, precision), (0.0201, "fp32"), (0.9, "fp32")):
        row = replace(ROW, loss={precision: loss})
        assert plan(row, None, "openvino", "auto", processor).precision == expected, loss


@pytest.mark.parametrize("source", SOURCES)
def test_another_scale_than_the_models_is_refused(source) -> None:
    for scale in (1, 3, 4):
        with pytest.raises(UnknownModelError, match=rf"enlarges by 2, not by {scale}$"):
            plan(SOURCES[source], scale, "pytorch", "auto", PROCESSORS[0])
    with pytest.raises(UnknownModelError, match="scale must be at least 1, not 0"):
        plan(SOURCES[source], 0, "openvino", "auto", PROCESSORS[0])


@pytest.mark.parametrize("scale", [None, 1, 2, 3, 7])
@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("runtime", get_args(RuntimeName))
def test_bicubic_is_exact_in_any_case(scale, runtime, precision) -> None:
    for processor in PROCESSORS:
        found = plan("bicubic", scale, runtime, precision, processor)
        assert found == Plan("bicubic", scale or 2, None, "fp32", Part(None, "fp32"), halo=2, border=0)


@pytest.mark.parametrize(
    ("runtime", "precision", "words"),
    [
        (
            "tensorrt",
            "auto",
            "`runtime` must be one of auto, native, openvino, onnxruntime, pytorch, not '",
        ),
        ("openvino", "fp16", "`precision` must be one of auto, fp32, bf16, int8, not 'fp16'"),
    ],
)
def test_unknown_words_are_refused(runtime, precision, words) -> None:
    with pytest.raises(MssnError, match=words):
        plan("bicubic", 2, runtime, precision, PROCESSORS[0])
    with pytest.raises(MssnError, match=words):
        plan_for("mssn-s", 2, runtime=runtime, precision=precision)


def test_what_does_not_ship_has_no_plan() -> None:
    with pytest.raises(UnknownModelError, match="no weights ship for m x2"):
        plan(replace(ROW, weights=None), None, "pytorch", "fp32", PROCESSORS[0])
    for model, scale, words in (
        ("mssn-xl", None, "unknown model 'mssn-xl'"),
        ("mssn-s", 8, "mssn-s has no scale 8; it has: 2, 3, 4"),
        ("mssn-s", 0, "scale must be at least 1, not 0"),
        ("bicubic", 0, "scale must be at least 1, not 0"),
    ):
        with pytest.raises(UnknownModelError, match=words):
            plan_for(model, scale)


def test_a_plan_cannot_be_changed() -> None:
    found = plan("bicubic", 2, "openvino", "auto", PROCESSORS[0])
    with pytest.raises(FrozenInstanceError):
        found.precision = "int8"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_plan_for_deep_pictures_differs_in_its_part_only() -> None:
    found = plan(SOURCES["ships"], None, "openvino", "auto", Processor(bf16=False, int8=True))
    deep = found.for_deep()
    assert deep == replace(found, file=FOLDER / "m.onnx", precision="fp32")
    assert deep.for_deep() == deep


@pytest.mark.parametrize("able", PROCESSORS, ids=str)
def test_this_machine_is_asked(able, exported, monkeypatch) -> None:
    monkeypatch.setattr(planning, "processor", lambda: able)
    for model in ("mssn-s", exported / "mssn-s-x2.onnx", "bicubic"):
        for asked in get_args(Precision)[:2]:
            expected = plan(describe(model), None, "openvino", asked, able)
            assert plan_for(model, precision=asked) == expected


@pytest.mark.parametrize(
    ("machine", "int8"), [("x86_64", True), ("AMD64", True), ("arm64", False), ("aarch64", False)]
)
@pytest.mark.parametrize("bf16", [True, False])
def test_processor(machine, int8, bf16, monkeypatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("mssn.runtime.openvino.computes_bf16", lambda: bf16)
    monkeypatch.setattr(planning, "computes", lambda: ())
    assert planning.processor() == Processor(bf16=bf16, int8=int8)
    sets: tuple[tuple[Computed, ...], ...] = (("fp32",), ("fp32", "int8"), ("fp32", "bf16", "int8"))
    for native in sets:  # which settles it
        monkeypatch.setattr(planning, "computes", lambda native=native: native)
        expected = Processor(bf16="bf16" in native, int8="int8" in native, native=native)
        assert planning.processor() == expected


def test_auto_is_the_fastest_on_every_level_of_instructions_that_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "isa.json").read_text("utf-8"))[
        "seconds_1280x720"
    ]
    for level, seconds in measured.items():
        able = Processor(bf16=level.endswith("BF16"), int8=True)
        taken = plan(SOURCES["ships"], None, "openvino", "auto", able).precision
        for cores in seconds["fp32"]:
            fastest = min(times[cores] for times in seconds.values())
            # bf16 is the more exact one; for that it may take a little longer than int8.
            assert seconds[taken][cores] <= 1.05 * fastest, (level, cores)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_table_of_models_says_what_its_files_say(precision: Computed) -> None:
    for row in info.list_models():
        path = row.path if precision == "fp32" else row.int8_path
        if path is None:
            continue
        meta = read_meta(path)
        found = (meta.model, meta.scale, meta.halo, meta.precision)
        assert found == (row.model, row.scale, row.halo, precision)
        by_name = plan_for(row.model, row.scale, precision=precision)
        assert by_name.file == path
        assert by_name == plan_for(path, precision=precision)
