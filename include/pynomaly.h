/*
 * pynomaly.h - anomaly detection that any program can embed.
 *
 * This header is the manual. It goes from simple to advanced:
 *
 *    1. Version            6. Fitting                 11. Model files
 *    2. Status and errors  7. Scoring and labels      12. Arrow tables and streams
 *    3. Matrices           8. Explanations            13. Threads
 *    4. Detectors          9. Thresholds              14. Quality measures
 *    5. Options           10. What a model knows     15. Plugins
 *   16. Selection         17. Tuning                 18. Drift               19. Profiling
 *
 * The shortest useful program:
 *
 *    #include <pynomaly.h>
 *    #include <stdio.h>
 *
 *    int main(void) {
 *        float x[] = {0.1f, 0.2f, 0.0f, 0.1f, 0.2f, 0.1f, 9.0f, 8.0f}; // 4 rows, 2 columns
 *        double scores[4];
 *        pyn_matrix rows = PYN_MATRIX_F32(x, 4, 2);
 *        pyn_error error = PYN_ERROR_INIT;
 *        pyn_detector *forest = NULL;
 *        if (pyn_detector_create("IsolationForest", &forest, &error) ||
 *            pyn_detector_fit(forest, &rows, NULL, &error) ||
 *            pyn_detector_score(forest, &rows, NULL, scores, 4, &error))
 *            fprintf(stderr, "%s\n", error.message);
 *        else
 *            for (int i = 0; i < 4; i++) printf("row %d: %.3f\n", i, scores[i]);
 *        pyn_detector_free(forest);
 *    }
 *
 *    cc program.c $(pkg-config --cflags --libs pynomaly)
 *
 * Rules that hold for every function:
 *
 *  - Scores: higher is more anomalous, comparable between calls. Labels: 1 outlier, 0 inlier.
 *  - Every function that can fail returns a pyn_status and takes, last, a pyn_error that may be NULL.
 *  - On failure the outputs are unspecified, and every object is as it was before the call.
 *  - Memory: whoever allocates frees. The library never keeps a pointer of yours after it returned,
 *    and never hands out memory for you to free except objects, which have their own _free.
 *  - Strings are UTF-8 and end in NUL. Strings that the library returns live as long as the object
 *    they were asked of (or the process, where none is named). Never free them.
 *  - Threading is said in brackets: [any thread] may be called at any time from any thread;
 *    [one thread per object] needs the caller to keep other calls off that object meanwhile.
 *    Functions that take a const pyn_detector * may run at the same time on the same detector.
 *  - No function prints, exits or installs signal handlers, but that a recording of the calling process has one
 *    (pyn_profiler_start), and what stops threads of other processes one of a real-time signal, each for as long as it
 *    goes on. No thread of ours runs on after a call, but those of a pyn_profiler, until it is
 *    stopped or freed.
 *    After fork() the child may go on using its objects.
 *  - Same options, seed and data: the same result, bit for bit, for any number of threads.
 *
 * Licence: Apache-2.0.
 */
#ifndef PYNOMALY_H
#define PYNOMALY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ========================================================================== 1. Version == */

#define PYN_VERSION_MAJOR 0
#define PYN_VERSION_MINOR 1
#define PYN_VERSION_PATCH 0
#define PYN_VERSION_STRING "0.1.0"

/* Changes only when programs must be compiled anew; the SONAME carries the same number. */
#define PYN_ABI_VERSION 1

/* The version of the library that is loaded, e.g. "0.1.0". [any thread] */
const char *pyn_version_string(void);

/* major * 1000000 + minor * 1000 + patch of the loaded library. [any thread] */
int32_t pyn_version_number(void);

/* PYN_ABI_VERSION of the loaded library. [any thread] */
int32_t pyn_abi_version(void);

/* The build of the inner loops chosen for this processor: "baseline" or "x86-64-v3". Both give the
 * same bits. The environment variable PYNOMALY_KERNELS=baseline, read once, forces the first.
 * [any thread] */
const char *pyn_kernels_name(void);

/* ================================================================ 2. Status and errors == */

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

/* The name of a status, e.g. "PYN_ERROR_IO"; "PYN_ERROR_UNKNOWN" for other numbers. [any thread] */
const char *pyn_status_name(pyn_status status);

#define PYN_ERROR_MESSAGE_SIZE 512

/* What went wrong, in your own memory: nothing to free. A failing call fills it, a successful call
 * leaves it alone. The message says what was wrong, where, and what is allowed; it is cut at the
 * buffer's end, always NUL-terminated. */
typedef struct pyn_error {
    size_t struct_size; /* sizeof(pyn_error), set by PYN_ERROR_INIT */
    pyn_status code;    /* the returned status */
    int32_t reserved;
    int64_t row;        /* 0-based row of the data at fault, or -1 */
    int64_t column;     /* 0-based column of the data at fault, or -1 */
    char message[PYN_ERROR_MESSAGE_SIZE];
} pyn_error;

#define PYN_ERROR_INIT { sizeof(pyn_error), PYN_OK, 0, -1, -1, { 0 } }

/* ========================================================================= 3. Matrices == */

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

#define PYN_MATRIX_INIT { sizeof(pyn_matrix), NULL, 0, 0, 0, 0, 0, 0 }

/* Row-major, contiguous. */
#define PYN_MATRIX_F32(data, rows, columns) \
    { sizeof(pyn_matrix), (data), PYN_FLOAT32, 0, (rows), (columns), (int64_t)(columns) * 4, 4 }
#define PYN_MATRIX_F64(data, rows, columns) \
    { sizeof(pyn_matrix), (data), PYN_FLOAT64, 0, (rows), (columns), (int64_t)(columns) * 8, 8 }

/* ======================================================================== 4. Detectors == */

/* A detector: options, and after fitting a model. */
typedef struct pyn_detector pyn_detector;

enum {
    PYN_CAPABILITY_EXPLAIN = 1,        /* pyn_detector_explain works */
    PYN_CAPABILITY_SAMPLE_WEIGHT = 2,  /* fitting takes sample weights */
    PYN_CAPABILITY_MISSING_VALUES = 4, /* an option makes NaN a value like any other */
    PYN_CAPABILITY_WARM_START = 8,     /* a fitted model can be grown by fitting again */
    PYN_CAPABILITY_PARTIAL_FIT = 16,   /* pyn_detector_partial_fit works */
    PYN_CAPABILITY_NEEDS_LABELS = 32,  /* fitting needs labels (pyn_call.labels) */
    PYN_CAPABILITY_SERIES = 64         /* rows are the steps of a series (pyn_detector_reads_series) */
};

typedef struct pyn_detector_info {
    size_t struct_size;
    const char *name;        /* "IsolationForest" */
    const char *description; /* one sentence */
    const char *reference;   /* the paper */
    int64_t capabilities;    /* PYN_CAPABILITY_* added up */
    int64_t option_count;
    const char *plugin;      /* the plugin it is of, or NULL for a built-in one */
    const char *version;     /* of a plugin's detector: "1.0.0"; NULL for a built-in one */
} pyn_detector_info;

#define PYN_DETECTOR_INFO_INIT { sizeof(pyn_detector_info), NULL, NULL, NULL, 0, 0, NULL, NULL }

/* How many detectors there are, and the name of each (NULL when index is out of range), in
 * alphabetical order. Loading a plugin (section 15) adds its own. [any thread] */
int64_t pyn_detector_count(void);
const char *pyn_detector_name_at(int64_t index);

/* Describe the detector of that name. Errors: UNKNOWN_DETECTOR (the message lists the names).
 * [any thread] */
pyn_status pyn_detector_get_info(const char *name, pyn_detector_info *info, pyn_error *error);

/* Make a detector with default options. Free it with pyn_detector_free.
 * Errors: UNKNOWN_DETECTOR. [any thread] */
pyn_status pyn_detector_create(const char *name, pyn_detector **detector, pyn_error *error);

/* Make another detector of the same options, model, threshold and feature names. Both go their own ways from
 * there on; what was learnt is shared, so a copy costs microseconds. Free it with pyn_detector_free.
 * Errors: NULL_ARGUMENT. [any thread] */
pyn_status pyn_detector_copy(const pyn_detector *detector, pyn_detector **copy, pyn_error *error);

/* Free a detector. NULL is fine. [one thread per object] */
void pyn_detector_free(pyn_detector *detector);

/* ========================================================================== 5. Options == */

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

#define PYN_VALUE_INIT { sizeof(pyn_value), 0, 0, 0, 0.0, NULL }

/* Bits of pyn_option_info.types beside PYN_OPTION_STRING: strings other than the choices are allowed, and have
 * a form. Values are still of the type PYN_OPTION_STRING. */
enum {
    PYN_OPTION_DETECTOR = 16,      /* a detector: NAME or NAME(option=value, ...) */
    PYN_OPTION_DETECTOR_LIST = 32, /* such detectors, 1 to 256, with commas between: [KNN, PCA(whiten=false)] */
    PYN_OPTION_NUMBER_LIST = 64    /* finite numbers >= 0: [1, 0.5] */
};

/* The text of a detector within an option, for instance LocalOutlierFactor(n_neighbors=20, metric="manhattan"):
 * values are as pyn_detector_set_text reads them, or strings in double quotes, with \" and \\ for these two
 * characters. Detectors hold detectors up to three deep: Ensemble(detectors=[KNN, PCA]) within a list. The
 * brackets of the outermost list may be left out. The text is checked when it is set: INVALID_OPTION says at which
 * character what is wrong. It reads back in one canonical form: the options that were given, in the
 * order of the detector's list. Detectors of plugins must be loaded when it is set. At most 65536 bytes. */

