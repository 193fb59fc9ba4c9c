"""python -m pynomaly record: samples a process, or a program that it starts."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from ._errors import Error, NotSupportedError
from ._profiler import Recorder

DEFAULTS = {
    "flamegraph": "profile.svg",
    "speedscope": "profile.json",
    "raw": "profile.txt",
    "pprof": "profile.pb",
    "chrometrace": "profile.json",
}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pynomaly", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser(
        "record", help="sample the stacks of a program and draw where its time goes"
    )
    record.add_argument("-p", "--pid", type=int, help="the process to sample")
    record.add_argument("-o", "--output", metavar="FILE", help="where the recording goes")
    record.add_argument("-f", "--format", choices=list(DEFAULTS), default="flamegraph")
    record.add_argument("-r", "--rate", type=float, default=100.0, help="samples a second")
    record.add_argument("-d", "--duration", type=float, default=0.0, help="seconds; without it to the end")
    record.add_argument("-n", "--native", action="store_true", help="native frames too")
    record.add_argument("-s", "--subprocesses", action="store_true", help="children too")
    record.add_argument("-g", "--gil", action="store_true", help="only threads that hold the lock")
    record.add_argument("-i", "--idle", action="store_true", help="threads that wait, too")
    record.add_argument("-t", "--threads", action="store_true", help="a frame for each thread")
    record.add_argument("-F", "--function", action="store_true", help="count functions, not lines")
    record.add_argument("--nolineno", action="store_true", help="leave out lines")
    record.add_argument("--nonblocking", action="store_true", help="never stop the process")
    record.add_argument("program", nargs="*", metavar="-- program", help="a program to run and sample")
    return parser


def record(options: argparse.Namespace) -> None:
    child = None
    if options.pid is None:
        child = subprocess.Popen(options.program)
    settings: dict[str, float] = {
        name: int(getattr(options, name))
        for name in ("native", "idle", "gil", "threads", "function", "nolineno", "subprocesses", "nonblocking")
    }
    settings |= {"rate": options.rate, "duration": options.duration}
    try:
        recorder = begin(options.pid, child, settings)
        try:
            while recorder.wait(0.1):
                pass
        except KeyboardInterrupt:
            pass
        recorder.stop()
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
    path = options.output or DEFAULTS[options.format]
    content = recorder.content(options.format)
    if path == "-":
        sys.stdout.buffer.write(content)
    else:
        with open(path, "wb") as file:
            file.write(content)
    print(f"pynomaly: {recorder.content('summary').decode('utf-8', 'replace')}", file=sys.stderr)


def begin(pid: int | None, child: subprocess.Popen[bytes] | None, settings: dict[str, float]) -> Recorder:
    if child is None:
        assert pid is not None
        return Recorder(pid, settings)
    # A program that has just begun may not have become an interpreter yet.
    deadline = time.monotonic() + 2
    while True:
        try:
            return Recorder(child.pid, settings)
        except NotSupportedError:
            if child.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def main() -> None:
    parser = arguments()
    options = parser.parse_args()
    if (options.pid is None) == (not options.program):
        parser.error("give a process (--pid) or a program (behind --), one of the two")
    try:
        record(options)
    except (Error, OSError) as error:
        parser.exit(1, f"pynomaly: {error}\n")


if __name__ == "__main__":
    main()
