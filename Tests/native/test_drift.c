// Drift of streams (section 18).
#include "support/support.h"

#include <math.h>
#include <pthread.h>

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

static int32_t ask(double fraction, const char *stage, void *context) {
    (void)fraction, (void)stage;
    pyn_drift_report report = PYN_DRIFT_REPORT_INIT;
    pyn_error own = PYN_ERROR_INIT;
    return pyn_drift_get_report(context, &report, &own) == PYN_ERROR_INVALID_ARGUMENT ? 0 : 1;
}

static void a_callback_cannot_use_what_is_updated(void **state) {
    (void)state;
    double *x = make_rows(ROWS, COLUMNS, 1);
    pyn_drift *drift = begin(x, 100, 30);
    const pyn_matrix X = PYN_MATRIX_F64(x, ROWS, COLUMNS);
    pyn_call call = PYN_CALL_INIT;
    call.progress = ask, call.progress_context = drift;
    OK(pyn_drift_update(drift, &X, NULL, 0, &call, &error));
    assert_int_equal(report_of(drift).rows, ROWS);
    pyn_drift_free(drift);
    free(x);
}

struct sharing { pyn_drift *drift; const double *x; int failures; };

static void *update_and_read(void *argument) {
    struct sharing *own = argument;
    const pyn_matrix X = PYN_MATRIX_F64(own->x, ROWS, COLUMNS);
    pyn_error failed = PYN_ERROR_INIT;
    for (int i = 0; i < 200; i++) {
        pyn_drift_report report = PYN_DRIFT_REPORT_INIT;
        pyn_drift_feature feature = PYN_DRIFT_FEATURE_INIT;
        size_t size = 0;
        own->failures += pyn_drift_update(own->drift, &X, NULL, 0, NULL, &failed) != PYN_OK;
        own->failures += pyn_drift_get_report(own->drift, &report, &failed) != PYN_OK;
        own->failures += report.rows % ROWS != 0;
        own->failures += pyn_drift_get_feature(own->drift, 1, &feature, &failed) != PYN_OK;
        own->failures += pyn_drift_save_memory(own->drift, NULL, 0, &size, &failed) != PYN_OK;
    }
    return NULL;
}

static void threads_share_one(void **state) {
    (void)state;
    enum { THREADS = 4 };
    double *x = make_rows(ROWS, COLUMNS, 1);
    pyn_drift *drift = begin(x, 20, 10);
    struct sharing parts[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        parts[i] = (struct sharing){drift, x, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, update_and_read, &parts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(parts[i].failures, 0);
    }
    assert_int_equal(report_of(drift).rows, THREADS * 200 * ROWS);
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

static uint32_t crc32c(const uint8_t *bytes, size_t count) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

// A small monitor with every byte changed in turn, the checksum set right: refused, or one that works.
static void damaged_bytes(void **state) {
    (void)state;
    double x[] = {1, 2, 3, 4, 5, 6}, scores[] = {1, 2, 3};
    const pyn_matrix X = PYN_MATRIX_F64(x, 3, 2);
    pyn_drift_options options = PYN_DRIFT_OPTIONS_INIT;
    options.window = 2;
    pyn_drift *drift = NULL, *loaded = NULL;
    OK(pyn_drift_create(&X, scores, 3, &options, &drift, &error));
    OK(pyn_drift_update(drift, &X, scores, 3, NULL, &error));
    size_t size = 0, again = 0;
    OK(pyn_drift_save_memory(drift, NULL, 0, &size, &error));
    uint8_t *bytes = malloc(size), *copy = malloc(size);
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_drift_save_memory(drift, bytes, size - 1, &again, &error));
    OK(pyn_drift_save_memory(drift, bytes, size, &again, &error));
    int64_t usable = 0;
    for (size_t place = 0; place < size - 4; place++) {
        for (int change = 0; change < 4; change++) {
            memcpy(copy, bytes, size);
            copy[place] = change < 3 ? (uint8_t)(copy[place] + (change == 0 ? 1 : change == 1 ? 128 : 255)) : 0xff;
            const uint32_t crc = crc32c(copy, size - 4);
            memcpy(copy + size - 4, &crc, 4);
            const pyn_status status = pyn_drift_load_memory(copy, size, &loaded, &error);
            if (status == PYN_OK) {
                usable++;
                (void)pyn_drift_update(loaded, &X, scores, 3, NULL, NULL);
                (void)report_of(loaded);
                pyn_drift_free(loaded);
            } else {
                assert_true(status == PYN_ERROR_MODEL_FORMAT || status == PYN_ERROR_MODEL_VERSION ||
                            status == PYN_ERROR_OUT_OF_MEMORY);
                assert_null(loaded);
            }
        }
    }
    assert_true(usable > 0);
    for (size_t length = 0; length < size; length++)
        STATUS(PYN_ERROR_MODEL_FORMAT, pyn_drift_load_memory(bytes, length, &loaded, &error));
    pyn_drift_free(drift);
    free(bytes), free(copy);
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
        cmocka_unit_test(a_callback_cannot_use_what_is_updated),
        cmocka_unit_test(threads_share_one),
        cmocka_unit_test(scores_are_a_feature), cmocka_unit_test(refused),
        cmocka_unit_test(the_test_itself),      cmocka_unit_test(damaged_bytes),
    };
    return cmocka_run_group_tests_name("drift", tests, NULL, NULL);
}
