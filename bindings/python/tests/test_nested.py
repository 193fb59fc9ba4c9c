"""Detectors that hold detectors: Ensemble and SlidingWindow."""

from __future__ import annotations

import numpy as np
import pynomaly
import pytest
from pynomaly import (
    KNN,
    PCA,
    Detector,
    Ensemble,
    IsolationForest,
    LocalOutlierFactor,
    SlidingWindow,
    detector_info,
)
from pynomaly._nested import held_names


@pytest.fixture
def X(clusters):
    return clusters[0]


def series(rows=400):
    rng = np.random.default_rng(2)
    time = np.arange(rows)
    wave = np.column_stack([np.sin(time / 5), np.cos(time / 9)]) + rng.normal(0, 0.05, (rows, 2))
    wave[250:255, 1] += 3
    return wave


# ------------------------------------------------------------------------------------- options


def test_options_say_what_they_hold():
    held = {option.name: option.holds for option in detector_info("Ensemble").options}
    assert held["detectors"] == "detectors"
    assert held["weights"] == "numbers"
    assert held["combination"] == ""
    held = {option.name: option.holds for option in detector_info("SlidingWindow").options}
    assert held["detector"] == "detector"
    assert detector_info("SlidingWindow").reads_series
    assert not detector_info("Ensemble").reads_series


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("KNN, PCA", "[KNN, PCA]"),
        (["KNN", "PCA(whiten=true)"], "[KNN, PCA(whiten=true)]"),
        ([KNN(), PCA(whiten=True)], "[KNN, PCA(whiten=true)]"),
        ([("near", KNN(p=3)), ("tree", IsolationForest())], "[KNN(p=3.0), IsolationForest]"),
        ((KNN(metric="manhattan"),), '[KNN(metric="manhattan")]'),
        ([IsolationForest(max_samples=0.5, random_state=4)], "[IsolationForest(max_samples=0.5, random_state=4)]"),
        ([Detector("HBOS", n_bins=5)], "[HBOS(n_bins=5)]"),
        ([KNN(n_neighbors=np.int64(7), p=np.float32(2.5))], "[KNN(n_neighbors=7, p=2.5)]"),
        (
            [SlidingWindow(detector=LocalOutlierFactor(n_neighbors=3), window=4)],
            "[SlidingWindow(detector=LocalOutlierFactor(n_neighbors=3), window=4)]",
        ),
        (
            [Ensemble(detectors=[KNN()], weights=[1], combination="weighted")],
            '[Ensemble(detectors=[KNN], combination="weighted", weights=[1.0])]',
        ),
    ],
)  # fmt: skip
def test_texts_of_estimators(value, text):
    assert Detector("Ensemble", detectors=value).options["detectors"] == text
    rows = np.random.default_rng(0).normal(size=(60, 2))
    assert Ensemble(detectors=value).fit(rows).detector_.options["detectors"] == text


@pytest.mark.parametrize(
    "value",
    [3, None, [3], [None], {"a": 1}, object(), [object()], [("a", "b", "c")], b"KNN", []],
)
def test_what_is_no_detector(value):
    with pytest.raises(pynomaly.OptionError, match="detectors"):
        Ensemble(detectors=value).fit([[0.0], [1.0], [2.0]])
    with pytest.raises(pynomaly.OptionError, match="detector"):
        SlidingWindow(detector=value).fit(np.zeros((20, 1)))


def test_an_estimator_of_others_is_no_member():
    sklearn = pytest.importorskip("sklearn.ensemble")
    with pytest.raises(pynomaly.OptionError, match="or an estimator; got IsolationForest"):
        Ensemble(detectors=[sklearn.IsolationForest()]).fit([[0.0], [1.0]])


@pytest.mark.parametrize("weights", [1.0, ["a"], [None], [-1.0, 1.0], [float("nan")], "lots"])
def test_wrong_weights(weights):
    with pytest.raises(pynomaly.OptionError, match="weights"):
        Ensemble(detectors="KNN, PCA", combination="weighted", weights=weights).fit(np.eye(4))


