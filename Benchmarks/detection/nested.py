"""Ensembles against the sum of their members, and windows against the same windows copied out by NumPy.

An Ensemble fits and scores its members one after another, each with all threads: what it adds is
standardising and combining. On two threads that is set against members side by side on a thread each.
Fits by hand score the training rows once more, for their scores, where the threshold took them already; an
Ensemble does not, so the figure that shows what it adds is the one for scoring.
"""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import locations
import numpy as np
from interleave import Contestant, alternate
from plan import Plan
from report import Report, duration, times

MEMBERS = {"IsolationForest": {}, "PCA": {}, "HBOS": {}, "ECOD": {}}
MOST_OVERHEAD = 1.02
WINDOW = 32


def run(plan: Plan, report: Report) -> None:
    ensembles(plan, report)
    windows(plan, report)
    quality(plan, report)
    series_quality(plan, report)


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


def nab(folder: Path):
    """The series of realKnownCause, each with 1 for the rows within its windows of labels."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    for path in sorted((folder / "realKnownCause").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        times_ = np.array([row["timestamp"] for row in rows], dtype="datetime64[s]")
        y = np.zeros(len(rows), dtype=int)
        for first, last in labels[f"realKnownCause/{path.name}"]:
            y[(times_ >= np.datetime64(first[:19])) & (times_ <= np.datetime64(last[:19]))] = 1
        yield np.array([[float(row["value"])] for row in rows]), y


def series_quality(plan: Plan, report: Report) -> None:
    """Windows of several lengths beside the rows alone, on series of the Numenta benchmark."""
    from pynomaly import roc_auc

    settings = {"rows alone": None, **{
        f"{window}, {how}": {"window": window, "aggregation": how}
        for window, how in ((10, "last"), (50, "last"), (50, "mean"), (50, "maximum"))
    }}  # fmt: skip
    table = report.table("SlidingWindow, mean ROC-AUC on NAB's realKnownCause", "Detector", *settings)
    labelled = locations.adbench()
    folder = labelled.parent / "nab" if labelled else None
    if folder is None or not (folder / "labels" / "combined_windows.json").is_file():
        table.notes.append("no data")
        return
    every = list(nab(folder))
    inner = ["IsolationForest(random_state=0)", "PCA"] + ([] if plan.quick else ["KNN(n_neighbors=10)"])
    for name in inner:
        found = []
        for X, y in every:
            # An ensemble of one, with its score standardised, takes the same text for rows alone.
            detectors = [
                made("SlidingWindow", detector=name, **setting) if setting else made("Ensemble", detectors=[name])
                for setting in settings.values()
            ]
            found.append([roc_auc(each.fit(X).score(X), y) for each in detectors])
        table.add(name, *(f"{auc:.2f}" for auc in np.mean(found, axis=0)))
