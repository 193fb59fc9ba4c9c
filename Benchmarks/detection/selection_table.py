"""Measures what pyn_select_detector knows, and writes it: Sources/Detection/SelectionTable.swift.

    python Benchmarks/detection/selection_table.py [--only NAME,...] [--raw FILE] [--light]

For each detector with default options: what a fit, the scoring of all rows and of one row, and memory cost
at some tens of shapes (costs.py), reduced to a few terms in the rows and columns, and the mean ROC-AUC and
average precision over the labelled sets. With --only the other rows of the table stay; times are brought to
the machine of those by pyn_machine_speed. Without it the machine becomes the new reference. --light measures
fewer shapes, once each. What --raw holds already is not measured again. Build the library again afterwards.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import locations
import numpy as np

TABLE = locations.REPOSITORY / "Sources" / "Detection" / "SelectionTable.swift"
ROWS = (250, 1000, 4000, 16000, 64000, 256000)
COLUMNS = (2, 5, 10, 20, 50, 100)
MOST_VALUES = 8_000_000
SLOW = 3.0  # seconds: nothing with more rows is measured after this
DATA_SEEDS = 3
MEMORY_SHAPES = ((5000, 4), (50_000, 4), (50_000, 20), (400_000, 5), (10_000, 100))
SLOW_MEMORY_SHAPES = ((2000, 4), (10_000, 4), (10_000, 20), (4000, 100))
QUALITY_ROWS = 10_000
SEEDS = 3
NEIGHBOURS = ("KNN", "LocalOutlierFactor")  # their time depends on how the rows lie
LIGHT_ROWS, LIGHT_COLUMNS, LIGHT_SLOW = (250, 1000, 4000, 16000, 64000), (2, 10, 50), 0.4
SERIES = ("MatrixProfile", "SlidingWindow")  # their rows are not rows of a table
KEYS = ("fit", "score", "one_row")
SWIFT_KEYS = {"fit": "fit", "score": "score", "one_row": "oneRow", "memory": "memory"}

# As in Sources/Detection/CostModel.swift.
TERMS = {
    "one": lambda n, d: np.ones_like(n),
    "d": lambda n, d: d,
    "d2": lambda n, d: d**2,
    "d3": lambda n, d: d**3,
    "n": lambda n, d: n,
    "nd": lambda n, d: n * d,
    "nLog": lambda n, d: n * np.log2(n + 1),
    "ndLog": lambda n, d: n * d * np.log2(n + 1),
    "nd2": lambda n, d: n * d**2,
    "ndBeyond": lambda n, d: n * d * np.maximum(0, np.log2(n * d) - 17),
    "nRoot": lambda n, d: n**1.5,
    "ndRoot": lambda n, d: n**1.5 * d,
    "n2": lambda n, d: n**2,
    "n2d": lambda n, d: n**2 * d,
}
MEMORY_TERMS = ("one", "d2", "n", "nd")
MOST_TERMS = 6


def predict(model: dict[str, float], n: Any, d: Any) -> Any:
    n, d = np.asarray(n, float), np.asarray(d, float)
    return sum(c * TERMS[term](n, d) for term, c in model.items())


def reduce(n: Any, d: Any, cost: Any, terms: tuple[str, ...] = tuple(TERMS)) -> dict[str, float]:
    """Coefficients >= 0 of at most MOST_TERMS terms, by least squares of the logarithms."""
    n, d, cost = (np.asarray(x, float) for x in (n, d, cost))
    names = list(terms)
    while True:
        model = _fit(n, d, cost, names)
        parts = np.stack([c * TERMS[term](n, d) for term, c in model.items()], 1)
        shares = (parts / parts.sum(1, keepdims=True)).max(0)
        weakest = int(np.argmin(shares))
        if shares[weakest] > 0.15 and len(names) <= MOST_TERMS:
            return model
        names.pop(weakest)


def _fit(n: Any, d: Any, cost: Any, names: list[str]) -> dict[str, float]:
    from scipy.optimize import minimize, nnls

    terms = np.stack([TERMS[name](n, d) for name in names], 1)
    scale = (terms / cost[:, None]).max(0)
    terms = terms / scale
    start, _ = nnls(terms / cost[:, None], np.ones(len(cost)))

    def loss(logs: Any) -> tuple[float, Any]:
        c = np.exp(logs)
        found = terms @ c
        residual = np.log(found / cost)
        return float(residual @ residual), (2 * residual / found) @ terms * c

    best = minimize(
        loss, np.log(start + 1e-4 * start.max()), jac=True, method="L-BFGS-B",
        options={"maxiter": 3000},
    )  # fmt: skip
    return dict(zip(names, (float(c) for c in np.exp(best.x) / scale)))


# ------------------------------------------------------------------------------------ measuring


def measure_times(name: str, speed: float, light: bool) -> list[dict[str, float]]:
    import costs

    found, slow = [], set()
    for rows in LIGHT_ROWS if light else ROWS:
        for columns in LIGHT_COLUMNS if light else COLUMNS:
            if rows * columns > MOST_VALUES or any(columns >= one for one in slow):
                continue
            ones = [
                costs.cost(name, costs.rows_like_real(rows, columns, seed))
                for seed in range(DATA_SEEDS if rows <= 16000 and not light else 1)
            ]
            mean = {key: float(np.exp(np.mean([np.log(getattr(one, key)) for one in ones]))) * speed for key in KEYS}
            found.append({"rows": rows, "columns": columns, **mean})
            if ones[0].fit + ones[0].score > (LIGHT_SLOW if light else SLOW):
                slow.add(columns)
    return found


def measure_spread(name: str, speed: float, light: bool) -> list[dict[str, float]]:
    """One row's time where the rows lie in no clusters and spread in all directions."""
    import costs
    import pynomaly

    found = []
    for rows in LIGHT_ROWS if light else ROWS:
        for columns in (5, 10, 20, 50) if light else COLUMNS:
            if rows * columns <= MOST_VALUES / 8:
                X = costs.rows_spread(rows, columns)
                detector = pynomaly.Detector(name).fit(X, threads=1)
                seconds = costs.one_row_seconds(detector, X) * speed
                found.append({"rows": rows, "columns": columns, "one_row": seconds})
    return found


