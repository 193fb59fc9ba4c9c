"""What comes out: tables, targets with what was measured, raw numbers for the JSON file."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from interleave import Ratio


@dataclass(frozen=True)
class Check:
    """A target and what was measured."""

    what: str
    target: str
    measured: str
    met: bool | None  # None: not measured

    @property
    def verdict(self) -> str:
        return {True: "yes", False: "NO", None: "not measured"}[self.met]


@dataclass
class Table:
    """Rows of text under a title, notes below."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(list(cells))


@dataclass
class Report:
    """Everything that a run found."""

    about: dict[str, Any]
    checks: list[Check] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def check(self, what: str, target: str, measured: str, met: bool | None) -> None:
        self.checks.append(Check(what, target, measured, None if met is None else bool(met)))
        progress(f"{what}: {measured} (target {target}: {self.checks[-1].verdict})")

    def not_measured(self, what: str, target: str, why: str) -> None:
        self.check(what, target, why, None)

    def at_least(self, what: str, factor: float, ratio: Ratio) -> None:
        """The median of the pairs counts."""
        self.check(what, f">= {factor:g} x", times(ratio), ratio.median >= factor)

    def table(self, title: str, *columns: str) -> Table:
        self.tables.append(Table(title, list(columns)))
        return self.tables[-1]

    def summary(self) -> Table:
        """All targets."""
        table = Table("Targets", ["What", "Target", "Measured", "Met"])
        for check in self.checks:
            table.add(check.what, check.target, check.measured, check.verdict)
        return table

    def as_dict(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "checks": [asdict(check) for check in self.checks],
            "tables": [asdict(table) for table in self.tables],
            "raw": self.raw,
        }

    def text(self) -> str:
        """For a terminal."""
        parts = ["\n".join(f"{key}: {_flat(value)}" for key, value in self.about.items())]
        parts += [_plain(table) for table in [*self.tables, self.summary()] if table.rows]
        return "\n\n".join(parts) + "\n"

    def markdown(self) -> str:
        """For a file: the targets first."""
        parts = ["# Detection benchmarks"]
        parts.append("\n".join(f"- {key}: {_flat(value)}" for key, value in self.about.items()))
        parts += [_markdown(table) for table in [self.summary(), *self.tables] if table.rows]
        return "\n\n".join(parts) + "\n"


def progress(message: str) -> None:
    """Tell the person who waits."""
    print(message, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds / 1e-6)} µs"


def times(ratio: Ratio) -> str:
    """The median of the pairs, in brackets the lowest and the highest."""
    return f"{_digits(ratio.median)} x ({_digits(ratio.lowest)} - {_digits(ratio.highest)})"


def factor(value: float) -> str:
    return f"{_digits(value)} x"


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return str(value)


def _plain(table: Table) -> str:
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    text = [table.title, "-" * len(table.title)]
    text += ["  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([*text, *(f"  * {note}" for note in table.notes)])


def _markdown(table: Table) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    text = [f"## {table.title}", "", line(table.columns), line(["---"] * len(table.columns))]
    text += [line(row) for row in table.rows]
    if table.notes:
        text += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(text)
