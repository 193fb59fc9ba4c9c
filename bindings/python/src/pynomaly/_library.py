"""Finds libpynomaly, loads it, and declares its functions as include/pynomaly.h does."""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    POINTER,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint64,
    c_void_p,
    sizeof,
)
from pathlib import Path
from typing import Any

ABI_VERSION = 1
SONAME = "libpynomaly.so.1"
BUNDLED = Path(__file__).with_name("libpynomaly.so")
ENVIRONMENT_VARIABLE = "PYNOMALY_LIBRARY"

FLOAT32 = 1
FLOAT64 = 2

OPTION_INT = 1
OPTION_DOUBLE = 2
OPTION_BOOL = 4
OPTION_STRING = 8
OPTION_DETECTOR = 16
OPTION_DETECTOR_LIST = 32
OPTION_NUMBER_LIST = 64


class _Sized(ctypes.Structure):
    """A structure that begins with its own size."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(type(self)), **fields)


class Error(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("code", c_int32),
        ("reserved", c_int32),
        ("row", c_int64),
        ("column", c_int64),
        ("message", c_char * 512),
    ]

    def __init__(self) -> None:
        super().__init__(row=-1, column=-1)


class Matrix(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("data", c_void_p),
        ("dtype", c_int32),
        ("reserved", c_int32),
        ("rows", c_int64),
        ("columns", c_int64),
        ("row_stride", c_int64),
        ("column_stride", c_int64),
    ]


class DetectorInfo(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("description", c_char_p),
        ("reference", c_char_p),
        ("capabilities", c_int64),
        ("option_count", c_int64),
        ("plugin", c_char_p),
        ("version", c_char_p),
    ]


class Value(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("type", c_int32),
        ("bool_value", c_int32),
        ("int_value", c_int64),
        ("double_value", c_double),
        ("string_value", c_char_p),
    ]


class OptionInfo(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("description", c_char_p),
        ("allowed", c_char_p),
        ("types", c_int32),
        ("double_minimum_exclusive", c_int32),
        ("int_minimum", c_int64),
        ("int_maximum", c_int64),
        ("double_minimum", c_double),
        ("double_maximum", c_double),
        ("choices", POINTER(c_char_p)),
        ("choice_count", c_int64),
        ("default_value", Value),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.default_value.struct_size = ctypes.sizeof(Value)


class Call(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("progress", c_void_p),
        ("progress_context", c_void_p),
        ("threads", c_int32),
        ("reserved", c_int32),
        ("sample_weight", c_void_p),
        ("sample_weight_count", c_int64),
        ("labels", c_void_p),
        ("label_count", c_int64),
    ]


class ThresholdRule(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("method", c_int32),
        ("reserved", c_int32),
        ("parameter", c_double),
        ("initial_quantile", c_double),
    ]


class Threshold(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("value", c_double),
        ("count", c_int64),
        ("exceeding", c_int64),
        ("initial_threshold", c_double),
        ("peak_count", c_int64),
        ("shape", c_double),
        ("scale", c_double),
        ("log_likelihood", c_double),
    ]


class CalibrationInfo(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("method", c_int32),
        ("reserved", c_int32),
        ("location", c_double),
        ("scale", c_double),
        ("shape", c_double),
        ("slope", c_double),
        ("intercept", c_double),
        ("knot_count", c_int64),
    ]


class DriftOptions(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("alpha", c_double),
        ("window", c_int64),
        ("step", c_int64),
        ("reference_rows", c_int64),
        ("random_state", c_int64),
        ("correction", c_int32),
        ("spending", c_int32),
    ]


class DriftReport(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("rows", c_int64),
        ("looks", c_int64),
        ("level", c_double),
        ("drifted_count", c_int64),
        ("first_drift", c_int64),
        ("feature_count", c_int64),
        ("reference_row_count", c_int64),
    ]


class DriftFeature(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("statistic", c_double),
        ("p_value", c_double),
        ("adjusted_p_value", c_double),
        ("psi", c_double),
        ("first_drift", c_int64),
        ("drifted", c_int32),
        ("reserved", c_int32),
    ]


class PluginInfo(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("version", c_char_p),
        ("description", c_char_p),
        ("author", c_char_p),
        ("licence", c_char_p),
        ("path", c_char_p),
        ("abi_version", c_int32),
        ("reserved", c_int32),
        ("detector_count", c_int64),
        ("detectors", POINTER(c_char_p)),
        ("allocated_blocks", c_int64),
    ]


class SelectionRequest(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("rows", c_int64),
        ("columns", c_int64),
        ("policy", c_int32),
        ("real_time", c_int32),
        ("capabilities", c_int64),
        ("max_fit_seconds", c_double),
        ("max_score_milliseconds", c_double),
        ("max_memory_bytes", c_double),
        ("machine_speed", c_double),
    ]


class Selection(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("detector", c_char_p),
        ("fits", c_int32),
        ("measured", c_int32),
        ("fit_seconds", c_double),
        ("score_seconds", c_double),
        ("score_row_seconds", c_double),
        ("memory_bytes", c_double),
        ("roc_auc", c_double),
        ("average_precision", c_double),
        ("reason", c_char * 384),
    ]


class TuningPlan(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("criterion", c_int32),
        ("folds", c_int32),
        ("repeats", c_int32),
        ("reserved", c_int32),
        ("holdout", c_double),
        ("budget", c_int64),
        ("seed", c_int64),
    ]


class TuningResult(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("mean", c_double),
        ("deviation", c_double),
        ("fit_seconds", c_double),
        ("score_seconds", c_double),
        ("rank", c_int64),
        ("same_as", c_int64),
        ("fold_count", c_int64),
        ("status", c_int32),
        ("reserved", c_int32),
        ("message", c_char_p),
    ]


WriteCallback = ctypes.CFUNCTYPE(c_int32, c_void_p, c_size_t, c_void_p)


class ProfilerOptions(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("rate", c_double),
        ("duration", c_double),
        ("native", c_int32),
        ("idle", c_int32),
        ("gil", c_int32),
        ("threads", c_int32),
        ("function", c_int32),
        ("nolineno", c_int32),
        ("subprocesses", c_int32),
        ("nonblocking", c_int32),
        ("slice", c_double),
        ("slice_format", c_int32),
        ("reserved", c_int32),
        ("slice_write", WriteCallback),
        ("slice_context", c_void_p),
    ]


class DumpOptions(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("format", c_int32),
        ("native", c_int32),
        ("nonblocking", c_int32),
        ("locals", c_int32),
    ]


class ProfilerStatistics(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("due", c_int64),
        ("taken", c_int64),
        ("late", c_int64),
        ("skipped", c_int64),
        ("torn", c_int64),
        ("failed", c_int64),
        ("stacks", c_int64),
        ("stops", c_int64),
        ("pause_ns", c_int64),
        ("own_ns", c_int64),
        ("duration_ns", c_int64),
        ("incomplete", c_int64),
        ("blocked", c_int64),
        ("interrupted", c_int64),
        ("threads", c_int64),
        ("active", c_int64),
        ("locked", c_int64),
    ]


# Declared with the one argument the Python side reads. The library passes two more (stage, context);
# in every C calling convention with caller clean-up a callee may leave trailing arguments alone.
ProgressCallback = ctypes.CFUNCTYPE(c_int32, c_double)
ScoresCallback = ctypes.CFUNCTYPE(c_int32, c_void_p, c_int64, c_int64, c_void_p)
PluginVisitor = ctypes.CFUNCTYPE(c_int32, c_char_p, POINTER(PluginInfo), POINTER(Error), c_void_p)


_detector = c_void_p
_profiler = c_void_p
_text = c_char_p
_matrix = POINTER(Matrix)
_call = POINTER(Call)
_error = POINTER(Error)

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "pyn_version_string": (_text, ()),
    "pyn_abi_version": (c_int32, ()),
    "pyn_kernels_name": (_text, ()),
    "pyn_status_name": (_text, (c_int32,)),
    "pyn_detector_count": (c_int64, ()),
    "pyn_detector_name_at": (_text, (c_int64,)),
    "pyn_detector_get_info": (c_int32, (_text, POINTER(DetectorInfo), _error)),
    "pyn_detector_get_option_info": (c_int32, (_text, c_int64, POINTER(OptionInfo), _error)),
    "pyn_detector_create": (c_int32, (_text, POINTER(_detector), _error)),
    "pyn_detector_copy": (c_int32, (_detector, POINTER(_detector), _error)),
    "pyn_detector_free": (None, (_detector,)),
    "pyn_detector_set_int": (c_int32, (_detector, _text, c_int64, _error)),
    "pyn_detector_set_double": (c_int32, (_detector, _text, c_double, _error)),
    "pyn_detector_set_bool": (c_int32, (_detector, _text, c_int32, _error)),
    "pyn_detector_set_string": (c_int32, (_detector, _text, _text, _error)),
    "pyn_detector_get_option": (c_int32, (_detector, _text, POINTER(Value), _error)),
    "pyn_detector_fit": (c_int32, (_detector, _matrix, _call, _error)),
    "pyn_detector_partial_fit": (c_int32, (_detector, _matrix, _call, _error)),
    "pyn_detector_fit_stream": (c_int32, (_detector, c_void_p, _call, _error)),
    "pyn_detector_partial_fit_stream": (c_int32, (_detector, c_void_p, _call, _error)),
    "pyn_detector_score_stream": (
        c_int32,
        (_detector, c_void_p, _call, ScoresCallback, c_void_p, _error),
    ),
    "pyn_detector_score": (c_int32, (_detector, _matrix, _call, c_void_p, c_int64, _error)),
    "pyn_detector_predict": (c_int32, (_detector, _matrix, _call, c_void_p, c_int64, _error)),
    "pyn_detector_explain": (c_int32, (_detector, _matrix, _call, c_void_p, c_int64, _error)),
    "pyn_detector_get_threshold": (c_int32, (_detector, POINTER(c_double), _error)),
    "pyn_detector_set_threshold": (c_int32, (_detector, c_double, _error)),
    "pyn_threshold_from_scores": (
        c_int32,
        (c_void_p, c_int64, POINTER(ThresholdRule), POINTER(Threshold), _error),
    ),
    "pyn_threshold_rule_from_text": (c_int32, (_text, POINTER(ThresholdRule), _error)),
    "pyn_detector_set_threshold_by": (
        c_int32,
        (_detector, POINTER(ThresholdRule), c_void_p, c_int64, POINTER(Threshold), _error),
    ),
    "pyn_calibration_create": (
        c_int32,
        (c_int32, c_void_p, c_void_p, c_int64, POINTER(c_void_p), _error),
    ),
    "pyn_calibration_apply": (c_int32, (c_void_p, c_void_p, c_int64, c_void_p, _error)),
    "pyn_calibration_get_info": (c_int32, (c_void_p, POINTER(CalibrationInfo), _error)),
    "pyn_calibration_free": (None, (c_void_p,)),
    "pyn_detector_set_calibration": (c_int32, (_detector, c_void_p, _error)),
    "pyn_detector_get_calibration": (c_int32, (_detector, POINTER(c_void_p), _error)),
    "pyn_detector_predict_probability": (
        c_int32,
        (_detector, _matrix, _call, c_void_p, c_int64, _error),
    ),
    "pyn_detector_get_name": (_text, (_detector,)),
    "pyn_detector_is_fitted": (c_int32, (_detector,)),
    "pyn_detector_reads_series": (c_int32, (_detector,)),
    "pyn_detector_get_feature_count": (c_int32, (_detector, POINTER(c_int64), _error)),
    "pyn_detector_get_fitted": (c_int32, (_detector, _text, POINTER(c_double), _error)),
    "pyn_detector_get_training_scores": (c_int32, (_detector, c_void_p, c_int64, _error)),
    "pyn_detector_set_feature_names": (c_int32, (_detector, POINTER(_text), c_int64, _error)),
    "pyn_detector_get_feature_name": (_text, (_detector, c_int64)),
    "pyn_detector_save_file": (c_int32, (_detector, _text, _error)),
    "pyn_detector_save_memory": (
        c_int32,
        (_detector, c_void_p, c_size_t, POINTER(c_size_t), _error),
    ),
    "pyn_detector_load_file": (c_int32, (_text, POINTER(_detector), _error)),
    "pyn_detector_load_memory": (c_int32, (_text, c_size_t, POINTER(_detector), _error)),
    "pyn_drift_create": (
        c_int32,
        (_matrix, c_void_p, c_int64, POINTER(DriftOptions), POINTER(c_void_p), _error),
    ),
    "pyn_drift_update": (c_int32, (c_void_p, _matrix, c_void_p, c_int64, _call, _error)),
    "pyn_drift_get_report": (c_int32, (c_void_p, POINTER(DriftReport), _error)),
    "pyn_drift_get_feature": (c_int32, (c_void_p, c_int64, POINTER(DriftFeature), _error)),
    "pyn_drift_save_memory": (
        c_int32,
        (c_void_p, c_void_p, c_size_t, POINTER(c_size_t), _error),
    ),
    "pyn_drift_load_memory": (c_int32, (_text, c_size_t, POINTER(c_void_p), _error)),
    "pyn_drift_free": (None, (c_void_p,)),
    "pyn_kolmogorov_smirnov": (
        c_int32,
        (c_void_p, c_int64, c_void_p, c_int64, POINTER(c_double), POINTER(c_double), _error),
    ),
    "pyn_plugin_load": (c_int32, (_text, POINTER(PluginInfo), _error)),
    "pyn_plugin_load_all": (c_int32, (PluginVisitor, c_void_p, _error)),
    "pyn_plugin_count": (c_int64, ()),
    "pyn_plugin_get_info": (c_int32, (c_int64, POINTER(PluginInfo), _error)),
    "pyn_select_detector": (
        c_int32,
        (POINTER(SelectionRequest), POINTER(Selection), c_int64, POINTER(c_int64), _error),
    ),
    "pyn_machine_speed": (c_double, ()),
    "pyn_tuning_create": (c_int32, (_detector, POINTER(c_void_p), _error)),
    "pyn_tuning_free": (None, (c_void_p,)),
    "pyn_tuning_add_value": (c_int32, (c_void_p, _text, POINTER(Value), _error)),
    "pyn_tuning_add_defaults": (c_int32, (c_void_p, _error)),
    "pyn_tuning_run": (c_int32, (c_void_p, _matrix, POINTER(TuningPlan), _call, _error)),
    "pyn_tuning_get_count": (c_int64, (c_void_p,)),
    "pyn_tuning_get_best": (c_int64, (c_void_p,)),
    "pyn_tuning_get_criterion": (c_int32, (c_void_p,)),
    "pyn_tuning_option_at": (_text, (c_void_p, c_int64)),
    "pyn_tuning_option_is_judged": (c_int32, (c_void_p, c_int64)),
    "pyn_tuning_get_result": (
        c_int32,
        (c_void_p, c_int64, POINTER(TuningResult), c_void_p, c_int64, _error),
    ),
    "pyn_tuning_create_detector": (c_int32, (c_void_p, c_int64, POINTER(_detector), _error)),
    "pyn_profiler_start": (c_int32, (c_int32, POINTER(ProfilerOptions), POINTER(_profiler), _error)),
    "pyn_profiler_wait": (c_int32, (_profiler, c_double, POINTER(c_int32), _error)),
    "pyn_profiler_stop": (c_int32, (_profiler, _error)),
    "pyn_profiler_get_statistics": (c_int32, (_profiler, POINTER(ProfilerStatistics), _error)),
    "pyn_profiler_write": (c_int32, (_profiler, c_int32, WriteCallback, c_void_p, _error)),
    "pyn_profiler_write_file": (c_int32, (_profiler, c_int32, _text, _error)),
    "pyn_profiler_take_slice": (c_int32, (_profiler, c_int32, WriteCallback, c_void_p, _error)),
    "pyn_profiler_pause": (c_int32, (_profiler, _error)),
    "pyn_profiler_resume": (c_int32, (_profiler, _error)),
    "pyn_profiler_dump": (c_int32, (c_int32, POINTER(DumpOptions), WriteCallback, c_void_p, _error)),
    "pyn_profiler_free": (None, (_profiler,)),
    "pyn_profiler_push_label": (c_uint64, (_text, c_void_p)),
    "pyn_profiler_pop_label": (None, (c_uint64,)),
    "pyn_profiler_compare": (
        c_int32,
        (_text, c_size_t, _text, c_size_t, _text, WriteCallback, c_void_p, _error),
    ),
    "pyn_set_thread_limit": (None, (c_int32,)),
    "pyn_get_thread_limit": (c_int32, ()),
    "pyn_roc_auc": (c_int32, (c_void_p, c_void_p, c_int64, POINTER(c_double), _error)),
    "pyn_average_precision": (c_int32, (c_void_p, c_void_p, c_int64, POINTER(c_double), _error)),
}


def _candidates() -> list[str]:
    """Where to look, best first. A library that was asked for by name is the only candidate."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return [named]
    return [str(BUNDLED)] * BUNDLED.exists() + [SONAME]


