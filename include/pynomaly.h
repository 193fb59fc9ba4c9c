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
 *  - No function prints, exits, installs signal handlers or leaves threads of its own running.
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
    PYN_ERROR_PLUGIN = 16            /* a plugin cannot be loaded, or breaks its contract */
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
 * drawn in proportion to its weight.
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
 * Ensemble: what fitting and scoring its detectors takes, one after another. Sample weights and partial_fit
 * where each of them can; NOT_SUPPORTED names the first that cannot. SlidingWindow: as its detector on
 * rows - window + 1 rows of window * columns; at least `window` rows. */
pyn_status pyn_detector_fit(pyn_detector *detector, const pyn_matrix *X, const pyn_call *call,
                            pyn_error *error);

/* Learn from more rows, for detectors with PYN_CAPABILITY_PARTIAL_FIT: the first call begins a model, later
 * ones go on with it, and the columns stay the same. Options set in between wait for the next fit. With a
 * contamination, the threshold is the quantile of the scores of this call's rows. When it fails or is
 * cancelled the earlier model stays. Errors: as pyn_detector_fit, and SHAPE_MISMATCH.
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
 * PCA: the sum of distances to the components, each by the share of variance that the component explains
 * (Shyu and others 2003). O(rows * columns * components).
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
 * PCA: each distance to a component shared out as its square is.
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
 * 0.5, as in the paper; LocalOutlierFactor: 1.5, as in scikit-learn; MAD: the option threshold; OneClassSVM: 0; KNN, where
 * distances have no natural scale: the upper fence of a box plot of the training scores, Q3 + 1.5 (Q3 - Q1)),
 * or, where it has none (COPOD, ECOD, Ensemble, HBOS, LODA, SlidingWindow), the quantile 0.9. Errors: NOT_FITTED. [any thread] */
pyn_status pyn_detector_get_threshold(const pyn_detector *detector, double *threshold,
                                      pyn_error *error);

/* Set it to a finite value. Errors: NOT_FITTED, INVALID_ARGUMENT. [one thread per object] */
pyn_status pyn_detector_set_threshold(pyn_detector *detector, double threshold, pyn_error *error);

/* ============================================================== 10. What a model knows == */

/* The detector's name. [any thread] */
const char *pyn_detector_get_name(const pyn_detector *detector);

/* 1 when fitted, else 0 (also for NULL). [any thread] */
int32_t pyn_detector_is_fitted(const pyn_detector *detector);

/* 1 when rows are the steps of a series in their order, as with SlidingWindow and an Ensemble with one among its
 * detectors: a row's score depends on the rows around it, and the rows of each call are a series of their own, to
 * be fitted or scored whole. Streams (section 12) of such detectors are held in memory whole. Else 0 (also
 * for NULL). [one thread per object] */
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
 * "n_selected_components". Ensemble: "n_detectors", "random_state". SlidingWindow: "window".
 * Errors: NOT_FITTED, INVALID_ARGUMENT (the message lists the names). [any thread] */
pyn_status pyn_detector_get_fitted(const pyn_detector *detector, const char *name, double *value,
                                   pyn_error *error);

/* Write the scores of the rows that were fitted, in their order; `count` must be at least their number
 * ("n_samples" of pyn_detector_get_fitted). Detectors that compare rows with each other keep them (KNN,
 * LocalOutlierFactor): here a row is not among its own neighbours. A contamination sets the threshold by
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

/* Fit on a stream that may be larger than memory. Up to 131072 rows the model is the one that
 * pyn_detector_fit makes of the same rows; of more rows it learns from a uniform random sample of
 * that many (reservoir sampling, Vitter 1985, drawn by random_state), which is all it keeps in
 * memory. Sample weights are not taken. Errors: as pyn_detector_fit, and IO (the stream's words).
 * [one thread per object] */
pyn_status pyn_detector_fit_stream(pyn_detector *detector, struct ArrowArrayStream *stream,
                                   const pyn_call *call, pyn_error *error);

/* Takes the scores of rows first_row .. first_row + count - 1, in order; returns 0, or anything else
 * to cancel. */
typedef int32_t (*pyn_scores_callback)(const double *scores, int64_t first_row, int64_t count,
                                       void *context);

/* Score a stream batch by batch. [any thread] */
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

#ifdef __cplusplus
}
#endif

#endif /* PYNOMALY_H */
