"""Where a process spends its time: stacks, Python and native, sampled and drawn."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from _thread import start_new_thread
from ctypes import byref, c_int32, c_void_p
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, overload

from . import _library
from ._errors import ArgumentError, call
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
    blocked: int
    """Of this process: stacks that were not taken, of threads that block the signal."""
    interrupted: int
    """Of this process: system calls that returned EINTR because of it."""
    threads: int
    """There at the last moment."""
    active: int
    """Threads that ran or could, added up over the moments."""
    locked: int
    """Moments at which a thread that was sampled held the interpreter's lock."""


def collected(function: Callable[[Any], None]) -> bytes:
    """What the library hands to a write callback."""
    parts: list[bytes] = []

    def take(data: int, size: int, _: Any) -> int:
        parts.append(ctypes.string_at(data, size))
        return 0

    function(_library.WriteCallback(take))
    return b"".join(parts)


_running: weakref.WeakSet[Recorder] = weakref.WeakSet()
_leaving: set[int] = set()
"""Recordings that nobody holds any more, which come to their end."""
os.register_at_fork(after_in_child=_leaving.clear)


@atexit.register
def _end_all() -> None:
    """Nobody may call into an interpreter that is no more."""
    for recorder in list(_running):
        recorder.stop()
    while _leaving:
        time.sleep(0.001)


def _leave(handle: c_void_p, callback: Any) -> None:
    """Free a recording; its callback may be called until then."""
    library.pyn_profiler_free(handle)
    _leaving.discard(handle.value or 0)


def _before_exec(event: str, _: Any) -> None:
    """A signal that was sent to this program would end the next one, which does not handle it."""
    if event == "os.exec":
        for recorder in list(_running):
            recorder.stop()
            recorder.wait(1)  # On the thread that gets the slices stop() does not.


_is_watched = False


def _watch_exec() -> None:
    global _is_watched
    if not _is_watched:
        _is_watched = True
        sys.addaudithook(_before_exec)


class Recorder:
    """A recording, as the library has it. pid 0 is this process."""

    def __init__(self, pid: int, options: Mapping[str, Any], on_slice: Callable[[bytes], Any] | None = None) -> None:
        self._handle = c_void_p()
        self._callback: Any = None
        self._is_ended = False
        # Not of self: the callback must not keep it alive.
        failures = self.failures = list[BaseException]()
        slice_threads = self._slice_threads = set[int]()
        settings = _library.ProfilerOptions(**options)
        if on_slice is not None:

            def hand(data: int, size: int, _: Any) -> int:
                slice_threads.add(threading.get_ident())
                try:
                    on_slice(ctypes.string_at(data, size))
                except BaseException as failure:  # noqa: BLE001 - it is raised by stop()
                    failures.append(failure)
                    return 1
                return 0

            self._callback = settings.slice_write = _library.WriteCallback(hand)
        if pid in (0, os.getpid()):
            _watch_exec()
        call(library.pyn_profiler_start, pid, byref(settings), byref(self._handle))
        _running.add(self)

    def __del__(self) -> None:
        if not getattr(self, "_handle", None):
            return
        if self._callback is not None and not self._is_ended:
            # This may be the thread that gets the slices, or hold what on_slice waits for: nobody waits here.
            _leaving.add(self._handle.value or 0)
            try:
                start_new_thread(_leave, (self._handle, self._callback))
                return
            except RuntimeError:  # There are no more threads, or the interpreter ends and has stopped it.
                _leaving.discard(self._handle.value or 0)
        library.pyn_profiler_free(self._handle)

    def wait(self, seconds: float) -> bool:
        """In slices, so that Ctrl-C comes through."""
        running = c_int32()
        end = time.monotonic() + seconds
        while True:
            # What is no time at all, the library refuses.
            left = min(max(end - time.monotonic(), 0.0), 0.1) if seconds >= 0 else seconds
            call(library.pyn_profiler_wait, self._handle, left, byref(running))
            if not running.value or left < 0.1:
                return bool(running.value)

    def stop(self) -> None:
        call(library.pyn_profiler_stop, self._handle)
        # The thread that gets the slices has only asked for an end.
        if threading.get_ident() not in self._slice_threads:
            self._is_ended = True
            _running.discard(self)

    def pause(self) -> None:
        call(library.pyn_profiler_pause, self._handle)

    def resume(self) -> None:
        call(library.pyn_profiler_resume, self._handle)

    def statistics(self) -> dict[str, int]:
        found = _library.ProfilerStatistics()
        call(library.pyn_profiler_get_statistics, self._handle, byref(found))
        return {field[0]: getattr(found, field[0]) for field in found._fields_[1:]}

    def content(self, form: str) -> bytes:
        return collected(lambda write: call(library.pyn_profiler_write, self._handle, FORMATS[form], write, None))

    def take_slice(self, form: str) -> bytes:
        return collected(
            lambda write: call(library.pyn_profiler_take_slice, self._handle, FORMATS[form], write, None)
        )

    def write_file(self, form: str, path: str) -> None:
        call(library.pyn_profiler_write_file, self._handle, FORMATS[form], os.fsencode(path))


