"""Two threads against one, for every call of every detector that lasts longer than 50 ms on one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
from interleave import Contestant, alternate
from plan import Plan
from report import Report, duration, factor, progress, times

TARGET = 1.7
SHORTEST = 0.05
LONGEST = 20.0  # seconds: a longer call is not waited for again and again
# rows, columns
WORK: dict[str, tuple[int, int]] = {
    "LocalOutlierFactor": (50_000, 9),
    "KNN": (50_000, 9),
    "OneClassSVM": (20_000, 9),
    "SGDOneClassSVM": (500_000, 10),
    "EllipticEnvelope": (200_000, 20),
    "IsolationForest": (500_000, 10),
    "ECOD": (1_000_000, 10),
    "COPOD": (1_000_000, 10),
    "HBOS": (2_000_000, 10),
    "LODA": (1_000_000, 10),
    "MAD": (1_000_000, 10),
    "PCA": (1_000_000, 20),
}


def run(plan: Plan, report: Report) -> None:
    from pynomaly import Detector

    table = report.table(
        f"Two threads against one, calls of more than {SHORTEST * 1000:g} ms", "Detector", "Data", "Work", "One thread",
        "Two threads", "Times faster, median (range)", "Of the minima",
    )  # fmt: skip
    if len(os.sched_getaffinity(0)) < 2:
        table.notes.append("only one processor")
        return
    for name, (rows, columns) in WORK.items():
        rows = min(rows, plan.row_limit or rows)
        title = f"normal ({rows:,} x {columns})"
        progress(f"threads: {name}, {title}")
        X = np.random.default_rng(0).standard_normal((rows, columns))
        model = Detector(name).fit(X, threads=2)
        calls: dict[str, Callable[[int], object]] = {
            "fit": lambda threads, name=name, X=X: Detector(name).fit(X, threads=threads),
            "score": lambda threads, model=model, X=X: model.score(X, threads=threads),
        }
        for work, call in calls.items():
            start = time.perf_counter()
            call(1)
            once = time.perf_counter() - start
            if not SHORTEST <= once <= LONGEST:
                table.notes.append(f"{name}, {work}: {duration(once)} on one thread: not compared")
                continue
            comparison = alternate([Contestant(str(n), lambda i, n=n, call=call: call(n)) for n in (1, 2)], plan)
            report.raw[f"threads {name} {work}"] = comparison.as_dict()
            ratio = comparison.ratio("1", "2")
            table.add(
                name, title, work, duration(comparison.median("1")), duration(comparison.median("2")), times(ratio),
                factor(ratio.minima),
            )  # fmt: skip
            report.at_least(f"{name}, {work}, two threads", TARGET, ratio)
