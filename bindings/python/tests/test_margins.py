"""EllipticEnvelope, OneClassSVM and PCA agree with scikit-learn's and PyOD's."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly import Detector

covariance = pytest.importorskip("sklearn.covariance")
svm = pytest.importorskip("sklearn.svm")

SETS = ["14_glass", "20_letter", "28_pendigits", "2_annthyroid", "38_thyroid", "45_wine"]


def load(shared_data, name):
    path = shared_data / "adbench" / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the shared data")
    return np.ascontiguousarray(np.load(path)["X"], dtype=np.float64)


def log_determinant(rows):
    """Of the covariance of rows that differ in every column."""
    spread = rows.std(0)
    sign, value = np.linalg.slogdet(np.atleast_2d(np.cov((rows / spread).T, bias=True)))
    assert sign > 0
    return value + 2 * np.log(spread).sum()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_greater_determinant(shared_data, name, seed):
    X = load(shared_data, name)
    ours = Detector("EllipticEnvelope", random_state=seed).fit(X).fitted("raw_log_determinant")
    theirs = covariance.MinCovDet(random_state=seed).fit(X)
    subset = X[theirs.raw_support_]
    if np.linalg.matrix_rank(subset - subset.mean(0)) < X.shape[1]:
        pytest.skip("scikit-learn's rows lie in a plane: its determinant is 0, as ours")
    assert ours <= log_determinant(subset) + 1e-9


def test_ellipse_of_all_rows_is_scikit_learns(clusters):
    """With all rows in the support nothing is random: distances agree to rounding."""
    X = np.random.default_rng(1).normal(size=(800, 5)) @ np.random.default_rng(2).normal(size=(5, 5))
    X[:40] += 9
    ours = Detector("EllipticEnvelope", support_fraction=1.0).fit(X)
    theirs = covariance.EllipticEnvelope(support_fraction=1.0).fit(X)
    np.testing.assert_allclose(ours.score(X), -theirs.score_samples(X), rtol=1e-6)
    assert ours.threshold == pytest.approx(-theirs.offset_, rel=1e-6)


@pytest.mark.parametrize("centred", [False, True])
def test_ellipse_of_separate_outliers_is_scikit_learns(centred):
    """Where both find the same rows, all that follows agrees."""
    X = np.random.default_rng(5).normal(size=(60, 2))
    X[:10] += 50
    ours = Detector("EllipticEnvelope", assume_centered=centred, support_fraction=50 / 60).fit(X)
    theirs = covariance.EllipticEnvelope(
        assume_centered=centred, support_fraction=50.5 / 60, random_state=0
    ).fit(X)
    np.testing.assert_allclose(ours.score(X), -theirs.score_samples(X), rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nu": 0.1, "gamma": 0.02},
        {"kernel": "poly", "degree": 2, "coef0": 1.0},
        {"kernel": "sigmoid", "gamma": 0.01, "nu": 0.2},
        {"gamma": "auto", "shrinking": False},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_svm_is_libsvms(clusters, options, weighted):
    X, _ = clusters
    weights = np.random.default_rng(0).uniform(0.2, 2, len(X)) if weighted else None
    options = {"tol": 1e-5, **options}  # what is left open by tol differs
    ours = Detector("OneClassSVM", **options).fit(X, sample_weight=weights)
    theirs = svm.OneClassSVM(**options).fit(X, sample_weight=weights)
    dual = 0.5 * theirs.dual_coef_.ravel() @ theirs.score_samples(X[theirs.support_])
    assert ours.fitted("objective") == pytest.approx(dual, rel=1e-3)
    decision = theirs.decision_function(X)
    largest = np.abs(decision).max()
    np.testing.assert_allclose(-ours.score(X), decision, rtol=0, atol=2e-4 * largest)


def test_svm_takes_single_precision(clusters):
    X, _ = clusters
    ours = Detector("OneClassSVM", nu=0.1).fit(X.astype(np.float32))
    theirs = svm.OneClassSVM(nu=0.1).fit(X)
    np.testing.assert_allclose(
        -ours.score(X.astype(np.float32)), theirs.decision_function(X), atol=5e-3
    )


def pyod_scores(X, rows, standardization=True, weighted=True, selected=None):
    """PyOD's PCA, in its own words but a few."""
    decomposition = pytest.importorskip("sklearn.decomposition")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    if standardization:
        scaler = preprocessing.StandardScaler().fit(X)
        X, rows = scaler.transform(X), scaler.transform(rows)
    pca = decomposition.PCA().fit(X)
    weights = pca.explained_variance_ratio_ if weighted else np.ones(len(pca.components_))
    chosen = slice(-selected if selected else None, None)
    away = np.linalg.norm(rows[:, None, :] - pca.components_[chosen][None], axis=2)
    return (away / weights[chosen]).sum(1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weighted": False},
        {"standardization": False},
        {"selected": 2},
    ],
)
def test_pca_is_pyods(clusters, options):
    X, _ = clusters
    expected = pyod_scores(X, X, **options)
    own = {("n_selected_components" if k == "selected" else k): v for k, v in options.items()}
    ours = Detector("PCA", **own).fit(X)
    np.testing.assert_allclose(ours.score(X), expected, rtol=1e-6)
    np.testing.assert_allclose(ours.explain(X).sum(1), expected, rtol=1e-6)
