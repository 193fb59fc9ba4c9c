"""Searching for the best values of a detector's options."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _inputs, _library
from ._catalog import OptionInfo, detector_info
from ._detector import Detector
from ._errors import ArgumentError, InvalidDataError, OptionError, call, from_status
from ._estimators import estimator_class
from ._library import encode, library, text
from ._model import Model
from ._parameters import is_seed, option_value, parameters
from ._progress import Listener, Progress

if TYPE_CHECKING:
    from ._outlier_detector import OutlierDetector

Scoring = Literal["auto", "roc_auc", "average_precision", "stability"]
_SCORINGS: dict[str, int] = {"auto": 0, "roc_auc": 1, "average_precision": 2, "stability": 3}
_Tuned = Union[str, Detector, "OutlierDetector", "type[OutlierDetector]"]


class Tuning:
    """What `tune` found; the attributes are those of scikit-learn's GridSearchCV.

    Attributes
    ----------
    best_params_ : dict
        The values of the best configuration, the first of equals. Options that move nothing but the
        threshold (contamination; of MAD threshold) change no score: no criterion can choose among their
        values, and they are left out. `best_estimator_` keeps what the tuned detector has.

    best_score_ : float
        Its mean over the folds.

    best_index_ : int
        Its place in `cv_results_`.

    best_estimator_ : OutlierDetector or Detector
        With the best values, fitted on all rows. Only with `refit=True`.

    cv_results_ : dict of str to arrays
        A table with one row a configuration: `params`, `param_NAME`, `mean_test_score`,
        `std_test_score`, `rank_test_score`, `split0_test_score` ..., `mean_fit_time`,
        `mean_score_time` (seconds), `error` (why it failed, or None) and `same_as` (the earlier
        configuration that differs in nothing but the threshold, whose fits these are, or -1).
        A configuration that failed has NaN scores and the last rank.

    scoring_ : str
        What was measured: "roc_auc", "average_precision" or "stability".

    n_splits_ : int
        Folds, all rounds together.
    """

    best_params_: dict[str, Any]
    best_score_: float
    best_index_: int
    best_estimator_: Any
    cv_results_: dict[str, Any]
    scoring_: str
    n_splits_: int

    def __repr__(self) -> str:
        return f"Tuning(best_params_={self.best_params_!r}, best_score_={self.best_score_:.4f}, scoring_={self.scoring_!r})"


def tune(
    detector: _Tuned,
    X: Any,
    y: ArrayLike | None = None,
    grid: Mapping[str, Iterable[Any]] | None = None,
    *,
    scoring: Scoring = "auto",
    folds: int = 3,
    repeats: int = 1,
    holdout: float | None = None,
    n_iter: int | None = None,
    random_state: int = 0,
    refit: bool = True,
    threads: int = 0,
    progress: Progress = None,
) -> Tuning:
    """Compare configurations of a detector, and fit the best.

    Parameters
    ----------
    detector : str, Detector, OutlierDetector or its class
        What to tune. Parameters that the grid does not name stay as they are.

    X : array-like or table of shape (n_samples, n_features)
        The rows.

    y : array-like of shape (n_samples,), default=None
        Labels, 1 for outliers and 0 for inliers, or as scikit-learn has them -1 and 1. Models do not
        see them (but of detectors that need labels); the rows held out are judged by them.

    grid : mapping of parameter to values, default=None
        All combinations are tried. None: the detector's default grid; for IsolationForest that of the
        performance guide. COPOD, ECOD and MAD have none: no option changes their scores.

    scoring : {"auto", "roc_auc", "average_precision", "stability"}, default="auto"
        "auto": ROC-AUC with labels, else "stability": how much alike models of different rows and seeds
        rank the rows (mean Spearman correlation). On 14 labelled sets, on which the criterion was chosen
        too, that choice wins about as often as it loses against the defaults; what it wins is more than
        what it loses. Compare with labels where there are some.

    folds, repeats : int
        The rows are dealt to so many folds, each scored by a model of the others, `repeats` times. With
        labels each fold has its share of both kinds.

    holdout : float, default=None
        Instead of folds: this share of the rows is held out, `repeats` times.

    n_iter : int, default=None
        Only so many configurations, drawn at random.

    random_state : int, default=0
        Seed of the deals and the draw, and of models without one of their own. The results but for the
        times are the same for any number of threads.

    refit : bool, default=True
        Fit the best configuration on all rows.

    threads, progress
        As for the methods of `Detector`.

    Returns
    -------
    tuning : Tuning

    Examples
    --------
    >>> import numpy as np
    >>> from pynomaly import tune
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> tune("KNN", X, grid={"n_neighbors": [5, 20]}).scoring_
    'stability'
    """
    if scoring not in _SCORINGS:
        raise ArgumentError(f"scoring must be one of {sorted(_SCORINGS)}; got {scoring!r}")
    if isinstance(random_state, bool) or not 0 <= int(random_state) < 2**63:
        raise ArgumentError(f"random_state must be an int >= 0; got {random_state!r}")
    subject = _Subject(detector, int(random_state))
    array, _ = _inputs.read_table(X, subject.who)
    _inputs.check_not_empty(array, subject.who)
    labels = None if y is None else _labels(y, len(array))
    plan = _library.TuningPlan(
        criterion=_SCORINGS[scoring],
        folds=_number(folds, "folds", 2),
        repeats=_number(repeats, "repeats", 1),
        holdout=0.0 if holdout is None else _share(holdout),
        budget=0 if n_iter is None else _number(n_iter, "n_iter", 1),
        seed=int(random_state),
    )
    handle = _Handle(subject)
    if grid is None:
        call(library.pyn_tuning_add_defaults, handle.pointer)
    else:
        for parameter, values in grid.items():
            for value in _values(parameter, values):
                handle.add(parameter, value)
    handle.run(array, labels, plan, _number(threads, "threads", 0), progress)
    found = handle.results()
    if refit:
        found.best_estimator_ = subject.fitted(found.best_params_, X, labels, threads)
    return found


class _Subject:
    """The detector that is tuned, whatever it was given as."""

    def __init__(self, detector: _Tuned, seed: int) -> None:
        self.given: Any
        if isinstance(detector, Detector):
            self.given, self.name = detector, detector.name
            self.model = detector._model
            self.who = detector.name
            self.options = {option.name: option for option in detector_info(self.name).options}
            return
        if isinstance(detector, str):
            name = detector_info(detector).name
            self.options = parameters(name)
            seeds = {one: seed for one, option in self.options.items() if is_seed(option)}
            self.given = estimator_class(name)(**seeds)
        else:
            self.given = detector() if isinstance(detector, type) else detector
            name = getattr(self.given, "detector_name", "")
            if not name:
                raise OptionError(
                    "detector must be the name of a detector, a Detector or an estimator of this"
                    f" package; got {detector!r}"
                )
            self.options = parameters(name)
        self.name = name
        self.who = type(self.given).__name__
        self.model = Model.create(name, self.given._options())

    def option(self, parameter: str) -> OptionInfo:
        if parameter not in self.options:
            raise OptionError(
                f"{self.who} has no parameter {parameter!r}; its parameters are {', '.join(self.options)}"
            )
        return self.options[parameter]

    def parameter(self, option: str) -> str:
        return next(name for name, one in self.options.items() if one.name == option)

    def fitted(self, params: dict[str, Any], X: Any, labels: Any, threads: int) -> Any:
        """A new one with these parameters, fitted."""
        needs_labels = detector_info(self.name).needs_labels
        if isinstance(self.given, Detector):
            detector = Detector(self.name, **{**self.given.options, **params})
            return detector.fit(X, labels=labels if needs_labels else None, threads=threads)
        estimator = type(self.given)(**{**self.given.get_params(deep=False), **params})
        if needs_labels and labels is not None:
            return _with_threads(estimator, threads, lambda: estimator.fit(X, 1 - 2 * labels))
        return _with_threads(estimator, threads, lambda: estimator.fit(X))


def _with_threads(estimator: Any, threads: int, fit: Callable[[], Any]) -> Any:
    """Fit with so many threads, whatever the estimator's own limit is, which stays."""
    if not threads or not hasattr(estimator, "n_jobs"):
        return fit()
    kept, estimator.n_jobs = estimator.n_jobs, threads
    try:
        return fit()
    finally:
        estimator.n_jobs = kept


