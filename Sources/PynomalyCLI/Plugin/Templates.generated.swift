// Made by embed-templates from Templates and the headers for plugins. Do not edit.
// swift-format-ignore-file

enum PluginTemplates {
  static let files: [(language: String, path: String, text: String)] = [
    ("c", ".gitignore", text0),
    ("c", "@NAME@.c", text1),
    ("c", "@NAME@.toml", text2),
    ("c", "CMakeLists.txt", text3),
    ("c", "Makefile", text4),
    ("c", "README.md", text5),
    ("c", "include/pynomaly_plugin.h", text6),
    ("c", "wheel/hatch_build.py", text7),
    ("c", "wheel/pynomaly_@IDENTIFIER@/__init__.py", text8),
    ("c", "wheel/pyproject.toml", text9),
    ("cpp", ".gitignore", text0),
    ("cpp", "@NAME@.cpp", text10),
    ("cpp", "@NAME@.toml", text2),
    ("cpp", "CMakeLists.txt", text11),
    ("cpp", "Makefile", text12),
    ("cpp", "README.md", text5),
    ("cpp", "exports.map", text13),
    ("cpp", "include/pynomaly_plugin.h", text6),
    ("cpp", "include/pynomaly_plugin.hpp", text14),
    ("cpp", "wheel/hatch_build.py", text7),
    ("cpp", "wheel/pynomaly_@IDENTIFIER@/__init__.py", text8),
    ("cpp", "wheel/pyproject.toml", text9),
    ("swift", ".gitignore", text0),
    ("swift", "@NAME@.toml", text2),
    ("swift", "Makefile", text15),
    ("swift", "Package.swift", text16),
    ("swift", "README.md", text5),
    ("swift", "Sources/CPynomalyPlugin/module.modulemap", text17),
    ("swift", "Sources/Detector/Detector.swift", text18),
    ("swift", "Sources/Detector/Host.swift", text19),
    ("swift", "Sources/Detector/Plugin.swift", text20),
    ("swift", "exports.map", text13),
    ("swift", "include/pynomaly_plugin.h", text6),
    ("swift", "wheel/hatch_build.py", text7),
    ("swift", "wheel/pynomaly_@IDENTIFIER@/__init__.py", text8),
    ("swift", "wheel/pyproject.toml", text9),
  ]
}

private let text0 = #"""
build/
dist/
__pycache__/

"""#

private let text1 = #"""
/* @NAME@: a plugin for Pynomaly with the detector @DETECTOR@.
 *
 * fit learns the median of each column and the median distance from it (MAD). A row's score is its largest
 * distance from a median, in MADs: the modified z-score of Iglewicz and Hoaglin (1993). */
#include <pynomaly_plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 1e300 /* scores are finite */

static const pyn_plugin_option options[] = {
    PYN_PLUGIN_OPTION_DOUBLE("smallest_deviation", "What a column's MAD is taken for at least.", 1e-9, 1e-300,
                             1e300),
};
enum { SMALLEST_DEVIATION, OPTION_COUNT };

typedef struct {
    const pyn_plugin_host *host;
    double smallest_deviation;
    int64_t columns;
    double *medians; /* [columns] */
    double *mads;    /* [columns], > 0; in the same piece of memory */
} detector;

static pyn_status out_of_memory(const pyn_plugin_host *host, pyn_plugin_call *call) {
    return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "@DETECTOR@ could not get the memory it needs");
}

static pyn_status create(const pyn_plugin_class *class, pyn_plugin_call *call, const pyn_value *values,
                         int64_t count, void **instance) {
    const pyn_plugin_host *host = class->class_data;
    if (count != OPTION_COUNT)
        return host->fail(call, PYN_ERROR_INVALID_ARGUMENT, -1, -1,
                          "@DETECTOR@ got another number of options");
    detector *d = host->allocate(host, sizeof *d);
    if (!d) return out_of_memory(host, call);
    *d = (detector){.host = host, .smallest_deviation = values[SMALLEST_DEVIATION].double_value};
    *instance = d;
    return PYN_OK;
}

static void destroy(void *instance) {
    detector *d = instance;
    const pyn_plugin_host *host = d->host;
    host->release(host, d->medians);
    host->release(host, d);
}

static int make_room(detector *d, int64_t columns) {
    if (columns > INT64_MAX / 64) return 0;
    d->medians = d->host->allocate(d->host, 2 * (size_t)columns * sizeof(double));
    if (!d->medians) return 0;
    d->mads = d->medians + columns;
    d->columns = columns;
    return 1;
}

/* ---------------------------------------------------------------------------------- fit -- */

/* The k-th smallest value (from 0). Puts the values in another order. */
static double kth(double *values, int64_t count, int64_t k) {
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i <= j) {
                const double swap = values[i];
                values[i++] = values[j];
                values[j--] = swap;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return values[k];
}

/* One column, on whichever thread. */
static pyn_status fit_column(pyn_plugin_call *call, int64_t column, int32_t worker, void *context) {
    (void)worker;
    const void *const *given = context;
    detector *d = (detector *)(uintptr_t)given[0];
    const pyn_matrix *X = given[1];
    double *values = d->host->allocate(d->host, (size_t)X->rows * sizeof *values);
    if (!values) return out_of_memory(d->host, call);
    pyn_status status = d->host->read_column(X, column, values);
    if (status == PYN_OK) {
        const double median = kth(values, X->rows, X->rows / 2);
        for (int64_t i = 0; i < X->rows; i++) values[i] = fmin(fabs(values[i] - median), LARGEST);
        d->medians[column] = median;
        d->mads[column] = fmax(kth(values, X->rows, X->rows / 2), d->smallest_deviation);
    }
    d->host->release(d->host, values);
    return status;
}

static pyn_status fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    detector *d = instance;
    if (!make_room(d, training->X->columns)) return out_of_memory(d->host, call);
    const void *context[] = {d, training->X};
    return d->host->parallel_for(call, d->columns, fit_column, context);
}

/* ------------------------------------------------------------------------------- scores -- */

static double distance(const detector *d, int64_t column, double x) {
    return fmin(0.6745 * fmin(fabs(x - d->medians[column]), LARGEST) / d->mads[column], LARGEST);
}

/* One of scores and shares is NULL. */
static pyn_status visit(const detector *d, pyn_plugin_call *call, const pyn_matrix *X, double *scores,
                        double *shares) {
    const pyn_plugin_host *host = d->host;
    const int64_t block = d->columns < 8192 ? 8192 / d->columns : 1; /* rows read at a time */
    double *rows = host->allocate(host, (size_t)(block * d->columns) * sizeof *rows);
    if (!rows) return out_of_memory(host, call);
    pyn_status status = PYN_OK;
    for (int64_t first = 0; first < X->rows && status == PYN_OK; first += block) {
        const int64_t count = X->rows - first < block ? X->rows - first : block;
        status = host->read_rows(X, first, count, rows);
        for (int64_t i = 0; i < count && status == PYN_OK; i++) {
            double largest = 0;
            for (int64_t c = 0; c < d->columns; c++) {
                const double z = distance(d, c, rows[i * d->columns + c]);
                if (shares) shares[(first + i) * d->columns + c] = z;
                if (z > largest) largest = z;
            }
            if (scores) scores[first + i] = largest;
        }
        if (host->progress(call, (double)(first + count) / (double)X->rows)) status = PYN_ERROR_CANCELLED;
    }
    host->release(host, rows);
    return status;
}

static pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    return visit(instance, call, X, scores, NULL);
}

static pyn_status explain(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *shares) {
    return visit(instance, call, X, NULL, shares);
}

/* What Iglewicz and Hoaglin call an outlier. Without this function: the 0.9 quantile of the training's
 * scores. */
static pyn_status threshold(const void *instance, pyn_plugin_call *call, double *value) {
    (void)instance, (void)call;
    *value = 3.5;
    return PYN_OK;
}

static pyn_status fitted(const void *instance, int64_t index, const char **name, double *value) {
    const detector *d = instance;
    if (index != 0) return PYN_ERROR_NOT_SUPPORTED;
    *name = "columns";
    *value = (double)d->columns;
    return PYN_OK;
}

/* -------------------------------------------------------------------------- model bytes -- */

/* Medians, then MADs; little-endian. */
static pyn_status save(const void *instance, pyn_plugin_call *call) {
    const detector *d = instance;
    return d->host->write(call, d->medians, 2 * (size_t)d->columns * sizeof(double));
}

static pyn_status load(const pyn_plugin_class *class, pyn_plugin_call *call, const pyn_value *values,
                       int64_t count, int64_t feature_count, const void *data, size_t size, void **instance) {
    const pyn_plugin_host *host = class->class_data;
    const size_t each = 2 * sizeof(double);
    if (size % each != 0 || feature_count < 1 || size / each != (size_t)feature_count)
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model is cut short, or too long");
    void *made = NULL;
    const pyn_status status = create(class, call, values, count, &made);
    if (status != PYN_OK) return status;
    detector *d = made;
    if (!make_room(d, feature_count)) {
        destroy(d);
        return out_of_memory(host, call);
    }
    memcpy(d->medians, data, size);
    for (int64_t c = 0; c < d->columns; c++) {
        if (isfinite(d->medians[c]) && isfinite(d->mads[c]) && d->mads[c] > 0) continue;
        destroy(d);
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, c, "a number of the model is out of range");
    }
    *instance = d;
    return PYN_OK;
}

/* ------------------------------------------------------------------------------- tables -- */

static const pyn_plugin_class the_class = {
    .struct_size = sizeof(pyn_plugin_class),
    .name = "@DETECTOR@",
    .version = "1.0.0", /* of the model's bytes */
    .description = "How far a row is from the medians of the columns.",
    .reference = "Iglewicz, Hoaglin (1993), How to Detect and Handle Outliers",
    .capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE,
    .options = options,
    .option_count = OPTION_COUNT,
    .create = create,
    .fit = fit,
    .score = score,
    .explain = explain,
    .threshold = threshold,
    .fitted = fitted,
    .save = save,
    .load = load,
    .destroy = destroy,
};

/* A program may hold two libraries, and each is a host: one table for each, in which create finds its
 * host. */
typedef struct table {
    pyn_plugin_class class;
    const pyn_plugin_class *list[1];
    struct table *next;
} table;

pyn_status pynomaly_plugin_init(const pyn_plugin_host *host, int32_t requested_abi, pyn_plugin *plugin) {
    static table *tables = NULL;
    if (requested_abi != 1) {
        plugin->abi_minimum = plugin->abi_maximum = 1;
        return PYN_ERROR_NOT_SUPPORTED;
    }
    table *own = tables;
    while (own && own->class.class_data != (const void *)host) own = own->next;
    if (!own) {
        own = calloc(1, sizeof *own); /* lives as long as the process */
        if (!own) return PYN_ERROR_OUT_OF_MEMORY;
        own->class = the_class;
        own->class.class_data = (void *)(uintptr_t)host;
        own->list[0] = &own->class;
        own->next = tables;
        tables = own;
    }
    *plugin = (pyn_plugin){
        .struct_size = sizeof(pyn_plugin),
        .abi_version = 1,
        .abi_minimum = 1,
        .abi_maximum = 1,
        .name = "@NAME@",
        .version = "0.1.0",
        .description = "How far a row is from the medians of the columns.",
        .classes = own->list,
        .class_count = 1,
    };
    return PYN_OK;
}

