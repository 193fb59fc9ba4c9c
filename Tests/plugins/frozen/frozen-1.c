/* A plugin as it was written for the first version of the contract. It uses every member of every table, so
 * that a later library which moves, drops or changes one is found out. Built with pynomaly_plugin-1.h;
 * neither file is ever edited again.
 *
 * Its detector, Frozen1, scores a row by its distance from the weighted mean of the first column. What it
 * sees of the host on the way it checks, and fails the call when it is not as the first contract said. */
#include "pynomaly_plugin-1.h"

#include <math.h>
#include <string.h>

typedef struct {
    const pyn_plugin_host *host;
    double factor;
    int64_t columns, rows;
    double mean;
} frozen;

static const char *const modes[] = {"plain", "square"};

static const pyn_plugin_option options[] = {
    PYN_PLUGIN_OPTION_INT("offset", "A whole number.", 3, -5, 1000),
    PYN_PLUGIN_OPTION_DOUBLE("factor", "A factor of the scores.", 2.0, 0.5, 1e6),
    PYN_PLUGIN_OPTION_BOOL("strict", "Yes or no.", 1),
    PYN_PLUGIN_OPTION_STRING("mode", "One of two words.", "plain", modes, 2),
    {sizeof(pyn_plugin_option), "several", "A number or a word.",
     PYN_OPTION_INT | PYN_OPTION_DOUBLE | PYN_OPTION_STRING, 1, 1, 9, 0.0, 1.0, modes, 2,
     PYN_PLUGIN_VALUE_STRING("square")},
    PYN_PLUGIN_OPTION_INT("random_state", "Seed.", 0, 0, INT64_MAX),
};
enum { OFFSET, FACTOR, STRICT, MODE, SEVERAL, SEED, OPTION_COUNT };

#define NEED(call, condition) \
    if (!(condition)) return host->fail(call, PYN_ERROR_PLUGIN, -1, -1, "not as in version 1: " #condition)

static pyn_status check_values(const pyn_plugin_host *host, pyn_plugin_call *call, const pyn_value *v,
                               int64_t count) {
    static const int32_t types[] = {PYN_OPTION_INT, PYN_OPTION_DOUBLE, PYN_OPTION_BOOL, PYN_OPTION_STRING};
    NEED(call, count == OPTION_COUNT);
    for (int i = 0; i < 4; i++) NEED(call, v[i].struct_size >= sizeof(pyn_value) && v[i].type == types[i]);
    NEED(call, v[OFFSET].int_value >= -5 && v[OFFSET].int_value <= 1000);
    NEED(call, v[FACTOR].double_value >= 0.5 && v[FACTOR].double_value <= 1e6);
    NEED(call, v[STRICT].bool_value == 0 || v[STRICT].bool_value == 1);
    NEED(call, !strcmp(v[MODE].string_value, "plain") || !strcmp(v[MODE].string_value, "square"));
    NEED(call, v[SEED].type == PYN_OPTION_INT && v[SEED].int_value >= 0);
    return PYN_OK;
}

static pyn_status create(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                         int64_t value_count, void **instance) {
    const pyn_plugin_host *host = this_class->class_data;
    const pyn_status status = check_values(host, call, values, value_count);
    if (status != PYN_OK) return status;
    frozen *f = host->allocate(host, sizeof *f);
    if (!f) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    NEED(call, (uintptr_t)f % 64 == 0);
    memset(f, 0, sizeof *f);
    f->host = host;
    f->factor = values[FACTOR].double_value;
    *instance = f;
    return PYN_OK;
}

static void destroy(void *instance) {
    const pyn_plugin_host *host = ((frozen *)instance)->host;
    host->release(host, NULL);
    host->release(host, instance);
}

typedef struct {
    frozen *f;
    const pyn_plugin_training *training;
    int32_t threads;
    double sums[64], weights[64];
} loop;

static pyn_status chunk(pyn_plugin_call *call, int64_t number, int32_t worker, void *context) {
    loop *l = context;
    const pyn_plugin_host *host = l->f->host;
    const pyn_matrix *X = l->training->X;
    NEED(call, number >= 0 && number < 64 && worker >= 0 && worker < l->threads);
    double row[64];
    NEED(call, X->columns <= 64);
    for (int64_t i = X->rows * number / 64; i < X->rows * (number + 1) / 64; i++) {
        const pyn_status status = host->read_rows(X, i, 1, row);
        if (status != PYN_OK) return status;
        const double weight = l->training->sample_weight ? l->training->sample_weight[i] : 1;
        l->sums[number] += weight * row[0];
        l->weights[number] += weight;
    }
    return PYN_OK;
}

static pyn_status learn(frozen *f, pyn_plugin_call *call, const pyn_plugin_training *training) {
    const pyn_plugin_host *host = f->host;
    const pyn_matrix *X = training->X;
    NEED(call, training->struct_size >= sizeof *training && X->struct_size >= sizeof *X);
    NEED(call, X->dtype == PYN_FLOAT32 || X->dtype == PYN_FLOAT64);
    NEED(call, X->data && X->rows >= 1 && X->columns >= 1);
    NEED(call, X->row_stride % 4 == 0 && X->column_stride % 4 == 0);
    if (training->labels)
        for (int64_t i = 0; i < X->rows; i++)
            NEED(call, training->labels[i] == 0 || training->labels[i] == 1);
    double value;
    NEED(call, host->read_rows(X, X->rows, 1, &value) == PYN_ERROR_SHAPE_MISMATCH);
    if (host->progress(call, 0.25)) return PYN_ERROR_CANCELLED;

    /* The same numbers as ever for a seed and a stream, and in their ranges. */
    pyn_plugin_random one, two;
    double uniform[100], again[100], normal[100];
    int64_t below[100];
    host->random_start(&one, 7, 1);
    host->random_start(&two, 7, 1);
    host->random_uniform(&one, uniform, 100);
    host->random_uniform(&two, again, 100);
    host->random_normal(&one, normal, 100);
    host->random_below(&one, 10, below, 100);
    for (int i = 0; i < 100; i++) {
        NEED(call, uniform[i] == again[i] && uniform[i] >= 0 && uniform[i] < 1);
        NEED(call, isfinite(normal[i]) && below[i] >= 0 && below[i] < 10);
    }

    double *column = host->allocate(host, (size_t)X->rows * sizeof *column);
    if (!column) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory");
    pyn_status status = host->read_column(X, 0, column);
    for (int64_t i = 0; i < X->rows && status == PYN_OK; i++)
        if (column[i] == 4711) status = host->fail(call, PYN_ERROR_INVALID_DATA, i, 0, "4711 is not welcome");
    host->release(host, column);
    if (status != PYN_OK) return status;

    loop l;
    memset(&l, 0, sizeof l);
    l.f = f;
    l.training = training;
    l.threads = host->thread_count(call);
    NEED(call, l.threads >= 1);
    status = host->parallel_for(call, 64, chunk, &l);
    if (status != PYN_OK) return status;
    double sum = f->mean * (double)f->rows, weight = (double)f->rows;
    for (int i = 0; i < 64; i++) sum += l.sums[i], weight += l.weights[i];
    f->mean = sum / weight;
    f->rows += X->rows;
    f->columns = X->columns;
    return PYN_OK;
}

static pyn_status fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    return learn(instance, call, training);
}

