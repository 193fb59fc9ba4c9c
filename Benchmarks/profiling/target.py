"""A fixed amount of work, Python and numpy, by so many threads. Says "ready", waits for a line, works, and
says how long that took."""

import sys
import threading
import time

import numpy as np

UNITS, THREADS = int(sys.argv[1]), int(sys.argv[2])
matrix = np.random.default_rng(0).normal(size=(120, 120))


def python_part(depth):
    if depth:
        return python_part(depth - 1)
    total = 0
    for i in range(2000):
        total += i * i
    return total


def numpy_part():
    return np.sort((matrix @ matrix).ravel())[0]


def work(units):
    for _ in range(units):
        python_part(20)
        numpy_part()


threads = [threading.Thread(target=work, args=(UNITS // THREADS,)) for _ in range(THREADS)]
print("ready", flush=True)
sys.stdin.readline()
begin, cpu = time.perf_counter(), time.process_time()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(time.perf_counter() - begin, time.process_time() - cpu, flush=True)
sys.stdin.readline()
