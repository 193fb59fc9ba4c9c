"""What files may look like: against Python's csv module, seen through describe."""

import csv
import io
import json
import random

import numpy as np
import pytest

from tables import csv_text


def describe(cli, *arguments, **settings):
    result = cli("describe", "--json", *arguments, **settings)
    assert result.code == 0, result.err
    return json.loads(result.out)


def expected(text, delimiter=","):
    """Header and cells as Python reads them, empty lines skipped."""
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    return rows[0], rows[1:]


def check_against_python(cli, text, delimiter=",", *arguments):
    header, rows = expected(text, delimiter)
    got = describe(cli, "-", *arguments, stdin=text)
    assert got["rows"] == len(rows)
    assert [column["name"] for column in got["columns"]] == [name.strip() for name in header]
    for place, column in enumerate(got["columns"]):
        cells = [row[place].strip() for row in rows]
        numbers = []
        for cell in cells:
            try:
                numbers.append(float(cell))
            except ValueError:
                pass
        assert column["count"] == len(numbers)
        assert column["missing"] == sum(cell == "" for cell in cells)
        assert column["count"] + column["missing"] + column["text"] == len(rows)
        if numbers:
            assert column["min"] == min(numbers)
            assert column["max"] == max(numbers)
            np.testing.assert_allclose(column["mean"], np.mean(numbers), rtol=1e-12, atol=1e-300)


CASES = {
    "plain": "a,b\n1,2\n3,4\n",
    "no last line end": "a,b\n1,2\n3,4",
    "crlf": "a,b\r\n1,2\r\n3,4\r\n",
    "crlf, no last": "a,b\r\n1,2\r\n3,4",
    "quoted": '"a","b"\n"1","2"\n3,"4"\n',
    "escaped quotes": '"a ""x""",b\n"1 ""one""",2\n3,4\n',
    "newline in quotes": 'a,b\n"1\n",2\n"x\r\ny",4\n',
    "newline in header": '"a\nb",c\n1,2\n',
    "delimiter in quotes": 'a,b\n"1,5",2\n3,4\n',
    "empty lines": "\n\na,b\n\n1,2\n\n\n3,4\n\n",
    "quote within a field": 'a,b\n5" pipe,2\n3,4\n',
    "empty cells": "a,b\n,2\n3,\n,\n",
    "quoted empty": 'a\n""\n1\n',
    "blanks": "a, b \n 1,2\t\n3 , 4\n",
    "one column": "a\n1\n2\n",
    "exponents": "a,b\n1e3,-2.5E-3\n1.e2,.5\n+7,-0\n",
    "quoted last": 'a,b\n1,"2"',
    "quoted crlf": '"a","b"\r\n"1","2"\r\n',
}


@pytest.mark.parametrize("name", CASES)
def test_against_python(cli, name):
    check_against_python(cli, CASES[name])


@pytest.mark.parametrize("seed", range(12))
def test_random_tables_against_python(cli, seed):
    rng = random.Random(seed)
    delimiter = rng.choice([",", ";", "\t", "|"])
    texts = ['a"b', "x\ny", "u\r\nv", f"p{delimiter}q", "  ", "tail\n", '"', "ünï", "n/x"]

    def cell():
        kind = rng.random()
        if kind < 0.5:
            return repr(rng.uniform(-1e3, 1e3))
        if kind < 0.7:
            return str(rng.randint(-(10**12), 10**12))
        if kind < 0.8:
            return f"{rng.uniform(-1, 1):.{rng.randint(1, 25)}e}"
        return "" if kind < 0.85 else rng.choice(texts)

    width = rng.randint(2, 9)
    header = [f"c{place} {rng.choice(texts[:3])}" for place in range(width)]
    rows = [[cell() for _ in range(width)] for _ in range(rng.randint(1, 3000))]
    text = csv_text(
        header,
        rows,
        delimiter=delimiter,
        lineterminator=rng.choice(["\n", "\r\n"]),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    )
    arguments = ["--delimiter", delimiter, "--header"]
    check_against_python(cli, text, delimiter, *arguments)


