"""Whether samples are true: stacks that never existed, and shares of known work."""

import collections
import re
import subprocess
import sys
import tempfile
import time

from samplers import PROGRAMS, samplers

WHOLE = {("main", *(letter + str(n) for n in range(1, depth + 1))) for letter in "ab" for depth in range(4)}
RATE = 5000


def record(sampler, program, seconds):
    """The stacks with their counts."""
    target = subprocess.Popen([sys.executable, *program], stdout=subprocess.PIPE, text=True)
    target.stdout.readline()
    with tempfile.NamedTemporaryFile(suffix=".txt") as output:
        process = subprocess.Popen(
            sampler.of(target.pid, output.name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds)
        process.send_signal(2)
        process.wait()
        target.kill()
        target.wait()
        return list(sampler.stacks(output.name))


def wrong(least):
    """A program that flips between two chains of calls at full speed: a stack that mixes them never existed."""
    print(f"\nStacks that never existed, of at least {least:,} of pynomaly's in each mode, {RATE} Hz:\n")
    print("| | stacks | wrong |\n|---|---|---|")
    result = {}
    for sampler in samplers(rates=(RATE,)):
        seen = collections.Counter()
        for _ in range(20):
            for frames, count in record(sampler, [str(PROGRAMS / "flip.py")], min(30, 1.2 * least / RATE + 2)):
                names = tuple(name for name in frames if re.fullmatch("main|[ab][123]", name))
                seen["all"] += count if names else 0
                seen["wrong"] += count if names and names not in WHOLE else 0
            if seen["all"] >= least or sampler.name != "pynomaly":
                break
        result[f"{sampler.name} {sampler.mode}"] = dict(seen)
        share = 100 * seen["wrong"] / max(seen["all"], 1)
        print(
            f"| {sampler.name}, {sampler.mode} | {seen['all']:,} | {seen['wrong']:,} ({share:.2f} %) |", flush=True
        )
    return result


def shares(seconds):
    """A program that works three times as long in one function as in another."""
    print("\nThe share of a function that has 75 % of the work, 1000 Hz:\n\n| | samples | share |\n|---|---|---|")
    result = {}
    for sampler in samplers(rates=(1000,)):
        count = collections.Counter()
        for frames, number in record(sampler, [str(PROGRAMS / "shares.py"), "100000"], seconds):
            for name in ("one", "three"):
                count[name] += number if name in frames else 0
        total = count["one"] + count["three"]
        share = 100 * count["three"] / max(total, 1)
        result[f"{sampler.name} {sampler.mode}"] = [total, share]
        print(f"| {sampler.name}, {sampler.mode} | {total:,} | {share:.2f} % |", flush=True)
    return result


