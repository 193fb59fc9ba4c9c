"""How much is measured: the full run, whose figures count, or a quick trial of the suite itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Numbers of windows, seeds and rows."""

    quick: bool = False
    short_rounds: int = 15  # rounds of a comparison whose round takes less than `long_round`
    long_rounds: int = 7
    long_round: float = 3.0  # seconds
    longest_rounds: int = 3  # where a round takes `longest_round` at least
    longest_round: float = 20.0
    window: float = 0.020  # seconds that a window lasts at least
    seeds: int = 20
    generated_rows: int = 1_000_000
    row_limit: int | None = None  # larger sets are cut to a random sample of so many rows
    quality_row_limit: int | None = None  # larger sets are left out of the quality part
    compiled_sets: tuple[str, ...] = ("http", "shuttle", "mnist", "cardio", "generated")
    library_starts: int = 40

    def rounds(self, seconds: float) -> int:
        """Of a comparison whose round takes so long."""
        if seconds < self.long_round:
            return self.short_rounds
        return self.long_rounds if seconds < self.longest_round else min(self.long_rounds, self.longest_rounds)


FULL = Plan()

QUICK = Plan(
    quick=True,
    short_rounds=5,
    long_rounds=3,
    seeds=4,
    generated_rows=100_000,
    row_limit=100_000,
    quality_row_limit=12_000,
    compiled_sets=("cardio",),
    library_starts=10,
)
