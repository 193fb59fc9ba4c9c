"""The score of one row, from Python and from C."""

from __future__ import annotations

import subprocess
from pathlib import Path
from statistics import median

import compiler
import datasets
import locations
import numpy as np
import rivals
from datasets import GENERATED, Dataset
from interleave import Comparison, Contestant, alternate
from plan import Plan
from report import Report, Table, duration, progress, times
from rivals import OURS

PYTHON_LIMIT = 10e-6
C_LIMIT = 2e-6
ROWS = 256  # different rows, one after the other


def run(plan: Plan, report: Report) -> None:
    """Every data set, first from Python, then from C."""
    from_python = report.table(
        "One row from Python", "Data", "Library", "A call, median", "Range", "Times ours, median"
    )
    libraries, absent = rivals.available()
    from_python.notes += absent
    sets = datasets.for_speed(plan)
    for dataset in sets:
        comparison = measure_python(dataset, libraries, plan)
        report.raw[f"one row from Python {dataset.name}"] = comparison.as_dict()
        tell(comparison, dataset, from_python)
        what, target = f"one row from Python, {dataset.name}", f"<= {duration(PYTHON_LIMIT)}"
        if OURS.name in comparison.windows:
            took = comparison.median(OURS.name)
            report.check(what, target, duration(took), took <= PYTHON_LIMIT)
        else:
            report.not_measured(what, target, comparison.failures[OURS.name])
    run_c(sets, plan, report)


def measure_python(dataset: Dataset, libraries: list[rivals.Library], plan: Plan) -> Comparison:
    """Arrays of one row, made beforehand, go to the fitted models one by one."""
    contestants, failures = [], {}
    for library in (OURS, *libraries):
        if not library.fits and dataset.name not in plan.compiled_sets:
            continue
        try:
            model = rivals.fitted(library, dataset.name, dataset.X)
            some = dataset.X[:: max(1, len(dataset.X) // ROWS)][:ROWS]
            rows = [library.prepare(some[i : i + 1].copy()) for i in range(len(some))]
        except Exception as error:
            failures[library.name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        # A call of scikit-learn takes 10 ms: no need to make all of them before a look at the clock.
        rows = rows if library is not rivals.SCIKIT_LEARN else rows[:4]
        contestants.append(Contestant(library.name, _calls(library, model, rows), len(rows)))
    comparison = alternate(contestants, plan)
    comparison.failures.update(failures)
    return comparison


def _calls(library: rivals.Library, model: object, rows: list[np.ndarray]):
    score = library.score

    def step(_: int) -> None:
        for row in rows:
            score(model, row)

    return step


def tell(comparison: Comparison, dataset: Dataset, table: Table) -> None:
    """A row a library."""
    for name in comparison.windows:
        seconds = comparison.seconds(name)
        against = ""
        if OURS.name in comparison.windows and name != OURS.name:
            against = times(comparison.ratio(name, OURS.name))
        table.add(
            dataset.title,
            name,
            duration(comparison.median(name)),
            f"{duration(min(seconds))} - {duration(max(seconds))}",
            against,
        )
        progress(f"one row from Python, {dataset.name}: {name} {table.rows[-1][2]}")
    table.notes += [f"{dataset.title}: {name}: {why}" for name, why in comparison.failures.items()]


# ------------------------------------------------------------------------------------------- C


def run_c(sets: list[Dataset], plan: Plan, report: Report) -> None:
    """one_row.c, against the library that this process has loaded."""
    table = report.table("One row from C", "Data", "A call, median", "Range")
    target = f"<= {duration(C_LIMIT)}"
    with locations.temporary_folder() as folder:
        try:
            program = compiler.build("one_row.c", Path(folder))
        except compiler.NotBuilt as error:
            for dataset in sets:
                report.not_measured(f"one row from C, {dataset.name}", target, str(error))
            return
        for dataset in sets:
            what = f"one row from C, {dataset.name}"
            try:
                seconds = measure_c(program, dataset, plan)
            except (OSError, subprocess.CalledProcessError) as error:
                report.not_measured(what, target, str(getattr(error, "stderr", error)).strip())
                continue
            report.raw[what] = seconds
            took = median(seconds)
            table.add(
                dataset.title, duration(took), f"{duration(min(seconds))} - {duration(max(seconds))}"
            )
            report.check(what, target, duration(took), took <= C_LIMIT)


def measure_c(program: Path, dataset: Dataset, plan: Plan) -> list[float]:
    """Seconds a call, window by window. Of the generated rows it gets some: the forest is the same."""
    X = dataset.X[:100_000] if dataset.name == GENERATED else dataset.X
    path = program.parent / "rows.bin"
    X.tofile(path)
    milliseconds = str(round(plan.window * 1000))
    shape = [str(length) for length in X.shape]
    command = [str(program), str(path), *shape, str(plan.short_rounds), milliseconds]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]
