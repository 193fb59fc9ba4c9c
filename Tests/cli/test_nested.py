"""Detectors that hold detectors, and series: --set with the text of a detector; a table scored as one series."""

import json

import numpy as np

from tables import read_scores


def series(rows):
    rng = np.random.default_rng(1)
    time = np.arange(rows)
    wave = np.column_stack([np.sin(time / 6), np.cos(time / 11)]) + rng.normal(0, 0.03, (rows, 2))
    wave[rows // 2 : rows // 2 + 20, 1] = 0.9
    return wave


def csv(table):
    return "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in table.tolist())


def ok(result):
    assert result.code == 0, result.err
    return result.out


def test_a_table_is_one_series(cli, write):
    """Chunks have 10,000 rows; their ends must not show."""
    write("t.csv", csv(series(25_000)))
    options = ["--detector", "SlidingWindow", "--set", "detector=HBOS(n_bins=8)", "--set", "window=12"]
    ok(cli("detect", "t.csv", *options, "-o", "all.csv", "--save-model", "m", "-q"))
    rows, scores, _ = read_scores(cli.folder / "all.csv")
    assert rows.tolist() == list(range(1, 25_001))
    # The score of a row depends on the 12 rows that end with it, wherever they stand in the file.
    table = series(25_000)
    for first in (0, 9_980, 19_990):
        write("part.csv", csv(table[first : first + 100]))
        ok(cli("score", "part.csv", "--model", "m", "-o", "part.csv.out", "-q"))
        _, part, _ = read_scores(cli.folder / "part.csv.out")
        assert part[11:].tolist() == scores[first + 11 : first + 100].tolist()
    summary = json.loads(ok(cli("detect", "t.csv", *options, "--json", "--top", "3")))
    for row in summary["top"]:
        assert row["score"] == scores[row["row"] - 1]
        assert row["features"][0]["name"] in "ab"
        np.testing.assert_allclose(sum(feature["share"] for feature in row["features"]), 1)


def test_members(cli, write):
    write("t.csv", csv(series(500)))
    out = ok(cli("detect", "t.csv", "--detector", "Ensemble", "--set", "detectors=KNN(n_neighbors=3), PCA",
                 "--set", "combination=weighted", "--set", "weights=[2, 1]"))  # fmt: skip
    assert "500 rows, 2 features, Ensemble" in out


def test_a_long_table_is_sampled_where_a_member_needs_all_rows(cli, write):
    """More rows than a fit of a stream keeps (131,072)."""
    write("t.csv", "a\n" + "".join(f"{row * 7919 % 1009}\n" for row in range(132_000)))
    for members, sampled in [("HBOS, MAD", True), ("HalfSpaceTrees(n_trees=2, window_size=100)", False)]:
        summary = ok(cli("detect", "t.csv", "--detector", "Ensemble", "--set", f"detectors={members}", "--json"))
        assert (json.loads(summary)["fitted_on_sample_of"] is not None) is sampled


def test_wrong_texts(cli, write):
    write("t.csv", csv(series(50)))
    for text, message in [
        ("KNN(k=3)", "Ensemble: option detectors: at character 5: KNN: there is no option \"k\""),
        ("KNN, Oracle", "at character 6: there is no detector \"Oracle\""),
        ("KNN(", "at character 4: \"(\" is never closed"),
    ]:
        result = cli("detect", "t.csv", "--detector", "Ensemble", "--set", f"detectors={text}")
        assert result.code != 0
        assert message in result.err
    result = cli("detect", "t.csv", "--detector", "SlidingWindow", "--set", "window=51")
    assert result.code != 0
    assert "the series has 50 rows, fewer than the 51 of a window" in result.err


def test_listing(cli):
    listed = json.loads(ok(cli("detectors", "--json", "Ensemble")))
    options = {option["name"]: option for option in listed["options"]}
    assert options["detectors"]["types"] == ["string", "detectors"]
    assert options["weights"]["types"] == ["string", "numbers"]
    assert options["detectors"]["default"] == "[IsolationForest, KNN, PCA]"
    assert "can: explain, partial_fit, series" in ok(cli("detectors", "SlidingWindow"))