"""#

private let text2 = #"""
manifest_version = 1
name = "@NAME@"
version = "0.1.0"
abi = 1
description = "How far a row is from the medians of the columns."
detectors = ["@DETECTOR@"]
[library]
linux-x86_64 = "lib@NAME@.so"
linux-aarch64 = "lib@NAME@.so"

"""#

private let text3 = #"""
# cmake -B build && cmake --build build: the plugin and its manifest in build/. ctest --test-dir build checks it.
cmake_minimum_required(VERSION 3.16)
project(@IDENTIFIER@ VERSION 0.1.0 LANGUAGES C)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(@IDENTIFIER@ MODULE @NAME@.c)
target_include_directories(@IDENTIFIER@ PRIVATE include)
target_compile_options(@IDENTIFIER@ PRIVATE -ffp-contract=off -Wall -Wextra)
target_link_libraries(@IDENTIFIER@ PRIVATE m)
set_target_properties(@IDENTIFIER@ PROPERTIES OUTPUT_NAME @NAME@
  C_STANDARD 11 C_STANDARD_REQUIRED ON C_VISIBILITY_PRESET hidden)
configure_file(@NAME@.toml @NAME@.toml COPYONLY)

enable_testing()
add_test(NAME check COMMAND pynomaly plugin check $<TARGET_FILE:@IDENTIFIER@>)

"""#

private let text4 = #"""
# make, make check, make install, make wheel: see README.md. make BUILD=FOLDER builds elsewhere.
BUILD    ?= build
PYNOMALY ?= pynomaly
PYTHON   ?= python3
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow
# No fused multiply-add: the same bits on every machine. Nothing is exported but what says so.
FLAGS    := -std=c11 -fPIC -fvisibility=hidden -ffp-contract=off -Iinclude $(WARNINGS)

all: $(BUILD)/lib@NAME@.so $(BUILD)/@NAME@.toml

$(BUILD)/lib@NAME@.so: @NAME@.c include/pynomaly_plugin.h Makefile
	@mkdir -p $(BUILD)
	$(CC) $(CFLAGS) $(FLAGS) -shared $(LDFLAGS) -o $@ @NAME@.c -lm

$(BUILD)/@NAME@.toml: @NAME@.toml
	@mkdir -p $(BUILD)
	cp @NAME@.toml $@

check test: all
	$(PYNOMALY) plugin check $(BUILD)/lib@NAME@.so

install: all
	$(PYNOMALY) plugin install $(BUILD)/@NAME@.toml

wheel: all
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist ./wheel

clean:
	rm -rf $(BUILD) dist
.PHONY: all check test install wheel clean

"""#

private let text5 = #"""
# @NAME@

A plugin for Pynomaly with the detector `@DETECTOR@`: every program that uses libpynomaly can have it, from C, C++, Python and the command line.

```sh
make           # builds build/lib@NAME@.so, with the manifest @NAME@.toml beside it
make check     # is the plugin as the contract asks? (pynomaly plugin check)
make install   # for this user; then: pynomaly detect FILE.csv --detector @DETECTOR@
make wheel     # a Python package in dist/ that carries the plugin
```

As it comes, the detector scores a row by its largest distance from a column's median, in median absolute deviations (the modified z-score of Iglewicz and Hoaglin, 1993). It works, and is small: make it yours.

## Next steps

1. Say what it is: name, version and description stand in the source, in `@NAME@.toml` and in `wheel/pyproject.toml`. The version is three numbers. The name `@DETECTOR@` goes into model files: do not change it later.
2. Declare the options. They become options of the command line and arguments in Python, and are checked before your code sees them.
3. Write what `fit` learns and `score` says. A row's score depends on the model and that row alone; higher is more anomalous. `explain` says how much each column adds.
4. Keep `save` and `load` in step with them. `load` may meet damaged bytes: check every length and number. When the bytes change, raise the detector's version, and keep reading the old ones.
5. Tell progress at least every 50 ms, and stop when asked. `parallel_for` does both.
6. `make check`, after every change.

`include/pynomaly_plugin.h` is the manual. `@DETECTOR@` in Python, after `make wheel` and `pip install dist/*.whl`:

```python
import pynomaly
pynomaly.load_plugins()
detector = pynomaly.@DETECTOR@()
```

Written by `pynomaly plugin new`, Pynomaly @VERSION@.

"""#

private let text6 = #"""
/*
 * pynomaly_plugin.h - write a detector, ship it as a .so, and every program that uses libpynomaly can have
 * it: from C, C++, Python and the command line, in model files, like the built-in ones.
 *
 * This header is the manual for authors:
 *
 *    1. Shared with pynomaly.h     4. What the host gives       7. What a plugin gives
 *    2. Status and versions        5. Options                   8. Shorthand for options
 *    3. Random numbers             6. Detector classes
 *
 * A plugin exports one function, pynomaly_plugin_init, and links nothing of ours; this file is all it
 * needs. `pynomaly plugin new NAME --language c|cpp|swift` writes a project to start from, and
 * `pynomaly plugin check FILE.so` says whether it does what this header asks.
 *
 * Rules that hold for every function of a plugin:
 *
 *  - It returns PYN_OK or another pyn_status, and says why through host->fail(), which returns the status
 *    it is given: return host->fail(call, PYN_ERROR_INVALID_DATA, row, column, "why").
 *  - It writes nothing to standard output or error (host->log is for that), changes no signal handlers,
 *    locale, working folder or environment, and does not exit.
 *  - C++ exceptions stay inside. The host catches one that leaves a function as a last resort and refuses
 *    the call, but what it skipped on its way is the plugin's loss.
 *  - Same options, seed and data: the same result, bit for bit, for any number of threads.
 *  - Scores: higher is more anomalous. A row's score depends on the model and that row alone, never on
 *    the other rows of the call. It is finite.
 *  - `call` and everything that a call's arguments point to is the host's and is gone when the function
 *    returns.
 *  - Threading is said in brackets as in pynomaly.h: [any thread], [one thread per instance] (the host
 *    keeps other calls off that instance meanwhile), [calling thread] (only on the thread on which the
 *    host called the plugin).
 *
 * Licence: Apache-2.0.
 */
#ifndef PYNOMALY_PLUGIN_H
#define PYNOMALY_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ======================================================= 1. Shared with pynomaly.h == */
/* These four blocks stand word for word in both headers. */

#ifndef PYN_STATUS_DEFINED
#define PYN_STATUS_DEFINED
/* Every fallible function returns one of these. The values never change. */
typedef int32_t pyn_status;

enum {
    PYN_OK = 0,
    PYN_ERROR_NULL_ARGUMENT = 1,     /* a pointer that must be given is NULL */
    PYN_ERROR_INVALID_ARGUMENT = 2,  /* an argument other than an option or data is out of range */
    PYN_ERROR_UNKNOWN_DETECTOR = 3,  /* no detector has that name */
    PYN_ERROR_UNKNOWN_OPTION = 4,    /* the detector has no option of that name */
    PYN_ERROR_INVALID_OPTION = 5,    /* an option's value is of the wrong type or out of range */
    PYN_ERROR_INVALID_DATA = 6,      /* shape, dtype, strides or values of the data are not usable */
    PYN_ERROR_SHAPE_MISMATCH = 7,    /* data and fitted model, or data and buffer, do not fit */
    PYN_ERROR_NOT_FITTED = 8,        /* the detector has not been fitted yet */
    PYN_ERROR_NOT_SUPPORTED = 9,     /* this detector cannot do that */
    PYN_ERROR_CANCELLED = 10,        /* the progress callback asked to stop */
    PYN_ERROR_OUT_OF_MEMORY = 11,    /* memory for the result could not be had */
    PYN_ERROR_IO = 12,               /* reading or writing failed; the message has the system's words */
    PYN_ERROR_MODEL_FORMAT = 13,     /* not a model file, or a damaged one */
    PYN_ERROR_MODEL_VERSION = 14,    /* a model file of a later version, or of an unknown detector */
    PYN_ERROR_INTERNAL = 15,         /* a fault of the library; please report it */
    PYN_ERROR_PLUGIN = 16,           /* a plugin cannot be loaded, or breaks its contract */
    PYN_ERROR_NO_PROCESS = 20,       /* there is no such process, or it has ended */
    PYN_ERROR_NOT_PERMITTED = 21     /* the system does not let us; the message says why and what helps */
};
#endif

#ifndef PYN_MATRIX_DEFINED
#define PYN_MATRIX_DEFINED
enum {
    PYN_FLOAT32 = 1, /* IEEE 754 binary32, native byte order */
    PYN_FLOAT64 = 2  /* IEEE 754 binary64, native byte order */
};

/* A borrowed view of rows x columns numbers: row r, column c is at
 * (const char *)data + r * row_stride + c * column_stride. Strides are in bytes and may be negative
 * or zero, so row-major, column-major and sliced arrays (NumPy, Eigen) pass without a copy. Elements
 * must be aligned to their size. Each dimension must be 0 .. 2^48, and the bytes spanned must fit
 * the address space. Never written to. */
typedef struct pyn_matrix {
    size_t struct_size; /* sizeof(pyn_matrix), set by the macros below */
    const void *data;
    int32_t dtype; /* PYN_FLOAT32 or PYN_FLOAT64 */
    int32_t reserved;
    int64_t rows;
    int64_t columns;
    int64_t row_stride;    /* bytes from a row to the next */
    int64_t column_stride; /* bytes from a column to the next */
} pyn_matrix;
#endif

#ifndef PYN_VALUE_DEFINED
#define PYN_VALUE_DEFINED
/* Types of an option's value. An option may allow several, e.g. max_samples: a count (int), a share
 * (double) or "auto" (string). Numbers pinned. */
enum {
    PYN_OPTION_INT = 1,
    PYN_OPTION_DOUBLE = 2,
    PYN_OPTION_BOOL = 4,
    PYN_OPTION_STRING = 8
};

/* One value. Only the member that `type` names has a meaning. */
typedef struct pyn_value {
    size_t struct_size;
    int32_t type; /* one of PYN_OPTION_* */
    int32_t bool_value;
    int64_t int_value;
    double double_value;
    const char *string_value;
} pyn_value;
#endif

#ifndef PYN_LOG_DEFINED
#define PYN_LOG_DEFINED
/* How grave a message of a log is. Numbers pinned. */
enum {
    PYN_LOG_DEBUG = 1,
    PYN_LOG_INFO = 2,
    PYN_LOG_WARNING = 3,
    PYN_LOG_ERROR = 4
};
#endif

/* ====================================================== 2. Status and versions == */

/* The version of this contract. It grows by one when the host's table or the plugin's tables get new
 * members at their end; a host serves every version from PYN_PLUGIN_ABI_OLDEST of its own header on. */
#define PYN_PLUGIN_ABI_VERSION 1
#define PYN_PLUGIN_ABI_OLDEST 1