/* What an option allows. Bounds are inclusive unless said; strings must be one of the choices, or of the
 * form that a bit of `types` names. */
typedef struct pyn_option_info {
    size_t struct_size;
    const char *name;
    const char *description;    /* one sentence */
    const char *allowed;        /* what is allowed, in words: "int >= 1, or double in (0, 1], or \"auto\"" */
    int32_t types;              /* PYN_OPTION_* added up */
    int32_t double_minimum_exclusive; /* 1: double_minimum itself is not allowed */
    int64_t int_minimum, int_maximum;
    double double_minimum, double_maximum;
    const char *const *choices; /* strings allowed, choice_count of them */
    int64_t choice_count;
    pyn_value default_value;
} pyn_option_info;

#define PYN_OPTION_INFO_INIT                                                              \
    { sizeof(pyn_option_info), NULL, NULL, NULL, 0, 0, 0, 0, 0.0, 0.0, NULL, 0, PYN_VALUE_INIT }

/* Describe option `index` (0 .. option_count - 1) of the detector of that name.
 * Errors: UNKNOWN_DETECTOR, INVALID_ARGUMENT (index). [any thread] */
pyn_status pyn_detector_get_option_info(const char *name, int64_t index, pyn_option_info *info,
                                        pyn_error *error);

/* Set an option. It takes effect with the next fit. Errors: UNKNOWN_OPTION (the message lists the
 * names), INVALID_OPTION (the message says what is allowed). [one thread per object] */
pyn_status pyn_detector_set_int(pyn_detector *detector, const char *option, int64_t value,
                                pyn_error *error);
pyn_status pyn_detector_set_double(pyn_detector *detector, const char *option, double value,
                                   pyn_error *error);
pyn_status pyn_detector_set_bool(pyn_detector *detector, const char *option, int32_t value,
                                 pyn_error *error);
pyn_status pyn_detector_set_string(pyn_detector *detector, const char *option, const char *value,
                                   pyn_error *error);

/* Set an option from text, as from a command line or a configuration file: "100" is an int, "0.5" or
 * "1e-3" a double, "true" and "false" a bool, anything else a string; an int is taken as a double
 * where only a double is allowed. [one thread per object] */
pyn_status pyn_detector_set_text(pyn_detector *detector, const char *option, const char *text,
                                 pyn_error *error);

/* Read an option. A string lives until the option is set again or the detector is freed.
 * [one thread per object] */
pyn_status pyn_detector_get_option(const pyn_detector *detector, const char *option,
                                   pyn_value *value, pyn_error *error);

/* ========================================================================== 6. Fitting == */

/* Called now and then (at most every 50 ms or so) during long work, on the thread that made the
 * call. `fraction` goes from 0 to 1, `stage` names the step ("read" for streams, "fit", "score",
 * "explain"). Return 0 to go on; any other value cancels: the call returns PYN_ERROR_CANCELLED and
 * nothing has changed. */
typedef int32_t (*pyn_progress_callback)(double fraction, const char *stage, void *context);

/* How one call is to be made. Pass NULL for the defaults. */
typedef struct pyn_call {
    size_t struct_size;
    pyn_progress_callback progress; /* or NULL */
    void *progress_context;
    int32_t threads; /* at most so many threads; 0: the limit of section 13; 1: the calling thread */
    int32_t reserved;
    const double *sample_weight; /* fit only: `sample_weight_count` weights, one a row, or NULL */
    int64_t sample_weight_count;
    const int32_t *labels; /* fit only: `label_count` labels, one a row (0 inlier, 1 outlier), or NULL; */
    int64_t label_count;   /* detectors without PYN_CAPABILITY_NEEDS_LABELS leave them unread */
} pyn_call;

#define PYN_CALL_INIT { sizeof(pyn_call), NULL, NULL, 0, 0, NULL, 0, NULL, 0 }

/* Learn from the rows of X. Replaces an earlier model (with the option warm_start: grows it). When it
 * fails or is cancelled the earlier model stays.
 *
 * X must have at least 1 row and 1 column and only finite values (NaN is allowed where the detector's
 * option missing_values is "native"). Every value is checked up to 2^20 of them, or when a contamination
 * is given; of more, IsolationForest reads only the rows that its trees draw, and scoring finds the rest. Sample weights must be finite, >= 0, and not all 0: a row is
 * drawn in proportion to its weight. A contamination is a share of the rows, whatever their weights.
 * Errors: INVALID_DATA (row and column are said), INVALID_OPTION (an option does not fit the data),
 * NOT_SUPPORTED, CANCELLED, OUT_OF_MEMORY. [one thread per object]
 *
 * IsolationForest: O(n_estimators * max_samples * log(max_samples)), and one pass over X up to 2^20
 * values.
 *
 * KNN, LocalOutlierFactor: every value is checked and the rows are kept, as doubles. At least 2 rows; with
 * n_neighbors >= rows, all the others are the neighbours. About O(rows * log(rows)) with few columns, up to
 * O(rows^2 * columns) with many. Of rows at the same distance the first are the nearer ones.
 * COPOD, ECOD, MAD: O(rows * columns), at most 32 bytes a value while fitting; less than 2^32 rows.
 * HBOS: O(rows * columns). LODA: O(rows * n_random_cuts * sqrt(columns)).
 * EllipticEnvelope: O(rows * columns^2) for each of some tens of steps; at least 2 rows that differ.
 * OneClassSVM: O(nu * rows^2 * columns). Weights multiply the bounds of the dual.
 * PCA: O(rows * columns^2 + columns^3); at least 2 rows that differ.
 * CBLOF: O(rows * n_clusters * columns) for each of some tens of steps.
 * MatrixProfile: O(rows^2 * columns), memory O(rows * columns) and O(rows) a thread; the series must have at least
 * window + 2 * exclusion_zone + 1 rows.
 * SGDOneClassSVM: O(n_components * rows * columns), and n_components^3 once. Weights multiply steps.
 * HalfSpaceTrees: one pass over X, and O(n_trees * height) for each of at most 2 window_size rows.
 * RobustRandomCutForest: each row that a tree takes in costs O(log(max_samples) * columns): of n rows about
 * max_samples * ln(n / max_samples) with "reservoir", the last max_samples with "sliding". The model has about
 * 24 * n_estimators * max_samples * columns bytes.
 * Ensemble: what fitting and scoring its detectors takes, one after another. Sample weights and partial_fit
 * where each of them can; NOT_SUPPORTED names the first that cannot. SlidingWindow: as its detector on
 * rows - window + 1 rows of window * columns; at least `window` rows. */
pyn_status pyn_detector_fit(pyn_detector *detector, const pyn_matrix *X, const pyn_call *call,
                            pyn_error *error);

/* Learn from more rows, for detectors with PYN_CAPABILITY_PARTIAL_FIT: the first call begins a model, later
 * ones go on with it, and the columns stay the same. Options set in between wait for the next fit. With a
 * contamination, the threshold is the quantile of the scores of this call's rows; when these are fewer than 1024,
 * of so many with the rows of the calls before. When it fails or is cancelled the earlier model stays. Errors: as pyn_detector_fit, and SHAPE_MISMATCH.
 * [one thread per object] */
pyn_status pyn_detector_partial_fit(pyn_detector *detector, const pyn_matrix *X, const pyn_call *call,
                                    pyn_error *error);

/* =============================================================== 7. Scoring and labels == */

/* Write one score a row to scores[0 .. rows - 1]; `count` is the buffer's length and must be at least
 * the rows of X. Higher is more anomalous. X has the columns of the fitted data; no rows are fine.
 * Errors: NOT_FITTED, SHAPE_MISMATCH, INVALID_DATA, CANCELLED. [any thread]
 *
 * IsolationForest: 2^(-E[path length] / c(max_samples)) in (0, 1], about 0.5 for ordinary rows
 * (Liu, Ting, Zhou 2008, equation 2). O(rows * n_estimators * log(max_samples)).
 *
 * KNN: the distance of the n_neighbors-th nearest training row, or the mean or median of the n_neighbors
 * distances, >= 0. LocalOutlierFactor: the neighbours' mean local reachability density over the row's own
 * (Breunig and others 2000, definition 7), about 1 inside a cluster. Unless the option novelty is true, a row
 * that equals a training row is that row and not its own neighbour: the training data score as in
 * pyn_detector_get_training_scores. Each row O(log(rows)) to O(rows * columns) of the training data.
 * ECOD: sum over the features of -ln of the smaller tail, O(log rows) a value. COPOD: the same with the
 * tail that skewness points to, or the mean of both. HBOS: sum of -log2(density + alpha); may be negative.
 * LODA: mean over the cuts of -ln(share of the bin). MAD: the largest robust z-score of a feature.
 * EllipticEnvelope: the squared Mahalanobis distance under the minimum covariance determinant
 * (Rousseeuw, Van Driessen 1999). O(rows * columns^2).
 * OneClassSVM: rho less the sum over support vectors of their kernel values: above 0 outside the surface
 * (Schoelkopf and others 2001). O(rows * support vectors * columns).
 * SGDOneClassSVM: the offset less the machine's value: above 0 outside. O(rows * n_components * columns).
 * PCA: the sum of distances to the components, each by the share of variance that the component explains
 * (Shyu and others 2003). O(rows * columns * components).
 * CBLOF: the distance of the nearest centre of a large cluster (He, Xu, Deng 2003), with use_weights times the rows
 * of the own cluster. O(rows * columns * clusters).
 * MatrixProfile: the distance of a window from the most alike one of the training series, the mean of the
 * channels; of a row the greatest of the windows that it is part of, or that of the window that ends with it
 * (row_score). Unless novelty is true a piece of the training series scores as in training. INVALID_DATA when a
 * new series has rows, but fewer than a window. O(rows * training rows * columns).
 * HalfSpaceTrees: 1 less the mean mass of the last window's nodes, weighted by 2^depth, over the largest there could
 * be, in [0, 1]. O(rows * n_trees * height). RobustRandomCutForest: the collusive displacement (CoDisp) that
 * the row is expected to cause if it were inserted, in [0, max_samples].
 * O(rows * n_estimators * log(max_samples) * columns).
 * Ensemble: the average, maximum or median of its detectors' scores, each less the mean of its training scores and
 * divided by their standard deviation; rank_average: the average share of training scores below, in
 * [0, 1]. SlidingWindow: the mean or maximum of its detector's scores of the windows that hold the row, or that
 * of the window that ends with it. X is one series; INVALID_DATA when it has rows, but fewer than a window. */