def test_names_in_texts():
    option = next(o for o in detector_info("Ensemble").options if o.name == "detectors")
    text = '[KNN(metric="a, b"), Ensemble(detectors=[MAD, PCA(whiten=true)]),HBOS]'
    assert held_names(option, text) == ["KNN", "Ensemble", "HBOS"]
    assert held_names(option, [KNN(), ("x", PCA()), "MAD(threshold=3)"]) == ["KNN", "PCA", "MAD"]


# ---------------------------------------------------------------------------- as scikit-learn's


def test_clone_and_params():
    base = pytest.importorskip("sklearn.base")
    window = SlidingWindow(detector=KNN(n_neighbors=7))
    copy = base.clone(window)
    assert copy.detector is not window.detector
    assert copy.get_params()["detector__n_neighbors"] == 7
    copy.set_params(detector__n_neighbors=9, window=5)
    assert copy.fit(series()).detector_.options["detector"] == "KNN(n_neighbors=9)"
    assert window.detector.n_neighbors == 7
    ensemble = base.clone(Ensemble(detectors=[("near", KNN(n_neighbors=7)), PCA()]))
    assert ensemble.detectors[0][1].n_neighbors == 7
    params = ensemble.get_params()
    assert params["near__n_neighbors"] == 7
    assert "near" not in ensemble.get_params(deep=False)
    ensemble.set_params(near__n_neighbors=8)
    assert ensemble.detectors[0][1].n_neighbors == 8
    ensemble.set_params(near=KNN(n_neighbors=3))
    assert ensemble.detectors[0][1].n_neighbors == 3
    with pytest.raises(ValueError, match="far"):
        ensemble.set_params(far__n_neighbors=8)


def test_grid_search(clusters):
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = clusters
    search = selection.GridSearchCV(
        Ensemble(detectors=[("near", KNN()), ("plane", PCA())]),
        {"near__n_neighbors": [3, 20], "combination": ["average", "maximum"]},
        scoring="roc_auc",
        cv=2,
    )
    assert search.fit(X, 1 - y).best_score_ > 0.9


def test_parts_are_only_there_where_all_members_have_them():
    assert not hasattr(Ensemble(), "partial_fit")
    assert not hasattr(SlidingWindow(detector="KNN"), "partial_fit")
    assert hasattr(Ensemble, "partial_fit")
    assert hasattr(Ensemble(detectors="Oracle"), "partial_fit"), "fitting says what is wrong"
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'"):
        Ensemble().partial_fit([[0.0]])


def test_weights(X):
    weights = np.linspace(0, 1, len(X))
    forests = Ensemble(detectors=[IsolationForest(n_estimators=9)], random_state=0)
    plain = forests.fit(X).score_samples(X)
    assert not np.array_equal(forests.fit(X, sample_weight=weights).score_samples(X), plain)
    with pytest.raises(pynomaly.NotSupportedError, match="member 2 .KNN.: KNN takes no sample weights"):
        Ensemble(detectors="IsolationForest, KNN").fit(X, sample_weight=weights)


# ---------------------------------------------------------------------------------- what they do


@pytest.mark.parametrize("combination", ["average", "maximum", "median"])
def test_scores_are_those_of_pyods_combination(X, combination):
    pytest.importorskip("combo", reason="pyod.models.combination needs the package combo")
    pytest.importorskip("pyod")
    from pyod.models import combination as theirs
    from pyod.utils.utility import standardizer

    members = ["KNN(n_neighbors=5)", "PCA", "HBOS", "MAD"]
    train, new = X[:400], X[400:]
    fitted = [Detector("Ensemble", detectors=each).fit(train) for each in members]
    parts = [KNN(n_neighbors=5), PCA(), pynomaly.HBOS(), pynomaly.MAD()]
    parts = [each.fit(train).detector_ for each in parts]
    of_train = np.column_stack([each.score(train) for each in parts])
    of_new = np.column_stack([each.score(new) for each in parts])
    of_train, of_new = standardizer(of_train, of_new)
    function = {"maximum": theirs.maximization}.get(combination) or getattr(theirs, combination)
    ours = Detector("Ensemble", detectors=members, combination=combination).fit(train)
    np.testing.assert_allclose(ours.score(new), function(of_new), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.score(train), function(of_train), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fitted[1].score(new), of_new[:, 1], rtol=1e-9, atol=1e-9)


