/* A plugin that does all that pynomaly_plugin.h asks, and, with -DDEFECT=NAME, one thing that it must not.
 * test_plugin_check.py says which. It is C and C++.
 *
 * The detector: how many standard deviations a row is away from the mean, over all columns. */
#include "pynomaly_plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CRASH_IN_INIT 1
#define CRASH_IN_SCORE 2
#define HANG_IN_FIT 3
#define ABORT_IN_LOAD 4
#define EXIT_IN_SCORE 5
#define PRINTS 6
#define NOT_DETERMINISTIC 7
#define THREAD_DEPENDENT 8
#define LEAKS_IN_SCORE 9
#define NAN_SCORES 10
#define IGNORES_CANCELLATION 11
#define WRONG_STRUCT_SIZE 12
#define MISSING_SLOT 13
#define WRONG_ABI 14
#define THROWS 15
#define LOSES_STATE 16
#define READS_BEYOND 17
#define BATCH_DEPENDENT 18
#define FAILS_SILENTLY 19
#define UNSET_BYTES 20
#define READS_FLOATS_AS_DOUBLES 21
#define NEGATIVE_SHARES 22
#define CHANGES_FOLDER 23
#define NOT_THREAD_SAFE 24
#define STACK_OVERFLOW 25
#define CALLS_NULL 26
#define LEAKS_INSTANCES 27
#define IGNORES_LABELS 28
#define IGNORES_WEIGHTS 29
#define BAD_DEFAULT 30
#define TAKES_CUT_MODELS 31
#define CRASH_ON_ONE_ROW 32
#define THROWS_IN_SCORE 33
#define LEAKS_HOST_MEMORY 34
#define CRASH_IN_THREAD 35
#define ADDRESS_DEPENDENT 36
#define IGNORES_STRIDES 37

#ifndef DEFECT
#define DEFECT 0
#endif
#ifndef NAME
#define NAME "distance"
#endif
#ifndef CLASS
#define CLASS "Distance"
#endif
#ifndef VERSION
#define VERSION "1.2.3"
#endif

enum { SEED, SHRINK, CENTER, NORM, OPTIONS };
#define CHUNK ((int64_t)256)

typedef struct model {
    int64_t columns;
    double shrink;
    int32_t center, norm;
    double weight;
    double *mean, *squares; /* columns of each, behind each other */
} model;

static const pyn_plugin_host *host;

static void free_model(void *instance) {
    model *m = (model *)instance;
    host->release(host, m->mean);
#if DEFECT != LEAKS_INSTANCES
    free(m);
#endif
}

static int make_room(model *m, int64_t columns) {
    host->release(host, m->mean);
    m->mean = (double *)host->allocate(host, (size_t)columns * 2 * sizeof(double));
    if (!m->mean) return 0;
    memset(m->mean, 0, (size_t)columns * 2 * sizeof(double));
    m->squares = m->mean + columns;
    m->columns = columns;
    m->weight = 0;
    return 1;
}

static pyn_status create(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                         int64_t count, void **instance) {
    (void)this_class, (void)count;
    model *m = (model *)calloc(1, sizeof(model));
    if (!m) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    m->shrink = values[SHRINK].double_value;
    m->center = values[CENTER].bool_value;
    m->norm = strcmp(values[NORM].string_value, "mean") != 0;
    *instance = m;
    return PYN_OK;
}

static void work(void) {
#ifdef SLOW
    for (volatile int k = 0; k < SLOW; k++) {}
#endif
}

#if DEFECT == CALLS_NULL
static void (*volatile nowhere)(void);
#endif

#if DEFECT == STACK_OVERFLOW
static int deep(volatile int k) {
    volatile char room[4096];
    room[k & 4095] = 1;
    return k < 0 ? 0 : deep(k + 1) + room[7];
}
#endif