typedef struct pyn_plugin_host pyn_plugin_host;   /* what the host gives */
typedef struct pyn_plugin_call pyn_plugin_call;   /* one call under way; only for the host's functions */
typedef struct pyn_plugin_class pyn_plugin_class; /* a kind of detector */

/* ========================================================== 3. Random numbers == */

/* A generator in your own memory (xoshiro256++). Start it with host->random_start; the uniform and whole
 * numbers of a (seed, stream) pair are the same on every machine and with every later library, the normal
 * ones up to the last bits of the machine's logarithm. Give each tree, chunk or column a stream of its own,
 * and results do not depend on threads. */
typedef struct pyn_plugin_random {
    uint64_t state[4];
} pyn_plugin_random;

/* ==================================================== 4. What the host gives == */

/* Part of a parallel loop: does chunk 0 <= chunk < chunks. `call` is the chunk's own, for fail and progress.
 * `worker` is below thread_count of the call that the loop was started with, and no two chunks run at the same
 * time with the same worker: it is the index of scratch memory. Returns PYN_OK, or what host->fail returned:
 * then no further chunk begins. */
typedef pyn_status (*pyn_plugin_chunk)(pyn_plugin_call *call, int64_t chunk, int32_t worker,
                                       void *context);

/* The table of a plugin's host. It lives as long as the process. Members are never NULL. Where a
 * process holds two copies of the library, each asks the plugin with a table of its own, and a call works only
 * with the table of its host: keep the table with the classes given out for it (class_data). */
struct pyn_plugin_host {
    size_t struct_size;       /* how much of this table there is */
    int32_t abi_version;      /* the version the plugin was asked for */
    int32_t reserved;
    const char *host_version; /* of libpynomaly, e.g. "0.1.0" */
    void *host_data;          /* the host's own */

    /* A message for whoever runs the program: the program decides where it goes. [any thread] */
    void (*log)(const pyn_plugin_host *host, int32_t level, const char *message);

    /* Say why a call fails. `row` and `column` are 0-based places in the X of the call, or -1. The first
     * failure of a call is the one that is told. Returns `status` (PYN_ERROR_PLUGIN in place of PYN_OK and
     * of numbers that are no status). [any thread] */
    pyn_status (*fail)(pyn_plugin_call *call, pyn_status status, int64_t row, int64_t column,
                       const char *message);

    /* Memory, 64-byte aligned and not cleared; NULL when there is none. Give it back with release (NULL is
     * fine). What is not given back shows in `pynomaly plugin check`. [any thread] */
    void *(*allocate)(const pyn_plugin_host *host, size_t bytes);
    void (*release)(const pyn_plugin_host *host, void *memory);

    /* Tell how much of the call is done (0 to 1) at least every 50 ms. Not 0: the user wants to stop;
     * return PYN_ERROR_CANCELLED soon. [calling thread] */
    int32_t (*progress)(pyn_plugin_call *call, double fraction);

    /* How many threads may work for this call. [any thread] */
    int32_t (*thread_count)(const pyn_plugin_call *call);

    /* Run body for every chunk on the threads of the call, and return when all are done: PYN_OK, or the
     * failure of the earliest chunk that failed, or PYN_ERROR_CANCELLED (it tells progress itself, between
     * chunks: let none last longer than some 20 ms). Do not call it inside a chunk. [calling thread] */
    pyn_status (*parallel_for)(pyn_plugin_call *call, int64_t chunks, pyn_plugin_chunk body,
                               void *context);

    /* Random numbers. [any thread], one thread at a time for each generator */
    void (*random_start)(pyn_plugin_random *random, uint64_t seed, uint64_t stream);
    void (*random_uniform)(pyn_plugin_random *random, double *values, int64_t count); /* in [0, 1) */
    void (*random_normal)(pyn_plugin_random *random, double *values, int64_t count);  /* mean 0, variance 1 */
    void (*random_below)(pyn_plugin_random *random, int64_t bound, int64_t *values, int64_t count); /* 0 .. bound - 1 */

    /* Copy rows first .. first + count - 1 of X to values[0 .. count * columns - 1], row by row, as doubles,
     * whatever the element type and strides. SHAPE_MISMATCH for rows that X does not have. [any thread] */
    pyn_status (*read_rows)(const pyn_matrix *X, int64_t first, int64_t count, double *values);

    /* Copy one column of X to values[0 .. rows - 1]. [any thread] */
    pyn_status (*read_column)(const pyn_matrix *X, int64_t column, double *values);

    /* In save: add bytes to the model file. [calling thread] */
    pyn_status (*write)(pyn_plugin_call *call, const void *data, size_t size);

    /* A table of a later extension by its name ("pynomaly.something/1"), or NULL. [any thread] */
    const void *(*get_extension)(const pyn_plugin_host *host, const char *name);
};

/* ============================================================== 5. Options == */

/* An option of a detector and what it allows. The command line, Python's signatures and the checks of
 * values are made from this list; the plugin sees only values that are allowed.
 *
 * Names are lower-case words joined by underscores. The host adds `contamination` ("auto", or a share in
 * (0, 0.5] which sets the threshold) to every detector, and `missing_values` ("error" or "native") to those
 * with PYN_PLUGIN_MISSING_VALUES; a plugin does not declare these two. `random_state`, where declared, must
 * allow ints from 0 on; where it allows "random" too, the plugin gets a fresh int in its place. */
typedef struct pyn_plugin_option {
    size_t struct_size; /* sizeof(pyn_plugin_option) */
    const char *name;
    const char *description; /* one sentence */
    int32_t types;           /* PYN_OPTION_* added up */
    int32_t double_minimum_exclusive; /* 1: double_minimum itself is not allowed */
    int64_t int_minimum, int_maximum; /* both allowed; with PYN_OPTION_INT */
    double double_minimum, double_maximum; /* finite; with PYN_OPTION_DOUBLE */
    const char *const *choices; /* with PYN_OPTION_STRING: the strings allowed */
    int64_t choice_count;
    pyn_value default_value; /* must be allowed */
} pyn_plugin_option;

/* ====================================================== 6. Detector classes == */

/* What a detector can do. Numbers pinned. */
enum {
    PYN_PLUGIN_SAMPLE_WEIGHT = 1,  /* fit reads the training's sample_weight */
    PYN_PLUGIN_MISSING_VALUES = 2, /* with the option missing_values "native" X may hold NaN (never infinity) */
    PYN_PLUGIN_NEEDS_LABELS = 4,   /* fit and partial_fit need the training's labels */
    PYN_PLUGIN_THREAD_SAFE_SCORE = 8 /* score and explain may run at the same time on the same instance: the
                                      * host then shares the rows of a call out among its threads. Without
                                      * it the host calls them one at a time. */
};

/* What fit and partial_fit learn from. */
typedef struct pyn_plugin_training {
    size_t struct_size;
    const pyn_matrix *X;         /* at least 1 row and 1 column, all finite (see MISSING_VALUES) */
    const double *sample_weight; /* one a row, finite, >= 0, not all 0; or NULL */
    const int32_t *labels;       /* one a row: 0 inlier, 1 outlier; or NULL */
} pyn_plugin_training;

/* A detector class. `values` of create and load hold one value for each option of the list, in its order.
 * An instance is what create makes and fit teaches: the host creates one for each fit, and drops it when
 * fit fails, so an instance need not survive its own failure. After fit it only changes in partial_fit.
 *
 * Members marked required must be set; a NULL elsewhere means the detector cannot do that. */
struct pyn_plugin_class {
    size_t struct_size;      /* sizeof(pyn_plugin_class) */
    const char *name;        /* a letter, then up to 63 letters, digits and underscores: "INNE" */
    const char *version;     /* of the model's bytes: three numbers, "1.0.0"; kept in model files */
    const char *description; /* one sentence */
    const char *reference;   /* the paper or source, or where to read on */
    int64_t capabilities;    /* PYN_PLUGIN_* added up */
    const pyn_plugin_option *options; /* option_count of them, one behind the other */
    int64_t option_count;
    void *class_data; /* the plugin's own */

    /* Required. Make an instance with these options. [any thread] */
    pyn_status (*create)(const pyn_plugin_class *this_class, pyn_plugin_call *call,
                         const pyn_value *values, int64_t value_count, void **instance);

    /* Required. Learn from the rows. [one thread per instance] */
    pyn_status (*fit)(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training);

    /* Learn from more rows, also as the first of all. The columns are those of before. The host works on a
     * copy (made by save and load), so a failure costs nothing. [one thread per instance] */
    pyn_status (*partial_fit)(void *instance, pyn_plugin_call *call,
                              const pyn_plugin_training *training);

    /* Required. Write one score a row to scores[0 .. X->rows - 1]. The host may hand a call's rows over in
     * parts. [any thread] with PYN_PLUGIN_THREAD_SAFE_SCORE, else [one thread per instance] */
    pyn_status (*score)(const void *instance, pyn_plugin_call *call, const pyn_matrix *X,
                        double *scores);

    /* Write to shares[row * columns + column] how much each feature adds to the row's score: not negative;
     * the host scales a row's shares to sum to its score. As score. */
    pyn_status (*explain)(const void *instance, pyn_plugin_call *call, const pyn_matrix *X,
                          double *shares);

    /* The score above which a row is an outlier, when contamination is "auto". NULL: the host takes the 0.9
     * quantile of the training scores. [any thread] */
    pyn_status (*threshold)(const void *instance, pyn_plugin_call *call, double *threshold);

    /* Number `index` that fitting found, such as ("n_estimators", 100): name it and give it, or return
     * NOT_SUPPORTED when there are no more. Names live as long as the process. [any thread] */
    pyn_status (*fitted)(const void *instance, int64_t index, const char **name, double *value);

    /* Required. Write the model with host->write. The host keeps options, feature names and threshold itself.
     * Numbers little-endian. [any thread] */
    pyn_status (*save)(const void *instance, pyn_plugin_call *call);

    /* Required. Make a fitted instance of bytes that save wrote, maybe by an earlier version of the plugin.
     * They may be damaged or come from a stranger: check every length and index, and fail with MODEL_FORMAT.
     * [any thread] */
    pyn_status (*load)(const pyn_plugin_class *this_class, pyn_plugin_call *call,
                       const pyn_value *values, int64_t value_count, int64_t feature_count,
                       const void *data, size_t size, void **instance);

    /* Required. Free an instance; never called with NULL. [one thread per instance] */
    void (*destroy)(void *instance);
};

/* ================================================ 7. What a plugin gives == */

/* Filled by pynomaly_plugin_init. Everything it points to lives as long as the process. */
typedef struct pyn_plugin {
    size_t struct_size;  /* the host sets how much it reads; set it to sizeof(pyn_plugin) */
    int32_t abi_version; /* the version these tables are of */
    int32_t abi_minimum; /* when init refuses the version asked for: the lowest and the highest it has */
    int32_t abi_maximum;
    int32_t reserved;
    const char *name;        /* lower-case letters, digits and hyphens: "inne" */
    const char *version;     /* three numbers: "1.0.0" */
    const char *description; /* one sentence */
    const char *author;      /* or NULL */
    const char *licence;     /* an SPDX identifier such as "MIT", or NULL */
    const pyn_plugin_class *const *classes; /* class_count pointers */
    int64_t class_count;                    /* at least 1 */
    /* A table of an extension by its name, or NULL. May be NULL itself. */
    const void *(*get_extension)(const char *name);
} pyn_plugin;