pyn_status pyn_detector_score(const pyn_detector *detector, const pyn_matrix *X,
                              const pyn_call *call, double *scores, int64_t count,
                              pyn_error *error);

/* Write one label a row: 1 where the score is above the threshold, else 0. As pyn_detector_score. */
pyn_status pyn_detector_predict(const pyn_detector *detector, const pyn_matrix *X,
                                const pyn_call *call, int32_t *labels, int64_t count,
                                pyn_error *error);

/* ===================================================================== 8. Explanations == */

/* Write to shares[row * columns + column] how much each feature adds to the row's score. Shares are
 * not negative, and a row's shares sum to its score, but for what is said below. `count` must be at least rows * columns.
 * Errors: as pyn_detector_score, and NOT_SUPPORTED. [any thread]
 *
 * IsolationForest: a split that leaves the row with n' of its node's n training rows isolates it by
 * log2(n / n') bits. A feature's share is the bits its splits gave, each tree weighted by
 * 1 / path length so that the trees that isolate the row fast say most, scaled to the score.
 *
 * KNN, LocalOutlierFactor: each neighbour whose distance makes the score (with LocalOutlierFactor the
 * reachability distance of each) divides it among the features as they divide the distance itself,
 * |x_f - y_f|^p / sum over g of |x_g - y_g|^p; the sums are scaled to the score.
 * COPOD, ECOD: a feature's term of the sum. HBOS: the same above its least term, and an equal part of the
 * sum of the least terms, which alone can make shares negative. LODA: by how much rarer the cuts with the
 * feature find the row than those without. MAD: in proportion to the features' robust z-scores.
 * EllipticEnvelope: the squares of coordinates decorrelated as little as possible (Garthwaite, Koch 2016).
 * OneClassSVM: radial kernel: squared distances to the support vectors, by their kernel values; others:
 * gradient times distance from the mean, where positive. Scaled to the score; 0 where that is not positive.
 * SGDOneClassSVM: likewise, with landmarks for support vectors; waves: the score's fall with the column at its mean.
 * PCA: each distance to a component shared out as its square is.
 * CBLOF: the distance shared out as its square is. MatrixProfile: a channel's part of the mean.
 * HalfSpaceTrees: log2 of how much of its parent's mass each node on the way keeps, scaled to the score.
 * RobustRandomCutForest: the displacement of each possible cut goes to the features that it could be on.
 * Ensemble: its detectors' shares over their standard deviations, combined as the scores are (maximum: those of the
 * detector that is the maximum; median: of the middle one or two); what the means take off, all
 * features bear alike, so that shares can be negative. SlidingWindow: its detector's shares, summed over the rows
 * of a window, then combined as the scores are. */
pyn_status pyn_detector_explain(const pyn_detector *detector, const pyn_matrix *X,
                                const pyn_call *call, double *shares, int64_t count,
                                pyn_error *error);

/* ======================================================================= 9. Thresholds == */

/* The score above which a row is an outlier, as the fit set it: from the option contamination, the
 * quantile 1 - contamination of the training scores; for "auto" the method's own (IsolationForest:
 * 0.5, as in the paper; LocalOutlierFactor: 1.5, as in scikit-learn; MAD: the option threshold; OneClassSVM,
 * SGDOneClassSVM: 0; KNN, where
 * distances have no natural scale: the upper fence of a box plot of the training scores, Q3 + 1.5 (Q3 - Q1)),
 * or, where it has none (COPOD, ECOD, Ensemble, HBOS, HalfSpaceTrees, LODA,
 * RobustRandomCutForest, SlidingWindow), the quantile 0.9. Errors: NOT_FITTED. [any thread] */
pyn_status pyn_detector_get_threshold(const pyn_detector *detector, double *threshold,
                                      pyn_error *error);

/* Set it to a finite value. Errors: NOT_FITTED, INVALID_ARGUMENT. [one thread per object] */
pyn_status pyn_detector_set_threshold(pyn_detector *detector, double threshold, pyn_error *error);

/* How a threshold is found from scores. Numbers pinned. In brackets: the parameter, and its default. */
enum {
    PYN_THRESHOLD_VALUE = 0,      /* the parameter itself [a finite number] */
    PYN_THRESHOLD_PERCENTILE = 1, /* the percentile, interpolated [in (0, 100), 99] */
    PYN_THRESHOLD_IQR = 2,        /* the upper fence of a box plot, Q3 + k (Q3 - Q1) [k > 0, 1.5] */
    PYN_THRESHOLD_MAD = 3,        /* the median + z MAD / 0.6745, MAD being the median absolute deviation; where
                                   * that is 0, 1.2533 mean absolute deviations stand for MAD / 0.6745
                                   * (Iglewicz, Hoaglin 1993) [z > 0, 3.5] */
    PYN_THRESHOLD_POT = 4         /* peaks over threshold: the score that a share q of further scores will exceed,
                                   * by a generalised Pareto tail (Siffer and others 2017) [q in (0, 1), 1e-3] */
};

typedef struct pyn_threshold_rule {
    size_t struct_size;
    int32_t method;          /* PYN_THRESHOLD_* */
    int32_t reserved;
    double parameter;        /* 0: the method's default (VALUE: the value 0) */
    double initial_quantile; /* POT: where the tail begins, in [0, 1); 0: at 0.98, or lower, down to 0.9, for
                              * at least 50 scores above it */
} pyn_threshold_rule;

#define PYN_THRESHOLD_RULE_INIT { sizeof(pyn_threshold_rule), PYN_THRESHOLD_POT, 0, 0.0, 0.0 }

/* A threshold, and what was found on the way. The last five are of POT, else 0. */
typedef struct pyn_threshold {
    size_t struct_size;
    double value;             /* rows with a score above it are outliers */
    int64_t count;            /* scores looked at */
    int64_t exceeding;        /* those of them above the threshold */
    double initial_threshold; /* the score at the initial quantile */
    int64_t peak_count;       /* scores above that: the peaks */
    double shape, scale;      /* of the generalised Pareto distribution of the peaks' excesses: shape 0 is an
                               * exponential tail, above 0 a heavier one, below 0 one with an end */
    double log_likelihood;    /* of the excesses, the greatest for a shape of -1 or more */
} pyn_threshold;

#define PYN_THRESHOLD_INIT { sizeof(pyn_threshold), 0.0, 0, 0, 0.0, 0, 0.0, 0.0, 0.0 }

/* The threshold of an array of scores by a rule. At least 1 score, all finite. With fewer than 10 peaks the
 * shape is held at 0; without peaks (the highest scores are all equal) and for a q beyond the tail the
 * threshold is the quantile 1 - q. O(count), and a copy of the scores meanwhile.
 * Errors: INVALID_ARGUMENT (the rule), INVALID_DATA (error->row is the index of a score that is not finite).
 * [any thread] */
pyn_status pyn_threshold_from_scores(const double *scores, int64_t count, const pyn_threshold_rule *rule,
                                     pyn_threshold *threshold, pyn_error *error);

/* A rule from text, as from a command line: "0.7", "percentile:99", "iqr", "iqr:3", "mad:5", "pot:1e-3", or
 * "pot:1e-3:0.95" with the initial quantile. Errors: INVALID_ARGUMENT. [any thread] */
pyn_status pyn_threshold_rule_from_text(const char *text, pyn_threshold_rule *rule, pyn_error *error);

/* Set a detector's threshold by a rule from `count` scores; from the training scores where `scores` is NULL
 * (KNN, LocalOutlierFactor keep them; others: score the training rows and give those). `threshold` may be
 * NULL. Errors: as pyn_threshold_from_scores, and NOT_FITTED, NOT_SUPPORTED. [one thread per object] */
pyn_status pyn_detector_set_threshold_by(pyn_detector *detector, const pyn_threshold_rule *rule,
                                         const double *scores, int64_t count, pyn_threshold *threshold,
                                         pyn_error *error);

/* Probabilities. A calibration turns scores into probabilities in [0, 1] that rise with the score. It is learnt
 * from scores, best of rows that the detector was not fitted on, never changes, and can be given to a detector,
 * whose model file then keeps it. In brackets: what it finds. Numbers pinned.
 *
 * LINEAR, GAUSSIAN, GAMMA and TAIL need no labels. The first three rank how far a score stands out (Kriegel and
 * others 2011); TAIL is 1 - the p-value of the score among those it learnt from. None of them knows how many
 * outliers there are: only LOGISTIC and ISOTONIC, which learn from labels, give probabilities of being one. */
