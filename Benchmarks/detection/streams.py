"""Detectors that learn from streams against their peers: HalfSpaceTrees and river's, RobustRandomCutForest and rrcf.

The peers learn and score row by row, as they are made to; ours in the same parts of rows, and row by row. Quality is the
ROC-AUC of some rows of every labelled set, drawn anew with every seed, after learning from all of them in a random
order. Memory is that of one long stream.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

import datasets
import locations
import memory
import numpy as np
from interleave import Contestant, alternate
from numpy.typing import NDArray
from plan import Plan
from report import Report, Table, duration, factor, megabytes, progress, times

OURS = "pynomaly"
TARGET = 20  # times as fast as pure Python
AUC_MARGIN = 0.003
ONE_ROW = 50e-6  # seconds
PART = 250  # rows of a window, and of what is timed
TREES, SAMPLES, HEIGHT = 40, 256, 8
QUALITY_SEEDS = 10
LEAST_OUTLIERS = 15  # among the rows of a seed, where a set has so many
STREAM_ROWS, STREAM_COLUMNS, STREAM_BATCH = 10_000_000, 10, 65_536
STREAM_LIMIT = 150_000_000


def run(plan: Plan, report: Report) -> None:
    """Speed and quality on labelled sets, and the memory that a long stream takes."""
    table = report.table(
        "Detectors for streams, one thread", "Data", "Detector", "Step", "Peer", "Ours",
        "Times faster, median (range)", "Of the minima",
    )  # fmt: skip
    quality = report.table(
        "Detectors for streams, mean ROC-AUC over seeds", "Data", "Detector", "Seeds", "Peer", "Ours", "Difference",
        "Standard error",
    )  # fmt: skip
    table.notes += [f"{name}: no data" for name in datasets.missing()]
    sets = [dataset for dataset in datasets.for_speed(plan) if dataset.y is not None]
    for peer in (River(), Rrcf()):
        try:
            peer.find()
        except ImportError as error:
            report.not_measured(peer.title, "see README.md", f"{error}")
            continue
        for dataset in sets:
            measure(dataset, peer, plan, report, table)
        compare(peer, plan, report, quality)
    measure_memory(plan, report)


class River:
    """river.anomaly.HalfSpaceTrees: rows as dicts, of values in 0 to 1."""

    title, detector, quality_rows = "river", "HalfSpaceTrees", 2_000
    options = {"n_trees": 25, "height": HEIGHT, "window_size": PART}
    quality_options = options

    def find(self) -> None:
        self.anomaly = importlib.import_module("river.anomaly")

    def make(self, X: NDArray[np.float64], seed: int, options: dict[str, Any] = options) -> Any:
        """It is told where the values lie: in the first window, as ours finds out."""
        first = X[:PART]
        limits = {j: (float(a), float(max(b, a + 1e-9))) for j, (a, b) in enumerate(zip(first.min(0), first.max(0)))}
        return self.anomaly.HalfSpaceTrees(**options, seed=seed, limits=limits)

    def learn(self, model: Any, X: NDArray[np.float64]) -> None:
        for row in X:
            model.learn_one(dict(enumerate(row)))

    def score(self, model: Any, X: NDArray[np.float64]) -> list[float]:
        return [model.score_one(dict(enumerate(row))) for row in X]


class Rrcf:
    """rrcf: a tree holds the last rows; a row's score is what inserting it displaces."""

    title, detector, quality_rows = "rrcf", "RobustRandomCutForest", 300
    options = {"n_estimators": TREES, "max_samples": SAMPLES, "sampling": "sliding"}
    # Less, since the peer takes about 0.1 s a row otherwise.
    quality_options = {"n_estimators": 10, "max_samples": 128, "sampling": "sliding"}

    def find(self) -> None:
        self.rrcf = importlib.import_module("rrcf")

    def make(self, X: NDArray[np.float64], seed: int, options: dict[str, Any] = options) -> Any:
        trees, self.samples = options["n_estimators"], options["max_samples"]
        return [0, [self.rrcf.RCTree(random_state=seed * trees + t) for t in range(trees)]]

    def learn(self, model: Any, X: NDArray[np.float64]) -> None:
        for row in X:
            for tree in model[1]:
                if len(tree.leaves) >= self.samples:
                    tree.forget_point(model[0] - self.samples)
                tree.insert_point(row, index=model[0])
            model[0] += 1

    def score(self, model: Any, X: NDArray[np.float64]) -> list[float]:
        scores = []
        for row in X:
            displaced = 0.0
            for tree in model[1]:
                tree.insert_point(row, index=-1)
                displaced += tree.codisp(-1)
                tree.forget_point(-1)
            scores.append(displaced / len(model[1]))
        return scores


def ours(peer: Any, seed: int = 0, options: dict[str, Any] | None = None) -> Any:
    from pynomaly import Detector

    return Detector(peer.detector, random_state=seed, contamination=0.5, **(options or peer.options))


