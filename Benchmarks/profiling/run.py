"""What sampling costs the program that is sampled, beside py-spy; and how long a dump takes, beside eu-stack.

    python Benchmarks/profiling/run.py [--rounds 7] [--units 200] [--threads 1 16] [--json FILE]

In each round every sampler runs once, in random order, on a fresh run of the same program with the same work
(target.py), with a bare run before each. The slow-down is the median over the rounds of the ratio of the two
times; processor time of the target is compared likewise, which other load on the machine disturbs less.
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
PYNOMALY = os.environ.get("PYNOMALY_CLI", str(HERE.parents[1] / ".build/release/pynomaly-cli"))
PY_SPY = shutil.which("py-spy", path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])


def samplers():
    for rate in (100, 1000):
        for native in ([], ["--native"]):
            name = f"{rate} Hz{' native' if native else ''}"
            yield f"pynomaly {name}", rate, [PYNOMALY, "record", "--rate", str(rate), "-f", "raw", *native]
            if PY_SPY:
                yield f"py-spy {name}", rate, [PY_SPY, "record", "--rate", str(rate), "-f", "raw", *native]


def run_target(units, threads, sampler=None):
    """Wall and processor seconds of the work; the sampler's processor seconds and samples."""
    one = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    target = subprocess.Popen(
        [sys.executable, HERE / "target.py", str(units), str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one,
    )
    assert target.stdout.readline() == "ready\n"
    process = None
    with tempfile.NamedTemporaryFile(suffix=".txt") as output:
        if sampler:
            process = subprocess.Popen(
                [*sampler, "--duration", "3600", "-o", output.name, "--pid", str(target.pid)],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )
            time.sleep(1.2)  # py-spy takes a while to attach, with native frames above all
        print("go", file=target.stdin, flush=True)
        wall, cpu = map(float, target.stdout.readline().split())
        samples = own = 0.0
        said = ""
        if process:
            process.send_signal(2)
            said = process.stderr.read()
            _, _, usage = os.wait4(process.pid, 0)
            own = usage.ru_utime + usage.ru_stime
            for line in open(output.name, errors="replace"):
                stack, count = line.rsplit(" ", 1)
                samples += int(count) if "work (" in stack else 0
    target.stdin.close()
    target.stdout.close()
    target.wait()
    return {"wall": wall, "cpu": cpu, "own": own, "samples": samples, "said": said}


def record(options, threads):
    every = list(samplers())
    seen = {name: [] for name, _, _ in every}
    for _ in range(options.rounds):
        random.shuffle(every)
        for name, rate, command in every:
            bare = run_target(options.units, threads)
            one = run_target(options.units, threads, command)
            seen[name].append(
                {
                    "wall": one["wall"] / bare["wall"],
                    "cpu": one["cpu"] / bare["cpu"],
                    "own": one["own"] / one["wall"],
                    "share": one["samples"] / (rate * one["wall"]) if threads == 1 else None,
                    "said": one["said"],
                }
            )
    print(f"\n{threads} thread{'s' * (threads > 1)}, {options.rounds} rounds, medians:\n")
    print("| | time of the target | its processor time | own processor | samples of those asked for |")
    print("|---|---|---|---|---|")
    for name in sorted(seen, key=lambda name: (name.split(" ", 1)[1], name)):
        middle = {
            key: statistics.median(one[key] for one in seen[name]) if seen[name][0][key] is not None else None
            for key in ("wall", "cpu", "own", "share")
        }
        share = "" if middle["share"] is None else f"{100 * middle['share']:.1f} %"
        print(
            f"| {name} | {middle['wall']:.3f} | {middle['cpu']:.3f} | {100 * middle['own']:.1f} % | {share} |",
            flush=True,
        )
    return seen


def dump(rounds):
    """A process of 21 threads that wait, looked at by each, in turn."""
    program = (
        "import threading, time\n"
        "for _ in range(20): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        "print('ready', flush=True)\nwhile True: pass\n"
    )
    target = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    target.stdout.readline()
    pid = str(target.pid)
    tools = {"pynomaly dump --native": [PYNOMALY, "dump", "--native", "--pid", pid]}
    if PY_SPY:
        tools["py-spy dump --native"] = [PY_SPY, "dump", "--native", "--pid", pid]
    if shutil.which("eu-stack"):
        tools["eu-stack"] = ["eu-stack", "-p", pid]
    times = {name: [] for name in tools}
    pauses = []
    for _ in range(rounds):
        for name, command in tools.items():
            begin = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - begin)
        text = subprocess.run([*tools["pynomaly dump --native"], "--json"], capture_output=True, text=True).stdout
        pauses.append(json.loads(text)["pause_ns"] / 1e6)
    target.kill()
    target.wait()
    print("\nDump of 21 threads, ms: median (fastest)\n\n| | |\n|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {1e3 * statistics.median(seconds):.1f} ({1e3 * min(seconds):.1f}) |")
    print(f"| of which the target stood still for pynomaly | {statistics.median(pauses):.1f} ({min(pauses):.1f}) |")
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--json")
    options = parser.parse_args()
    if not PY_SPY:
        print("py-spy is not here (pip install py-spy): pynomaly alone")
    result = {"dump": dump(3 * options.rounds)}
    for threads in options.threads:
        result[threads] = record(options, threads)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
