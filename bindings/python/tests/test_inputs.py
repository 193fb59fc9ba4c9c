"""What may be given as X, in which layouts, and what is said of the rest."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, IsolationForest
from pynomaly._inputs import read_table


def layouts(X):
    """The same numbers in memory in all the ways an array can be."""
    rows, columns = X.shape
    wide = np.zeros((rows * 2, columns * 3), dtype=X.dtype)
    wide[::2, ::3] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    yield "C", np.ascontiguousarray(X)
    yield "Fortran", np.asfortranarray(X)
    yield "slice", wide[::2, ::3]
    yield "rows backwards", np.ascontiguousarray(X[::-1])[::-1]
    yield "columns backwards", np.ascontiguousarray(X[:, ::-1])[:, ::-1]
    yield "all backwards", np.asfortranarray(X[::-1, ::-1])[::-1, ::-1]
    yield "read-only", read_only


def unaligned(X):
    buffer = np.zeros(X.nbytes + 1, dtype=np.uint8)
    array = buffer[1:].view(X.dtype).reshape(X.shape)
    array[...] = X
    return array


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 5, 600])
def test_every_layout_scores_the_same_and_none_is_copied(clusters, dtype, rows):
    X = clusters[0].astype(dtype)
    forest = IsolationForest(random_state=0, n_estimators=20).fit(X)
    part = X[:rows]
    expected = forest.score_samples(part)
    for name, array in layouts(part):
        assert np.array_equal(array, part)
        assert np.array_equal(forest.score_samples(array), expected), name
        assert np.shares_memory(read_table(array, "test")[0], array), name
    for array in (unaligned(part), part.astype(part.dtype.newbyteorder())):
        assert np.array_equal(array, part)
        assert np.array_equal(forest.score_samples(array), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layout_fits_the_same(clusters, dtype):
    X = clusters[0].astype(dtype)
    expected = IsolationForest(random_state=0, n_estimators=20).fit(X).score_samples(X)
    for name, array in layouts(X):
        forest = IsolationForest(random_state=0, n_estimators=20).fit(array)
        assert np.array_equal(forest.score_samples(X), expected), name


def test_broadcast_rows():
    X = np.random.default_rng(0).normal(size=(100, 3))
    forest = IsolationForest(random_state=0).fit(X)
    one = np.array([[0.1, 0.2, 0.3]])
    many = np.broadcast_to(one, (200, 3))
    assert many.strides[0] == 0
    assert np.array_equal(forest.score_samples(many), np.repeat(forest.score_samples(one), 200))


def test_single_and_double_precision_agree(clusters):
    X = clusters[0].astype(np.float32)
    single = IsolationForest(random_state=0).fit(X)
    double = IsolationForest(random_state=0).fit(X.astype(np.float64))
    for forest in (single, double):
        np.testing.assert_allclose(
            forest.score_samples(X), single.score_samples(X.astype(np.float64)), atol=1e-6
        )


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", ">f4", ">i4", "g", "O"]
)
def test_other_types_are_converted(dtype):
    numbers = np.random.default_rng(0).integers(0, 2 if dtype == "?" else 100, (50, 3))
    forest = IsolationForest(random_state=0).fit(numbers.astype(float))
    expected = forest.score_samples(numbers.astype(float))
    assert np.array_equal(forest.score_samples(numbers.astype(dtype)), expected)
    assert np.array_equal(forest.fit(numbers.astype(dtype)).score_samples(numbers), expected)


def test_lists_and_array_likes():
    X = [[0.0, 1], [2, 3.5], [1, 1]]
    forest = IsolationForest(random_state=0).fit(X)
    expected = forest.score_samples(np.array(X))
    assert np.array_equal(forest.score_samples(X), expected)
    assert np.array_equal(forest.score_samples(tuple(map(tuple, X))), expected)
    assert np.array_equal(forest.score_samples(memoryview(np.array(X))), expected)


@pytest.mark.parametrize("rows", [10, 500])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_that_are_not_finite_are_said_with_their_place(rows, value, order):
    X = np.zeros((rows, 4), order=order)
    X[:, 0] = np.arange(rows)
    forest = IsolationForest(n_estimators=5).fit(X)
    bad = X.copy(order)
    bad[7, 2] = value
    name = "NaN" if np.isnan(value) else "infinity"
    for method in (forest.fit, forest.score_samples, forest.predict, forest.explain):
        with pytest.raises(pynomaly.InvalidDataError, match=f"Input X contains {name}") as caught:
            method(bad)
        assert (caught.value.row, caught.value.column) == (7, 2)
        assert "7" in str(caught.value)
        assert "2" in str(caught.value)
        assert caught.value.status == "PYN_ERROR_INVALID_DATA"


@pytest.mark.parametrize("columns", [0, 1, 3, 5])
@pytest.mark.parametrize("rows", [1, 200])
def test_wrong_number_of_columns(clusters, rows, columns):
    forest = IsolationForest(n_estimators=5).fit(clusters[0][:, :4])
    said = f"X has {columns} features, but IsolationForest is expecting 4 features as input"
    for method in (forest.score_samples, forest.decision_function, forest.predict, forest.explain):
        with pytest.raises(pynomaly.ShapeMismatchError, match=said):
            method(np.zeros((rows, columns)))


def test_empty_data():
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        IsolationForest().fit(np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        IsolationForest().fit(np.zeros((3, 0)))
    forest = IsolationForest(n_estimators=5).fit(np.eye(3))
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        forest.score_samples(np.zeros((0, 3)))
    detector = Detector("IsolationForest").fit(np.eye(3))
    assert detector.score(np.zeros((0, 3))).shape == (0,)
    assert detector.predict(np.zeros((0, 3))).shape == (0,)
    assert detector.explain(np.zeros((0, 3))).shape == (0, 3)


def test_sparse_is_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix):
        with pytest.raises(TypeError, match="Sparse data was passed"):
            IsolationForest().fit(kind(np.eye(3)))


def test_dates_are_refused():
    with pytest.raises(ValueError, match="datetime64"):
        IsolationForest().fit(np.zeros((3, 1), dtype="M8[s]"))


# ------------------------------------------------------------------------------- tables


def make_table(kind, columns):
    module = pytest.importorskip(kind)
    if kind == "pyarrow":
        return module.table(columns)
    return module.DataFrame(columns)


TABLES = pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])


@TABLES
def test_tables(clusters, kind):
    X, _ = clusters
    names = ["heat", "load", "größe", "v", "w", "x y"]
    table = make_table(kind, {name: X[:, i] for i, name in enumerate(names)})
    forest = IsolationForest(random_state=0).fit(table)
    assert forest.feature_names_in_.tolist() == names
    assert forest.feature_names_in_.dtype == object
    assert forest.detector_.feature_names == names
    plain = IsolationForest(random_state=0).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(forest.score_samples(table), plain.score_samples(X))
        assert np.array_equal(forest.explain(table), plain.explain(X))
    with pytest.warns(UserWarning, match="does not have valid feature names") as caught:
        assert np.array_equal(forest.score_samples(X[:1]), plain.score_samples(X[:1]))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="X has feature names"):
        plain.predict(table)
    forest.fit(X)
    assert not hasattr(forest, "feature_names_in_")


@TABLES
def test_tables_of_mixed_types_and_nulls(kind):
    columns = {
        "whole": np.array([1, 2, 3, 4], dtype=np.int16),
        "single": np.array([0.5, 1.5, 2.5, 3.5], dtype=np.float32),
        "flag": np.array([True, False, True, True]),
        "big": np.array([1, 2**40, 3, 4]),
    }
    array, names = read_table(make_table(kind, columns), "test")
    assert names == list(columns)
    assert np.array_equal(array, np.column_stack([c.astype(float) for c in columns.values()]))
    with_nulls = {"a": [1, None, 3], "b": [True, None, False], "c": [0.5, 1.5, None]}
    table = make_table(kind, with_nulls)
    if kind == "pandas":
        table = table.astype({"a": "Int64", "b": "boolean"})
    array, _ = read_table(table, "test")
    expected = np.array([[1, 1, 0.5], [np.nan, np.nan, 1.5], [3, 0, np.nan]])
    np.testing.assert_array_equal(array, expected)


@TABLES
def test_columns_that_are_not_numbers_are_named(kind):
    for column in (["x", "y"], np.array(["2020-01-01", "2020-01-02"], dtype="M8[ms]")):
        table = make_table(kind, {"a": [1.0, 2.0], "city": column})
        with pytest.raises(pynomaly.InvalidDataError, match="'city'"):
            IsolationForest().fit(table)


@TABLES
def test_names_must_match(kind, clusters):
    X, _ = clusters
    forest = IsolationForest(n_estimators=5).fit(make_table(kind, {"a": X[:, 0], "b": X[:, 1]}))
    detector = forest.detector_
    turned = make_table(kind, {"b": X[:, 1], "a": X[:, 0]})
    other = make_table(kind, {"a": X[:, 0], "c": X[:, 1]})
    for method in (forest.predict, forest.explain, detector.score):
        with pytest.raises(ValueError, match="must be in the same order"):
            method(turned)
        with pytest.raises(ValueError, match="(?s)unseen at fit time:\n- c.*now missing:\n- b"):
            method(other)


def test_pandas_of_one_type_is_not_copied(clusters):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(clusters[0].copy(), columns=list("abcdef"))
    assert np.shares_memory(read_table(frame, "test")[0], frame.to_numpy())


def test_pandas_names_that_are_not_strings(clusters):
    pandas = pytest.importorskip("pandas")
    X, _ = clusters
    forest = IsolationForest(n_estimators=5).fit(pandas.DataFrame(X))
    assert not hasattr(forest, "feature_names_in_")
    mixed = pandas.DataFrame(X[:, :2], columns=["a", 1])
    with pytest.raises(TypeError, match="Feature names are only supported if all"):
        forest.fit(mixed)


def test_object_columns_of_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.array([1, 2.5, 3], dtype=object), "b": [1, 2, 3]})
    assert read_table(frame, "test")[0].tolist() == [[1, 1], [2.5, 2], [3, 3]]


def test_lazy_frames_say_what_to_do():
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match="collect"):
        IsolationForest().fit(polars.LazyFrame({"a": [1.0]}))


def test_record_batch():
    pyarrow = pytest.importorskip("pyarrow")
    batch = pyarrow.record_batch({"a": [1.0, 2.0], "b": [3, 4]})
    array, names = read_table(batch, "test")
    assert names == ["a", "b"]
    assert array.tolist() == [[1, 3], [2, 4]]


# ------------------------------------------------------------------------------- streams


def make_reader(table, size=50):
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(size))


def test_streams_fit_as_their_tables_do(clusters):
    X, _ = clusters
    table = make_table("pyarrow", {name: X[:, i] for i, name in enumerate("abcdef")})
    whole = IsolationForest(random_state=0).fit(table)
    streamed = IsolationForest(random_state=0).fit(make_reader(table))
    assert streamed.feature_names_in_.tolist() == list("abcdef")
    assert np.array_equal(streamed.score_samples(table), whole.score_samples(table))
    scores = [streamed.score_samples(batch) for batch in make_reader(table)]
    assert np.array_equal(np.concatenate(scores), whole.score_samples(table))


def test_streams_that_cannot_be_used(clusters):
    pyarrow = pytest.importorskip("pyarrow")
    X, _ = clusters
    table = make_table("pyarrow", {"a": X[:, 0], "b": X[:, 1]})
    forest = IsolationForest(random_state=0).fit(table)
    with pytest.raises(pynomaly.InvalidDataError, match="for batch in X"):
        forest.explain(make_reader(table))
    with pytest.raises(pynomaly.NotSupportedError, match="sample_weight"):
        forest.fit(make_reader(table), sample_weight=np.ones(600))
    words = pyarrow.table({"a": ["x", "y"]})
    with pytest.raises(pynomaly.InvalidDataError):
        forest.fit(make_reader(words))

    def batches():
        yield from table.to_batches(100)[:2]
        raise RuntimeError("the disk is gone")

    broken = pyarrow.RecordBatchReader.from_batches(table.schema, batches())
    with pytest.raises(OSError, match="the disk is gone"):
        forest.fit(broken)
    missing = X[:, :2].copy()
    missing[333, 1] = np.nan
    table = make_table("pyarrow", {"a": missing[:, 0], "b": missing[:, 1]})
    with pytest.raises(pynomaly.InvalidDataError) as caught:
        forest.fit(make_reader(table))
    assert (caught.value.row, caught.value.column) == (333, 1)
    assert forest.feature_names_in_.tolist() == ["a", "b"]
