"""Bad input: the exit code, and a message that names the place and the remedy."""

import os

import pytest

GOOD = "a,b\n" + "".join(f"{row},{row * 2}\n" for row in range(20))


def fails(result, *words, code=1):
    assert result.code == code, (result.code, result.err)
    assert result.out == ""
    assert result.err.startswith("pynomaly: ") or code == 2
    for word in words:
        assert word in result.err, result.err
    assert "Fatal" not in result.err


CASES = {
    "empty": (b"", ["is empty"]),
    "only a mark": (b"\xef\xbb\xbf", ["is empty"]),
    "only empty lines": (b"\n\r\n\n", ["is empty"]),
    "header only": (b"a,b\n", ["header", "no row", "--no-header"]),
    "too few": (b"a,b\n1,2\n3\n", ["line 3", "expected 2 fields", "found 1"]),
    "too many": (b"a,b\n1,2\n3,4,5\n", ["line 3", "expected 2 fields", "found 3"]),
    "ragged after quotes": (b'a,b\n"1\n",2\n3,4,5\n', ["line 4", "expected 2 fields", "found 3"]),
    "unterminated": (b'a,b\n1,2\n3,"4\n5,6\n', ["line 3", "quote", "never closed"]),
    "text after quote": (b'a,b\n1,2\n3,"4"5\n', ["line 3", 'column "b"', "closing quote"]),
    "nul": (b"a,b\n1,2\n3,\x004\n", ["line 3", "NUL"]),
    "nul in header": (b"a,\x00b\n1,2\n", ["line 1", "NUL"]),
    "latin-1 header": (b"caf\xe9,b\n1,2\n", ["column 1", "UTF-8", "iconv"]),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), ["UTF-16", "iconv"]),
    "duplicate": (b"a,b,a\n1,2,3\n", ['"a"', "1st", "3rd"]),
    "carriage returns": (b"a,b\r1,2\r3,4\r", ["carriage returns", "tr"]),
    "text": (
        b"time,b\n2024-01-01,2\n2024-01-02,3\n",
        ["line 2", 'column "time"', '"2024-01-01"', "--drop time", "--one-hot time"],
    ),
    "text below": (b"a,b\n1,2\n3,x\n", ["line 3", 'column "b"', '"x"']),
    "text in quotes": (b'a,b\n1,2\n3,"x""y"\n', ["line 3", '"x"y"']),
    "control characters": (b"a,b\n1,2\n3,\x1b[31mred\n", ["line 3", "\ufffd[31mred"]),
    "empty cell": (
        b"a,b\n1,2\n,4\n",
        ["line 3", 'column "a"', "empty", "missing_values=native", "--drop a"],
    ),
    "NA": (b"a,b\n1,2\n3,NA\n", ['"NA"', "missing value"]),
    "infinite": (b"a,b\n1,2\n3,inf\n", ['"inf"', "finite"]),
    "too large": (b"a,b\n1,2\n3,1e999\n", ['"1e999"', "finite"]),
    "name to quote": (b"a b,c\nx,2\n1,3\n", ["--drop 'a b'"]),
    "other delimiter": (b"a;b\n1;2\n", ["--delimiter", "';'"]),
    "huge field": (b"a,b\n1," + b"9" * 3_000_000 + b"x\n", ["line 2", "999...", "not a number"]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_bad_table(cli, write, name, way):
    content, words = CASES[name]
    if way == "file":
        result = cli("detect", write("bad.csv", content), "-o", "scores.csv", "--report", "r.html")
        fails(result, "bad.csv", *words)
    else:
        result = cli("detect", "-", "-o", "scores.csv", "--report", "r.html", stdin=content)
        fails(result, "standard input", *words)
    left = set(os.listdir(cli.folder)) - {"bad.csv"}
    assert not left, "something partial is left"


@pytest.mark.parametrize("threads", [1, 2])
def test_first_error_is_reported(cli, write, threads):
    rows = [f"{row},{row}" for row in range(60_000)]
    rows[25_000] = "x,1"
    rows[55_000] = "1"
    write("t.csv", "a,b\n" + "\n".join(rows))
    fails(cli("detect", "t.csv", "--threads", threads), "line 25002", '"x"')


def test_line_numbers_count_lines_in_quotes(cli):
    fails(cli("detect", "-", stdin='a,b,c\n"1","\n\n",3\n\n4,5,x\n', ), 'line 2, column "b"')
    text = 'a,b,c\n"x\n\ny",1,3\n\n"z",5,x\n'
    fails(cli("detect", "-", "--drop", "a", stdin=text), 'line 6, column "c"')


def test_files(cli, write):
    fails(cli("detect", "missing.csv"), "missing.csv", "No such file")
    fails(cli("detect", "."), "is a directory")
    fails(cli("describe", "."), "is a directory")
    write("good.csv", GOOD)
    fails(cli("detect", "good.csv", "-o", "."), "is a directory")
    fails(cli("detect", "good.csv", "-o", "no/such/folder.csv"), "no/such/folder.csv", "No such file")
    fails(cli("detect", "good.csv", "--save-model", "no/such/m"), "no/such/m")
    if os.geteuid() != 0:
        os.chmod(cli.folder / "good.csv", 0)
        fails(cli("detect", "good.csv"), "Permission denied")


def test_full_disk(cli, write):
    write("good.csv", GOOD)
    fails(cli("detect", "good.csv", "-o", "/dev/full"), "/dev/full", "No space left")
    fails(cli("detect", "good.csv", "--report", "/dev/full"), "/dev/full", "No space left")
    with open("/dev/full", "w") as full:
        import subprocess

        process = subprocess.run(
            [cli.binary, "detect", "good.csv"], cwd=cli.folder, stdout=full, stderr=subprocess.PIPE
        )
    assert process.returncode == 1
    assert b"standard output" in process.stderr


def test_a_failure_keeps_the_old_file(cli, write):
    write("bad.csv", "a,b\n1,2\n3,x\n")
    write("scores.csv", "old")
    fails(cli("detect", "bad.csv", "-o", "scores.csv"))
    assert (cli.folder / "scores.csv").read_text() == "old"


def test_columns(cli, write):
    write("good.csv", GOOD)
    for option in ("--columns", "--drop", "--label-column", "--one-hot"):
        fails(cli("detect", "good.csv", option, "nope"), '"nope"', '"a", "b"', option)
    fails(cli("detect", "good.csv", "--drop", "a,b"), "no column is left")
    fails(cli("detect", "good.csv", "--label-column", "b"), "line 3", '"2"', "not a label")


def test_one_row(cli):
    result = cli("detect", "-", stdin="1,2,3\n")
    assert result.code in (0, 1)
    result = cli("detect", "-", stdin="a,b,c\n1,2,3\n")
    assert result.code in (0, 1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["detect"], "file"),
        (["detect", "-", "--nope"], "--nope"),
        (["nope"], "nope"),
        (["detect", "-", "--detector", "Nope"], "IsolationForest"),
        (["detect", "-", "--set", "nope=1"], "n_estimators"),
        (["detect", "-", "--set", "n_estimators"], "option=value"),
        (["detect", "-", "--set", "n_estimators=0"], "n_estimators"),
        (["detect", "-", "--contamination", "0.9"], "contamination"),
        (["detect", "-", "--seed", "x"], "random_state"),
        (["detect", "-", "--delimiter", "ab"], "delimiter"),
        (["detect", "-", "--delimiter", "5"], "delimiter"),
        (["detect", "-", "--threads", "-1"], "threads"),
        (["detect", "-", "--top", "99999"], "--top"),
        (["detect", "-", "--output-format", "csv"], "--output"),
        (["detect", "-", "--model", "m", "--seed", "1"], "--model"),
        (["detect", "-", "-o", "x", "--report", "x"], "same file"),
        (["detect", "-", "--header", "--no-header"], "header"),
        (["fit", "-"], "--save-model"),
        (["score", "-"], "--model"),
        (["detectors", "Nope"], "IsolationForest"),
    ],
)
def test_usage(cli, arguments, words):
    fails(cli(*arguments, stdin=GOOD), words, code=2)


def test_model_files(cli, write):
    write("good.csv", GOOD)
    fails(cli("score", "good.csv", "--model", "missing"), "missing")
    write("m", b"not a model")
    fails(cli("score", "good.csv", "--model", "m"), "m")
    write("m", b"")
    fails(cli("score", "good.csv", "--model", "m"))
