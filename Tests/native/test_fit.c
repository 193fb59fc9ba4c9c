// Fitting and what follows from it: scores, labels, explanations, thresholds, what a model knows.
#include "support/support.h"

#include <math.h>

enum { ROWS = 400, COLUMNS = 4 };
static double *x;
static pyn_matrix X;

static void scores_of(const pyn_detector *forest, const pyn_call *call, double *scores) {
    OK(pyn_detector_score(forest, &X, call, scores, ROWS, &error));
}

static void nothing_works_before_fit(void **state) {
    (void)state;
    pyn_detector *forest = make_forest(3, 16);
    double numbers[ROWS * COLUMNS];
    int32_t labels[ROWS];
    int64_t count;
    size_t size = 0;
    static const char *const names[] = {"a", "b", "c", "d"};
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_score(forest, &X, NULL, numbers, ROWS, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_predict(forest, &X, NULL, labels, ROWS, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_explain(forest, &X, NULL, numbers, ROWS * COLUMNS, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_get_threshold(forest, numbers, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_set_threshold(forest, 0.5, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_get_feature_count(forest, &count, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_get_fitted(forest, "max_samples", numbers, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_set_feature_names(forest, names, COLUMNS, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_save_memory(forest, NULL, 0, &size, &error));
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_save_file(forest, temporary_path("none"), &error));
    assert_null(pyn_detector_get_feature_name(forest, 0));
    assert_int_equal(pyn_detector_is_fitted(forest), 0);
    pyn_detector_free(forest);
}

static void outliers_score_higher(void **state) {
    (void)state;
    pyn_detector *forest = fit_forest(100, 256, &X);
    double scores[ROWS], auc = 0;
    int32_t truth[ROWS];
    scores_of(forest, NULL, scores);
    for (int r = 0; r < ROWS; r++) {
        truth[r] = r % 50 == 49;
        assert_true(scores[r] > 0 && scores[r] <= 1);
    }
    OK(pyn_roc_auc(scores, truth, ROWS, &auc, &error));
    assert_true(auc > 0.999);
    pyn_detector_free(forest);
}

static void a_failed_fit_keeps_the_model(void **state) {
    (void)state;
    pyn_detector *forest = fit_forest(20, 64, &X);
    double before[ROWS], after[ROWS], threshold = 0;
    scores_of(forest, NULL, before);
    OK(pyn_detector_set_threshold(forest, 0.625, &error));

    double broken[] = {1, NAN};
    const pyn_matrix bad = PYN_MATRIX_F64(broken, 1, 2);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(forest, &bad, NULL, &error));
    OK(pyn_detector_set_int(forest, "max_features", COLUMNS + 1, &error));
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_detector_fit(forest, &X, NULL, &error));

    assert_int_equal(pyn_detector_is_fitted(forest), 1);
    OK(pyn_detector_get_threshold(forest, &threshold, &error));
    assert_true(threshold == 0.625);
    scores_of(forest, NULL, after);
    assert_same_bits(before, after, ROWS);
    pyn_detector_free(forest);
}

static void same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    const int64_t many_rows = environment_number("PYN_TEST_ROWS", 20000);
    double *many = make_rows(many_rows, 5, 9);
    const pyn_matrix M = PYN_MATRIX_F64(many, many_rows, 5);
    double *first = malloc((size_t)many_rows * sizeof *first), *again = malloc((size_t)many_rows * sizeof *again);
    double *shares = malloc((size_t)many_rows * 5 * sizeof *shares), *same = malloc((size_t)many_rows * 5 * sizeof *same);
    static const int32_t threads[] = {1, 2, 8, 0, 1000};
    for (int i = 0; i < COUNT(threads); i++) {
        pyn_call call = PYN_CALL_INIT;
        call.threads = threads[i];
        pyn_detector *forest = make_forest(30, 256);
        OK(pyn_detector_fit(forest, &M, &call, &error));
        OK(pyn_detector_score(forest, &M, &call, i ? again : first, many_rows, &error));
        OK(pyn_detector_explain(forest, &M, &call, i ? same : shares, many_rows * 5, &error));
        if (i) {
            assert_same_bits(first, again, many_rows);
            assert_same_bits(shares, same, many_rows * 5);
        }
        pyn_detector_free(forest);
    }
    // One row at a time is the same as all at once.
    pyn_detector *forest = fit_forest(30, 256, &M);
    for (int64_t r = 0; r < many_rows; r += 997) {
        const pyn_matrix row = PYN_MATRIX_F64(many + r * 5, 1, 5);
        OK(pyn_detector_score(forest, &row, NULL, again, 1, &error));
        assert_same_bits(first + r, again, 1);
    }
    pyn_detector_free(forest);
    free(many), free(first), free(again), free(shares), free(same);
}

static void the_seed_decides(void **state) {
    (void)state;
    double one[ROWS], same[ROWS], other[ROWS];
    pyn_detector *forest = fit_forest(20, 64, &X);
    scores_of(forest, NULL, one);
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    scores_of(forest, NULL, same);
    assert_same_bits(one, same, ROWS);
    OK(pyn_detector_set_int(forest, "random_state", 8, &error));
    scores_of(forest, NULL, same);  // an option takes effect with the next fit, not before
    assert_same_bits(one, same, ROWS);
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    scores_of(forest, NULL, other);
    assert_memory_not_equal(one, other, sizeof one);

    // "random": another model every time, and the model knows the seed that makes it again.
    OK(pyn_detector_set_string(forest, "random_state", "random", &error));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    scores_of(forest, NULL, one);
    double seed = 0;
    OK(pyn_detector_get_fitted(forest, "random_state", &seed, &error));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    scores_of(forest, NULL, other);
    assert_memory_not_equal(one, other, sizeof one);
    OK(pyn_detector_set_int(forest, "random_state", (int64_t)seed, &error));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    scores_of(forest, NULL, same);
    assert_same_bits(one, same, ROWS);
    pyn_detector_free(forest);
}

static void explanations_sum_to_the_score(void **state) {
    (void)state;
    double wide[ROWS * COLUMNS], scores[ROWS], shares[ROWS * COLUMNS];
    memcpy(wide, x, sizeof wide);
    wide[10 * COLUMNS + 2] = 1000;  // row 10 stands out in column 2 alone
    const pyn_matrix W = PYN_MATRIX_F64(wide, ROWS, COLUMNS);
    pyn_detector *forest = fit_forest(100, 256, &W);
    OK(pyn_detector_score(forest, &W, NULL, scores, ROWS, &error));
    OK(pyn_detector_explain(forest, &W, NULL, shares, ROWS * COLUMNS, &error));
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;
        for (int c = 0; c < COLUMNS; c++) {
            assert_true(shares[r * COLUMNS + c] >= 0);
            sum += shares[r * COLUMNS + c];
        }
        assert_true(fabs(sum - scores[r]) < 1e-12);
    }
    for (int c = 0; c < COLUMNS; c++)
        if (c != 2) assert_true(shares[10 * COLUMNS + 2] > 2 * shares[10 * COLUMNS + c]);
    pyn_detector_free(forest);
}

static void thresholds_decide_labels(void **state) {
    (void)state;
    double scores[ROWS], threshold = 0;
    int32_t labels[ROWS];
    pyn_detector *forest = fit_forest(50, 128, &X);
    OK(pyn_detector_get_threshold(forest, &threshold, &error));
    assert_true(threshold == 0.5);

    OK(pyn_detector_set_double(forest, "contamination", 0.1, &error));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    OK(pyn_detector_get_threshold(forest, &threshold, &error));
    scores_of(forest, NULL, scores);
    OK(pyn_detector_predict(forest, &X, NULL, labels, ROWS, &error));
    int outliers = 0;
    for (int r = 0; r < ROWS; r++) {
        assert_int_equal(labels[r], scores[r] > threshold);
        outliers += labels[r];
    }
    assert_in_range(outliers, ROWS / 10 - 2, ROWS / 10);

    static const double wanted[] = {-1, 0, 0.7, 2};
    for (int i = 0; i < COUNT(wanted); i++) {
        OK(pyn_detector_set_threshold(forest, wanted[i], &error));
        OK(pyn_detector_get_threshold(forest, &threshold, &error));
        assert_true(threshold == wanted[i]);
        OK(pyn_detector_predict(forest, &X, NULL, labels, ROWS, &error));
        for (int r = 0; r < ROWS; r++) assert_int_equal(labels[r], scores[r] > threshold);
    }
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_set_threshold(forest, NAN, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_set_threshold(forest, INFINITY, &error));
    OK(pyn_detector_get_threshold(forest, &threshold, &error));
    assert_true(threshold == 2);
    pyn_detector_free(forest);
}

static void a_model_knows_its_numbers(void **state) {
    (void)state;
    pyn_detector *forest = fit_forest(20, 64, &X);
    double value = 0;
    int64_t columns = 0;
    static const struct { const char *name; double value; } known[] = {
        {"max_samples", 64}, {"n_estimators", 20}, {"random_state", 7}, {"max_features", COLUMNS}};
    for (int i = 0; i < COUNT(known); i++) {
        OK(pyn_detector_get_fitted(forest, known[i].name, &value, &error));
        assert_true(value == known[i].value);
    }
    OK(pyn_detector_get_fitted(forest, "node_count", &value, &error));
    assert_true(value >= 20 * 3 && value <= 20 * 127);
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_get_fitted(forest, "depth", &value, &error));
    assert_message_has("node_count");
    OK(pyn_detector_get_feature_count(forest, &columns, &error));
    assert_int_equal(columns, COLUMNS);
    // More rows a tree than there are: all of them.
    OK(pyn_detector_set_int(forest, "max_samples", 100000, &error));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    OK(pyn_detector_get_fitted(forest, "max_samples", &value, &error));
    assert_true(value == ROWS);
    pyn_detector_free(forest);
}

static void feature_names_stay_until_the_next_fit(void **state) {
    (void)state;
    pyn_detector *forest = fit_forest(3, 16, &X);
    char first[] = "one";
    const char *names[] = {first, "zwei \xE2\x82\xAC", "three", "three"};
    assert_null(pyn_detector_get_feature_name(forest, 0));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_set_feature_names(forest, names, COLUMNS - 1, &error));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_set_feature_names(forest, names, -1, &error));
    OK(pyn_detector_set_feature_names(forest, names, COLUMNS, &error));
    first[0] = 'X';  // the library holds a copy
    assert_string_equal(pyn_detector_get_feature_name(forest, 0), "one");
    assert_string_equal(pyn_detector_get_feature_name(forest, 1), names[1]);
    assert_null(pyn_detector_get_feature_name(forest, -1));
    assert_null(pyn_detector_get_feature_name(forest, COLUMNS));

    char *long_name = malloc(65537);
    memset(long_name, 'n', 65536);
    long_name[65536] = 0;
    names[1] = long_name;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_set_feature_names(forest, names, COLUMNS, &error));
    names[1] = "";
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_set_feature_names(forest, names, COLUMNS, &error));
    assert_string_equal(pyn_detector_get_feature_name(forest, 0), "one");
    long_name[65535] = 0;
    names[1] = long_name;
    OK(pyn_detector_set_feature_names(forest, names, COLUMNS, &error));
    assert_string_equal(pyn_detector_get_feature_name(forest, 1), long_name);
    free(long_name);
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    assert_null(pyn_detector_get_feature_name(forest, 0));
    pyn_detector_free(forest);
}

