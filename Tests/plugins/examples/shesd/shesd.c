/* SHESD: seasonal hybrid ESD as a plugin in C: its options and tables, scores, and model bytes.
 *
 * A row has, in one of its columns, the time at which it was taken; its phase is the part of the season that
 * the time falls in. From every other column the median of the row's phase is taken, and what is left is
 * compared with the median and the median absolute deviation of all rows without their anomalies, which a
 * generalised ESD test finds (Rosner 1983; with median and MAD: Vallis, Hochenbaum, Kejariwal 2014). */
#include "shesd.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 1e300 /* scores stay below: many of them can be added up */

static const char *const direction_names[] = {"both", "positive", "negative"};

static const pyn_plugin_option options[] = {
    PYN_PLUGIN_OPTION_INT("time_column", "Column (from 0) with the time of a row; -1: rows have no time.", -1,
                          -1, INT32_MAX),
    PYN_PLUGIN_OPTION_DOUBLE("period", "How long a season is, in the unit of the time column.", 24.0, 1e-9,
                             1e300),
    PYN_PLUGIN_OPTION_INT("phases", "How many parts of a season have a median of their own.", 24, 1,
                          MOST_PHASES),
    PYN_PLUGIN_OPTION_DOUBLE("alpha", "The chance to find an anomaly in normally distributed values.", 0.05,
                             1e-12, 0.5),
    PYN_PLUGIN_OPTION_DOUBLE("max_anomalies", "At most this share of a column's values is anomalous.", 0.1,
                             0.0, 0.49),
    PYN_PLUGIN_OPTION_STRING("direction", "Which deviations count: both, or positive or negative ones alone.",
                             "both", direction_names, 3),
};
enum { TIME_COLUMN, PERIOD, PHASES, ALPHA, MAX_ANOMALIES, DIRECTION, OPTION_COUNT };

/* ---------------------------------------------------------------------------- instances -- */

int64_t phase_of(const shesd *model, double time) {
    if (model->phases == 1) return 0;
    double into = fmod(time, model->period);
    if (into < 0) into += model->period;
    const double phase = floor(into / model->period * (double)model->phases);
    return phase < (double)model->phases ? (int64_t)phase : model->phases - 1;
}

static pyn_status create(const pyn_plugin_class *class, pyn_plugin_call *call, const pyn_value *values,
                         int64_t count, void **instance) {
    const pyn_plugin_host *host = class->class_data;
    if (count != OPTION_COUNT)
        return host->fail(call, PYN_ERROR_INVALID_ARGUMENT, -1, -1,
                          "SHESD was given another number of options");
    shesd *model = host->allocate(host, sizeof *model);
    if (!model) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory for a SHESD detector");
    memset(model, 0, sizeof *model);
    model->host = host;
    model->time_column = values[TIME_COLUMN].int_value;
    model->period = values[PERIOD].double_value;
    model->phases = values[PHASES].int_value;
    model->alpha = values[ALPHA].double_value;
    model->most_anomalies = values[MAX_ANOMALIES].double_value;
    for (int i = 0; i < 3; i++)
        if (!strcmp(values[DIRECTION].string_value, direction_names[i])) model->direction = (enum direction)i;
    *instance = model;
    return PYN_OK;
}

static void destroy(void *instance) {
    shesd *model = instance;
    const pyn_plugin_host *host = model->host;
    host->release(host, model->profile); /* the others lie behind it */
    host->release(host, model);
}

pyn_status make_room(shesd *model, int64_t columns) {
    const int64_t each = model->phases + 3;
    if (columns > (INT64_MAX / 16) / each) return PYN_ERROR_OUT_OF_MEMORY;
    const size_t bytes = (size_t)(columns * each) * sizeof(double);
    model->profile = model->host->allocate(model->host, bytes);
    if (!model->profile) return PYN_ERROR_OUT_OF_MEMORY;
    memset(model->profile, 0, bytes);
    model->columns = columns;
    model->centre = model->profile + columns * model->phases;
    model->scale = model->centre + columns;
    model->critical = model->scale + columns;
    /* The time column is never looked at, but it is saved. */
    for (int64_t c = 0; c < columns; c++) model->scale[c] = model->critical[c] = 1;
    return PYN_OK;
}

/* ------------------------------------------------------------------------------- scores -- */

/* How far value x of column c lies from what its phase lets expect, as a share of the critical deviation. */
static double deviation(const shesd *m, int64_t c, int64_t phase, double x) {
    double d = x - m->profile[c * m->phases + phase] - m->centre[c];
    if (m->direction == BOTH) d = fabs(d);
    if (m->direction == NEGATIVE) d = -d;
    if (!(d > 0)) return 0;
    return fmin(fmin(d, DBL_MAX) / m->scale[c] / m->critical[c], LARGEST);
}

/* One of the two outputs is NULL. */
static void score_row(const shesd *m, const double *row, double *score, double *shares) {
    const int64_t phase = m->time_column < 0 ? 0 : phase_of(m, row[m->time_column]);
    double largest = 0;
    for (int64_t c = 0; c < m->columns; c++) {
        const double d = c == m->time_column ? 0 : deviation(m, c, phase, row[c]);
        if (shares) shares[c] = d;
        if (d > largest) largest = d;
    }
    if (score) *score = largest;
}

