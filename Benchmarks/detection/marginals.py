"""The detectors of single features and of projections against PyOD's: ECOD, COPOD, HBOS, MAD, LODA.

Both get the same rows and the same options, on one thread. What the two do alike is compared to the
digit; LODA, which draws at random, by its mean ROC-AUC over seeds.
"""

from __future__ import annotations

import importlib
from typing import Any

import datasets
import numpy as np
from datasets import Dataset
from interleave import Contestant, alternate
from numpy.typing import NDArray
from plan import Plan
from report import Report, Table, duration, factor, times

OURS = "pynomaly"
PYOD = "pyod"
# Fit and score, times as fast as PyOD; MAD has no target, its PyOD takes one feature.
TARGETS = {"ECOD": (5, 20), "COPOD": (5, 20), "HBOS": (5, 5), "LODA": (5, 5), "MAD": (1, 1)}
# Options under which the scores are PyOD's.
SAME = {"HBOS": {"closed": "right"}}
AGREEMENT = 1e-6  # relative
AUC_MARGIN = 0.003
ONE_ROW = 50e-6  # seconds
THREADS_TARGET = 1.7


def run(plan: Plan, report: Report) -> None:
    """Every detector on every labelled set."""
    table = report.table(
        "Marginal detectors, one thread", "Data", "Detector", "Step", "PyOD", "Ours",
        "Times faster, median (range)", "Of the minima",
    )  # fmt: skip
    try:
        classes = {name: rival(name) for name in TARGETS}
    except ImportError as error:
        report.not_measured("marginal detectors", "see README.md", f"{error}")
        return
    table.notes += [f"{name}: no data" for name in datasets.missing()]
    quality = report.table(
        "Marginal detectors, agreement", "Data", "Detector", "Largest relative difference",
        "ROC-AUC, PyOD", "ROC-AUC, ours",
    )  # fmt: skip
    for dataset in datasets.for_speed(plan):
        if dataset.y is None:
            continue
        for name, other in classes.items():
            measure(dataset, name, other, plan, report, table)
            compare(dataset, name, other, plan, report, quality)


def rival(name: str) -> Any:
    """PyOD's class of that name."""
    return getattr(importlib.import_module(f"pyod.models.{name.lower()}"), name)


def rows(dataset: Dataset, name: str) -> NDArray[np.float64]:
    """PyOD's MAD takes one feature: the one with the most values."""
    if name != "MAD":
        return dataset.X
    most = max(range(dataset.X.shape[1]), key=lambda j: len(np.unique(dataset.X[:, j])))
    return np.ascontiguousarray(dataset.X[:, most : most + 1])


def fit(name: str, X: NDArray[np.float64], threads: int = 1, **options: Any) -> Any:
    from pynomaly import Detector

    return Detector(name, **options).fit(X, threads=threads)


def measure(
    dataset: Dataset, name: str, other: Any, plan: Plan, report: Report, table: Table
) -> None:
    """Fit, score, one row, and the gain of a second thread."""
    X = rows(dataset, name)
    ours, theirs = fit(name, X), other().fit(X)
    steps = {
        "fit": (lambda i: fit(name, X), lambda i: other().fit(X)),
        "score": (lambda i: ours.score(X, threads=1), lambda i: theirs.decision_function(X)),
    }
    for (step, (mine, rivals)), target in zip(steps.items(), TARGETS[name]):
        comparison = alternate([Contestant(OURS, mine), Contestant(PYOD, rivals)], plan)
        report.raw[f"{name} {step} {dataset.name}"] = comparison.as_dict()
        if comparison.failures:
            table.notes += [f"{dataset.title}: {name}: {why}" for why in comparison.failures.values()]
            continue
        ratio = comparison.ratio(PYOD, OURS)
        table.add(
            dataset.title, name, step, duration(comparison.median(PYOD)),
            duration(comparison.median(OURS)), times(ratio), factor(ratio.minima),
        )  # fmt: skip
        report.at_least(f"{name}, {step}, {dataset.name}", target, ratio)
    one = X[:1].copy()
    comparison = alternate(
        [
            Contestant("row", lambda i: ours.score(one)),
            Contestant("one", lambda i: ours.score(X, threads=1)),
            Contestant("two", lambda i: ours.score(X, threads=2)),
        ],
        plan,
    )
    row = min(comparison.seconds("row"))
    report.check(
        f"{name}, one row, {dataset.name}", f"<= {duration(ONE_ROW)}", duration(row), row <= ONE_ROW
    )
    if comparison.median("one") >= 0.02:  # less is not worth a thread
        report.at_least(
            f"{name}, two threads, {dataset.name}", THREADS_TARGET, comparison.ratio("one", "two")
        )


def compare(
    dataset: Dataset, name: str, other: Any, plan: Plan, report: Report, table: Table
) -> None:
    """Scores of the training rows, and how well they find the outliers."""
    from pynomaly import roc_auc

    X = rows(dataset, name)
    if name == "LODA":
        seeds = range(min(plan.seeds, 5 if len(X) > 100_000 else plan.seeds))
        mine = [roc_auc(fit(name, X, random_state=s).score(X), dataset.y) for s in seeds]
        theirs = [roc_auc(other(random_state=s).fit(X).decision_scores_, dataset.y) for s in seeds]
        table.add(dataset.title, name, "", f"{np.mean(theirs):.3f}", f"{np.mean(mine):.3f}")
        gain = float(np.mean(mine) - np.mean(theirs))
        what = f"{name}, ROC-AUC, {dataset.name}"
        report.check(what, f">= PyOD's - {AUC_MARGIN}", f"{gain:+.3f}", gain >= -AUC_MARGIN)
        return
    expected = other().fit(X).decision_scores_
    found = fit(name, X, **SAME.get(name, {})).score(X)
    apart = float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-300)))
    aucs = [roc_auc(scores, dataset.y) for scores in (expected, fit(name, X).score(X))]
    table.add(dataset.title, name, f"{apart:.1e}", *(f"{auc:.3f}" for auc in aucs))
    report.check(
        f"{name}, agreement, {dataset.name}", f"<= {AGREEMENT}", f"{apart:.1e}", apart <= AGREEMENT
    )
