"""Fit and score, against the other libraries, on one thread and on two."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import datasets
import numpy as np
import rivals
from datasets import GENERATED, Dataset
from interleave import Comparison, Contestant, alternate
from numpy.typing import NDArray
from plan import Plan
from report import Report, Table, duration, factor, progress, times
from rivals import OURS, SCIKIT_LEARN, Library

FIT_TARGETS = {"http": 50, "shuttle": 50, GENERATED: 50, "mnist": 30, "cardio": 30}
SCORE_TARGETS = {"http": 5, "shuttle": 5, "mnist": 5, GENERATED: 5}
SCORE_AIM = 10
BUSY = 0.9  # of a processor: with less, figures say more about the machine than about the libraries
THREADS_TARGET = 1.8
COLUMNS = ("Data", "Against", "Theirs", "Ours", "Times faster, median (range)", "Of the minima")


def run(plan: Plan, report: Report) -> None:
    """All of it, data set by data set."""
    libraries, absent = rivals.available()
    fits = report.table("Fit, one thread: 100 trees of 256 samples", *COLUMNS)
    scores = report.table("Score, one thread", *COLUMNS, "Agreement with scikit-learn")
    for table in (fits, scores):
        table.notes += absent
        table.notes += [f"{name}: no data" for name in datasets.missing()]
    for name in datasets.missing():
        report.not_measured(f"fit, {name}", f">= {FIT_TARGETS[name]} x", "no data")
        report.not_measured(f"score, {name}", f">= {SCORE_TARGETS.get(name, 1)} x", "no data")
    threads = report.table(
        "Score, two threads", "Data", "One thread", "Two threads", "Times faster, median (range)",
        "Of the minima", "One thread against itself",
    )  # fmt: skip
    for dataset in datasets.for_speed(plan):
        progress(f"speed: {dataset.title}")
        measure_fit(dataset, libraries, plan, report, fits)
        measure_score(dataset, libraries, plan, report, scores)
        measure_threads(dataset, plan, report, threads)
        if dataset.name == GENERATED:
            layouts = report.table("Score, one thread, other layouts of the generated rows", *COLUMNS)
            measure_layouts(dataset, libraries, plan, report, layouts)
    compiled = [s for library in libraries for s in getattr(library, "compile_seconds", [])]
    if compiled:
        scores.notes.append(
            f"tl2cgen: compiling a forest, which is not counted, took {duration(min(compiled))}"
            f" to {duration(max(compiled))}"
        )


# ---------------------------------------------------------------------------------------- fit


def measure_fit(
    dataset: Dataset, libraries: list[Library], plan: Plan, report: Report, table: Table
) -> None:
    """From making the object to its model; every fit has another seed."""
    comparison = alternate(
        [
            Contestant(library.name, lambda i, f=library.fit: f(dataset.X, 1000 * i))
            for library in (OURS, *libraries)
            if library.fits
        ],
        plan,
    )
    report.raw[f"fit {dataset.name}"] = comparison.as_dict()
    tell(comparison, dataset.title, table)
    table.notes.append(f"{dataset.title}: a NaN in one row, {refusals(dataset, libraries)}")
    target = FIT_TARGETS[dataset.name]
    what = f"fit, {dataset.name}"
    check_ratio(report, comparison, f"{what}, against scikit-learn", SCIKIT_LEARN.name, target)
    check_ratio(report, comparison, f"{what}, against coniferest", "coniferest", 1)


def refusals(dataset: Dataset, libraries: list[Library]) -> str:
    """Which fits look at every value: a pass over all rows is much of the time that a fit can take.

    A library that only looks at the rows it draws refuses the value when it draws its row.
    """
    X, row = dataset.X, len(dataset.X) // 3
    kept, X[row, 0] = X[row, 0], np.nan
    answers = []
    try:
        for library in (OURS, *libraries):
            if not library.fits:
                continue
            try:
                library.fit(X, 0)
                answers.append(f"{library.name} fits")
            except Exception:  # each library has its own
                answers.append(f"{library.name} refuses")
    finally:
        X[row, 0] = kept
    return ", ".join(answers)


# -------------------------------------------------------------------------------------- score


def measure_score(
    dataset: Dataset, libraries: list[Library], plan: Plan, report: Report, table: Table
) -> None:
    """Each library with its own forest on the rows it was fitted on."""
    contestants = [
        library
        for library in (OURS, *libraries)
        if library.fits or dataset.name in plan.compiled_sets
    ]
    comparison = compare_scores(contestants, dataset.name, dataset.X, plan)
    report.raw[f"score {dataset.name}"] = comparison.as_dict()
    tell(comparison, dataset.title, table, agreement(comparison, dataset))
    target = SCORE_TARGETS.get(dataset.name)
    what = f"score, {dataset.name}, against"
    for library in libraries:
        if library not in contestants:
            report.not_measured(f"{what} {library.name}", ">= 1 x", "left out of the trial")
        elif library is not SCIKIT_LEARN:
            check_ratio(report, comparison, f"{what} {library.name}", library.name, 1)
        elif target:
            check_ratio(report, comparison, f"{what} {library.name}", library.name, target)
            if library.name in comparison.windows:
                ratio = comparison.ratio(library.name, OURS.name)
                reached = "reached" if ratio.median >= SCORE_AIM else "not reached"
                table.notes.append(
                    f"{dataset.name}: the aim of {SCORE_AIM} x scikit-learn is {reached}"
                    f" ({factor(ratio.median)})"
                )


def compare_scores(
    libraries: list[Library], name: str, X: NDArray[Any], plan: Plan
) -> Comparison:
    """Model and input are made beforehand; a library that cannot make them drops out."""
    contestants, failures = [], {}
    for library in libraries:
        try:
            model, rows = rivals.fitted(library, name, X), library.prepare(X)
        except Exception as error:
            failures[library.name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        contestants.append(
            Contestant(library.name, lambda i, s=library.score, m=model, r=rows: s(m, r))
        )
    comparison = alternate(contestants, plan)
    comparison.failures.update(failures)
    return comparison


def agreement(comparison: Comparison, dataset: Dataset) -> dict[str, str]:
    """Whether the contestants do the same work: the rank correlation with scikit-learn's scores.

    Two seeds of one library are not at 1 either.
    """
    if SCIKIT_LEARN.name not in comparison.windows:
        return {}
    X = dataset.X[:: max(1, len(dataset.X) // 20_000)]
    ranks = {}
    for library in (OURS, *rivals.OTHERS):
        if library.name in comparison.windows:
            model = rivals.fitted(library, dataset.name, dataset.X)
            ranks[library.name] = _ranks(library.anomaly(model, X))
    reference = ranks[SCIKIT_LEARN.name]
    return {name: f"{np.corrcoef(rank, reference)[0, 1]:.2f}" for name, rank in ranks.items()}


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks, the mean one for equal scores."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((2 * last - counts) / 2)[inverse]


def measure_layouts(
    dataset: Dataset, libraries: list[Library], plan: Plan, report: Report, table: Table
) -> None:
    """The same rows as float32, and column by column as tables of pandas are."""
    layouts = {
        "float32": dataset.X.astype(np.float32),
        "float64 by columns": np.asfortranarray(dataset.X),
    }
    for name, X in layouts.items():
        contestants = [library for library in (OURS, *libraries) if library.fits]
        comparison = compare_scores(contestants, name, X, plan)
        report.raw[f"score {dataset.name} {name}"] = comparison.as_dict()
        tell(comparison, name, table)


# ------------------------------------------------------------------------------------ threads


def measure_threads(dataset: Dataset, plan: Plan, report: Report, table: Table) -> None:
    """One thread runs twice: its ratio to itself says how far the machine can be trusted."""
    what, target = f"score, {dataset.name}, two threads", f">= {THREADS_TARGET:g} x"
    counts = dataset.name in SCORE_TARGETS
    if len(os.sched_getaffinity(0)) < 2:
        if counts:
            report.not_measured(what, target, "only one processor")
        return
    one, two = (OURS.fit(dataset.X, 0, threads=threads) for threads in (1, 2))
    if not np.array_equal(OURS.score(one, dataset.X), OURS.score(two, dataset.X)):
        report.check(f"{what}: the same scores", "bit for bit", "they differ", False)
    models = {"one": one, "one again": one, "two": two}
    comparison = alternate(
        [
            Contestant(name, lambda i, m=model: OURS.score(m, dataset.X))
            for name, model in models.items()
        ],
        plan,
    )
    report.raw[f"threads {dataset.name}"] = comparison.as_dict()
    ratio = comparison.ratio("one", "two")
    table.add(
        dataset.title,
        duration(comparison.median("one")),
        duration(comparison.median("two")),
        times(ratio),
        factor(ratio.minima),
        times(comparison.ratio("one", "one again")),
    )
    table.notes += doubts(comparison, dataset.title, ("one", "one again"))
    if counts:
        report.at_least(what, THREADS_TARGET, ratio)


# ------------------------------------------------------------------------------------- common


def tell(
    comparison: Comparison, title: str, table: Table, extra: dict[str, str] | None = None
) -> None:
    """A row a rival."""
    table.notes += [f"{title}: {name}: {why}" for name, why in comparison.failures.items()]
    table.notes += doubts(comparison, title, comparison.windows)
    if OURS.name not in comparison.windows:
        return
    for name in comparison.windows:
        if name == OURS.name:
            continue
        ratio = comparison.ratio(name, OURS.name)
        cells = [title, name, duration(comparison.median(name))]
        cells += [duration(comparison.median(OURS.name)), times(ratio), factor(ratio.minima)]
        if len(table.columns) > len(cells):
            cells.append((extra or {}).get(name, ""))
        table.add(*cells)
    if extra and OURS.name in extra:
        table.notes.append(f"{title}: agreement of {OURS.name} {extra[OURS.name]}")


def doubts(comparison: Comparison, title: str, one_thread: Iterable[str]) -> list[str]:
    """What speaks against the figures of contestants that should have had a processor each."""
    shares = {name: comparison.share(name) for name in one_thread}
    low = {name: share for name, share in shares.items() if share < BUSY}
    found = [
        f"{title}: {name} used {share:.2f} processors where one was asked for"
        for name, share in shares.items()
        if share > 2 - BUSY
    ]
    if low:
        found.append(
            f"{title}: THE MACHINE WAS BUSY, {min(low.values()):.2f} of a processor was to be had:"
            " measure again on a quiet one"
        )
    return found


def check_ratio(
    report: Report, comparison: Comparison, what: str, rival: str, target: float
) -> None:
    """Target 1 means not slower."""
    if rival in comparison.windows and OURS.name in comparison.windows:
        report.at_least(what, target, comparison.ratio(rival, OURS.name))
    else:
        why = comparison.failures.get(rival, "the library is not there")
        report.not_measured(what, f">= {target:g} x", why)
