"""What holds for any matrix."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly import Detector, IsolationForest

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

DTYPES = st.sampled_from([np.float32, np.float64])


@st.composite
def matrices(draw, minimum=1):
    dtype = draw(DTYPES)
    shape = draw(st.tuples(st.integers(minimum, 40), st.integers(1, 6)))
    width = 8 * np.dtype(dtype).itemsize
    # Few different values now and then, so that ties and constant columns come up.
    values = st.one_of(
        st.floats(width=width, allow_nan=False, allow_infinity=False),
        st.sampled_from([0.0, -0.0, 1.0, -1.0]),
    )
    return draw(arrays.arrays(dtype, shape, elements=values))


def sliced(draw, X):
    step = draw(st.sampled_from([1, 2, -1, -2]))
    return X[::step, :: draw(st.sampled_from([1, -1]))]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_finite_matrix(data):
    X = data.draw(matrices())
    options = {
        "n_estimators": data.draw(st.integers(1, 12)),
        "ndim": data.draw(st.integers(1, 3)),
        "bootstrap": data.draw(st.booleans()),
        "contamination": data.draw(st.sampled_from(["auto", 0.1, 0.5])),
    }
    forest = IsolationForest(random_state=0, **options).fit(X)
    scores = forest.score_samples(X)
    assert ((scores < 0) & (scores >= -1)).all()
    np.testing.assert_allclose(forest.explain(X).sum(axis=1), -scores, rtol=1e-9)
    view = sliced(data.draw, X[:, :])
    if view.shape[1] == X.shape[1] and len(view):
        expected = IsolationForest(random_state=0, **options).fit(view.copy())
        again = IsolationForest(random_state=0, **options).fit(view)
        assert np.array_equal(again.score_samples(view), expected.score_samples(view.copy()))
    loaded = Detector.from_bytes(forest.to_bytes())
    assert np.array_equal(loaded.score(X), -scores)
    alone = np.concatenate([forest.score_samples(X[i : i + 1]) for i in range(len(X))])
    assert np.array_equal(alone, scores)
    order = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(forest.score_samples(X[order]), scores[order])


@settings(max_examples=60, deadline=None)
@given(matrices(minimum=2), st.data())
def test_any_place_of_a_missing_value(X, data):
    row = data.draw(st.integers(0, len(X) - 1))
    column = data.draw(st.integers(0, X.shape[1] - 1))
    X[row, column] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    with pytest.raises(ValueError) as caught:
        IsolationForest(n_estimators=2).fit(X)
    assert (caught.value.row, caught.value.column) == (row, column)
    if np.isnan(X[row, column]):
        forest = IsolationForest(n_estimators=5, missing_values="native").fit(X)
        assert np.isfinite(forest.score_samples(X)).all()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.data())
def test_any_bytes_can_be_tried_as_a_model(noise, data):
    good = _model()
    start = data.draw(st.integers(0, len(good)))
    bad = good[:start] + noise + good[start + len(noise) :]
    if bad == good:
        return
    with pytest.raises(ValueError):
        Detector.from_bytes(bad)


def _model(kept=[]):  # noqa: B006
    if not kept:
        X = np.random.default_rng(0).normal(size=(50, 3))
        kept.append(Detector("IsolationForest", n_estimators=3).fit(X).to_bytes())
    return kept[0]
