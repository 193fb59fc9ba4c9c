"""Samples the process that started it, until that closes our standard input. Started by `Profiler`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from ._errors import Error
from ._profiler import FORMATS, Recorder


def send(kind: str, content: bytes) -> None:
    sys.stdout.buffer.write(b"%s %d\n" % (kind.encode(), len(content)) + content)
    sys.stdout.buffer.flush()


def main(pid: int, words: list[str]) -> None:
    # Ctrl-C is for the one that is sampled; it ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options: dict[str, Any] = {}
    for word in words:
        name, value = word.split("=")
        options[name] = float(value) if name in ("rate", "duration") else int(value)
    try:
        recorder = Recorder(pid, options)
    except Error as error:
        from ._errors import _BY_STATUS

        status = next((n for n, kind in _BY_STATUS.items() if kind is type(error)), 15)
        send("error", f"{status} {error}".encode())
        return
    send("started", b"")
    while os.read(0, 1 << 10):
        pass
    recorder.stop()
    send("statistics", " ".join(f"{name}={n}" for name, n in recorder.statistics().items()).encode())
    for form in FORMATS:
        send(form, recorder.content(form))
    send("end", b"")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), sys.argv[2:])
    except BrokenPipeError:
        os._exit(1)
