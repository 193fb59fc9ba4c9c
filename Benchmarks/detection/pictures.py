"""Pictures of the guide: what each detector makes of two small data sets of ours.

    make pictures

writes Sources/Detection/Detection.docc/Resources/NAME.png for every detector. Detectors of series are
drawn over a series instead of a plane.
"""

from __future__ import annotations

import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from locations import prepare_package

prepare_package()

import pynomaly

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Sources/Detection/Detection.docc/Resources"
INK, QUIET, FLAGGED, LINE = "#1f2933", "#7b8794", "#c2410c", "#0f4c81"
SERIES = {"MatrixProfile", "SlidingWindow"}
# The share of outliers that is asked for, and what the detectors without a contamination take instead.
SHARE = 0.08
OPTIONS: dict[str, dict] = {"OneClassSVM": {"nu": SHARE}, "SGDOneClassSVM": {"nu": SHARE}}


def clouds(rng):
    """A tight and a loose cloud, and rows that belong to neither."""
    return np.vstack(
        [rng.normal((-2.2, -1.2), 0.35, (120, 2)), rng.normal((1.6, 1.0), 0.95, (160, 2)), rng.uniform(-5, 5, (24, 2))]
    )


def band(rng):
    """A bent band with rows off it."""
    along = rng.uniform(-2.4, 2.4, 280)
    bent = np.column_stack([1.5 * along, 0.9 * along**2 - 2.5]) + rng.normal(0, 0.3, (280, 2))
    return np.vstack([bent, rng.uniform(-5, 5, (24, 2))])


def wave(rng):
    """A noisy wave with a beat that comes too early and one that is flat."""
    time = np.arange(600)
    series = np.sin(time / 6) + 0.4 * np.sin(time / 3) + rng.normal(0, 0.08, 600)
    series[240:270] = np.sin(time[240:270] / 3) + rng.normal(0, 0.08, 30)
    series[430:455] = series[430] + rng.normal(0, 0.08, 25)
    return series[:, None]


def make(name):
    options = dict(OPTIONS.get(name, {}))
    described = {option.name for option in pynomaly.detector_info(name).options}
    if "contamination" in described:
        options.setdefault("contamination", SHARE)
    if "random_state" in described:
        options.setdefault("random_state", 0)
    return pynomaly.estimator_class(name)(**options)


def scores(estimator, X):
    return -estimator.score_samples(X)


def draw_plane(axes, name, X):
    estimator = make(name).fit(X)
    side = np.linspace(-5.5, 5.5, 180)
    plane = scores(estimator, np.array([(x, y) for y in side for x in side])).reshape(180, 180)
    of_rows = getattr(estimator, "training_scores_", None)
    of_rows = scores(estimator, X) if of_rows is None else of_rows
    threshold = -estimator.offset_
    # Shades by rank among the plane's scores: methods differ in scale, not in what is drawn.
    levels = np.unique(np.quantile(plane, np.linspace(0, 1, 13)))
    if len(levels) > 1:
        axes.contourf(side, side, plane, levels=levels, cmap="Blues", alpha=0.75, extend="both")
    if plane.min() < threshold < plane.max():
        axes.contour(side, side, plane, levels=[threshold], colors=LINE, linewidths=1.2)
    out = of_rows > threshold
    axes.scatter(*X[~out].T, s=5, color=INK, linewidths=0)
    axes.scatter(*X[out].T, s=15, color=FLAGGED, linewidths=0.4, edgecolors="white")
    axes.set(xlim=(-5.5, 5.5), ylim=(-5.5, 5.5), xticks=[], yticks=[])


def draw_series(figure, name, series):
    estimator = make(name).fit(series)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    of_rows = scores(estimator, series)
    out = of_rows > -estimator.offset_
    above.plot(series[:, 0], color=INK, linewidth=0.8)
    below.plot(of_rows, color=LINE, linewidth=0.9)
    below.axhline(-estimator.offset_, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    for axes in (above, below):
        axes.fill_between(np.arange(len(out)), 0, 1, where=out, color=FLAGGED, alpha=0.25, linewidth=0,
                          transform=axes.get_xaxis_transform())  # fmt: skip
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7, colors=QUIET)
    above.set_ylabel("series", fontsize=8, color=INK)
    below.set_ylabel("score", fontsize=8, color=INK)
    below.set_xlim(0, len(series))


def picture(name):
    figure = plt.figure(figsize=(6.4, 3.1), dpi=110, layout="constrained")
    rng = np.random.default_rng(7)
    if name in SERIES:
        draw_series(figure, name, wave(rng))
    else:
        for axes, X in zip(figure.subplots(1, 2), (clouds(rng), band(rng))):
            draw_plane(axes, name, X)
    FOLDER.mkdir(exist_ok=True)
    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    pixels.quantize(48).save(FOLDER / f"{name}.png", optimize=True)
    plt.close(figure)


if __name__ == "__main__":
    for name in pynomaly.detector_names():
        picture(name)
        print(f"{name}.png: {(FOLDER / f'{name}.png').stat().st_size / 1024:.0f} KB")
