"""What sampling costs, how long a dump takes, and whether samples are true; beside py-spy, austin and eu-stack.

    python Benchmarks/profiling/run.py [--only PART,...] [--rounds 7] [--units 200] [--threads 1 16] [--json FILE]

README.md says how to read it.
"""

import argparse
import json
import os
import pathlib

import live
import moments
import slowdown
import truth
from samplers import AUSTIN, PY_SPY

PARTS = ("dump", "locals", "attach", "top", "wrong", "shares", "slowdown")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--units", type=int, default=200, help="of the target's work")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 16], help="of the target")
    parser.add_argument("--stacks", type=int, default=100_000, help="of the part wrong")
    parser.add_argument("--json")
    options = parser.parse_args()
    unknown = set(options.only) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for name, found in (("py-spy", PY_SPY), ("austin", AUSTIN)):
        if not found:
            print(f"{name} is not here: without it")
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    parts = {
        "dump": lambda: moments.dump(5 * options.rounds),
        "locals": lambda: live.variables(5 * options.rounds),
        "top": lambda: live.top(options.rounds),
        "attach": lambda: moments.attach(5 * options.rounds),
        "wrong": lambda: truth.wrong(options.stacks),
        "shares": lambda: truth.shares(20),
        "slowdown": lambda: {n: slowdown.run(options.rounds, options.units, n) for n in options.threads},
    }
    result = {name: parts[name]() for name in PARTS if name in options.only}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
