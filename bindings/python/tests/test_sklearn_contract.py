"""The estimators are scikit-learn's: IsolationForest in every way, all others by its checks."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from pynomaly import IsolationForest, detector_info, detector_names, estimator_class
from pynomaly._estimators import make_class

sklearn = pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, OutlierMixin, clone, is_outlier_detector
from sklearn.ensemble import IsolationForest as SklearnForest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

# What scikit-learn expects its own IsolationForest to fail, and nothing else: trees draw rows at
# random, so that a weight of 2 is the same as a row given twice only on the average.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "rows are drawn at random by weight",
}

# A class that is made of the option list alone, as that of a plugin's detector is.
MadeForest = make_class(detector_info("IsolationForest"), "MadeForest")
MadeForest.__module__ = __name__


# MAD's threshold is a distance, 3.5 robust deviations, and not a share of the rows: in the checks' tidy
# blobs no row is that far out, where the checks want at least one outlier.
NO_OUTLIERS = dict.fromkeys(
    ("check_outliers_fit_predict", "check_outliers_train"),
    "no row of the blobs is 3.5 robust deviations out",
)


# Rows are the steps of a series: their order matters, and rows of the same window are outliers together,
# more or fewer than the contamination asks for.
SERIES = dict.fromkeys(
    (
        "check_methods_sample_order_invariance",
        "check_outliers_fit_predict",
        "check_outliers_train",
    ),
    "rows are the steps of a series",
)


def expected_failures(estimator):
    """Detectors that take weights draw rows by them, or set `offset_` by a quantile of the scores of
    the rows given, whatever their weights."""
    if getattr(estimator, "detector_name", None) == "MAD" and estimator.contamination == "auto":
        return NO_OUTLIERS
    if detector_info(getattr(estimator, "detector_name", "")).reads_series:
        return SERIES
    takes_weights = "sample_weight" in inspect.signature(estimator.fit).parameters
    return EXPECTED_FAILURES if takes_weights else {}


@parametrize_with_checks(
    [
        MadeForest(n_estimators=5),
        *(estimator_class(name)() for name in detector_names() if name != "IsolationForest"),
        IsolationForest(n_estimators=5),
        IsolationForest(n_estimators=5, ndim=2),
        IsolationForest(n_estimators=5, missing_values="native"),
        IsolationForest(n_estimators=5, n_jobs=2),
        estimator_class("MAD")(contamination=0.1),
    ],
    expected_failed_checks=expected_failures,
)
def test_check_estimator(estimator, check):
    check(estimator)


def test_expected_failures_are_those_of_scikit_learn():
    failures = pytest.importorskip("sklearn.utils._test_common.instance_generator")
    theirs = failures.PER_ESTIMATOR_XFAIL_CHECKS[SklearnForest]
    assert set(EXPECTED_FAILURES) <= set(theirs)


def test_signature_begins_with_that_of_scikit_learn():
    ours = dict(inspect.signature(IsolationForest).parameters)
    for name, theirs in inspect.signature(SklearnForest).parameters.items():
        assert ours[name].default == theirs.default, name
        assert ours[name].kind == theirs.kind, name
    assert set(ours) - set(inspect.signature(SklearnForest).parameters) == {
        "ndim",
        "missing_values",
    }


def test_bases_and_tags():
    forest = IsolationForest()
    assert isinstance(forest, BaseEstimator)
    assert isinstance(forest, OutlierMixin)
    assert is_outlier_detector(forest)
    assert not get_tags(forest).input_tags.allow_nan
    assert get_tags(forest.set_params(missing_values="native")).input_tags.allow_nan


def test_not_fitted_is_scikit_learns():
    from sklearn.exceptions import NotFittedError

    import pynomaly

    for method in ("predict", "score_samples", "decision_function", "explain"):
        with pytest.raises(NotFittedError, match="not fitted yet") as caught:
            getattr(IsolationForest(), method)([[1.0]])
        assert isinstance(caught.value, pynomaly.NotFittedError)


def test_pipeline_and_clone(clusters):
    X, _ = clusters
    pipeline = make_pipeline(StandardScaler(), IsolationForest(random_state=3, contamination=0.1))
    labels = clone(pipeline).fit_predict(X)
    assert np.array_equal(labels, pipeline.fit(X).predict(X))
    assert (labels == -1).sum() == pytest.approx(60, abs=2)


def test_model_selection(clusters):
    X, y = clusters
    search = GridSearchCV(
        IsolationForest(random_state=0), {"max_samples": [16, 256]}, scoring="roc_auc", cv=3
    )
    search.fit(X, 1 - y)
    assert search.best_score_ > 0.8


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        forest = IsolationForest().set_fit_request(sample_weight=True)
        assert forest.get_metadata_routing().fit.requests == {"sample_weight": True}


def test_repr_names_what_differs():
    assert repr(IsolationForest(ndim=2)) == "IsolationForest(ndim=2)"


def test_same_warnings_about_feature_names_as_scikit_learn(clusters):
    pandas = pytest.importorskip("pandas")
    X, _ = clusters
    frame = pandas.DataFrame(X, columns=list("abcdef"))

    def heard(forest, train, test):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            forest.fit(train).score_samples(test)
        return [str(warning.message) for warning in caught]

    for train, test in [(frame, X), (X, frame), (frame, frame), (X, X)]:
        ours = heard(IsolationForest(n_estimators=5), train, test)
        assert ours == heard(SklearnForest(n_estimators=5), train, test)


@pytest.mark.parametrize(
    "X",
    [
        np.ones(3),
        np.float64(1),
        np.ones((2, 2, 2)),
        np.ones((0, 6)),
        np.ones((3, 5)),
        np.ones((3, 6)) * 1j,
        [["a"] * 6],
        np.array([["a"] * 6]),
    ],
    ids=["1d", "0d", "3d", "no rows", "five columns", "complex", "strings", "string array"],
)
def test_same_exceptions_as_scikit_learn(clusters, X):
    train, _ = clusters
    ours, theirs = IsolationForest(n_estimators=2), SklearnForest(n_estimators=2)
    said = []
    for forest in (ours, theirs):
        forest.fit(train)
        with pytest.raises(ValueError) as caught:
            forest.score_samples(X)
        said.append(str(caught.value).splitlines()[0])
    assert said[0].split(":")[0][:20] == said[1].split(":")[0][:20]