def measure(dataset: datasets.Dataset, peer: Any, plan: Plan, report: Report, table: Table) -> None:
    """Learning from a window of rows, scoring some, and one row."""
    X = np.ascontiguousarray(dataset.X[:2000], dtype=np.float64)
    theirs, mine = peer.make(X, 0), ours(peer)
    peer.learn(theirs, X[: 2 * PART])
    mine.partial_fit(X[: 2 * PART], threads=1)
    part, some = X[-PART:], X[:50]
    steps = {
        "learn": (lambda i: mine.partial_fit(part, threads=1), lambda i: peer.learn(theirs, part)),
        "score": (lambda i: mine.score(some, threads=1), lambda i: peer.score(theirs, some)),
    }
    for step, (fast, slow) in steps.items():
        comparison = alternate([Contestant(OURS, fast), Contestant(peer.title, slow)], plan)
        report.raw[f"{peer.detector} {step} {dataset.name}"] = comparison.as_dict()
        if comparison.failures:
            table.notes += [f"{dataset.title}: {why}" for why in comparison.failures.values()]
            continue
        ratio = comparison.ratio(peer.title, OURS)
        table.add(
            dataset.title, peer.detector, step, duration(comparison.median(peer.title)),
            duration(comparison.median(OURS)), times(ratio), factor(ratio.minima),
        )  # fmt: skip
        report.at_least(f"{peer.detector}, {step}, {dataset.name}", TARGET, ratio)
    one = X[:1].copy()
    comparison = alternate(
        [
            Contestant("score", lambda i: mine.score(one)),
            Contestant("learn", lambda i: mine.partial_fit(one, threads=1)),
        ],
        plan,
    )
    row = min(comparison.seconds("score"))
    table.add(
        dataset.title, peer.detector, "one row: score, learn", "", f"{duration(row)},"
        f" {duration(min(comparison.seconds('learn')))}", "", "",
    )  # fmt: skip
    what = f"{peer.detector}, one row, {dataset.name}"
    report.check(what, f"<= {duration(ONE_ROW)}", duration(row), row <= ONE_ROW)


def some_rows(dataset: datasets.Dataset, count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rows in a random order, enough outliers among them."""
    draw = np.random.default_rng(seed)
    outliers, inliers = (draw.permutation(np.flatnonzero(dataset.y == label)) for label in (1, 0))
    share = max(round(count * len(outliers) / len(dataset.y)), min(LEAST_OUTLIERS, len(outliers)))
    chosen = draw.permutation(np.concatenate([outliers[:share], inliers[: count - share]]))
    return np.ascontiguousarray(dataset.X[chosen], dtype=np.float64), dataset.y[chosen]


def compare(peer: Any, plan: Plan, report: Report, table: Table, names: tuple[str, ...] = ()) -> list[float]:
    """How well the two find the outliers of every labelled set; returns the differences."""
    from pynomaly import roc_auc

    gains = []
    for name in names or datasets.files():
        dataset = datasets.load(name)
        found = []
        for seed in range(min(plan.seeds, QUALITY_SEEDS)):
            X, y = some_rows(dataset, peer.quality_rows, seed)
            theirs = peer.make(X, seed, peer.quality_options)
            peer.learn(theirs, X)
            mine = ours(peer, seed, peer.quality_options).fit(X).score(X)
            found.append([roc_auc(np.asarray(peer.score(theirs, X)), y), roc_auc(mine, y)])
        theirs, mine = np.mean(found, axis=0)
        # Both have the same rows.
        error = float(np.std(np.subtract(*np.transpose(found)), ddof=1) / np.sqrt(len(found)))
        gains.append(float(mine - theirs))
        table.add(
            dataset.title, peer.detector, f"{len(found)}", f"{theirs:.4f}", f"{mine:.4f}", f"{gains[-1]:+.4f}",
            f"{error:.4f}",
        )  # fmt: skip
        progress(f"{peer.detector}, {name}: {' '.join(table.rows[-1][3:])}")
    if gains:
        mean = float(np.mean(gains))
        what = f"{peer.detector}, ROC-AUC, mean of the sets"
        report.check(what, f">= {peer.title}'s - {AUC_MARGIN}", f"{mean:+.4f}", mean >= -AUC_MARGIN)
    return gains


def measure_memory(plan: Plan, report: Report) -> None:
    """Peak memory of learning from a long stream and scoring it, in a child process for each detector."""
    rows = STREAM_ROWS if not plan.quick else STREAM_ROWS // 20
    table = report.table(
        f"Memory for a stream of {rows:,} x {STREAM_COLUMNS}, beyond the producer's", "Detector", "Fit", "Score"
    )
    for name in ("HalfSpaceTrees", "RobustRandomCutForest", "IsolationForest"):
        command = [sys.executable, str(locations.HERE / "streams.py"), name, str(rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            table.notes.append(f"{name}: {(done.stderr.strip().splitlines() or ['it failed'])[-1]}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        table.add(name, megabytes(found["fit"]), megabytes(found["score"]))
        peak = max(found["fit"], found["score"])
        what = f"memory of a stream, {name}"
        report.check(what, f"<= {megabytes(STREAM_LIMIT)}", megabytes(peak), peak <= STREAM_LIMIT)
        progress(f"{what}: {found}")


def child(name: str, rows: int) -> dict[str, float]:
    import pyarrow
    from pynomaly import Detector

    columns = [str(j) for j in range(STREAM_COLUMNS)]
    draw = np.random.default_rng(0)
    batch = pyarrow.record_batch(list(draw.normal(size=(STREAM_COLUMNS, STREAM_BATCH))), columns)

    def stream(count: int) -> Any:
        def batches() -> Any:
            for first in range(0, count, STREAM_BATCH):
                yield batch.slice(0, min(STREAM_BATCH, count - first))

        return pyarrow.RecordBatchReader.from_batches(batch.schema, batches())

    Detector(name).fit(stream(1000)).score_stream(stream(1000), len)
    memory._trim()
    memory._reset_peak()
    start = memory._status("VmRSS")
    detector = Detector(name).fit(stream(rows))
    found = {"fit": memory._status("VmHWM") - start}
    memory._reset_peak()
    assert detector.score_stream(stream(rows // 20), len) == rows // 20
    found["score"] = memory._status("VmHWM") - start
    return found


if __name__ == "__main__":
    locations.prepare_package()
    print(json.dumps(child(sys.argv[1], int(sys.argv[2]))))
