/*
 * How long pyn_detector_score takes for one row.
 *
 *    one_row rows.bin ROWS COLUMNS WINDOWS MILLISECONDS
 *
 * rows.bin has ROWS x COLUMNS doubles, row by row. A forest is fitted on them; then 256 of the rows are
 * scored one by one, again and again. Prints the seconds of a call, one line a window, each window
 * lasting at least MILLISECONDS.
 */
#define _POSIX_C_SOURCE 199309L
#include <pynomaly.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SOME = 256 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void stop(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static double *read_rows(const char *path, size_t count) {
    double *values = malloc(count * sizeof *values);
    FILE *file = fopen(path, "rb");
    if (!values || !file || fread(values, sizeof *values, count, file) != count)
        stop("the rows cannot be read");
    fclose(file);
    return values;
}

int main(int argc, char **argv) {
    if (argc != 6) stop("usage: one_row rows.bin ROWS COLUMNS WINDOWS MILLISECONDS");
    long rows = atol(argv[2]), columns = atol(argv[3]), windows = atol(argv[4]);
    double shortest = atof(argv[5]) * 1e-3;
    if (rows < 1 || columns < 1) stop("there must be rows and columns");
    double *values = read_rows(argv[1], (size_t)(rows * columns));

    pyn_error error = PYN_ERROR_INIT;
    pyn_detector *forest = NULL;
    pyn_matrix all = PYN_MATRIX_F64(values, rows, columns);
    if (pyn_detector_create("IsolationForest", &forest, &error) ||
        pyn_detector_set_int(forest, "random_state", 0, &error) ||
        pyn_detector_fit(forest, &all, NULL, &error))
        stop(error.message);

    double scores[SOME];
    for (long window = -1; window < windows; window++) { /* the first one warms up */
        long calls = 0;
        double start = now(), elapsed = 0;
        while (elapsed < shortest) {
            for (long i = 0; i < SOME; i++) {
                const double *row = values + i * rows / SOME * columns;
                pyn_matrix one = PYN_MATRIX_F64(row, 1, columns);
                if (pyn_detector_score(forest, &one, NULL, scores + i, 1, &error)) stop(error.message);
            }
            calls += SOME;
            elapsed = now() - start;
        }
        if (window >= 0) printf("%.9e\n", elapsed / (double)calls);
    }
    pyn_detector_free(forest);
    free(values);
}
