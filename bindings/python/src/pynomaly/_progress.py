"""Long calls: progress bars, and stopping at Ctrl-C.

The library calls back now and then on the thread that made the call, and stops when told to. The
callback is the `send` method of a generator that waits inside a `try` block. A plain function would
not do: Python raises KeyboardInterrupt (or whatever a signal handler raises) as soon as it enters a
function, before the function's own `try`, and ctypes drops exceptions that leave a callback.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from ._library import ProgressCallback

if TYPE_CHECKING:
    from typing_extensions import Self

Progress = Union[bool, Callable[[float, str], object], None]
"""None or False: say nothing. True: a progress bar. A function: called with the fraction done
(0 to 1) and the name of the step; it stops the call by returning True or by raising."""


class Listener:
    """Hears the progress of one call. Use as a context around the call."""

    def __init__(self, stage: str, progress: Progress) -> None:
        self._bar = _make_bar(stage) if progress is True else None
        report = self._bar if progress is True else progress or None
        self.failure: BaseException | None = None
        listening = self._listen(report, stage)
        next(listening)
        self._callback = ProgressCallback(listening.send)
        self.pointer = ctypes.cast(self._callback, ctypes.c_void_p).value

    def _listen(
        self, report: Callable[[float, str], object] | None, stage: str
    ) -> Generator[int, float, None]:
        try:
            fraction = yield 0
            while report is None or not report(fraction, stage):
                fraction = yield 0
        except GeneratorExit:
            raise
        except BaseException as failure:  # noqa: BLE001 - it is raised when the call returns
            self.failure = failure
        while True:
            yield 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self._callback  # it refers to the generator, and the generator to us
        if self._bar is not None:
            self._bar.close(done=failure is None and self.failure is None)


def _make_bar(stage: str) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _TextBar(stage)
    return _TqdmBar(tqdm, stage)


class _TqdmBar:
    def __init__(self, tqdm: Any, stage: str) -> None:
        self._bar = tqdm(
            total=100,
            desc=stage,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
        )

    def __call__(self, fraction: float, stage: str = "") -> None:
        self._bar.update(100 * fraction - self._bar.n)

    def close(self, done: bool) -> None:
        if done:
            self(1.0)
        self._bar.close()


class _TextBar:
    WIDTH = 30

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._start = time.monotonic()
        self(0.0)

    def __call__(self, fraction: float, stage: str = "") -> None:
        done = int(self.WIDTH * fraction)
        bar = "#" * done + "-" * (self.WIDTH - done)
        seconds = time.monotonic() - self._start
        sys.stderr.write(f"\r{self._stage}: {100 * fraction:3.0f}%|{bar}| {seconds:.1f} s")
        sys.stderr.flush()

    def close(self, done: bool) -> None:
        if done:
            self(1.0)
        sys.stderr.write("\n")
