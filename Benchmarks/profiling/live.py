"""What `top` takes for itself, in a terminal; and how long a dump with variables takes."""

import fcntl
import os
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time

from moments import end, seconds, show, start
from samplers import PROGRAMS, PY_SPY, PYNOMALY

# A chain of calls, each with a few variables, 40 deep in each of 20 threads.
VARIABLES = (
    "import threading, time\n"
    "def chain(n, text='some text', values=(1, 2.5, None)):\n"
    "    items, named = list(range(100)), {'a': n, 'b': [n]}\n"
    "    return chain(n - 1) if n else time.sleep(1000)\n"
    "for _ in range(20): threading.Thread(target=chain, args=(40,), daemon=True).start()\n"
    "time.sleep(0.3)\nprint('ready', flush=True)\nwhile True: pass\n"
)


def variables(rounds):
    target = start(VARIABLES)
    tools = {
        f"{name} dump{option}": [tool, "dump", "--pid", str(target.pid), *option.split()]
        for name, tool in (("pynomaly", PYNOMALY), ("py-spy", PY_SPY))
        if tool
        for option in ("", " --locals")
    }
    times = {name: [] for name in tools}
    for _ in range(rounds):
        for name, command in tools.items():
            times[name].append(seconds(command))
    end(target)
    show("Dump of 21 threads, 20 of them 41 calls deep with 5 variables each", times)
    return times


def top(rounds, length=5.0):
    """Processor time of `top` in a terminal of 100 by 30, in percent of a processor."""
    target = subprocess.Popen(
        [sys.executable, PROGRAMS / "shares.py", "1000000"], stdout=subprocess.PIPE, text=True
    )
    target.stdout.readline()
    shares = {}
    for _ in range(rounds):
        for name, tool in (("pynomaly", PYNOMALY), ("py-spy", PY_SPY)):
            for rate in (100, 1000):
                if tool:
                    command = [tool, "top", "--rate", str(rate), "--pid", str(target.pid)]
                    shares.setdefault(f"{name} top, {rate} Hz", []).append(in_terminal(command, length))
    end(target)
    print("\nProcessor time of top itself, %: median (least)\n\n| | |\n|---|---|")
    for name, values in shares.items():
        print(f"| {name} | {statistics.median(values):.1f} ({min(values):.1f}) |", flush=True)
    return shares


def in_terminal(command, length):
    def adopt():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    master, slave = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=adopt, env={**os.environ, "TERM": "xterm"}
    )
    os.close(slave)
    begin = time.monotonic()
    ended = is_told = False
    while not ended:
        if select.select([master], [], [], 0.1)[0]:
            try:
                os.read(master, 1 << 16)
            except OSError:  # nobody has it open any more
                time.sleep(0.01)
        if not is_told and time.monotonic() > begin + length:
            process.send_signal(signal.SIGINT)
            is_told = True
        ended, _, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = 0
    os.close(master)
    return 100 * (usage.ru_utime + usage.ru_stime) / (time.monotonic() - begin)