def test_weighted_scores_are_those_of_pyods_average(X):
    pytest.importorskip("combo", reason="pyod.models.combination needs the package combo")
    pytest.importorskip("pyod")
    from pyod.models.combination import average
    from pyod.utils.utility import standardizer

    own = standardizer(np.column_stack([KNN().fit(X).detector_.score(X), PCA().fit(X).detector_.score(X)]))
    ours = Ensemble(detectors=[KNN(), PCA()], combination="weighted", weights=[1, 3]).fit(X)
    theirs = average(own, estimator_weights=np.array([[1.0, 3.0]]))
    np.testing.assert_allclose(-ours.score_samples(X), theirs, rtol=1e-9, atol=1e-9)


def test_an_ensemble_is_no_worse_than_its_members_on_average(shared_data):
    """Over the labelled sets that are there, small ones: better than any one of the three by the mean."""
    members = ["IsolationForest", "KNN", "PCA"]
    found = []
    for path in sorted((shared_data / "adbench").glob("*.npz")):
        data = np.load(path)
        X, y = data["X"].astype(float), data["y"].astype(int)
        if len(X) > 8000:
            continue
        found.append(
            [
                pynomaly.roc_auc(Detector("Ensemble", detectors=each).fit(X).score(X), y)
                for each in [*members, members]
            ]
        )
    if len(found) < 5:
        pytest.skip("fewer than 5 small sets")
    *alone, together = np.mean(found, axis=0)
    assert together > max(alone)


def test_learning_row_by_row_scores_as_learning_at_once(X):
    from pynomaly import HalfSpaceTrees

    members = [HalfSpaceTrees(n_trees=5, window_size=100, random_state=1), HalfSpaceTrees(n_trees=9, random_state=2)]
    whole = Ensemble(detectors=members, random_state=0).partial_fit(X)
    single = Ensemble(detectors=members, random_state=0)
    for row in X:
        single.partial_fit(row[None])
    a, b = whole.score_samples(X), single.score_samples(X)
    assert np.corrcoef(a, b)[0, 1] > 0.9
    assert 0.7 < a.std() / b.std() < 1.4, "in deviations of all scores, not of one row's"


@pytest.mark.parametrize("held", ["HBOS(n_bins=8)", "HalfSpaceTrees(n_trees=3, window_size=100, random_state=1)"])
def test_a_stream_is_one_series(held):
    """Longer than a part of a stream (16,384 rows), whatever the held detector can."""
    pyarrow = pytest.importorskip("pyarrow")
    X = series(20_000)
    table = pyarrow.table({"a": X[:, 0], "b": X[:, 1]})

    def reader():
        return pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(3000))

    options = {"detector": held, "window": 7}
    whole = Detector("SlidingWindow", **options).fit(X).score(X)
    assert np.array_equal(Detector("SlidingWindow", **options).fit(reader()).score(X), whole)
    going = Detector("SlidingWindow", **options)
    if held.startswith("HBOS"):
        with pytest.raises(pynomaly.NotSupportedError, match="HBOS on 19994 windows: HBOS cannot learn in parts"):
            going.partial_fit(reader())
    else:
        at_once = Detector("SlidingWindow", **options).partial_fit(X)
        assert np.array_equal(going.partial_fit(reader()).score(X), at_once.score(X))


