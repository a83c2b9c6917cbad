"""Colour and number conversions between stored pixels and network arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

# Weights of R, G, B in [0, 1] for the Y of MATLAB's rgb2ycbcr (ITU-R BT.601, range 16..235).
Y_WEIGHTS = np.array([65.481, 128.553, 24.966])


def luma(rgb: np.ndarray) -> np.ndarray:
    """Luma of a picture on the scale the super-resolution field scores in.

    Args:
        rgb: H x W x 3 or N x H x W x 3 integer picture with values 0..255 (or floats on that scale).

    Returns:
        Y in 16..235, float64, not rounded; the last axis is gone.

    Source: MATLAB `rgb2ycbcr`: Y = (65.481 R + 128.553 G + 24.966 B) / 255 + 16.
    """
    return rgb @ (Y_WEIGHTS / 255) + 16


def to_network(pixels: np.ndarray) -> np.ndarray:
    """Turn stored pixels into a network array.

    Args:
        pixels: H x W x C, uint8, uint16, or float32 in [0, 1].

    Returns:
        1 x C x H x W, float32 in [0, 1], C-contiguous.
    """
    scaled = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None].astype(np.float32))
    return scaled if pixels.dtype == np.float32 else scaled / np.float32(np.iinfo(pixels.dtype).max)


def from_network(array: np.ndarray, dtype: np.dtype | type = np.uint8) -> np.ndarray:
    """Turn a network array back into stored pixels: scale, round half up, clip.

    Args:
        array: 1 x C x H x W, float32, nominally in [0, 1].
        dtype: uint8, uint16 or float32; floats are only clipped.

    Returns:
        H x W x C of that dtype, C-contiguous.
    """
    if dtype == np.float32:
        return np.ascontiguousarray(np.clip(array[0].transpose(1, 2, 0), 0, 1))
    limit = np.iinfo(dtype).max
    scaled = array[0].transpose(1, 2, 0) * np.float32(limit) + np.float32(0.5)
    return np.ascontiguousarray(np.clip(scaled, 0, limit).astype(dtype))


def to_8_bit(array: np.ndarray) -> np.ndarray:
    """Nearest of 256 levels: 65535 = 255 * 257 and 1.0 become 255, so that both ends stay ends."""
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return array if array.dtype == np.uint8 else _levels(array, np.uint8)


def to_integers(array: np.ndarray) -> np.ndarray:
    """Floats to 16 bit; integers stay what they are."""
    return _levels(array, np.uint16) if array.dtype == np.float32 else array


def _levels(array: np.ndarray, dtype: type[np.unsignedinteger[Any]]) -> np.ndarray:
    limit = np.float32(np.iinfo(dtype).max)
    return (np.clip(array, 0, 1) * limit + np.float32(0.5)).astype(dtype)
