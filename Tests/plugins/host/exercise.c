/* Put every detector of a plugin through what the contract asks, in the small host.
 *
 *    exercise PLUGIN.so [OPTION=VALUE...]     exit status 1 and words at the first thing that is wrong
 *
 * Run it plain, under valgrind, and with everything built with sanitizers: Tests/plugins/host/run does. */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const detector *tested;

static double *data(int kind, int64_t rows, int64_t columns) {
    double *X = malloc((size_t)(rows * columns) * sizeof *X);
    uint64_t state = (uint64_t)kind * 77 + 5;
    if (!X) die("no memory");
    for (int64_t i = 0; i < rows * columns; i++) {
        double x = 0;
        for (int k = 0; k < 6; k++) x += (double)(next_random(&state) >> 11) * 0x1p-53 - 0.5;
        if (kind == 1) x = rint(x);                  /* many equal rows */
        if (kind == 2 && i % columns == 0) x = 7;    /* a constant column */
        if (kind == 3) x = 1e300 * x;                /* squares overflow */
        X[i] = kind == 3 ? x : (double)(float)x;
    }
    if (kind == 0)
        for (int64_t c = 0; c < columns; c++) X[(rows - 1) * columns + c] = 9; /* one outlier */
    return X;
}

static void score(const void *instance, const pyn_matrix *X, double *scores, const char *what) {
    pyn_plugin_call call;
    call_start(&call, 1, -1);
    const pyn_status status = tested->class->score(instance, &call, X, scores);
    if (status != PYN_OK) die("%s: score: %s", what, call.message);
    for (int64_t i = 0; i < X->rows; i++)
        if (!isfinite(scores[i])) die("%s: score of row %lld is not finite", what, (long long)i);
}

static void fit(const pyn_matrix *X, int32_t threads, void **instance, const char *what) {
    pyn_plugin_call call;
    call_start(&call, threads, -1);
    if (do_fit(tested, &call, X, instance) != PYN_OK) die("%s: fit: %s", what, call.message);
}

static void same_bytes(const void *a, const void *b, size_t size, const char *what) {
    if (size && memcmp(a, b, size)) die("%s differ", what);
}

/* Fit, score in every layout, explain, save, load: the same everywhere. */
static void round_trip(int kind, int64_t rows, int64_t columns) {
    char what[80];
    snprintf(what, sizeof what, "%s, data %d of %lld x %lld", tested->class->name, kind, (long long)rows,
             (long long)columns);
    const pyn_plugin_class *c = tested->class;
    double *values = data(kind, rows, columns);
    pyn_matrix X = dense(values, rows, columns);
    const size_t size = (size_t)rows * sizeof(double);
    double *first = malloc(size), *second = malloc(size), *shares = malloc(size * (size_t)columns);
    float *single = malloc((size_t)(rows * columns) * sizeof *single);
    void *instance = NULL, *other = NULL;
    bytes model = {0}, again = {0};
    if (!first || !second || !shares || !single) die("no memory");

    pyn_plugin_call call;
    call_start(&call, 1, -1);
    const pyn_status status = do_fit(tested, &call, &X, &instance);
    if (columns == 1 && (status == PYN_ERROR_INVALID_DATA || status == PYN_ERROR_INVALID_OPTION)) {
        free(values), free(first), free(second), free(shares), free(single);
        return; /* some options need more columns than one */
    }
    if (status != PYN_OK) die("%s: fit: %s", what, call.message);
    score(instance, &X, first, what);
    int64_t above = 0;
    for (int64_t i = 0; i + 1 < rows; i++) above += first[i] > first[rows - 1];
    if (kind == 0 && rows > 100 && above > rows / 20)
        die("%s: %lld rows are more anomalous than the outlier", what, (long long)above);
    if (do_save(c, instance, &model) != PYN_OK) die("%s: save", what);
    for (int32_t threads = 2; threads <= 5; threads += 3) {
        fit(&X, threads, &other, what);
        if (do_save(c, other, &again) != PYN_OK) die("%s: save", what);
        if (again.size != model.size) die("%s: models of one and several threads differ in size", what);
        same_bytes(model.data, again.data, model.size, "models of one and several threads");
        c->destroy(other);
    }

    if (kind != 3) { /* single precision, column by column, from the last row to the first */
        for (int64_t r = 0; r < rows; r++)
            for (int64_t k = 0; k < columns; k++)
                single[k * rows + rows - 1 - r] = (float)values[r * columns + k];
        const pyn_matrix F = {sizeof F, single + rows - 1, PYN_FLOAT32, 0, rows, columns, -4, 4 * rows};
        score(instance, &F, second, what);
        same_bytes(first, second, size, "scores of doubles and of reversed floats");
        fit(&F, 3, &other, what);
        if (do_save(c, other, &again) != PYN_OK) die("%s: save", what);
        if (again.size != model.size) die("%s: models of doubles and floats differ in size", what);
        same_bytes(model.data, again.data, model.size, "models of doubles and floats");
        c->destroy(other);
    }
    for (int64_t r = 0; r < rows; r++) { /* a row at a time */
        const pyn_matrix one = dense(values + r * columns, 1, columns);
        score(instance, &one, second + r, what);
    }
    same_bytes(first, second, size, "scores of all rows at once and one by one");

    if (c->explain) {
        call_start(&call, 1, -1);
        if (c->explain(instance, &call, &X, shares) != PYN_OK) die("%s: explain: %s", what, call.message);
        for (int64_t i = 0; i < rows * columns; i++)
            if (!isfinite(shares[i]) || shares[i] < 0)
                die("%s: share %lld is %g", what, (long long)i, shares[i]);
    }
    if (c->threshold) {
        double threshold = NAN;
        call_start(&call, 1, -1);
        if (c->threshold(instance, &call, &threshold) != PYN_OK || !isfinite(threshold))
            die("%s: threshold", what);
    }
    const char *name = NULL;
    double value = NAN;
    int64_t count = 0;
    while (c->fitted && c->fitted(instance, count, &name, &value) == PYN_OK) {
        if (!name || !isfinite(value) || count++ > 100) die("%s: fitted number %lld", what, (long long)count);
    }

    if (do_load(tested, &model, columns, &other) != PYN_OK) die("%s: load", what);
    score(other, &X, second, what);
    same_bytes(first, second, size, "scores before and after saving");
    if (do_save(c, other, &again) != PYN_OK || again.size != model.size) die("%s: save", what);
    same_bytes(model.data, again.data, model.size, "models before and after loading");
    c->destroy(other);
    c->destroy(instance);
    free(values), free(first), free(second), free(shares), free(single), free(model.data), free(again.data);
}

