"""Pictures of the guide's pages on thresholds, calibration and drift.

    make pictures

draws them, too.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from pictures import FLAGGED, FOLDER, INK, LINE, QUIET

import pynomaly


def tidy(axes):
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7, colors=QUIET)


def thresholds(figure):
    """How often fresh scores exceed the threshold of a risk of 1e-3."""
    axes = figure.subplots()
    draws = {
        "normal": lambda rng, n: rng.normal(size=n),
        "exponential": lambda rng, n: rng.exponential(size=n),
        "Pareto (3)": lambda rng, n: rng.pareto(3, size=n),
        "uniform": lambda rng, n: rng.uniform(size=n),
    }
    sizes = [300, 1000, 3000, 10_000, 30_000]
    for colour, (name, draw) in zip((LINE, INK, FLAGGED, QUIET), draws.items()):
        rng = np.random.default_rng(1)
        shares = np.array(
            [
                [(draw(rng, 300_000) > pynomaly.find_threshold(draw(rng, n), "pot", 1e-3).value).mean() for _ in range(40)]
                for n in sizes
            ]
        )
        axes.plot(sizes, shares.mean(axis=1), color=colour, linewidth=1.4, label=name)
        low, high = np.quantile(shares, [0.1, 0.9], axis=1)
        axes.fill_between(sizes, np.maximum(low, 1e-5), high, color=colour, alpha=0.1, linewidth=0)
    axes.axhline(1e-3, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set(xscale="log", yscale="log", ylim=(1e-4, 1e-2))
    axes.set_xlabel("scores that the threshold was found from", fontsize=8, color=INK)
    axes.set_ylabel("share of fresh scores above", fontsize=8, color=INK)
    axes.legend(fontsize=7, frameon=False)
    tidy(axes)


def calibration(figure):
    """The curves of all methods for the same scores."""
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], [900, 60])
    scores = np.concatenate([rng.gamma(3, 0.6, 900), rng.normal(5, 1.2, 60).clip(0)])
    grid = np.linspace(0, scores.max(), 600)
    bars, plain, learnt = figure.subplots(1, 3)
    bars.hist([scores[labels == 0], scores[labels == 1]], bins=30, stacked=True, color=[LINE, FLAGGED], alpha=0.8)
    bars.set_title("scores", fontsize=8, color=INK)
    for axes, methods, title in (
        (plain, ("linear", "gaussian", "gamma", "tail"), "without labels"),
        (learnt, ("logistic", "isotonic"), "with labels"),
    ):
        for colour, method in zip((QUIET, LINE, INK, FLAGGED), methods):
            curve = pynomaly.Calibration(method, scores, labels)
            axes.plot(grid, curve.apply(grid), color=colour, linewidth=1.3, label=method)
        axes.set_title(title, fontsize=8, color=INK)
        axes.set_ylim(-0.02, 1.02)
        axes.legend(fontsize=7, frameon=False, loc="lower right")
    for axes in (bars, plain, learnt):
        axes.set_xlim(0, scores.max())
        tidy(axes)


def drift(figure):
    """The second column of a stream moves slowly from row 6,000 on."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(12_000, 2))
    X[6000:, 1] += np.linspace(0, 0.6, 6000)
    monitor = pynomaly.DriftDetector(rng.normal(size=(5000, 2)), window=500)
    rows, p, levels = [], [], []
    for start in range(0, len(X), 500):
        monitor.update(X[start : start + 500])
        rows.append(monitor.rows)
        p.append([feature.adjusted_p_value for feature in monitor.report()])
        levels.append(monitor.level)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
    above.plot(X[:, 1], ",", color=INK, alpha=0.5)
    above.set_ylabel("column 2", fontsize=8, color=INK)
    below.plot(rows, np.maximum(p, 1e-16), linewidth=1.3)
    below.lines[0].set(color=QUIET, label="column 1")
    below.lines[1].set(color=LINE, label="column 2")
    below.step(rows, levels, color=FLAGGED, linewidth=0.9, linestyle=(0, (4, 3)), label="level of the look")
    below.axvline(monitor.first_drift, color=FLAGGED, linewidth=0.9)
    below.set(yscale="log", ylim=(1e-16, 2), xlim=(0, len(X)))
    below.set_ylabel("p value", fontsize=8, color=INK)
    below.set_xlabel("row", fontsize=8, color=INK)
    below.legend(fontsize=7, frameon=False, loc="lower left")
    for axes in (above, below):
        tidy(axes)


if __name__ == "__main__":
    for name, draw in (("Thresholds", thresholds), ("Calibration", calibration), ("Drift", drift)):
        figure = plt.figure(figsize=(6.4, 3.1), dpi=110, layout="constrained")
        draw(figure)
        figure.canvas.draw()
        pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
        pixels.quantize(48).save(FOLDER / f"{name}.png", optimize=True)
        plt.close(figure)
        print(f"{name}.png: {(FOLDER / f'{name}.png').stat().st_size / 1024:.0f} KB")
