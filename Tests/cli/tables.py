"""Tables for the tests."""

import csv
import io
import json

import numpy as np


def csv_text(header, rows, **dialect):
    """Text as Python's csv module writes it."""
    out = io.StringIO()
    writer = csv.writer(out, **dialect)
    if header is not None:
        writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def planted(rows=3000, columns=5, outliers=12, seed=0):
    """A cloud with rows far from it: the table, and the places of those rows."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, columns)).round(6)
    places = np.sort(rng.choice(rows, outliers, replace=False))
    table[places] += rng.choice([-9.0, 9.0], size=(outliers, columns))
    return table, places


def planted_csv(labels=False, **settings):
    table, places = planted(**settings)
    header = [f"x{column}" for column in range(table.shape[1])]
    rows = [list(map(repr, map(float, row))) for row in table]
    if labels:
        header.append("label")
        rows = [row + [int(place in set(places))] for place, row in enumerate(rows)]
    return csv_text(header, rows), table, places


def read_scores(path):
    """Rows, scores and labels of an output file."""
    if str(path).endswith(".ndjson"):
        lines = [json.loads(line) for line in open(path)]
        columns = [[line[name] for line in lines] for name in ("row", "score", "label")]
    else:
        with open(path, newline="") as file:
            header, *lines = csv.reader(file)
        assert header == ["row", "score", "label"]
        columns = list(zip(*lines))
    return (
        np.array(columns[0], dtype=int),
        np.array(columns[1], dtype=float),
        np.array(columns[2], dtype=int),
    )


def roc_auc(scores, labels):
    """By ranks, ties shared."""
    positive = scores[labels == 1]
    negative = scores[labels == 0]
    wins = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    return wins / (len(positive) * len(negative))


def average_precision(scores, labels):
    thresholds = np.unique(scores)[::-1]
    total, recall = 0.0, 0.0
    for threshold in thresholds:
        chosen = scores >= threshold
        precision = labels[chosen].mean()
        reached = labels[chosen].sum() / labels.sum()
        total += (reached - recall) * precision
        recall = reached
    return total


def runs(labels):
    """First and last + 1 of every stretch of ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], labels, [0]])))
    return list(zip(edges[::2], edges[1::2]))