enum {
    PYN_CALIBRATION_LINEAR = 1,   /* 0 at the least score, 1 at the greatest [location, scale] */
    PYN_CALIBRATION_GAUSSIAN = 2, /* erf((score - mean) / (deviation sqrt(2))), at least 0 [location, scale] */
    PYN_CALIBRATION_GAMMA = 3,    /* (G(score) - G(mean)) / (1 - G(mean)), at least 0, G being the gamma distribution
                                   * of that mean and variance; GAUSSIAN where its shape would be above 10^6.
                                   * Scores >= 0 [scale, shape] */
    PYN_CALIBRATION_TAIL = 4,     /* the share of scores below; above the quantile 0.98 (of fewer than 2500 scores
                                   * lower, as with PYN_THRESHOLD_POT) by a generalised Pareto tail
                                   * [location where the tail begins, its scale and shape, at most 1002 knots] */
    PYN_CALIBRATION_LOGISTIC = 5, /* 1 / (1 + exp(-(slope (score - location) / scale + intercept))) (Platt 1999, with
                                   * his targets; Lin, Lin, Weng 2007) [location, scale, slope, intercept]. Falls
                                   * with the score where the labels do */
    PYN_CALIBRATION_ISOTONIC = 6  /* the rising curve of least squares (pool adjacent violators), straight between
                                   * its knots [knots] */
};

typedef struct pyn_calibration pyn_calibration;

typedef struct pyn_calibration_info {
    size_t struct_size;
    int32_t method; /* PYN_CALIBRATION_* */
    int32_t reserved;
    double location, scale, shape, slope, intercept;
    int64_t knot_count;
} pyn_calibration_info;

#define PYN_CALIBRATION_INFO_INIT { sizeof(pyn_calibration_info), 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0 }

/* Learn a calibration from `count` finite scores, and for LOGISTIC and ISOTONIC from as many labels (0 inlier,
 * anything else outlier; both kinds), else NULL. Free it with pyn_calibration_free. O(count log count).
 * Errors: INVALID_ARGUMENT, INVALID_DATA (error->row is the index), OUT_OF_MEMORY. [any thread] */
pyn_status pyn_calibration_create(int32_t method, const double *scores, const int32_t *labels, int64_t count,
                                  pyn_calibration **calibration, pyn_error *error);

/* Write the probability of each of `count` scores; the two arrays may be the same. Infinite scores are fine.
 * Errors: INVALID_DATA (NaN). [any thread] */
pyn_status pyn_calibration_apply(const pyn_calibration *calibration, const double *scores, int64_t count,
                                 double *probabilities, pyn_error *error);

/* What was found; what the method does not find is 0. [any thread] */
pyn_status pyn_calibration_get_info(const pyn_calibration *calibration, pyn_calibration_info *info,
                                    pyn_error *error);

/* NULL is fine; detectors that were given it keep it. [one thread per object] */
void pyn_calibration_free(pyn_calibration *calibration);

/* Give a fitted detector a calibration, or take it away with NULL. Fitting drops it.
 * Errors: NOT_FITTED. [one thread per object] */
pyn_status pyn_detector_set_calibration(pyn_detector *detector, const pyn_calibration *calibration,
                                        pyn_error *error);

/* A detector's calibration as an object of its own, to be freed; NULL where it has none.
 * Errors: NOT_FITTED. [any thread] */
pyn_status pyn_detector_get_calibration(const pyn_detector *detector, pyn_calibration **calibration,
                                        pyn_error *error);

/* Write one probability a row, as pyn_detector_score writes scores. Errors: the same, and NOT_FITTED where
 * there is no calibration. [any thread] */
pyn_status pyn_detector_predict_probability(const pyn_detector *detector, const pyn_matrix *X,
                                            const pyn_call *call, double *probabilities, int64_t count,
                                            pyn_error *error);

/* ============================================================== 10. What a model knows == */

/* The detector's name. [any thread] */
const char *pyn_detector_get_name(const pyn_detector *detector);

/* 1 when fitted, else 0 (also for NULL). [any thread] */
int32_t pyn_detector_is_fitted(const pyn_detector *detector);

/* 1 when rows are the steps of a series in their order, as with MatrixProfile, SlidingWindow and an
 * Ensemble with one of these: a row's score depends on the rows
 * around it, and the rows of each call are a series of their own, to be fitted or scored whole. Streams
 * (section 12) of such detectors are held in memory whole. Else 0 (also for NULL). [one thread per object] */
int32_t pyn_detector_reads_series(const pyn_detector *detector);

/* Columns of the fitted data. Errors: NOT_FITTED. [any thread] */
pyn_status pyn_detector_get_feature_count(const pyn_detector *detector, int64_t *count,
                                          pyn_error *error);

/* A number that fitting found. IsolationForest: "max_samples" (rows drawn a tree), "n_estimators"
 * (trees grown), "random_state" (the seed used, exact up to 2^53; "random" seeds stay below),
 * "max_features" (features a tree), "node_count". KNN and LocalOutlierFactor: "n_neighbors" (used: at most
 * the rows less 1) and "n_samples" (the rows that were fitted).
 * COPOD, ECOD: "n_samples". HBOS: "n_bins" (the most of a feature). LODA: "n_random_cuts", "n_bins",
 * "random_state". MAD: "threshold".
 * EllipticEnvelope: "log_determinant",
 * "raw_log_determinant", "rank", "support_count", "reweighted_count", "random_state". OneClassSVM:
 * "support_count", "bounded_count", "gamma", "rho", "objective", "violation", "n_iter". PCA:
 * "n_selected_components". CBLOF: "n_clusters" (formed), "n_large_clusters", "n_iter", "inertia", "random_state".
 * MatrixProfile: "window", "exclusion_zone", "n_samples", "n_discords", and for each discord k = 0 ..
 * n_discords - 1 "discord_k", the row where its window begins, and "discord_k_score".
 * SGDOneClassSVM: "n_iter", "t", "objective", "rho", "gamma", "component_count",
 * "random_state". HalfSpaceTrees: "n_trees", "height", "window_size", "n_window_samples" (rows that the
 * scores go by), "random_state". RobustRandomCutForest: "n_estimators", "max_samples", "n_samples" (rows learnt
 * from), "node_count", "random_state". Ensemble: "n_detectors",
 * "random_state". SlidingWindow: "window".
 * Errors: NOT_FITTED, INVALID_ARGUMENT (the message lists the names). [any thread] */
pyn_status pyn_detector_get_fitted(const pyn_detector *detector, const char *name, double *value,
                                   pyn_error *error);

/* Write the scores of the rows that were fitted, in their order; `count` must be at least their number
 * ("n_samples" of pyn_detector_get_fitted). Detectors that compare rows with each other keep them (KNN,
 * LocalOutlierFactor, MatrixProfile): here a row is not among its own neighbours. A contamination sets the threshold by
 * them, and they are kept in the model file. Errors: NOT_FITTED, NOT_SUPPORTED (other detectors: score the
 * rows instead), SHAPE_MISMATCH. [any thread] */
pyn_status pyn_detector_get_training_scores(const pyn_detector *detector, double *scores, int64_t count,
                                            pyn_error *error);

/* Names of the features, kept in the model file; `count` must be the columns of the fitted data, and
 * no name may be NULL, empty or longer than 65535 bytes. A new fit drops them.
 * Errors: NOT_FITTED, NULL_ARGUMENT, SHAPE_MISMATCH, INVALID_ARGUMENT. [one thread per object] */
pyn_status pyn_detector_set_feature_names(pyn_detector *detector, const char *const *names,
                                          int64_t count, pyn_error *error);

/* The name of feature `index`, or NULL when none was given or index is out of range. [any thread] */
const char *pyn_detector_get_feature_name(const pyn_detector *detector, int64_t index);

/* ===================================================================== 11. Model files == */

/* Save a fitted detector: options, threshold, feature names, model. The format is little-endian,
 * versioned and checksummed; later libraries read files of earlier ones. Loading is safe with bytes
 * from a stranger: every length and index is checked.
 * Errors: NOT_FITTED, IO, OUT_OF_MEMORY. [any thread] */

/* To a file: written beside it, synced and renamed, so that a failure leaves an old file whole. */
pyn_status pyn_detector_save_file(const pyn_detector *detector, const char *path, pyn_error *error);

/* To memory: *size becomes the bytes needed. With buffer NULL nothing is written; with a capacity
 * that is too small the call fails with SHAPE_MISMATCH. */
pyn_status pyn_detector_save_memory(const pyn_detector *detector, void *buffer, size_t capacity,
                                    size_t *size, pyn_error *error);

/* Through a callback that takes `size` bytes and returns 0, or anything else to fail with IO. */
typedef int32_t (*pyn_write_callback)(const void *data, size_t size, void *context);
pyn_status pyn_detector_save_callback(const pyn_detector *detector, pyn_write_callback write,
                                      void *context, pyn_error *error);

/* Load a detector, ready to score. Free it with pyn_detector_free.
 * A model of a plugin's detector needs the plugin loaded (section 15); MODEL_VERSION says which.
 * Errors: IO, MODEL_FORMAT (what, at which byte), MODEL_VERSION, OUT_OF_MEMORY; of a plugin's detector also
 * what its load fails with. [any thread] */
pyn_status pyn_detector_load_file(const char *path, pyn_detector **detector, pyn_error *error);
pyn_status pyn_detector_load_memory(const void *data, size_t size, pyn_detector **detector,
                                    pyn_error *error);

/* The callback writes at most `capacity` bytes to `buffer` and returns how many; 0 at the end, a
 * negative number to fail with IO. */
typedef int64_t (*pyn_read_callback)(void *buffer, size_t capacity, void *context);
pyn_status pyn_detector_load_callback(pyn_read_callback read, void *context,
                                      pyn_detector **detector, pyn_error *error);

