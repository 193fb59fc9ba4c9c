"""Processes that sample themselves, with every CPython that is here, through the C interface alone."""

import os
import pathlib
import re
import subprocess

import pytest
from conftest import INTERPRETERS, PROGRAMS, ROOT
from test_record import WHOLE, chains, functions

PYTHON = INTERPRETERS[sorted(INTERPRETERS)[-1]]
LIBRARY = os.path.abspath(
    os.environ.get("PYNOMALY_LIBRARY", pathlib.Path(ROOT, ".build/release/libpynomaly.so"))
)


def inside(python, scenario, seconds, **options):
    """The stacks with their counts, the statistics, and all it wrote."""
    words = [f"{name}={value}" for name, value in options.items()]
    result = subprocess.run(
        [python, PROGRAMS / "inside.py", LIBRARY, scenario, str(seconds), *words],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    raw, said = result.stdout.rsplit("\n--\n", 1)
    stacks = []
    for line in raw.splitlines():
        if ";" in line or "(" in line:
            stack, count = line.rsplit(" ", 1)
            stacks.append((stack.split(";"), int(count)))
    found = {name: int(value) for name, value in (word.split("=") for word in said.splitlines()[-1].split())}
    assert found["taken"] + found["skipped"] + found["torn"] + found["failed"] == found["due"]
    assert sum(count for _, count in stacks) == found["stacks"]
    return stacks, found, result.stdout


@pytest.mark.parametrize("native", [0, 1], ids=["python", "native"])
def test_no_stack_that_did_not_exist(python, native):
    stacks, found, _ = inside(python, "flip", 1.5, rate=3000, native=native)
    assert found["stacks"] > 300
    wrong = [(chain, count) for chain, count in chains(stacks, "main") if chain and chain not in WHOLE]
    assert not wrong
    assert {"a3", "b3"} <= {name for stack, _ in stacks for name in functions(stack)}


@pytest.mark.parametrize("native", [0, 1], ids=["python", "native"])
def test_code_that_comes_and_goes_keeps_its_names(native):
    stacks, found, _ = inside(PYTHON, "codes", 2, rate=2000, native=native)
    pairs = 0
    for stack, count in stacks:
        numbers = {number for name in functions(stack) for number in re.findall(r"(?:outer|inner)_(\d+)", name)}
        assert len(numbers) <= 1, stack
        pairs += count if any("inner_" in name for name in stack) else 0
    assert pairs > 100


@pytest.mark.parametrize("native", [0, 1], ids=["python", "native"])
def test_recursion_is_whole(python, native):
    stacks, found, _ = inside(python, "deep", 1, rate=100, native=native)
    depths = [functions(stack).count("down") for stack, _ in stacks]
    assert max(depths) == 5001


def test_stacks_too_deep_are_cut_and_said_to_be(python):
    stacks, found, said = inside(python, "abyss", 1, rate=100)
    depths = [functions(stack).count("down") for stack, _ in stacks]
    assert max(depths) > 16000
    assert found["incomplete"] > 0
    assert "too deep to be copied whole" in said and "no unwinding information" not in said


def test_a_thread_that_wakes_spoils_no_moment():
    stacks, found, _ = inside(PYTHON, "naps", 2, rate=50, idle=1)
    assert found["taken"] > found["torn"] >= 0
    assert found["stacks"] > 60 * found["taken"]


def test_threads(python):
    def count(stacks, name):
        return sum(number for stack, number in stacks if name in functions(stack))

    busy, found, _ = inside(python, "threads", 0.7, rate=300)
    # It begins and ends, and that takes a moment.
    assert count(busy, "flip") > 60 > count(busy, "sleeper")
    idle, _, _ = inside(python, "threads", 0.7, rate=300, idle=1)
    assert count(idle, "flip") > 50 and count(idle, "sleeper") > 100
    gil, found, _ = inside(python, "threads", 0.7, rate=300, idle=1, gil=1)
    assert count(gil, "flip") > 60 > count(gil, "sleeper")
    assert 60 < found["locked"] <= found["due"]


def test_waits_are_not_cut_short(python):
    _, found, said = inside(python, "sleeps", 1.5, rate=3000, native=1)
    early, count = map(int, re.search(r"early (\d+) of (\d+)", said).groups())
    assert count > 100 and early == found["interrupted"]
