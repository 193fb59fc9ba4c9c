"""Which detectors there are, and what they can do."""

from __future__ import annotations

from ctypes import byref
from dataclasses import dataclass
from functools import cache
from typing import Union

from . import _library
from ._errors import call
from ._library import encode, library, text

OptionValue = Union[int, float, bool, str]

_TYPES: dict[int, type] = {
    _library.OPTION_INT: int,
    _library.OPTION_DOUBLE: float,
    _library.OPTION_BOOL: bool,
    _library.OPTION_STRING: str,
}


@dataclass(frozen=True)
class OptionInfo:
    """An option of a detector and what it allows."""

    name: str
    description: str
    allowed: str
    """What is allowed, in words."""
    types: tuple[type, ...]
    choices: tuple[str, ...]
    default: OptionValue


@dataclass(frozen=True)
class DetectorInfo:
    """A detector, its options and its abilities."""

    name: str
    description: str
    reference: str
    explains: bool
    takes_sample_weight: bool
    takes_missing_values: bool
    warm_starts: bool
    options: tuple[OptionInfo, ...]
    partial_fits: bool = False
    """Whether it can go on learning from more rows."""
    needs_labels: bool = False
    """Whether it learns from rows that are known to be outliers or inliers."""
    reads_series: bool = False
    """Whether rows are the steps of a series, in their order."""
    plugin: str | None = None
    """The plugin it is of, or None for a built-in one."""
    version: str | None = None
    """Of a plugin's detector."""


def detector_names() -> list[str]:
    """The names of all detectors, in alphabetical order; those of loaded plugins are among them."""
    return [text(library.pyn_detector_name_at(i)) for i in range(library.pyn_detector_count())]


@cache  # a detector that is there stays there as it is; that there is none is not remembered
def detector_info(name: str) -> DetectorInfo:
    """Describe the detector of that name."""
    info = _library.DetectorInfo()
    call(library.pyn_detector_get_info, encode(name), byref(info))
    return DetectorInfo(
        name=text(info.name),
        description=text(info.description),
        reference=text(info.reference),
        explains=bool(info.capabilities & 1),
        takes_sample_weight=bool(info.capabilities & 2),
        takes_missing_values=bool(info.capabilities & 4),
        warm_starts=bool(info.capabilities & 8),
        options=tuple(_option_info(name, i) for i in range(info.option_count)),
        partial_fits=bool(info.capabilities & 16),
        needs_labels=bool(info.capabilities & 32),
        reads_series=bool(info.capabilities & 64),
        plugin=text(info.plugin) if info.plugin else None,
        version=text(info.version) if info.version else None,
    )


def _option_info(name: str, index: int) -> OptionInfo:
    info = _library.OptionInfo()
    call(library.pyn_detector_get_option_info, encode(name), index, byref(info))
    return OptionInfo(
        name=text(info.name),
        description=text(info.description),
        allowed=text(info.allowed),
        types=tuple(python for flag, python in _TYPES.items() if info.types & flag),
        choices=tuple(text(info.choices[i]) for i in range(info.choice_count)),
        default=from_value(info.default_value),
    )


def from_value(value: _library.Value) -> OptionValue:
    """The member of the C value that its type names."""
    if value.type == _library.OPTION_INT:
        return int(value.int_value)
    if value.type == _library.OPTION_DOUBLE:
        return float(value.double_value)
    if value.type == _library.OPTION_BOOL:
        return bool(value.bool_value)
    return text(value.string_value)
