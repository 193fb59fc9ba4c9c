"""Selection and tuning from the command line."""

import json

import numpy as np
import pytest

from tables import planted_csv


def ok(result):
    assert result.code == 0, result.err
    return result.out


@pytest.fixture
def table(write):
    text, _, _ = planted_csv(labels=True, rows=400, outliers=40, seed=2)
    write("t.csv", text)


def test_select(cli):
    out = ok(cli("select", "--rows", 5000, "--columns", 10))
    first = out.splitlines()[0].split()
    assert first[0] == "1" and "ROC-AUC" in out
    found = json.loads(ok(cli("select", "--rows", 5000, "--columns", 10, "--json")))
    assert found[0]["detector"] == first[1] and found[0]["fits"] is True
    assert found[0]["fit_seconds"] > 0
    names = json.loads(ok(cli("detectors", "--json")))
    assert sorted(one["detector"] for one in found) == [one["name"] for one in names]


def test_select_by_the_guide_and_with_limits(cli):
    out = ok(cli("select", "--rows", 9999, "--columns", 5, "--real-time", "--policy", "guide"))
    assert out.split()[1] == "LocalOutlierFactor" and len(out.split("\n 2")) == 1
    found = json.loads(
        ok(cli("select", "--rows", 10**6, "--columns", 5, "--max-fit-seconds", 2, "--missing-values", "--json"))
    )
    assert [one["detector"] for one in found if one["fits"]] == ["IsolationForest"]
    assert "does not take missing values" in found[-1]["reason"]


def test_select_refuses(cli):
    for arguments, words in [
        (("--rows", 0, "--columns", 5), "rows is 0"),
        (("--rows", 5, "--columns", 5, "--max-score-ms", 0), "--max-score-ms must be above 0"),
        (("--rows", 5), "--columns"),
        (("--rows", 5, "--columns", 5, "--policy", "best"), "policy"),
    ]:
        result = cli("select", *arguments)
        assert result.code == 2 and words in result.err


def test_tune_with_labels(cli, table):
    grid = ("--grid", "n_estimators=5,50", "--grid", "contamination=0.1,0.2")
    out = ok(cli("tune", "t.csv", "--label-column", "label", *grid))
    assert "4 configurations (2 fitted" in out and "by roc-auc" in out
    found = json.loads(ok(cli("tune", "t.csv", "--label-column", "label", *grid, "--json", "--threads", 2)))
    configurations = found["configurations"]
    best = configurations[found["best"]]
    assert found["rows"] == 400 and best["rank"] == 1
    assert best["mean"] == max(one["mean"] for one in configurations) == pytest.approx(np.mean(best["folds"]))
    assert [one["options"]["n_estimators"] for one in configurations] == [5, 5, 50, 50]
    assert [one["same_as"] for one in configurations] == [None, 0, None, 2]
    trees = best["options"]["n_estimators"]
    assert f"the best: --detector IsolationForest --set n_estimators={trees}\n" in out
    assert out.endswith("not chosen, for it only moves the threshold: contamination\n")
    assert found["chosen"] == {"n_estimators": trees}
    again = json.loads(ok(cli("tune", "t.csv", "--label-column", "label", *grid, "--json", "--threads", 1)))
    for one in (*found["configurations"], *again["configurations"]):
        del one["fit_seconds"], one["score_seconds"]
    assert again == found


def test_tune_without_labels_and_save(cli, table):
    out = ok(
        cli("tune", "t.csv", "--drop", "label", "--detector", "KNN", "--grid", "n_neighbors=1,20",
            "--save-model", "knn.pynomaly")
    )  # fmt: skip
    assert "by stability" in out and "--set n_neighbors=20" in out
    ok(cli("score", "t.csv", "--drop", "label", "--model", "knn.pynomaly"))


def test_the_best_is_told_as_it_is_set(cli, table):
    """1.0 is all features, 1 would be one."""
    out = ok(cli("tune", "t.csv", "--label-column", "label", "--grid", "max_features=1.0", "--seed", 3))
    assert out.rstrip().endswith("--set max_features=1.0")
    assert "max_features = 1.0" in ok(cli("detectors", "IsolationForest"))


def test_failed_configurations_are_shown(cli, table):
    out = ok(cli("tune", "t.csv", "--label-column", "label", "--grid", "max_features=99,1", "--top", 0))
    assert "failed: option max_features: 99" in out and "1 of them failed" in out


def test_tune_refuses(cli, table, write):
    write("one.csv", "x,y\n" + "1,0\n" * 9)
    for arguments, code, words in [
        (("t.csv", "--grid", "trees=1"), 2, 'no option "trees"'),
        (("t.csv", "--grid", "n_estimators"), 2, "expected option=value"),
        (("t.csv", "--grid", "n_estimators=5,5"), 2, "in the grid already"),
        (("t.csv", "--grid", "n_estimators="), 2, "allowed: int"),
        (("t.csv", "--folds", "1"), 2, "--folds must be 2 or more"),
        (("t.csv", "--holdout", "2"), 2, "--holdout must be above 0"),
        (("t.csv", "--criterion", "accuracy"), 2, "criterion"),
        (("t.csv", "--folds", "500"), 1, "500 folds need at least 500"),
        (("t.csv", "--criterion", "roc-auc"), 1, "need labels"),
        (("one.csv", "--label-column", "y"), 1, "0 of the 9 labels are outliers"),
        (("t.csv", "--label-column", "class"), 1, '"class"'),
    ]:
        result = cli("tune", *arguments)
        assert result.code == code and words in result.err, result.err