#if defined(PYN_PLUGIN_EXPORT)
#elif defined(__GNUC__) || defined(__clang__)
#define PYN_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define PYN_PLUGIN_EXPORT
#endif

/* The one function that a plugin exports. The host calls it with the newest version it has; a plugin that
 * does not have that version sets abi_minimum and abi_maximum and returns NOT_SUPPORTED, and is asked once
 * more for the newest that both have. Otherwise it fills `plugin` and returns PYN_OK. It may be called again
 * with another host table and must then answer the same. `host` may be kept. [one thread at a time] */
PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(const pyn_plugin_host *host, int32_t requested_abi,
                                                  pyn_plugin *plugin);
typedef pyn_status (*pyn_plugin_init_function)(const pyn_plugin_host *host, int32_t requested_abi,
                                               pyn_plugin *plugin);

/* ============================================== 8. Shorthand for options == */

/* Elements of an option list: one kind of value each. For several kinds fill the structure by hand. */
#define PYN_PLUGIN_VALUE_INT(value) \
    { sizeof(pyn_value), PYN_OPTION_INT, 0, (value), 0.0, NULL }
#define PYN_PLUGIN_VALUE_DOUBLE(value) \
    { sizeof(pyn_value), PYN_OPTION_DOUBLE, 0, 0, (value), NULL }
#define PYN_PLUGIN_VALUE_BOOL(value) \
    { sizeof(pyn_value), PYN_OPTION_BOOL, (value), 0, 0.0, NULL }
#define PYN_PLUGIN_VALUE_STRING(value) \
    { sizeof(pyn_value), PYN_OPTION_STRING, 0, 0, 0.0, (value) }

#define PYN_PLUGIN_OPTION_INT(name, description, value, minimum, maximum)                          \
    { sizeof(pyn_plugin_option), (name), (description), PYN_OPTION_INT, 0, (minimum), (maximum), 0.0, 0.0, \
      NULL, 0, PYN_PLUGIN_VALUE_INT(value) }
#define PYN_PLUGIN_OPTION_DOUBLE(name, description, value, minimum, maximum)                       \
    { sizeof(pyn_plugin_option), (name), (description), PYN_OPTION_DOUBLE, 0, 0, 0, (minimum), (maximum), \
      NULL, 0, PYN_PLUGIN_VALUE_DOUBLE(value) }
#define PYN_PLUGIN_OPTION_BOOL(name, description, value)                                           \
    { sizeof(pyn_plugin_option), (name), (description), PYN_OPTION_BOOL, 0, 0, 0, 0.0, 0.0, NULL, 0, \
      PYN_PLUGIN_VALUE_BOOL(value) }
#define PYN_PLUGIN_OPTION_STRING(name, description, value, choices, choice_count)                  \
    { sizeof(pyn_plugin_option), (name), (description), PYN_OPTION_STRING, 0, 0, 0, 0.0, 0.0,      \
      (choices), (choice_count), PYN_PLUGIN_VALUE_STRING(value) }

#ifdef __cplusplus
}
#endif

#endif /* PYNOMALY_PLUGIN_H */

"""#

private let text7 = #"""
"""Puts the plugin and its manifest into the wheel, and names the wheel after what the plugin needs."""

import platform
import re
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLUGIN = "@NAME@"
PACKAGE = "pynomaly_@IDENTIFIER@"


class PluginHook(BuildHookInterface):
    def initialize(self, version, build_data):
        build = Path(self.root).parent / "build"
        library = build / f"lib{PLUGIN}.so"
        if not library.is_file():
            raise SystemExit(f"{library} is not there yet: run make first")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"
        for file in (library, build / f"{PLUGIN}.toml"):
            build_data["force_include"][str(file)] = f"{PACKAGE}/{file.name}"


def platform_tag(library):
    """manylinux for the newest glibc symbols the plugin asks for; linux where that means nothing."""
    machine = platform.machine()
    versions = [int(n) for n in re.findall(rb"GLIBC_2\.(\d+)\b", library.read_bytes())]
    if platform.libc_ver()[0] != "glibc" or not versions:
        return f"linux_{machine}"
    return f"manylinux_2_{max(17, *versions)}_{machine}"

"""#

private let text8 = #"""
"""Carries the plugin @NAME@ for Pynomaly: pynomaly.load_plugins() finds it here."""

"""#

private let text9 = #"""
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "pynomaly-@NAME@"
version = "0.1.0"
description = "The detector @DETECTOR@, a plugin for Pynomaly"
requires-python = ">=3.9"
dependencies = ["pynomaly"]

# pynomaly.load_plugins() looks here: the plugin's name, and the package in whose folder its manifest is.
[project.entry-points."pynomaly.plugins"]
@NAME@ = "pynomaly_@IDENTIFIER@"

[tool.hatch.build.targets.wheel]
packages = ["pynomaly_@IDENTIFIER@"]

[tool.hatch.build.hooks.custom]

"""#

private let text10 = #"""
// @NAME@: a plugin for Pynomaly with the detector @DETECTOR@.
//
// fit learns the median of each column and the median distance from it (MAD). A row's score is its largest
// distance from a median, in MADs: the modified z-score of Iglewicz and Hoaglin (1993).
#include <pynomaly_plugin.hpp>

namespace plugin = pynomaly::plugin;

namespace {

constexpr double kLargest = 1e300;  // scores are finite

class Detector {
 public:
  static plugin::description describe() {
    plugin::description d("@DETECTOR@", "1.0.0", "How far a row is from the medians of the columns.");
    d.reference = "Iglewicz, Hoaglin (1993), How to Detect and Handle Outliers";
    d.capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE;
    d.options = {plugin::option("smallest_deviation", "What a column's MAD is taken for at least.")
                     .doubles(1e-300, 1e300)
                     .by_default(1e-9)};
    return d;
  }

  explicit Detector(const plugin::values& options) : smallest_(options["smallest_deviation"].as_double()) {}

  // Errors are exceptions: throw plugin::error(PYN_ERROR_INVALID_DATA, "why", row, column).
  void fit(plugin::call& call, const plugin::training& training) {
    const plugin::rows& X = training.X;
    medians_.resize(static_cast<std::size_t>(X.columns()));
    mads_.resize(medians_.size());
    call.parallel_for(X.columns(), [&](std::int64_t column, int) {
      std::vector<double> values(static_cast<std::size_t>(X.count()));
      X.read_column(column, values.data());
      const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
      std::nth_element(values.begin(), middle, values.end());
      const double median = *middle;
      for (double& x : values) x = std::min(std::fabs(x - median), kLargest);
      std::nth_element(values.begin(), middle, values.end());
      medians_[static_cast<std::size_t>(column)] = median;
      mads_[static_cast<std::size_t>(column)] = std::max(*middle, smallest_);
    });
  }

  void score(plugin::call& call, const plugin::rows& X, double* scores) const {
    visit(call, X, [&](std::int64_t row, std::size_t column, double z) {
      scores[row] = column == 0 ? z : std::max(scores[row], z);
    });
  }

  void explain(plugin::call& call, const plugin::rows& X, double* shares) const {
    visit(call, X, [&](std::int64_t row, std::size_t column, double z) {
      shares[row * X.columns() + static_cast<std::int64_t>(column)] = z;
    });
  }

  // What Iglewicz and Hoaglin call an outlier. Without this function: the 0.9 quantile of the training's
  // scores.
  double threshold() const { return 3.5; }

  std::vector<plugin::fitted_value> fitted() const {
    return {{"columns", static_cast<double>(medians_.size())}};
  }

  void save(plugin::writer& out) const {
    out.put(medians_);
    out.put(mads_);
  }

  // The bytes may be damaged: what is read is checked.
  void load(plugin::reader& in) {
    medians_ = in.get_finite(static_cast<std::uint64_t>(in.feature_count()), "the medians");
    mads_ = in.get_finite(static_cast<std::uint64_t>(in.feature_count()), "the MADs");
    for (double mad : mads_)
      if (!(mad > 0)) in.fail("a MAD is not positive");
  }

 private:
  /// body(row, column, distance in MADs), row by row.
  template <class Body>
  void visit(plugin::call& call, const plugin::rows& X, Body body) const {
    const std::size_t columns = medians_.size();
    const std::int64_t block = std::max<std::int64_t>(1, 8192 / static_cast<std::int64_t>(columns));
    X.for_each_block(call, block, [&](const double* values, std::int64_t first, std::int64_t count) {
      for (std::int64_t row = first; row < first + count; row++) {
        for (std::size_t c = 0; c < columns; c++) {
          const double distance = std::min(std::fabs(*values++ - medians_[c]), kLargest);
          body(row, c, std::min(0.6745 * distance / mads_[c], kLargest));
        }
      }
    });
  }

  double smallest_;
  std::vector<double> medians_, mads_;
};

}  // namespace

constexpr plugin::about about{"@NAME@", "0.1.0", "How far a row is from the medians of the columns."};
PYNOMALY_PLUGIN(about, Detector)

"""#

private let text11 = #"""
# cmake -B build && cmake --build build: the plugin and its manifest in build/. ctest --test-dir build checks it.
cmake_minimum_required(VERSION 3.16)
project(@IDENTIFIER@ VERSION 0.1.0 LANGUAGES CXX)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(@IDENTIFIER@ MODULE @NAME@.cpp)
target_include_directories(@IDENTIFIER@ PRIVATE include)
target_compile_options(@IDENTIFIER@ PRIVATE -ffp-contract=off -Wall -Wextra)
target_link_options(@IDENTIFIER@ PRIVATE -static-libstdc++ -static-libgcc
  -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/exports.map)
set_target_properties(@IDENTIFIER@ PROPERTIES OUTPUT_NAME @NAME@
  CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden)
configure_file(@NAME@.toml @NAME@.toml COPYONLY)

enable_testing()
add_test(NAME check COMMAND pynomaly plugin check $<TARGET_FILE:@IDENTIFIER@>)

"""#

private let text12 = #"""
# make, make check, make install, make wheel: see README.md. make BUILD=FOLDER builds elsewhere.
BUILD    ?= build
PYNOMALY ?= pynomaly
PYTHON   ?= python3
CXXFLAGS ?= -O2 -g
# The standard library goes along, so that the plugin runs where there is an older one.
LDFLAGS  ?= -static-libstdc++ -static-libgcc
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow
# No fused multiply-add: the same bits on every machine. The list of exports keeps the standard library in.
FLAGS    := -std=c++17 -fPIC -fvisibility=hidden -ffp-contract=off -Iinclude $(WARNINGS)

all: $(BUILD)/lib@NAME@.so $(BUILD)/@NAME@.toml

$(BUILD)/lib@NAME@.so: @NAME@.cpp exports.map include/pynomaly_plugin.h include/pynomaly_plugin.hpp Makefile
	@mkdir -p $(BUILD)
	$(CXX) $(CXXFLAGS) $(FLAGS) -shared -Wl,--version-script=exports.map $(LDFLAGS) -o $@ @NAME@.cpp

