"""ROC-AUC of an example plugin, and of IsolationForest beside it, on labelled sets.

    make build plugins && .build/venv/bin/python Tests/plugins/quality.py PLUGIN FOLDER [OPTION=VALUE...]

FOLDER holds .npz files with X and y (ADBench). Of sets of more than 50,000 rows every detector sees the same 50,000.
With shesd and the folder of the Numenta Anomaly Benchmark, its hourly series are scored, with the hour of the week as
season: IsolationForest sees the hour of the day, the day of the week and the value.
"""

import csv
import datetime
import json
import pathlib
import sys
import time

import numpy as np
from conftest import PLUGINS, Pynomaly
from scipy.stats import rankdata


def auc(scores, labels):
    ranks, odd = rankdata(scores), labels == 1
    return (ranks[odd].sum() - odd.sum() * (odd.sum() + 1) / 2) / (odd.sum() * (~odd).sum())


def adbench(folder):
    for path in sorted(folder.glob("*.npz"), key=lambda path: int(path.stem.split("_")[0])):
        with np.load(path) as data:
            X, y = data["X"].astype(float), data["y"].astype(int)
        if len(X) > 50_000:
            rows = np.random.default_rng(0).permutation(len(X))[:50_000]
            X, y = X[rows], y[rows]
        yield path.stem, np.ascontiguousarray(X), np.ascontiguousarray(X), y


def numenta(folder):
    windows = json.loads((folder / "labels/combined_windows.json").read_text())
    for path in sorted((folder / "realKnownCause").glob("*.csv")):
        with open(path) as file:
            rows = [(datetime.datetime.fromisoformat(r["timestamp"]), float(r["value"])) for r in csv.DictReader(file)]
        spans = [[datetime.datetime.fromisoformat(t) for t in w] for w in windows[f"realKnownCause/{path.name}"]]
        y = np.array([any(a <= t <= b for a, b in spans) for t, _ in rows]).astype(int)
        epoch = datetime.datetime(1970, 1, 5)  # a Monday
        hours = np.array([(t - epoch).total_seconds() / 3600 for t, _ in rows])
        values = np.array([value for _, value in rows])
        forest = np.column_stack([hours % 24, hours // 24 % 7, values])
        yield path.stem, np.column_stack([hours, values]), forest, y


def main(plugin, folder, *options):
    pynomaly, folder = Pynomaly(), pathlib.Path(folder)
    (name,) = pynomaly.load(PLUGINS / plugin / f"{plugin}.toml")
    given = dict(option.split("=", 1) for option in options)
    series = (folder / "realKnownCause").is_dir()
    if series:
        given = {"time_column": 0, "period": 168, "phases": 168, **given}
    table = []
    print(f"{'':34}{'rows':>7}{'columns':>8}{name:>20}{'IsolationForest':>17}  fit + score")
    for title, X, other, y in (numenta if series else adbench)(folder):
        start = time.perf_counter()
        mine = auc(pynomaly.detector(name, **given).fit(X).score(X), y)
        seconds = time.perf_counter() - start
        forest = auc(pynomaly.detector("IsolationForest").fit(other).score(other), y)
        table.append((mine, forest))
        print(f"{title:34}{len(X):7}{X.shape[1]:8}{mine:20.3f}{forest:17.3f}{seconds:10.2f} s")
    print(f"{'mean':34}{'':15}{np.mean(table, axis=0)[0]:20.3f}{np.mean(table, axis=0)[1]:17.3f}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
