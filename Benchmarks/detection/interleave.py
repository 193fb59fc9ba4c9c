"""Times contestants against each other in one session.

A round runs a window of every contestant, in an order drawn anew. What slows the machine for a while
slows all contestants of the round, so the ratio of two windows of the same round says more than the
ratio of two times. A window repeats its call until it has lasted long enough for the clock.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from plan import Plan


@dataclass(frozen=True)
class Window:
    """One measurement."""

    seconds: float  # a call
    calls: int
    processors: float  # processor time by wall time: below 1, the machine was busy with others


class Contestant:
    """A call to time.

    `step(i)` makes the call for the i-th time; i counts on over all windows, so that seeds differ. A
    step may make several calls, for calls so short that a loop around them would count.
    """

    def __init__(self, name: str, step: Callable[[int], object], calls: int = 1) -> None:
        self.name = name
        self._step = step
        self._calls = calls
        self._count = 0
        self._group = 1  # steps between two looks at the clock

    def warm_up(self, shortest: float) -> float:
        """Make the call until it is warm; the seconds that a window will take."""
        first = self._run(1)
        if first >= shortest:
            return first
        once = self._run(1)
        while self._group * once < shortest / 8:
            self._group *= 2
            once = self._run(self._group) / self._group
        return max(shortest, self._group * once)

    def window(self, shortest: float) -> Window:
        """Call until the time is over."""
        gc.collect()
        groups, elapsed = 0, 0.0
        processor_start, start = time.process_time(), time.perf_counter()
        while elapsed < shortest:
            for _ in range(self._group):
                self._step(self._count)
                self._count += 1
            groups += 1
            elapsed = time.perf_counter() - start
        processor = time.process_time() - processor_start
        calls = groups * self._group * self._calls
        return Window(elapsed / calls, calls, processor / elapsed)

    def _run(self, steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            self._step(self._count)
            self._count += 1
        return time.perf_counter() - start


@dataclass(frozen=True)
class Ratio:
    """How many times as long one contestant takes as another."""

    pairs: list[float]  # round by round
    minima: float  # of the shortest windows

    @property
    def median(self) -> float:
        return statistics.median(self.pairs)

    @property
    def lowest(self) -> float:
        return min(self.pairs)

    @property
    def highest(self) -> float:
        return max(self.pairs)


@dataclass
class Comparison:
    """The windows of all contestants, round by round, and who failed how."""

    windows: dict[str, list[Window]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> list[float]:
        return [window.seconds for window in self.windows[name]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds(name))

    def ratio(self, slow: str, fast: str) -> Ratio:
        """Above 1 where `fast` is faster."""
        numerators, denominators = self.seconds(slow), self.seconds(fast)
        return Ratio(
            [a / b for a, b in zip(numerators, denominators)], min(numerators) / min(denominators)
        )

    def share(self, name: str) -> float:
        """Processor time by wall time, median: the threads at work, less on a busy machine."""
        return statistics.median(window.processors for window in self.windows[name])

    def as_dict(self) -> dict[str, object]:
        """All windows, for the JSON file."""
        return {
            "seconds": {name: self.seconds(name) for name in self.windows},
            "calls": {name: [w.calls for w in windows] for name, windows in self.windows.items()},
            "processors": {
                name: [w.processors for w in windows] for name, windows in self.windows.items()
            },
            "failures": self.failures,
        }


def alternate(contestants: Sequence[Contestant], plan: Plan, seed: int = 0) -> Comparison:
    """Run the contestants against each other. One that fails drops out, the rest goes on."""
    result = Comparison()
    running: list[Contestant] = []
    round_seconds = 0.0
    for contestant in contestants:
        try:
            round_seconds += contestant.warm_up(plan.window)
            running.append(contestant)
        except Exception as error:
            result.failures[contestant.name] = _said(error)
    rounds = plan.rounds(round_seconds)
    result.windows = {contestant.name: [] for contestant in running}
    draw = random.Random(seed)
    for _ in range(rounds):
        draw.shuffle(running)
        for contestant in list(running):
            try:
                result.windows[contestant.name].append(contestant.window(plan.window))
            except Exception as error:
                running.remove(contestant)
                del result.windows[contestant.name]
                result.failures[contestant.name] = _said(error)
    return result


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