/* What a model file says of itself. Strings are empty where there is nothing to say; names that are longer
 * are cut. The whole file is checked, but the model is not made, so the plugin need not be loaded. */
typedef struct pyn_model_info {
    size_t struct_size;
    char detector[72];
    char detector_version[40]; /* of a plugin's detector: "1.0.0" */
    char plugin[72];           /* the plugin whose detector it is, or "" */
    char plugin_version[40];   /* with which it was saved */
} pyn_model_info;

#define PYN_MODEL_INFO_INIT { sizeof(pyn_model_info), { 0 }, { 0 }, { 0 }, { 0 } }

/* Errors: IO, MODEL_FORMAT, MODEL_VERSION, OUT_OF_MEMORY. [any thread] */
pyn_status pyn_model_get_info_file(const char *path, pyn_model_info *info, pyn_error *error);
pyn_status pyn_model_get_info_memory(const void *data, size_t size, pyn_model_info *info,
                                     pyn_error *error);

/* ======================================================== 12. Arrow tables and streams == */

/* The Arrow C data interface, as published by the Apache Arrow project; the guards let it meet other
 * copies. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

/* Streams are tables (struct type) whose columns are booleans, 8 to 64 bit integers, or 32 or 64 bit
 * floats; nulls count as NaN. All batches together are the rows. The call takes the stream over: it
 * is released when the call returns, whatever the outcome. Column names become feature names. */

/* Fit on a stream that may be larger than memory.
 *
 * Detectors with PYN_CAPABILITY_PARTIAL_FIT learn from every row, in parts of 16384 rows (fewer with more
 * than 128 columns) however the batches are cut. In memory are the model, such a part, one batch, and for the
 * threshold a uniform random sample of at most 131072 rows (RobustRandomCutForest: 4096).
 *
 * Of at most 131072 rows the model is the one that pyn_detector_fit makes of the same rows, also where that goes
 * over them more than once. Its threshold may differ from that of pyn_detector_fit when there are more rows
 * than the sample has: another sample is drawn.
 *
 * Detectors of series (PYN_CAPABILITY_SERIES) keep the whole stream in memory, whatever its length.
 *
 * Detectors of a series (pyn_detector_reads_series) learn from all rows at once, which are held in memory; so
 * does pyn_detector_partial_fit_stream. Detectors that hold others learn in parts where all of those can.
 *
 * Others learn from a sample: up to 131072 rows the model is the one that pyn_detector_fit makes of the
 * same rows; of more rows it learns from a uniform random sample of that many (reservoir sampling,
 * Vitter 1985, drawn by random_state), which with one batch is all that is kept in memory. With the option
 * warm_start the sample of this stream grows the model.
 *
 * Sample weights are not taken, nor are detectors that need labels (NOT_SUPPORTED). A failure, also one in the
 * midst of the stream, leaves the detector as it was. Errors: as pyn_detector_fit, IO (the stream's words), and
 * INVALID_DATA when a batch has not the columns of the schema, or there are no rows.
 * [one thread per object] */
pyn_status pyn_detector_fit_stream(pyn_detector *detector, struct ArrowArrayStream *stream,
                                   const pyn_call *call, pyn_error *error);

/* Go on learning from a stream, as pyn_detector_partial_fit does from a matrix: the first call begins a model,
 * later ones go on with it. With a contamination, the threshold is the quantile of the scores of this stream's
 * rows (of the sample above). Errors: as pyn_detector_fit_stream, NOT_SUPPORTED without
 * PYN_CAPABILITY_PARTIAL_FIT, and SHAPE_MISMATCH when the columns, or their names, are not those of before.
 * [one thread per object] */
pyn_status pyn_detector_partial_fit_stream(pyn_detector *detector, struct ArrowArrayStream *stream,
                                           const pyn_call *call, pyn_error *error);

/* Takes the scores of rows first_row .. first_row + count - 1, in order; returns 0, or anything else
 * to cancel. */
typedef int32_t (*pyn_scores_callback)(const double *scores, int64_t first_row, int64_t count,
                                       void *context);

/* Score a stream batch by batch, in memory for one batch and its scores. Errors: as pyn_detector_score, IO, and
 * SHAPE_MISMATCH also when model and stream name their columns differently. [any thread] */
pyn_status pyn_detector_score_stream(const pyn_detector *detector, struct ArrowArrayStream *stream,
                                     const pyn_call *call, pyn_scores_callback take, void *context,
                                     pyn_error *error);

/* ========================================================================= 13. Threads == */

/* At most so many threads work for one call that does not say (pyn_call.threads). 0: as many as the
 * process may use processors, the default. Negative values count as 0; never more than 1024.
 * [any thread] */
void pyn_set_thread_limit(int32_t limit);
int32_t pyn_get_thread_limit(void);

/* ================================================================ 14. Quality measures == */

/* Area under the ROC curve, and average precision (the step-wise area under the precision-recall
 * curve), of scores against labels (0 inlier, anything else outlier); ties count as in scikit-learn.
 * Errors: INVALID_DATA when a score is NaN or there are not both kinds of labels. O(n log n).
 * [any thread] */
pyn_status pyn_roc_auc(const double *scores, const int32_t *labels, int64_t count, double *auc,
                       pyn_error *error);
pyn_status pyn_average_precision(const double *scores, const int32_t *labels, int64_t count,
                                 double *average_precision, pyn_error *error);

/* ========================================================================= 15. Plugins == */

/* A plugin is a shared object that brings detectors; pynomaly_plugin.h says how to write one. A detector of
 * a loaded plugin is used like a built-in one. Plugins stay loaded until the process ends.
 *
 * A plugin is code: it runs with all rights of the process. Nothing is loaded until one of these functions
 * is called. Before a file is loaded it is looked at: it must be a shared object for this machine, whole,
 * with the entry point pynomaly_plugin_init, and neither it nor its folder may be writable for everyone.
 *
 * A plugin that is installed in a folder has a manifest there, NAME.toml:
 *
 *    manifest_version = 1
 *    name = "inne"
 *    version = "1.0.0"
 *    abi = 1
 *    description = "Isolation by nearest-neighbour ensembles."
 *    detectors = ["INNE"]
 *    [library]
 *    linux-x86_64 = "libinne.so"         # beside the manifest or below it
 *    linux-aarch64 = "arm64/libinne.so"
 *
 * The folders, in this order; the first one with a plugin's manifest wins:
 *   1. those of PYNOMALY_PLUGIN_PATH, separated by colons, each from the root (ignored in set-user-ID programs),
 *   2. $XDG_DATA_HOME/pynomaly/plugins, or ~/.local/share/pynomaly/plugins,
 *   3. /usr/local/lib/pynomaly/plugins and /usr/lib/pynomaly/plugins. */

typedef struct pyn_plugin_info {
    size_t struct_size;
    const char *name;        /* "inne" */
    const char *version;     /* "1.0.0" */
    const char *description; /* one sentence */
    const char *author;      /* or NULL */
    const char *licence;     /* an SPDX identifier, or NULL */
    const char *path;        /* of the shared object, links resolved */
    int32_t abi_version;     /* the version of the plugin contract that it follows */
    int32_t reserved;
    int64_t detector_count;
    const char *const *detectors; /* their names */
    int64_t allocated_blocks; /* memory that it took from the host and has not given back, now */
} pyn_plugin_info;

#define PYN_PLUGIN_INFO_INIT \
    { sizeof(pyn_plugin_info), NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, 0 }

/* Load a plugin. `plugin` is the path of a shared object or of a manifest (it has a slash, or ends in .so or
 * .toml), or the name of an installed one. Loading what is loaded already succeeds and changes nothing.
 * `info` may be NULL. Errors: PLUGIN (the message says what was expected, what was found and what to do; for
 * a name it lists every place looked at), IO. When it fails no detector was added. [any thread] */
pyn_status pyn_plugin_load(const char *plugin, pyn_plugin_info *info, pyn_error *error);

/* Load the installed plugin whose manifest lists that detector. Does nothing when there is such a detector
 * already. Errors: UNKNOWN_DETECTOR (no manifest lists it), and as pyn_plugin_load. [any thread] */
pyn_status pyn_plugin_load_detector(const char *detector, pyn_plugin_info *info, pyn_error *error);

/* Takes what became of one manifest: `info`, or NULL and an error. Returns 0 to go on, anything else to
 * stop with CANCELLED. */
typedef int32_t (*pyn_plugin_visitor)(const char *manifest, const pyn_plugin_info *info,
                                      const pyn_error *error, void *context);

/* Load every installed plugin. Each manifest is told to `visit` (or NULL); one that fails does not keep the
 * others away. Errors: PLUGIN when some could not be loaded (the message has the first), CANCELLED.
 * [any thread] */
pyn_status pyn_plugin_load_all(pyn_plugin_visitor visit, void *context, pyn_error *error);

/* What is installed, read from the manifests without loading anything: name, version, description, abi_version
 * and detectors as the manifest says, and the path that would be loaded. Pointers in `info` live until
 * `visit` returns. Manifests that cannot be used are told with an error. [any thread] */
pyn_status pyn_plugin_visit_installed(pyn_plugin_visitor visit, void *context, pyn_error *error);

/* How many plugins are loaded, and which, in the order of loading.
 * Errors: INVALID_ARGUMENT (index). [any thread] */
int64_t pyn_plugin_count(void);
pyn_status pyn_plugin_get_info(int64_t index, pyn_plugin_info *info, pyn_error *error);

/* The folders that are searched, in order; NULL when index is out of range. [any thread] */
const char *pyn_plugin_folder_at(int64_t index);

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