$(BUILD)/@NAME@.toml: @NAME@.toml
	@mkdir -p $(BUILD)
	cp @NAME@.toml $@

check test: all
	$(PYNOMALY) plugin check $(BUILD)/lib@NAME@.so

install: all
	$(PYNOMALY) plugin install $(BUILD)/@NAME@.toml

wheel: all
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist ./wheel

clean:
	rm -rf $(BUILD) dist
.PHONY: all check test install wheel clean

"""#

private let text13 = #"""
{
  global: pynomaly_plugin_init;
  local: *;
};

"""#

private let text14 = #"""
// pynomaly_plugin.hpp - the C++17 face of pynomaly_plugin.h: a detector is a class, an error an exception.
//
//    #include <pynomaly_plugin.hpp>
//    namespace plugin = pynomaly::plugin;
//
//    class Distance {  // to the mean of one column
//     public:
//      static plugin::description describe() {
//        plugin::description d("Distance", "1.0.0", "Distance to the mean, in units of `unit`.");
//        d.capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE;
//        d.options = {plugin::option("unit", "What counts as 1.").doubles(1e-9, 1e9).by_default(1.0)};
//        return d;
//      }
//      explicit Distance(const plugin::values& v) : unit_(v["unit"].as_double()) {}
//      void fit(plugin::call& call, const plugin::training& t);
//      void score(plugin::call& call, const plugin::rows& X, double* scores) const;
//      void save(plugin::writer& out) const { out.put(mean_); }
//      void load(plugin::reader& in) { mean_ = in.get<double>(); }
//     private:
//      double unit_, mean_ = 0;
//    };
//    constexpr plugin::about about{"distance", "1.0.0", "Distance to the mean.", "A. Author", "MIT"};
//    PYNOMALY_PLUGIN(about, Distance)
//
// A detector class has describe(), a constructor from values, fit, score, save and load. It may have
//
//    void explain(plugin::call&, const plugin::rows& X, double* shares) const;
//    void partial_fit(plugin::call&, const plugin::training&);
//    double threshold() const;
//    std::vector<plugin::fitted_value> fitted() const;
//
// What they must do is said once, in pynomaly_plugin.h. No exception leaves the plugin: plugin::error is
// told with its status, row, column and words, std::bad_alloc and std::length_error as OUT_OF_MEMORY, other
// exceptions as PLUGIN. Build with -std=c++17 -fPIC -shared -fvisibility=hidden.
//
// Licence: Apache-2.0.
#ifndef PYNOMALY_PLUGIN_HPP
#define PYNOMALY_PLUGIN_HPP

#include <pynomaly_plugin.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace pynomaly {
namespace plugin {

// ================================================================================= Errors ==

/// Why a call fails. Throw it anywhere below a detector's functions, in chunks of parallel_for too.
class error : public std::runtime_error {
 public:
  /// `row` and `column` are 0-based places in the X of the call, or -1.
  error(pyn_status status, const std::string& message, std::int64_t row = -1, std::int64_t column = -1)
      : std::runtime_error(message), status_(status), row_(row), column_(column) {}

  pyn_status status() const noexcept { return status_; }
  std::int64_t row() const noexcept { return row_; }
  std::int64_t column() const noexcept { return column_; }

 private:
  pyn_status status_;
  std::int64_t row_, column_;
};

namespace detail {

/// A failure that the host knows already: it only has to be returned.
struct told {
  pyn_status status;
};

inline void check(pyn_status status) {
  if (status != PYN_OK) throw told{status};
}

inline std::size_t to_size(std::int64_t n) noexcept { return n < 0 ? 0 : static_cast<std::size_t>(n); }

/// Runs `body` and gives `fail(status, row, column, words)` what it threw.
template <class Body, class Fail>
pyn_status translate(Body&& body, Fail&& fail) noexcept {
  try {
    body();
    return PYN_OK;
  } catch (const told& e) {
    return e.status;
  } catch (const error& e) {
    return fail(e.status(), e.row(), e.column(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(PYN_ERROR_OUT_OF_MEMORY, -1, -1, "the plugin could not get the memory it needs");
  } catch (const std::length_error&) {
    return fail(PYN_ERROR_OUT_OF_MEMORY, -1, -1, "the plugin needs more memory than there can be");
  } catch (const std::exception& e) {
    return fail(PYN_ERROR_PLUGIN, -1, -1, e.what());
  } catch (...) {
    return fail(PYN_ERROR_PLUGIN, -1, -1, "the plugin threw something that is no std::exception");
  }
}

/// translate for everything that has a call: failures are told through host->fail.
template <class Body>
pyn_status guard(const pyn_plugin_host* host, pyn_plugin_call* call, Body&& body) noexcept {
  return translate(body, [=](pyn_status status, std::int64_t row, std::int64_t column, const char* words) {
    return host->fail(call, status, row, column, words);
  });
}

}  // namespace detail

// ================================================================================ Options ==

/// An option and what it allows; several kinds may be allowed side by side:
///    option("max_samples", "Rows of a sample.").ints(2, 65536).choices({"auto"}).by_default("auto")
class option {
 public:
  /// Both strings must live as long as the process (literals do), like all strings of options.
  option(const char* name, const char* description) {
    spec_.struct_size = sizeof(pyn_plugin_option);
    spec_.name = name;
    spec_.description = description;
    spec_.default_value.struct_size = sizeof(pyn_value);
  }
  option& ints(std::int64_t minimum, std::int64_t maximum) {
    spec_.types |= PYN_OPTION_INT;
    spec_.int_minimum = minimum;
    spec_.int_maximum = maximum;
    return *this;
  }
  option& doubles(double minimum, double maximum) {
    spec_.types |= PYN_OPTION_DOUBLE;
    spec_.double_minimum = minimum;
    spec_.double_maximum = maximum;
    return *this;
  }
  /// As doubles, without the minimum itself.
  option& doubles_above(double minimum, double maximum) {
    spec_.double_minimum_exclusive = 1;
    return doubles(minimum, maximum);
  }
  option& bools() {
    spec_.types |= PYN_OPTION_BOOL;
    return *this;
  }
  option& choices(std::vector<const char*> strings) {
    spec_.types |= PYN_OPTION_STRING;
    choices_ = std::move(strings);
    return *this;
  }
  /// The default: a whole number, a double, a bool or a string.
  template <class Value>
  option& by_default(Value value) {
    pyn_value& v = spec_.default_value;
    if constexpr (std::is_same_v<Value, bool>) {
      v.type = PYN_OPTION_BOOL;
      v.bool_value = value ? 1 : 0;
    } else if constexpr (std::is_integral_v<Value>) {
      v.type = PYN_OPTION_INT;
      v.int_value = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_floating_point_v<Value>) {
      v.type = PYN_OPTION_DOUBLE;
      v.double_value = static_cast<double>(value);
    } else {
      v.type = PYN_OPTION_STRING;
      v.string_value = value;
    }
    return *this;
  }
  /// The C structure; it points into this object.
  pyn_plugin_option spec() const {
    pyn_plugin_option spec = spec_;
    spec.choices = choices_.empty() ? nullptr : choices_.data();
    spec.choice_count = static_cast<std::int64_t>(choices_.size());
    return spec;
  }

 private:
  pyn_plugin_option spec_ = {};
  std::vector<const char*> choices_;
};

/// An option's value, as the user gave it or by default.
class value {
 public:
  value(const char* name, const pyn_value& v) : name_(name), value_(v) {}

  bool is_int() const noexcept { return value_.type == PYN_OPTION_INT; }
  bool is_double() const noexcept { return value_.type == PYN_OPTION_DOUBLE; }
  bool is_bool() const noexcept { return value_.type == PYN_OPTION_BOOL; }
  bool is_string() const noexcept { return value_.type == PYN_OPTION_STRING; }

  std::int64_t as_int() const { return need(PYN_OPTION_INT), value_.int_value; }
  double as_double() const { return need(PYN_OPTION_DOUBLE), value_.double_value; }
  bool as_bool() const { return need(PYN_OPTION_BOOL), value_.bool_value != 0; }
  /// A copy: the host's string is gone after create.
  std::string as_string() const { return need(PYN_OPTION_STRING), value_.string_value; }

 private:
  void need(std::int32_t type) const {
    if (value_.type != type || (type == PYN_OPTION_STRING && !value_.string_value))
      throw error(PYN_ERROR_INVALID_OPTION, std::string(name_) + " has a value of a type it does not allow");
  }
  const char* name_;
  const pyn_value& value_;
};

/// The values of all options, by name. Only for the constructor: copy what you need.
class values {
 public:
  values(const pyn_plugin_class* the_class, const pyn_value* v, std::int64_t count)
      : class_(the_class), values_(v) {
    if (count != the_class->option_count || (count > 0 && !v))
      throw error(PYN_ERROR_INVALID_ARGUMENT, "the host gave " + std::to_string(count) + " values for " +
                                                  std::to_string(the_class->option_count) + " options");
  }
  value operator[](const char* name) const {
    for (std::int64_t i = 0; i < class_->option_count; i++)
      if (std::strcmp(class_->options[i].name, name) == 0) return value(class_->options[i].name, values_[i]);
    throw error(PYN_ERROR_UNKNOWN_OPTION,
                std::string("the plugin asks for an option it did not declare: ") + name);
  }

 private:
  const pyn_plugin_class* class_;
  const pyn_value* values_;
};

// =================================================================================== Calls ==

/// Random numbers that are the same on every machine (see host->random_start).
class random {
 public:
  random(const pyn_plugin_host* host, std::uint64_t seed, std::uint64_t stream) : host_(host) {
    host->random_start(&state_, seed, stream);
  }
  /// In [0, 1).
  double uniform() {
    double x = 0;
    host_->random_uniform(&state_, &x, 1);
    return x;
  }
  /// Mean 0, variance 1.
  double normal() {
    double x = 0;
    host_->random_normal(&state_, &x, 1);
    return x;
  }
  /// 0 .. bound - 1.
  std::int64_t below(std::int64_t bound) {
    std::int64_t x = 0;
    host_->random_below(&state_, bound, &x, 1);
    return x;
  }

 private:
  const pyn_plugin_host* host_;
  pyn_plugin_random state_;
};

/// One call of the host's under way.
class call {
 public:
  call(const pyn_plugin_host* host, pyn_plugin_call* the_call) : host_(host), call_(the_call) {}

  /// Tell how much is done, 0 to 1, at least every 50 ms; throws when the user wants to stop. On the calling
  /// thread only, not in chunks.
  void progress(double fraction) {
    if (host_->progress(call_, fraction)) throw detail::told{PYN_ERROR_CANCELLED};
  }
  /// How many threads may work for this call: scratch memory for so many workers is enough.
  int threads() const noexcept { return std::max(1, static_cast<int>(host_->thread_count(call_))); }

  /// body(chunk, worker) for 0 <= chunk < chunks, on the threads of the call; returns when all are done.
  /// Throws what a chunk threw, or because the user wants to stop.
  template <class Body>
  void parallel_for(std::int64_t chunks, Body&& body) {
    struct bound {
      const pyn_plugin_host* host;
      std::remove_reference_t<Body>* body;
    } context{host_, std::addressof(body)};
    const pyn_plugin_chunk run = [](pyn_plugin_call* c, std::int64_t chunk, std::int32_t worker,
                                    void* given) {
      const bound* b = static_cast<bound*>(given);
      return detail::guard(b->host, c, [&] { (*b->body)(chunk, static_cast<int>(worker)); });
    };
    detail::check(host_->parallel_for(call_, chunks, run, &context));
  }
  random random_stream(std::uint64_t seed, std::uint64_t stream) const { return random(host_, seed, stream); }
  void log(std::int32_t level, const std::string& message) const {
    host_->log(host_, level, message.c_str());
  }
  const pyn_plugin_host* host() const noexcept { return host_; }

 private:
  const pyn_plugin_host* host_;
  pyn_plugin_call* call_;
};

/// The rows of a call: a view, valid until the function returns.
class rows {
 public:
  rows(const pyn_plugin_host* host, const pyn_matrix* X) : host_(host), matrix_(X) {}

  std::int64_t count() const noexcept { return matrix_->rows; }
  std::int64_t columns() const noexcept { return matrix_->columns; }
  const pyn_matrix& matrix() const noexcept { return *matrix_; }

  /// Rows first .. first + count - 1 as doubles, row by row. From any thread.
  void read(std::int64_t first, std::int64_t count, double* values) const {
    detail::check(host_->read_rows(matrix_, first, count, values));
  }
  /// One column as doubles. From any thread.
  void read_column(std::int64_t column, double* values) const {
    detail::check(host_->read_column(matrix_, column, values));
  }
  /// Row 0 when the rows are doubles that lie one behind the other, else null.
  const double* dense() const noexcept {
    const bool so = matrix_->dtype == PYN_FLOAT64 && matrix_->column_stride == 8 &&
                    matrix_->row_stride == 8 * matrix_->columns;
    return so ? static_cast<const double*>(matrix_->data) : nullptr;
  }
  /// Rows first .. first + count - 1: where they lie if they are dense, else copied to `scratch`.
  const double* view(std::int64_t first, std::int64_t count, std::vector<double>& scratch) const {
    if (const double* all = dense()) return all + first * columns();
    scratch.resize(detail::to_size(count) * detail::to_size(columns()));
    read(first, count, scratch.data());
    return scratch.data();
  }
  /// body(values, first, count) for blocks of at most `block` rows, in order, telling progress between them.
  template <class Body>
  void for_each_block(call& c, std::int64_t block, Body&& body) const {
    std::vector<double> scratch;
    for (std::int64_t first = 0; first < count(); first += block) {
      const std::int64_t n = std::min(block, count() - first);
      body(view(first, n, scratch), first, n);
      c.progress(static_cast<double>(first + n) / static_cast<double>(count()));
    }
  }

 private:
  const pyn_plugin_host* host_;
  const pyn_matrix* matrix_;
};

/// What fit and partial_fit learn from.
struct training {
  rows X;
  const double* sample_weight;  // one a row, or null
  const std::int32_t* labels;   // one a row: 0 inlier, 1 outlier; or null
};

/// A number that fitting found. The name must live as long as the process.
struct fitted_value {
  const char* name;
  double value;
};

// ============================================================================= Model bytes ==

/// Where save writes. Numbers are little-endian.
class writer {
 public:
  writer(const pyn_plugin_host* host, pyn_plugin_call* the_call) : host_(host), call_(the_call) {}

  template <class Number>
  void put(const Number& number) {
    put(&number, 1);
  }
  template <class Number>
  void put(const Number* numbers, std::size_t count) {
    static_assert(std::is_arithmetic_v<Number>, "the model is written number by number");
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "not written for big-endian machines");
    detail::check(host_->write(call_, numbers, count * sizeof(Number)));
  }
  /// The numbers without their count: write that first.
  template <class Number>
  void put(const std::vector<Number>& numbers) {
    put(numbers.data(), numbers.size());
  }

 private:
  const pyn_plugin_host* host_;
  pyn_plugin_call* call_;
};

/// What load reads. It throws MODEL_FORMAT rather than read past the end; bytes left over after load are
/// refused as well. What the numbers mean must be checked by the plugin: see fail().
class reader {
 public:
  reader(const void* data, std::size_t size, std::int64_t feature_count)
      : next_(static_cast<const unsigned char*>(data)), left_(size), size_(size), features_(feature_count) {}

