"""Where a process spends its time: stacks, Python and native, sampled and drawn."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from ctypes import byref, c_int32, c_void_p
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from . import _library
from ._errors import ArgumentError, Error, call
from ._library import library

FORMATS = {"flamegraph": 1, "speedscope": 2, "raw": 3, "summary": 4, "pprof": 5, "chrometrace": 6}
SUFFIXES = {".svg": "flamegraph", ".json": "speedscope", ".txt": "raw", ".folded": "raw", ".pb": "pprof"}


@dataclass(frozen=True)
class ProfilerStatistics:
    """How the sampling went. A moment is a time at which a sample was due."""

    due: int
    """Moments in all: those taken, skipped, torn and failed."""
    taken: int
    late: int
    """Of those taken, more than a tenth of the interval late."""
    skipped: int
    """Had passed before the sampler came to them."""
    torn: int
    """Dropped, because stacks changed while they were read."""
    failed: int
    """A thread could not be read or stopped."""
    stacks: int
    """Stacks counted."""
    stops: int
    """Times that threads were stopped."""
    pause_ns: int
    """How long, in all."""
    own_ns: int
    """Processor time of the sampler."""
    duration_ns: int
    incomplete: int
    """Of the stacks, native ones that end where there is no unwinding information."""


class Recorder:
    """A recording of another process, as the library has it."""

    def __init__(self, pid: int, options: dict[str, Any]) -> None:
        self._handle = c_void_p()
        settings = _library.ProfilerOptions(**options)
        call(library.pyn_profiler_start, pid, byref(settings), byref(self._handle))

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            library.pyn_profiler_free(self._handle)

    def wait(self, seconds: float) -> bool:
        running = c_int32()
        call(library.pyn_profiler_wait, self._handle, seconds, byref(running))
        return bool(running.value)

    def stop(self) -> None:
        call(library.pyn_profiler_stop, self._handle)

    def statistics(self) -> dict[str, int]:
        found = _library.ProfilerStatistics()
        call(library.pyn_profiler_get_statistics, self._handle, byref(found))
        return {field[0]: getattr(found, field[0]) for field in found._fields_[1:]}

    def content(self, form: str) -> bytes:
        parts: list[bytes] = []

        def take(data: int, size: int, _: Any) -> int:
            parts.append(ctypes.string_at(data, size))
            return 0

        write = _library.WriteCallback(take)
        call(library.pyn_profiler_write, self._handle, FORMATS[form], write, None)
        return b"".join(parts)


class _OwnProcess:
    """A recording of this process, which cannot stop itself: another one samples it for us."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._allow_tracing()
        words = [f"{name}={value}" for name, value in options.items()]
        # Where this package is found, the other process finds it too.
        place = str(Path(__file__).parents[1])
        path = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pynomaly._sampler", str(os.getpid()), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._content: dict[str, bytes] = {}
        self._statistics: dict[str, int] = {}
        try:
            kind, content = self._receive()
            if kind == "error":
                status, message = content.decode("utf-8", "replace").split(" ", 1)
                from ._errors import from_status

                error = _library.Error()
                error.message = message.encode()[:511]
                raise from_status(int(status), error)
        except BaseException:
            self._end()
            raise

    def _allow_tracing(self) -> None:
        """Where only a parent may trace (yama's ptrace_scope 1), let our child do it."""
        try:
            ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)
        except (OSError, AttributeError):
            pass

    def _receive(self) -> tuple[str, bytes]:
        assert self._process.stdout is not None
        head = self._process.stdout.readline().split()
        if len(head) != 2:
            raise Error("the process that takes the samples has ended unexpectedly")
        return head[0].decode(), self._process.stdout.read(int(head[1]))

    def _end(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait()

    def wait(self, seconds: float) -> bool:
        return not self._content

    def stop(self) -> None:
        if self._content:
            return
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            while True:
                kind, content = self._receive()
                if kind == "end":
                    break
                if kind == "statistics":
                    self._statistics = {
                        name: int(value)
                        for name, value in (word.split("=") for word in content.decode().split())
                    }
                else:
                    self._content[kind] = content
        finally:
            self._end()

    def statistics(self) -> dict[str, int]:
        if not self._statistics:
            raise ArgumentError("statistics of this process's own recording come when it has been stopped")
        return self._statistics

    def content(self, form: str) -> bytes:
        return self._content[form]


class Profiler:
    """Samples the stacks of a process: Python (CPython 3.8 to 3.15) and native.

    ::

        with pynomaly.Profiler(rate=1000) as profiler:
            work()
        profiler.save("flame.svg")

    Parameters
    ----------
    pid : int, optional
        The process; by default this one, which a process started for that then samples.
    rate : float, default 100
        Samples a second, 0.1 to 10000.
    duration : float, default 0
        Seconds; 0 for until `stop`, or the end of the process.
    native : bool
        Native frames (C, C++, Rust, Swift) too; needs libdw.so.1. Threads are stopped for about 60
        microseconds a sample.
    idle, gil : bool
        Threads that wait, too; only threads that hold the interpreter's lock.
    threads : bool
        A frame for each thread under its stacks.
    function, nolineno : bool
        Count functions and not their lines; leave out lines.
    subprocesses : bool
        Children too, each with a frame of its own.
    nonblocking : bool
        Never stop the process: a stack that changed while it was read is dropped, and counted as torn.
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        rate: float = 100.0,
        duration: float = 0.0,
        native: bool = False,
        idle: bool = False,
        gil: bool = False,
        threads: bool = False,
        function: bool = False,
        nolineno: bool = False,
        subprocesses: bool = False,
        nonblocking: bool = False,
    ) -> None:
        self.pid = os.getpid() if pid is None else pid
        self._options: dict[str, Any] = {
            "rate": float(rate),
            "duration": float(duration),
            "native": int(native),
            "idle": int(idle),
            "gil": int(gil),
            "threads": int(threads),
            "function": int(function),
            "nolineno": int(nolineno),
            "subprocesses": int(subprocesses),
            "nonblocking": int(nonblocking),
        }
        self._recording: Recorder | _OwnProcess | None = None
        self._is_stopped = False

    def start(self) -> Profiler:
        """Begin to sample.

        Raises
        ------
        ArgumentError
            An option is out of range, or it was started before.
        NoProcessError, NotPermittedError, NotSupportedError
            The process cannot be looked into; the message says why and what helps.
        """
        if self._recording is not None:
            raise ArgumentError("this profiler was started before; make another one")
        if self.pid == os.getpid():
            self._recording = _OwnProcess(self._options)
        else:
            self._recording = Recorder(self.pid, self._options)
        return self

    def stop(self) -> Profiler:
        """End the recording, and wait until it has ended."""
        self._started().stop()
        self._is_stopped = True
        return self

    def wait(self, seconds: float = 0.0) -> bool:
        """Wait at most so long for the recording to end by itself; whether it still runs.

        Never waits for a recording of this process.
        """
        return self._started().wait(seconds)

    @property
    def statistics(self) -> ProfilerStatistics:
        """How the sampling went."""
        return ProfilerStatistics(**self._started().statistics())

    @property
    def summary(self) -> str:
        """The statistics in a sentence, and why it ended."""
        return self._content("summary").decode("utf-8", "replace")

    def flamegraph(self) -> FlameGraph:
        """The interactive picture; a notebook shows it."""
        return FlameGraph(self._content("flamegraph").decode("utf-8", "replace"))

    def content(self, format: str = "flamegraph") -> bytes:
        """The recording as "flamegraph" (SVG), "speedscope", "raw" (folded stacks), "pprof" or
        "chrometrace"."""
        if format not in FORMATS:
            raise ArgumentError(f"format is {format!r}; allowed are {', '.join(sorted(FORMATS))}")
        return self._content(format)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the recording to a file. Without `format` the name tells: .svg, .json (speedscope),
        .txt or .folded (raw), .pb (pprof)."""
        name = os.fspath(path)
        if format is None:
            suffix = os.path.splitext(name)[1]
            if suffix not in SUFFIXES:
                raise ArgumentError(
                    f"what to write into {name!r}? It ends in none of {', '.join(SUFFIXES)}; give the format"
                )
            format = SUFFIXES[suffix]
        content = self.content(format)
        with open(name, "wb") as file:
            file.write(content)

    def __enter__(self) -> Profiler:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _started(self) -> Recorder | _OwnProcess:
        if self._recording is None:
            raise ArgumentError("this profiler has not been started")
        return self._recording

    def _content(self, form: str) -> bytes:
        recording = self._started()
        if not self._is_stopped:
            if recording.wait(0.0):
                raise ArgumentError("the recording has not ended: stop it first")
            self.stop()
        return recording.content(form)


class FlameGraph:
    """An SVG. Shown in a notebook inside a frame of its own, so that its script runs."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def __str__(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        from html import escape

        return (
            f'<iframe sandbox="allow-scripts allow-modals" width="100%" height="600" style="border:0" '
            f'srcdoc="{escape(self.svg[self.svg.index("<svg") :])}"></iframe>'
        )