class _Handle:
    """Owns a `pyn_tuning`."""

    def __init__(self, subject: _Subject) -> None:
        self.subject = subject
        self.pointer = c_void_p()
        self.given: dict[str, dict[Any, Any]] = {}
        call(library.pyn_tuning_create, subject.model.pointer, byref(self.pointer))

    def __del__(self, free: Any = library.pyn_tuning_free) -> None:
        free(self.pointer)

    def add(self, parameter: str, given: Any) -> None:
        """One more value; the library's own words where it is not allowed."""
        option = self.subject.option(parameter)
        scratch = Model.create(self.subject.name, {option.name: option_value(option, given)})
        value = _library.Value()
        call(library.pyn_detector_get_option, scratch.pointer, encode(option.name), byref(value))
        call(library.pyn_tuning_add_value, self.pointer, encode(option.name), byref(value))
        kept = scratch.options()[option.name]
        self.given.setdefault(option.name, {})[kept] = given

    def run(
        self,
        array: _inputs.Array,
        labels: NDArray[np.int32] | None,
        plan: _library.TuningPlan,
        threads: int,
        progress: Progress,
    ) -> None:
        error = _library.Error()
        how = _library.Call(threads=threads)
        if labels is not None:
            how.labels, how.label_count = labels.ctypes.data, labels.size
        matrix = _inputs.as_matrix(array)
        with Listener("tune", progress) as listener:
            how.progress = listener.pointer
            status = library.pyn_tuning_run(
                self.pointer, byref(matrix), byref(plan), byref(how), byref(error)
            )
            if listener.failure is not None:
                raise listener.failure
            if status:
                raise from_status(status, error)

    def results(self) -> Tuning:
        """Everything, as scikit-learn has it."""
        count = library.pyn_tuning_get_count(self.pointer)
        names: list[str] = []
        options: list[str] = []
        while name := library.pyn_tuning_option_at(self.pointer, len(options)):
            options.append(text(name))
            names.append(self.subject.parameter(options[-1]))
        rows = [self._result(i, options) for i in range(count)]
        splits = max(len(folds) for _, folds, _ in rows)
        table: dict[str, Any] = {
            "params": [dict(zip(names, values)) for _, _, values in rows],
        }
        for place, name in enumerate(names):
            column = np.empty(count, dtype=object)
            column[:] = [values[place] for _, _, values in rows]
            table[f"param_{name}"] = column
        for split in range(splits):
            table[f"split{split}_test_score"] = np.array(
                [folds[split] if len(folds) else np.nan for _, folds, _ in rows]
            )
        for key, field in _COLUMNS.items():
            table[key] = np.array([getattr(one, field) for one, _, _ in rows])
        table["error"] = [text(one.message) if one.status else None for one, _, _ in rows]
        found = Tuning()
        found.cv_results_ = table
        found.best_index_ = int(library.pyn_tuning_get_best(self.pointer))
        judged = [
            library.pyn_tuning_option_is_judged(self.pointer, place) for place in range(len(names))
        ]
        best = table["params"][found.best_index_]
        found.best_params_ = {name: best[name] for name, one in zip(names, judged) if one}
        found.best_score_ = float(table["mean_test_score"][found.best_index_])
        criterion = library.pyn_tuning_get_criterion(self.pointer)
        found.scoring_ = next(name for name, number in _SCORINGS.items() if number == criterion)
        found.n_splits_ = splits
        return found

    def _result(
        self, index: int, options: list[str]
    ) -> tuple[_library.TuningResult, NDArray[np.float64], list[Any]]:
        result = _library.TuningResult()
        call(library.pyn_tuning_get_result, self.pointer, index, byref(result), None, 0)
        folds = np.empty(result.fold_count)
        call(
            library.pyn_tuning_get_result,
            *(self.pointer, index, byref(result), folds.ctypes.data, folds.size),
        )
        pointer = ctypes.c_void_p()
        call(library.pyn_tuning_create_detector, self.pointer, index, byref(pointer))
        kept = Model(pointer).options()
        # What the caller wrote: 1 rather than the 1.0 that the library keeps.
        return (
            result,
            folds,
            [self.given.get(option, {}).get(kept[option], kept[option]) for option in options],
        )