def _load() -> ctypes.CDLL:
    failures = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            failures.append(f"  {path}: {error}")
            continue
        _declare(library, path)
        return library
    raise ImportError(
        "libpynomaly could not be loaded. Tried:\n" + "\n".join(failures) + "\n"
        f"Install the pynomaly wheel, which carries it, or set {ENVIRONMENT_VARIABLE} to the path "
        "of libpynomaly.so."
    )


def _declare(library: ctypes.CDLL, path: str) -> None:
    try:
        library.pyn_abi_version.restype = c_int32
        found = library.pyn_abi_version()
        if found != ABI_VERSION:
            remedy = "update the pynomaly package" if found > ABI_VERSION else "update the library"
            raise ImportError(
                f"{path} has ABI version {found}; this package needs version {ABI_VERSION}: {remedy}."
            )
        for name, (result, arguments) in _FUNCTIONS.items():
            function = library[name]
            function.restype = result
            function.argtypes = arguments
            setattr(library, name, function)
    except AttributeError as error:
        raise ImportError(
            f"{path} is not the libpynomaly this package needs ({error}): update the library."
        ) from None


library = _load()

# The same library for calls that take microseconds: the global interpreter lock is kept, because
# giving it up can cost a switch interval (5 ms) when another thread is waiting for it.
library_keeping_lock = ctypes.PyDLL(library._name)


def text(value: bytes | None) -> str:
    """A string of the library; the end of a message may be cut inside a character."""
    return value.decode("utf-8", "replace") if value else ""


def encode(value: str) -> bytes:
    """A string for the library, which ends strings at the first NUL."""
    if "\0" in value:
        raise ValueError(f"{value!r} contains a NUL character")
    return value.encode("utf-8")


def version() -> str:
    """The version of the loaded library."""
    return text(library.pyn_version_string())


def kernels_name() -> str:
    """The build of the inner loops chosen for this processor: "baseline" or "x86-64-v3"."""
    return text(library.pyn_kernels_name())


def set_thread_limit(limit: int) -> None:
    """At most so many threads work for one call that does not say; 0: all processors."""
    library.pyn_set_thread_limit(limit)


def get_thread_limit() -> int:
    """The limit set by `set_thread_limit`; 0: all processors."""
    return int(library.pyn_get_thread_limit())
