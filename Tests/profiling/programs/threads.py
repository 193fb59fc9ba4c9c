"""One thread computes, one waits; with "child" a child process computes too."""

import subprocess
import sys
import threading
import time


def compute():
    while True:
        sum(range(1000))


def wait():
    time.sleep(1000)


if "child" in sys.argv:
    subprocess.Popen([sys.executable, "-c", "def in_child():\n  while True: sum(range(1000))\nin_child()"])
threading.Thread(target=wait, daemon=True).start()
print("ready", flush=True)
compute()
