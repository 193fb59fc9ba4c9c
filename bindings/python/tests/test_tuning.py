"""Searching for the best options."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pynomaly
from pynomaly import (
    ArgumentError,
    CancelledError,
    Detector,
    InvalidDataError,
    IsolationForest,
    OptionError,
    ShapeMismatchError,
    roc_auc,
    tune,
)

GRID = {"n_estimators": [3, 40], "max_features": [0.5, 1.0], "contamination": [0.1, 0.2]}


@pytest.fixture
def small(clusters):
    X, y = clusters
    return X[:240], y[:240]


def without_times(found):
    return {
        key: [repr(x) for x in value]
        for key, value in found.cv_results_.items()
        if not key.endswith("_time")
    }


def test_results_are_those_of_grid_search(small):
    X, y = small
    found = tune(IsolationForest(random_state=3), X, y, GRID, folds=4)
    table = found.cv_results_
    assert found.scoring_ == "roc_auc" and found.n_splits_ == 4
    assert len(table["params"]) == 8
    assert table["params"][1] == {"n_estimators": 3, "max_features": 0.5, "contamination": 0.2}
    assert list(table["param_n_estimators"]) == [3] * 4 + [40] * 4
    folds = np.array([table[f"split{i}_test_score"] for i in range(4)])
    np.testing.assert_allclose(table["mean_test_score"], folds.mean(0))
    np.testing.assert_allclose(table["std_test_score"], folds.std(0), atol=1e-15)
    best = found.best_index_
    assert table["rank_test_score"][best] == 1
    assert found.best_score_ == table["mean_test_score"].max() == table["mean_test_score"][best]
    chosen = {name: table["params"][best][name] for name in ("n_estimators", "max_features")}
    assert found.best_params_ == chosen
    assert list(table["same_as"]) == [-1, 0, -1, 2, -1, 4, -1, 6]
    assert (table["mean_fit_time"] > 0).all() and table["error"] == [None] * 8
    model = found.best_estimator_
    assert type(model) is IsolationForest and model.random_state == 3
    assert {name: model.get_params()[name] for name in chosen} == chosen
    assert model.contamination == IsolationForest().contamination
    again = IsolationForest(random_state=3, **found.best_params_).fit(X)
    assert (model.score_samples(X) == again.score_samples(X)).all()


def test_whatever_the_threads_and_the_kind_of_detector(small):
    X, y = small
    one = tune(IsolationForest(random_state=0), X, y, GRID, threads=1, refit=False)
    many = tune(Detector("IsolationForest"), X, 1 - 2 * y, GRID, threads=5)
    assert without_times(one) == without_times(many)
    assert not hasattr(one, "best_estimator_")
    assert isinstance(many.best_estimator_, Detector) and many.best_estimator_.is_fitted
    named = tune("IsolationForest", X, y, GRID)
    assert without_times(named) == without_times(one)
    assert without_times(tune(IsolationForest, X, y, GRID)) == without_times(one)
    assert "best_params_" in repr(named)


def test_without_labels(small):
    X, _ = small
    kept = tune(IsolationForest(contamination=0.3), X, grid={"contamination": [0.1, 0.2]})
    assert kept.best_params_ == {} and kept.best_estimator_.contamination == 0.3
    assert [one["contamination"] for one in kept.cv_results_["params"]] == [0.1, 0.2]
    found = tune("LocalOutlierFactor", X, grid={"n_neighbors": [2, 30]})
    assert found.scoring_ == "stability"
    assert found.best_params_ == {"n_neighbors": 30}
    scores = found.cv_results_["mean_test_score"]
    assert -1 <= scores[0] < scores[1] <= 1


def test_other_criteria_and_deals(small):
    X, y = small
    grid = {"n_neighbors": [2, 10, 30]}
    precision = tune("KNN", X, y, grid, scoring="average_precision")
    assert precision.scoring_ == "average_precision"
    held = tune("KNN", X, y, grid, holdout=0.3, repeats=5)
    assert held.n_splits_ == 5
    assert tune("KNN", X, y, grid, scoring="stability").scoring_ == "stability"
    assert len(tune("KNN", X, y, grid, n_iter=2).cv_results_["params"]) == 2
    one, other = (tune("KNN", X[:, :1], y, grid, random_state=seed) for seed in (0, 5))
    assert (
        one.cv_results_["split0_test_score"].tolist()
        != other.cv_results_["split0_test_score"].tolist()
    )


def test_the_default_grid_is_that_of_the_guide(small):
    X, y = small
    found = tune("IsolationForest", X, y, refit=False)
    assert sorted({p["n_estimators"] for p in found.cv_results_["params"]}) == [50, 100, 200]
    assert sorted({p["contamination"] for p in found.cv_results_["params"]}) == [0.1, 0.15, 0.2]
    assert sorted({p["max_features"] for p in found.cv_results_["params"]}) == [0.5, 0.8, 1.0]


def test_tables_keep_their_names(small):
    pandas = pytest.importorskip("pandas")
    X, y = small
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    found = tune("HBOS", frame, y, {"n_bins": [5, 10]})
    assert found.best_estimator_.feature_names_in_.tolist() == list("abcdef")


def test_configurations_that_fail(small):
    X, y = small
    found = tune("IsolationForest", X, y, {"max_features": [7, 6, 2]})
    table = found.cv_results_
    assert "7 features a tree" in table["error"][0] and table["error"][1:] == [None, None]
    assert np.isnan(table["mean_test_score"][0]) and table["rank_test_score"][0] == 3
    with pytest.raises(OptionError, match="9 features a tree"):
        tune("IsolationForest", X, y, {"max_features": [9, 8]})


def test_what_is_refused(small):
    X, y = small
    for error, words, options in [
        (InvalidDataError, "0 of the 240 labels are outliers", {"y": np.zeros(240)}),
        (InvalidDataError, "y must be 1 for outliers", {"y": np.full(240, 2)}),
        (ShapeMismatchError, "labels.shape", {"y": y[:-1]}),
        (InvalidDataError, "241 folds need at least 241", {"folds": 241}),
        (ArgumentError, "folds must be an int from 2 to 2147483647", {"folds": 1}),
        (ArgumentError, "repeats must be an int from 1 to 2147483647", {"repeats": 2**31}),
        (ArgumentError, "folds must be an int", {"folds": "3"}),
        (ArgumentError, "folds must be an int", {"folds": math.nan}),
        (ArgumentError, "threads must be an int from 0", {"threads": 2**33}),
        (ArgumentError, "threads must be an int from 0", {"threads": -1}),
        (ArgumentError, "holdout must be a share", {"holdout": 1.5}),
        (ArgumentError, "the grid is empty", {"grid": {}}),
        (OptionError, "no parameter 'depth'", {"grid": {"depth": [1]}}),
        (OptionError, "n_estimators: 0", {"grid": {"n_estimators": [0]}}),
        (OptionError, "has no values", {"grid": {"n_estimators": []}}),
        (OptionError, "must be a list", {"grid": {"n_estimators": 5}}),
        (OptionError, "in the grid already", {"grid": {"n_estimators": [5, 5]}}),
        (ArgumentError, "scoring must be one of", {"scoring": "accuracy"}),
        (ArgumentError, "need labels", {"scoring": "roc_auc"}),
        (ArgumentError, "n_iter", {"n_iter": 0}),
        (ArgumentError, "random_state", {"random_state": -1}),
    ]:
        with pytest.raises(error, match=words):
            tune("IsolationForest", X, **options)
    with pytest.raises(InvalidDataError, match="row 7, column 2"):
        bad = X.copy()
        bad[7, 2] = np.nan
        tune("KNN", bad, grid={"n_neighbors": [3]})
    with pytest.raises(pynomaly.UnknownDetectorError):
        tune("Nothing", X)
    with pytest.raises(OptionError, match="must be the name"):
        tune(7, X)


def test_the_best_is_fitted_with_the_threads_of_the_search(small, monkeypatch):
    X, y = small
    seen = []
    fit = IsolationForest.fit

    def watched(self, *arguments, **options):
        seen.append(self.n_jobs)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(IsolationForest, "fit", watched)
    found = tune(IsolationForest(n_jobs=1), X, y, {"n_estimators": [3]}, threads=2)
    assert seen == [2] and found.best_estimator_.n_jobs == 1
    tune(IsolationForest(n_jobs=1), X, y, {"n_estimators": [3]})
    assert seen == [2, 1]


def test_members_are_values(small):
    X, _ = small
    found = tune("Ensemble", X, grid={"detectors": ["[HBOS, MAD]", [Detector("PCA"), Detector("MAD")]]})
    assert len(found.cv_results_["params"]) == 2


def test_progress_and_stopping(small):
    X, y = small
    seen = []

    def watch(fraction, stage):
        seen.append((fraction, stage))

    tune("IsolationForest", X, y, {"n_estimators": [5, 6]}, progress=watch)
    assert seen[-1] == (1.0, "tune")
    with pytest.raises(CancelledError):
        tune("IsolationForest", X, y, {"n_estimators": [3000, 3001]}, progress=lambda *_: True)
    with pytest.raises(ZeroDivisionError):
        tune("IsolationForest", X, y, {"n_estimators": [3000, 3001]}, progress=lambda *_: 1 / 0)


def test_grid_search_of_scikit_learn_works_with_our_estimators(small):
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = small

    def scorer(model, X, y):
        return roc_auc(-model.score_samples(X), y)

    search = selection.GridSearchCV(
        IsolationForest(random_state=0), {"n_estimators": [2, 60]}, scoring=scorer, cv=3
    ).fit(X, y)
    assert search.best_params_ == {"n_estimators": 60}
    assert search.best_estimator_.predict(X).shape == y.shape
    # scikit-learn's own name of the measure, with labels of its convention
    named = selection.GridSearchCV(
        pynomaly.KNN(), {"n_neighbors": [3, 20]}, scoring="roc_auc", cv=3
    ).fit(X, 1 - 2 * y)
    assert named.best_score_ > 0.9


def test_on_real_data(shared_data):
    path = shared_data / "adbench" / "6_cardio.npz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the shared data")
    with np.load(path) as data:
        X, y = data["X"], data["y"]
    found = tune("LocalOutlierFactor", X, y)
    default = tune("LocalOutlierFactor", X, y, {"n_neighbors": [20]})
    assert found.best_score_ >= default.best_score_
    blind = tune("LocalOutlierFactor", X)
    chosen = tune("LocalOutlierFactor", X, y, {"n_neighbors": [blind.best_params_["n_neighbors"]]})
    assert chosen.best_score_ > default.best_score_
