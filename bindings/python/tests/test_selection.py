"""Which detector to take."""

from __future__ import annotations

import math

import pytest

import pynomaly
from pynomaly import ArgumentError, select_detector


def by_name(selections):
    return {one.detector: one for one in selections}


def test_the_default_policy_ranks_every_detector():
    found = select_detector(5_000, 10)
    assert sorted(by_name(found)) == pynomaly.detector_names()
    fits = [one.fits for one in found]
    assert fits == sorted(fits, reverse=True) and found[0].measured
    assert found[0].fit_seconds > 0 and found[0].memory_bytes > 0
    assert 0.5 < found[0].roc_auc < 1
    assert "ROC-AUC 0." in found[0].reason and "fit about" in found[0].reason


@pytest.mark.parametrize(
    ("rows", "real_time", "name"),
    [
        (9_999, True, "LocalOutlierFactor"),
        (10_000, True, "EllipticEnvelope"),
        (100_000, False, "EllipticEnvelope"),
        (100_001, False, "OneClassSVM"),
        (1_000_000, False, "OneClassSVM"),
        (1_000_001, False, "IsolationForest"),
    ],
)
def test_the_policy_of_the_guide(rows, real_time, name):
    found = select_detector(rows, 5, real_time=real_time, policy="guide")
    assert [one.detector for one in found] == [name]


def test_limits_and_needs():
    found = select_detector(1_000_000, 10, max_fit_seconds=1, machine_speed=1)
    svm = by_name(found)["OneClassSVM"]
    assert not svm.fits and "the limit is 1.0 s" in svm.reason
    assert all(one.fit_seconds <= 1 for one in found if one.fits and one.measured)
    tight = select_detector(1000, 10, max_memory_bytes=1)
    assert not any(one.fits and one.measured for one in tight)
    for one in found:
        if pynomaly.detector_info(one.detector).plugin:
            continue  # other tests' plugins
        assert one.measured != (one.detector in ("MatrixProfile", "SlidingWindow"))
        assert one.fits <= one.measured
    for need in ("explain", "missing_values", "partial_fit", "sample_weight"):
        for one in select_detector(1000, 10, **{need: True}):
            info = pynomaly.detector_info(one.detector)
            able = {
                "explain": info.explains,
                "missing_values": info.takes_missing_values,
                "partial_fit": info.partial_fits,
                "sample_weight": info.takes_sample_weight,
            }[need]
            assert one.fits <= able


def test_predictions_scale_with_the_machine():
    slow, fast = (
        by_name(select_detector(3000, 4, machine_speed=speed))["KNN"] for speed in (0.5, 2)
    )
    assert slow.fit_seconds == pytest.approx(4 * fast.fit_seconds)
    assert slow.score_row_seconds == pytest.approx(4 * fast.score_row_seconds)
    assert slow.memory_bytes == fast.memory_bytes
    assert pynomaly.machine_speed() == pynomaly.machine_speed() > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 0},
        {"columns": -1},
        {"rows": 2**48 + 1},
        {"policy": "fastest"},
        {"max_fit_seconds": 0},
        {"max_score_ms": -1},
        {"max_memory_bytes": math.nan},
    ],
)
def test_what_is_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        select_detector(**{"rows": 10, "columns": 2, **wrong})
