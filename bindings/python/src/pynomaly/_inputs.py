"""What users hand in, as NumPy arrays the library can read: copied only where it must be."""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _library
from ._errors import InvalidDataError, ShapeMismatchError

Array = NDArray[Any]

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
_EXACT_IN_FLOAT32 = ("b1", "i1", "u1", "i2", "u2", "f2")


def read_table(X: Any, who: str) -> tuple[Array, list[str] | None]:
    """The numbers of X in two dimensions, and the names of its columns when all are strings.

    `who` is named in messages. Arrays of float32 and float64 are passed on as they are, whatever
    their strides; of other types a copy is made.
    """
    kind = _table_kind(X)
    if kind is None:
        return _read_array(X, who), None
    array = _TABLES[kind](X)
    return np.asarray(array), _column_names(X, kind)


def is_stream(X: Any) -> bool:
    """Whether X hands out batches of a table: through the Arrow C stream interface, or as the files and data
    sets of pyarrow do."""
    if hasattr(X, "__array__") or _table_kind(X) is not None:
        return False
    return hasattr(X, "__arrow_c_stream__") or _reader_maker(X) is not None


class Stream:
    """An Arrow C stream, taken from whoever offers it and kept while the library reads it."""

    def __init__(self, X: Any) -> None:
        make = _reader_maker(X)
        self._source = X if make is None else make(X)
        self._capsule = self._source.__arrow_c_stream__()
        self.pointer = _capsule_pointer(self._capsule, b"arrow_array_stream")


def _reader_maker(X: Any) -> Callable[[Any], Any] | None:
    """How a pyarrow object that is no stream itself becomes one: a data set, its scanner, a Parquet file."""
    for base in type(X).__mro__:
        if base.__module__.partition(".")[0] == "pyarrow" and base.__name__ in _READERS:
            return _READERS[base.__name__]
    return None


def _read_parquet(file: Any) -> Any:
    import pyarrow

    return pyarrow.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())


_READERS: dict[str, Callable[[Any], Any]] = {
    "Dataset": lambda dataset: dataset.scanner().to_reader(),
    "Scanner": lambda scanner: scanner.to_reader(),
    "ParquetFile": _read_parquet,
}


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def as_matrix(array: Array) -> _library.Matrix:
    """A view of the array for the library. The array must be kept alive during the call."""
    rows, columns = array.shape
    row_stride, column_stride = array.strides
    return _library.Matrix(
        data=array.ctypes.data,
        dtype=_library.FLOAT32 if array.dtype == FLOAT32 else _library.FLOAT64,
        rows=rows,
        columns=columns,
        row_stride=row_stride,
        column_stride=column_stride,
    )


def check_not_empty(array: Array, who: str) -> None:
    """Of nothing nothing can be learned."""
    if 0 in array.shape:
        what = "sample" if array.shape[0] == 0 else "feature"
        raise InvalidDataError(
            f"Found array with 0 {what}(s) (shape={array.shape}) "
            f"while a minimum of 1 is required by {who}."
        )


def read_weights(weights: Any, rows: int) -> NDArray[np.float64]:
    """One weight a row; a single number counts for every row."""
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(rows, float(array))
    if array.ndim != 1:
        raise InvalidDataError("Sample weights must be 1D array or scalar")
    if array.shape != (rows,):
        raise ShapeMismatchError(f"sample_weight.shape == {array.shape}, expected {(rows,)}!")
    if rows and not array.any():
        raise InvalidDataError("Sample weights must contain at least one non-zero number.")
    return np.ascontiguousarray(array)