_COLUMNS = {
    "mean_test_score": "mean",
    "std_test_score": "deviation",
    "rank_test_score": "rank",
    "mean_fit_time": "fit_seconds",
    "mean_score_time": "score_seconds",
    "same_as": "same_as",
}


def _labels(y: ArrayLike, rows: int) -> NDArray[np.int32]:
    """1 for outliers, 0 for inliers, of either convention."""
    array = np.asarray(y)
    if array.shape == (rows,) and np.isin(array, (-1, 1)).all() and (array == -1).any():
        return np.ascontiguousarray(array == -1, dtype=np.int32)
    if array.shape == (rows,) and not np.isin(array, (0, 1)).all():
        raise InvalidDataError(
            "y must be 1 for outliers and 0 for inliers, or -1 for outliers and 1 for inliers; got "
            f"{np.unique(array)[:6]}"
        )
    return _inputs.read_labels(array, rows)


def _values(parameter: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise OptionError(f"grid[{parameter!r}] must be a list of values; got {values!r}")
    listed = list(values)
    if not listed:
        raise OptionError(f"grid[{parameter!r}] has no values")
    return listed


def _number(value: int, name: str, least: int) -> int:
    whole = isinstance(value, (int, np.integer)) or (
        isinstance(value, (float, np.floating)) and value.is_integer()
    )
    if isinstance(value, bool) or not whole or not least <= value < 2**31:
        raise ArgumentError(f"{name} must be an int from {least} to 2147483647; got {value!r}")
    return int(value)


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise ArgumentError(f"holdout must be a share above 0 and below 1; got {value!r}")
    return float(value)
