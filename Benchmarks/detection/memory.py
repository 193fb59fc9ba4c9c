"""Peak memory beyond the input, in a child process for each case.

The child makes the rows in place, fits and scores a few of them once (so that modules loaded late
and the memory of threads count as the library's, not as the data's), resets the kernel's peak, and
then fits and scores all of them. What its resident memory reached above the start, result included,
is the figure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import datasets
import locations
import numpy as np
import rivals
from plan import Plan
from report import Report, megabytes, progress
from rivals import OURS

LIMIT = 64_000_000
LAYOUTS = ("float64 by rows", "float32 by rows", "float64 by columns")


@dataclass(frozen=True)
class Case:
    library: str
    layout: str = LAYOUTS[0]
    threads: int = 1

    @property
    def title(self) -> str:
        return f"{self.library}, {self.layout}, {self.threads} thread{'s' * (self.threads > 1)}"


def run(plan: Plan, report: Report) -> None:
    """Ours in every layout, the others in the usual one."""
    table = report.table(
        f"Memory beyond the input, {plan.generated_rows:,} x {datasets.GENERATED_COLUMNS}",
        "Case", "Input", "Fit", "Score",
    )  # fmt: skip
    libraries, absent = rivals.available()
    table.notes += absent
    cases = [Case(OURS.name, layout, threads) for layout in LAYOUTS for threads in (1, 2)]
    cases += [Case(library.name) for library in libraries if library.fits]
    for case in cases:
        goal = f"memory, {case.title}"
        try:
            found = measure(case, plan.generated_rows)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            table.notes.append(f"{case.title}: {error}")
            if case.library == OURS.name:
                report.not_measured(goal, f"<= {megabytes(LIMIT)}", "it failed, see the table")
            continue
        report.raw[goal] = found
        table.add(case.title, *(megabytes(found[key]) for key in ("input", "fit", "score")))
        peak = max(found["fit"], found["score"])
        if case.library == OURS.name:
            report.check(goal, f"<= {megabytes(LIMIT)}", megabytes(peak), peak <= LIMIT)
        else:
            progress(f"{goal}: {megabytes(peak)}")
        if not found["reset"]:
            table.notes.append(f"{case.title}: the kernel's peak could not be reset")


def measure(case: Case, rows: int) -> dict[str, Any]:
    """Bytes, from a child process."""
    arguments = [case.library, case.layout, str(case.threads), str(rows)]
    command = [sys.executable, str(locations.HERE / "memory.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


# ------------------------------------------------------------------------------------ the child


def child(library_name: str, layout: str, threads: int, rows: int) -> dict[str, Any]:
    """Fit and score, and see what the kernel has noted."""
    library = next(one for one in (OURS, *rivals.OTHERS) if one.name == library_name)
    options = {"threads": threads} if library is OURS else {}
    X = _rows(rows, layout)
    library.score(library.fit(X[:2000].copy(), 0, **options), X[:2000].copy())
    _trim()
    found: dict[str, Any] = {"input": X.nbytes, "reset": _reset_peak()}
    start = _status("VmRSS")
    model = library.fit(X, 1000, **options)
    found["fit"] = _status("VmHWM") - start
    _reset_peak()
    scores = library.score(model, X)
    found["score"] = _status("VmHWM") - start
    assert len(scores) == rows
    return found


def _rows(rows: int, layout: str) -> np.ndarray:
    dtype, _, order = layout.partition(" by ")
    if order == "columns":
        X = np.empty((rows, datasets.GENERATED_COLUMNS), dtype=dtype, order="F")
        draw = np.random.default_rng(0)
        for column in X.T:
            draw.standard_normal(out=column)
        return X
    return datasets.normal_rows(rows, np.dtype(dtype).type)


def _trim() -> None:
    """Give back what malloc keeps, or it would serve the next calls unseen."""
    import ctypes
    import gc

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _reset_peak() -> bool:
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        return True
    except OSError:
        return False


def _status(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(key + ":"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    locations.prepare_package()
    name, layout_name, thread_count, row_count = sys.argv[1:]
    print(json.dumps(child(name, layout_name, int(thread_count), int(row_count))))
