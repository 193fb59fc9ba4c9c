"""The text of options that hold detectors or numbers, from what Python programs give for it."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._catalog import OptionInfo, detector_info
from ._errors import OptionError


def option_text(option: OptionInfo, value: Any) -> Any:
    """The text that stands for `value`. Texts stay as they are; the library looks into them."""
    if isinstance(value, str):
        return value
    if option.holds == "numbers":
        if not is_list(value) or not all(isinstance(each, numbers.Real) for each in value):
            raise OptionError(f"{option.name} must be {option.allowed}; got {value!r}")
        return f"[{', '.join(repr(float(each)) for each in value)}]"
    if option.holds == "detector":
        return _detector_text(option, value)
    if not is_list(value):
        raise OptionError(f"{option.name} must be {option.allowed}; got {value!r}")
    return f"[{', '.join(_detector_text(option, member(each)) for each in value)}]"


def is_list(value: Any) -> bool:
    """Whether it is something of several items."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict))


def member(each: Any) -> Any:
    """The detector of a list's item, which may be a pair (name, detector) as in scikit-learn."""
    is_pair = isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str)
    return each[1] if is_pair else each


def _detector_text(option: OptionInfo, value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "detector_name") and hasattr(value, "_options"):  # an estimator
        name, options = value.detector_name, value._options(nested=True)
    elif hasattr(type(value), "training_scores"):  # a Detector
        name, options = value.name, value.options
    else:
        raise OptionError(f"{option.name} must be {option.allowed}, or an estimator; got {value!r}")
    known = {each.name: each for each in detector_info(name).options}
    given = ", ".join(
        f"{key}={_value_text(known[key], each)}"
        for key, each in options.items()
        if key in known and not _is_default(known[key], each)
    )
    return f"{name}({given})" if given else name


def _is_default(option: OptionInfo, value: Any) -> bool:
    default = option.default
    return isinstance(value, bool) == isinstance(default, bool) and bool(value == default)


def _value_text(option: OptionInfo, value: Any) -> str:
    if isinstance(value, str):
        held = option.holds and value not in option.choices
        return value if held else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    raise OptionError(f"{option.name} must be {option.allowed}; got {value!r}")


def held_names(option: OptionInfo, value: Any) -> list[str]:
    """The detectors that a value holds at its outermost, by name, so far as that can be read off."""
    if not isinstance(value, str):
        items = [member(each) for each in value] if is_list(value) else [value]
        return [
            name
            for each in items
            for name in (
                held_names(option, each)
                if isinstance(each, str)
                else [getattr(each, "detector_name", getattr(each, "name", ""))]
            )
        ]
    names, depth, word, quoted = [], 0, "", False
    text = value.strip()
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    for character in text:
        quoted ^= character == '"'
        if quoted:
            continue
        depth += (character in "([") - (character in ")]")
        if depth == 0 and character == ",":
            names.append(word)
            word = ""
        elif depth == 0 and character not in ")]":
            word += character
    return [name.strip() for name in [*names, word]]