/* Takes the messages of plugins (host->log). May be called from any thread, and must not call the library.
 * The library itself logs nothing; without a callback messages are dropped. NULL takes the callback away.
 * When this returns, the earlier callback is called no more. [any thread] */
typedef void (*pyn_log_callback)(int32_t level, const char *plugin, const char *message, void *context);
void pyn_set_log_callback(pyn_log_callback callback, void *context);

/* ======================================================================= 16. Selection == */

/* Which detector to take for data of some size, by measured time and quality; Selection.md says how it was
 * measured, and how well predictions hold. */

enum {
    PYN_POLICY_MEASURED = 0, /* ranked by quality, time and memory */
    PYN_POLICY_GUIDE = 1     /* the rule of the performance guide: real time and rows < 10,000
                              * LocalOutlierFactor; else rows > 1,000,000 IsolationForest; rows > 100,000
                              * OneClassSVM; else EllipticEnvelope. One detector, whatever the limits */
};

typedef struct pyn_selection_request {
    size_t struct_size;
    int64_t rows, columns;         /* 1 .. 2^48 */
    int32_t policy;                /* PYN_POLICY_* */
    int32_t real_time;             /* 1: rows come one at a time and wait for their scores */
    int64_t capabilities;          /* PYN_CAPABILITY_* that the detector must have, added up */
    double max_fit_seconds;        /* 0: the guide's 30 s up to 1,000 rows, 5 min up to 100,000, else 30 min */
    double max_score_milliseconds; /* of a call for one row; 0: 10 */
    double max_memory_bytes;       /* beyond the input; 0: 8e9 */
    double machine_speed;          /* as pyn_machine_speed gives it; 0: measured */
} pyn_selection_request;

#define PYN_SELECTION_REQUEST_INIT \
    { sizeof(pyn_selection_request), 0, 0, PYN_POLICY_MEASURED, 0, 0, 0.0, 0.0, 0.0, 0.0 }

#define PYN_SELECTION_REASON_SIZE 384

/* A detector with its default options, and what it is expected to cost on this machine with one thread. */
typedef struct pyn_selection {
    size_t struct_size;
    const char *detector;
    int32_t fits;              /* 1: it can do what was asked, within the limits; 0 where not measured */
    int32_t measured;          /* 0: nobody measured it (detectors of plugins and of series); the numbers are NaN */
    double fit_seconds;
    double score_seconds;      /* of all rows in one call */
    double score_row_seconds;  /* of a call for one row */
    double memory_bytes;       /* peak beyond the input */
    double roc_auc;            /* means over labelled sets */
    double average_precision;
    char reason[PYN_SELECTION_REASON_SIZE]; /* in words */
} pyn_selection;

#define PYN_SELECTION_INIT { sizeof(pyn_selection), NULL, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, { 0 } }

/* Rank the detectors, the best first: the guide's, unless another is measurably better (by more than 0.04, the
 * standard error); the others that fit, by quality (the mean of ROC-AUC and average precision) less 0.02 for
 * every ten times a time above 1 s (fit and score; in real time the fit, and one row above 1 ms); those that
 * nobody measured, of which nobody knows whether they keep within the limits; those that do not fit. Those of
 * series fit only with PYN_CAPABILITY_SERIES, and are not measured. Writes the first
 * `capacity` of them to `ranked` (which may be NULL with capacity 0), and how many there are to *count.
 * The struct_size of ranked[0] holds for all. Errors: INVALID_ARGUMENT. [any thread] */
pyn_status pyn_select_detector(const pyn_selection_request *request, pyn_selection *ranked,
                               int64_t capacity, int64_t *count, pyn_error *error);

/* How fast one thread of this machine is; 1 is the machine on which costs were measured. Fits small models
 * for some 10 ms when first asked, and keeps the answer until the process ends. [any thread] */
double pyn_machine_speed(void);

/* ========================================================================== 17. Tuning == */

/* A search for the best values of a detector's options, and what it found. Tuning.md says how the criteria do
 * on labelled sets. */
typedef struct pyn_tuning pyn_tuning;

/* What tells good configurations from bad ones. */
enum {
    PYN_CRITERION_AUTO = 0,              /* ROC-AUC with labels, stability without */
    PYN_CRITERION_ROC_AUC = 1,           /* of the rows held out */
    PYN_CRITERION_AVERAGE_PRECISION = 2, /* of the rows held out */
    PYN_CRITERION_STABILITY = 3          /* without labels: how much alike models of different rows and seeds
                                          * rank the rows (mean Spearman correlation, -1 .. 1) */
};

typedef struct pyn_tuning_plan {
    size_t struct_size;
    int32_t criterion; /* PYN_CRITERION_* */
    int32_t folds;     /* the rows are dealt to so many folds, each scored by a model of the others; 0: 3 */
    int32_t repeats;   /* so often, each time dealt anew; 0: 1 */
    int32_t reserved;
    double holdout;    /* instead of folds: this share of the rows is held out, `repeats` times; 0: folds */
    int64_t budget;    /* only so many configurations, drawn at random; 0: all */
    int64_t seed;      /* of the deals and the draw; >= 0 */
} pyn_tuning_plan;

#define PYN_TUNING_PLAN_INIT { sizeof(pyn_tuning_plan), PYN_CRITERION_AUTO, 0, 0, 0, 0.0, 0, 0 }

/* Tune this detector. Its options are copied; those that get no values keep what they are set to. Free it
 * with pyn_tuning_free. [any thread] */
pyn_status pyn_tuning_create(const pyn_detector *detector, pyn_tuning **tuning, pyn_error *error);
void pyn_tuning_free(pyn_tuning *tuning);

/* One more value to try for an option; all combinations make the grid, the last option's values changing
 * fastest. Errors: UNKNOWN_OPTION, INVALID_OPTION (not allowed, or in the grid already).
 * [one thread per object] */
pyn_status pyn_tuning_add_value(pyn_tuning *tuning, const char *option, const pyn_value *value,
                                pyn_error *error);
/* The same from text, as pyn_detector_set_text reads it. */
pyn_status pyn_tuning_add_text(pyn_tuning *tuning, const char *option, const char *text,
                               pyn_error *error);

/* The default grid in place of what was added. IsolationForest: n_estimators 50, 100, 200; max_features 0.5,
 * 0.8, 1; contamination 0.1, 0.15, 0.2. Others: usual values of the options that change scores.
 * Errors: NOT_SUPPORTED (none of the detector's options is known to change scores, as with COPOD, ECOD and
 * MAD). [one thread per object] */
pyn_status pyn_tuning_add_defaults(pyn_tuning *tuning, pyn_error *error);

/* Compare the configurations on X. call->labels (0 inlier, 1 outlier) give labels; folds then have their share
 * of each kind. A fold's model has the seed random_state + fold, the same for all configurations. Options that
 * move nothing but the threshold (contamination; MAD: threshold) are not fitted for again, and no criterion
 * judges them. A configuration
 * that fails is told in its result; the call fails only when all do. When it fails or is cancelled the
 * earlier results stay. Each fit has one thread while there are more fits than threads. Keeps two copies of X
 * while it runs, some 200 bytes a fit of a round, and what the fits of all threads need; with stability 8 bytes
 * for each of at most 16,384 rows and fold of the configurations at work, with a holdout of all configurations
 * and repeats. The stage of progress is "tune".
 * Errors: INVALID_ARGUMENT (plan, empty grid), INVALID_DATA (too few rows or labels of a kind for the folds,
 * values), SHAPE_MISMATCH (labels), NOT_SUPPORTED (sample weights, detectors of series), CANCELLED, OUT_OF_MEMORY.
 * [one thread per object] */
pyn_status pyn_tuning_run(pyn_tuning *tuning, const pyn_matrix *X, const pyn_tuning_plan *plan,
                          const pyn_call *call, pyn_error *error);

/* What became of one configuration. */
typedef struct pyn_tuning_result {
    size_t struct_size;
    double mean;          /* of the folds; NaN when it failed */
    double deviation;     /* standard deviation over the folds (dividing by their number) */
    double fit_seconds;   /* of a fold, mean; the one number that differs from run to run */
    double score_seconds; /* the same */
    int64_t rank;         /* 1 for the best; equal means share a rank, failed ones come last */
    int64_t same_as;      /* the earlier configuration whose fits these are, for only the threshold differs; or -1 */
    int64_t fold_count;   /* 0 when it failed */
    pyn_status status;    /* PYN_OK, or why it failed */
    int32_t reserved;
    const char *message;  /* why it failed, or NULL; lives until the next run or pyn_tuning_free */
} pyn_tuning_result;

#define PYN_TUNING_RESULT_INIT { sizeof(pyn_tuning_result), 0.0, 0.0, 0.0, 0.0, 0, -1, 0, PYN_OK, 0, NULL }

/* How many configurations the last run compared, the best of them (the first of equals; -1 before a run),
 * and the criterion that was measured. [any thread, while no run goes on] */
int64_t pyn_tuning_get_count(const pyn_tuning *tuning);
int64_t pyn_tuning_get_best(const pyn_tuning *tuning);
int32_t pyn_tuning_get_criterion(const pyn_tuning *tuning);

/* The options of the grid, in its order; NULL when index is out of range. Lives until pyn_tuning_free.
 * [one thread per object] */
const char *pyn_tuning_option_at(const pyn_tuning *tuning, int64_t index);

/* 1 where the criterion can tell the values of that option of the grid apart; 0 where they move nothing but the
 * threshold (contamination; MAD: threshold) or index is out of range. [one thread per object] */
int32_t pyn_tuning_option_is_judged(const pyn_tuning *tuning, int64_t index);

