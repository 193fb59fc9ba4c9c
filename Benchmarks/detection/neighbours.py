"""LocalOutlierFactor and KNN against scikit-learn, scikit-learn-intelex, PyOD and faiss.

All on one thread, all with the same rows in double precision (faiss in single precision, its only one),
and with every row scored as a new one: scikit-learn's novelty=True, PyOD's decision_function. Fit and
score of faiss are making the index and searching it for all rows, for distances alone.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import datasets
import locations
import numpy as np
from datasets import Dataset
from interleave import Contestant, alternate
from plan import Plan
from report import Report, Table, duration, megabytes, times
from speed import doubts

OURS = "pynomaly"
TWO = "pynomaly, two threads"
Steps = dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]]

LOF_NEIGHBOURS = 20
KNN_NEIGHBOURS = 5
THREADS_TARGET = 1.7
ROW_LIMIT = 2e-3
ROW_ROWS = 50_000
MEMORY_LIMIT = 8e9
# Against which library how many times as fast; the sets are those of issue and guide.
LOF_TARGETS = {
    "shuttle": {"scikit-learn": 10.0, "scikit-learn-intelex": 2.0},
    "http": {"scikit-learn": 10.0, "scikit-learn-intelex": 2.0},
    "mnist": {"scikit-learn": 2.0, "scikit-learn-intelex": 2.0},
}
KNN_TARGETS = {
    "shuttle": {"PyOD": 10.0},
    "http": {"PyOD": 10.0},
    "mnist": {"PyOD": 2.0, "faiss flat": 1.0},
    "cardio": {"faiss flat": 1.0},
    "pendigits": {"faiss flat": 1.0},
    "satellite": {"faiss flat": 1.0},
    "letter": {"faiss flat": 1.0},
}


def run(plan: Plan, report: Report) -> None:
    """Every set, then one row and memory."""
    rounds = min(plan.long_rounds, 5)
    plan = dataclasses.replace(plan, short_rounds=min(plan.short_rounds, 9), long_rounds=rounds)
    for title, targets, steps in (
        (f"LocalOutlierFactor, k = {LOF_NEIGHBOURS}", LOF_TARGETS, lof_steps),
        (f"KNN, k = {KNN_NEIGHBOURS}", KNN_TARGETS, knn_steps),
    ):
        table = report.table(
            title, "Data", "Step", "Library", "Seconds, median", "Times ours, median (range)", "Of the minima"
        )
        for name, goals in targets.items():
            if name not in datasets.files():
                for rival, target in goals.items():
                    report.not_measured(f"{title}, {name}, {rival}", f">= {target:g} x", "no data")
                continue
            dataset = datasets.load(name, plan.row_limit)
            compare(title, dataset, goals, dict(steps(dataset)), plan, report, table)
        table.notes += floor_notes(title, report)
    one_row(plan, report)
    memory(plan, report)


def compare(
    title: str, dataset: Dataset, goals: dict[str, float], steps: Steps, plan: Plan, report: Report,
    table: Table,
) -> None:  # fmt: skip
    """Fits against fits, scores against scores."""
    models = {name: fit() for name, (fit, _) in steps.items()}
    for step in ("fit", "score"):
        contestants = [
            Contestant(name, _fitting(fit) if step == "fit" else _scoring(score, models[name]))
            for name, (fit, score) in steps.items()
        ]
        comparison = alternate(contestants, plan)
        report.raw[f"{title} {dataset.name} {step}"] = comparison.as_dict()
        for name in comparison.windows:
            ratio = comparison.ratio(name, OURS)
            table.add(
                dataset.title, step, name, duration(comparison.median(name)), times(ratio), f"{ratio.minima:.3g} x"
            )
        for name, why in comparison.failures.items():
            table.notes.append(f"{dataset.title}, {step}, {name}: {why}")
        for rival, target in goals.items():
            what = f"{title}, {step}, {dataset.name}, {rival}"
            if rival in comparison.windows:
                report.at_least(what, target, comparison.ratio(rival, OURS))
            else:
                report.not_measured(what, f">= {target:g} x", "the library is not there")
        gain = comparison.ratio(OURS, TWO)
        report.at_least(f"{title}, {step}, {dataset.name}, two threads", THREADS_TARGET, gain)
        alone = [name for name in comparison.windows if name != TWO]
        table.notes += doubts(comparison, f"{dataset.title}, {step}", alone)


def _fitting(fit: Callable[[], Any]) -> Callable[[int], Any]:
    return lambda i: fit()


def _scoring(score: Callable[[Any], Any], model: Any) -> Callable[[int], Any]:
    return lambda i: score(model)


def ours(name: str, X: np.ndarray, threads: int, **options: Any) -> tuple[Any, Any]:
    """Fit and score of a detector of the library."""
    from pynomaly import Detector

    return (
        lambda: Detector(name, novelty=True, **options).fit(X, threads=threads),
        lambda model: model.score(X, threads=threads),
    )


def lof_steps(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """The libraries that have LocalOutlierFactor."""
    X = dataset.X
    yield OURS, ours("LocalOutlierFactor", X, 1, n_neighbors=LOF_NEIGHBOURS)
    yield TWO, ours("LocalOutlierFactor", X, 2, n_neighbors=LOF_NEIGHBOURS)
    for name, module in (("scikit-learn", "sklearn"), ("scikit-learn-intelex", "sklearnex")):
        try:
            made = importlib.import_module(f"{module}.neighbors").LocalOutlierFactor
        except (ImportError, AttributeError):
            continue
        yield name, (
            lambda made=made: made(n_neighbors=LOF_NEIGHBOURS, novelty=True, n_jobs=1).fit(X),
            lambda model: model.score_samples(X),
        )


def knn_steps(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """The libraries that find neighbours."""
    X = dataset.X
    yield OURS, ours("KNN", X, 1, n_neighbors=KNN_NEIGHBOURS)
    yield TWO, ours("KNN", X, 2, n_neighbors=KNN_NEIGHBOURS)
    try:
        from pyod.models.knn import KNN as PyodKNN

        yield "PyOD", (
            lambda: PyodKNN(n_neighbors=KNN_NEIGHBOURS, n_jobs=1).fit(X),
            lambda model: model.decision_function(X),
        )
    except ImportError:
        pass
    if X.shape[1] >= 16:
        try:
            import faiss
        except ImportError:
            return
        faiss.omp_set_num_threads(1)
        single = X.astype(np.float32)

        def made() -> Any:
            index = faiss.IndexFlatL2(single.shape[1])
            index.add(single)
            return index

        def fitted() -> Any:
            index = made()
            index.search(single, KNN_NEIGHBOURS + 1)
            return index

        yield "faiss flat", (fitted, lambda index: index.search(single, KNN_NEIGHBOURS))


def floor_notes(title: str, report: Report) -> list[str]:
    """How far from the matrix product the largest set of many columns is."""
    raw = report.raw.get(f"{title} mnist score")
    if raw is None:
        return []
    X = datasets.load("mnist").X.astype(np.float32)
    comparison = alternate([Contestant("product", lambda i: X @ X.T)], Plan(short_rounds=7))
    product = min(comparison.seconds("product"))
    own = min(raw["seconds"][OURS])
    return [
        f"mnist: scoring all rows takes {own / product:.2f} times as long as the product of the matrix with"
        f" its transpose in NumPy, single precision, {duration(product)} (on as many threads as NumPy takes)"
    ]


def one_row(plan: Plan, report: Report) -> None:
    """One row from Python, against 50,000."""
    from pynomaly import Detector

    draw = np.random.default_rng(0)
    for columns in (9, 100):
        X = draw.standard_normal((ROW_ROWS, columns))
        rows = [X[i : i + 1].copy() for i in range(256)]
        for name in ("KNN", "LocalOutlierFactor"):
            detector = Detector(name, novelty=True, n_neighbors=5).fit(X)
            step = Contestant(name, lambda i, d=detector: d.score(rows[i % 256], threads=1))
            took = alternate([step], plan).median(name)
            report.check(
                f"one row from Python, {name}, {ROW_ROWS:,} x {columns}",
                f"<= {duration(ROW_LIMIT)}", duration(took), took <= ROW_LIMIT,
            )  # fmt: skip


def memory(plan: Plan, report: Report) -> None:
    """The peak of a process that fits a million rows."""
    rows = plan.generated_rows
    command = [sys.executable, str(locations.HERE / "neighbours.py"), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    what = f"memory of the process, LocalOutlierFactor, {rows:,} x 10"
    if done.returncode:
        report.not_measured(what, megabytes(MEMORY_LIMIT), done.stderr.strip().splitlines()[-1])
        return
    found = json.loads(done.stdout.splitlines()[-1])
    report.check(
        what, f"<= {megabytes(MEMORY_LIMIT)}",
        f"{megabytes(found['peak'])}, {duration(found['seconds'])} on all processors",
        found["peak"] <= MEMORY_LIMIT,
    )  # fmt: skip


def child(rows: int) -> dict[str, float]:
    """Fit, and say what it took."""
    import resource
    import time

    from pynomaly import Detector

    X = np.random.default_rng(0).standard_normal((rows, 10))
    start = time.perf_counter()
    Detector("LocalOutlierFactor").fit(X)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == "__main__":
    locations.prepare_package()
    print(json.dumps(child(int(sys.argv[1]))))
