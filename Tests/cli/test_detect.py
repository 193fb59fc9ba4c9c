"""Detection: what is found, what is written, and that threads and chunks change nothing."""

import json
import re
import os

import numpy as np
import pytest

from tables import average_precision, csv_text, planted_csv, read_scores, roc_auc, runs


def ok(result):
    assert result.code == 0, result.err
    return result.out


def test_finds_planted_rows(cli, write):
    text, table, places = planted_csv()
    write("t.csv", text)
    out = ok(cli("detect", "t.csv", "-o", "scores.csv"))
    rows, scores, labels = read_scores(cli.folder / "scores.csv")
    assert rows.tolist() == list(range(1, len(table) + 1))
    assert set(np.argsort(-scores)[: len(places)]) == set(places)
    assert labels.tolist() == (scores > 0.5).astype(int).tolist()
    assert "3,000 rows, 5 features, IsolationForest" in out
    assert f"{labels.sum()} above the threshold 0.5" in out


def test_top_rows_and_json(cli, write):
    text, table, places = planted_csv()
    write("t.csv", text)
    ok(cli("detect", "t.csv", "-o", "scores.ndjson", "-q"))
    _, scores, _ = read_scores(cli.folder / "scores.ndjson")
    summary = json.loads(ok(cli("detect", "t.csv", "--json", "--top", "7")))
    best = np.argsort(-scores, kind="stable")[:7]
    assert [row["row"] for row in summary["top"]] == (best + 1).tolist()
    assert [row["line"] for row in summary["top"]] == (best + 2).tolist()
    assert [row["score"] for row in summary["top"]] == scores[best].tolist()
    for row in summary["top"]:
        shares = [feature["share"] for feature in row["features"]]
        assert shares == sorted(shares, reverse=True)
        np.testing.assert_allclose(sum(shares), 1)
        for feature in row["features"]:
            assert feature["value"] == table[row["row"] - 1, int(feature["name"][1:])]
    out = ok(cli("detect", "t.csv", "--top", "2"))
    assert re.search(rf"\b{best[0] + 1} +{best[0] + 2}\b", out)
    assert " %)" in out
    assert "responsible" not in ok(cli("detect", "t.csv", "--top", "0"))


def test_quality_equals_numpy(cli, write):
    text, table, places = planted_csv(labels=True, rows=2000, outliers=40, seed=4)
    write("t.csv", text)
    out = ok(cli("detect", "t.csv", "--label-column", "label", "-o", "s.csv", "--json"))
    _, scores, _ = read_scores(cli.folder / "s.csv")
    labels = np.zeros(2000, int)
    labels[places] = 1
    got = json.loads(out)
    np.testing.assert_allclose(got["roc_auc"], roc_auc(scores, labels), rtol=1e-12)
    np.testing.assert_allclose(got["average_precision"], average_precision(scores, labels), rtol=1e-12)
    assert got["labelled_rows"] == 40 and "label" not in got["features"]
    found = [scores[start:stop].max() > 0.5 for start, stop in runs(labels)]
    assert (got["labelled_runs"], got["labelled_runs_found"]) == (len(found), sum(found))
    words = ok(cli("detect", "t.csv", "--label-column", "label"))
    assert f"label label: 40 rows in {len(found)} runs; {sum(found)} of them with" in words
    assert f"ROC-AUC {roc_auc(scores, labels):.6f}" in words
    assert f"average precision {average_precision(scores, labels):.6f}" in words


def test_labels_of_one_kind(cli):
    out = ok(cli("detect", "-", "--label-column", "y", stdin="x,y\n" + "1,0\n2,0\n3,0\n"))
    assert "no ROC-AUC" in out


def test_labels_as_truth_values(cli):
    text = "x,y\n" + "".join(f"{row % 5},False\n" for row in range(50)) + "99,True\n"
    assert json.loads(ok(cli("detect", "-", "--label-column", "y", "--json", stdin=text)))["roc_auc"] == 1


@pytest.mark.parametrize("rows", [500, 45_000, 140_000])
def test_threads_and_ways_change_nothing(cli, write, rows):
    text, _, _ = planted_csv(rows=rows, columns=3)
    write("t.csv", text)
    outputs = []
    for threads in (1, 2, 5):
        ok(cli("detect", "t.csv", "-o", "s.csv", "--threads", threads, "-q"))
        outputs.append((cli.folder / "s.csv").read_bytes())
    outputs.append(cli("detect", "-", "-o", "-", "-q", stdin=text).out.encode())
    ok(cli("detect", "t.csv", "-o", "s.csv", "-q", env={"PYNOMALY_KERNELS": "baseline"}))
    outputs.append((cli.folder / "s.csv").read_bytes())
    assert all(output == outputs[0] for output in outputs)


