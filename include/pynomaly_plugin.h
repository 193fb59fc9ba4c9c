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
