"""The command-line tool against a script with pandas and scikit-learn: a CSV file in, one out."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import datasets
import locations
import numpy as np
from interleave import Contestant, Window, alternate
from plan import Plan
from report import Report, duration, factor, megabytes, progress, times

SPEED_TARGET = 5
MEMORY_LIMIT = 300_000_000
DECIMALS = 6
TOOL, TOOL_ONE_THREAD = "pynomaly detect", "pynomaly detect --threads 1"
SCRIPT, SCRIPT_ARROW = "pandas + scikit-learn", "pandas (engine pyarrow) + scikit-learn"


class Process(Contestant):
    """A command that runs to its end; its time is taken by the process that starts it."""

    def __init__(self, name: str, command: list[str], output: Path, folder: Path) -> None:
        super().__init__(name, lambda i: None)
        self.command = command
        self.output = output
        self.log = folder / "log.txt"
        self.peaks: list[int] = []

    def warm_up(self, shortest: float) -> float:
        return self.window(shortest).seconds

    def window(self, shortest: float) -> Window:
        self.output.unlink(missing_ok=True)
        launcher = [sys.executable, "-I", "-S", str(locations.HERE / "process.py"), str(self.log)]
        done = subprocess.run(
            [*launcher, *self.command], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        if found["status"] != 0:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit status {found['status']}")
        self.peaks.append(found["peak_bytes"])
        return Window(found["seconds"], 1, found["processor_seconds"] / found["seconds"])


def run(plan: Plan, report: Report) -> None:
    """Whole processes, from the start to the end."""
    speed_goal = (f"{TOOL}, against {SCRIPT}", f">= {SPEED_TARGET} x")
    memory_goal = (f"{TOOL}, peak memory", f"<= {megabytes(MEMORY_LIMIT)}")
    tool = locations.tool()
    if tool is None:
        report.not_measured(*speed_goal, "the tool was not found")
        report.not_measured(*memory_goal, "the tool was not found")
        return
    with locations.temporary_folder() as name:
        folder = Path(name)
        path = folder / "table.csv"
        progress("command line: writing the table")
        size = write_table(path, plan.generated_rows)
        contestants = processes(tool, path, folder)
        comparison = alternate(contestants, plan)
        table = report.table(
            f"From CSV to CSV, {plan.generated_rows:,} x {datasets.GENERATED_COLUMNS}"
            f" with {DECIMALS} decimals ({megabytes(size)})",
            "Command", "Time, median", "Peak memory", f"Times as fast: {TOOL}", "Of the minima",
        )  # fmt: skip
        ran = [contestant for contestant in contestants if contestant.name in comparison.windows]
        for contestant in ran:
            cells = [duration(comparison.median(contestant.name)), megabytes(max(contestant.peaks))]
            if TOOL in comparison.windows and contestant.name != TOOL:
                ratio = comparison.ratio(contestant.name, TOOL)
                cells += [times(ratio), factor(ratio.minima)]
            table.add(contestant.name, *cells, *[""] * (4 - len(cells)))
        if {SCRIPT, TOOL_ONE_THREAD} <= set(comparison.windows):
            ratio = comparison.ratio(SCRIPT, TOOL_ONE_THREAD)
            table.notes.append(f"{TOOL_ONE_THREAD} against {SCRIPT}: {times(ratio)}")
        table.notes += [f"{failed}: {why}" for failed, why in comparison.failures.items()]
        table.notes += compare_results(ran, plan.generated_rows)
        report.raw["command line"] = {
            **comparison.as_dict(),
            "peak_bytes": {contestant.name: contestant.peaks for contestant in ran},
        }

    if {SCRIPT, TOOL} <= set(comparison.windows):
        report.at_least(speed_goal[0], SPEED_TARGET, comparison.ratio(SCRIPT, TOOL))
    else:
        report.not_measured(*speed_goal, "; ".join(comparison.failures.values()) or "no pandas")
    peaks = [peak for one in ran if one.name in (TOOL, TOOL_ONE_THREAD) for peak in one.peaks]
    if peaks:
        report.check(*memory_goal, megabytes(max(peaks)), max(peaks) <= MEMORY_LIMIT)
    else:
        report.not_measured(*memory_goal, comparison.failures.get(TOOL, "it failed"))


def processes(tool: Path, table: Path, folder: Path) -> list[Process]:
    """The tool as users call it and with one thread; the script with either of pandas' readers."""
    commands: dict[str, tuple[list[str], list[str]]] = {
        TOOL: ([str(tool), "detect", str(table), "--seed", "1", "--output"], []),
        TOOL_ONE_THREAD: (
            [str(tool), "detect", str(table), "--seed", "1", "--threads", "1", "--output"],
            [],
        ),
    }
    script = [sys.executable, str(locations.HERE / "cli_rival.py"), str(table)]
    if all(importlib.util.find_spec(package) for package in ("pandas", "sklearn")):
        commands[SCRIPT] = (script, [])
        if importlib.util.find_spec("pyarrow"):
            commands[SCRIPT_ARROW] = (script, ["pyarrow"])
    found = []
    for i, (name, (before, after)) in enumerate(commands.items()):
        output = folder / f"scores-{i}.csv"
        found.append(Process(name, [*before, str(output), *after], output, folder))
    return found


def write_table(path: Path, rows: int) -> int:
    """The generated rows as a CSV file with names; its size in bytes."""
    X = datasets.generate(rows).X
    with open(path, "w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(f"c{i}" for i in range(X.shape[1]))
        for start in range(0, rows, 10_000):
            writer.writerows(X[start : start + 10_000].round(DECIMALS).tolist())
    return path.stat().st_size


def compare_results(processes: list[Process], rows: int) -> list[str]:
    """Whether all wrote one score a row, and scores of the same kind."""
    notes, scores = [], {}
    for process in processes:
        with open(process.output, encoding="ascii") as file:
            next(file)
            scores[process.name] = np.array([float(line.split(",")[1]) for line in file])
        if len(scores[process.name]) != rows:
            notes.append(f"{process.name} wrote {len(scores[process.name]):,} of {rows:,} rows")
    if not notes and {SCRIPT, TOOL} <= set(scores):
        correlation = np.corrcoef(scores[SCRIPT], scores[TOOL])[0, 1]
        notes.append(f"correlation of the scores of {TOOL} and {SCRIPT}: {correlation:.2f}")
    return notes