def read_labels(labels: Any, rows: int) -> NDArray[np.int32]:
    """One label a row: 0 for inliers, 1 for outliers."""
    array = np.asarray(labels)
    if array.shape != (rows,):
        raise ShapeMismatchError(f"labels.shape == {array.shape}, expected {(rows,)}!")
    wrong = np.flatnonzero((array != 0) & (array != 1))
    if wrong.size:
        raise InvalidDataError(
            f"labels must be 0 for inliers and 1 for outliers; that of row {wrong[0]} is "
            f"{array[wrong[0]]!r}"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


def check_names(fitted: Sequence[str] | None, given: Sequence[str] | None, who: str) -> None:
    """Names must be those of the fit, in their order. Names on one side only are worth a warning."""
    if fitted is None and given is None:
        return
    if fitted is None:
        warn(f"X has feature names, but {who} was fitted without feature names")
        return
    if given is None:
        warn(f"X does not have valid feature names, but {who} was fitted with feature names")
        return
    if list(fitted) == list(given):
        return
    message = "The feature names should match those that were passed during fit.\n"
    unseen = sorted(set(given) - set(fitted))
    missing = sorted(set(fitted) - set(given))
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    raise ShapeMismatchError(message)


def warn(message: str) -> None:
    """Warn at the first line outside this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)


def _listed(names: Sequence[str]) -> str:
    return "".join(f"- {name}\n" for name in names[:5]) + "- ...\n" * (len(names) > 5)


# ------------------------------------------------------------------------------- arrays


def _read_array(X: Any, who: str) -> Array:
    if is_stream(X):
        raise InvalidDataError(
            f"X is a stream ({type(X).__name__}), which only learning and scoring take as a whole; "
            "otherwise give its batches one by one: for batch in X: ..."
        )
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise SparseDataError(
            "Sparse data was passed for X, but dense data is required. "
            "Use '.toarray()' to convert to a dense numpy array."
        )
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise InvalidDataError(f"Complex data not supported\n{array}\n")
    if array.ndim < 2:
        found = "scalar" if array.ndim == 0 else "1D"
        raise InvalidDataError(
            f"Expected 2D array, got {found} array instead:\narray={array}.\n"
            "Reshape your data either using array.reshape(-1, 1) if your data has a single feature "
            "or array.reshape(1, -1) if it contains a single sample."
        )
    if array.ndim > 2:
        raise InvalidDataError(
            f"Found array with dim {array.ndim}, while dim <= 2 is required by {who}."
        )
    return _as_float(array)


def _as_float(array: Array) -> Array:
    dtype = array.dtype
    if dtype.isnative and array.flags.aligned and dtype in (FLOAT32, FLOAT64):
        return array
    if dtype.kind in "MmV":
        raise InvalidDataError(
            f"X has dtype {dtype}, which is not compatible with numbers. "
            "Convert your data to numeric values explicitly instead."
        )
    exact = dtype.newbyteorder("=").str[1:] in (*_EXACT_IN_FLOAT32, "f4")
    return array.astype(FLOAT32 if exact else FLOAT64)


class SparseDataError(InvalidDataError, TypeError):
    """Sparse data, which would have to be made dense first."""


# ------------------------------------------------------------------------------- tables


def _table_kind(X: Any) -> str | None:
    """Which library's table X is, without importing any."""
    for base in type(X).__mro__:
        kind = f"{base.__module__.partition('.')[0]}.{base.__name__}"
        if kind in _TABLES:
            return kind
    return None


def _column_names(X: Any, kind: str) -> list[str] | None:
    names = list(X.schema.names if kind.startswith("pyarrow") else X.columns)
    strings = [isinstance(name, str) for name in names]
    if any(strings) and not all(strings):
        types = sorted({type(name).__qualname__ for name in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {types} as feature name / column name types. If you want feature names to be "
            "stored and validated, you must convert them all to strings, by using X.columns = "
            "X.columns.astype(str) for example. Otherwise you can remove feature / column names from "
            "your input data, or convert them all to a non-string data type."
        )
    return [str(name) for name in names] if names and all(strings) else None


def _read_pandas(frame: Any) -> Array:
    dtypes = list(frame.dtypes)
    if dtypes and dtypes[0] in (FLOAT32, FLOAT64) and dtypes.count(dtypes[0]) == len(dtypes):
        return _as_float(frame.to_numpy())
    columns = ((frame.columns[i], frame.iloc[:, i], dtypes[i]) for i in range(len(dtypes)))
    return _by_column(frame.shape, columns, _pandas_numbers)


def _pandas_numbers(name: Any, column: Any, dtype: Any) -> Array:
    kind = getattr(dtype, "kind", "O")
    if kind not in "biufO" or str(dtype) in ("category", "str", "string"):
        raise _not_numeric(name, dtype)
    try:
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise _not_numeric(name, dtype) from None


def _read_polars(frame: Any) -> Array:
    types = frame.dtypes
    if types and str(types[0]) in ("Float32", "Float64") and types.count(types[0]) == len(types):
        return _as_float(frame.to_numpy())
    columns = zip(frame.columns, frame.get_columns(), types)
    return _by_column(frame.shape, columns, _polars_numbers)


def _polars_numbers(name: Any, column: Any, dtype: Any) -> Array:
    if not (dtype.is_numeric() or str(dtype) in ("Boolean", "Null")):
        raise _not_numeric(name, dtype)
    return np.asarray(column.cast(float).to_numpy())


def _read_arrow(table: Any) -> Array:
    columns = zip(table.schema.names, table.columns, table.schema.types)
    return _by_column((table.num_rows, table.num_columns), columns, _arrow_numbers)


def _arrow_numbers(name: Any, column: Any, dtype: Any) -> Array:
    if not str(dtype).startswith(
        ("int", "uint", "halffloat", "float", "double", "bool", "decimal")
    ):
        raise _not_numeric(name, dtype)
    return np.asarray(column.cast("float64", safe=False).to_numpy(zero_copy_only=False))


def _by_column(
    shape: tuple[int, int],
    columns: Iterable[tuple[Any, Any, Any]],
    numbers: Callable[[Any, Any, Any], Array],
) -> Array:
    """A column-major array of columns (name, values, type) that `numbers` converts one by one."""
    array = np.empty(shape, dtype=np.float64, order="F")
    for i, column in enumerate(columns):
        array[:, i] = numbers(*column)
    return array


def _not_numeric(name: Any, dtype: Any) -> InvalidDataError:
    return InvalidDataError(
        f"Column {name!r} of X has type {dtype}; only numbers and booleans can be used. "
        "Leave it out or encode it as numbers."
    )


def _refuse_lazy(frame: Any) -> Array:
    raise InvalidDataError("X is a polars.LazyFrame; pass X.collect() instead.")


_TABLES: dict[str, Callable[[Any], Array]] = {
    "pandas.DataFrame": _read_pandas,
    "polars.DataFrame": _read_polars,
    "polars.LazyFrame": _refuse_lazy,
    "pyarrow.Table": _read_arrow,
    "pyarrow.RecordBatch": _read_arrow,
}
