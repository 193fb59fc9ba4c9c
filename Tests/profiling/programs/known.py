"""Threads whose stacks are known, line by line."""
import threading
import time


def sleep_at(depth):
    if depth:
        return sleep_at(depth - 1)
    time.sleep(1000)


class Worker:
    def method(self, values):
        return sorted(values, key=lambda value: spin())


def generator():
    yield from (Worker().method([1]) for _ in range(1))


def spin():
    print("ready", flush=True)
    while True:
        for _ in range(100):
            pass


for depth in range(3):
    threading.Thread(target=sleep_at, args=(depth,), name=f"depth {depth}", daemon=True).start()
time.sleep(0.05)
list(map(lambda _: list(generator()), [1]))