/* Damaged models are refused, or score without harm. */
static void damaged_models(void) {
    const int64_t rows = 60, columns = 3;
    double *values = data(0, rows, columns), scores[60], shares[180];
    const pyn_matrix X = dense(values, rows, columns);
    void *instance = NULL;
    bytes model = {0};
    fit(&X, 1, &instance, "before damage");
    if (do_save(tested->class, instance, &model) != PYN_OK) die("save");
    tested->class->destroy(instance);
    int64_t accepted = 0, tried = 0;
    const size_t whole = model.size, step = whole / 400 + 1;
    for (size_t size = 0; size < whole; size += size < 200 ? 1 : step) {
        model.size = size;
        if (do_load(tested, &model, columns, &instance) != PYN_ERROR_MODEL_FORMAT)
            die("a model cut to %zu of %zu bytes is not refused as MODEL_FORMAT", size, whole);
    }
    model.size = whole;
    for (int64_t features = 1; features < 6; features++)
        if (features != columns && do_load(tested, &model, features, &instance) != PYN_ERROR_MODEL_FORMAT)
            die("a model of %lld columns is taken for one of %lld", (long long)columns, (long long)features);
    uint64_t state = 1;
    for (size_t at = 0; at < whole; at += at < 200 ? 1 : 1 + next_random(&state) % (2 * step)) {
        static const unsigned char flips[] = {0x01, 0x80, 0xff, 0x40};
        for (size_t f = 0; f < sizeof flips; f++) {
            const unsigned char before = model.data[at];
            model.data[at] ^= flips[f];
            const pyn_status status = do_load(tested, &model, columns, &instance);
            model.data[at] = before;
            tried++;
            if (status == PYN_OK) {
                accepted++;
                pyn_plugin_call call;
                call_start(&call, 1, -1);
                score(instance, &X, scores, "damaged model");
                if (tested->class->explain) (void)tested->class->explain(instance, &call, &X, shares);
                tested->class->destroy(instance);
            } else if (status != PYN_ERROR_MODEL_FORMAT) {
                die("a damaged model gives status %d", (int)status);
            }
        }
    }
    printf("  %s: %lld damaged models, %lld of them still models\n", tested->class->name, (long long)tried,
           (long long)accepted);
    free(values), free(model.data);
}

