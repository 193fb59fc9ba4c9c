"""What sampling costs the program that is sampled."""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from samplers import HERE, samplers


def run(rounds, units, threads):
    """In each round every sampler once, in random order, on a fresh run of the same work, a bare run before each."""
    every = list(samplers())
    seen = {sampler: [] for sampler in every}
    for _ in range(rounds):
        random.shuffle(every)
        for sampler in every:
            bare = run_target(units, threads)
            one = run_target(units, threads, sampler)
            seen[sampler].append(
                {
                    "wall": one["wall"] / bare["wall"],
                    "cpu": one["cpu"] / bare["cpu"],
                    "own": one["own"] / one["wall"],
                    "share": one["samples"] / (sampler.rate * one["wall"]) if threads == 1 else None,
                    "said": one["said"],
                }
            )
    print(f"\n{threads} thread{'s' * (threads > 1)}, {rounds} rounds, medians (range of the first):\n")
    print("| | time of the target | its processor time | own processor | samples of those asked for |")
    print("|---|---|---|---|---|")
    for sampler in sorted(seen, key=lambda s: (s.rate, s.mode, s.name != "pynomaly", s.name)):
        rows = seen[sampler]
        wall, cpu, own = (statistics.median(row[key] for row in rows) for key in ("wall", "cpu", "own"))
        share = f"{100 * statistics.median(row['share'] for row in rows):.1f} %" if threads == 1 else ""
        walls = [row["wall"] for row in rows]
        print(
            f"| {sampler.name}, {sampler.rate} Hz, {sampler.mode} | {wall:.3f} ({min(walls):.3f} - {max(walls):.3f})"
            f" | {cpu:.3f} | {100 * own:.1f} % | {share} |",
            flush=True,
        )
    return {f"{s.name} {s.rate} {s.mode}": rows for s, rows in seen.items()}


def run_target(units, threads, sampler=None):
    """Wall and processor seconds of the work; the sampler's processor seconds and samples."""
    one = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    target = subprocess.Popen(
        [sys.executable, HERE / "target.py", str(units), str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one,
    )  # fmt: skip
    assert target.stdout.readline() == "ready\n"
    own, samples, said = 0.0, 0, ""
    with tempfile.NamedTemporaryFile(suffix=".txt") as output:
        if sampler:
            process = subprocess.Popen(
                sampler.of(target.pid, output.name), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            time.sleep(1.2)  # py-spy takes a while to attach, with native frames above all
        print("go", file=target.stdin, flush=True)
        wall, cpu = map(float, target.stdout.readline().split())
        if sampler:
            process.send_signal(2)
            said = process.stderr.read()
            _, _, usage = os.wait4(process.pid, 0)
            own = usage.ru_utime + usage.ru_stime
            samples = sum(count for frames, count in sampler.stacks(output.name) if "work" in frames)
    target.stdin.close()
    target.stdout.close()
    target.wait()
    return {"wall": wall, "cpu": cpu, "own": own, "samples": samples, "said": said}
