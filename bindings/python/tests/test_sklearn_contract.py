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
EQUIVALENCE = "check_sample_weight_equivalence_on_dense_data"
EXPECTED_FAILURES = {EQUIVALENCE: "rows are drawn at random by weight"}
# Nor do scikit-learn's own of these names pass it.
ABOUT_WEIGHTS = {
    "OneClassSVM": "gamma 'scale' goes by the rows given, as scikit-learn's; solutions differ within tol",
    "SGDOneClassSVM": "a row of weight 2 makes one step of twice the length, a row given twice two steps",
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


# Rows are the steps of a series: what a row is depends on those beside it.
IN_ORDER = {"check_methods_sample_order_invariance": "rows are the steps of a series, in their order"}
ALONE = {"check_methods_subset_invariance": "some of the rows are fewer than a window"}
# The rows of the most unlike window have one score: all of them are outliers, more than contamination asks for,
# where the check wants fewer; then none would be one.
TIES = {"check_outliers_fit_predict": "all rows of a window have the greatest score"}
# The default members take no weights, which the check finds out by giving them; others do, below.
UNWEIGHTED = dict.fromkeys(
    (
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_list",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
        "check_sample_weight_equivalence_on_dense_data",
    ),
    "KNN and PCA take no sample weights",
)


def expected_failures(estimator):
    """Why an estimator cannot pass some checks, by their names."""
    if getattr(estimator, "detector_name", None) == "MAD" and estimator.contamination == "auto":
        return NO_OUTLIERS
    if getattr(estimator, "detector_name", None) == "SlidingWindow":
        return {**IN_ORDER, **ALONE} if estimator.window > 1 else {}
    if getattr(estimator, "detector_name", None) == "Ensemble" and isinstance(estimator.detectors, str):
        return UNWEIGHTED
    if detector_info(getattr(estimator, "detector_name", "")).reads_series:
        return {**IN_ORDER, **TIES}
    if getattr(estimator, "detector_name", None) in ABOUT_WEIGHTS:
        return {EQUIVALENCE: ABOUT_WEIGHTS[estimator.detector_name]}
    takes_weights = "sample_weight" in inspect.signature(estimator.fit).parameters
    return EXPECTED_FAILURES if takes_weights else {}


# An expected failure that does not happen fails, where scikit-learn can tell.
STRICT = {"xfail_strict": True} if "xfail_strict" in inspect.signature(parametrize_with_checks).parameters else {}


@parametrize_with_checks(
    [
        MadeForest(n_estimators=5),
        *(estimator_class(name)() for name in detector_names() if name != "IsolationForest"),
        IsolationForest(n_estimators=5),
        IsolationForest(n_estimators=5, ndim=2),
        IsolationForest(n_estimators=5, missing_values="native"),
        IsolationForest(n_estimators=5, n_jobs=2),
        estimator_class("MAD")(contamination=0.1),
        estimator_class("Ensemble")(
            detectors=[IsolationForest(n_estimators=5), IsolationForest(n_estimators=5, ndim=2)]
        ),
        estimator_class("SlidingWindow")(window=1),
        estimator_class("SlidingWindow")(detector=estimator_class("HBOS")(), window=2),
    ],
    expected_failed_checks=expected_failures,
    **STRICT,
)
def test_check_estimator(estimator, check):
    check(estimator)


def test_expected_failures_are_those_of_scikit_learn():
    failures = pytest.importorskip("sklearn.utils._test_common.instance_generator")
    theirs = failures.PER_ESTIMATOR_XFAIL_CHECKS[SklearnForest]
    assert set(EXPECTED_FAILURES) <= set(theirs)
    for name in ABOUT_WEIGHTS:
        theirs = {one.__name__: checks for one, checks in failures.PER_ESTIMATOR_XFAIL_CHECKS.items()}
        assert EQUIVALENCE in theirs[name]


def test_weights_of_the_svm_are_repeated_rows(clusters):
    """With gamma given, and to what tol and single precision leave."""
    X, _ = clusters
    times = np.random.default_rng(0).integers(0, 4, len(X))
    how = {"gamma": 0.1, "tol": 1e-9, "nu": 0.2}
    weighted = estimator_class("OneClassSVM")(**how).fit(X, sample_weight=times)
    repeated = estimator_class("OneClassSVM")(**how).fit(np.repeat(X, times, axis=0))
    expected = repeated.decision_function(X)
    np.testing.assert_allclose(
        weighted.decision_function(X), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_contamination_does_not_look_at_weights(clusters):
    """As scikit-learn's: the threshold is a quantile of the scores of the rows."""
    X, _ = clusters
    weights = np.random.default_rng(0).uniform(0, 2, len(X))
    for forest in (IsolationForest(contamination=0.2), SklearnForest(contamination=0.2)):
        scores = forest.fit(X, sample_weight=weights).score_samples(X)
        assert forest.offset_ == pytest.approx(np.percentile(scores, 20))


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