static pyn_status learn(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    model *m = (model *)instance;
    const pyn_matrix *X = training->X;
    (void)call;
#if DEFECT == HANG_IN_FIT
    for (volatile int k = 0; k >= 0; k = 0) {}
#endif
#if DEFECT == FAILS_SILENTLY
    if (X->rows < 5) return PYN_ERROR_INVALID_DATA;
#endif
#if DEFECT == STACK_OVERFLOW
    deep(1);
#endif
#if DEFECT == CALLS_NULL
    nowhere();
#endif
#ifdef MINIMUM_ROWS
    if (X->rows < MINIMUM_ROWS)
        return host->fail(call, PYN_ERROR_INVALID_DATA, -1, -1, "too few rows; at least " "50" " are needed");
#endif
    double *rows = (double *)host->allocate(host, (size_t)(CHUNK * m->columns) * sizeof(double));
    if (!rows) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    pyn_status status = PYN_OK;
    for (int64_t first = 0; first < X->rows && !status; first += CHUNK) {
        const int64_t count = X->rows - first < CHUNK ? X->rows - first : CHUNK;
        status = host->read_rows(X, first, count, rows);
#if DEFECT != IGNORES_CANCELLATION
        if (!status && host->progress(call, (double)first / (double)X->rows)) status = PYN_ERROR_CANCELLED;
#endif
        for (int64_t r = 0; r < count && !status; r++) {
            double w = 1;
#if DEFECT != IGNORES_WEIGHTS
            if (training->sample_weight) w = training->sample_weight[first + r];
#endif
#ifdef LABELS
#if DEFECT != IGNORES_LABELS
            if (training->labels[first + r]) w = 0;
#endif
#endif
            work();
            if (w == 0) continue;
            m->weight += w;
            for (int64_t c = 0; c < m->columns; c++) {
                const double x = rows[r * m->columns + c];
                if (isnan(x)) continue;
                const double step = x - m->mean[c];
                m->mean[c] += step * (w / m->weight);
                m->squares[c] += w * step * (x - m->mean[c]);
            }
        }
    }
    for (int64_t c = 0; c < m->columns && !status; c++)
        if (!isfinite(m->mean[c]) || !isfinite(m->squares[c]))
            status = host->fail(call, PYN_ERROR_INVALID_DATA, -1, c, "the numbers are too large to square");
    if (!status && !(m->weight > 0))
        status = host->fail(call, PYN_ERROR_INVALID_DATA, -1, -1, "no row to learn from");
    host->release(host, rows);
#if DEFECT == NOT_DETERMINISTIC
    static int fits;
    m->mean[0] += 1e-9 * ++fits;
#endif
#if DEFECT == ADDRESS_DEPENDENT
    m->mean[0] += 1e-12 * (double)((uintptr_t)&host >> 12 & 0xffff);
#endif
#if DEFECT == THREAD_DEPENDENT
    m->mean[0] += 1e-9 * host->thread_count(call);
#endif
    return status;
}

static pyn_status fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    if (!make_room((model *)instance, training->X->columns))
        return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    return learn(instance, call, training);
}

static pyn_status partial_fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    model *m = (model *)instance;
    return m->mean ? learn(instance, call, training) : fit(instance, call, training);
}

/* How far x is from the mean of column c, squared. */
static double distance(const model *m, int64_t c, double x) {
    if (isnan(x)) return 0;
    const double variance = m->squares[c] / m->weight + m->shrink;
    double z = (x - (m->center ? m->mean[c] : 0)) / sqrt(variance + 1e-300);
    z = fabs(z);
    if (!(z < 1e100)) z = 1e100;
    return z * z;
}

#if DEFECT == NOT_THREAD_SAFE
static double shared[1 << 16];
#endif

#if DEFECT == CRASH_IN_THREAD
static pyn_status crash(pyn_plugin_call *call, int64_t chunk, int32_t worker, void *context) {
    (void)call, (void)worker, (void)context;
    if (chunk == 3) *(volatile int *)8 = 1;
    return PYN_OK;
}
#endif

static pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    const model *m = (const model *)instance;
    double one[64], *row = one;
#if DEFECT == CRASH_IN_SCORE
    if (X->rows > 0) *(volatile int *)16 = 1;
#endif
#if DEFECT == CRASH_ON_ONE_ROW
    if (X->rows == 1) *(volatile int *)16 = 1;
#endif
#if DEFECT == CRASH_IN_THREAD
    pyn_status bad = host->parallel_for(call, 8, crash, NULL);
    if (bad) return bad;
#endif
#if DEFECT == EXIT_IN_SCORE
    exit(3);
#endif
#if DEFECT == LEAKS_IN_SCORE
    { void *volatile lost = malloc(100); (void)lost; }
#endif
#if DEFECT == LEAKS_HOST_MEMORY
    { void *volatile lost = host->allocate(host, 100); (void)lost; }
#endif
#if DEFECT == PRINTS
    printf("scoring %d rows\n", (int)X->rows);
    fflush(stdout);
#endif
#if DEFECT == CHANGES_FOLDER
    if (chdir("/")) return PYN_ERROR_IO;
#endif
#if DEFECT == THROWS_IN_SCORE
    throw 42;
