"""Ensembles against the sum of their members, and windows against the same windows copied out by NumPy.

An Ensemble fits and scores its members one after another, each with all threads: what it adds is
standardising and combining. On two threads that is set against members side by side on a thread each.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import datasets
import numpy as np
from interleave import Contestant, alternate
from plan import Plan
from report import Report, duration, times

MEMBERS = {"IsolationForest": {}, "PCA": {}, "HBOS": {}, "ECOD": {}}
MOST_OVERHEAD = 1.05
WINDOW = 32


def run(plan: Plan, report: Report) -> None:
    ensembles(plan, report)
    windows(plan, report)
    quality(plan, report)


def made(name: str, **options):
    from pynomaly import Detector

    return Detector(name, **options)


def ensembles(plan: Plan, report: Report) -> None:
    table = report.table(
        "Ensemble of " + ", ".join(MEMBERS), "Data", "Step", "Members, in all", "Ensemble",
        "Times the sum of the members, median (range)",
    )  # fmt: skip
    table.notes += [f"{name}: no data" for name in datasets.missing()]
    for dataset in datasets.for_speed(plan):
        X = dataset.X

        def learn(name, threads=1, X=X):
            detector = made(name, **MEMBERS[name]).fit(X, threads=threads)
            detector.score(X, threads=threads)  # which an ensemble needs, too
            return detector

        def ensemble(threads=1, X=X):
            return made("Ensemble", detectors=list(MEMBERS)).fit(X, threads=threads)

        alone, whole = [learn(name) for name in MEMBERS], ensemble()

        def side_by_side(_, X=X):
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(learn, MEMBERS))

        for step, members, together in (
            ("fit", lambda i: [learn(name) for name in MEMBERS], lambda i: ensemble()),
            ("score", lambda i: [each.score(X, threads=1) for each in alone], lambda i: whole.score(X, threads=1)),
            ("fit, two threads, against members side by side", side_by_side, lambda i: ensemble(2)),
        ):  # fmt: skip
            comparison = alternate([Contestant("members", members), Contestant("ensemble", together)], plan)
            report.raw[f"Ensemble {step} {dataset.name}"] = comparison.as_dict()
            ratio = comparison.ratio("ensemble", "members")
            table.add(
                dataset.title, step, duration(comparison.median("members")),
                duration(comparison.median("ensemble")), times(ratio),
            )  # fmt: skip
            if "threads" not in step:
                report.check(
                    f"Ensemble, {step}, {dataset.name}", f"<= {MOST_OVERHEAD} x its members",
                    f"{ratio.minima:.3f}", ratio.minima <= MOST_OVERHEAD,
                )  # fmt: skip


def windows(plan: Plan, report: Report) -> None:
    """Windows of a series without a copy, and with NumPy's."""
    table = report.table(
        f"SlidingWindow(IsolationForest), {WINDOW} rows of 4 columns", "Step", "Windows copied by NumPy",
        "SlidingWindow", "Times as fast, median (range)",
    )  # fmt: skip
    rows = plan.generated_rows // 5
    series = np.cumsum(np.random.default_rng(0).normal(size=(rows, 4)), axis=0)

    def copied():
        view = np.lib.stride_tricks.sliding_window_view(series, WINDOW, axis=0)
        return np.ascontiguousarray(view.transpose(0, 2, 1)).reshape(len(view), -1)

    def inner():
        X = copied()
        detector = made("IsolationForest").fit(X, threads=1)
        detector.score(X, threads=1)
        return detector

    fitted, other = made("SlidingWindow", window=WINDOW).fit(series, threads=1), inner()
    for step, theirs, ours in (
        ("fit", lambda i: inner(), lambda i: made("SlidingWindow", window=WINDOW).fit(series, threads=1)),
        ("score", lambda i: other.score(copied(), threads=1), lambda i: fitted.score(series, threads=1)),
    ):
        comparison = alternate([Contestant("copied", theirs), Contestant("ours", ours)], plan)
        report.raw[f"SlidingWindow {step}"] = comparison.as_dict()
        table.add(
            step, duration(comparison.median("copied")), duration(comparison.median("ours")),
            times(comparison.ratio("copied", "ours")),
        )  # fmt: skip


def quality(plan: Plan, report: Report) -> None:
    """The default ensemble beside its members, on every labelled set of at most 60,000 rows."""
    from pynomaly import roc_auc

    members = ["IsolationForest", "KNN", "PCA"]
    kinds = {**{name: {"detectors": name} for name in members}, **{
        f"Ensemble, {how}": {"detectors": members, "combination": how}
        for how in ("average", "maximum", "median", "rank_average")
    }}  # fmt: skip
    table = report.table("Ensemble, ROC-AUC", "Data", *kinds)
    sums = []
    for name in datasets.files():
        dataset = datasets.load(name)
        if len(dataset.X) > (plan.quality_row_limit or 60_000):
            continue
        X = dataset.X
        found = [roc_auc(made("Ensemble", **kind).fit(X).score(X), dataset.y) for kind in kinds.values()]
        table.add(name, *(f"{auc:.3f}" for auc in found))
        sums.append(found)
    if sums:
        table.add("mean", *(f"{auc:.3f}" for auc in np.mean(sums, axis=0)))
