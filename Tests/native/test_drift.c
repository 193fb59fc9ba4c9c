// Drift of streams (section 18).
#include "support/support.h"

#include <math.h>

enum { ROWS = 600, COLUMNS = 3 };

static pyn_drift *begin(const double *x, int64_t window, int64_t step) {
    const pyn_matrix X = PYN_MATRIX_F64(x, ROWS, COLUMNS);
    pyn_drift_options options = PYN_DRIFT_OPTIONS_INIT;
    options.window = window, options.step = step;
    pyn_drift *drift = NULL;
    OK(pyn_drift_create(&X, NULL, 0, &options, &drift, &error));
    return drift;
}

static pyn_drift_report report_of(const pyn_drift *drift) {
    pyn_drift_report report = PYN_DRIFT_REPORT_INIT;
    OK(pyn_drift_get_report(drift, &report, &error));
    return report;
}

static void a_drift_is_seen(void **state) {
    (void)state;
    double *x = make_rows(ROWS, COLUMNS, 1), *y = make_rows(ROWS, COLUMNS, 2);
    pyn_drift *drift = begin(x, 200, 0);
    const pyn_matrix Y = PYN_MATRIX_F64(y, ROWS, COLUMNS);
    OK(pyn_drift_update(drift, &Y, NULL, 0, NULL, &error));
    pyn_drift_report report = report_of(drift);
    assert_int_equal(report.rows, ROWS);
    assert_int_equal(report.looks, 3);
    assert_int_equal(report.first_drift, 0);
    assert_int_equal(report.feature_count, COLUMNS);
    assert_int_equal(report.reference_row_count, ROWS);
    assert_true(fabs(report.level - 0.05 / 12) < 1e-15);
    for (int i = 0; i < ROWS; i++) y[i * COLUMNS + 1] += 0.3;
    OK(pyn_drift_update(drift, &Y, NULL, 0, NULL, &error));
    report = report_of(drift);
    assert_int_equal(report.first_drift, ROWS + 200);
    assert_int_equal(report.drifted_count, 1);
    for (int64_t column = 0; column < COLUMNS; column++) {
        pyn_drift_feature feature = PYN_DRIFT_FEATURE_INIT;
        OK(pyn_drift_get_feature(drift, column, &feature, &error));
        assert_int_equal(feature.drifted, column == 1);
        assert_int_equal(feature.first_drift, column == 1 ? ROWS + 200 : 0);
        assert_true(feature.adjusted_p_value >= feature.p_value && feature.psi >= 0);
        assert_true((feature.adjusted_p_value <= report.level) == (column == 1));
    }
    pyn_drift_feature feature = PYN_DRIFT_FEATURE_INIT;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_drift_get_feature(drift, COLUMNS, &feature, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_drift_get_feature(drift, -1, &feature, &error));
    pyn_drift_free(drift);
    free(x), free(y);
}

static int32_t stop(double fraction, const char *stage, void *context) {
    (void)fraction, (void)stage;
    ++*(int *)context;
    return 1;
}

static void a_failed_update_takes_nothing(void **state) {
    (void)state;
    double *x = make_rows(ROWS, COLUMNS, 1);
    pyn_drift *drift = begin(x, 100, 30);
    pyn_matrix X = PYN_MATRIX_F64(x, ROWS, COLUMNS);
    int calls = 0;
    pyn_call call = PYN_CALL_INIT;
    call.progress = stop, call.progress_context = &calls;
    STATUS(PYN_ERROR_CANCELLED, pyn_drift_update(drift, &X, NULL, 0, &call, &error));
    assert_true(calls > 0);
    assert_int_equal(report_of(drift).rows, 0);
    assert_int_equal(report_of(drift).looks, 0);
    const double kept = x[ROWS * COLUMNS - 1];
    x[ROWS * COLUMNS - 1] = NAN;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_drift_update(drift, &X, NULL, 0, NULL, &error));
    assert_int_equal(error.row, ROWS - 1);
    assert_int_equal(error.column, COLUMNS - 1);
    x[ROWS * COLUMNS - 1] = kept;
    X.columns = 2;
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_drift_update(drift, &X, NULL, 0, NULL, &error));
    X.columns = COLUMNS;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_drift_update(drift, &X, x, ROWS, NULL, &error));
    assert_int_equal(report_of(drift).rows, 0);
    OK(pyn_drift_update(drift, &X, NULL, 0, NULL, &error));
    assert_int_equal(report_of(drift).looks, 1 + (ROWS - 100) / 30);
    pyn_drift_free(drift);
    free(x);
}

