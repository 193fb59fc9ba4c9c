"""Names for what a thread does, shown in profiles of this process."""

from __future__ import annotations

import functools
import inspect
import sys
from types import TracebackType
from typing import Any, Callable, TypeVar

from . import _library

# Microseconds: the interpreter's lock is kept.
_push = _library.library_keeping_lock["pyn_profiler_push_label"]
_pop = _library.library_keeping_lock["pyn_profiler_pop_label"]
for _function, _name in ((_push, "pyn_profiler_push_label"), (_pop, "pyn_profiler_pop_label")):
    _function.restype, _function.argtypes = _library._FUNCTIONS[_name]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class label:
    """A name for what is done inside, shown as a frame in profiles of this process.

    ::

        with pynomaly.label("load the day's rows"):
            rows = load()

        @pynomaly.label("nightly training")
        def train(): ...

    Works in coroutines and generators too: the label shows while what it is around runs. It costs about a
    microsecond, whether anything is recorded or not. Of labels inside labels the outer 16 of a thread are shown,
    and of a name the first 63 bytes.
    """

    __slots__ = ("_encoded", "_tokens", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._encoded = _library.encode(name)
        self._tokens: list[int] = []

    def __enter__(self) -> label:
        # It is around whatever the function with the `with` calls.
        self._tokens.append(_push(self._encoded, id(sys._getframe(1))))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _pop(self._tokens.pop())

    def __call__(self, function: _Function) -> _Function:
        """The function, with the label around each of its calls."""
        name = self.name
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wait(*arguments: Any, **named: Any) -> Any:
                with label(name):
                    return await function(*arguments, **named)

            return wait  # type: ignore[return-value]

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            with label(name):
                return function(*arguments, **named)

        return call  # type: ignore[return-value]