static pyn_status partial_fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    return learn(instance, call, training);
}

static pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    const frozen *f = instance;
    const pyn_plugin_host *host = f->host;
    NEED(call, X->columns == f->columns);
    const pyn_status status = host->read_column(X, 0, scores);
    for (int64_t i = 0; i < X->rows; i++) scores[i] = f->factor * fabs(scores[i] - f->mean);
    if (host->progress(call, 1)) return PYN_ERROR_CANCELLED;
    return status;
}

static pyn_status explain(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *shares) {
    (void)instance, (void)call;
    for (int64_t i = 0; i < X->rows * X->columns; i++) shares[i] = i % X->columns == 0;
    return PYN_OK;
}

static pyn_status threshold(const void *instance, pyn_plugin_call *call, double *value) {
    (void)call;
    *value = 3 * ((const frozen *)instance)->factor;
    return PYN_OK;
}

static pyn_status fitted(const void *instance, int64_t index, const char **name, double *value) {
    const frozen *f = instance;
    if (index > 1) return PYN_ERROR_NOT_SUPPORTED;
    *name = index == 0 ? "mean" : "rows";
    *value = index == 0 ? f->mean : (double)f->rows;
    return PYN_OK;
}

static pyn_status save(const void *instance, pyn_plugin_call *call) {
    const frozen *f = instance;
    const pyn_status status = f->host->write(call, &f->rows, sizeof f->rows);
    return status != PYN_OK ? status : f->host->write(call, &f->mean, sizeof f->mean);
}

static pyn_status load(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                       int64_t value_count, int64_t feature_count, const void *data, size_t size,
                       void **instance) {
    const pyn_plugin_host *host = this_class->class_data;
    if (size != 16) return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "16 bytes are needed");
    void *made = NULL;
    const pyn_status status = create(this_class, call, values, value_count, &made);
    if (status != PYN_OK) return status;
    frozen *f = made;
    memcpy(&f->rows, data, 8);
    memcpy(&f->mean, (const char *)data + 8, 8);
    f->columns = feature_count;
    if (f->rows < 1 || !isfinite(f->mean)) {
        destroy(f);
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "a number is out of range");
    }
    *instance = f;
    return PYN_OK;
}

static const void *extension(const char *name) {
    (void)name;
    return NULL;
}

static pyn_plugin_class the_class = {sizeof(pyn_plugin_class),
                                     "Frozen1",
                                     "1.0.0",
                                     "Distance from the mean of the first column.",
                                     "None.",
                                     PYN_PLUGIN_SAMPLE_WEIGHT | PYN_PLUGIN_THREAD_SAFE_SCORE,
                                     options,
                                     OPTION_COUNT,
                                     NULL,
                                     create,
                                     fit,
                                     partial_fit,
                                     score,
                                     explain,
                                     threshold,
                                     fitted,
                                     save,
                                     load,
                                     destroy};
static const pyn_plugin_class *const classes[] = {&the_class};

pyn_status pynomaly_plugin_init(const pyn_plugin_host *host, int32_t requested_abi, pyn_plugin *plugin) {
    if (requested_abi != 1) {
        plugin->abi_minimum = 1;
        plugin->abi_maximum = 1;
        return PYN_ERROR_NOT_SUPPORTED;
    }
    if (host->struct_size < sizeof *host || host->abi_version != 1 || !host->host_version[0] ||
        plugin->struct_size < sizeof *plugin || host->get_extension(host, "pynomaly.frozen/1"))
        return PYN_ERROR_PLUGIN;
    host->log(host, PYN_LOG_INFO, "frozen-1 is here");
    the_class.class_data = (void *)(uintptr_t)host;
    plugin->struct_size = sizeof *plugin;
    plugin->abi_version = 1;
    plugin->abi_minimum = 1;
    plugin->abi_maximum = 1;
    plugin->reserved = 0;
    plugin->name = "frozen-1";
    plugin->version = "1.0.0";
    plugin->description = "A plugin of the first contract.";
    plugin->author = "The Pynomaly authors";
    plugin->licence = "Apache-2.0";
    plugin->classes = classes;
    plugin->class_count = 1;
    plugin->get_extension = extension;
    return PYN_OK;
}
