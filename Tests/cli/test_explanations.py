"""The features responsible for a row: for every detector, in the summary, in JSON and in the report."""

import json
import subprocess

import numpy as np
import pytest

from conftest import BINARY
from tables import csv_text

DETECTORS = json.loads(subprocess.run([BINARY, "detectors", "--json"], capture_output=True, check=True).stdout)
# Their top is a list of windows, by the row where each begins: test_series.py.
SERIES = [entry["name"] for entry in DETECTORS if "series" in entry["capabilities"]]
EXPLAINING = [entry["name"] for entry in DETECTORS if "explain" in entry["capabilities"]]


def table():
    """Three correlated features; row 41 stands out by the second."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 3)) @ np.array([[1, 0.3, 0.1], [0, 1, 0.2], [0, 0, 1]])
    X[40, 1] += 30
    return X


def test_every_detector_explains():
    assert EXPLAINING == [entry["name"] for entry in DETECTORS]


@pytest.mark.parametrize("detector", [name for name in EXPLAINING if name not in SERIES])
def test_the_responsible_feature_is_named(cli, write, detector):
    write("t.csv", csv_text(["alpha", "beta", "gamma"], table()))
    arguments = ("detect", "t.csv", "--detector", detector, "--top", "300")
    result = cli(*arguments, "--json", "--report", "r.html")
    assert result.code == 0, result.err
    for row in json.loads(result.out)["top"]:
        shares = [feature["share"] for feature in row["features"]]
        # A feature that lowers the score is not responsible for it.
        assert all(share > 0 for share in shares) and (not shares or sum(shares) == pytest.approx(1))
        assert shares == sorted(shares, reverse=True)
        if row["row"] == 41:
            found = row["features"][0]
    assert found["name"] == "beta"

    (line,) = (line for line in cli(*arguments).out.splitlines() if line.startswith(" 41 "))
    assert f"beta={table()[40, 1]:.6g} ({found['share'] * 100:.0f} %)" in line

    (item,) = (cli.folder / "r.html").read_text().split('<li id="row-41">')[1:]
    first = item.split("<tr>")[1]
    assert "beta" in first and f"{found['share'] * 100:.0f} %" in first