  /// Columns of the rows that the model was fitted on.
  std::int64_t feature_count() const noexcept { return features_; }
  std::size_t left() const noexcept { return left_; }

  template <class Number>
  Number get() {
    Number number = 0;
    take(&number, 1);
    return number;
  }
  /// `count` numbers; no more memory is asked for than there are bytes.
  template <class Number>
  std::vector<Number> get_vector(std::uint64_t count) {
    if (count > left_ / sizeof(Number)) fail("the model is cut short");
    std::vector<Number> numbers(static_cast<std::size_t>(count));
    take(numbers.data(), numbers.size());
    return numbers;
  }
  /// A whole number that must lie between two others, such as a count.
  std::int64_t get_count(std::int64_t minimum, std::int64_t maximum, const char* what) {
    const auto n = get<std::int64_t>();
    if (n < minimum || n > maximum)
      fail(std::string(what) + " is " + std::to_string(n) + "; allowed are " + std::to_string(minimum) +
           " to " + std::to_string(maximum));
    return n;
  }
  /// `count` doubles that must be finite.
  std::vector<double> get_finite(std::uint64_t count, const char* what) {
    std::vector<double> numbers = get_vector<double>(count);
    for (double x : numbers)
      if (!std::isfinite(x)) fail(std::string(what) + " holds a number that is not finite");
    return numbers;
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw error(PYN_ERROR_MODEL_FORMAT,
                why + " (before byte " + std::to_string(size_ - left_) + " of the model)");
  }

 private:
  template <class Number>
  void take(Number* numbers, std::size_t count) {
    static_assert(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>, "read numbers");
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "not written for big-endian machines");
    if (count > left_ / sizeof(Number)) fail("the model is cut short");
    if (count == 0) return;
    std::memcpy(numbers, next_, count * sizeof(Number));
    next_ += count * sizeof(Number);
    left_ -= count * sizeof(Number);
  }
  const unsigned char* next_;
  std::size_t left_, size_;
  std::int64_t features_;
};

// ====================================================================== Plugin and classes ==

/// What describe() returns. All strings must live as long as the process.
struct description {
  description(const char* name_, const char* version_, const char* what)
      : name(name_), version(version_), text(what) {}
  const char* name;
  const char* version;  // of the model's bytes
  const char* text;     // one sentence
  const char* reference = "None.";  // the paper or source
  std::int64_t capabilities = 0;  // PYN_PLUGIN_* added up
  std::vector<option> options;
};

/// What the plugin says of itself.
struct about {
  const char* name;
  const char* version;
  const char* description;
  const char* author = nullptr;
  const char* licence = nullptr;
};

namespace detail {

template <class D, class = void>
struct has_explain : std::false_type {};
template <class D>
struct has_explain<D, std::void_t<decltype(std::declval<const D&>().explain(
                          std::declval<call&>(), std::declval<const rows&>(), std::declval<double*>()))>>
    : std::true_type {};
template <class D, class = void>
struct has_partial_fit : std::false_type {};
template <class D>
struct has_partial_fit<D, std::void_t<decltype(std::declval<D&>().partial_fit(
                              std::declval<call&>(), std::declval<const training&>()))>> : std::true_type {};
template <class D, class = void>
struct has_threshold : std::false_type {};
template <class D>
struct has_threshold<D, std::void_t<decltype(std::declval<const D&>().threshold())>> : std::true_type {};
template <class D, class = void>
struct has_fitted : std::false_type {};
template <class D>
struct has_fitted<D, std::void_t<decltype(std::declval<const D&>().fitted())>> : std::true_type {};

/// The C table of a detector class, for one host: create and load find the host in class_data.
template <class Detector>
class table {
 public:
  explicit table(const pyn_plugin_host* host) : description_(Detector::describe()) {
    for (const option& o : description_.options) options_.push_back(o.spec());
    pyn_plugin_class& c = class_;
    c.struct_size = sizeof(pyn_plugin_class);
    c.name = description_.name;
    c.version = description_.version;
    c.description = description_.text;
    c.reference = description_.reference;
    c.capabilities = description_.capabilities;
    c.options = options_.data();
    c.option_count = static_cast<std::int64_t>(options_.size());
    c.class_data = const_cast<pyn_plugin_host*>(host);
    c.create = create;
    c.fit = fit;
    c.score = score;
    c.save = save;
    c.load = load;
    c.destroy = destroy;
    if constexpr (has_explain<Detector>::value) c.explain = explain;
    if constexpr (has_partial_fit<Detector>::value) c.partial_fit = partial_fit;
    if constexpr (has_threshold<Detector>::value) c.threshold = threshold;
    if constexpr (has_fitted<Detector>::value) c.fitted = fitted;
  }
  table(const table&) = delete;
  table& operator=(const table&) = delete;

  const pyn_plugin_class* get() const noexcept { return &class_; }

 private:
  struct holder {
    holder(const pyn_plugin_host* h, const values& v) : host(h), detector(v) {}
    const pyn_plugin_host* host;
    Detector detector;
  };
  static const holder* of(const void* instance) { return static_cast<const holder*>(instance); }
  static holder* of(void* instance) { return static_cast<holder*>(instance); }
  static const pyn_plugin_host* host_of(const pyn_plugin_class* c) {
    return static_cast<const pyn_plugin_host*>(c->class_data);
  }

  static pyn_status create(const pyn_plugin_class* c, pyn_plugin_call* the_call, const pyn_value* v,
                           std::int64_t count, void** instance) noexcept {
    return guard(host_of(c), the_call, [&] { *instance = new holder(host_of(c), values(c, v, count)); });
  }
  static pyn_status fit(void* instance, pyn_plugin_call* the_call, const pyn_plugin_training* t) noexcept {
    holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.fit(c, training{rows(h->host, t->X), t->sample_weight, t->labels});
    });
  }
  static pyn_status partial_fit(void* instance, pyn_plugin_call* the_call,
                                const pyn_plugin_training* t) noexcept {
    holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.partial_fit(c, training{rows(h->host, t->X), t->sample_weight, t->labels});
    });
  }
  static pyn_status score(const void* instance, pyn_plugin_call* the_call, const pyn_matrix* X,
                          double* scores) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.score(c, rows(h->host, X), scores);
    });
  }
  static pyn_status explain(const void* instance, pyn_plugin_call* the_call, const pyn_matrix* X,
                            double* shares) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.explain(c, rows(h->host, X), shares);
    });
  }
  static pyn_status threshold(const void* instance, pyn_plugin_call* the_call, double* result) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] { *result = h->detector.threshold(); });
  }
  static pyn_status fitted(const void* instance, std::int64_t index, const char** name,
                           double* result) noexcept {
    const auto quiet = [](pyn_status s, std::int64_t, std::int64_t, const char*) { return s; };
    return translate(
        [&] {
          const std::vector<fitted_value> all = of(instance)->detector.fitted();
          if (index < 0 || to_size(index) >= all.size()) throw told{PYN_ERROR_NOT_SUPPORTED};
          *name = all[to_size(index)].name;
          *result = all[to_size(index)].value;
        },
        quiet);
  }
  static pyn_status save(const void* instance, pyn_plugin_call* the_call) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      writer out(h->host, the_call);
      h->detector.save(out);
    });
  }
  static pyn_status load(const pyn_plugin_class* c, pyn_plugin_call* the_call, const pyn_value* v,
                         std::int64_t count, std::int64_t feature_count, const void* data, std::size_t size,
                         void** instance) noexcept {
    return guard(host_of(c), the_call, [&] {
      auto h = std::make_unique<holder>(host_of(c), values(c, v, count));
      reader in(data, size, feature_count);
      h->detector.load(in);
      if (in.left() > 0) in.fail("bytes follow the end");
      *instance = h.release();
    });
  }
  static void destroy(void* instance) noexcept { delete of(instance); }

  description description_;
  std::vector<pyn_plugin_option> options_;
  pyn_plugin_class class_ = {};
};

