"""How long single things take: a dump, and the way to the first sample."""

import json
import statistics
import subprocess
import sys
import tempfile
import time

from samplers import EU_STACK, PY_SPY, PYNOMALY

WAITING = (
    "import threading, time\n"
    "for _ in range(20): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    "print('ready', flush=True)\nwhile True: pass\n"
)


def dump(rounds):
    """A process of 21 threads, looked at by each tool in turn, with the start of the tool."""
    target = start(WAITING)
    pid = str(target.pid)
    tools = {"pynomaly dump --native": [PYNOMALY, "dump", "--native", "--pid", pid]}
    if PY_SPY:
        tools["py-spy dump --native"] = [PY_SPY, "dump", "--native", "--pid", pid]
    if EU_STACK:
        tools["eu-stack"] = [EU_STACK, "-p", pid]
    times = {name: [] for name in tools}
    pauses = []
    for _ in range(rounds):
        for name, command in tools.items():
            times[name].append(seconds(command))
        text = subprocess.run([*tools["pynomaly dump --native"], "--json"], capture_output=True, text=True).stdout
        pauses.append(json.loads(text)["pause_ns"] / 1e6)
    end(target)
    show("Dump of 21 threads", times)
    print(f"| of which the target stood still for pynomaly | {statistics.median(pauses):.1f} ({min(pauses):.1f}) |")
    return times


def attach(rounds):
    """From the start of the tool to its end after one sample: more than the way to the first sample."""
    target = start(WAITING)
    times = {}
    with tempfile.NamedTemporaryFile() as output:
        for _ in range(rounds):
            for mode in ([], ["--native"]):
                command = [PYNOMALY, "record", "--rate", "1000", "--duration", "0.001", "-f", "raw", *mode]
                times.setdefault(f"pynomaly record {' '.join(mode)}", []).append(
                    seconds([*command, "-o", output.name, "--pid", str(target.pid)])
                )
    end(target)
    show("Start, attach to 21 threads, one sample, end", times)
    return times


def start(program):
    target = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    target.stdout.readline()
    return target


def end(target):
    target.kill()
    target.wait()


def seconds(command):
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def show(title, times):
    print(f"\n{title}, ms: median (fastest)\n\n| | |\n|---|---|")
    for name, values in times.items():
        print(f"| {name} | {1e3 * statistics.median(values):.1f} ({1e3 * min(values):.1f}) |", flush=True)
