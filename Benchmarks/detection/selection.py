"""How well pyn_select_detector predicts times, and how good its first choice is."""

from __future__ import annotations

from typing import Any

import costs
import datasets
import numpy as np
from plan import Plan
from report import Report, Table, progress

# Between and beyond the shapes that selection_table.py fits to.
SHAPES = ((600, 3), (600, 40), (2500, 8), (2500, 70), (9000, 4), (9000, 16), (9000, 70), (30_000, 3), (30_000, 30),
          (120_000, 8), (500_000, 4))  # fmt: skip
TWICE = 2.0
LONGEST = 8.0  # seconds: shapes for which more is predicted are left out
QUALITY_ROWS = 10_000
ERROR = 0.04  # as in Selection.swift


def run(plan: Plan, report: Report) -> None:
    """Predictions on other shapes and on the labelled sets; the choice on each set, unseen."""
    shapes = [shape for shape in SHAPES if not plan.quick or shape[0] <= 10_000]
    generated = {f"{n:,} x {d}": costs.rows_like_real(n, d, seed=7) for n, d in shapes}
    known = {name: datasets.load(name, plan.row_limit).X for name in datasets.files()}
    for title, tables in {"other shapes of the same kind of rows": generated, "the labelled sets": known}.items():
        predictions(title, tables, report)
    if known:
        choices(report)


def predictions(title: str, tables: dict[str, Any], report: Report) -> None:
    """Predicted over measured, for each detector."""
    import pynomaly

    table = report.table(
        f"Selection: predicted over measured times, {title}", "Detector", "Shapes", "Fit: median (range)",
        "Score: median (range)", "One row: median (range)", "Within a factor 2",
    )  # fmt: skip
    speed = pynomaly.machine_speed()
    table.notes.append(f"this machine's speed as measured: {speed:.2f}")
    ratios: dict[str, list[list[float]]] = {}
    for name, X in tables.items():
        for one in pynomaly.select_detector(*X.shape):
            if not one.measured or one.fit_seconds + one.score_seconds > LONGEST:
                continue
            cost = costs.cost(one.detector, X)
            ratios.setdefault(one.detector, []).append(
                [one.fit_seconds / cost.fit, one.score_seconds / cost.score,
                 one.score_row_seconds / cost.one_row]
            )  # fmt: skip
        progress(f"selection: {name}")
    report.raw[f"selection {title}"] = ratios
    inside = []
    for detector, found in sorted(ratios.items()):
        values = np.array(found)
        good = np.abs(np.log2(values)) <= np.log2(TWICE)
        inside += [good]
        cells = [
            f"{np.median(column):.2f} ({column.min():.2f} - {column.max():.2f})" for column in values.T
        ]
        table.add(detector, str(len(found)), *cells, f"{good.mean():.0%}")
    if inside:
        whole = np.concatenate(inside)
        fits, scores, rows = whole.mean(0)
        table.add("all", str(len(whole)), f"{fits:.0%}", f"{scores:.0%}", f"{rows:.0%}", f"{whole.mean():.0%}")
        report.check(f"times predicted within a factor 2, {title}", ">= 90 %", f"{whole.mean():.0%}", bool(whole.mean() >= 0.9))  # fmt: skip


def choices(report: Report) -> None:
    """On each set, the choice by what the other sets say, against every detector taken always."""
    import pynomaly
    from selection_table import SERIES, measure_quality

    sets = {name: datasets.load(name, QUALITY_ROWS) for name in datasets.files()}
    names = [
        one.detector for one in pynomaly.select_detector(1000, 10)
        if one.measured and one.detector not in SERIES
    ]  # fmt: skip
    quality = {name: measure_quality(name, sets) for name in names}
    auc = {name: np.array([quality[name][title][0] for title in sets]) for name in names}
    precision = {name: np.array([quality[name][title][1] for title in sets]) for name in names}
    best = np.max([auc[name] for name in names], axis=0)
    best_precision = np.max([precision[name] for name in names], axis=0)

    chosen: dict[str, list[str]] = {"ours, of the other sets": [], "the guide's": []}
    for place, data in enumerate(sets.values()):
        costs_of = {one.detector: one for one in pynomaly.select_detector(*data.X.shape)}

        def worth(name: str, place: int = place, costs_of: Any = costs_of) -> float:
            others = np.arange(len(sets)) != place
            one = costs_of[name]
            seconds = one.fit_seconds + one.score_seconds
            tens = max(0.0, float(np.log10(seconds)))
            return float(auc[name][others].mean() + precision[name][others].mean()) / 2 - 0.02 * tens

        first = max((n for n in names if costs_of[n].fits), key=worth)
        guide = pynomaly.select_detector(*data.X.shape, policy="guide")[0].detector
        if costs_of[guide].fits and worth(first) - worth(guide) <= ERROR:
            first = guide
        chosen["ours, of the other sets"].append(first)
        chosen["the guide's"].append(guide)
    for name in names:
        chosen[f"always {name}"] = [name] * len(sets)
    table = report.table(
        f"Selection: the choice on {len(sets)} labelled sets (at most {QUALITY_ROWS:,} rows)",
        "Choice", "ROC-AUC", "Regret", "Average precision", "Regret",
    )  # fmt: skip
    found = []
    for title, picks in chosen.items():
        a = np.array([auc[name][i] for i, name in enumerate(picks)])
        p = np.array([precision[name][i] for i, name in enumerate(picks)])
        found.append((title, a.mean(), (best - a).mean(), p.mean(), (best_precision - p).mean()))
    for title, *numbers in sorted(found, key=lambda row: -(row[1] + row[3])):
        add(table, title, numbers)
    table.notes.append("regret: below the best detector of each set, which nobody knows beforehand")
    table.notes.append("ours leaves the set at hand out of the means that it goes by: " + ", ".join(
        f"{title}: {name}" for title, name in zip(sets, chosen["ours, of the other sets"])))  # fmt: skip


def add(table: Table, title: str, numbers: list[float]) -> None:
    table.add(title, *(f"{number:.4f}" for number in numbers))
