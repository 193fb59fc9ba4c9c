"""Writes the estimator class of a detector from the detector's list of options.

    python -m pynomaly._class_source

prints the module `_detectors.py`: the classes of the library's own detectors but those written by
hand, for type checkers and readers. Behind it the names of detectors print their classes alone: where
to begin when a class is to be written by hand.

The classes of other detectors are made of the same text when they are asked for.
"""

from __future__ import annotations

import json
import math
import sys
import textwrap

from ._catalog import DetectorInfo, OptionInfo, OptionValue, detector_info, detector_names
from ._parameters import default_value, is_seed, parameter_name

_WIDTH = 100

_HEADER = '''\
"""The estimators of the library's detectors, for type checkers and readers.

Written by `make python-classes` from the options that the library lists; not by hand.
"""

from __future__ import annotations
'''

_IMPORTS = {
    "Sequence[": "from collections.abc import Sequence\n",
    "Literal[": "from typing import Literal\n",
    "np.": "\nimport numpy as np\n",
}

_SEED_TYPE = "int | np.random.RandomState | np.random.Generator | None"
_SEED_WORDS = "int, RandomState instance, Generator or None"
_SEED_TEXT = (
    "The seed of all that is drawn at random. Pass an int for reproducible results. None: a fresh "
    "seed for each fit."
)

_HELD_WORDS: dict[str, tuple[str, ...]] = {
    "": (),
    "detector": ("str", "estimator"),
    "detectors": ("str", "list of str, estimators or (name, estimator)"),
    "numbers": ("str", "list of float"),
}
_HELD_TYPES: dict[str, list[str]] = {
    "detector": ["OutlierDetector"],
    "detectors": ["OutlierDetectors"],
    "numbers": ["Sequence[float]"],
}

_EVERY_PARAMETER = """\
n_jobs : int, default=None
    The number of threads for all methods. ``None`` means 1 unless in a
    :obj:`joblib.parallel_backend` context. ``-1`` means using all processors. The results do
    not depend on it.

verbose : int, default=0
    Above 0, long calls show a progress bar (of tqdm, where it is installed)."""

_ATTRIBUTES = """\
detector_ : Detector
    The fitted detector underneath, in the library's own convention. The numbers that fitting
    found, as ``detector_.fitted(name)`` gives them, are attributes of the estimator, too, with
    an underscore behind their name.

offset_ : float
    The score below which a row is an outlier, and what `decision_function` takes off
    `score_samples`.

n_features_in_ : int
    Number of features seen during fit.

feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of features seen during fit. Defined only when `X` has feature names that are all
    strings."""


def module_source(detectors: dict[str, DetectorInfo]) -> str:
    """A module with the estimator classes of detectors, by the names of the classes."""
    classes = [class_source(info, name) for name, info in detectors.items()]
    code = "".join(f"\n\n{source}" for source in classes)
    imports = [line for word, line in _IMPORTS.items() if word in code]
    if imports and not imports[0].startswith("\n"):
        imports.insert(0, "\n")
    bases = {_base(info) for info in detectors.values()}
    able = sorted(bases - {"OutlierDetector"})
    lines = []
    if able:
        line = f"from ._abilities import {', '.join(able)}\n"
        if len(line) > _WIDTH:
            line = f"from ._abilities import (\n{''.join(f'    {name},' + chr(10) for name in able)})\n"
        lines.append(line)
    held = {name for name in ("OutlierDetector", "OutlierDetectors") if f": {name} |" in code}
    plain = sorted(held | (bases & {"OutlierDetector"}))
    lines += [f"from ._outlier_detector import {', '.join(plain)}\n"] if plain else []
    imports += ["\n", *lines] if lines else []
    names = "".join(f"\n    {_literal(name)}," for name in sorted(detectors))
    names = f"[{names}\n]" if names else "[]"
    return "".join([_HEADER, *imports, f"\n__all__: list[str] = {names}\n", code])


