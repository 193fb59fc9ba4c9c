"""describe against NumPy."""

import json

import numpy as np

from tables import csv_text


def test_equals_numpy(cli, write):
    rng = np.random.default_rng(1)
    table = np.column_stack(
        [
            rng.normal(size=25_001),
            rng.normal(1e6, 1e-3, 25_001),
            rng.integers(0, 4, 25_001),
            rng.lognormal(0, 3, 25_001),
            np.full(25_001, 2.5),
        ]
    )
    write("t.csv", csv_text(["a", "b", "c", "d", "e"], table.tolist()))
    for threads in (1, 2):
        result = cli("describe", "t.csv", "--json", "--threads", threads)
        got = json.loads(result.out)
        assert got["rows"] == 25_001
        assert got["quartile_method"].startswith("exact")
        for place, column in enumerate(got["columns"]):
            values = table[:, place]
            assert column["count"] == 25_001 and column["missing"] == 0
            np.testing.assert_allclose(column["mean"], values.mean(), rtol=1e-12)
            np.testing.assert_allclose(column["std"], values.std(ddof=1), rtol=1e-8, atol=1e-12)
            quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
            got_quartiles = [column[name] for name in ("min", "25%", "50%", "75%", "max")]
            np.testing.assert_allclose(got_quartiles, quartiles, rtol=1e-14)


def test_missing_and_text(cli):
    text = "a,b\n1,x\nNA,2\n,y\nNaN,4\nnull,5\n3,None\n"
    got = json.loads(cli("describe", "-", "--json", stdin=text).out)
    a, b = got["columns"]
    assert (a["count"], a["missing"], a["text"], a["mean"]) == (2, 4, 0, 2)
    assert (b["count"], b["missing"], b["text"]) == (3, 1, 2)
    words = cli("describe", "-", stdin=text).out
    assert 'e.g. "x"' in words and "6 rows, 2 columns" in words


def test_small(cli):
    got = json.loads(cli("describe", "-", "--json", stdin="a,b\n4,x\n").out)
    a, b = got["columns"]
    assert a["std"] is None and a["mean"] == a["25%"] == a["max"] == 4
    assert b["mean"] is None and b["50%"] is None
