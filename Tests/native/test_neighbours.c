// KNN and LocalOutlierFactor: training scores, what they refuse, cancelling, degenerate data.
#include "support/support.h"

#include <math.h>

static const char *const names[] = {"KNN", "LocalOutlierFactor"};
static double *x;
static pyn_matrix X;
static int64_t rows;
enum { COLUMNS = 5 };

static pyn_detector *make(const char *name) {
    pyn_detector *detector = NULL;
    OK(pyn_detector_create(name, &detector, &error));
    return detector;
}

static pyn_detector *fit(const char *name, const pyn_matrix *data) {
    pyn_detector *detector = make(name);
    OK(pyn_detector_fit(detector, data, NULL, &error));
    return detector;
}

static void training_scores_are_kept(void **state) {
    (void)state;
    double *kept = malloc((size_t)rows * sizeof *kept), *again = malloc((size_t)rows * sizeof *again);
    for (int n = 0; n < COUNT(names); n++) {
        pyn_detector *detector = make(names[n]);
        STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_get_training_scores(detector, kept, rows, &error));
        OK(pyn_detector_fit(detector, &X, NULL, &error));
        double count = 0;
        OK(pyn_detector_get_fitted(detector, "n_samples", &count, &error));
        assert_true(count == (double)rows);
        STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_get_training_scores(detector, kept, rows - 1, &error));
        STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_detector_get_training_scores(detector, NULL, rows, &error));
        STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_detector_get_training_scores(NULL, kept, rows, &error));
        OK(pyn_detector_get_training_scores(detector, kept, rows, &error));
        OK(pyn_detector_score(detector, &X, NULL, again, rows, &error));
        assert_memory_equal(kept, again, (size_t)rows * sizeof *kept);

        size_t size = 0;
        uint8_t *bytes = saved_bytes(detector, &size);
        pyn_detector *loaded = NULL;
        OK(pyn_detector_load_memory(bytes, size, &loaded, &error));
        OK(pyn_detector_get_training_scores(loaded, again, rows, &error));
        assert_memory_equal(kept, again, (size_t)rows * sizeof *kept);
        free(bytes);
        pyn_detector_free(loaded);
        pyn_detector_free(detector);
    }
    pyn_detector *forest = fit_forest(5, 16, &X);
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_detector_get_training_scores(forest, kept, rows, &error));
    pyn_detector_free(forest);
    free(kept), free(again);
}

static void outliers_score_higher(void **state) {
    (void)state;
    double *scores = malloc((size_t)rows * sizeof *scores), auc = 0;
    int32_t *truth = malloc((size_t)rows * sizeof *truth);
    for (int64_t r = 0; r < rows; r++) truth[r] = r % 50 == 49;
    for (int n = 0; n < COUNT(names); n++) {
        pyn_detector *detector = make(names[n]);
        OK(pyn_detector_set_int(detector, "n_neighbors", rows / 10, &error));
        OK(pyn_detector_fit(detector, &X, NULL, &error));
        OK(pyn_detector_score(detector, &X, NULL, scores, rows, &error));
        OK(pyn_roc_auc(scores, truth, rows, &auc, &error));
        assert_true(auc > 0.99);
        pyn_detector_free(detector);
    }
    free(scores), free(truth);
}

// Both element types and all strides hold the same numbers, and give the same scores.
static void layouts_change_nothing(void **state) {
    (void)state;
    float *single = malloc((size_t)(rows * COLUMNS) * sizeof *single);
    double *turned = malloc((size_t)(rows * COLUMNS) * sizeof *turned);
    double *expected = malloc((size_t)rows * sizeof *expected), *found = malloc((size_t)rows * sizeof *found);
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < COLUMNS; c++) {
            single[r * COLUMNS + c] = (float)x[r * COLUMNS + c];
            turned[c * rows + r] = x[r * COLUMNS + c];
        }
    pyn_matrix columns_first = PYN_MATRIX_F64(turned, rows, COLUMNS);
    columns_first.row_stride = sizeof(double), columns_first.column_stride = rows * (int64_t)sizeof(double);
    const pyn_matrix singles = PYN_MATRIX_F32(single, rows, COLUMNS);
    const pyn_matrix *const layouts[] = {&singles, &columns_first};
    for (int n = 0; n < COUNT(names); n++) {
        pyn_detector *detector = fit(names[n], &X);
        OK(pyn_detector_score(detector, &X, NULL, expected, rows, &error));
        for (int l = 0; l < COUNT(layouts); l++) {
            pyn_detector *other = fit(names[n], layouts[l]);
            OK(pyn_detector_score(other, layouts[l], NULL, found, rows, &error));
            assert_memory_equal(found, expected, (size_t)rows * sizeof *found);
            pyn_detector_free(other);
        }
        pyn_detector_free(detector);
    }
    free(single), free(turned), free(expected), free(found);
}

