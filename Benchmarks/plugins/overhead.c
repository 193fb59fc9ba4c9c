/*
 * What it costs to call a detector through the plugin contract.
 *
 *    overhead PLUGIN.so COPY.so DETECTOR COLUMNS ROWS WINDOWS
 *
 * The same code scores the same rows twice: called directly, as if it were built in (COPY.so is a copy of the
 * file, loaded here without libpynomaly), and through pyn_detector_score. Windows alternate in random order.
 * Both look whether every value is finite, as built-in detectors must; the library also looks at the scores. Prints, for ROWS rows in one call on one thread, the time of both and the median and the minimum of
 * the ratios; for one row a call, the nanoseconds of both and the median of the differences.
 */
#include "host.h"

#include <pynomaly.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pyn_plugin_class *class_of(const char *path, const char *name) {
    static pyn_plugin plugin;
    plugin_ask(plugin_open(path), &the_host, &plugin);
    for (int64_t i = 0; i < plugin.class_count; i++)
        if (strcmp(plugin.classes[i]->name, name) == 0) return plugin.classes[i];
    die("%s has no detector %s", path, name);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static const pyn_plugin_class *direct_class;
static void *direct_instance;
static pyn_plugin_call direct_call;
static pyn_detector *through;
static pyn_call one_thread = PYN_CALL_INIT;

/* What every built-in detector does first, since values that are not finite are refused. */
static int all_finite(const double *values, int64_t count) {
    double zero[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++) zero[k] += values[i + k] * 0;
    for (; i < count; i++) zero[0] += values[i] * 0;
    return zero[0] + zero[1] + zero[2] + zero[3] + zero[4] + zero[5] + zero[6] + zero[7] == 0;
}

static double direct(const pyn_matrix *X, double *scores, int64_t calls) {
    const double start = now();
    for (int64_t i = 0; i < calls; i++)
        if (!all_finite(X->data, X->rows * X->columns) || direct_class->score(direct_instance, &direct_call, X, scores)) die("score: %s", direct_call.message);
    return (now() - start) / (double)calls;
}

static double through_library(const pyn_matrix *X, double *scores, int64_t calls) {
    pyn_error error = PYN_ERROR_INIT;
    const double start = now();
    for (int64_t i = 0; i < calls; i++)
        if (pyn_detector_score(through, X, &one_thread, scores, X->rows, &error)) die("%s", error.message);
    return (now() - start) / (double)calls;
}

int main(int argc, char **argv) {
    if (argc != 7) die("usage: overhead PLUGIN.so COPY.so DETECTOR COLUMNS ROWS WINDOWS");
    const int64_t columns = atoll(argv[4]), rows = atoll(argv[5]);
    const int windows = atoi(argv[6]);
    if (columns < 1 || rows < 4000 || windows < 1) die("at least 1 column, 4000 rows and 1 window");
    double *x = malloc((size_t)(rows * columns) * sizeof *x);
    double *scores = malloc((size_t)rows * 2 * sizeof *scores);
    uint64_t state = 1;
    for (int64_t i = 0; i < rows * columns; i++) x[i] = (double)(next_random(&state) >> 11) * 0x1p-53;
    const pyn_matrix X = dense(x, rows, columns), training = dense(x, 4000, columns), one = dense(x, 1, columns);

    pyn_error error = PYN_ERROR_INIT;
    pyn_set_thread_limit(1);
    one_thread.threads = 1;
    if (pyn_plugin_load(argv[1], NULL, &error) || pyn_detector_create(argv[3], &through, &error) ||
        pyn_detector_fit(through, &training, NULL, &error))
        die("%s", error.message);
    direct_class = class_of(argv[2], argv[3]);
    const detector options = detector_of(direct_class);
    call_start(&direct_call, 1, -1);
    if (do_fit(&options, &direct_call, &training, &direct_instance)) die("fit failed: %s", direct_call.message);

    double ratios[windows], differences[windows], best[2] = {1e300, 1e300}, best_one[2] = {1e300, 1e300};
    const int64_t calls = 20000;
    for (int window = -1; window < windows; window++) { /* the first one warms up */
        const int order = (int)(next_random(&state) >> 63);
        double all[2], single[2];
        for (int turn = 0; turn < 2; turn++) {
            const int which = turn ^ order;
            all[which] = which ? through_library(&X, scores + rows, 1) : direct(&X, scores, 1);
        }
        for (int turn = 0; turn < 2; turn++) {
            const int which = turn ^ order;
            single[which] = which ? through_library(&one, scores, calls) : direct(&one, scores, calls);
        }
        if (window < 0) continue;
        ratios[window] = all[1] / all[0];
        differences[window] = single[1] - single[0];
        for (int k = 0; k < 2; k++) {
            if (all[k] < best[k]) best[k] = all[k];
            if (single[k] < best_one[k]) best_one[k] = single[k];
        }
    }
    printf("%s: %lld rows x %lld: direct %.1f ms, through the library %.1f ms (best of %d windows), ratio of the"
           " best %.4f, median of the ratios %.4f\n", argv[3], (long long)rows, (long long)columns, best[0] * 1e3,
           best[1] * 1e3, windows, best[1] / best[0], median(ratios, windows));
    printf("%s: one row: direct %.0f ns, through the library %.0f ns (best), difference of the best %.0f ns, median of"
           " the differences %.0f ns\n", argv[3], best_one[0] * 1e9, best_one[1] * 1e9,
           (best_one[1] - best_one[0]) * 1e9, median(differences, windows) * 1e9);
    return 0;
}
