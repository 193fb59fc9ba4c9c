"""A fixed amount of work, in Python and in numpy."""

import numpy as np

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
