"""Spends three times as long in `three` as in `one`, or as many seconds in all as the first argument says."""

import sys
import time


def inner(n):
    for i in range(n):
        last = i & 7  # costs the same for every i
    return last


def one():
    return inner(1000)


def three():
    return inner(3000)


print("ready", flush=True)
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    three()
    one()
