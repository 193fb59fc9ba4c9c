// Thresholds and probabilities from scores (section 9).
#include "support/support.h"

#include <math.h>

static double scores[2000];
static int32_t labels[2000];

static int set_up(void **state) {
    (void)state;
    // An exponential tail: its quantiles are known.
    for (int i = 0; i < 2000; i++) {
        scores[i] = -log1p(-(i * 7919 % 2000 + 0.5) / 2000);
        labels[i] = scores[i] + sin(i) > 2.5;
    }
    return 0;
}

static double found(int32_t method, double parameter) {
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    pyn_threshold threshold = PYN_THRESHOLD_INIT;
    rule.method = method;
    rule.parameter = parameter;
    OK(pyn_threshold_from_scores(scores, 2000, &rule, &threshold, &error));
    int64_t above = 0;
    for (int i = 0; i < 2000; i++) above += scores[i] > threshold.value;
    assert_int_equal(threshold.exceeding, above);
    assert_int_equal(threshold.count, 2000);
    return threshold.value;
}

static void known_thresholds(void **state) {
    (void)state;
    assert_true(found(PYN_THRESHOLD_VALUE, 0) == 0);
    assert_true(found(PYN_THRESHOLD_VALUE, 0.25) == 0.25);
    assert_true(fabs(found(PYN_THRESHOLD_PERCENTILE, 90) - log(10)) < 0.01);
    assert_true(found(PYN_THRESHOLD_PERCENTILE, 0) == found(PYN_THRESHOLD_PERCENTILE, 99));
    assert_true(fabs(found(PYN_THRESHOLD_IQR, 0) - (log(4) + 1.5 * log(3))) < 0.01);
    assert_true(fabs(found(PYN_THRESHOLD_MAD, 0) - (log(2) + 3.5 * 0.4812 / 0.6745)) < 0.01);
    assert_true(fabs(found(PYN_THRESHOLD_POT, 0) - log(1000)) < 0.3);
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    pyn_threshold threshold = PYN_THRESHOLD_INIT;
    rule.initial_quantile = 0.9;
    OK(pyn_threshold_from_scores(scores, 2000, &rule, &threshold, &error));
    assert_int_equal(threshold.peak_count, 200);
    assert_true(fabs(threshold.shape) < 0.1 && fabs(threshold.scale - 1) < 0.1);
    assert_true(fabs(threshold.initial_threshold - log(10)) < 0.01);
}

static void rules_from_text(void **state) {
    (void)state;
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    OK(pyn_threshold_rule_from_text("pot:1e-4:0.95", &rule, &error));
    assert_int_equal(rule.method, PYN_THRESHOLD_POT);
    assert_true(rule.parameter == 1e-4 && rule.initial_quantile == 0.95);
    OK(pyn_threshold_rule_from_text("-2.5", &rule, &error));
    assert_int_equal(rule.method, PYN_THRESHOLD_VALUE);
    assert_true(rule.parameter == -2.5 && rule.initial_quantile == 0);
    OK(pyn_threshold_rule_from_text("iqr", &rule, &error));
    assert_int_equal(rule.method, PYN_THRESHOLD_IQR);
    assert_true(rule.parameter == 1.5);
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_rule_from_text("median", &rule, &error));
    assert_message_has("\"median\" is no threshold");
}

static void refused(void **state) {
    (void)state;
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    pyn_threshold threshold = PYN_THRESHOLD_INIT;
    double bad[] = {1, 2, INFINITY};
    STATUS(PYN_ERROR_INVALID_DATA, pyn_threshold_from_scores(bad, 3, &rule, &threshold, &error));
    assert_int_equal(error.row, 2);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_threshold_from_scores(bad, 0, &rule, &threshold, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_from_scores(bad, -1, &rule, &threshold, &error));
    rule.method = 5;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_from_scores(bad, 2, &rule, &threshold, &error));
    rule.method = PYN_THRESHOLD_POT, rule.parameter = NAN;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_from_scores(bad, 2, &rule, &threshold, &error));
    rule.parameter = 0, rule.initial_quantile = -0.1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_from_scores(bad, 2, &rule, &threshold, &error));
    rule.initial_quantile = 0, rule.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_from_scores(bad, 2, &rule, &threshold, &error));
    assert_message_has("struct_size");
    rule.struct_size = sizeof rule, threshold.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_threshold_from_scores(bad, 2, &rule, &threshold, &error));
}

