"""MatrixProfile against stumpy: self joins of random walks, with and without normalisation.

stumpy's numba runs on as many threads as ours. Compiling it is not counted.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np
from interleave import Contestant, alternate
from numpy.typing import NDArray
from plan import Plan
from report import Report, Table, duration, factor, times

OURS = "pynomaly"
TWO = "pynomaly, two threads"
STUMPY = "stumpy"
WINDOW = 100
LENGTHS = (4_096, 32_768)
QUICK_LENGTHS = (2_048,)
LONG = 131_072  # ours alone: for the time and cancelling
THREADS_TARGET = 1.7
CANCEL = 0.1  # seconds
AGREEMENT = 1e-6  # relative


def run(plan: Plan, report: Report) -> None:
    """Self joins of several lengths."""
    table = report.table(
        "MatrixProfile, one thread", "Series", "Distance", "stumpy", "Ours", "Times faster, median (range)", "Of the minima",
        "Largest relative difference",
    )  # fmt: skip
    gains = report.table("MatrixProfile, two threads", "Series", "Distance", "Times faster, median (range)", "Of the minima")
    try:
        stumpy = importlib.import_module("stumpy")
        importlib.import_module("numba").set_num_threads(1)
    except ImportError as error:
        stumpy = None
        report.not_measured("MatrixProfile", "faster than stumpy", f"{error}")
    for rows in QUICK_LENGTHS if plan.quick else LENGTHS:
        for normalize in (True, False):
            measure(walk(rows), normalize, stumpy, plan, report, table, gains)
    cancel(report)


def walk(rows: int) -> NDArray[np.float64]:
    return np.cumsum(np.random.default_rng(0).standard_normal(rows))


def fit(series: NDArray[np.float64], normalize: bool, threads: int) -> Any:
    from pynomaly import Detector

    detector = Detector("MatrixProfile", window=WINDOW, normalize=normalize, row_score="last")
    return detector.fit(series[:, None], threads=threads)


def measure(
    series: NDArray[np.float64], normalize: bool, stumpy: Any, plan: Plan, report: Report, table: Table,
    gains: Table,
) -> None:  # fmt: skip
    title = f"{len(series):,} steps, window {WINDOW}"
    distance = "z-normalised" if normalize else "plain"
    contestants = [
        Contestant(OURS, lambda i: fit(series, normalize, 1)),
        Contestant(TWO, lambda i: fit(series, normalize, 2)),
    ]
    rival = None
    if stumpy is not None:
        rival = stumpy.stump if normalize else stumpy.aamp
        rival(series[:1000], WINDOW)
        contestants.append(Contestant(STUMPY, lambda i: rival(series, WINDOW)))
    comparison = alternate(contestants, plan)
    report.raw[f"MatrixProfile {distance} {len(series)}"] = comparison.as_dict()
    gain = comparison.ratio(OURS, TWO)
    gains.add(title, distance, times(gain), factor(gain.minima))
    report.at_least(f"MatrixProfile, {distance}, {len(series)}, two threads", THREADS_TARGET, gain)
    if rival is None or STUMPY not in comparison.windows:
        return
    expected = np.asarray(rival(series, WINDOW)[:, 0], dtype=float)
    found = fit(series, normalize, 1).training_scores[WINDOW - 1 :]
    apart = float(np.max(np.abs(found - expected) / np.maximum(expected, 1e-300)))
    ratio = comparison.ratio(STUMPY, OURS)
    table.add(
        title, distance, duration(comparison.median(STUMPY)), duration(comparison.median(OURS)), times(ratio),
        factor(ratio.minima), f"{apart:.1e}",
    )  # fmt: skip
    report.at_least(f"MatrixProfile, {distance}, {len(series)}, against stumpy", 1.0, ratio)
    report.check(
        f"MatrixProfile, {distance}, {len(series)}, agreement", f"<= {AGREEMENT}", f"{apart:.1e}", apart <= AGREEMENT
    )


def cancel(report: Report) -> None:
    """From the progress function's word to the end of the call."""
    from pynomaly import CancelledError, Detector

    series = walk(LONG)[:, None]
    asked: list[float] = []

    def stop(fraction: float, stage: str) -> bool:
        asked.append(time.perf_counter())
        return len(asked) >= 2

    try:
        Detector("MatrixProfile", window=WINDOW).fit(series, progress=stop)
    except CancelledError:
        took = time.perf_counter() - asked[-1]
        report.check(
            f"MatrixProfile, cancelling a join of {LONG:,} steps", f"<= {duration(CANCEL)}", duration(took), took <= CANCEL
        )
