"""What sampling from inside costs the program that samples itself.

    python Benchmarks/profiling/inside.py [--windows 40] [--rate 1000] [--json FILE]

Windows of the same work, with and without a recording, in random order in one process: a Python program with a part
in numpy, and a C program (inside.c, compiled here). Compared are the time of the thread that works and the time on
the wall, by their medians and by the fastest tenth: other load on the machine disturbs the former less, the latter
least. Needs PYNOMALY_LIBRARY or an installed package.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "bindings/python/src"))
os.environ.setdefault("PYNOMALY_LIBRARY", str(ROOT / ".build/release/libpynomaly.so"))


def python_windows(windows, rate, native):
    import numpy as np
    import pynomaly

    matrix = np.random.default_rng(0).normal(size=(120, 120))

    def python_part(depth):
        if depth:
            return python_part(depth - 1)
        total = 0
        for i in range(2000):
            total += i * i
        return total

    def work():
        for _ in range(100):
            python_part(20)
            np.sort((matrix @ matrix).ravel())

    work()
    order = [True, False] * windows
    random.shuffle(order)
    found = {True: [], False: []}
    for sampled in order:
        profiler = pynomaly.Profiler(rate=rate, native=native).start() if sampled else None
        wall, own = time.perf_counter(), time.thread_time()
        work()
        found[sampled].append((time.perf_counter() - wall, time.thread_time() - own))
        if profiler:
            profiler.stop()
            last = profiler.statistics
    return found, last


def c_windows(windows, rate):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.environ["PYNOMALY_LIBRARY"], pathlib.Path(folder, "libpynomaly.so.1"))
        program = pathlib.Path(folder, "inside")
        subprocess.run(
            ["gcc", "-O2", f"-I{ROOT / 'include'}", HERE / "inside.c", "-o", program,
             str(pathlib.Path(folder, "libpynomaly.so.1")), f"-Wl,-rpath,{folder}"],
            check=True,
        )
        text = subprocess.run(
            [program, str(windows), str(rate)], capture_output=True, text=True, check=True
        ).stdout
    found = {True: [], False: []}
    for line in text.splitlines():
        sampled, wall, own = line.split()
        found[sampled == "1"].append((float(wall), float(own)))
    return found


def ratios(found):
    def of(index, choose):
        return choose([pair[index] for pair in found[True]]) / choose([pair[index] for pair in found[False]])

    def fastest(values):
        return statistics.mean(sorted(values)[: max(1, len(values) // 10)])

    return {
        "own median": of(1, statistics.median), "own fastest": of(1, fastest),
        "wall median": of(0, statistics.median), "wall fastest": of(0, fastest),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--json")
    options = parser.parse_args()
    results = {}
    for native in (False, True):
        found, last = python_windows(options.windows, options.rate, native)
        name = f"Python and numpy{', native' if native else ''}"
        results[name] = ratios(found)
        print(f"{name}: {last.taken} of {last.due} samples, {1e-3 * last.pause_ns / max(last.stops, 1):.1f} us a handler,"
              f" sampler's own {100 * last.own_ns / last.duration_ns:.1f} %")
    results["C, native"] = ratios(c_windows(options.windows, options.rate))
    print(f"\n{options.rate:g} Hz, with / without, {options.windows} windows each\n")
    print("| | time of the thread, median | fastest tenth | wall, median | fastest tenth |\n|---|---|---|---|---|")
    for name, found in results.items():
        print(f"| {name} | " + " | ".join(f"{found[key]:.4f}" for key in found) + " |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
