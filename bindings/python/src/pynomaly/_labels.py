"""Names for what a thread does, shown in profiles of this process."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from types import FrameType, TracebackType
from typing import Any, Callable, TypeVar

from . import _library

# Microseconds: the interpreter's lock is kept.
_push = _library.library_keeping_lock["pyn_profiler_push_label"]
_pop = _library.library_keeping_lock["pyn_profiler_pop_label"]
for _function, _name in ((_push, "pyn_profiler_push_label"), (_pop, "pyn_profiler_pop_label")):
    _function.restype, _function.argtypes = _library._FUNCTIONS[_name]

_STACKS = contextlib.__file__

_Function = TypeVar("_Function", bound=Callable[..., Any])


class label:
    """A name for what is done inside, shown as a frame in profiles of this process.

    ::

        with pynomaly.label("load the day's rows"):
            rows = load()

        @pynomaly.label("nightly training")
        def train(): ...

    It stands around what the function that enters it calls, while that function runs; with an ExitStack, around what
    the function calls that gave it to the stack. So it works in coroutines and generators: the label shows while
    what it is around runs. One that goes on in another thread than the one in which it entered the label leaves the
    label behind. A function that is decorated may be any, also a coroutine or a generator. A label can be used again,
    and by several threads and tasks at once.

    It costs about a microsecond, whether anything is recorded or not. Of labels inside labels the outer 16 of a
    thread are shown, and of a name the first 63 bytes.
    """

    __slots__ = ("_encoded", "_entered", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._encoded = _library.encode(name)
        # By the frame that entered it, for threads and tasks have their own: its token, and what it entered before.
        self._entered: dict[int, Any] = {}

    def __enter__(self) -> label:
        # It is around whatever the function with the `with` calls.
        frame = sys._getframe(1)
        if frame.f_code.co_filename == _STACKS:
            frame = _around(frame)
        key = id(frame)
        self._entered[key] = (_push(self._encoded, key), self._entered.get(key))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        frame = sys._getframe(1)
        if frame.f_code.co_filename == _STACKS:
            frame = _around(frame)
        key = id(frame)
        if key not in self._entered:
            key = self._key_of_another()
        token, earlier = self._entered.pop(key)
        if earlier is not None:
            self._entered[key] = earlier
        if token:
            _pop(token)

    def _key_of_another(self) -> int:
        """Where a function ends the ExitStack of another: what this thread entered last, or else anybody."""
        entered = [(key, tokens[0]) for key, tokens in list(self._entered.items())]
        if not entered:
            raise RuntimeError(f"the label {self.name!r} was not entered")
        probe = _push(b"", 0)
        if probe:
            _pop(probe)
        # The upper half of a token is the thread's.
        mine = [key for key, token in entered if token >> 32 == probe >> 32]
        return mine[-1] if mine else entered[-1][0]

    def __call__(self, function: _Function) -> _Function:
        """The function, with the label around each of its calls."""
        name = self.name
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wait(*arguments: Any, **named: Any) -> Any:
                with label(name):
                    return await function(*arguments, **named)

            return wait  # type: ignore[return-value]

        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def pass_on(*arguments: Any, **named: Any) -> Any:
                with label(name):
                    inner = function(*arguments, **named)
                    try:
                        step = inner.__anext__()
                        while True:
                            try:
                                value = await step
                            except StopAsyncIteration:
                                return
                            try:
                                sent = yield value
                            except GeneratorExit:
                                raise
                            except BaseException as failure:  # noqa: BLE001 - it is the inner one's
                                step = inner.athrow(failure)
                            else:
                                step = inner.asend(sent)
                    finally:
                        await inner.aclose()

            return pass_on  # type: ignore[return-value]

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def walk(*arguments: Any, **named: Any) -> Any:
                with label(name):
                    return (yield from function(*arguments, **named))

            return walk  # type: ignore[return-value]

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            with label(name):
                return function(*arguments, **named)

        return call  # type: ignore[return-value]


def _around(frame: FrameType) -> FrameType:
    """Who has the `with`, and not an ExitStack that does it for him."""
    while frame.f_code.co_filename == _STACKS and frame.f_back is not None:
        frame = frame.f_back
    return frame
