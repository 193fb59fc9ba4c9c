"""One adapter a library, ours and the others': the same forest, the call that its users make.

Everywhere 100 trees of 256 samples, and one thread unless said. What an adapter's fit and score do
is what is timed. Imports are made where they are needed: a library that is missing leaves a note in
the report, and the rest goes on.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TREES = 100
SAMPLES = 256


class Library:
    """How one library is used."""

    name: str
    packages: tuple[str, ...]  # what must be importable
    sign = 1  # -1 where low scores are anomalous
    fits = True  # False: only scores, with another library's trees

    def missing(self) -> str | None:
        """Why the library cannot be used, if it cannot."""
        for package in self.packages:
            try:
                importlib.import_module(package)
            except Exception as error:  # an import may fail in any way
                return f"{self.name}: {type(error).__name__}: {error}"
        return None

    def fit(self, X: NDArray[Any], seed: int) -> Any:
        """A fitted model."""
        raise NotImplementedError

    def prepare(self, X: NDArray[Any]) -> NDArray[Any]:
        """The input in the form that the library wants, which is not timed."""
        return X

    def score(self, model: Any, X: NDArray[Any]) -> NDArray[Any]:
        """The library's scores, in its own sign."""
        raise NotImplementedError

    def anomaly(self, model: Any, X: NDArray[Any]) -> NDArray[np.float64]:
        """One score a row, of which high ones are anomalous; not for timing."""
        scores = self.score(model, self.prepare(X))
        return self.sign * np.asarray(scores, dtype=np.float64).ravel()


class Pynomaly(Library):
    name = "pynomaly"
    packages = ("pynomaly",)
    sign = -1

    def fit(self, X: NDArray[Any], seed: int, threads: int = 1) -> Any:
        from pynomaly import IsolationForest

        forest = IsolationForest(
            n_estimators=TREES,
            max_samples=min(SAMPLES, len(X)),
            random_state=seed,
            n_jobs=threads,
        )
        return forest.fit(X)

    def score(self, model: Any, X: NDArray[Any]) -> NDArray[Any]:
        return model.score_samples(X)


class ScikitLearn(Library):
    name = "scikit-learn"
    packages = ("sklearn.ensemble",)
    sign = -1

    def fit(self, X: NDArray[Any], seed: int) -> Any:
        from sklearn.ensemble import IsolationForest

        forest = IsolationForest(
            n_estimators=TREES, max_samples=min(SAMPLES, len(X)), random_state=seed, n_jobs=1
        )
        return forest.fit(X)

    def score(self, model: Any, X: NDArray[Any]) -> NDArray[Any]:
        return model.score_samples(X)


class Isotree(Library):
    name = "isotree"
    packages = ("isotree",)

    def fit(self, X: NDArray[Any], seed: int) -> Any:
        from isotree import IsolationForest

        forest = IsolationForest(
            ntrees=TREES,
            sample_size=min(SAMPLES, len(X)),
            ndim=1,
            missing_action="fail",
            random_seed=seed,
            nthreads=1,
        )
        return forest.fit(X)

    def score(self, model: Any, X: NDArray[Any]) -> NDArray[Any]:
        return model.predict(X)


class Coniferest(Library):
    name = "coniferest"
    packages = ("coniferest.isoforest",)
    sign = -1

    def fit(self, X: NDArray[Any], seed: int) -> Any:
        from coniferest.isoforest import IsolationForest

        forest = IsolationForest(
            n_trees=TREES, n_subsamples=min(SAMPLES, len(X)), random_seed=seed, n_jobs=1
        )
        return forest.fit(X)

    def score(self, model: Any, X: NDArray[Any]) -> NDArray[Any]:
        return model.score_samples(X)


class Tl2cgen(Library):
    """scikit-learn's trees, made C by TL2cgen and compiled with its defaults.

    It compares in the input's type where scikit-learn rounds to float32: it gets float32.
    """

    name = "tl2cgen"
    packages = ("sklearn.ensemble", "treelite", "tl2cgen")
    fits = False

    def __init__(self) -> None:
        self.compile_seconds: list[float] = []
        self._folders: list[tempfile.TemporaryDirectory[str]] = []

    def fit(self, X: NDArray[Any], seed: int) -> Any:
        import tl2cgen
        import treelite

        forest = ScikitLearn().fit(X, seed)
        folder = tempfile.TemporaryDirectory(prefix="pynomaly-bench-")
        self._folders.append(folder)
        path = Path(folder.name) / "forest.so"
        start = time.perf_counter()
        trees = treelite.sklearn.import_model(forest)
        tl2cgen.export_lib(trees, toolchain="gcc", libpath=path)
        self.compile_seconds.append(time.perf_counter() - start)
        return tl2cgen.Predictor(path, nthread=1)

    def prepare(self, X: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(X, dtype=np.float32)

    def score(self, model: Any, X: NDArray[Any]) -> NDArray[Any]:
        import tl2cgen

        return model.predict(tl2cgen.DMatrix(X))


OURS = Pynomaly()
SCIKIT_LEARN = ScikitLearn()
OTHERS: tuple[Library, ...] = (SCIKIT_LEARN, Isotree(), Coniferest(), Tl2cgen())


def available() -> tuple[list[Library], list[str]]:
    """The other libraries that can be used, and a note on each that cannot."""
    notes = {library.name: library.missing() for library in OTHERS}
    return (
        [library for library in OTHERS if notes[library.name] is None],
        [note for note in notes.values() if note is not None],
    )


_models: dict[tuple[str, str, tuple[int, ...]], Any] = {}


def fitted(library: Library, name: str, X: NDArray[Any]) -> Any:
    """The library's model of the data set of that name with seed 0, made once for all parts."""
    key = library.name, name, X.shape
    if key not in _models:
        _models[key] = library.fit(X, 0)
    return _models[key]
