"""python -m pynomaly record, top and dump: looks into a process, or a program that it starts."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ._errors import Error, NotSupportedError
from ._profiler import Recorder, stacks_of
from ._profiler import dump as find_dump

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
    record.add_argument("-o", "--output", metavar="FILE", help="where the recording goes")
    record.add_argument("-f", "--format", choices=list(DEFAULTS), default="flamegraph")
    add_sampling(record)
    top = commands.add_parser("top", help="show where a program spends its time now, again and again")
    top.add_argument("--interval", type=float, default=1.0, metavar="SECONDS", help="between two looks")
    top.add_argument("--limit", type=int, default=20, metavar="N", help="functions to show")
    add_sampling(top)
    dump = commands.add_parser("dump", help="write the stacks of a process as they are now")
    dump.add_argument("-p", "--pid", type=int, required=True, help="the process")
    dump.add_argument("-n", "--native", action="store_true", help="native frames too")
    dump.add_argument("-j", "--json", action="store_true", help="as JSON")
    dump.add_argument("-l", "--locals", action="store_true", help="local variables too")
    dump.add_argument("--nonblocking", action="store_true", help="do not stop the process")
    return parser


def add_sampling(command: argparse.ArgumentParser) -> None:
    """What to sample, and how: for commands that do so."""
    command.add_argument("-p", "--pid", type=int, help="the process to sample")
    command.add_argument("-r", "--rate", type=float, default=100.0, help="samples a second")
    command.add_argument("-d", "--duration", type=float, default=0.0, help="seconds; without it to the end")
    command.add_argument("-n", "--native", action="store_true", help="native frames too")
    command.add_argument("-s", "--subprocesses", action="store_true", help="children too")
    command.add_argument("-g", "--gil", action="store_true", help="only threads that hold the lock")
    command.add_argument("-i", "--idle", action="store_true", help="threads that wait, too")
    command.add_argument("-t", "--threads", action="store_true", help="a frame for each thread")
    command.add_argument("-F", "--function", action="store_true", help="count functions, not lines")
    command.add_argument("--nolineno", action="store_true", help="leave out lines")
    command.add_argument("--nonblocking", action="store_true", help="never stop the process")
    command.add_argument("program", nargs="*", metavar="-- program", help="a program to run and sample")


@contextmanager
def sampled(options: argparse.Namespace) -> Iterator[Recorder]:
    """The recording that the options ask for, of a process or of a program that runs as long as this."""
    child = None
    if options.pid is None:
        child = subprocess.Popen(options.program)
    settings: dict[str, float] = {
        name: int(getattr(options, name))
        for name in ("native", "idle", "gil", "threads", "function", "nolineno", "subprocesses", "nonblocking")
    }
    settings |= {"rate": options.rate, "duration": options.duration}
    recorder = None
    try:
        recorder = begin(options.pid, child, settings)
        yield recorder
    finally:
        # First, for while it runs news of its stops may be taken for the child's end.
        if recorder is not None:
            recorder.stop()
        if child is not None:
            end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and when it does not want to, do not ask."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def record(options: argparse.Namespace) -> None:
    with sampled(options) as recorder:
        try:
            while recorder.wait(0.1):
                pass
        except KeyboardInterrupt:
            pass
        recorder.stop()
    path = options.output or DEFAULTS[options.format]
    if path == "-":
        sys.stdout.buffer.write(recorder.content(options.format))
    else:
        recorder.write_file(options.format, path)
    print(f"pynomaly: {recorder.content('summary').decode('utf-8', 'replace')}", file=sys.stderr)


def top(options: argparse.Namespace) -> None:
    """The functions in which the samples of the last interval were, and those of all of them."""
    whole: Counter[str] = Counter()
    with sampled(options) as recorder:
        runs = True
        try:
            while runs:
                runs = recorder.wait(options.interval)
                summary, stacks = recorder.statistics(), stacks_of(recorder.take_slice("raw"))
                show(options, summary, stacks, whole)
        except KeyboardInterrupt:
            pass


def show(
    options: argparse.Namespace,
    statistics: dict[str, int],
    stacks: dict[tuple[str, ...], int],
    whole: Counter[str],
) -> None:
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack, count in stacks.items():
        own[stack[-1]] += count
        for frame in set(stack):
            within[frame] += count
    whole.update(own)
    now, ever = max(sum(own.values()), 1), max(sum(whole.values()), 1)
    if sys.stdout.isatty():
        print("\x1b[H\x1b[2J", end="")
    print(f"{statistics['taken']} samples, {sum(own.values())} stacks just now; Ctrl-C ends")
    print("   own  within  since start  function")
    for name in sorted(within, key=lambda name: (-own[name], -within[name], name))[: options.limit]:
        print(f"{own[name] / now:6.1%} {within[name] / now:7.1%} {whole[name] / ever:12.1%}  {name}")
    sys.stdout.flush()


def dump(options: argparse.Namespace) -> None:
    how = {"native": options.native, "nonblocking": options.nonblocking, "locals": options.locals}
    if options.json:
        print(json.dumps(find_dump(options.pid, format="json", **how), indent=1))
    else:
        print(find_dump(options.pid, **how), end="")


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
    if options.command != "dump" and (options.pid is None) == (not options.program):
        parser.error("give a process (--pid) or a program (behind --), one of the two")
    try:
        {"record": record, "top": top, "dump": dump}[options.command](options)
    except (Error, OSError) as error:
        parser.exit(1, f"pynomaly: {error}\n")


if __name__ == "__main__":
    main()