#endif
    if (m->columns > 64) row = (double *)malloc((size_t)m->columns * sizeof(double));
    if (!row) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    pyn_status status = PYN_OK;
    for (int64_t r = 0; r < X->rows && !status; r++) {
#if DEFECT == READS_FLOATS_AS_DOUBLES
        if (X->dtype == PYN_FLOAT32)
            for (int64_t c = 0; c < m->columns; c++)
                row[c] = ((const float *)X->data)[r % 2] * (double)c;
        else
#endif
#if DEFECT == IGNORES_STRIDES
        if (X->dtype == PYN_FLOAT64)
            for (int64_t c = 0; c < m->columns; c++) row[c] = ((const double *)X->data)[r * m->columns + c];
        else
#endif
        status = host->read_rows(X, r, 1, row);
#if DEFECT != IGNORES_CANCELLATION
        if (!status && r % 1024 == 1023 && host->progress(call, (double)r / (double)X->rows))
            status = PYN_ERROR_CANCELLED;
#endif
        work();
        double sum = 0;
        for (int64_t c = 0; c < m->columns && !status; c++) {
            const double d = distance(m, c, row[c]);
            sum = m->norm ? (d > sum ? d : sum) : sum + d / (double)m->columns;
        }
        scores[r] = sqrt(sum);
#if DEFECT == NAN_SCORES
        if (sum > 4) scores[r] = NAN;
#endif
#if DEFECT == BATCH_DEPENDENT
        scores[r] += 1e-6 * (double)X->rows;
#endif
    }
#if DEFECT == NOT_THREAD_SAFE
    /* What another call writes meanwhile comes out of this one. */
    for (int64_t r = 0; r < X->rows && r < 1 << 16; r++) shared[r] = scores[r];
    usleep(50);
    for (int64_t r = 0; r < X->rows && r < 1 << 16; r++) scores[r] = shared[r];
#endif
    if (row != one) free(row);
    return status;
}

static pyn_status explain(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *shares) {
    const model *m = (const model *)instance;
    for (int64_t r = 0; r < X->rows; r++) {
        double *row = shares + r * m->columns;
        const pyn_status status = host->read_rows(X, r, 1, row);
        if (status) return status;
        if (r % 1024 == 1023 && host->progress(call, 0.5)) return PYN_ERROR_CANCELLED;
        for (int64_t c = 0; c < m->columns; c++) {
            row[c] = distance(m, c, row[c]) + 1e-30;
#if DEFECT == NEGATIVE_SHARES
            if (c == 0) row[c] = -row[c];
#endif
        }
    }
    return PYN_OK;
}

static pyn_status save(const void *instance, pyn_plugin_call *call) {
    const model *m = (const model *)instance;
#if DEFECT == UNSET_BYTES
    struct { int32_t center; double shrink; int32_t norm, unset; } *head =
        (__typeof__(head))malloc(sizeof *head);
#else
    struct { int32_t center, norm; double shrink; } whole, *head = &whole;
#endif
    head->center = m->center;
    head->norm = m->norm;
    head->shrink = m->shrink;
#if DEFECT == LOSES_STATE
    const double mean = 0;
    pyn_status status = host->write(call, head, sizeof *head);
    if (!status) status = host->write(call, &m->columns, sizeof m->columns);
    if (!status) status = host->write(call, &m->weight, sizeof m->weight);
    for (int64_t c = 0; c < m->columns && !status; c++) status = host->write(call, &mean, sizeof mean);
    if (!status) status = host->write(call, m->squares, (size_t)m->columns * sizeof(double));
    return status;
#else
    pyn_status status = host->write(call, head, sizeof *head);
#if DEFECT == UNSET_BYTES
    free(head);
#endif
    if (!status) status = host->write(call, &m->columns, sizeof m->columns);
    if (!status) status = host->write(call, &m->weight, sizeof m->weight);
    if (!status) status = host->write(call, m->mean, (size_t)m->columns * 2 * sizeof(double));
    return status;
#endif
}

