"""The text that classes of estimators are made of."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pynomaly
from pynomaly import DetectorInfo, OptionInfo, detector_info
from pynomaly._class_source import class_source, module_source
from pynomaly._estimators import make_class
from pynomaly._parameters import default_value, parameter_name


def option(name, default, types=None, choices=(), description="Something.", allowed="a few"):
    types = types or (type(default),)
    return OptionInfo(name, description, allowed, types, choices, default)


def detector(*options, name="Odd", weights=False, description="Finds the odd.", reference=""):
    return DetectorInfo(
        name=name,
        description=description,
        reference=reference,
        explains=False,
        takes_sample_weight=weights,
        takes_missing_values=False,
        warm_starts=False,
        options=options,
    )


def printed(*arguments):
    command = [sys.executable, "-m", "pynomaly._class_source", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    return done.stdout.decode()


def test_the_module_of_classes_is_what_the_library_lists():
    committed = Path(pynomaly.__file__).with_name("_detectors.py").read_text(encoding="utf-8")
    assert committed == printed(), "the library lists other options now: run `make python-classes`"


def test_one_class_can_be_printed():
    assert printed("IsolationForest").startswith("class IsolationForest(WeightedOutlierDetector):")


def test_defaults_come_through():
    options = [
        option("half", 0.5),
        option("endless", float("inf")),
        option("below", -float("inf")),
        option("small", 1e-300),
        option("count", -(2**63)),
        option("flag", True),
        option("word", 'a "quoted" \\ word\n'),
        option("auto", "auto", (int, float, str), ("auto",)),
        option("größe", "größe", (str,), ("größe",)),
        option("random_state", 0, (int, str), ("random",)),
    ]
    made = make_class(detector(*options), "Odd")
    found = inspect.signature(made).parameters
    for each in options:
        default = found[parameter_name(each.name)].default
        assert (type(default), default) == (type(default_value(each)), default_value(each))
    assert list(found) == [*(parameter_name(each.name) for each in options), "n_jobs", "verbose"]
    assert made().get_params()["endless"] == float("inf")


def test_names_that_python_or_an_estimator_needs():
    names = [
        "lambda",
        "fit",
        "n_jobs",
        "verbose",
        "kernel-width",
        "offset_",
        "_hidden",
        "3d",
        "None",
    ]
    expected = [
        *("option_lambda", "option_fit", "option_n_jobs", "option_verbose", "kernel_width"),
        *("option_offset", "option_hidden", "option_3d", "option_None"),
    ]
    assert [parameter_name(name) for name in names] == expected
    made = make_class(detector(*(option(name, i) for i, name in enumerate(names))), "Odd")
    assert made().get_params() == {
        **dict(zip(expected, range(9))),
        "n_jobs": None,
        "verbose": 0,
    }


def test_descriptions_of_all_kinds():
    nasty = 'Ends a text: """ and \\" and \\N{BULLET}, over\nlines.'
    made = make_class(
        detector(
            option("a", 1, description=nasty, allowed="int >= 1, or double in [0, 1]"),
            option("b", "x", (str,), ("x", "y"), allowed="x or y"),
            option("c", "auto", (int, float, str), ("auto",), description="No full stop"),
            option("d", False, allowed="true or false"),
            option("e", "text", (str,)),
            description=nasty + " long" * 60,
            reference="First: A paper; Second: Another",
        ),
        "Odd",
    )
    text = inspect.getdoc(made)
    flat = " ".join(text.split())
    assert flat.count('Ends a text: """ and \\" and \\N{BULLET}, over lines.') == 2
    assert "\na : int, default=1\n" in text
    assert "\n    Allowed: int >= 1, or float in [0, 1].\n" in text
    assert "\nb : {'x', 'y'}, default='x'\n    Something.\n\n" in text
    assert "\nc : 'auto', int or float, default='auto'\n    No full stop.\n" in text
    assert "\nd : bool, default=False\n    Something.\n\n" in text
    assert "\ne : str, default='text'\n" in text
    assert text.endswith(".. [1] First: A paper\n\n.. [2] Second: Another")
    assert (
        max(map(len, class_source(detector(description="long " * 90), "Odd").splitlines())) <= 100
    )


def test_types():
    source = class_source(
        detector(
            option("a", "auto", (int, float, str), ("auto", "none")),
            option("b", 1.0),
            option("random_state", 0, (int, str), ("random",)),
            option("c", "text", (str,)),
        ),
        "Odd",
    )
    assert '        a: float | Literal["auto", "none"] = "auto",\n' in source
    assert "        b: float = 1.0,\n" in source
    assert "        c: str = " in source
    assert "random_state: int | np.random.RandomState | np.random.Generator | None = None" in source


@pytest.mark.parametrize("weights", [True, False])
def test_only_what_takes_weights_has_a_parameter_for_them(weights):
    made = make_class(detector(weights=weights), "Odd")
    assert ("sample_weight" in inspect.signature(made.fit).parameters) == weights
    assert ("sample_weight" in inspect.signature(made.fit_predict).parameters) == weights


def test_modules_import_what_they_need_and_no_more():
    forest = detector_info("IsolationForest")
    one = module_source({"Odd": detector()})
    both = module_source({"Odd": detector(), "Forest": forest})
    assert "numpy" not in one
    assert "Literal" not in one
    assert "import OutlierDetector\n" in one
    assert '__all__: list[str] = [\n    "Forest",\n    "Odd",\n]\n' in both
    assert "import OutlierDetector, WeightedOutlierDetector\n" in both
    namespace = {"__name__": "pynomaly._both", "__package__": "pynomaly"}
    exec(both, namespace)  # noqa: S102
    assert namespace["Forest"](n_estimators=3).fit([[0.0], [1.0]]).n_estimators_ == 3
    assert namespace["Odd"].__module__ == "pynomaly"