/* What became of configuration `index`; one value a fold, round after round, into `folds` (NULL, or room for
 * `capacity` >= fold_count of them). Errors: INVALID_ARGUMENT (index), SHAPE_MISMATCH.
 * [any thread, while no run goes on] */
pyn_status pyn_tuning_get_result(const pyn_tuning *tuning, int64_t index, pyn_tuning_result *result,
                                 double *folds, int64_t capacity, pyn_error *error);

/* A detector with the options of configuration `index`, not fitted; index -1: of the best, but with the options
 * that are not judged as the tuned detector has them, for equals differ in nothing else. Read them with pyn_detector_get_option.
 * Free it with pyn_detector_free. Errors: INVALID_ARGUMENT. [any thread, while no run goes on] */
pyn_status pyn_tuning_create_detector(const pyn_tuning *tuning, int64_t index, pyn_detector **detector,
                                      pyn_error *error);
/* =========================================================================== 18. Drift == */

/* Says when a stream of rows no longer looks like the reference, so that a detector should be fitted anew. It
 * keeps a sorted sample of the reference and the last rows of the stream (the window), and looks each so many
 * rows: every feature, and the detector's scores where they are given, goes through the two-sample
 * Kolmogorov-Smirnov test; the p-values are corrected for the number of features.
 *
 * Level: with LIFETIME the chance that a stream from the reference's distribution ever gives a false alarm is at
 * most alpha, however long it runs: look k has the level alpha / (k (k + 1)). The price is that late looks see
 * only larger drifts. With EACH_LOOK each look has the level alpha, so false alarms come about once in
 * 1 / alpha looks. Both presume that rows are independent of each other: where neighbours are alike, as in
 * sensor data, choose a larger step between rows or a smaller alpha. With scores the reference must be rows
 * that the detector was NOT fitted on (or, of KNN, its pyn_detector_get_training_scores be given as theirs): many
 * detectors score the rows they were fitted on lower than others of the same kind, and every stream then seems
 * to drift. Scores of series (MatrixProfile, SlidingWindow) depend on each other: with them no level holds.
 *
 * Threads may share a monitor: a call waits while another is at it. The progress callback of an update must not
 * call the monitor it updates (INVALID_ARGUMENT).
 *
 * Memory, with d features (the scores are one more): 8 d (reference rows + window) bytes, twice 8 d window while
 * an update looks. A look is O(window log(window) + reference rows) a feature, and the p-value at most
 * O(window * reference rows), and nothing more where that product is above 2^25: then it is the limit. */
typedef struct pyn_drift pyn_drift;

enum {
    PYN_DRIFT_HOLM = 1,              /* the chance of any false alarm (Holm 1979) */
    PYN_DRIFT_BENJAMINI_HOCHBERG = 2 /* the expected share of false alarms among the alarms (1995) */
};

enum {
    PYN_DRIFT_LIFETIME = 1, /* the level holds for all looks together */
    PYN_DRIFT_EACH_LOOK = 2 /* the level holds for each look */
};

typedef struct pyn_drift_options {
    size_t struct_size;
    double alpha;           /* the level, in (0, 1) */
    int64_t window;         /* rows of the stream that are compared, 2 .. 65536 */
    int64_t step;           /* rows from a look to the next, >= 1; 0: window. The first is when the window is full */
    int64_t reference_rows; /* of more reference rows a uniform random sample of so many is kept, 2 .. 65536 */
    int64_t random_state;   /* by which that is drawn */
    int32_t correction;     /* for the number of features: PYN_DRIFT_HOLM or PYN_DRIFT_BENJAMINI_HOCHBERG */
    int32_t spending;       /* for the number of looks: PYN_DRIFT_LIFETIME or PYN_DRIFT_EACH_LOOK */
} pyn_drift_options;

#define PYN_DRIFT_OPTIONS_INIT \
    { sizeof(pyn_drift_options), 0.05, 1000, 0, 10000, 0, PYN_DRIFT_HOLM, PYN_DRIFT_LIFETIME }

/* Begin with a reference of at least 2 rows and 1 column, all finite.
 * `scores` are the detector's scores of the same rows (see above), or NULL; `options` NULL for the defaults. Free it with
 * pyn_drift_free. Errors: INVALID_ARGUMENT, INVALID_DATA (row and column are said), SHAPE_MISMATCH,
 * OUT_OF_MEMORY. [any thread] */
pyn_status pyn_drift_create(const pyn_matrix *reference, const double *scores, int64_t score_count,
                            const pyn_drift_options *options, pyn_drift **drift, pyn_error *error);

/* Take the next rows of the stream, with their scores if the reference has them. Errors: as pyn_drift_create,
 * and CANCELLED; when it fails none of the rows was taken. [any thread] */
pyn_status pyn_drift_update(pyn_drift *drift, const pyn_matrix *X, const double *scores, int64_t score_count,
                            const pyn_call *call, pyn_error *error);

typedef struct pyn_drift_report {
    size_t struct_size;
    int64_t rows;                /* taken so far */
    int64_t looks;               /* so far */
    double level;                /* of the last look; 0 before the first */
    int64_t drifted_count;       /* features that the last look found drifted */
    int64_t first_drift;         /* rows taken at the first alarm, or 0: it is time to fit anew when not 0 */
    int64_t feature_count;       /* of pyn_drift_get_feature: the columns, and behind them the scores if given */
    int64_t reference_row_count; /* kept of the reference */
} pyn_drift_report;

#define PYN_DRIFT_REPORT_INIT { sizeof(pyn_drift_report), 0, 0, 0.0, 0, 0, 0, 0 }

/* [any thread] */
pyn_status pyn_drift_get_report(const pyn_drift *drift, pyn_drift_report *report, pyn_error *error);

/* What the last look found of a feature. */
typedef struct pyn_drift_feature {
    size_t struct_size;
    double statistic;        /* the largest distance between the two empirical distributions, 0 .. 1 */
    double p_value;          /* two-sided; exact, but below 1e-14 and where the sizes' product is above 2^25 the
                              * limit, which is at most too large, as all are with ties */
    double adjusted_p_value; /* corrected for the number of features: drifted where it is at most the level */
    double psi;              /* population stability index over tenths of the reference: by rule of thumb below 0.1
                              * no change, above 0.25 a large one. For people; it decides nothing */
    int64_t first_drift;     /* rows taken at the first look that found it drifted, or 0 */
    int32_t drifted;         /* 1 when the last look found it drifted */
    int32_t reserved;
} pyn_drift_feature;

#define PYN_DRIFT_FEATURE_INIT { sizeof(pyn_drift_feature), 0.0, 0.0, 0.0, 0.0, 0, 0, 0 }

/* Errors: INVALID_ARGUMENT (index). [any thread] */
pyn_status pyn_drift_get_feature(const pyn_drift *drift, int64_t index, pyn_drift_feature *feature,
                                 pyn_error *error);

/* Save a drift monitor with all it has seen, and load it. As pyn_detector_save_memory and _load_memory: with
 * buffer NULL only *size is set, and loading is safe with bytes from a stranger.
 * Errors: SHAPE_MISMATCH, OUT_OF_MEMORY; MODEL_FORMAT, MODEL_VERSION. [any thread] */
pyn_status pyn_drift_save_memory(const pyn_drift *drift, void *buffer, size_t capacity, size_t *size,
                                 pyn_error *error);
pyn_status pyn_drift_load_memory(const void *data, size_t size, pyn_drift **drift, pyn_error *error);

/* NULL is fine. [one thread per object] */
void pyn_drift_free(pyn_drift *drift);

/* The test by itself: the two-sample Kolmogorov-Smirnov statistic of two samples of 1 .. 65536 finite values, in
 * any order, and its two-sided p-value, as above. Errors: INVALID_DATA. [any thread] */
pyn_status pyn_kolmogorov_smirnov(const double *first, int64_t first_count, const double *second,
                                  int64_t second_count, double *statistic, double *p_value, pyn_error *error);

/* ======================================================================= 19. Profiling == */

/* Where other processes spend their time: CPython 3.8 to 3.15, and anything native. Linux on x86-64.
 * A process that is looked into is never left stopped, whatever becomes of the one that looks. Native
 * frames need libdw.so.1 (package libdw1), which is loaded when it is first asked for. */

enum {
    PYN_DUMP_TEXT = 1, /* for people: a paragraph a thread, the innermost frame first */
    PYN_DUMP_JSON = 2  /* {"pid", "command", "python", "pause_ns", "threads": [{"thread_id", "name", "active",
                        * "owns_gil", "interpreter", "remark", "frames": [{"kind", "name", "filename",
                        * "line", "module"}]}]}; with locals each frame has "locals": [{"name", "value",
                        * "argument"}] */
};

typedef struct pyn_dump_options {
    size_t struct_size;
    int32_t format;      /* PYN_DUMP_TEXT or PYN_DUMP_JSON */
    int32_t native;      /* 1: native frames too, merged with the Python ones into one stack */
    int32_t nonblocking; /* 1: do not stop the process; stacks may be of two moments. Not with native */
    int32_t locals;      /* 1: the local variables of Python frames too, each shortened to about 200 characters */
} pyn_dump_options;

#define PYN_DUMP_OPTIONS_INIT { sizeof(pyn_dump_options), PYN_DUMP_TEXT, 0, 0, 0 }

/* Write the stacks of all threads of process `pid` to `write`. The process is stopped meanwhile (about
 * 1 ms a 10 threads, and with `locals` at most 0.1 s more, what is not read by then being left out with a remark) so
 * that all stacks are of one moment. `options` may be NULL.
 * Errors: NO_PROCESS, NOT_PERMITTED, NOT_SUPPORTED (no Python in it and native not asked for, a version
 * that is not known, no libdw), INVALID_ARGUMENT, IO (`write` returned other than 0), OUT_OF_MEMORY.
 * [any thread] */
