"""The figures that the performance guide asks for, for every detector, in one table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import costs
import locations
import numpy as np
from plan import Plan
from report import Report, duration, factor, megabytes, progress

COLUMNS = 10
TRAIN = {1000: 30.0, 100_000: 300.0, 1_000_000: 1800.0}
PREDICT = {1: 0.010, 1000: 0.100, 10_000: 1.0}
MEMORY = 8e9
# The baselines of the guide: training, then prediction.
OWN = {
    "IsolationForest": ({1000: 0.5, 10_000: 5.0}, {1: 0.001, 1000: 0.050}),
    "LocalOutlierFactor": ({1000: 0.2, 10_000: 2.0}, {1: 0.005, 1000: 0.200}),
}
# Quadratic in the rows: what takes their place at a million.
INSTEAD = {"OneClassSVM": "SGDOneClassSVM"}
SERIES = ("MatrixProfile", "SlidingWindow")
LONGEST = 400.0  # seconds: where more is predicted, what is predicted is told


def run(plan: Plan, report: Report) -> None:
    """Each detector in a process of its own, with its default options, on one thread."""
    import pynomaly

    sizes = [n for n in TRAIN if n <= plan.generated_rows]
    table = report.table(
        f"The guide's figures: generated rows of {COLUMNS} columns, one thread; in brackets how many times below the limit",
        "Detector", *(f"train {n:,} (< {duration(limit)})" for n, limit in TRAIN.items()),
        "memory in training, the largest (< 8 GB)",
        *(f"predict {n:,} (< {duration(limit)})" for n, limit in PREDICT.items()),
    )  # fmt: skip
    table.notes.append("predictions by a model of 10,000 rows; times of the wall's clock, the least of several")
    own = report.table("The guide's own baselines", "Detector", "What", "Limit", "Measured", "Times below")
    least = np.inf
    for name in pynomaly.detector_names():
        if name in SERIES:
            continue
        progress(f"guide: {name}")
        trained, left_out = [], {}
        for n in sizes:
            expected = predicted(name, n)
            if n > 100_000 and (name in INSTEAD or expected > LONGEST):
                left_out[n] = expected
            else:
                trained.append(n)
        found = measure(name, trained)
        cells = []
        for n, limit in TRAIN.items():
            if n in found["train"]:
                cells.append(beside(found["train"][n], limit))
                least = min(least, limit / found["train"][n])
            elif n in left_out:
                about = f"predicted {duration(left_out[n])}" if left_out[n] == left_out[n] else "not measured"
                cells.append(f"{about}; instead {INSTEAD.get(name, 'IsolationForest')}")
            else:
                cells.append("left out of the trial")
        peak = found["memory"]
        cells.append(f"{megabytes(peak)} ({factor(MEMORY / max(peak, 1))})")
        for n, limit in PREDICT.items():
            cells.append(beside(found["predict"][n], limit))
            least = min(least, limit / found["predict"][n])
        table.add(name, *cells)
        report.raw[f"guide {name}"] = found
        if name in OWN:
            for what, limits in zip(("train", "predict"), OWN[name]):
                for n, limit in limits.items():
                    took = found[what][n]
                    least = min(least, limit / took)
                    own.add(name, f"{what} {n:,}", duration(limit), duration(took), factor(limit / took))
    report.check("the guide's figures, the closest", "> 1 x", factor(float(least)), bool(least > 1))


def beside(seconds: float, limit: float) -> str:
    return f"{duration(seconds)} ({factor(limit / seconds)})"


def predicted(name: str, rows: int) -> float:
    import pynomaly

    return next(one.fit_seconds for one in pynomaly.select_detector(rows, COLUMNS) if one.detector == name)


def measure(name: str, sizes: list[int]) -> dict[str, Any]:
    command = [sys.executable, str(locations.HERE / "guide.py"), name, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        key: {int(n): s for n, s in value.items()} if isinstance(value, dict) else value
        for key, value in found.items()
    }


def child(name: str, sizes: list[int]) -> dict[str, Any]:
    from memory import _reset_peak, _status, _trim

    from pynomaly import Detector

    found: dict[str, Any] = {"train": {}, "predict": {}, "memory": 0}
    for n in sorted({*sizes, 10_000}):
        X = costs.rows_like_real(n, COLUMNS, seed=3)
        Detector(name).fit(X[:500], threads=1)
        _trim()
        _reset_peak()
        start = _status("VmRSS")
        seconds, detector = best(lambda X=X: Detector(name).fit(X, threads=1))
        found["memory"] = max(found["memory"], _status("VmHWM") - start)
        found["train"][n] = seconds
        if n == 10_000:
            rows = costs.rows_like_real(10_000, COLUMNS, seed=4)
            for m in PREDICT:
                found["predict"][m] = best(lambda m=m: detector.predict(rows[:m], threads=1))[0]
        del X, detector
    return found


def best(call: Any) -> tuple[float, Any]:
    """The least of up to seven calls, and what it gave."""
    least, spent = np.inf, 0.0
    result = None
    for _ in range(7):
        result = None
        begin = time.perf_counter()
        result = call()
        took = time.perf_counter() - begin
        least, spent = min(least, took), spent + took
        if spent > 3:
            break
    return float(least), result


if __name__ == "__main__":
    locations.prepare_package()
    print(json.dumps(child(sys.argv[1], [int(n) for n in sys.argv[2:]])))
