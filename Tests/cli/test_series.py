"""Series: scored as a whole, whatever the chunks, and discords at the top."""

import json

import numpy as np

from tables import csv_text, read_scores


def wave(rows=12_000):
    """Longer than a chunk, with two strange stretches, one of them where chunks meet."""
    rng = np.random.default_rng(5)
    series = np.sin(np.arange(rows) / 8) + 0.05 * rng.normal(size=rows)
    series[9_980:10_020] = np.sin(np.arange(40) / 3)
    series[3_000:3_040] = 0.2
    return series


def write_series(write, name, values):
    write(name, csv_text(["step", "value"], [[i, repr(float(v))] for i, v in enumerate(values)]))


def ok(result):
    assert result.code == 0, result.err
    return result.out


ARGUMENTS = ("--drop", "step", "--detector", "MatrixProfile", "--set", "window=50")


def test_the_top_is_the_discords(cli, write):
    write_series(write, "t.csv", wave())
    arguments = ("detect", "t.csv", *ARGUMENTS, "--set", "n_discords=4", "--top", "10")
    top = json.loads(ok(cli(*arguments, "--json", "-o", "s.csv")))["top"]
    starts = [row["row"] - 1 for row in top]
    assert len(starts) == 4
    assert any(9_930 < start < 10_020 for start in starts[:2])
    assert any(2_950 < start < 3_040 for start in starts[:2])
    assert np.diff(np.sort(starts)).min() >= 50
    _, scores, _ = read_scores(cli.folder / "s.csv")
    assert top[0]["score"] == scores.max()
    assert (scores[starts[0] : starts[0] + 50] == scores.max()).all()
    assert top[0]["features"] == [{"name": "value", "value": wave()[starts[0]], "share": 1.0}]


def test_a_new_series_is_scored_whole(cli, write):
    write_series(write, "t.csv", np.sin(np.arange(3000) / 8))
    write_series(write, "new.csv", wave())
    ok(cli("fit", "t.csv", *ARGUMENTS, "--save-model", "m.pynomaly"))
    ok(cli("score", "new.csv", "--drop", "step", "--model", "m.pynomaly", "-o", "whole.csv"))
    _, whole, _ = read_scores(cli.folder / "whole.csv")
    assert len(whole) == 12_000
    # Where chunks meet, rows 9,951 to 10,049 have windows on both sides.
    assert whole[9_975:10_025].min() > 2 * np.median(whole)
    write_series(write, "short.csv", wave()[:49])
    result = cli("score", "short.csv", "--drop", "step", "--model", "m.pynomaly")
    assert result.code != 0 and "window of 50 rows" in result.err


def test_it_says_that_it_reads_series(cli):
    (entry,) = [e for e in json.loads(ok(cli("detectors", "--json"))) if e["name"] == "MatrixProfile"]
    assert "series" in entry["capabilities"]