/// The tables of all classes for one host. They live as long as the process.
template <class... Detectors>
struct registration {
  explicit registration(const pyn_plugin_host* h, registration* n) : host(h), next(n) {
    (add<Detectors>(), ...);
  }
  template <class Detector>
  void add() {
    tables.push_back((new table<Detector>(host))->get());
  }
  const pyn_plugin_host* host;
  registration* next;
  std::vector<const pyn_plugin_class*> tables;
};

template <class... Detectors>
pyn_status init(const about& a, const pyn_plugin_host* host, std::int32_t requested_abi,
                pyn_plugin* plugin) noexcept {
  static_assert(sizeof...(Detectors) > 0, "a plugin has at least one detector");
  if (!host || !plugin) return PYN_ERROR_NULL_ARGUMENT;
  if (requested_abi < PYN_PLUGIN_ABI_OLDEST || requested_abi > PYN_PLUGIN_ABI_VERSION ||
      host->struct_size < sizeof(pyn_plugin_host) || plugin->struct_size < sizeof(pyn_plugin)) {
    if (plugin->struct_size >= offsetof(pyn_plugin, reserved)) {
      plugin->abi_minimum = PYN_PLUGIN_ABI_OLDEST;
      plugin->abi_maximum = PYN_PLUGIN_ABI_VERSION;
    }
    return PYN_ERROR_NOT_SUPPORTED;
  }
  const auto fail = [=](pyn_status status, std::int64_t, std::int64_t, const char* words) {
    host->log(host, PYN_LOG_ERROR, words);
    return status;
  };
  return translate(
      [&] {
        static std::mutex lock;
        static registration<Detectors...>* all = nullptr;
        const std::lock_guard<std::mutex> locked(lock);
        registration<Detectors...>* mine = all;
        while (mine && mine->host != host) mine = mine->next;
        if (!mine) all = mine = new registration<Detectors...>(host, all);

        pyn_plugin p = {};
        p.struct_size = sizeof(pyn_plugin);
        p.abi_version = requested_abi;
        p.abi_minimum = PYN_PLUGIN_ABI_OLDEST;
        p.abi_maximum = PYN_PLUGIN_ABI_VERSION;
        p.name = a.name;
        p.version = a.version;
        p.description = a.description;
        p.author = a.author;
        p.licence = a.licence;
        p.classes = mine->tables.data();
        p.class_count = static_cast<std::int64_t>(mine->tables.size());
        *plugin = p;
      },
      fail);
}

}  // namespace detail
}  // namespace plugin
}  // namespace pynomaly

/// Once in a plugin, outside any namespace: the entry point, with what the plugin says of itself and its
/// detector classes: PYNOMALY_PLUGIN(about, Distance, Angle)
#define PYNOMALY_PLUGIN(about, ...)                                                                     \
  extern "C" PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(                                         \
      const pyn_plugin_host* host, std::int32_t requested_abi, pyn_plugin* plugin) {                    \
    return ::pynomaly::plugin::detail::init<__VA_ARGS__>(about, host, requested_abi, plugin);           \
  }

#endif  // PYNOMALY_PLUGIN_HPP