static void bad_values_are_named(void **state) {
    (void)state;
    double values[] = {1, 2, 3, 4, 5, NAN}, scores[3];
    const pyn_matrix bad = PYN_MATRIX_F64(values, 3, 2);
    for (int n = 0; n < COUNT(names); n++) {
        pyn_detector *detector = make(names[n]);
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(detector, &bad, NULL, &error));
        assert_true(error.row == 2 && error.column == 1);
        const pyn_matrix one = PYN_MATRIX_F64(values, 1, 2);
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(detector, &one, NULL, &error));
        assert_message_has("2 rows");
        values[5] = 6;
        OK(pyn_detector_fit(detector, &bad, NULL, &error));
        values[5] = -INFINITY;
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score(detector, &bad, NULL, scores, 3, &error));
        assert_true(error.row == 2 && error.column == 1);
        values[5] = NAN;
        pyn_detector_free(detector);
    }
}

static int32_t stop(double fraction, const char *stage, void *context) {
    (void)fraction, (void)stage;
    ++*(int *)context;
    return 1;
}

static void cancelling_changes_nothing(void **state) {
    (void)state;
    double *scores = malloc((size_t)rows * sizeof *scores);
    int calls = 0;
    pyn_call call = PYN_CALL_INIT;
    call.progress = stop;
    call.progress_context = &calls;
    for (int n = 0; n < COUNT(names); n++) {
        pyn_detector *detector = make(names[n]);
        STATUS(PYN_ERROR_CANCELLED, pyn_detector_fit(detector, &X, &call, &error));
        assert_int_equal(pyn_detector_is_fitted(detector), 0);
        OK(pyn_detector_fit(detector, &X, NULL, &error));
        STATUS(PYN_ERROR_CANCELLED, pyn_detector_score(detector, &X, &call, scores, rows, &error));
        pyn_detector_free(detector);
    }
    assert_true(calls >= 4);
    free(scores);
}

static void a_stream_of_equal_rows(void **state) {
    (void)state;
    const int64_t many = 20 * rows;
    double *same = malloc((size_t)(many * 2) * sizeof *same), *scores = malloc((size_t)many * sizeof *scores);
    for (int64_t i = 0; i < many * 2; i++) same[i] = 0.25;
    const pyn_matrix data = PYN_MATRIX_F64(same, many, 2);
    for (int n = 0; n < COUNT(names); n++) {
        pyn_detector *detector = fit(names[n], &data);
        OK(pyn_detector_score(detector, &data, NULL, scores, many, &error));
        for (int64_t r = 0; r < many; r++) assert_true(scores[r] == n);
        pyn_detector_free(detector);
    }
    free(same), free(scores);
}

static int set_up(void **state) {
    (void)state;
    rows = environment_number("PYN_TEST_ROWS", 3000);
    x = make_rows(rows, COLUMNS, 3);
    X = (pyn_matrix)PYN_MATRIX_F64(x, rows, COLUMNS);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    free(x);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_scores_are_kept), cmocka_unit_test(outliers_score_higher),
        cmocka_unit_test(layouts_change_nothing),   cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(cancelling_changes_nothing), cmocka_unit_test(a_stream_of_equal_rows),
    };
    return cmocka_run_group_tests_name("neighbours", tests, set_up, tear_down);
}