pyn_status pyn_profiler_dump(int32_t pid, const pyn_dump_options *options, pyn_write_callback write,
                             void *context, pyn_error *error);

/* A recording: stacks of a process, sampled on a thread of the library's own and counted. */
typedef struct pyn_profiler pyn_profiler;

typedef struct pyn_profiler_options {
    size_t struct_size;
    double rate;          /* samples a second, 0.1 to 10000 */
    double duration;      /* seconds without pauses, or 0: until pyn_profiler_stop, or the end of the process */
    int32_t native;       /* 1: native frames too; threads are then stopped for each sample */
    int32_t idle;         /* 1: threads that wait, too; 0: those that run, or could */
    int32_t gil;          /* 1: only threads that hold the interpreter's lock */
    int32_t threads;      /* 1: a frame for each thread under its stacks */
    int32_t function;     /* 1: the line where a function begins, so that its lines are counted together */
    int32_t nolineno;     /* 1: no lines */
    int32_t subprocesses; /* 1: children too, each process with a frame of its own */
    int32_t nonblocking;  /* 1: never stop the process; a stack that changed while it was read is dropped, and
                           * counted as torn. Not with native */
    /* Slices, for profiling without end: every so many seconds (0.01 to 1e8, or 0: none), and for the last time at
     * the end, what was counted since the last one is handed to `slice_write`, in one call and in such a format, on
     * a thread of the library's own. When it returns other than 0, the recording ends. It may free the profiler (then
     * no slice comes after this one); when it stops it, the recording ends after it has returned. */
    double slice;
    int32_t slice_format; /* PYN_PROFILE_* */
    int32_t reserved;
    pyn_write_callback slice_write;
    void *slice_context;
} pyn_profiler_options;

#define PYN_PROFILER_OPTIONS_INIT { sizeof(pyn_profiler_options), 100.0, 0.0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0, 0, \
                                    NULL, NULL }

/* Begin to sample process `pid`; 0, or the calling process's own: itself, from inside. `options` may be NULL. Free
 * it with pyn_profiler_free.
 *
 * From inside, threads that run are sent a signal; its handler copies registers, the used part of the stack and the
 * Python frames to memory that lies ready: it allocates nothing, takes no lock and waits for nobody, so that a thread
 * may be in malloc or dlopen. The signal is SIGURG; where that has a handler, or is blocked by the calling thread, the
 * highest real-time signal of which neither is so. Threads that sleep when they are looked at, microseconds before, are
 * not sent one; with `idle` their Python stacks are read, and native ones left out. A system call into which a thread
 * goes just then is restarted: by the kernel (SA_RESTART), and by the handler where that does not and the wait has a
 * time limit, which begins anew. It returns EINTR, and is counted (`interrupted`), where it has none (poll without a
 * limit, or connect), where it waits for signals (pause, sigsuspend, ppoll with a mask), and always while a handler of
 * the program's has the signal in its sa_mask: what the program waits for must not be missed.
 * Threads that block the signal are left out, and counted (`blocked`). The library's own sampling threads are left out.
 * Several recordings of the process may run at once. When the last one has ended, the signal is handled as before.
 * exec may come at any time with SIGURG; with a real-time signal stop recordings before it, or one that is on its way
 * ends the new program. Descriptors are kept open for libraries that have frames in stacks, none for threads.
 * Errors: as pyn_profiler_dump, INVALID_ARGUMENT (rate, duration). [any thread] */
pyn_status pyn_profiler_start(int32_t pid, const pyn_profiler_options *options,
                              pyn_profiler **profiler, pyn_error *error);

/* Wait for the end of the recording, at most `seconds`; *running becomes 1 when it still goes on.
 * [any thread] */
pyn_status pyn_profiler_wait(pyn_profiler *profiler, double seconds, int32_t *running,
                             pyn_error *error);

/* In a child that is forked meanwhile the recording counts as ended, and cannot be written (NOT_SUPPORTED). */

/* End the recording. Stopping one that has ended is fine. [one thread per object] */
pyn_status pyn_profiler_stop(pyn_profiler *profiler, pyn_error *error);

/* Take no samples for a while, and go on. The time between does not count. At most one more sample is taken after
 * pyn_profiler_pause. Pausing twice is pausing once. [any thread] */
pyn_status pyn_profiler_pause(pyn_profiler *profiler, pyn_error *error);
pyn_status pyn_profiler_resume(pyn_profiler *profiler, pyn_error *error);

/* How the sampling went, so far. A moment is a time at which a sample was due. */
typedef struct pyn_profiler_statistics {
    size_t struct_size;
    int64_t due;      /* moments so far */
    int64_t taken;    /* moments at which everything was sampled that should be */
    int64_t late;     /* of these, more than a tenth of the interval late */
    int64_t skipped;  /* moments that had passed before the sampler came to them */
    int64_t torn;     /* moments dropped because stacks changed while they were read; of a process that samples
                       * itself, moments at which one was dropped */
    int64_t failed;   /* moments at which a thread could not be read or stopped */
    int64_t stacks;   /* stacks counted */
    int64_t stops;    /* times that threads were stopped */
    int64_t pause_ns; /* how long, in all */
    int64_t own_ns;   /* processor time of the sampler itself */
    int64_t duration_ns;
    int64_t incomplete; /* of the stacks: native ones that end where there is no unwinding information, and ones that
                         * were too deep to be copied whole: the outermost frames are missing */
    /* Of a process that samples itself: stacks not taken, of threads that block the signal; and system calls
     * that returned EINTR because of it. */
    int64_t blocked, interrupted;
    int64_t threads;    /* threads that were there at the last moment */
    int64_t active;     /* threads that ran or could, added up over the moments */
    int64_t locked;     /* moments at which a thread that was sampled held the interpreter's lock */
} pyn_profiler_statistics;

#define PYN_PROFILER_STATISTICS_INIT { sizeof(pyn_profiler_statistics), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* [any thread] */
pyn_status pyn_profiler_get_statistics(const pyn_profiler *profiler,
                                       pyn_profiler_statistics *statistics, pyn_error *error);

enum {
    PYN_PROFILE_FLAMEGRAPH = 1, /* an interactive SVG that needs nothing else */
    PYN_PROFILE_SPEEDSCOPE = 2, /* JSON for speedscope */
    PYN_PROFILE_RAW = 3,        /* a line a stack: "outer;inner 12" */
    PYN_PROFILE_SUMMARY = 4,    /* one line for people: how the sampling went, and why it ended */
    PYN_PROFILE_PPROF = 5,      /* a message of profile.proto, not compressed, for pprof */
    PYN_PROFILE_CHROMETRACE = 6 /* JSON for chrome://tracing: stacks side by side, time added up */
};

/* Write an ended recording in a format. Errors: INVALID_ARGUMENT (format, or it has not ended), IO.
 * [any thread] */
pyn_status pyn_profiler_write(const pyn_profiler *profiler, int32_t format, pyn_write_callback write,
                              void *context, pyn_error *error);

/* The same into a file, which is there wholly or not at all; what is no plain file (a pipe, /dev/stdout) is written
 * to. Errors: as pyn_profiler_write; IO says what the system said, and the path. [any thread] */
pyn_status pyn_profiler_write_file(const pyn_profiler *profiler, int32_t format, const char *path,
                                   pyn_error *error);

/* Take what was counted since the recording began, or since the last slice, and begin a new slice: to look at a
 * recording while it runs, or to keep profiles of a program that runs for months. Its statistics (in the summary
 * and the heads of pictures) are those of the slice. Of an ended recording: the rest. pyn_profiler_write then
 * writes what came after the last slice. Errors: INVALID_ARGUMENT (format), IO (the slice is lost), NOT_SUPPORTED
 * in a forked child. [any thread] */
pyn_status pyn_profiler_take_slice(pyn_profiler *profiler, int32_t format, pyn_write_callback write,
                                   void *context, pyn_error *error);

/* Stop and free. NULL is fine. [one thread per object] */
void pyn_profiler_free(pyn_profiler *profiler);

/* Name what the calling thread does: in recordings of this process from inside, a frame with this name (which is
 * copied; the first 63 bytes of it) stands around all that the calling function calls until the label is taken off.
 * Costs a few nanoseconds, whether anything records or not. Of labels inside labels the outer 16 are shown. Fitting
 * and scoring label themselves with the detector's name. `frame`: NULL; or, from Python, the frame object around
 * whose callees the label stands instead.
 * Returns a number for pyn_profiler_pop_label, or 0 where there is no memory. [any thread] */
uint64_t pyn_profiler_push_label(const char *name, const void *frame);

/* Take off this label, also of another thread; or with 0 the calling thread's last one. One that is not there is
 * fine. [any thread] */
void pyn_profiler_pop_label(uint64_t label);

/* Write a differential flame graph (SVG) of two recordings, both texts in PYN_PROFILE_RAW's format: widths are
 * those of `recording`, colours say how far the share of each stack differs from its share in `base` (red more,
 * blue less, grey no more than two standard errors), and what only the base has is listed in words. `title` may be
 * NULL. O(size of both). Errors: INVALID_ARGUMENT (says which text, which line, and what is allowed), IO.
 * [any thread] */
pyn_status pyn_profiler_compare(const char *base, size_t base_size, const char *recording,
                                size_t recording_size, const char *title, pyn_write_callback write,
                                void *context, pyn_error *error);

#ifdef __cplusplus
}
#endif

#endif /* PYNOMALY_H */