def class_source(info: DetectorInfo, class_name: str) -> str:
    """The class statement of the detector's estimator."""
    parameters = [
        (parameter_name(option.name), _annotation(option), _literal(default_value(option)))
        for option in info.options
    ]
    parameters += [("n_jobs", "int | None", "None"), ("verbose", "int", "0")]
    return "\n".join(
        [
            f"class {class_name}({_base(info)}):",
            textwrap.indent(_docstring(info), "    "),
            "",
            f"    __module__ = {_literal(__package__)}",
            f"    detector_name = {_literal(info.name)}",
            "",
            "    def __init__(",
            "        self,",
            "        *,",
            *(f"        {name}: {kind} = {default}," for name, kind, default in parameters),
            "    ) -> None:",
            *(f"        self.{name} = {name}" for name, _, _ in parameters),
            "",
        ]
    )


def _base(info: DetectorInfo) -> str:
    weighted = "Weighted" if info.takes_sample_weight else ""
    incremental = "Incremental" if info.partial_fits else ""
    return f"{weighted}{incremental}OutlierDetector"


# ------------------------------------------------------------------------------- docstrings


def _docstring(info: DetectorInfo) -> str:
    options = [_parameter(parameter_name(option.name), option) for option in info.options]
    sections = [
        _wrapped(info.description, '"""')[3:],  # with room for the quotes in front of it
        _section("Parameters", "\n\n".join([*options, _EVERY_PARAMETER])),
        _section("Attributes", _ATTRIBUTES),
    ]
    if info.reference:
        papers = info.reference.split("; ")
        sections.append(
            _section(
                "References",
                "\n\n".join(
                    _wrapped(f".. [{number}] {paper}", rest="       ")
                    for number, paper in enumerate(papers, 1)
                ),
            )
        )
    text = "\n\n".join(sections).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{text}\n"""'


def _section(title: str, text: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{text}"


def _parameter(name: str, option: OptionInfo) -> str:
    """The entry of an option in the section Parameters."""
    text = [_SEED_TEXT if is_seed(option) else _sentence(option.description)]
    if not is_seed(option) and (option.types not in ((bool,), (str,)) or option.holds):
        text.append(f"Allowed: {_in_python(option.allowed)}.")
    return "\n".join(
        [
            f"{name} : {_kind(option)}, default={default_value(option)!r}",
            *(_wrapped(line, "    ", "    ") for line in text),
        ]
    )


def _kind(option: OptionInfo) -> str:
    """The types of an option, the way numpydoc has them."""
    if is_seed(option):
        return _SEED_WORDS
    choices = [repr(choice) for choice in option.choices]
    kinds = [kind.__name__ for kind in option.types if kind is not str]
    kinds += [*_HELD_WORDS[option.holds]]
    if len(choices) == 1 and kinds:
        kinds.insert(0, choices[0])
    elif choices:
        kinds.insert(0, "{" + ", ".join(choices) + "}")
    elif str in option.types and not option.holds:
        kinds.insert(0, "str")
    return " or ".join([", ".join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)


def _in_python(allowed: str) -> str:
    """What is allowed, in the words of Python."""
    return " ".join(allowed.replace("double", "float").replace("true or false", "bool").split())


def _sentence(text: str) -> str:
    plain = " ".join(text.split())
    return plain if plain.endswith((".", "!", "?")) else f"{plain}."


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()),
        _WIDTH - 4,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


# ------------------------------------------------------------------------------------- code


def _annotation(option: OptionInfo) -> str:
    if is_seed(option):
        return _SEED_TYPE
    implied = int if float in option.types else None  # "float" says "or int" to type checkers
    kinds = [kind.__name__ for kind in option.types if kind not in (str, implied)]
    if option.holds:
        kinds += _HELD_TYPES[option.holds]
    if option.choices and not option.holds:
        kinds.append(f"Literal[{', '.join(map(_literal, option.choices))}]")
    elif str in option.types:
        kinds.append("str")
    return " | ".join(kinds)


def _literal(value: OptionValue | None) -> str:
    """The value as a formatter of Python code would write it."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else ascii(value)
    return repr(value)


if __name__ == "__main__":
    from ._estimators import HAND_WRITTEN

    if sys.argv[1:]:
        print(*(class_source(detector_info(name), name) for name in sys.argv[1:]), sep="\n\n")
    else:
        infos = {name: detector_info(name) for name in detector_names() if name not in HAND_WRITTEN}
        print(
            module_source({name: info for name, info in infos.items() if not info.plugin}), end=""
        )
