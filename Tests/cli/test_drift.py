"""Drift between two tables, and thresholds found from scores."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest

from tables import planted_csv, read_scores


def ok(result):
    assert result.code == 0, result.err
    return result.out


def tables(write, shift=0.0, rows=800):
    random = np.random.default_rng(0)
    before, after = random.normal(size=(1000, 3)), random.normal(size=(rows, 3))
    after[:, 1] += shift
    write("before.csv", csv(["a", "b", "c"], before))
    write("after.csv", csv(["c", "a", "b"], after[:, [2, 0, 1]]))
    return before, after


def csv(names, table):
    return ",".join(names) + "\n" + "".join(",".join(map(repr, row)) + "\n" for row in table.tolist())


def statistic(a, b):
    both = np.concatenate([a, b])
    counts = [np.searchsorted(np.sort(part), both, side="right") / len(part) for part in (a, b)]
    return abs(counts[0] - counts[1]).max()


def test_columns_are_found_by_name(cli, write):
    before, after = tables(write, 0.5)
    found = json.loads(ok(cli("drift", "before.csv", "after.csv", "--json")))
    assert [column["name"] for column in found["columns"]] == ["a", "b", "c"]
    for place, column in enumerate(found["columns"]):
        np.testing.assert_allclose(column["statistic"], statistic(before[:, place], after[:, place]))
        assert column["drift"] == (place == 1)
    assert found["drift"] is True and found["looks"] == 1 and found["level"] == 0.05
    assert (found["rows"], found["reference_rows"]) == (800, 1000)
    out = ok(cli("drift", "before.csv", "after.csv"))
    assert "after.csv against before.csv: 800 and 1,000 rows, 3 columns" in out
    assert "drift in 1 of 3 at the level 0.05" in out
    line = next(line for line in out.splitlines() if line.startswith("b "))
    assert line.split()[-1] == "yes"


def test_exit_code(cli, write):
    tables(write, 0.5)
    assert cli("drift", "before.csv", "after.csv", "--fail-on-drift", "-q").code == 3
    tables(write)
    result = cli("drift", "before.csv", "after.csv", "--fail-on-drift")
    assert "no drift at the level 0.05" in ok(result)
    assert ok(cli("drift", "before.csv", "after.csv", "-q")) == ""


def test_a_stream_of_windows(cli, write):
    before, after = tables(write, rows=1200)
    after[600:, 2] += 1
    write("after.csv", csv(["a", "b", "c"], after))
    arguments = ("drift", "before.csv", "after.csv", "--window", "200", "--step", "100")
    found = json.loads(ok(cli(*arguments, "--json")))
    assert found["looks"] == 11
    assert 600 < found["first_drift"] <= 800
    assert [column["first_drift"] for column in found["columns"]] == [None, None, found["first_drift"]]
    out = ok(cli(*arguments))
    assert f"first seen at row {found['first_drift']}" in out
    assert f"since row {found['first_drift']}" in out
    assert ok(cli(*arguments, "--threads", "1")) == out


def test_scores_of_a_model(cli, write):
    random = np.random.default_rng(0)
    tables(write)
    write("wide.csv", csv(["c", "b", "a"], random.normal(0, 1.7, size=(900, 3))))
    ok(cli("fit", "before.csv", "--save-model", "m", "--seed", "0", "-q"))
    found = json.loads(ok(cli("drift", "before.csv", "wide.csv", "--model", "m", "--json")))
    assert [column["name"] for column in found["columns"]] == ["a", "b", "c", "score"]
    assert found["columns"][3]["drift"]
    assert not json.loads(ok(cli("drift", "before.csv", "after.csv", "--model", "m", "--json")))["drift"]


def test_missing_and_extra_columns(cli, write):
    tables(write)
    write("less.csv", "a,c\n1,2\n3,4\n")
    result = cli("drift", "before.csv", "less.csv")
    assert result.code == 1
    assert 'before.csv has "b", which this file has not; its columns are "a", "c"' in result.err
    write("more.csv", "a,new,b,c\n" + "1,x,3,4\n" * 9)
    assert "not in the reference, left out: new" in ok(cli("drift", "before.csv", "more.csv"))
    found = json.loads(ok(cli("drift", "before.csv", "less.csv", "--drop", "b", "--json")))
    assert [column["name"] for column in found["columns"]] == ["a", "c"]
    found = json.loads(ok(cli("drift", "before.csv", "after.csv", "--columns", "c,b", "--json")))
    assert [column["name"] for column in found["columns"]] == ["c", "b"]


def test_a_signal_stops_a_look(cli, write):
    """A stream that is looked at for every row of it."""
    random = np.random.default_rng(0)
    np.savetxt(cli.folder / "before.csv", random.normal(size=(20_000, 8)), delimiter=",")
    np.savetxt(cli.folder / "after.csv", random.normal(size=(20_000, 8)), delimiter=",")
    process = subprocess.Popen(
        [cli.binary, "drift", "before.csv", "after.csv", "--window", "9000", "--step", "1"],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(2)
    assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)  # the rest would take minutes
    assert (process.returncode, out, err) == (130, b"", b"")


def test_bad_calls(cli, write):
    tables(write)
    write("one.csv", "a,b,c\n1,2,3\n")
    write("text.csv", "a,b,c\n1,2,3\n1,x,3\n")
    for arguments, code, words in (
        (["--alpha", "0"], 2, "--alpha"),
        (["--window", "1"], 2, "--window"),
        (["--step", "5"], 2, "--step needs --window"),
        (["--window", "900"], 1, "fewer than the window of 900"),
        (["--correction", "none"], 2, "correction"),
        (["--drop", "d"], 1, 'no column "d"'),
    ):
        result = cli("drift", "before.csv", "after.csv", *arguments)
        assert result.code == code and words in result.err, (arguments, result.err)
    for file, words in (("one.csv", "has 1 row"), ("text.csv", '"x" is not a number')):
        result = cli("drift", "before.csv", file)
        assert result.code == 1 and words in result.err, result.err
        assert words in cli("drift", file, "after.csv").err
    assert "standard input" in cli("drift", "-", "-").err


# ------------------------------------------------------------------------------- thresholds


@pytest.mark.parametrize("method", ["percentile:95", "iqr", "mad:3", "pot:0.01"])
def test_thresholds_from_scores(cli, write, method):
    write("t.csv", planted_csv()[0])
    out = ok(cli("detect", "t.csv", "--threshold", method, "-o", "s.csv", "--save-model", "m", "--json"))
    _, scores, labels = read_scores(cli.folder / "s.csv")
    found = json.loads(out)
    assert found["threshold_method"]["method"] == method
    assert labels.sum() == found["anomalies"] == (scores > found["threshold"]).sum()
    quarters = np.quantile(scores, [0.25, 0.5, 0.75])
    if method == "percentile:95":
        np.testing.assert_allclose(found["threshold"], np.percentile(scores, 95))
    if method == "iqr":
        np.testing.assert_allclose(found["threshold"], quarters[2] + 1.5 * (quarters[2] - quarters[0]))
    if method == "pot:0.01":
        assert 0 < found["anomalies"] <= 60
        assert found["threshold_method"]["peaks"] == 60
        assert "threshold by pot:0.01: 60 peaks above" in ok(cli("detect", "t.csv", "--threshold", method))
    # The model keeps it, fit finds the same, and score can take another.
    again = json.loads(ok(cli("score", "t.csv", "--model", "m", "--json")))
    assert again["threshold"] == found["threshold"] and "threshold_method" not in again
    assert f"threshold by {method}" in ok(cli("fit", "t.csv", "--threshold", method, "--save-model", "n"))
    other = json.loads(ok(cli("score", "t.csv", "--model", "n", "--threshold", "0.6", "--json")))
    assert other["threshold"] == 0.6 and other["anomalies"] == (scores > 0.6).sum()


def test_bad_thresholds(cli, write):
    write("t.csv", csv(["a", "b"], np.random.default_rng(0).normal(size=(50, 2))))
    for text, words in (("high", '"high" is no threshold'), ("pot:2", "risk above 0 and below 1")):
        result = cli("detect", "t.csv", "--threshold", text)
        assert result.code == 2 and words in result.err
    result = cli("fit", "t.csv", "--threshold", "iqr", "--contamination", "0.1", "--save-model", "m")
    assert result.code == 2 and "both set the threshold" in result.err


# ------------------------------------------------------------------------------- probabilities


def read_probabilities(path):
    with open(path) as file:
        assert file.readline() == "row,score,label,probability\n"
        return np.loadtxt(file, delimiter=",")


@pytest.mark.parametrize("method", ["linear", "gaussian", "gamma", "tail", "logistic", "isotonic"])
def test_probabilities(cli, write, method):
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 2))
    X[::40] += 4
    labels = np.zeros(400)
    labels[::40] = 1
    labels[1] = 1
    write("t.csv", csv(["a", "b", "y"], np.column_stack([X, labels])))
    how = ["--label-column", "y", "--probability", method]
    out = ok(cli("detect", "t.csv", *how, "--seed", "0", "-o", "s.csv", "--save-model", "m", "--json"))
    assert json.loads(out)["probability_method"] == method
    table = read_probabilities(cli.folder / "s.csv")
    scores, found = table[:, 1], table[:, 3]
    assert ((found >= 0) & (found <= 1)).all() and np.ptp(found) > 0.5
    assert (np.diff(found[np.argsort(scores)]) >= 0).all()
    if method == "linear":
        np.testing.assert_allclose(found, (scores - scores.min()) / np.ptp(scores), atol=1e-12)
    if method == "isotonic":
        np.testing.assert_allclose(found.mean(), labels.mean())
    # fit finds the same, the model keeps it, and score can learn another.
    assert f"probabilities by {method}" in ok(cli("fit", "t.csv", *how, "--seed", "0", "--save-model", "n"))
    for model in ("m", "n"):
        out = ok(cli("score", "t.csv", "--model", model, "--drop", "y", "-o", "again.csv"))
        assert f"probabilities by {method}" in out
        assert (read_probabilities(cli.folder / "again.csv") == table).all()
    ok(cli("score", "t.csv", "--model", "m", "--drop", "y", "--probability", "linear", "-o", "s.ndjson"))
    with open(cli.folder / "s.ndjson") as file:
        line = json.loads(file.readline())
    np.testing.assert_allclose(line["probability"], (scores[0] - scores.min()) / np.ptp(scores))


def test_bad_probabilities(cli, write):
    write("t.csv", csv(["a", "y"], np.column_stack([np.arange(30.0), np.zeros(30)])))
    for command in (["detect", "t.csv"], ["fit", "t.csv", "--save-model", "m"], ["score", "t.csv", "--model", "m"]):
        result = cli(*command, "--probability", "logistic")
        assert result.code == 2 and "give --label-column" in result.err
        assert cli(*command, "--probability", "likely").code == 2
    result = cli("detect", "t.csv", "--probability", "isotonic", "--label-column", "y")
    assert result.code == 1 and "label" in result.err