def test_seed_and_options_reach_the_detector(cli, write):
    text, _, _ = planted_csv(rows=400)
    write("t.csv", text)

    def scores(*arguments):
        ok(cli("detect", "t.csv", "-o", "s.csv", "-q", *arguments))
        return read_scores(cli.folder / "s.csv")

    _, plain, _ = scores()
    assert (scores("--seed", "0")[1] == plain).all()
    assert (scores("--seed", "1")[1] != plain).any()
    assert (scores("--seed", "1")[1] == scores("--set", "random_state=1")[1]).all()
    assert (scores("--set", "n_estimators=10")[1] != plain).any()
    _, same, labels = scores("--contamination", "0.05")
    assert (same == plain).all()
    threshold = np.quantile(plain, 0.95)
    assert labels.sum() == (plain > threshold).sum() == 20


def test_defaults_are_told_as_one_writes_them(cli, write):
    """1 feature a tree and 1.0 of the features are not the same."""
    text, _, _ = planted_csv(rows=400)
    write("t.csv", text)
    ok(cli("detect", "t.csv", "-o", "plain.csv"))
    told = re.findall(r"^(\w+) = (.*)$", ok(cli("detectors", "IsolationForest")), re.M)
    assert ("max_features", "1.0") in told
    settings = [argument for option, value in told for argument in ("--set", f"{option}={value}")]
    ok(cli("detect", "t.csv", "-o", "set.csv", *settings))
    assert (cli.folder / "plain.csv").read_bytes() == (cli.folder / "set.csv").read_bytes()


def test_model_gives_the_same_scores(cli, write):
    text, _, _ = planted_csv(rows=700)
    write("t.csv", text)
    ok(cli("detect", "t.csv", "-o", "a.csv", "--save-model", "m.pyn", "--contamination", "0.02", "-q"))
    out = ok(cli("fit", "t.csv", "--save-model", "n.pyn", "--contamination", "0.02"))
    assert "fitted on 700 rows" in out
    ok(cli("score", "t.csv", "--model", "m.pyn", "-o", "b.csv", "-q"))
    ok(cli("detect", "t.csv", "--model", "n.pyn", "-o", "c.csv", "-q"))
    first, second, third = ((cli.folder / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert first == second == third


def test_model_finds_columns_by_name(cli, write):
    text, table, _ = planted_csv(rows=300, columns=3)
    write("t.csv", text)
    ok(cli("fit", "t.csv", "--save-model", "m"))
    ok(cli("score", "t.csv", "--model", "m", "-o", "a.csv"))
    rows = [[row[2], f"id{place}", row[0], row[1]] for place, row in enumerate(table.tolist())]
    write("u.csv", csv_text(["x2", "id", "x0", "x1"], rows))
    ok(cli("score", "u.csv", "--model", "m", "-o", "b.csv", "--drop", "id"))
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "b.csv").read_bytes()
    ok(cli("score", "u.csv", "--model", "m", "-o", "b.csv", "--columns", "x0,x1,x2"))
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "b.csv").read_bytes()

    extra = cli("score", "u.csv", "--model", "m")
    assert extra.code == 1 and '"id"' in extra.err and "--drop id" in extra.err
    missing = cli("score", "u.csv", "--model", "m", "--drop", "id,x1")
    assert missing.code == 1 and '"x1"' in missing.err
    write("v.csv", csv_text(None, table[:, :2].tolist()))
    fewer = cli("score", "v.csv", "--model", "m")
    assert fewer.code == 1 and "has 2 feature columns, the model 3" in fewer.err


def test_missing_values(cli, write):
    text, _, places = planted_csv(rows=500, columns=4)
    lines = text.splitlines()
    lines[7] = ",".join(["", "NA"] + lines[7].split(",")[2:])
    write("t.csv", "\n".join(lines))
    out = ok(cli("detect", "t.csv", "--set", "missing_values=native", "--json", "--top", "500"))
    row = next(row for row in json.loads(out)["top"] if row["row"] == 7)
    values = {feature["name"]: feature["value"] for feature in row["features"]}
    assert all(values[name] is None for name in values if name in ("x0", "x1"))
    ok(cli("fit", "t.csv", "--set", "missing_values=native", "--save-model", "m"))
    ok(cli("score", "t.csv", "--model", "m"))


def test_one_hot(cli, write):
    rng = np.random.default_rng(2)
    colours = rng.choice(["red", "green", 'da"rk, red'], 600)
    colours[77] = "blue"
    rows = [[float(value), colour] for value, colour in zip(rng.normal(size=600), colours)]
    write("t.csv", csv_text(["x", "colour"], rows))
    out = json.loads(
        ok(cli("detect", "t.csv", "--one-hot", "colour", "--save-model", "m", "-o", "a.csv", "--json"))
    )
    assert out["features"] == ["x"] + sorted(f"colour={c}" for c in set(colours))
    ok(cli("score", "t.csv", "--model", "m", "-o", "b.csv"))
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "b.csv").read_bytes()
    # The same by hand.
    names = sorted(set(colours))
    encoded = [[row[0]] + [int(row[1] == name) for name in names] for row in rows]
    write("u.csv", csv_text(["x"] + names, encoded))
    ok(cli("detect", "u.csv", "-o", "c.csv"))
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "c.csv").read_bytes()
    # Texts that the model does not know give zeros.
    write("v.csv", csv_text(["x", "colour"], [[0.0, "purple"]]))
    ok(cli("score", "v.csv", "--model", "m"))