static void scores_are_a_feature(void **state) {
    (void)state;
    double *x = make_rows(ROWS, COLUMNS, 1), scores[ROWS];
    const pyn_matrix X = PYN_MATRIX_F64(x, ROWS, COLUMNS);
    pyn_drift_options options = PYN_DRIFT_OPTIONS_INIT;
    pyn_drift *drift = NULL;
    options.window = ROWS, options.reference_rows = 300;
    for (int i = 0; i < ROWS; i++) scores[i] = i % 7;
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_drift_create(&X, scores, 5, &options, &drift, &error));
    OK(pyn_drift_create(&X, scores, ROWS, &options, &drift, &error));
    assert_int_equal(report_of(drift).reference_row_count, 300);
    for (int i = 0; i < ROWS; i++) scores[i] = i % 7 + 3;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_drift_update(drift, &X, NULL, 0, NULL, &error));
    OK(pyn_drift_update(drift, &X, scores, ROWS, NULL, &error));
    assert_int_equal(report_of(drift).feature_count, COLUMNS + 1);
    pyn_drift_feature feature = PYN_DRIFT_FEATURE_INIT;
    OK(pyn_drift_get_feature(drift, COLUMNS, &feature, &error));
    assert_int_equal(feature.drifted, 1);
    assert_int_equal(report_of(drift).drifted_count, 1);
    pyn_drift_free(drift);
    free(x);
}

static void refused(void **state) {
    (void)state;
    double x[] = {1, 2, 3, 4};
    const pyn_matrix X = PYN_MATRIX_F64(x, 2, 2), one = PYN_MATRIX_F64(x, 1, 2);
    pyn_drift *drift = NULL;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_drift_create(&one, NULL, 0, NULL, &drift, &error));
    OK(pyn_drift_create(&X, NULL, 0, NULL, &drift, &error));
    pyn_drift_free(drift);
#define REFUSE(member, value)                                                                   \
    do {                                                                                        \
        pyn_drift_options options = PYN_DRIFT_OPTIONS_INIT;                                     \
        options.member = (value);                                                               \
        STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_drift_create(&X, NULL, 0, &options, &drift, &error)); \
        assert_null(drift);                                                                     \
    } while (0)
    REFUSE(alpha, 0);
    REFUSE(alpha, NAN);
    REFUSE(window, 1);
    REFUSE(window, INT64_MAX);
    REFUSE(step, -1);
    REFUSE(reference_rows, 65537);
    REFUSE(correction, 3);
    REFUSE(spending, 0);
    REFUSE(struct_size, 8);
}

static void the_test_itself(void **state) {
    (void)state;
    const double a[] = {1, 2, 3, 4, 5}, b[] = {6, 8, 7, 9, 10};
    double statistic, p;
    OK(pyn_kolmogorov_smirnov(a, 5, b, 5, &statistic, &p, &error));
    assert_true(statistic == 1);
    assert_true(fabs(p - 2.0 / 252) < 1e-16);  // 2 of the 10 choose 5 orders
    OK(pyn_kolmogorov_smirnov(a, 5, a, 5, &statistic, &p, &error));
    assert_true(statistic == 0 && p == 1);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_kolmogorov_smirnov(a, 0, b, 5, &statistic, &p, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drift_is_seen),      cmocka_unit_test(a_failed_update_takes_nothing),
        cmocka_unit_test(scores_are_a_feature), cmocka_unit_test(refused),
        cmocka_unit_test(the_test_itself),
    };
    return cmocka_run_group_tests_name("drift", tests, NULL, NULL);
}
