"""CBLOF against PyOD's, whose clusters are scikit-learn's k-means: fit, score, and ROC-AUC over seeds.

The two draw different centres from the same seed, so that k-means takes more steps here or there: every window
has another seed, and the ratios are of many.
"""

from __future__ import annotations

import importlib
from typing import Any

import datasets
import numpy as np
from datasets import Dataset
from interleave import Contestant, alternate
from plan import Plan
from report import Report, Table, duration, factor, times

OURS = "pynomaly"
PYOD = "pyod"
TARGET = 5.0  # times as fast as PyOD, fit and score
AUC_MARGIN = 0.003
QUALITY_SEEDS = 20
LARGE = 100_000  # rows; of larger sets five seeds


def run(plan: Plan, report: Report) -> None:
    """Speed on the sets of the speed parts, quality on all."""
    table = report.table(
        "CBLOF, one thread", "Data", "Step", "PyOD", "Ours", "Times faster, median (range)", "Of the minima"
    )
    try:
        rival = importlib.import_module("pyod.models.cblof").CBLOF
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        report.not_measured("CBLOF", f">= {TARGET:g} x PyOD", f"{error}")
        return
    table.notes += [f"{name}: no data" for name in datasets.missing()]
    with threadpool_limits(1):
        for dataset in datasets.for_speed(plan):
            if dataset.y is not None:
                measure(dataset, rival, plan, report, table)
        quality(rival, plan, report)


def fit(X: np.ndarray, seed: int) -> Any:
    from pynomaly import Detector

    return Detector("CBLOF", random_state=seed).fit(X, threads=1)


def measure(dataset: Dataset, rival: Any, plan: Plan, report: Report, table: Table) -> None:
    """Fit, then score with the fitted ones."""
    X = dataset.X
    ours, theirs = fit(X, 0), rival(random_state=0).fit(X)
    steps = {
        "fit": (lambda i: fit(X, i), lambda i: rival(random_state=i).fit(X)),
        "score": (lambda i: ours.score(X, threads=1), lambda i: theirs.decision_function(X)),
    }
    for step, (mine, other) in steps.items():
        comparison = alternate([Contestant(OURS, mine), Contestant(PYOD, other)], plan)
        report.raw[f"CBLOF {step} {dataset.name}"] = comparison.as_dict()
        if comparison.failures:
            table.notes += [f"{dataset.title}, {step}: {why}" for why in comparison.failures.values()]
            continue
        ratio = comparison.ratio(PYOD, OURS)
        table.add(
            dataset.title, step, duration(comparison.median(PYOD)), duration(comparison.median(OURS)),
            times(ratio), factor(ratio.minima),
        )  # fmt: skip
        report.at_least(f"CBLOF, {step}, {dataset.name}", TARGET, ratio)


def quality(rival: Any, plan: Plan, report: Report) -> None:
    """Mean ROC-AUC over seeds; seeds with which PyOD finds no separation count for neither."""
    from pynomaly import roc_auc

    table = report.table("CBLOF, ROC-AUC over seeds", "Data", "Seeds", "PyOD", "Ours", "Difference", "Standard error")
    gains = []
    for name in datasets.files():
        dataset = datasets.load(name, plan.quality_row_limit)
        count = min(plan.seeds, 5 if len(dataset.X) > LARGE else QUALITY_SEEDS)
        mine, theirs = [], []
        for seed in range(count):
            try:
                scores = rival(random_state=seed).fit(dataset.X).decision_scores_
            except ValueError:
                table.notes.append(f"{dataset.title}: PyOD finds no separation with seed {seed}")
                continue
            theirs.append(roc_auc(scores, dataset.y))
            mine.append(roc_auc(fit(dataset.X, seed).score(dataset.X), dataset.y))
        if len(mine) < 2:
            continue
        gain = float(np.mean(mine) - np.mean(theirs))
        error = float(np.sqrt((np.var(mine, ddof=1) + np.var(theirs, ddof=1)) / len(mine)))
        gains.append(gain)
        table.add(
            dataset.title, f"{len(mine)}", f"{np.mean(theirs):.4f}", f"{np.mean(mine):.4f}", f"{gain:+.4f}", f"{error:.4f}"
        )
    if gains:
        mean = float(np.mean(gains))
        report.check(
            "CBLOF, ROC-AUC, mean of the sets", f">= PyOD's - {AUC_MARGIN}", f"{mean:+.4f}", mean >= -AUC_MARGIN
        )