static void sample_weights(void **state) {
    (void)state;
    pyn_detector *forest = make_forest(50, 64);
    double weights[ROWS], scores[ROWS], zeroed[ROWS * COLUMNS], again[ROWS];
    pyn_call call = PYN_CALL_INIT;
    call.sample_weight = weights;
    call.sample_weight_count = ROWS;
    for (int r = 0; r < ROWS; r++) weights[r] = r % 50 == 49 ? 0 : 1;
    OK(pyn_detector_fit(forest, &X, &call, &error));
    scores_of(forest, NULL, scores);
    // A row of weight 0 is never drawn: its values have no say.
    memcpy(zeroed, x, sizeof zeroed);
    for (int r = 49; r < ROWS; r += 50)
        for (int c = 0; c < COLUMNS; c++) zeroed[r * COLUMNS + c] = -1e6;
    const pyn_matrix Z = PYN_MATRIX_F64(zeroed, ROWS, COLUMNS);
    OK(pyn_detector_fit(forest, &Z, &call, &error));
    scores_of(forest, NULL, again);
    assert_same_bits(scores, again, ROWS);

    static const double bad[] = {-1, NAN, INFINITY};
    for (int i = 0; i < COUNT(bad); i++) {
        weights[5] = bad[i];
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(forest, &X, &call, &error));
        assert_int_equal(error.row, 5);
    }
    memset(weights, 0, sizeof weights);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(forest, &X, &call, &error));
    weights[0] = 1;
    OK(pyn_detector_fit(forest, &X, &call, &error));  // a single row to draw from
    call.sample_weight_count = ROWS - 1;
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_fit(forest, &X, &call, &error));
    call.sample_weight_count = -1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_fit(forest, &X, &call, &error));
    pyn_detector_free(forest);
}