/* Whenever the user stops it, it stops, and leaves nothing behind. */
static void cancelling(int64_t rows) {
    const int64_t columns = 5;
    double *values = data(0, rows, columns), *scores = malloc((size_t)rows * sizeof *scores);
    const pyn_matrix X = dense(values, rows, columns);
    void *instance = NULL;
    pyn_plugin_call call;
    if (!scores) die("no memory");
    int64_t stops = 0;
    for (int64_t at = 0;; at = at < 20 ? at + 1 : at * 2) {
        call_start(&call, 2, at);
        const pyn_status status = do_fit(tested, &call, &X, &instance);
        if (status == PYN_OK) break;
        if (status != PYN_ERROR_CANCELLED) die("cancelled fit says %d: %s", (int)status, call.message);
        stops++;
    }
    call_start(&call, 1, 0);
    if (tested->class->score(instance, &call, &X, scores) != PYN_ERROR_CANCELLED)
        die("score cannot be cancelled");
    tested->class->destroy(instance);
    call_start(&call, 2, -1);
    const double start = now();
    if (do_fit(tested, &call, &X, &instance) != PYN_OK) die("fit: %s", call.message);
    printf("  %s: %lld x %lld: fit %.0f ms, stopped at %lld places, longest silence %.1f ms;",
           tested->class->name, (long long)rows, (long long)columns, 1e3 * (now() - start), (long long)stops,
           1e3 * call.longest_silence);
    call_start(&call, 1, -1);
    const double middle = now();
    if (tested->class->score(instance, &call, &X, scores) != PYN_OK) die("score: %s", call.message);
    printf(" score %.0f ms, %.1f ms\n", 1e3 * (now() - middle), 1e3 * call.longest_silence);
    tested->class->destroy(instance);
    free(values), free(scores);
}

/* Without memory at the n-th time of asking: OUT_OF_MEMORY, and nothing kept. */
static void without_memory(void) {
    const int64_t rows = 300, columns = 4;
    double *values = data(0, rows, columns), scores[300], shares[1200];
    const pyn_matrix X = dense(values, rows, columns);
    int64_t n = 0;
    for (;; n++) {
        void *instance = NULL;
        pyn_plugin_call call;
        call_start(&call, 2, -1);
        allocations_left = n;
        pyn_status status = do_fit(tested, &call, &X, &instance);
        if (status == PYN_OK) status = tested->class->score(instance, &call, &X, scores);
        if (status == PYN_OK && tested->class->explain)
            status = tested->class->explain(instance, &call, &X, shares);
        const int ran_out = allocations_left == 0;
        allocations_left = -1;
        if (instance) tested->class->destroy(instance);
        if (status != PYN_OK && status != PYN_ERROR_OUT_OF_MEMORY)
            die("without memory: status %d: %s", (int)status, call.message);
        if (blocks_out != 0) die("%lld blocks of memory were not given back", (long long)blocks_out);
        if (status == PYN_OK && !ran_out) break;
        if (n > 10000) die("no end of allocations");
    }
    printf("  %s: memory refused at %lld places\n", tested->class->name, (long long)n);
    free(values);
}

int main(int count, char **arguments) {
    if (count < 2) die("usage: exercise PLUGIN.so [OPTION=VALUE...]");
    const pyn_plugin_init_function init = plugin_open(arguments[1]);
    pyn_plugin plugin, again, other;
    for (int32_t abi = 0; abi <= 7; abi += 7) {
        memset(&plugin, 0, sizeof plugin);
        plugin.struct_size = sizeof plugin;
        if (init(&the_host, abi, &plugin) != PYN_ERROR_NOT_SUPPORTED || plugin.abi_minimum != 1 ||
            plugin.abi_maximum != 1)
            die("asked for version %d, the plugin does not say that it has 1", (int)abi);
    }
    plugin_ask(init, &the_host, &plugin);
    plugin_ask(init, &forbidden_host, &other);
    plugin_ask(init, &the_host, &again);
    if (strcmp(plugin.name, again.name) || plugin.class_count != again.class_count ||
        plugin.class_count != other.class_count)
        die("init answers differently the second time");

    for (int64_t i = 0; i < plugin.class_count; i++) {
        detector d = detector_of(plugin.classes[i]);
        for (int a = 2; a < count; a++) {
            char *equals = strchr(arguments[a], '=');
            if (!equals) die("%s is no OPTION=VALUE", arguments[a]);
            *equals = 0;
            if (!set_option(&d, arguments[a], equals + 1)) die("no option %s", arguments[a]);
            *equals = '=';
        }
        tested = &d;
        for (int kind = 0; kind <= 3; kind++) {
            round_trip(kind, 700, 4);
            round_trip(kind, 257, 3);
            round_trip(kind, 1, 3);
            round_trip(kind, 2, 1);
            round_trip(kind, 5, 1);
            round_trip(kind, 12, 40);
        }
        damaged_models();
        without_memory();
        const char *rows = getenv("EXERCISE_ROWS");
        cancelling(rows ? atoll(rows) : 20000);
        if (blocks_out != 0) die("%lld blocks of memory were not given back", (long long)blocks_out);
        printf("  %s: all is as it should be\n", d.class->name);
    }
    return 0;
}
