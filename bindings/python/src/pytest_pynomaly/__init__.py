"""A plugin of pytest: `pytest --pynomaly-profile DIR` writes a flame graph of each test into DIR.

A package of its own, so that pytest does not load pynomaly where nobody asked for profiles.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pynomaly import Profiler

LONGEST = 200
"""Bytes of a picture's name: there is room for a number, the suffix, and that of a file that is not whole yet."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pynomaly", "profiles by pynomaly")
    group.addoption(
        "--pynomaly-profile",
        metavar="DIR",
        help="write a flame graph of each test (of each benchmark, where tests use pytest-benchmark's fixture) "
        "into this folder",
    )
    group.addoption(
        "--pynomaly-profile-rate", type=float, default=1000.0, metavar="RATE", help="samples a second (1000)"
    )
    group.addoption(
        "--pynomaly-profile-native", action="store_true", help="native frames too (needs libdw.so.1)"
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--pynomaly-profile")
    if folder:
        # Of the folder in which pytest began: tests may change it, and the workers of pytest-xdist get this option.
        config.option.pynomaly_profile = str(config.invocation_params.dir / folder)
        config.pluginmanager.register(Profiles(config), "pynomaly-profiles")


class Profiles:
    """Samples each test while it is called: not its fixtures."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.folder = Path(config.getoption("--pynomaly-profile"))
        self.options: dict[str, Any] = {
            "rate": config.getoption("--pynomaly-profile-rate"),
            "native": config.getoption("--pynomaly-profile-native"),
        }
        self.written = 0
        self.names: dict[str, str] = {}
        self.taken: set[str] = set()
        self.has_benchmarks = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # With benchmarks among the tests, it is those that are asked for.
        self.has_benchmarks = any(is_benchmark(item) for item in items)
        # All at once, for each worker of pytest-xdist has the same items, but runs some of them.
        for item in items:
            if item.nodeid not in self.names:
                self.names[item.nodeid] = self.free_name(item.nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if self.has_benchmarks and not is_benchmark(item):
            yield
            return
        from pynomaly import Profiler

        profiler = Profiler(**self.options).start()
        try:
            yield
        finally:
            profiler.stop()
            self.write(item.nodeid, profiler)

    def write(self, test: str, profiler: Profiler) -> None:
        name = self.names.pop(test, None) or self.free_name(test)  # Again, where tests are run again.
        self.folder.mkdir(parents=True, exist_ok=True)
        profiler.save(self.folder / f"{name}.svg")
        self.written += 1

    def free_name(self, test: str) -> str:
        """A file's name, which what a test is called is not always, and of which a system takes 255 bytes."""
        base = re.sub(r"[^\w.\-\[\]]+", "_", test.replace("::", "."))
        encoded = base.encode("utf-8", "replace")
        if len(encoded) > LONGEST:
            mark = "-" + hashlib.sha256(test.encode("utf-8", "replace")).hexdigest()[:8]
            base = encoded[: LONGEST - len(mark)].decode("utf-8", "ignore") + mark
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base}-{number}"
        self.taken.add(name)
        return name

    def pytest_sessionfinish(self) -> None:
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["pynomaly_written"] = self.written

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended: what it wrote counts here."""
        self.written += getattr(node, "workeroutput", {}).get("pynomaly_written", 0)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.write_line(f"pynomaly: {self.written} flame graphs in {self.folder}")


def is_benchmark(item: pytest.Item) -> bool:
    return "benchmark" in getattr(item, "fixturenames", ())