static void warm_start_grows_the_same_forest(void **state) {
    (void)state;
    double whole[ROWS], grown[ROWS];
    pyn_detector *all = fit_forest(30, 64, &X), *step = make_forest(10, 64);
    OK(pyn_detector_set_bool(step, "warm_start", 1, &error));
    OK(pyn_detector_fit(step, &X, NULL, &error));
    OK(pyn_detector_set_int(step, "n_estimators", 30, &error));
    OK(pyn_detector_fit(step, &X, NULL, &error));
    scores_of(all, NULL, whole);
    scores_of(step, NULL, grown);
    assert_same_bits(whole, grown, ROWS);
    OK(pyn_detector_set_int(step, "n_estimators", 20, &error));
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_detector_fit(step, &X, NULL, &error));
    scores_of(step, NULL, grown);
    assert_same_bits(whole, grown, ROWS);
    pyn_detector_free(all);
    pyn_detector_free(step);
}

static void every_variant_fits_and_scores(void **state) {
    (void)state;
    static const char *const variants[][2] = {
        {"max_samples", "0.5"}, {"max_samples", "1"}, {"max_samples", "1e-9"}, {"max_features", "1"},
        {"max_features", "0.5"}, {"bootstrap", "true"}, {"ndim", "2"}, {"ndim", "1000"},
        {"missing_values", "native"}, {"n_estimators", "1"}, {"random_state", "9223372036854775807"}};
    double scores[ROWS];
    for (int i = 0; i < COUNT(variants); i++) {
        pyn_detector *forest = make_forest(20, 64);
        OK(pyn_detector_set_text(forest, variants[i][0], variants[i][1], &error));
        OK(pyn_detector_fit(forest, &X, NULL, &error));
        scores_of(forest, NULL, scores);
        for (int r = 0; r < ROWS; r++) assert_true(scores[r] > 0 && scores[r] <= 1);
        pyn_detector_free(forest);
    }
}

static int set_up(void **state) {
    (void)state;
    x = make_rows(ROWS, COLUMNS, 1);
    X = (pyn_matrix)PYN_MATRIX_F64(x, ROWS, COLUMNS);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    free(x);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_works_before_fit),
        cmocka_unit_test(outliers_score_higher),
        cmocka_unit_test(a_failed_fit_keeps_the_model),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(explanations_sum_to_the_score),
        cmocka_unit_test(thresholds_decide_labels),
        cmocka_unit_test(a_model_knows_its_numbers),
        cmocka_unit_test(feature_names_stay_until_the_next_fit),
        cmocka_unit_test(sample_weights),
        cmocka_unit_test(warm_start_grows_the_same_forest),
        cmocka_unit_test(every_variant_fits_and_scores),
    };
    return cmocka_run_group_tests_name("fit", tests, set_up, tear_down);
}
