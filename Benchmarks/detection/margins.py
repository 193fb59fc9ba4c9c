"""EllipticEnvelope, OneClassSVM and PCA against scikit-learn's and PyOD's: fit and score."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable
from typing import Any

import datasets
import numpy as np
from datasets import Dataset
from interleave import Comparison, Contestant, alternate
from plan import Plan
from report import Report, Table, duration, factor, progress, times

COLUMNS = ("Detector", "Data", "Against", "Theirs", "Ours", "Times faster, median (range)", "Of the minima")
SETS = ("mnist", "shuttle", "http", "cardio")
# detector -> fit: data -> least factor, score: the same
FIT = {
    "EllipticEnvelope": {"mnist": 20, "shuttle": 20, "http": 20},
    "OneClassSVM": {"shuttle": 10},
    "PCA": {"mnist": 5, "shuttle": 5, "http": 5},
}
SCORE = {"OneClassSVM": {"shuttle": 20}, "PCA": {"shuttle": 5, "http": 5}}
# libsvm would take hours.
TOO_LARGE = {("OneClassSVM", "http")}
THREADS = 1.7


def rival(detector: str) -> tuple[str, Callable[[], Any]]:
    """The peer's name, and what makes an unfitted one."""
    module, name, library = {
        "EllipticEnvelope": ("sklearn.covariance", "EllipticEnvelope", "scikit-learn"),
        "OneClassSVM": ("sklearn.svm", "OneClassSVM", "scikit-learn"),
        "PCA": ("pyod.models.pca", "PCA", "PyOD"),
    }[detector]
    kind = getattr(importlib.import_module(module), name)
    return library, (lambda: kind(random_state=0)) if detector == "EllipticEnvelope" else kind


def ours(detector: str, X: np.ndarray, threads: int = 1) -> Any:
    from pynomaly import Detector

    return Detector(detector).fit(X, threads=threads)


def run(plan: Plan, report: Report) -> None:
    """All of it, detector by detector."""
    fits = report.table("Margins: fit, one thread", *COLUMNS)
    scores = report.table("Margins: score, one thread", *COLUMNS)
    warnings.filterwarnings("ignore")
    known = [data for data in datasets.for_speed(plan) if data.name in SETS]
    for name in set(SETS) - {data.name for data in known}:
        fits.notes.append(f"{name}: no data")
    for detector in FIT:
        try:
            library, make = rival(detector)
        except ImportError as error:
            fits.notes.append(f"{detector}: {error}")
            continue
        for data in known:
            if (detector, data.name) in TOO_LARGE:
                continue
            progress(f"margins: {detector}, {data.title}")
            measure(detector, library, make, data, plan, report, fits, scores)
    measure_threads(known, plan, report)


def measure(
    detector: str, library: str, make: Callable[[], Any], data: Dataset, plan: Plan, report: Report,
    fits: Table, scores: Table,
) -> None:  # fmt: skip
    """Fit, then score with the fitted ones."""
    X = data.X
    comparison = alternate(
        [Contestant("ours", lambda i: ours(detector, X)), Contestant(library, lambda i: make().fit(X))],
        plan,
    )
    tell(comparison, detector, library, data, report, fits, "fit", FIT[detector].get(data.name))
    try:
        mine, theirs = ours(detector, X), make().fit(X)
    except Exception as error:
        scores.notes.append(f"{detector}, {data.title}: {error}")
        return
    comparison = alternate(
        [
            Contestant("ours", lambda i: mine.score(X, threads=1)),
            Contestant(library, lambda i: theirs.decision_function(X)),
        ],
        plan,
    )
    tell(
        comparison, detector, library, data, report, scores, "score",
        SCORE.get(detector, {}).get(data.name),
    )  # fmt: skip


def tell(
    comparison: Comparison, detector: str, library: str, data: Dataset, report: Report, table: Table,
    what: str, target: float | None,
) -> None:  # fmt: skip
    report.raw[f"{detector} {what} {data.name}"] = comparison.as_dict()
    table.notes += [f"{detector}, {data.title}: {n}: {why}" for n, why in comparison.failures.items()]
    if comparison.failures:
        return
    ratio = comparison.ratio(library, "ours")
    table.add(
        detector, data.title, library, duration(comparison.median(library)),
        duration(comparison.median("ours")), times(ratio), factor(ratio.minima),
    )  # fmt: skip
    if target:
        report.at_least(f"{detector}, {what}, {data.name}, against {library}", target, ratio)


def measure_threads(known: list[Dataset], plan: Plan, report: Report) -> None:
    """One thread and two, where work is slow enough to share."""
    table = report.table(
        "Margins: two threads", "Detector", "Data", "Work", "One thread", "Two threads",
        "Times faster, median (range)", "Of the minima",
    )  # fmt: skip
    if len(os.sched_getaffinity(0)) < 2:
        table.notes.append("only one processor")
        return
    for data in known:
        if data.name != "shuttle":
            continue
        model = ours("OneClassSVM", data.X)
        for work, call in {
            "fit": lambda threads: ours("OneClassSVM", data.X, threads),
            "score": lambda threads: model.score(data.X, threads=threads),
        }.items():
            comparison = alternate(
                [Contestant(str(n), lambda i, n=n, call=call: call(n)) for n in (1, 2)], plan
            )
            ratio = comparison.ratio("1", "2")
            table.add(
                "OneClassSVM", data.title, work, duration(comparison.median("1")),
                duration(comparison.median("2")), times(ratio), factor(ratio.minima),
            )  # fmt: skip
            report.at_least(f"OneClassSVM, {work}, {data.name}, two threads", THREADS, ratio)
