"""The data: labelled sets of ADBench beside the repository, and a generated one.

All libraries get the same array: float64, row by row, as NumPy users hold data unless they say
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import locations
import numpy as np
from numpy.typing import NDArray
from plan import Plan

GENERATED = "generated"
GENERATED_COLUMNS = 20
SPEED_SETS = ("http", "shuttle", "mnist", "cardio")


@dataclass(frozen=True)
class Dataset:
    """Rows to score and, where known, which of them are outliers."""

    name: str
    X: NDArray[np.float64]
    y: NDArray[np.int64] | None = None

    @property
    def title(self) -> str:
        rows, columns = self.X.shape
        return f"{self.name} ({rows:,} x {columns})"


def files() -> dict[str, Path]:
    """Every labelled set there is, by its name: 32_shuttle.npz is shuttle."""
    folder = locations.adbench()
    if folder is None:
        return {}
    found = ((path.stem.partition("_")[2] or path.stem, path) for path in folder.glob("*.npz"))
    return dict(sorted(found))


def load(name: str, row_limit: int | None = None) -> Dataset:
    """A labelled set, or where it has more rows a random sample of `row_limit`."""
    with np.load(files()[name]) as arrays:
        X = np.ascontiguousarray(arrays["X"], dtype=np.float64)
        y = np.asarray(arrays["y"]).astype(np.int64)
    if row_limit is not None and len(X) > row_limit:
        chosen = np.sort(np.random.default_rng(0).choice(len(X), row_limit, replace=False))
        X, y = np.ascontiguousarray(X[chosen]), y[chosen]
    return Dataset(name, X, y)


def generate(rows: int) -> Dataset:
    """Normally distributed rows without labels."""
    return Dataset(GENERATED, normal_rows(rows, np.float64))


def normal_rows(rows: int, dtype: type[np.floating]) -> NDArray[np.floating]:
    """Filled in place, so that making them takes no memory beyond them."""
    rows_out = np.empty((rows, GENERATED_COLUMNS), dtype=dtype)
    np.random.default_rng(0).standard_normal(out=rows_out, dtype=dtype)
    return rows_out


def for_speed(plan: Plan) -> list[Dataset]:
    """What the speed parts run on, as far as it is there."""
    known = files()
    sets = [load(name, plan.row_limit) for name in SPEED_SETS if name in known]
    return [*sets, generate(plan.generated_rows)]


def missing() -> list[str]:
    """The sets of the speed parts that are not there."""
    known = files()
    return [name for name in SPEED_SETS if name not in known]
