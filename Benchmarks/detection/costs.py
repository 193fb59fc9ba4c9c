"""What a detector costs at some shapes: processor time of fits and scores on one thread, peak memory.

The times are those of the calling thread's own work (CLOCK_THREAD_CPUTIME_ID), the least of several
calls, so that other load of the machine counts little.

    python costs.py DETECTOR ROWSxCOLUMNS ...     the memory of one detector, as JSON: a child process
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Callable

import locations
import numpy as np
from memory import _reset_peak, _status, _trim

OUTLIERS = 0.02


@dataclass(frozen=True)
class Cost:
    """Seconds on one thread."""

    rows: int
    columns: int
    fit: float
    score: float  # of all rows in one call
    one_row: float  # of a call for one row


def rows_like_real(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Rows as tables have them: three clouds of features that depend on each other, a few far rows.

    Methods that search for neighbours take longer the more directions the rows really spread in; here
    a third of the columns, and a little noise.
    """
    draw = np.random.default_rng([seed, columns])  # the clouds are the same for any number of rows
    factors = max(1, round(columns / 3))
    loadings, centres = draw.normal(size=(factors, columns)), 4 * draw.normal(size=(3, columns))
    X = draw.normal(size=(rows, factors)) @ loadings
    X += 0.3 * draw.normal(size=(rows, columns))
    X += centres[draw.integers(0, 3, size=rows)]
    far = draw.random(rows) < OUTLIERS
    X[far] *= 3
    return np.ascontiguousarray(X)


def rows_spread(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Rows in no clusters, that spread in all columns alike: the worst for a search of neighbours."""
    return np.random.default_rng([seed, columns, rows]).normal(size=(rows, columns))


def least(call: Callable[[], Any], calls: int = 3, budget: float = 0.5) -> float:
    """The shortest of at least `calls` calls, fewer when they take longer than `budget` together."""
    best, spent, done = float("inf"), 0.0, 0
    while done < calls or (spent < 0.02 and done < 1000):
        begin = time.thread_time()
        call()
        took = time.thread_time() - begin
        best, spent, done = min(best, took), spent + took, done + 1
        if spent > budget:
            break
    return best


def one_row_seconds(detector: Any, X: np.ndarray) -> float:
    """A call of pyn_detector_score for one row, as a C program makes it (and 1 µs that ctypes takes)."""
    from pynomaly import _inputs, _library

    library = _library.library_keeping_lock
    score = library.pyn_detector_score
    score.restype, score.argtypes = _library._FUNCTIONS["pyn_detector_score"]
    error, call = _library.Error(), _library.Call(threads=1)
    out = np.empty(1)
    picked = np.random.default_rng(1).integers(0, len(X), 32)
    arguments = []
    for row in picked:
        matrix = _inputs.as_matrix(X[row : row + 1])
        arguments.append(
            (detector._model.pointer, ctypes.byref(matrix), ctypes.byref(call), out.ctypes.data, 1,
             ctypes.byref(error))
        )  # fmt: skip

    def all_of_them() -> None:
        for one in arguments:
            score(*one)

    return least(all_of_them, 3, 0.3) / len(arguments)


def cost(name: str, X: np.ndarray, options: dict[str, Any] | None = None) -> Cost:
    """Fit and score those rows."""
    from pynomaly import Detector

    detector = Detector(name, **(options or {}))
    fit = least(lambda: detector.fit(X, threads=1))
    score = least(lambda: detector.score(X, threads=1))
    return Cost(len(X), X.shape[1], fit, score, one_row_seconds(detector, X))


# ---------------------------------------------------------------------------------- memory


def memory(name: str, shapes: list[tuple[int, int]]) -> list[dict[str, int]]:
    """Peak bytes beyond the input of fitting and scoring so many rows, from a child process."""
    command = [sys.executable, str(locations.HERE / "costs.py"), name]
    done = subprocess.run(
        [*command, *(f"{rows}x{columns}" for rows, columns in shapes)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def child(name: str, shapes: list[tuple[int, int]]) -> list[dict[str, int]]:
    """Fit and score each shape, and see what the kernel has noted."""
    from pynomaly import Detector

    warm = rows_like_real(500, 3)
    Detector(name).fit(warm, threads=1).score(warm, threads=1)
    found = []
    for rows, columns in shapes:
        X = rows_like_real(rows, columns)
        _trim()
        _reset_peak()
        start = _status("VmRSS")
        detector = Detector(name).fit(X, threads=1)
        detector.score(X, threads=1)
        found.append({"rows": rows, "columns": columns, "bytes": max(0, _status("VmHWM") - start)})
        del detector, X
    return found


def as_dict(one: Cost) -> dict[str, Any]:
    return asdict(one)


if __name__ == "__main__":
    locations.prepare_package()
    wanted = [tuple(map(int, shape.split("x"))) for shape in sys.argv[2:]]
    print(json.dumps(child(sys.argv[1], wanted)))  # type: ignore[arg-type]
