"""The description every weights file carries, so that the file alone rebuilds and explains its network."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mssn.errors import WeightsError

FORMAT = 2  # raise when a field changes its meaning


@dataclass(frozen=True)
class Meta:
    """What a weights file says of itself.

    Args:
        model: Name in the table of models, for example "mssn-s".
        scale: Enlargement factor.
        config: Every field of the network's config.
        domain: What the network eats: "rgb", "y" or "y-enlarged".
        halo: Pixels of context, on each side, that one output pixel depends on (LR pixels).
        parameters: Trained numbers, weight-norm gains left out.
        recipe: Name of the training recipe.
        updates: Optimiser updates, those of earlier runs it was started from included.
        data: What it was trained on, in words.
        scores: Benchmark name -> {"psnr": dB, "ssim": 0..1}, on Y, measured when exported.
        licence: Licence of the weights.
        commit: Revision of this project that trained it.
        format: Version of this description.
    """

    model: str
    scale: int
    config: dict[str, Any]
    domain: str
    halo: int
    parameters: int
    recipe: str = ""
    updates: int = 0
    data: str = ""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    licence: str = ""
    commit: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """One line of JSON, keys sorted, so that equal descriptions are equal text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, source: str) -> Meta:
        """Read a description.

        Args:
            text: What `to_json` wrote.
            source: File name for error messages.

        Raises:
            WeightsError: It is no description, or one of a newer format.
        """
        try:
            values = json.loads(text)
            if values.get("format") not in (1, FORMAT):
                raise WeightsError(
                    f"{source}: weights of format {values.get('format')}, this mssn reads {FORMAT}; "
                    "install the version of mssn that wrote it"
                )
            return cls(**{f.name: values[f.name] for f in fields(cls)})
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise WeightsError(f"{source}: the weights' description cannot be read ({error})") from error
