"""What sampling from inside costs the program that samples itself.

    python Benchmarks/profiling/inside.py [--windows 100] [--rate 1000] [--json FILE]

Pairs of windows of the same work, one while a recording goes on and one while it is paused, in random order in one
process: a Python program with a part in numpy, and a C program (inside.c, compiled here). Of each pair the ratio is
taken, of the time of the thread that works and of the time on the wall: other load on the machine disturbs the former
less.
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
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ.setdefault("PYNOMALY_LIBRARY", str(ROOT / ".build/release/libpynomaly.so"))


def python_windows(windows, rate, native):
    import pynomaly
    from work import work  # numpy, once the environment says how

    found = []
    with pynomaly.Profiler(rate=rate, native=native) as profiler:
        work(20)
        for _ in range(windows):
            pair = {}
            for sampled in random.sample([True, False], 2):
                profiler.resume() if sampled else profiler.pause()
                time.sleep(0.003)
                wall, own = time.perf_counter(), time.thread_time()
                work(20)
                pair[sampled] = time.perf_counter() - wall, time.thread_time() - own
            found.append((pair[True], pair[False]))
    return found, profiler.statistics


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
    values = [list(map(float, line.split())) for line in text.splitlines()]
    return [((wall, own), (bare_wall, bare_own)) for wall, own, bare_wall, bare_own in values]


def ratios(found):
    result = {}
    for index, name in ((1, "own"), (0, "wall")):
        each = sorted(sampled[index] / bare[index] for sampled, bare in found)
        result[f"{name} median"] = statistics.median(each)
        # Twice the standard error of a median, by the order of the values.
        half = round(len(each) ** 0.5)
        middle = len(each) // 2
        result[f"{name} between"] = each[max(middle - half, 0)], each[min(middle + half, len(each) - 1)]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=100)
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
    print(f"\n{options.rate:g} Hz, with / without, medians of {options.windows} pairs (95 % between)\n")
    print("| | time of the thread | wall |\n|---|---|---|")
    for name, found in results.items():
        words = (
            f"{found[f'{key} median']:.4f} ({found[f'{key} between'][0]:.4f} to {found[f'{key} between'][1]:.4f})"
            for key in ("own", "wall")
        )
        print(f"| {name} | {' | '.join(words)} |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