def test_a_stream_for_members_that_need_all_rows(X):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({str(i): column for i, column in enumerate(X.T)})
    for members in ("KNN, MAD", "HalfSpaceTrees(random_state=1), MAD", "HalfSpaceTrees(random_state=1)"):
        whole = Detector("Ensemble", detectors=members, random_state=0).fit(X).score(X)
        stream = Detector("Ensemble", detectors=members, random_state=0).fit(table.to_reader())
        assert np.array_equal(stream.score(X), whole)
    with pytest.raises(pynomaly.NotSupportedError, match="member 2 .MAD.: MAD cannot learn in parts"):
        Detector("Ensemble", detectors="HalfSpaceTrees, MAD").partial_fit(table.to_reader())


def test_runs_repeat_and_seeds_count(X):
    forests = [IsolationForest(n_estimators=5), IsolationForest(n_estimators=5)]
    one = Ensemble(detectors=forests, random_state=1).fit(X)
    assert one.to_bytes() == Ensemble(detectors=forests, random_state=1, n_jobs=3).fit(X).to_bytes()
    two = Ensemble(detectors=forests, random_state=2).fit(X)
    assert not np.array_equal(one.score_samples(X), two.score_samples(X))
    assert Ensemble(detectors=forests).fit(X).random_state_ != Ensemble(detectors=forests).fit(X).random_state_


def test_a_window_sees_what_a_row_does_not():
    """Each value is ordinary; their order is not."""
    rng = np.random.default_rng(3)
    wave = np.sin(np.arange(600) / 4)[:, None] + rng.normal(0, 0.02, (600, 1))
    wave[300:330, 0] = np.sin(np.arange(300, 330) / 1.5)
    labels = np.zeros(600, int)
    labels[302:338] = 1
    alone = pynomaly.roc_auc(KNN().fit(wave).detector_.score(wave), labels)
    windows = pynomaly.roc_auc(SlidingWindow(detector=KNN(), window=12).fit(wave).detector_.score(wave), labels)
    assert windows > 0.9
    assert windows > alone + 0.2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_are_those_of_numpy(order, dtype):
    wave = np.asarray(series(), dtype=dtype, order=order)
    windows = np.lib.stride_tricks.sliding_window_view(wave, 6, axis=0)  # windows x channels x 6
    windows = np.ascontiguousarray(windows.transpose(0, 2, 1).reshape(len(windows), -1))
    inner = Detector("LocalOutlierFactor", n_neighbors=8).fit(windows).score(windows)
    ours = SlidingWindow(detector="LocalOutlierFactor(n_neighbors=8)", window=6).fit(wave)
    np.testing.assert_array_equal(ours.detector_.score(wave), np.r_[[inner[0]] * 5, inner])


def test_earlier_scores_do_not_change_when_rows_come():
    wave = series()
    detector = SlidingWindow(window=8).fit(wave[:200]).detector_
    assert np.array_equal(detector.score(wave)[:300], detector.score(wave[:300]))


def test_explanations_point_to_the_channel():
    wave = series()
    shares = SlidingWindow(detector="KNN", window=5).fit(wave).explain(wave)
    assert (shares[252] / shares[252].sum())[1] > 0.9


def test_short_series():
    with pytest.raises(pynomaly.InvalidDataError, match="has 9 rows, fewer than the 10 of a window"):
        SlidingWindow().fit(np.zeros((9, 1)))
    window = SlidingWindow().fit(series())
    with pytest.raises(pynomaly.InvalidDataError, match="has 1 rows, fewer than the 10 of a window"):
        window.score_samples(series()[:1])


def test_nested_files(tmp_path, X):
    nested = Ensemble(detectors=[Ensemble(detectors=[KNN(), PCA()]), IsolationForest()]).fit(X)
    nested.save(tmp_path / "model")
    loaded = pynomaly.load(tmp_path / "model")
    assert np.array_equal(loaded.score_samples(X), nested.score_samples(X))
    assert loaded.detectors == nested.detector_.options["detectors"]