static void of_a_detector(void **state) {
    (void)state;
    const int64_t rows = 300;
    double *x = make_rows(rows, 2, 1), own[300], value;
    const pyn_matrix X = PYN_MATRIX_F64(x, rows, 2);
    pyn_detector *forest = fit_forest(20, 64, &X), *fresh = make_forest(2, 8);
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    pyn_threshold threshold = PYN_THRESHOLD_INIT;
    OK(pyn_detector_score(forest, &X, NULL, own, rows, &error));
    OK(pyn_detector_set_threshold_by(forest, &rule, own, rows, &threshold, &error));
    OK(pyn_detector_get_threshold(forest, &value, &error));
    assert_true(value == threshold.value && threshold.peak_count > 0);
    OK(pyn_detector_set_threshold_by(forest, &rule, own, rows, NULL, &error));
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_detector_set_threshold_by(forest, &rule, NULL, 0, NULL, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_set_threshold_by(fresh, &rule, own, rows, NULL, &error));
    pyn_detector *neighbours = NULL;
    OK(pyn_detector_create("KNN", &neighbours, &error));
    OK(pyn_detector_fit(neighbours, &X, NULL, &error));
    OK(pyn_detector_set_threshold_by(neighbours, &rule, NULL, 0, &threshold, &error));
    assert_int_equal(threshold.count, rows);
    pyn_detector_free(neighbours);
    pyn_detector_free(forest);
    pyn_detector_free(fresh);
    free(x);
}

static void calibrations(void **state) {
    (void)state;
    const double probe[] = {-INFINITY, -1, 0, 0.5, 1, 2, 4, 8, 16, INFINITY};
    for (int32_t method = PYN_CALIBRATION_LINEAR; method <= PYN_CALIBRATION_ISOTONIC; method++) {
        pyn_calibration *calibration = NULL;
        pyn_calibration_info info = PYN_CALIBRATION_INFO_INIT;
        double p[10];
        OK(pyn_calibration_create(method, scores, labels, 2000, &calibration, &error));
        OK(pyn_calibration_get_info(calibration, &info, &error));
        assert_int_equal(info.method, method);
        OK(pyn_calibration_apply(calibration, probe, 10, p, &error));
        for (int i = 0; i < 10; i++) assert_true(p[i] >= 0 && p[i] <= 1 && (i == 0 || p[i] >= p[i - 1]));
        assert_true(p[9] > 0.9 && p[0] < 0.1);
        double same[10];
        memcpy(same, probe, sizeof same);
        OK(pyn_calibration_apply(calibration, same, 10, same, &error));
        assert_same_bits(p, same, 10);
        same[3] = NAN;
        STATUS(PYN_ERROR_INVALID_DATA, pyn_calibration_apply(calibration, same, 10, p, &error));
        assert_int_equal(error.row, 3);
        pyn_calibration_free(calibration);
    }
    pyn_calibration *calibration = NULL;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_calibration_create(0, scores, labels, 9, &calibration, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_calibration_create(7, scores, labels, 9, &calibration, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT,
           pyn_calibration_create(PYN_CALIBRATION_LOGISTIC, scores, NULL, 9, &calibration, &error));
    assert_message_has("needs labels");
    assert_null(calibration);
}

static void in_a_model_file(void **state) {
    (void)state;
    const int64_t rows = 200;
    double *x = make_rows(rows, 2, 1), own[200], p[200], again[200];
    const pyn_matrix X = PYN_MATRIX_F64(x, rows, 2);
    pyn_detector *forest = fit_forest(10, 64, &X), *loaded = NULL;
    OK(pyn_detector_score(forest, &X, NULL, own, rows, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_predict_probability(forest, &X, NULL, p, rows, &error));
    pyn_calibration *calibration = NULL, *kept = NULL;
    OK(pyn_detector_get_calibration(forest, &kept, &error));
    assert_null(kept);
    OK(pyn_calibration_create(PYN_CALIBRATION_TAIL, own, NULL, rows, &calibration, &error));
    OK(pyn_detector_set_calibration(forest, calibration, &error));
    OK(pyn_calibration_apply(calibration, own, rows, p, &error));
    pyn_calibration_free(calibration);
    OK(pyn_detector_predict_probability(forest, &X, NULL, again, rows, &error));
    assert_same_bits(p, again, rows);
    STATUS(PYN_ERROR_SHAPE_MISMATCH,
           pyn_detector_predict_probability(forest, &X, NULL, again, rows - 1, &error));

    size_t size = 0;
    uint8_t *bytes = saved_bytes(forest, &size);
    OK(pyn_detector_load_memory(bytes, size, &loaded, &error));
    OK(pyn_detector_predict_probability(loaded, &X, NULL, again, rows, &error));
    assert_same_bits(p, again, rows);
    OK(pyn_detector_get_calibration(loaded, &kept, &error));
    pyn_detector_free(loaded);
    OK(pyn_calibration_apply(kept, own, rows, again, &error));
    assert_same_bits(p, again, rows);
    pyn_calibration_free(kept);
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_predict_probability(forest, &X, NULL, p, rows, &error));
    pyn_detector_free(forest);
    free(bytes);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_thresholds), cmocka_unit_test(rules_from_text),
        cmocka_unit_test(refused),          cmocka_unit_test(of_a_detector),
        cmocka_unit_test(calibrations),     cmocka_unit_test(in_a_model_file),
    };
    return cmocka_run_group_tests_name("thresholds", tests, set_up, NULL);
}