def sets() -> dict[str, Any]:
    """The labelled sets, the larger ones cut to a random sample."""
    import datasets

    return {name: datasets.load(name, QUALITY_ROWS) for name in datasets.files()}


def measure_quality(name: str, known: dict[str, Any]) -> dict[str, list[float]]:
    """ROC-AUC and average precision on every set, over the seeds where there is one."""
    import pynomaly

    seeded = any(option.name == "random_state" for option in pynomaly.detector_info(name).options)
    found: dict[str, list[float]] = {}
    for title, data in known.items():
        pairs = []
        for seed in range(SEEDS if seeded else 1):
            options = {"random_state": 1000 * seed} if seeded else {}
            detector = pynomaly.Detector(name, **options).fit(data.X)
            scores = detector.score(data.X)
            pairs.append(
                (pynomaly.roc_auc(scores, data.y), pynomaly.average_precision(scores, data.y))
            )
        found[title] = [float(x) for x in np.mean(pairs, 0)]
    return found


def measure(name: str, raw: dict[str, Any], known: Any, speed: float, light: bool) -> Iterator[None]:
    """Adds to `raw` what it does not hold yet, part by part."""
    import costs

    if name in NEIGHBOURS and "spread" not in raw:
        raw["spread"] = measure_spread(name, speed, light)
        yield
    if "times" not in raw:
        raw["times"] = measure_times(name, speed, light)
        yield
    if "memory" not in raw:
        slow = max(one["rows"] for one in raw["times"]) < 64000 or raw["times"][-1]["fit"] > 1
        raw["memory"] = costs.memory(name, list(SLOW_MEMORY_SHAPES if slow else MEMORY_SHAPES))
        yield
    if "quality" not in raw:
        raw["quality"] = measure_quality(name, known())
        yield