def stacks_of(raw: bytes) -> dict[tuple[str, ...], int]:
    """Folded stacks, taken apart; those with the same text become one."""
    found: dict[tuple[str, ...], int] = {}
    # Names may hold what splitlines() takes for the end of a line.
    for line in raw.decode("utf-8", "replace").split("\n"):
        if line:
            stack, _, count = line.rpartition(" ")
            frames = tuple(stack.split(";"))
            found[frames] = found.get(frames, 0) + int(count)
    return found


class Profiler:
    """Samples the stacks of a process: Python (CPython 3.8 to 3.15) and native.

    ::

        with pynomaly.Profiler(rate=1000) as profiler:
            work()
        profiler.save("flame.svg")

    This process is sampled from inside: threads that run are asked by a signal, and answer within microseconds;
    threads that wait are left alone. Several profilers may run at once. A child that is forked meanwhile is not
    sampled. `os.exec` ends it first, for the program that comes does not know the signal. Names for parts of a
    program: `label`.

    Parameters
    ----------
    pid : int, optional
        The process; by default this one.
    rate : float, default 100
        Samples a second, 0.1 to 10000.
    duration : float, default 0
        Seconds; 0 for until `stop`, or the end of the process.
    native : bool
        Native frames (C, C++, Rust, Swift) too; needs libdw.so.1. Threads of another process are stopped for about
        60 microseconds a sample.
    idle, gil : bool
        Threads that wait, too (of this process, without native frames); only threads that hold the interpreter's
        lock.
    threads : bool
        A frame for each thread under its stacks.
    function, nolineno : bool
        Count functions and not their lines; leave out lines.
    subprocesses : bool
        Children too, each with a frame of its own.
    nonblocking : bool
        Never stop the process: a stack that changed while it was read is dropped, and counted as torn.
    slice : float, default 0
        Seconds, 0.01 and more: so often, and at the end, `on_slice` is called with what was counted since the last
        time, so that a program can be profiled without end.
    slice_format : str, default "pprof"
        What it gets; one of the formats of `content`.
    on_slice : callable
        Gets the bytes of a slice, on a thread of the library's. When it raises, the recording ends, and `stop` raises
        that.
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
        slice: float = 0.0,
        slice_format: str = "pprof",
        on_slice: Callable[[bytes], Any] | None = None,
    ) -> None:
        if (slice != 0) != (on_slice is not None):
            raise ArgumentError("slice (seconds) and on_slice (what is called then) go together")
        if slice != 0:
            _known(slice_format)
        self._pid = pid
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
        if slice != 0:
            self._options |= {"slice": float(slice), "slice_format": FORMATS[slice_format]}
        self._on_slice = on_slice
        self._recording: Recorder | None = None
        self._is_stopped = False

    @property
    def pid(self) -> int:
        """The process; without one given, that which asks."""
        return os.getpid() if self._pid is None else self._pid

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
        self._recording = Recorder(self._pid or 0, self._options, self._on_slice)
        return self

    def stop(self) -> Profiler:
        """End the recording, and wait until it has ended."""
        recording = self._started()
        recording.stop()
        self._is_stopped = True
        if recording.failures:
            raise recording.failures.pop()
        return self

    def pause(self) -> Profiler:
        """Take no samples until `resume`; at most one more comes. The time between does not count."""
        self._started().pause()
        return self

    def resume(self) -> Profiler:
        """Take samples again."""
        self._started().resume()
        return self

    def wait(self, seconds: float = 0.0) -> bool:
        """Wait at most so long for the recording to end by itself; whether it still runs."""
        return self._started().wait(seconds)

    @property
    def statistics(self) -> ProfilerStatistics:
        """How the sampling went, so far."""
        return ProfilerStatistics(**self._started().statistics())

    @property
    def summary(self) -> str:
        """The statistics in a sentence, and why it ended."""
        return self._content("summary").decode("utf-8", "replace")

    def stacks(self) -> dict[tuple[str, ...], int]:
        """The stacks, outermost frame first, and the samples of each."""
        return stacks_of(self._content("raw"))

    def take_slice(self, format: str = "raw") -> bytes:
        """What was counted since it began or since the last slice, also while it runs; the next slice begins
        empty."""
        return self._started().take_slice(_known(format))

    def flamegraph(self) -> FlameGraph:
        """The interactive picture; a notebook shows it."""
        return FlameGraph(self._content("flamegraph").decode("utf-8", "replace"))

    def content(self, format: str = "flamegraph") -> bytes:
        """The recording as "flamegraph" (SVG), "speedscope", "raw" (folded stacks), "pprof" or
        "chrometrace"."""
        return self._content(_known(format))

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
        self._ended().write_file(_known(format), name)

    def __enter__(self) -> Profiler:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _started(self) -> Recorder:
        if self._recording is None:
            raise ArgumentError("this profiler has not been started")
        return self._recording

    def _ended(self) -> Recorder:
        recording = self._started()
        if not self._is_stopped:
            if recording.wait(0.0):
                raise ArgumentError("the recording has not ended: stop it first")
            self.stop()
        return recording

    def _content(self, form: str) -> bytes:
        return self._ended().content(form)


def _known(form: str) -> str:
    if form not in FORMATS:
        raise ArgumentError(f"format is {form!r}; allowed are {', '.join(sorted(FORMATS))}")
    return form


@overload
def dump(
    pid: int,
    *,
    native: bool = False,
    nonblocking: bool = False,
    locals: bool = False,
    format: Literal["text"] = "text",
) -> str: ...


@overload
def dump(
    pid: int,
    *,
    native: bool = False,
    nonblocking: bool = False,
    locals: bool = False,
    format: Literal["json"],
) -> dict[str, Any]: ...


def dump(
    pid: int,
    *,
    native: bool = False,
    nonblocking: bool = False,
    locals: bool = False,
    format: str = "text",
) -> str | dict[str, Any]:
    """The stacks of all threads of another process at one moment, Python and (with `native`) native frames.

    Parameters
    ----------
    pid : int
        The process. It is stopped meanwhile, for about a millisecond a ten threads.
    nonblocking : bool
        Do not stop it: stacks may be of two moments at once.
    locals : bool
        The local variables of Python frames too.
    format : {"text", "json"}
        Text for people, innermost frames first; or what is in it as a dictionary.

    Raises
    ------
    NoProcessError, NotPermittedError, NotSupportedError
        The process cannot be looked into; the message says why and what helps.
    """
    if format not in ("text", "json"):
        raise ArgumentError(f"format is {format!r}; allowed are 'text' and 'json'")
    options = _library.DumpOptions(
        format=1 if format == "text" else 2,
        native=int(native),
        nonblocking=int(nonblocking),
        locals=int(locals),
    )
    found = collected(lambda write: call(library.pyn_profiler_dump, pid, byref(options), write, None))
    text = found.decode("utf-8", "replace")
    return text if format == "text" else dict(json.loads(text))


class FlameGraph:
    """A picture that can be zoomed and searched: an SVG. A notebook shows it inside a frame of its own, so that its
    script runs; where scripts do not, as a picture."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def __str__(self) -> str:
        return self.svg

    def _repr_svg_(self) -> str:
        return self.svg[self.svg.index("<svg") :]

    def _repr_html_(self) -> str:
        from html import escape

        return (
            f'<iframe sandbox="allow-scripts allow-modals" width="100%" height="600" style="border:0" '
            f'srcdoc="{escape(self._repr_svg_())}"></iframe>'
        )