"""#

private let text15 = #"""
# make, make check, make install, make wheel: see README.md. make BUILD=FOLDER builds elsewhere.
BUILD    ?= build
PYNOMALY ?= pynomaly
PYTHON   ?= python3
SOURCES  := Package.swift exports.map $(wildcard Sources/*/*) include/pynomaly_plugin.h

all: $(BUILD)/lib@NAME@.so $(BUILD)/@NAME@.toml

$(BUILD)/lib@NAME@.so: $(SOURCES) Makefile
	@mkdir -p $(BUILD)
	swift build -c release --disable-local-rpath --product @NAME@ --scratch-path $(BUILD)/swift
	strip --strip-unneeded -o $@ $(BUILD)/swift/release/lib@NAME@.so

$(BUILD)/@NAME@.toml: @NAME@.toml
	@mkdir -p $(BUILD)
	cp @NAME@.toml $@

check test: all
	$(PYNOMALY) plugin check $(BUILD)/lib@NAME@.so

install: all
	$(PYNOMALY) plugin install $(BUILD)/@NAME@.toml

wheel: all
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist ./wheel

clean:
	rm -rf $(BUILD) dist
.PHONY: all check test install wheel clean

"""#

private let text16 = #"""
// swift-tools-version: 6.0
import PackageDescription

// The plugin carries a Swift runtime of its own, and exports its entry point alone.
let plugin: [LinkerSetting] = [
  .unsafeFlags([
    "-static-stdlib",
    "-Xlinker", "--version-script=\(Context.packageDirectory)/exports.map",
    "-Xlinker", "--gc-sections",
    "-Xlinker", "-z", "-Xlinker", "nodelete",
  ])
]

let package = Package(
  name: "@NAME@",
  products: [
    .library(name: "@NAME@", type: .dynamic, targets: ["Detector"])
  ],
  targets: [
    // How Swift meets the contract: a module map over pynomaly_plugin.h.
    .systemLibrary(name: "CPynomalyPlugin"),
    .target(
      name: "Detector", dependencies: ["CPynomalyPlugin"],
      swiftSettings: [
        .unsafeFlags(["-wmo", "-enforce-exclusivity=unchecked"], .when(configuration: .release))
      ],
      linkerSettings: plugin),
  ]
)

"""#

private let text17 = #"""
module CPynomalyPlugin [system] {
  header "../../include/pynomaly_plugin.h"
  export *
}

"""#

private let text18 = #"""
import CPynomalyPlugin

/// fit learns the median of each column and the median distance from it (MAD). A row's score is its largest
/// distance from a median, in MADs: the modified z-score of Iglewicz and Hoaglin (1993).
final class Detector {
  static let largest = 1e300  // scores are finite

  let smallestDeviation: Double
  /// The medians of the columns, then their MADs.
  private var numbers: Numbers?

  init(smallestDeviation: Double) { self.smallestDeviation = smallestDeviation }

  var columns: Int { (numbers?.count ?? 0) / 2 }

  /// Errors: throw PluginError(PYN_ERROR_INVALID_DATA, "why", row: 3, column: 1).
  func fit(_ X: Rows, _ call: Call) throws(PluginError) {
    let found = try Numbers(X.host, 2, X.columns)
    try call.parallelFor(X.columns) { (column, _) throws(PluginError) in
      let values = try Numbers(X.host, X.count)
      try X.readColumn(column, to: values.start)
      let median = kth(values, X.count / 2)
      for i in 0..<values.count { values[i] = min(abs(values[i] - median), Detector.largest) }
      found[column] = median
      found[X.columns + column] = max(kth(values, X.count / 2), self.smallestDeviation)
    }
    numbers = found
  }

  func score(_ X: Rows, _ call: Call, to scores: UnsafeMutablePointer<Double>) throws(PluginError) {
    try visit(X, call) { (row, column, z) in scores[row] = column == 0 ? z : max(scores[row], z) }
  }

  func explain(_ X: Rows, _ call: Call, to shares: UnsafeMutablePointer<Double>) throws(PluginError) {
    let columns = X.columns
    try visit(X, call) { (row, column, z) in shares[row * columns + column] = z }
  }

  /// body(row, column, distance in MADs), row by row.
  @inline(__always)
  private func visit(_ X: Rows, _ call: Call, _ body: (Int, Int, Double) -> Void) throws(PluginError) {
    guard let numbers else { throw PluginError(PYN_ERROR_NOT_FITTED, "@DETECTOR@ is not fitted") }
    let columns = X.columns
    let (medians, mads) = (numbers.start, numbers.start + columns)
    let block = max(1, 8192 / columns)
    let rows = try Numbers(X.host, block, columns)
    for first in stride(from: 0, to: X.count, by: block) {
      let count = min(block, X.count - first)
      try X.read(first, count, to: rows.start)
      for row in 0..<count {
        for c in 0..<columns {
          let distance = min(abs(rows[row * columns + c] - medians[c]), Detector.largest)
          body(first + row, c, min(0.6745 * distance / mads[c], Detector.largest))
        }
      }
      try call.progress(Double(first + count) / Double(X.count))
    }
  }

  /// Medians, then MADs; little-endian.
  func save(_ call: Call) throws(PluginError) {
    guard let numbers else { throw PluginError(PYN_ERROR_NOT_FITTED, "@DETECTOR@ is not fitted") }
    try PluginError.check(call.host.pointee.write(call.pointer, numbers.start, 8 * numbers.count))
  }

  /// The bytes may be damaged: what is read is checked.
  func load(_ bytes: UnsafeRawBufferPointer, features: Int, _ host: HostPointer) throws(PluginError) {
    guard features > 0, bytes.count % 16 == 0, bytes.count / 16 == features else {
      throw .model("the model has \(bytes.count) bytes, not 16 for each of \(features) columns")
    }
    let read = try Numbers(host, 2, features)
    for i in 0..<read.count {
      read[i] = bytes.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)
      guard read[i].isFinite, i < features || read[i] > 0 else {
        throw .model("a number of the model is out of range")
      }
    }
    numbers = read
  }
}

/// The k-th smallest value (from 0). Puts the values in another order.
private func kth(_ numbers: Numbers, _ k: Int) -> Double {
  let values = numbers.start
  var (low, high) = (0, numbers.count - 1)
  while low < high {
    let pivot = values[low + (high - low) / 2]
    var (i, j) = (low, high)
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        (values[i], values[j]) = (values[j], values[i])
        i += 1
        j -= 1
      }
    }
    if k <= j { high = j } else if k >= i { low = i } else { break }
  }
  return values[k]
}

"""#

private let text19 = #"""
import CPynomalyPlugin

/// Why a call fails. `row` and `column` are places in the X of the call, or -1.
struct PluginError: Error {
  var status: pyn_status
  var message: String
  var row = -1
  var column = -1
  /// The host knows already: only the status has to be returned.
  var told = false

  init(_ status: Int, _ message: String, row: Int = -1, column: Int = -1) {
    (self.status, self.message, self.row, self.column) = (pyn_status(status), message, row, column)
  }

  static func model(_ message: String) -> PluginError { .init(PYN_ERROR_MODEL_FORMAT, message) }
  static let noMemory = PluginError(PYN_ERROR_OUT_OF_MEMORY, "the plugin could not get the memory it needs")

  static func check(_ status: pyn_status) throws(PluginError) {
    guard status != pyn_status(PYN_OK) else { return }
    var error = PluginError(Int(status), "")
    error.told = true
    throw error
  }
}

typealias HostPointer = UnsafePointer<pyn_plugin_host>

/// Runs `body`, and tells the host what it threw.
func guarded(
  _ host: HostPointer, _ call: OpaquePointer?, _ body: () throws(PluginError) -> Void
) -> pyn_status {
  do {
    try body()
    return pyn_status(PYN_OK)
  } catch {
    if error.told { return error.status }
    return host.pointee.fail(call, error.status, Int64(error.row), Int64(error.column), error.message)
  }
}

/// One call of the host's under way.
struct Call {
  let host: HostPointer
  let pointer: OpaquePointer?

  /// Tell how much is done, at least every 50 ms. On the calling thread only.
  func progress(_ fraction: Double) throws(PluginError) {
    if host.pointee.progress(pointer, min(max(fraction, 0), 1)) != 0 {
      try PluginError.check(pyn_status(PYN_ERROR_CANCELLED))
    }
  }

  var threads: Int { max(1, Int(host.pointee.thread_count(pointer))) }

  /// body(chunk, worker) for 0 <= chunk < chunks on the threads of the call.
  func parallelFor(_ chunks: Int, _ body: (Int, Int) throws(PluginError) -> Void) throws(PluginError) {
    var result = pyn_status(PYN_OK)
    withoutActuallyEscaping(body) { body in
      var loop = Loop(host: host, body: body)
      result = withUnsafeMutablePointer(to: &loop) {
        host.pointee.parallel_for(
          pointer, Int64(chunks),
          { call, chunk, worker, context in
            guard let loop = context?.assumingMemoryBound(to: Loop.self) else {
              return pyn_status(PYN_ERROR_PLUGIN)
            }
            let host = loop.pointee.host
            return guarded(host, call) { () throws(PluginError) in
              try loop.pointee.body(Int(chunk), Int(worker))
            }
          }, $0)
      }
    }
    try PluginError.check(result)
  }

  private struct Loop {
    let host: HostPointer
    let body: (Int, Int) throws(PluginError) -> Void
  }
}

/// The rows of a call.
struct Rows {
  let host: HostPointer
  let matrix: UnsafePointer<pyn_matrix>

  var count: Int { Int(matrix.pointee.rows) }
  var columns: Int { Int(matrix.pointee.columns) }

  func read(_ first: Int, _ count: Int, to values: UnsafeMutablePointer<Double>) throws(PluginError) {
    try PluginError.check(host.pointee.read_rows(matrix, Int64(first), Int64(count), values))
  }

  func readColumn(_ column: Int, to values: UnsafeMutablePointer<Double>) throws(PluginError) {
    try PluginError.check(host.pointee.read_column(matrix, Int64(column), values))
  }
}

/// Numbers in memory of the host: an error where Swift's arrays would end the program.
final class Numbers {
  let host: HostPointer
  let start: UnsafeMutablePointer<Double>
  let count: Int

  /// `count` numbers, all 0.
  init(_ host: HostPointer, _ count: Int) throws(PluginError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 8)
    guard count >= 0, !overflow, let memory = host.pointee.allocate(host, bytes) else { throw .noMemory }
    (self.host, self.count) = (host, count)
    start = memory.bindMemory(to: Double.self, capacity: count)
    start.initialize(repeating: 0, count: count)
  }

  convenience init(_ host: HostPointer, _ factors: Int...) throws(PluginError) {
    var count = 1
    for factor in factors {
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      guard !overflow else { throw .noMemory }
      count = product
    }
    try self.init(host, count)
  }

  deinit { host.pointee.release(host, start) }

  subscript(index: Int) -> Double {
    @inline(__always) get { start[index] }
    @inline(__always) set { start[index] = newValue }
  }
}

"""#

private let text20 = #"""
import CPynomalyPlugin

// The tables of the plugin: what the host reads and calls. They live as long as the process.

/// A C string that is never freed.
private func forever(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// An array that is never freed.
private func forever<T>(_ elements: [T]) -> UnsafeMutablePointer<T> {
  let start = UnsafeMutablePointer<T>.allocate(capacity: max(1, elements.count))
  start.initialize(from: elements, count: elements.count)
  return start
}

private func option(_ name: StaticString, _ description: StaticString) -> pyn_plugin_option {
  var option = pyn_plugin_option()
  option.struct_size = MemoryLayout<pyn_plugin_option>.size
  option.name = forever(name)
  option.description = forever(description)
  option.default_value.struct_size = MemoryLayout<pyn_value>.size
  return option
}

extension pyn_plugin_option {
  fileprivate func doubles(_ range: ClosedRange<Double>, default value: Double? = nil) -> Self {
    var option = self
    option.types |= Int32(PYN_OPTION_DOUBLE)
    (option.double_minimum, option.double_maximum) = (range.lowerBound, range.upperBound)
    if let value {
      option.default_value.type = Int32(PYN_OPTION_DOUBLE)
      option.default_value.double_value = value
    }
    return option
  }
}

private func makeOptions() -> [pyn_plugin_option] {
  [
    option("smallest_deviation", "What a column's MAD is taken for at least.")
      .doubles(1e-300...1e300, default: 1e-9)
  ]
}

private func makeDetector(_ values: UnsafePointer<pyn_value>?, _ count: Int64) throws(PluginError) -> Detector
{
  guard count == 1, let values else {
    throw PluginError(PYN_ERROR_INVALID_ARGUMENT, "@DETECTOR@ was given \(count) values for 1 option")
  }
  return Detector(smallestDeviation: values[0].double_value)
}

/// What `instance` of the tables points to.
private final class Instance {
  let host: HostPointer
  let detector: Detector
  init(_ host: HostPointer, _ detector: Detector) { (self.host, self.detector) = (host, detector) }

  var retained: UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

  /// nil only for a host that breaks the contract.
  static func of(_ pointer: UnsafeRawPointer?) -> Instance? {
    pointer.map { Unmanaged<Instance>.fromOpaque($0).takeUnretainedValue() }
  }
}

private func owner(of table: UnsafePointer<pyn_plugin_class>?) -> HostPointer? {
  table?.pointee.class_data.map { HostPointer($0.assumingMemoryBound(to: pyn_plugin_host.self)) }
}

private let null = pyn_status(PYN_ERROR_NULL_ARGUMENT)

private func makeClass(_ host: HostPointer) -> pyn_plugin_class {
  var table = pyn_plugin_class()
  table.struct_size = MemoryLayout<pyn_plugin_class>.size
  table.name = forever("@DETECTOR@")
  table.version = forever("1.0.0")  // of the model's bytes
  table.description = forever("How far a row is from the medians of the columns.")
  table.reference = forever("Iglewicz, Hoaglin (1993), How to Detect and Handle Outliers")
  table.capabilities = Int64(PYN_PLUGIN_THREAD_SAFE_SCORE)
  let list = makeOptions()
  table.options = UnsafePointer(forever(list))
  table.option_count = Int64(list.count)
  table.class_data = UnsafeMutableRawPointer(mutating: host)

  table.create = { table, call, values, count, instance in
    guard let host = owner(of: table) else { return null }
    return guarded(host, call) { () throws(PluginError) in
      instance?.pointee = Instance(host, try makeDetector(values, count)).retained
    }
  }
  table.fit = { instance, call, training in
    guard let instance = Instance.of(instance), let X = training?.pointee.X else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.fit(
        Rows(host: instance.host, matrix: X), Call(host: instance.host, pointer: call))
    }
  }
  table.score = { instance, call, X, scores in
    guard let instance = Instance.of(instance), let X, let scores else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.score(
        Rows(host: instance.host, matrix: X), Call(host: instance.host, pointer: call), to: scores)
    }
  }
  table.explain = { instance, call, X, shares in
    guard let instance = Instance.of(instance), let X, let shares else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.explain(
        Rows(host: instance.host, matrix: X), Call(host: instance.host, pointer: call), to: shares)
    }
  }
  // What Iglewicz and Hoaglin call an outlier. Without this function: the 0.9 quantile of the training's
  // scores.
  table.threshold = { _, _, value in
    value?.pointee = 3.5
    return pyn_status(PYN_OK)
  }
  table.fitted = { instance, index, name, value in
    guard let instance = Instance.of(instance) else { return null }
    guard index == 0 else { return pyn_status(PYN_ERROR_NOT_SUPPORTED) }
    name?.pointee = forever("columns")
    value?.pointee = Double(instance.detector.columns)
    return pyn_status(PYN_OK)
  }
  table.save = { instance, call in
    guard let instance = Instance.of(instance) else { return null }
    return guarded(instance.host, call) { () throws(PluginError) in
      try instance.detector.save(Call(host: instance.host, pointer: call))
    }
  }
  table.load = { table, call, values, count, features, data, size, instance in
    guard let host = owner(of: table) else { return null }
    return guarded(host, call) { () throws(PluginError) in
      let detector = try makeDetector(values, count)
      try detector.load(
        UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size), features: Int(features), host)
      instance?.pointee = Instance(host, detector).retained
    }
  }
  table.destroy = { instance in
    if let instance { Unmanaged<Instance>.fromOpaque(instance).release() }
  }
  return table
}

/// A list of classes for each host of the process (a program may hold two libraries). Only init uses it,
/// which hosts call one at a time.
nonisolated(unsafe) private var lists:
  [(host: HostPointer, classes: UnsafePointer<UnsafePointer<pyn_plugin_class>?>)] = []

@_cdecl("pynomaly_plugin_init") @implementation
public func pynomaly_plugin_init(
  _ host: UnsafePointer<pyn_plugin_host>?, _ requested_abi: Int32, _ plugin: UnsafeMutablePointer<pyn_plugin>?
) -> pyn_status {
  guard let host, let plugin else { return null }
  guard requested_abi == 1 else {
    (plugin.pointee.abi_minimum, plugin.pointee.abi_maximum) = (1, 1)
    return pyn_status(PYN_ERROR_NOT_SUPPORTED)
  }
  let classes: UnsafePointer<UnsafePointer<pyn_plugin_class>?>
  if let known = lists.first(where: { $0.host == host }) {
    classes = known.classes
  } else {
    classes = UnsafePointer(
      forever([UnsafePointer(forever([makeClass(host)])) as UnsafePointer<pyn_plugin_class>?]))
    lists.append((host, classes))
  }
  var answer = pyn_plugin()
  answer.struct_size = MemoryLayout<pyn_plugin>.size
  (answer.abi_version, answer.abi_minimum, answer.abi_maximum) = (1, 1, 1)
  answer.name = forever("@NAME@")
  answer.version = forever("0.1.0")
  answer.description = forever("How far a row is from the medians of the columns.")
  answer.classes = classes
  answer.class_count = 1
  plugin.pointee = answer
  return pyn_status(PYN_OK)
}

"""#