# -------------------------------------------------------------------------------------- writing


def models(raw: dict[str, Any]) -> dict[str, dict[str, float]]:
    times = raw["times"]
    n, d = [one["rows"] for one in times], [one["columns"] for one in times]
    found = {key: reduce(n, d, [one[key] for one in times]) for key in KEYS}
    if spread := raw.get("spread"):
        both = times + spread
        found["one_row"] = reduce(
            [one["rows"] for one in both], [one["columns"] for one in both],
            [one["one_row"] for one in both],
        )  # fmt: skip
    memory = raw["memory"]
    found["memory"] = reduce(
        [one["rows"] for one in memory], [one["columns"] for one in memory],
        [max(one["bytes"], 200_000) for one in memory], MEMORY_TERMS,
    )  # fmt: skip
    return found


def row(name: str, raw: dict[str, Any]) -> str:
    """The detector's row of the table, in Swift."""
    auc, precision = np.mean(list(raw["quality"].values()), 0)
    text = f'    .init(\n      "{name}", rocAUC: {auc:.4f}, averagePrecision: {precision:.4f}'
    for key, model in models(raw).items():
        terms = ", ".join(f"(.{term}, {c:.3g})" for term, c in model.items())
        text += f",\n      {SWIFT_KEYS[key]}: [{terms}]"
    return text + "),\n"


def write(rows: dict[str, str], reference: float) -> None:
    text = TABLE.read_text(encoding="utf-8")
    head, _, _ = text.partition("  static let all")
    head = re.sub(r"(referenceSeconds = ).*", rf"\g<1>{reference:.4g}", head)
    body = "".join(rows[name] for name in sorted(rows))
    TABLE.write_text(f"{head}  static let all: [DetectorProfile] = [\n{body}  ]\n}}\n", encoding="utf-8")


def known_rows() -> dict[str, str]:
    text = TABLE.read_text(encoding="utf-8")
    found = re.findall(r'^    \.init\(\n      "(\w+)".*?\),\n(?=    \.init|  \])', text, re.M | re.S)
    whole = re.findall(r'^    \.init\(\n.*?\),\n(?=    \.init|  \])', text, re.M | re.S)
    return dict(zip(found, whole))


def reference_seconds() -> float:
    return float(re.search(r"referenceSeconds = (\S+)", TABLE.read_text(encoding="utf-8"))[1])  # type: ignore[index]


def machine_speed() -> float:
    """The best of some processes: other load can only make a machine slower."""
    import subprocess

    code = "from pynomaly import machine_speed; print(machine_speed())"
    answers = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(7)
    ]
    return max(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure and write the table of the selection.")
    parser.add_argument("--only", type=lambda text: text.split(","), help="detectors: NAME,...")
    parser.add_argument("--light", action="store_true", help="fewer shapes, once each")
    parser.add_argument("--raw", type=Path, help="where measurements are kept, and taken from where they are there")
    options = parser.parse_args()
    locations.prepare_package()
    import pynomaly

    names = [name for name in options.only or pynomaly.detector_names() if name not in SERIES]
    raw: dict[str, Any] = {}
    if options.raw and options.raw.exists():
        raw = json.loads(options.raw.read_text())
    speed = machine_speed()
    if options.only is None and not raw:
        # This machine is the new reference.
        raw["reference"] = reference_seconds() / speed
    reference = raw.get("reference", reference_seconds())
    scale = reference_seconds() / speed
    known = cache(sets)
    for name in names:
        for _ in measure(name, raw.setdefault(name, {}), known, reference / scale, options.light):
            print(f"measured {name}: {', '.join(raw[name])}", file=sys.stderr, flush=True)
            if options.raw:
                options.raw.write_text(json.dumps(raw))
    rows = known_rows() if options.only else {}
    rows |= {name: row(name, raw[name]) for name in names}
    write(rows, reference)


if __name__ == "__main__":
    main()