static pyn_status load(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                       int64_t count, int64_t features, const void *data, size_t size, void **instance) {
#if DEFECT == UNSET_BYTES
    const size_t head = 24;
#else
    const size_t head = 16;
#endif
    const char *bytes = (const char *)data;
    int64_t columns = 0;
#if DEFECT == ABORT_IN_LOAD
    if (size < head) abort();
#endif
#if DEFECT == READS_BEYOND
    memcpy(&columns, bytes + head, sizeof columns);
    if (columns < 1) columns = 1;
#else
    if (size < head + 16) return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model is cut");
    memcpy(&columns, bytes + head, sizeof columns);
    if (columns != features)
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model has other columns");
#if DEFECT == TAKES_CUT_MODELS
    const size_t rest = size - head - 16;
#else
    if ((size - head - 16) / sizeof(double) / 2 != (uint64_t)columns || (size - head - 16) % 16)
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model is cut");
#endif
#endif
    void *made = NULL;
    pyn_status status = create(this_class, call, values, count, &made);
    if (status) return status;
    model *m = (model *)made;
    if (!make_room(m, columns)) {
        free_model(m);
        return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    }
    memcpy(&m->weight, bytes + head + 8, sizeof m->weight);
#if DEFECT == TAKES_CUT_MODELS
    memcpy(m->mean, bytes + head + 16,
           rest < (size_t)columns * 16 ? rest : (size_t)columns * 16);
#else
    memcpy(m->mean, bytes + head + 16, (size_t)columns * 2 * sizeof(double));
#endif
    for (int64_t c = 0; c < columns; c++)
        if (!isfinite(m->mean[c]) || !(m->squares[c] >= 0) || !isfinite(m->squares[c]))
            status = host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model has numbers that cannot be");
    if (!(m->weight > 0 && isfinite(m->weight)))
        status = host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model's weight cannot be");
    if (status) {
        free_model(m);
        return status;
    }
    *instance = m;
    return PYN_OK;
}

static pyn_status fitted(const void *instance, int64_t index, const char **name, double *value) {
    if (index != 0) return PYN_ERROR_NOT_SUPPORTED;
    *name = "weight";
    *value = ((const model *)instance)->weight;
    return PYN_OK;
}

static const char *const norms[] = {"mean", "max"};
static pyn_plugin_option options[OPTIONS] = {
    PYN_PLUGIN_OPTION_INT("random_state", "Nothing is random here.", 0, 0, INT64_MAX),
    PYN_PLUGIN_OPTION_DOUBLE("shrink", "Added to each variance.", 0.001, 0.0, 10.0),
    PYN_PLUGIN_OPTION_BOOL("center", "Whether the mean is taken away.", 1),
    PYN_PLUGIN_OPTION_STRING("norm", "How columns come together.", "mean", norms, 2),
};
static pyn_plugin_class the_class;
static const pyn_plugin_class *const classes[] = {&the_class};

#ifdef __cplusplus
extern "C"
#endif
PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(const pyn_plugin_host *given, int32_t requested,
                                                  pyn_plugin *plugin) {
#if DEFECT == CRASH_IN_INIT
    *(volatile int *)0 = 1;
#endif
#if DEFECT == THROWS
    throw 42;
#endif
    plugin->abi_minimum = 1;
    plugin->abi_maximum = 1;
    if (requested != 1) return PYN_ERROR_NOT_SUPPORTED;
#if DEFECT == WRONG_ABI
    plugin->abi_minimum = plugin->abi_maximum = 7;
    return PYN_ERROR_NOT_SUPPORTED;
#endif
    host = given;
    the_class.struct_size = sizeof the_class;
    the_class.name = CLASS;
    the_class.version = "1.0.0";
    the_class.description = "How many standard deviations a row is from the mean.";
    the_class.reference = "None.";
    the_class.capabilities = PYN_PLUGIN_SAMPLE_WEIGHT | PYN_PLUGIN_MISSING_VALUES | PYN_PLUGIN_THREAD_SAFE_SCORE;
#ifdef LABELS
    the_class.capabilities |= PYN_PLUGIN_NEEDS_LABELS;
#endif
    the_class.options = options;
    the_class.option_count = OPTIONS;
    the_class.create = create;
    the_class.fit = fit;
    the_class.partial_fit = partial_fit;
    the_class.score = score;
    the_class.explain = explain;
    the_class.fitted = fitted;
    the_class.save = save;
    the_class.load = load;
    the_class.destroy = free_model;
#if DEFECT == MISSING_SLOT
    the_class.save = NULL;
#endif
#if DEFECT == WRONG_STRUCT_SIZE
    the_class.struct_size = 8;
#endif
#if DEFECT == BAD_DEFAULT
    options[SHRINK].default_value.double_value = 11;
#endif
    plugin->struct_size = sizeof *plugin;
    plugin->abi_version = 1;
    plugin->name = NAME;
    plugin->version = VERSION;
    plugin->description = "A detector for tests.";
    plugin->author = "The tests";
    plugin->licence = "Apache-2.0";
    plugin->classes = classes;
    plugin->class_count = 1;
#ifdef CHATTY
    host->log(host, PYN_LOG_INFO, "hello");
    host->log(host, PYN_LOG_WARNING, "mind the gap");
#endif
    return PYN_OK;
}
