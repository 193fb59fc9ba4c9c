"""The exceptions, and how the library's statuses become them."""

from __future__ import annotations

from ctypes import byref
from typing import Any

from . import _library


class Error(Exception):
    """What every exception of the library derives from.

    `status` is the library's name for the failure. `row` and `column` point at the data at fault
    (0-based), where there is such a place, and are None otherwise.
    """

    status: str = ""
    row: int | None = None
    column: int | None = None


class ArgumentError(Error, ValueError):
    """An argument other than an option or data is out of range."""


class UnknownDetectorError(Error, ValueError):
    """No detector has that name."""


class OptionError(Error, ValueError, TypeError):
    """An option is unknown, or its value is of the wrong type or out of range."""


class InvalidDataError(Error, ValueError):
    """Shape, type or values of the data are not usable."""


class ShapeMismatchError(InvalidDataError):
    """Data and fitted model do not fit together."""


class NotFittedError(Error, ValueError, AttributeError):
    """The detector has not been fitted yet."""


class NotSupportedError(Error, NotImplementedError):
    """This detector cannot do that."""


class CancelledError(Error):
    """The progress callback asked to stop."""


class OutOfMemoryError(Error, MemoryError):
    """Memory for the result could not be had."""


class FileError(Error, OSError):
    """Reading or writing failed."""


class ModelFormatError(Error, ValueError):
    """Not a model, a damaged one, or one of a later version."""


class InternalError(Error, RuntimeError):
    """A fault of the library; please report it."""


class PluginError(Error, RuntimeError):
    """A plugin cannot be loaded, or breaks its contract."""


class NoProcessError(Error, ProcessLookupError):
    """There is no such process, or it has ended."""


class NotPermittedError(Error, PermissionError):
    """The system does not let us; the message says why and what helps."""


_BY_STATUS: dict[int, type[Error]] = {
    1: ArgumentError,
    2: ArgumentError,
    3: UnknownDetectorError,
    4: OptionError,
    5: OptionError,
    6: InvalidDataError,
    7: ShapeMismatchError,
    8: NotFittedError,
    9: NotSupportedError,
    10: CancelledError,
    11: OutOfMemoryError,
    12: FileError,
    13: ModelFormatError,
    14: ModelFormatError,
    15: InternalError,
    16: PluginError,
    20: NoProcessError,
    21: NotPermittedError,
}


def call(function: Any, *arguments: Any) -> None:
    """Call a function whose last parameter is a pyn_error, and raise what it says went wrong."""
    error = _library.Error()
    status = function(*arguments, byref(error))
    if status:
        raise from_status(status, error)


def from_status(status: int, error: _library.Error) -> Error:
    """The exception that stands for a failed call."""
    name = _library.text(_library.library.pyn_status_name(status))
    exception = _BY_STATUS.get(status, InternalError)(_library.text(error.message) or name)
    exception.status = name
    if error.row >= 0:
        exception.row = error.row
    if error.column >= 0:
        exception.column = error.column
    return exception
