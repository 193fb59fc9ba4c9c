"""What stands around the detectors, against SciPy and scikit-learn: thresholds, calibration, drift.

Both get the same numbers on one thread, and give the same answers (bindings/python/tests hold that). KSDrift
of alibi-detect and KSWIN of river call SciPy's test, so its time bounds theirs from below.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from interleave import Contestant, alternate
from plan import Plan
from report import Report, duration, factor, times

OURS, PEER = "pynomaly", "peer"


def run(plan: Plan, report: Report) -> None:
    table = report.table(
        "Around the detectors, one thread", "What", "Peer", "Its time", "Ours",
        "Times faster, median (range)", "Of the minima",
    )  # fmt: skip
    try:
        import scipy.stats  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        report.not_measured("around the detectors", "see README.md", f"{error}")
        return
    for what, peer, mine, theirs in contests():
        comparison = alternate([Contestant(OURS, mine), Contestant(PEER, theirs)], plan)
        report.raw[what] = comparison.as_dict()
        if comparison.failures:
            table.notes += [f"{what}: {why}" for why in comparison.failures.values()]
            continue
        ratio = comparison.ratio(PEER, OURS)
        table.add(
            what, peer, duration(comparison.median(PEER)), duration(comparison.median(OURS)), times(ratio),
            factor(ratio.minima),
        )  # fmt: skip
        report.at_least(what, 1, ratio)


Step = Callable[[int], Any]


def contests() -> list[tuple[str, str, Step, Step]]:
    """What is measured, who the peer is, our step and the peer's."""
    from scipy.stats import genpareto, ks_2samp
    from sklearn.calibration import _sigmoid_calibration
    from sklearn.isotonic import IsotonicRegression

    from pynomaly import Calibration, DriftDetector, find_threshold, kolmogorov_smirnov

    rng = np.random.default_rng(0)
    reference, window = rng.normal(size=10_000), rng.normal(0.02, size=1000)
    scores = rng.exponential(size=100_000)
    level = np.quantile(scores, 0.98)
    excesses = scores[scores > level] - level
    labels = (rng.random(100_000) < scores / 20).astype(int)
    table, batch = rng.normal(size=(10_000, 20)), rng.normal(0.02, size=(1000, 20))
    drift = DriftDetector(table, window=1000, reference_rows=10_000)
    return [
        (
            "KS test, 10,000 and 1,000 values",
            "scipy ks_2samp, exact",
            lambda i: kolmogorov_smirnov(reference, window),
            lambda i: ks_2samp(reference, window, method="exact"),
        ),
        (
            "KS test, 10,000 and 1,000 values, against the approximation",
            "scipy ks_2samp, asymp",
            lambda i: kolmogorov_smirnov(reference, window),
            lambda i: ks_2samp(reference, window, method="asymp"),
        ),
        (
            "drift of 20 columns, one look",
            "scipy ks_2samp a column, exact",
            lambda i: drift.update(batch, threads=1),
            lambda i: [ks_2samp(table[:, c], batch[:, c], method="exact") for c in range(20)],
        ),
        (
            "peaks over threshold, 100,000 scores",
            "scipy genpareto.fit of the peaks alone",
            lambda i: find_threshold(scores, "pot"),
            lambda i: genpareto.fit(excesses, floc=0),
        ),
        (
            "logistic calibration, 100,000 scores",
            "scikit-learn",
            lambda i: Calibration("logistic", scores, labels),
            lambda i: _sigmoid_calibration(scores, labels),
        ),
        (
            "isotonic calibration, 100,000 scores",
            "scikit-learn",
            lambda i: Calibration("isotonic", scores, labels),
            lambda i: IsotonicRegression(out_of_bounds="clip").fit(scores, labels),
        ),
    ]
