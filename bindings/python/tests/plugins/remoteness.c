/* A plugin for the tests of the Python face: its detectors do little, but everything a detector can.
 *
 * Remoteness: how far a row is from the weighted mean, feature by feature. Takes weights, learns in parts,
 * explains itself, and has options with names that mean something to Python.
 * Likeness: learns from labels: how far a row is from the mean of the inliers. One thread at a time may
 * score, which tells its progress and takes its time. */
#include <pynomaly_plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const pyn_plugin_host *host;

typedef struct {
    int64_t columns;
    double rows, weight; /* seen so far */
    double power;
    int64_t delay;
    double sums[1024]; /* of weighted values, column by column */
} model;

static pyn_status create(const pyn_plugin_class *this_class, pyn_plugin_call *call,
                         const pyn_value *values, int64_t value_count, void **instance)
{
    model *made = host->allocate(host, sizeof *made);
    (void)call, (void)value_count;
    if (made == NULL) return PYN_ERROR_OUT_OF_MEMORY;
    memset(made, 0, sizeof *made);
    if (this_class->class_data != NULL) made->delay = values[0].int_value;
    made->power = this_class->class_data != NULL ? 1 : values[0].double_value;
    *instance = made;
    return PYN_OK;
}

static pyn_status learn(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training)
{
    model *self = instance;
    const pyn_matrix *X = training->X;
    double row[1024];
    if (X->columns > 1024)
        return host->fail(call, PYN_ERROR_INVALID_DATA, -1, 1024, "at most 1024 columns, please");
    self->columns = X->columns;
    for (int64_t r = 0; r < X->rows; r++) {
        double weight = training->sample_weight ? training->sample_weight[r] : 1;
        if (training->labels && training->labels[r] == 1) continue;
        host->read_rows(X, r, 1, row);
        for (int64_t c = 0; c < X->columns; c++) self->sums[c] += weight * row[c];
        self->weight += weight;
        self->rows++;
    }
    return PYN_OK;
}

static void part(const model *self, const double *row, double *shares)
{
    for (int64_t c = 0; c < self->columns; c++)
        shares[c] = pow(fabs(row[c] - self->sums[c] / (self->weight > 0 ? self->weight : 1)), self->power);
}

static pyn_status rate(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores)
{
    const model *self = instance;
    double row[1024], shares[1024];
    for (int64_t r = 0; r < X->rows; r++) {
        if (self->delay > 0) {
            struct timespec pause = { 0, self->delay * 1000 };
            nanosleep(&pause, NULL);
            if (host->progress(call, (double)r / (double)X->rows)) return PYN_ERROR_CANCELLED;
        }
        host->read_rows(X, r, 1, row);
        part(self, row, shares);
        scores[r] = 0;
        for (int64_t c = 0; c < self->columns; c++) scores[r] += shares[c];
    }
    return PYN_OK;
}

static pyn_status explain(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *shares)
{
    const model *self = instance;
    double row[1024];
    (void)call;
    for (int64_t r = 0; r < X->rows; r++) {
        host->read_rows(X, r, 1, row);
        part(self, row, shares + r * self->columns);
    }
    return PYN_OK;
}

static pyn_status fitted(const void *instance, int64_t index, const char **name, double *value)
{
    const model *self = instance;
    if (index > 1) return PYN_ERROR_NOT_SUPPORTED;
    *name = index == 0 ? "n_rows" : "weight";
    *value = index == 0 ? self->rows : self->weight;
    return PYN_OK;
}

static pyn_status save(const void *instance, pyn_plugin_call *call)
{
    return host->write(call, instance, sizeof(model));
}

static pyn_status load(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                       int64_t value_count, int64_t feature_count, const void *data, size_t size,
                       void **instance)
{
    pyn_status status;
    if (size != sizeof(model) || ((const model *)data)->columns != feature_count || feature_count > 1024)
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "not what save wrote");
    status = create(this_class, call, values, value_count, instance);
    if (status == PYN_OK) memcpy(*instance, data, size);
    return status;
}

static void destroy(void *instance) { host->release(host, instance); }

static const char *const random_choice[] = { "random" };

static const pyn_plugin_option remoteness_options[] = {
    PYN_PLUGIN_OPTION_DOUBLE("power", "What distances are raised to.", 1.0, 0.5, 4.0),
    PYN_PLUGIN_OPTION_INT("lambda_", "Does \"nothing\" \\ at all.", 3, 0, 9),
    PYN_PLUGIN_OPTION_BOOL("fit", "Called like a method.", 1),
    { sizeof(pyn_plugin_option), "random_state", "Seed of nothing.", PYN_OPTION_INT | PYN_OPTION_STRING, 0,
      0, INT64_MAX, 0.0, 0.0, random_choice, 1, PYN_PLUGIN_VALUE_INT(0) },
};

static const pyn_plugin_class remoteness = {
    sizeof(pyn_plugin_class), "Remoteness", "1.0.0", "Rows far from the mean are anomalous.",
    "Anonymous: On means, 1901", PYN_PLUGIN_SAMPLE_WEIGHT | PYN_PLUGIN_THREAD_SAFE_SCORE,
    remoteness_options, 4, NULL,
    create, learn, learn, rate, explain, NULL, fitted, save, load, destroy,
};

static const pyn_plugin_option likeness_options[] = {
    PYN_PLUGIN_OPTION_INT("delay", "Microseconds that each row takes.", 0, 0, 1000000),
};

static const pyn_plugin_class likeness = {
    sizeof(pyn_plugin_class), "Likeness", "1.0.0", "Rows unlike the inliers are anomalous.",
    "Anonymous: On labels, 1902", PYN_PLUGIN_NEEDS_LABELS, likeness_options, 1, (void *)&host,
    create, learn, NULL, rate, NULL, NULL, fitted, save, load, destroy,
};

static const pyn_plugin_class *const classes[] = { &remoteness, &likeness };

#ifndef NAME
#define NAME "tests"
#endif

pyn_status pynomaly_plugin_init(const pyn_plugin_host *given, int32_t requested_abi, pyn_plugin *plugin)
{
    if (requested_abi != PYN_PLUGIN_ABI_VERSION) return PYN_ERROR_NOT_SUPPORTED;
    host = given;
    plugin->struct_size = sizeof *plugin;
    plugin->abi_version = PYN_PLUGIN_ABI_VERSION;
    plugin->name = NAME;
    plugin->version = "1.2.3";
    plugin->description = "Detectors that tests are made with.";
    plugin->author = "The tests";
    plugin->licence = NULL;
    plugin->classes = classes;
    plugin->class_count = 2;
    return PYN_OK;
}
