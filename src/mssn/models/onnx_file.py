"""What an ONNX file says of itself and its constants, read without the onnx package or an engine.

One number in it can be exchanged, too: that is how a network is told something before an engine reads it.

An ONNX file is one protobuf message: a row of fields, each a number, a kind and a content. Few fields matter
here, so everything else is passed over without being read. Field numbers: onnx.proto3 of the ONNX project.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

_MODEL_GRAPH, _MODEL_METADATA = 7, 14  # ModelProto
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5  # GraphProto
_TENSOR_KIND, _TENSOR_NAME, _TENSOR_RAW_DATA = 2, 8, 9  # TensorProto
_NUMBERS = {1: "<f4", 2: "u1", 3: "i1", 10: "<f2"}  # TensorProto.DataType: what our files hold
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE = 1, 2, 4  # NodeProto
_ENTRY_KEY, _ENTRY_VALUE = 1, 2  # StringStringEntryProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of content
_LONGEST = 2**20  # bytes of a text; a description has about a thousand


def read_metadata(file: BinaryIO) -> dict[str, str]:
    """The texts that an ONNX file carries beside its network (metadata_props of the model).

    Args:
        file: Opened for reading bytes.

    Raises:
        ValueError: It is no protobuf message, is cut off, or a text is longer than 1 MiB.
    """
    found: dict[str, str] = {}
    for number, begin, end in _fields(file, 0, _size(file)):
        if number == _MODEL_METADATA:
            entry = {part: _text(file, *place) for part, *place in _fields(file, begin, end)}
            found[entry.get(_ENTRY_KEY, "")] = entry.get(_ENTRY_VALUE, "")
    return found


def op_types(file: BinaryIO) -> set[str]:
    """The operators of an ONNX file's graph, such as "Conv"; those inside of branches and loops left out.

    Args:
        file: Opened for reading bytes.

    Raises:
        ValueError: As for `read_metadata`.
    """
    return {_text(file, *place) for node in _nodes(file) for part, *place in node if part == _NODE_OP_TYPE}


def sources(file: BinaryIO) -> dict[str, list[str]]:
    """What each operator of an ONNX file's graph reads, by the name of its result.

    Args:
        file: Opened for reading bytes.

    Raises:
        ValueError: As for `read_metadata`.
    """
    found: dict[str, list[str]] = {}
    for node in _nodes(file):
        named = [(part, _text(file, *place)) for part, *place in node if part in (_NODE_INPUT, _NODE_OUTPUT)]
        read = [name for part, name in named if part == _NODE_INPUT]
        found |= {name: read for part, name in named if part == _NODE_OUTPUT}
    return found


def constants(file: BinaryIO) -> dict[str, np.ndarray]:
    """The constants of an ONNX file's graph by name, flat, as stored: float32, float16, int8 or uint8.

    Args:
        file: Opened for reading bytes.

    Raises:
        ValueError: As for `read_metadata`, or one is cut off.
    """
    found: dict[str, np.ndarray] = {}
    for parts, place in _initializers(file):
        kind = next(
            (_number(file, *at) for part, *at in _fields(file, *place, _VARINT) if part == _TENSOR_KIND), 0
        )
        if kind in _NUMBERS and _TENSOR_NAME in parts and _TENSOR_RAW_DATA in parts:
            begin, end = parts[_TENSOR_RAW_DATA]
            file.seek(begin)
            found[_text(file, *parts[_TENSOR_NAME])] = np.frombuffer(file.read(end - begin), _NUMBERS[kind])
    return found


def with_number(file: BinaryIO, name: str, value: float) -> bytes:
    """An ONNX file in which a constant of its graph, one float32, is another number.

    Args:
        file: Opened for reading bytes.
        name: The constant's.
        value: What it is to be.

    Raises:
        ValueError: As for `read_metadata`, or it has no such constant.
    """
    places = [
        parts[_TENSOR_RAW_DATA]
        for parts, _ in _initializers(file)
        if _TENSOR_NAME in parts and _TENSOR_RAW_DATA in parts and _text(file, *parts[_TENSOR_NAME]) == name
    ]
    number = struct.pack("<f", value)
    if len(places) != 1 or places[0][1] - places[0][0] != len(number):
        raise ValueError(f"it has no constant {name} of one number")
    file.seek(0)
    data = bytearray(file.read())
    data[slice(*places[0])] = number
    return bytes(data)


def _nodes(file: BinaryIO) -> Iterator[Iterator[tuple[int, int, int]]]:
    """The operators of the graph, each as its parts: number and place."""
    for graph, *graph_place in _fields(file, 0, _size(file)):
        if graph == _MODEL_GRAPH:
            for number, *place in _fields(file, *graph_place):
                if number == _GRAPH_NODE:
                    yield _fields(file, *place)


def _initializers(file: BinaryIO) -> Iterator[tuple[dict[int, tuple[int, int]], tuple[int, int]]]:
    """The constants of the graph: the places of a constant's parts by number, and its own place."""
    for graph, *graph_place in _fields(file, 0, _size(file)):
        if graph == _MODEL_GRAPH:
            for number, *place in _fields(file, *graph_place):
                if number == _GRAPH_INITIALIZER:
                    begin, end = place
                    yield {part: (a, b) for part, a, b in _fields(file, begin, end)}, (begin, end)


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _fields(file: BinaryIO, at: int, end: int, wanted: int = _BYTES) -> Iterator[tuple[int, int, int]]:
    """(number, begin, end) of the fields of one kind in a message: of bytes, which texts and messages are."""
    while at < end:
        file.seek(at)
        tag = _varint(file)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            raise ValueError("not a protobuf message")
        begin = file.tell()
        if kind == _BYTES:
            length = _varint(file)
            begin = file.tell()
        elif kind == _VARINT:
            _varint(file)
            length = file.tell() - begin
        else:
            length = 8 if kind == _FIXED64 else 4
        at = begin + length
        if at > end:
            raise ValueError("a field is longer than the message that holds it")
        if kind == wanted:
            yield number, begin, at


def _varint(file: BinaryIO) -> int:
    """A whole number of at most 64 bits: 7 bits a byte, lowest first, all but the last byte marked."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it ends too early")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("not a protobuf message")


def _number(file: BinaryIO, begin: int, _: int) -> int:
    file.seek(begin)
    return _varint(file)


def _text(file: BinaryIO, begin: int, end: int) -> str:
    if end - begin > _LONGEST:
        raise ValueError("a text is longer than 1 MiB")
    file.seek(begin)
    return file.read(end - begin).decode()
