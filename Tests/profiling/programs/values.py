"""Local variables of known values, in functions of all kinds."""

import collections
import enum
import sys
import threading
import time


class Color(enum.IntEnum):
    RED = 2


class Word(str):
    pass


class Thing:
    def __init__(self):
        self.inside = 1


Point = collections.namedtuple("Point", "x y")
shared = Thing().__dict__


def kinds(first, second=2.5, /, *args, only=True, **more):
    zero = 0
    negative = -17
    long = 2**100 + 1
    low = -(10**27)
    huge = 1 << 5000
    yes, no, nothing = True, False, None
    small, exponent, infinite = 0.1, 1e-300, float("-inf")
    text, quoted, unicode, wide = "plain", "it's\n\\\x1b", "żółw €", "\U0001f40d!"
    long_text = "a" * 3000
    word = Word("sub")
    raw = b"\x00ab'\xff\n"
    empty = ([], (), {}, "", b"", set())
    items = list(range(100))
    nested = [[[[["deep"]]]], (1,), {"k": [None]}]
    mapping = {"a": 1, 2: "b", (3, 4): None}
    removed = {n: n for n in range(50)}
    for n in range(45):
        del removed[n]
    split = shared
    thing = Thing()
    color = Color.RED
    point = Point(1, 2.0)
    ordered = collections.OrderedDict(z=1)
    numbers = {1, 2, 3}
    loop = []
    loop.append(loop)
    unset = 1
    del unset
    captured = "outer"

    def inner(argument, also=1):
        own = captured + str(first)
        print("ready", flush=True)
        return wait(own, argument)

    return inner(captured)


def wait(*parts):
    squares = [part for part in (1, 2, 3)]
    yielded = list(generate(5))
    return yielded


def generate(limit):
    produced = 0
    time.sleep(1000)
    yield limit


def deep(n):
    if n:
        return deep(n - 1)
    time.sleep(1000)


sys.setrecursionlimit(20000)
threading.stack_size(256 << 20)
threading.Thread(target=deep, args=(6000,), daemon=True, name="deep").start()
time.sleep(0.3)
kinds("one", 2.5, 3, "four", only=False, key="value")
