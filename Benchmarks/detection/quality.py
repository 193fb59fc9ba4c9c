"""ROC-AUC against scikit-learn on every labelled set, over spaced seeds."""

from __future__ import annotations

from dataclasses import dataclass

import datasets
import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from plan import Plan
from report import Report, progress
from rivals import OURS, SCIKIT_LEARN, Library

MEAN_MARGIN = 0.003
STANDARD_ERRORS = 2


@dataclass(frozen=True)
class Outcome:
    """What both libraries reached on one set, one value a seed."""

    name: str
    ours: NDArray[np.float64]
    theirs: NDArray[np.float64]
    our_precision: float
    their_precision: float

    @property
    def difference(self) -> float:
        return float(self.ours.mean() - self.theirs.mean())

    @property
    def standard_error(self) -> float:
        """Of the difference of the means; the seeds are independent samples."""
        variances = self.ours.var(ddof=1) / len(self.ours), self.theirs.var(ddof=1) / len(self.theirs)
        return float(np.sqrt(sum(variances)))

    @property
    def is_below(self) -> bool:
        return self.difference < -STANDARD_ERRORS * self.standard_error


def run(plan: Plan, report: Report) -> None:
    """All sets, all seeds."""
    mean_goal = ("mean ROC-AUC over the sets", f">= scikit-learn's - {MEAN_MARGIN}")
    set_goal = ("sets below scikit-learn", f"none by more than {STANDARD_ERRORS} standard errors")
    table = report.table(
        f"Quality: ROC-AUC, mean of {plan.seeds} seeds (0, 1000, 2000, ...)",
        "Data", "Ours", "scikit-learn", "Difference", "Standard error",
        "Average precision", "scikit-learn's",
    )  # fmt: skip
    known = list(datasets.files())
    why = SCIKIT_LEARN.missing() or (None if known else "no data")
    if why:
        for what, target in (mean_goal, set_goal):
            report.not_measured(what, target, why)
        return

    outcomes = []
    for name in known:
        dataset = datasets.load(name)
        if plan.quality_row_limit and len(dataset.X) > plan.quality_row_limit:
            table.notes.append(f"{name} left out of the trial")
            continue
        outcome = measure(dataset, plan)
        outcomes.append(outcome)
        table.add(
            dataset.title,
            f"{outcome.ours.mean():.4f}",
            f"{outcome.theirs.mean():.4f}",
            f"{outcome.difference:+.4f}",
            f"{outcome.standard_error:.4f}" + (" (below)" if outcome.is_below else ""),
            f"{outcome.our_precision:.4f}",
            f"{outcome.their_precision:.4f}",
        )
        progress(f"quality: {name}: {' '.join(table.rows[-1][1:5])}")
    report.raw["quality"] = {
        o.name: {"ours": o.ours.tolist(), "scikit-learn": o.theirs.tolist()} for o in outcomes
    }

    ours = float(np.mean([o.ours.mean() for o in outcomes]))
    theirs = float(np.mean([o.theirs.mean() for o in outcomes]))
    error = float(np.sqrt(sum(o.standard_error**2 for o in outcomes))) / len(outcomes)
    table.add(
        "mean", f"{ours:.4f}", f"{theirs:.4f}", f"{ours - theirs:+.4f}", f"{error:.4f}",
        f"{np.mean([o.our_precision for o in outcomes]):.4f}",
        f"{np.mean([o.their_precision for o in outcomes]):.4f}",
    )  # fmt: skip
    report.check(
        *mean_goal,
        f"{ours:.4f}, scikit-learn {theirs:.4f} (difference {ours - theirs:+.4f}, standard error"
        f" {error:.4f})",
        ours >= theirs - MEAN_MARGIN,
    )
    below = [f"{o.name} ({o.difference / o.standard_error:+.1f})" for o in outcomes if o.is_below]
    report.check(*set_goal, ", ".join(below) or "none", not below)


def measure(dataset: Dataset, plan: Plan) -> Outcome:
    """Fit and score all rows with each seed, and see how well outliers come first."""
    ours, our_precision = _ranked(OURS, dataset, plan.seeds)
    theirs, their_precision = _ranked(SCIKIT_LEARN, dataset, plan.seeds)
    return Outcome(dataset.name, ours, theirs, our_precision, their_precision)


def _ranked(library: Library, dataset: Dataset, seeds: int) -> tuple[NDArray[np.float64], float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    areas, precisions = [], []
    for i in range(seeds):
        scores = library.anomaly(library.fit(dataset.X, 1000 * i), dataset.X)
        areas.append(roc_auc_score(dataset.y, scores))
        precisions.append(average_precision_score(dataset.y, scores))
    return np.array(areas), float(np.mean(precisions))