/* Rows that are doubles side by side are read where they are; others are copied, some at a time. */
static pyn_status visit(const shesd *m, pyn_plugin_call *call, const pyn_matrix *X, double *scores,
                        double *shares) {
    const pyn_plugin_host *host = m->host;
    const int in_place = X->dtype == PYN_FLOAT64 && X->column_stride == sizeof(double);
    const int64_t block = m->columns < 4096 ? 4096 / m->columns : 1;
    const int64_t blocks_between_words = 16;
    double *copy = NULL;
    if (!in_place) {
        copy = host->allocate(host, (size_t)(block * m->columns) * sizeof *copy);
        if (!copy) return host->fail(call, PYN_ERROR_OUT_OF_MEMORY, -1, -1, "no memory for some rows");
    }
    pyn_status status = PYN_OK;
    for (int64_t first = 0, number = 0; first < X->rows && status == PYN_OK; first += block, number++) {
        if (number % blocks_between_words == 0 && host->progress(call, (double)first / (double)X->rows)) {
            status = PYN_ERROR_CANCELLED;
            break;
        }
        const int64_t count = X->rows - first < block ? X->rows - first : block;
        if (copy) status = host->read_rows(X, first, count, copy);
        for (int64_t i = 0; i < count && status == PYN_OK; i++) {
            const int64_t r = first + i;
            const double *row = copy ? copy + i * m->columns
                                     : (const double *)(const void *)((const char *)X->data + r * X->row_stride);
            score_row(m, row, scores ? scores + r : NULL, shares ? shares + r * m->columns : NULL);
        }
    }
    host->release(host, copy);
    return status;
}

static pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    return visit(instance, call, X, scores, NULL);
}

static pyn_status explain(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *shares) {
    return visit(instance, call, X, NULL, shares);
}

static pyn_status threshold(const void *instance, pyn_plugin_call *call, double *value) {
    (void)instance, (void)call;
    *value = 1; /* scores are shares of the critical deviation */
    return PYN_OK;
}

static pyn_status fitted(const void *instance, int64_t index, const char **name, double *value) {
    const shesd *m = instance;
    if (index == 0) *name = "anomalies", *value = (double)m->anomalies;
    else if (index == 1) *name = "phases", *value = (double)m->phases;
    else return PYN_ERROR_NOT_SUPPORTED;
    return PYN_OK;
}

/* -------------------------------------------------------------------------- model bytes -- */

/* Numbers in this order, little-endian; then profile, centres, scales and critical deviations. */
typedef struct {
    int64_t columns, phases, time_column, direction, anomalies;
    double period;
} head;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the model would have to be turned round"
#endif

static pyn_status save(const void *instance, pyn_plugin_call *call) {
    const shesd *m = instance;
    const head h = {m->columns, m->phases, m->time_column, m->direction, m->anomalies, m->period};
    const pyn_status status = m->host->write(call, &h, sizeof h);
    if (status != PYN_OK) return status;
    return m->host->write(call, m->profile, (size_t)(m->columns * (m->phases + 3)) * sizeof(double));
}

static const char *wrong_with(const head *h, int64_t features, size_t size) {
    if (h->columns != features) return "the model has another number of columns than the file says";
    if (h->phases < 1 || h->phases > MOST_PHASES) return "the model's phases are out of range";
    if (h->time_column < -1 || h->time_column >= h->columns)
        return "the model's time column is not one of its columns";
    if (h->time_column < 0 && h->phases != 1) return "the model has phases, but no time column";
    if (h->direction < BOTH || h->direction > NEGATIVE) return "the model has no direction";
    if (h->anomalies < 0) return "the model has less than no anomalies";
    if (!(h->period > 0) || !isfinite(h->period)) return "the model's period is out of range";
    const size_t each = ((size_t)h->phases + 3) * sizeof(double), rest = size - sizeof *h;
    if (rest % each != 0 || rest / each != (size_t)h->columns) return "the model is cut short, or too long";
    return NULL;
}

static pyn_status load(const pyn_plugin_class *class, pyn_plugin_call *call, const pyn_value *values,
                       int64_t count, int64_t features, const void *data, size_t size, void **instance) {
    const pyn_plugin_host *host = class->class_data;
    head h;
    if (size < sizeof h) return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "the model is cut short");
    memcpy(&h, data, sizeof h);
    const char *wrong = wrong_with(&h, features, size);
    if (wrong) return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, wrong);

    void *made = NULL;
    pyn_status status = create(class, call, values, count, &made);
    if (status != PYN_OK) return status;
    shesd *m = made;
    m->phases = h.phases;
    m->time_column = h.time_column;
    m->direction = (enum direction)h.direction;
    m->anomalies = h.anomalies;
    m->period = h.period;
    status = make_room(m, h.columns);
    if (status != PYN_OK) {
        destroy(m);
        return host->fail(call, status, -1, -1, "no memory for the model");
    }
    memcpy(m->profile, (const char *)data + sizeof h, size - sizeof h);
    const double *end = m->critical + m->columns;
    for (const double *x = m->profile; x < end; x++)
        if (!isfinite(*x) || (x >= m->scale && !(*x > 0))) wrong = "the model holds a number out of range";
    if (wrong) {
        destroy(m);
        return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, wrong);
    }
    *instance = m;
    return PYN_OK;
}

/* ------------------------------------------------------------------------------- tables -- */

static const pyn_plugin_class the_class = {
    .struct_size = sizeof(pyn_plugin_class),
    .name = "SHESD",
    .version = "1.0.0",
    .description =
        "Seasonal hybrid ESD: how far is a value from the median of its hour, in robust deviations?",
    .reference = "Vallis, Hochenbaum, Kejariwal (2014), HotCloud; Rosner (1983), Technometrics 25, 165-172",
    .capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE,
    .options = options,
    .option_count = OPTION_COUNT,
    .create = create,
    .fit = shesd_fit,
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
        .name = "shesd",
        .version = "1.0.0",
        .description = "Seasonal hybrid ESD for rows with a time.",
        .author = "The Pynomaly authors",
        .licence = "Apache-2.0",
        .classes = own->list,
        .class_count = 1,
    };
    return PYN_OK;
}
