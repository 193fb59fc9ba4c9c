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