def test_one_hot_has_a_limit(cli, write):
    write("t.csv", "x,c\n" + "".join(f"{row},t{row}\n" for row in range(400)))
    result = cli("detect", "t.csv", "--one-hot", "c")
    assert result.code == 1 and "256" in result.err and 'column "c"' in result.err


def test_dropped_columns_tell_rows_apart(cli, write):
    text, _, _ = planted_csv(rows=200, columns=2)
    lines = text.splitlines()
    lines = ["when," + lines[0]] + [f'"day, {n}",{line}' for n, line in enumerate(lines[1:], 1)]
    write("t.csv", "\n".join(lines))
    top = json.loads(ok(cli("detect", "t.csv", "--drop", "when", "--json")))["top"]
    assert [row["columns"]["when"] for row in top] == [f"day, {row['row']}" for row in top]
    assert f"day, {top[0]['row']}" in ok(cli("detect", "t.csv", "--drop", "when"))


def test_fail_on_anomaly(cli, write):
    text, _, _ = planted_csv(rows=300)
    write("t.csv", text)
    found = cli("detect", "t.csv", "--fail-on-anomaly", "-o", "s.csv", "--save-model", "m")
    assert found.code == 3 and found.err == ""
    assert (cli.folder / "s.csv").exists()
    write("u.csv", "\n".join(text.splitlines()[:1] + ["0,0,0,0,0"] * 3))
    assert cli("score", "u.csv", "--model", "m", "--fail-on-anomaly").code == 0


def test_output_places(cli, write):
    text, _, _ = planted_csv(rows=100)
    write("t.csv", text)
    to_stdout = cli("detect", "t.csv", "-o", "-")
    assert to_stdout.out.startswith("row,score,label\n") and "threshold" in to_stdout.err
    lines = cli("detect", "t.csv", "-o", "-", "--output-format", "ndjson", "-q")
    assert json.loads(lines.out.splitlines()[0])["row"] == 1 and lines.err == ""
    ok(cli("detect", "t.csv", "-o", "/dev/null"))
    # A link stays a link, and a file keeps its mode.
    write("real.csv", "old")
    os.chmod(cli.folder / "real.csv", 0o640)
    os.symlink("real.csv", cli.folder / "link.csv")
    ok(cli("detect", "t.csv", "-o", "link.csv"))
    assert os.path.islink(cli.folder / "link.csv")
    assert (cli.folder / "real.csv").read_text() == to_stdout.out
    assert os.stat(cli.folder / "real.csv").st_mode & 0o777 == 0o640
    assert sorted(os.listdir(cli.folder)) == ["link.csv", "real.csv", "t.csv"]


def test_large_sample_is_said(cli, write):
    text, _, _ = planted_csv(rows=131_100, columns=2)
    write("t.csv", text)
    assert "random sample of 131,072 rows" in ok(cli("detect", "t.csv"))


def test_learning_from_all_rows_is_said(cli, write):
    text, _, _ = planted_csv(rows=131_100, columns=2)
    write("t.csv", text)
    found = ok(cli("detect", "t.csv", "--detector", "RobustRandomCutForest", "--set", "n_estimators=20"))
    assert "learnt from all rows, one after another" in found and "sample" not in found
    options = ("--detector", "HalfSpaceTrees", "--save-model", "m")
    found = ok(cli("fit", "t.csv", *options))
    assert "fitted on 131,100 rows" in found and "sample" not in found
    found = json.loads(ok(cli("detect", "t.csv", "--detector", "HalfSpaceTrees", "--json")))
    assert found["fitted_on_sample_of"] is None
    assert "learnt from all rows" not in ok(cli("score", "t.csv", "--model", "m"))
    for command in ("fit", "detect"):
        assert "learn from all rows" in " ".join(ok(cli("help", command)).split())


def test_surface_of_very_many_rows(cli, write):
    """SGDOneClassSVM: planted rows are outside, and a model goes through a file."""
    text, table, places = planted_csv()
    write("t.csv", text)
    options = ["--set", "nu=0.05", "--set", "n_components=50"]
    ok(cli("fit", "t.csv", "--detector", "SGDOneClassSVM", *options, "--save-model", "m.pynomaly"))
    ok(cli("score", "t.csv", "--model", "m.pynomaly", "-o", "later.csv"))
    out = ok(cli("detect", "t.csv", "--detector", "SGDOneClassSVM", *options, "-o", "now.csv"))
    assert "SGDOneClassSVM" in out
    _, scores, labels = read_scores(cli.folder / "now.csv")
    assert set(np.argsort(-scores)[: len(places)]) == set(places)
    assert labels.tolist() == (scores > 0).astype(int).tolist()
    assert 0 < labels.mean() < 0.15
    assert (cli.folder / "later.csv").read_text() == (cli.folder / "now.csv").read_text()

