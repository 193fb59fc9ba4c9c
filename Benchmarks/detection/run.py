"""Measures libpynomaly's detection against scikit-learn, isotree, coniferest and TL2cgen.

    python Benchmarks/detection/run.py [--quick] [--only PART,...] [--json FILE] [--markdown FILE]

README.md says what is measured, how, and how to read it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import sys
import time
import warnings
from pathlib import Path

import locations
import plan as plans
from plan import Plan

PARTS = ("speed", "one_row", "memory", "quality", "library", "cli", "neighbours", "marginals", "margins",
         "selection", "tuning", "guide", "around", "clusters", "series", "streams", "nested",
         "surfaces", "threads")  # fmt: skip
# What a run depends on besides its arguments; the values, mostly paths, stay out of the report.
ENVIRONMENT = ("PYNOMALY_LIBRARY", "PYNOMALY_CLI", "PYNOMALY_SHARED_DATA", "PYNOMALY_KERNELS", "CC")


def main() -> int:
    options = read_arguments()
    locations.prepare_package()
    try:
        import pynomaly  # noqa: F401
    except ImportError as error:
        print(error, file=sys.stderr)
        return 2
    warnings.filterwarnings("ignore", category=FutureWarning)

    import importlib

    import machine
    from report import Report, progress

    plan = plans.QUICK if options.quick else plans.FULL
    if options.seeds:
        plan = dataclasses.replace(plan, seeds=options.seeds)
    report = Report(machine.about(command()))
    report.about["measured"] = description(plan)
    load_before, library_before = machine.load(), machine.library_hash()
    for part in options.only:
        progress(f"== {part}")
        start = time.perf_counter()
        importlib.import_module(part).run(plan, report)
        progress(f"== {part} took {time.perf_counter() - start:.0f} s")
    if machine.library_hash() != library_before:
        report.about["WARNING"] = "the library was replaced during the run: figures are of two builds"
    report.about["load average"] = f"{load_before} before, {machine.load()} after"

    print(report.text(), end="")
    if options.json:
        options.json.write_text(json.dumps(report.as_dict(), indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(report.markdown(), encoding="utf-8")
    missed = any(check.met is False for check in report.checks)
    return 1 if options.strict and missed else 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure libpynomaly against other isolation forests."
    )
    parser.add_argument("--quick", action="store_true", help="a trial of the suite, not for figures")
    parser.add_argument(
        "--only", type=parts, default=PARTS, metavar="PART,...", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--seeds", type=int, help="seeds of the quality part (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, all windows too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    options = parser.parse_args()
    if options.seeds is not None and options.seeds < 2:
        parser.error("--seeds must be at least 2")
    return options


def parts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in PARTS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"parts are {', '.join(PARTS)}, not {text!r}")
    return names


def command() -> str:
    """What was typed, without the folders of this machine."""
    arguments = [Path(word).name if os.sep in word else word for word in sys.argv[1:]]
    given = [f"{name}=..." for name in ENVIRONMENT if name in os.environ]
    return " ".join([*given, shlex.join(["python", "Benchmarks/detection/run.py", *arguments])])


def description(plan: Plan) -> str:
    kind = "a quick trial: NOT figures that count" if plan.quick else "the full run"
    return (
        f"{kind}; {plan.short_rounds} interleaved rounds ({plan.long_rounds} where a round takes over"
        f" {plan.long_round:g} s, {min(plan.long_rounds, plan.longest_rounds)} over {plan.longest_round:g} s)"
        f" of windows of at least {plan.window * 1000:g} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