def test_numbers_read_exactly(cli):
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 2**63, 20000, dtype=np.uint64)
    numbers = bits.view(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    numbers = np.concatenate([numbers, rng.normal(size=3000), rng.integers(-(2**62), 2**62, 3000)])
    for number in numbers[:: len(numbers) // 60]:
        got = describe(cli, "-", "--no-header", stdin=f"{float(number)!r}\n")
        assert got["columns"][0]["min"] == number
    # All of them at once: the order of the values is kept by these.
    numbers = np.sort(numbers)
    text = "v\n" + "\n".join(repr(float(number)) for number in numbers) + "\n"
    column = describe(cli, "-", stdin=text)["columns"][0]
    for name, share in [("25%", 0.25), ("50%", 0.5), ("75%", 0.75)]:
        place = (len(numbers) - 1) * share
        low, high = numbers[int(place)], numbers[min(int(place) + 1, len(numbers) - 1)]
        assert low <= column[name] <= high


@pytest.mark.parametrize(
    "text, number",
    [
        ("0.1", 0.1),
        ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ("9007199254740993", 9007199254740992.0),
        ("0.000000000000000000000000000001", 1e-30),
        ("1e-400", 0.0),
        ("-1e-400", -0.0),
        ("0e999999999999", 0.0),
        ("4.9e-324", 5e-324),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("00012.50", 12.5),
        ("true", 1.0),
        ("FALSE", 0.0),
    ],
)
def test_numbers(cli, text, number):
    got = describe(cli, "-", "--no-header", stdin=text + "\n")
    assert got["columns"][0]["min"] == number


@pytest.mark.parametrize("text", ["1.2.3", "1e", "e5", "--1", "0x10", "1_000", "1,5;", "..", "-", "+-1"])
def test_not_numbers(cli, text):
    got = describe(cli, "-", "--delimiter", "|", "--no-header", stdin=text + "\n")
    assert (got["columns"][0]["count"], got["columns"][0]["text"]) == (0, 1)


def test_byte_order_mark(cli):
    got = describe(cli, "-", stdin=b"\xef\xbb\xbfa,b\n1,2\n")
    assert [column["name"] for column in got["columns"]] == ["a", "b"]


@pytest.mark.parametrize(
    "text, names",
    [
        ("1,2\n3,4\n", ["column1", "column2"]),
        ("a,b\n3,4\n", ["a", "b"]),
        ("a,1\n3,4\n", ["a", "1"]),
        ("2024-01-01,1\n2024-01-02,4\n", ["column1", "column2"]),
        ("x,y\na,b\n", ["x", "y"]),
        (",b\n0,4\n", ["column1", "b"]),
    ],
)
def test_header_is_found(cli, text, names):
    assert [column["name"] for column in describe(cli, "-", stdin=text)["columns"]] == names


def test_header_is_told(cli):
    got = describe(cli, "-", "--header", stdin="1,2\n3,4\n")
    assert ([column["name"] for column in got["columns"]], got["rows"]) == (["1", "2"], 1)
    got = describe(cli, "-", "--no-header", stdin="a,b\n3,4\n")
    assert got["rows"] == 2


def test_columns_chosen_and_dropped(cli):
    text = 'a,"b,c",d,e\n1,2,3,4\n'

    def names(*arguments):
        return [c["name"] for c in describe(cli, "-", *arguments, stdin=text)["columns"]]

    assert names("--columns", "d,a") == ["d", "a"]
    assert names("--columns", "b,c", "--columns", "d") == ["b,c", "d"]
    assert names("--columns", 'a,"b,c"') == ["a", "b,c"]
    assert names("--drop", "a,d") == ["b,c", "e"]
    assert names("--columns", "a,d,e", "--drop", "d") == ["a", "e"]


def test_long_quoted_field(cli):
    text = 'a,b\n1,"' + "x\n" * 3_000_000 + '"\n2,3\n'
    got = describe(cli, "-", stdin=text)
    assert (got["rows"], got["columns"][1]["text"]) == (2, 1)


def test_many_chunks(cli):
    rows = 35_000
    text = "a,b,c\n" + "".join(f'{row},"{row * 2}",{row % 7}\n' for row in range(rows))
    got = describe(cli, "-", stdin=text)
    a, b, c = got["columns"]
    assert (got["rows"], a["count"], b["max"], a["50%"]) == (rows, rows, 2 * rows - 2, (rows - 1) / 2)
    np.testing.assert_allclose(c["mean"], np.mean(np.arange(rows) % 7))


def test_a_pipe_given_as_a_file(cli):
    import os
    import threading

    path = cli.folder / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("a,b\n1,2\n3,4\n"))
    writer.start()
    assert describe(cli, "pipe")["rows"] == 2
    writer.join()
