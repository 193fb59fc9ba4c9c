"""The estimators of all detectors: what their classes are made of, and that they keep to it."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, IsolationForest, OutlierDetector, detector_info, estimator_class
from pynomaly._estimators import class_name, make_class
from pynomaly._parameters import TAKEN, default_value, parameters

GenericForest = make_class(detector_info("IsolationForest"), "GenericForest")
GenericForest.__module__ = __name__


class SmallForest(OutlierDetector):
    """Written by hand: a few of the options, one default of its own, and a parameter of its own."""

    detector_name = "IsolationForest"

    def __init__(self, *, n_estimators=10, random_state=0, factor=1):
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.factor = factor


@pytest.fixture(params=pynomaly.detector_names())
def name(request):
    return request.param


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --------------------------------------------------------------------------------- classes


def test_every_detector_has_a_class(name):
    made = estimator_class(name)
    assert made is estimator_class(name) is getattr(pynomaly, name)
    assert issubclass(made, OutlierDetector)
    assert made.__name__ == made.detector_name == name
    assert name in pynomaly.__all__
    assert name in dir(pynomaly)


@pytest.mark.parametrize("made", [GenericForest, *map(estimator_class, pynomaly.detector_names())])
def test_parameters_are_the_options(made):
    parameters_there = dict(inspect.signature(made).parameters)
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters_there.values())
    assert {name: parameters_there[name].default for name in ("n_jobs", "verbose")} == {
        "n_jobs": None,
        "verbose": 0,
    }
    documented = inspect.getdoc(made)
    for parameter, option in parameters(made.detector_name).items():
        default = default_value(option)
        found = parameters_there[parameter].default
        assert (type(found), found) == (type(default), default), parameter
        assert f"\n{parameter} : " in documented
    assert default_value(parameters("IsolationForest")["random_state"]) is None
    for section in ("Parameters", "Attributes", "References"):
        assert f"\n\n{section}\n{'-' * len(section)}\n" in documented


def test_the_constructor_only_stores():
    values = {parameter: object() for parameter in inspect.signature(GenericForest).parameters}
    forest = GenericForest(**values)
    assert vars(forest) == values
    with pytest.raises(TypeError, match="unexpected keyword argument 'trees'"):
        GenericForest(trees=3)
    with pytest.raises(TypeError, match="positional"):
        GenericForest(3)


def test_unknown_detectors():
    with pytest.raises(pynomaly.UnknownDetectorError, match="IsolationForest"):
        estimator_class("Oracle")
    with pytest.raises(AttributeError, match="no attribute 'Oracle'"):
        pynomaly.Oracle  # noqa: B018


def test_no_name_of_the_package_becomes_a_class():
    for taken in ("Detector", "load", "Any", "os"):
        assert class_name(taken) == f"Detector_{taken}"
    assert class_name("IsolationForest") == "IsolationForest"


def test_names_that_parameters_cannot_have_are_known():
    methods = {name for name in dir(OutlierDetector) if not name.startswith("_")}
    assert methods | {"detector_name", "n_jobs", "verbose"} <= TAKEN | {"set_fit_request"}


def test_asking_for_names_imports_nothing_heavy():
    run(
        "import sys, pynomaly\n"
        "assert not hasattr(pynomaly, 'Oracle') and not hasattr(pynomaly, '_nothing')\n"
        "assert 'IsolationForest' in dir(pynomaly) and 'OutlierDetector' in dir(pynomaly)\n"
        "assert 'sklearn' not in sys.modules\n"
        "from pynomaly import *\n"
        "assert issubclass(IsolationForest, OutlierDetector)\n"
    )


# ------------------------------------------------------------------------------- behaviour


def test_scores_and_labels(name, clusters):
    X, y = clusters
    estimator = estimator_class(name)()
    assert estimator.fit(X) is estimator
    scores = estimator.score_samples(X)
    detector = estimator.detector_
    assert np.array_equal(detector.score(X), -scores)
    assert estimator.offset_ == -detector.threshold
    assert np.array_equal(estimator.decision_function(X), scores - estimator.offset_)
    assert np.array_equal(estimator.predict(X) == -1, detector.predict(X) == 1)
    assert estimator.n_features_in_ == 6
    if detector_info(name).reads_series:
        return  # these rows are in no order
    assert pynomaly.roc_auc(-scores, y) > 0.7
    alone = np.concatenate([estimator.score_samples(X[i : i + 1]) for i in range(50)])
    assert np.array_equal(alone, scores[:50])


def test_contamination(name, clusters):
    X, _ = clusters
    made = estimator_class(name)
    if "contamination" not in parameters(name):
        pytest.skip(f"{name} has no contamination")
    estimator = made(contamination=0.1).fit(X)
    scores = estimator.score_samples(X)
    if detector_info(name).reads_series:
        # Rows of the same window have the same score, and are outliers together.
        assert estimator.predict(X).min() == -1
        return
    assert estimator.offset_ == pytest.approx(np.quantile(scores, 0.1), rel=1e-12)
    assert abs((estimator.predict(X) == -1).sum() - 60) <= 1


def test_files_and_pickles(name, clusters, tmp_path):
    X, _ = clusters
    estimator = estimator_class(name)().fit(X)
    estimator.offset_ = float(np.median(estimator.score_samples(X)))
    estimator.save(tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(estimator)),
        pynomaly.load(tmp_path / "model"),
        type(estimator).load(tmp_path / "model"),
        OutlierDetector.load(tmp_path / "model"),
        type(estimator).from_bytes(estimator.to_bytes()),
        OutlierDetector.from_bytes(estimator.to_bytes()),
    ]
    for copy in copies:
        assert type(copy) is type(estimator)
        assert copy.get_params() == estimator.get_params()
        assert np.array_equal(copy.decision_function(X), estimator.decision_function(X))


def test_a_made_class_does_what_the_hand_written_one_does(clusters):
    X, _ = clusters
    weights = np.linspace(0, 1, len(X))
    options = {"n_estimators": 20, "contamination": 0.1, "random_state": 3}
    one = IsolationForest(**options).fit(X, sample_weight=weights)
    two = GenericForest(**options).fit(X, sample_weight=weights)
    assert two.to_bytes() == one.to_bytes()
    assert two.offset_ == one.offset_
    assert np.array_equal(two.fit_predict(X, sample_weight=weights), one.predict(X))
    assert np.array_equal(two.explain(X), one.explain(X))
    for found in ("n_estimators_", "max_samples_", "max_features_", "random_state_"):
        assert getattr(two, found) == getattr(one, found)
        assert type(getattr(two, found)) is int
    assert "n_estimators=20" in repr(two)


def test_what_fitting_found_is_an_attribute(clusters):
    forest = GenericForest(n_estimators=3, random_state=2**63 - 1)
    for attribute in ("node_count_", "n_estimators_", "n_features_in_", "offset_", "detector_"):
        assert not hasattr(forest, attribute)
    forest.fit(clusters[0])
    assert forest.node_count_ == forest.detector_.fitted("node_count") > 3
    assert type(forest.node_count_) is int
    assert forest.random_state_ == 2**63 - 1
    assert not hasattr(forest, "feature_names_in_")
    with pytest.raises(AttributeError, match="'GenericForest' object has no attribute 'luck_'"):
        forest.luck_  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'luck'"):
        forest.luck  # noqa: B018


def test_seeds(clusters):
    X, _ = clusters

    def scores(seed):
        return GenericForest(n_estimators=5, random_state=seed).fit(X).score_samples(X)

    assert np.array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(None), scores(None))
    for kind in (np.random.RandomState, np.random.default_rng):
        source = kind(5)
        assert np.array_equal(scores(source), scores(kind(5)))
        assert not np.array_equal(scores(source), scores(kind(5)))
    with pytest.raises(pynomaly.OptionError, match="random_state"):
        scores("lucky")


def test_warm_start(clusters):
    X, _ = clusters
    grown = GenericForest(n_estimators=5, random_state=0, warm_start=True).fit(X)
    grown.set_params(n_estimators=15).fit(X)
    at_once = GenericForest(n_estimators=15, random_state=0).fit(X)
    assert np.array_equal(grown.score_samples(X), at_once.score_samples(X))
    with pytest.raises(pynomaly.OptionError, match="n_estimators"):
        grown.set_params(n_estimators=3).fit(X)
    assert grown.n_estimators_ == 15


def test_missing_values(clusters):
    X = clusters[0].copy()
    X[::7, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        GenericForest().fit(X)
    scores = GenericForest(missing_values="native").fit(X).score_samples(X)
    assert np.isfinite(scores).all()


# ----------------------------------------------------------------------- written by hand


def test_a_class_written_by_hand(clusters):
    X, _ = clusters
    forest = SmallForest(factor=3).fit(X)
    assert forest.detector_.options["n_estimators"] == 10
    assert forest.detector_.options["max_samples"] == "auto", "no parameter: the library's default"
    assert forest.get_params() == {"n_estimators": 10, "random_state": 0, "factor": 3}
    again = SmallForest.from_bytes(forest.to_bytes())
    assert again.get_params() == {"n_estimators": 10, "random_state": 0, "factor": 1}
    assert np.array_equal(again.score_samples(X), forest.score_samples(X))
    with pytest.raises(TypeError, match="sample_weight"):
        forest.fit(X, sample_weight=np.ones(len(X)))


def test_a_model_of_another_detector():
    class Other(SmallForest):
        detector_name = "Other"

    data = SmallForest().fit([[0.0], [1.0]]).to_bytes()
    with pytest.raises(pynomaly.OptionError, match="a model of IsolationForest, not of Other"):
        Other.from_bytes(data)
    with pytest.raises(pynomaly.UnknownDetectorError, match="Other"):
        Other().fit([[0.0], [1.0]])


# ------------------------------------------------------------------------------- pickling

MAKE = "import pynomaly, pickle, sys; from pynomaly import _estimators; _estimators.HAND_WRITTEN.clear()"


def test_made_classes_pickle_to_other_processes(tmp_path):
    """IsolationForest stands for a detector of which only the option list is known."""
    path = tmp_path / "forest"
    run(
        f"{MAKE}\nforest = pynomaly.IsolationForest(n_estimators=3, random_state=0)\n"
        "assert type(forest).__module__ == 'pynomaly', type(forest).__module__\n"
        "forest.fit([[0.0], [1.0], [7.0]])\n"
        f"pickle.dump([forest, forest.score_samples([[3.0]])], open({str(path)!r}, 'wb'))"
    )
    run(
        f"{MAKE}\nforest, scores = pickle.load(open({str(path)!r}, 'rb'))\n"
        "assert type(forest) is pynomaly.estimator_class('IsolationForest')\n"
        "assert (forest.score_samples([[3.0]]) == scores).all()"
    )
    forest, scores = pickle.loads(path.read_bytes())
    assert type(forest) is IsolationForest, "a class that has since been written by hand takes over"
    assert forest.score_samples(np.array([[3.0]])) == scores


# ----------------------------------------------------------------------------------- tags


def test_weights_are_routed_only_where_they_are_taken():
    sklearn = pytest.importorskip("sklearn")
    with sklearn.config_context(enable_metadata_routing=True):
        forest = GenericForest().set_fit_request(sample_weight=True)
        assert forest.get_metadata_routing().fit.requests == {"sample_weight": True}
    assert not hasattr(SmallForest(), "set_fit_request")


def test_tags():
    pytest.importorskip("sklearn")
    from sklearn.utils import get_tags

    assert not get_tags(GenericForest()).input_tags.allow_nan
    assert get_tags(GenericForest(missing_values="native")).input_tags.allow_nan
    assert not get_tags(SmallForest()).input_tags.allow_nan
    assert get_tags(SmallForest()).estimator_type == "outlier_detector"


def test_without_scikit_learn():
    run(
        "import sys\nfor name in ('sklearn', 'scipy', 'joblib'): sys.modules[name] = None\n"
        f"{MAKE}\nforest = pynomaly.IsolationForest(n_estimators=3)\n"
        "assert repr(forest) == 'IsolationForest(n_estimators=3)', repr(forest)\n"
        "assert forest.fit([[0.0], [1.0]]).predict([[0.5]]).shape == (1,)\n"
        "again = pickle.loads(pickle.dumps(forest))\n"
        "assert pynomaly.OutlierDetector.from_bytes(again.to_bytes()).n_estimators == 3"
    )


def test_detector_takes_the_place_of_an_estimator(clusters):
    X, _ = clusters
    detector = Detector("IsolationForest", n_estimators=5, random_state=7).fit(X)
    forest = OutlierDetector.from_detector(detector)
    assert type(forest) is IsolationForest
    assert forest.random_state == 7
    assert np.array_equal(forest.score_samples(X), -detector.score(X))
