// Selection and tuning through the C interface.
#include "support/support.h"

#include <math.h>

#define ROWS 300
static double *x;
static pyn_matrix X;
static int32_t labels[ROWS];

static pyn_tuning *make_tuning(const char *detector) {
    pyn_detector *base = NULL;
    pyn_tuning *tuning = NULL;
    OK(pyn_detector_create(detector, &base, &error));
    OK(pyn_tuning_create(base, &tuning, &error));
    pyn_detector_free(base);  // its options were copied
    return tuning;
}

static pyn_call labelled(void) {
    pyn_call call = PYN_CALL_INIT;
    call.labels = labels;
    call.label_count = ROWS;
    return call;
}

static void guide(void **state) {
    (void)state;
    pyn_selection_request request = PYN_SELECTION_REQUEST_INIT;
    request.rows = 200000;
    request.columns = 4;
    request.policy = PYN_POLICY_GUIDE;
    pyn_selection one = PYN_SELECTION_INIT;
    int64_t count = 0;
    OK(pyn_select_detector(&request, &one, 1, &count, &error));
    assert_int_equal(count, 1);
    assert_string_equal(one.detector, "OneClassSVM");
    assert_true(one.fit_seconds > 0 && one.memory_bytes > 0 && strlen(one.reason) > 20);
}

static void ranking(void **state) {
    (void)state;
    pyn_selection_request request = PYN_SELECTION_REQUEST_INIT;
    request.rows = 5000;
    request.columns = 10;
    request.machine_speed = 1;
    int64_t count = 0;
    OK(pyn_select_detector(&request, NULL, 0, &count, &error));
    assert_int_equal(count, pyn_detector_count());
    pyn_selection *all = calloc((size_t)count, sizeof *all);
    all[0].struct_size = sizeof *all;
    OK(pyn_select_detector(&request, all, count, NULL, &error));
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(all[i].struct_size, sizeof *all);
        assert_non_null(all[i].detector);
        if (i > 0) assert_true(all[i].fits <= all[i - 1].fits);
        assert_true(all[i].measured ? all[i].fit_seconds > 0 : isnan(all[i].fit_seconds));
    }
    // A host of a later header has larger structures; what this library does not know stays as it is.
    struct { pyn_selection known; double later[3]; } wide[2];
    memset(wide, 0x5a, sizeof wide);
    wide[0].known.struct_size = sizeof wide[0];
    OK(pyn_select_detector(&request, &wide[0].known, 2, &count, &error));
    assert_string_equal(wide[1].known.detector, all[1].detector);
    assert_int_equal(((unsigned char *)wide[1].later)[5], 0x5a);
    free(all);
    assert_true(pyn_machine_speed() > 0);
}

static void refused_requests(void **state) {
    (void)state;
    pyn_selection_request request = PYN_SELECTION_REQUEST_INIT;
    pyn_selection one = PYN_SELECTION_INIT;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_select_detector(NULL, &one, 1, NULL, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_select_detector(&request, &one, 1, NULL, &error));
    assert_message_has("rows is 0");
    request.rows = request.columns = 5;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_select_detector(&request, &one, -1, NULL, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_select_detector(&request, NULL, 1, NULL, &error));
    request.policy = 2;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_select_detector(&request, &one, 1, NULL, &error));
    request.policy = 0;
    request.max_fit_seconds = -1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_select_detector(&request, &one, 1, NULL, &error));
    request.max_fit_seconds = 0;
    one.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_select_detector(&request, &one, 1, NULL, &error));
    request.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_select_detector(&request, NULL, 0, NULL, &error));
}

static void tuning_with_labels(void **state) {
    (void)state;
    pyn_tuning *tuning = make_tuning("IsolationForest");
    assert_int_equal(pyn_tuning_get_count(tuning), 0);
    assert_int_equal(pyn_tuning_get_best(tuning), -1);
    pyn_value value = PYN_VALUE_INIT;
    value.type = PYN_OPTION_INT;
    value.int_value = 4;
    OK(pyn_tuning_add_value(tuning, "n_estimators", &value, &error));
    OK(pyn_tuning_add_text(tuning, "n_estimators", "30", &error));
    OK(pyn_tuning_add_text(tuning, "max_features", "99", &error));
    OK(pyn_tuning_add_text(tuning, "max_features", "1.0", &error));
    value.type = PYN_OPTION_DOUBLE;
    value.double_value = 0.2;
    OK(pyn_tuning_add_value(tuning, "contamination", &value, &error));
    OK(pyn_tuning_add_text(tuning, "contamination", "0.25", &error));
    assert_string_equal(pyn_tuning_option_at(tuning, 2), "contamination");
    assert_null(pyn_tuning_option_at(tuning, 3));
    assert_null(pyn_tuning_option_at(tuning, -1));
    pyn_tuning_plan plan = PYN_TUNING_PLAN_INIT;
    plan.folds = 4;
    pyn_call call = labelled();
    call.threads = 3;
    OK(pyn_tuning_run(tuning, &X, &plan, &call, &error));
    assert_int_equal(pyn_tuning_get_count(tuning), 8);
    assert_int_equal(pyn_tuning_get_criterion(tuning), PYN_CRITERION_ROC_AUC);

    double folds[4];
    pyn_tuning_result result = PYN_TUNING_RESULT_INIT;
    OK(pyn_tuning_get_result(tuning, 0, &result, NULL, 0, &error));
    assert_int_equal(result.status, PYN_ERROR_INVALID_OPTION);
    assert_true(isnan(result.mean) && result.fold_count == 0 && result.rank == 5);
    assert_non_null(strstr(result.message, "99 features a tree"));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_tuning_get_result(tuning, 2, &result, folds, 3, &error));
    OK(pyn_tuning_get_result(tuning, 3, &result, folds, 4, &error));
    assert_true(result.status == PYN_OK && result.message == NULL && result.same_as == 2);
    double mean = (folds[0] + folds[1] + folds[2] + folds[3]) / 4;
    assert_true(fabs(result.mean - mean) < 1e-12 && mean > 0.7 && mean <= 1);

    assert_int_equal(pyn_tuning_option_is_judged(tuning, 0), 1);
    assert_int_equal(pyn_tuning_option_is_judged(tuning, 2), 0);  // the threshold's share
    assert_int_equal(pyn_tuning_option_is_judged(tuning, 3), 0);
    assert_int_equal(pyn_tuning_option_is_judged(NULL, 0), 0);
    pyn_detector *chosen = NULL;
    OK(pyn_tuning_create_detector(tuning, -1, &chosen, &error));
    value = (pyn_value)PYN_VALUE_INIT;
    OK(pyn_detector_get_option(chosen, "contamination", &value, &error));
    assert_int_equal(value.type, PYN_OPTION_STRING);  // "auto", as it was
    OK(pyn_detector_get_option(chosen, "max_features", &value, &error));
    assert_true(value.double_value == 1.0);
    pyn_detector_free(chosen);

    // The best, made and fitted.
    int64_t best = pyn_tuning_get_best(tuning);
    OK(pyn_tuning_get_result(tuning, best, &result, NULL, 0, &error));
    assert_int_equal(result.rank, 1);
    pyn_detector *forest = NULL;
    OK(pyn_tuning_create_detector(tuning, 7, &forest, &error));
    value = (pyn_value)PYN_VALUE_INIT;
    OK(pyn_detector_get_option(forest, "n_estimators", &value, &error));
    assert_int_equal(value.int_value, 30);
    OK(pyn_detector_get_option(forest, "contamination", &value, &error));
    assert_true(value.double_value == 0.25);
    pyn_tuning_free(tuning);
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    pyn_detector_free(forest);
}

static void tuning_without_labels(void **state) {
    (void)state;
    pyn_tuning *tuning = make_tuning("LODA");
    OK(pyn_tuning_add_text(tuning, "n_random_cuts", "1", &error));
    OK(pyn_tuning_add_text(tuning, "n_random_cuts", "60", &error));
    OK(pyn_tuning_run(tuning, &X, NULL, NULL, &error));
    assert_int_equal(pyn_tuning_get_criterion(tuning), PYN_CRITERION_STABILITY);
    assert_int_equal(pyn_tuning_get_best(tuning), 1);
    OK(pyn_tuning_add_defaults(tuning, &error));
    assert_int_equal(pyn_tuning_get_count(tuning), 2);  // still those of the run
    OK(pyn_tuning_run(tuning, &X, NULL, NULL, &error));
    assert_true(pyn_tuning_get_count(tuning) > 2);
    pyn_tuning_free(tuning);
    pyn_tuning_free(NULL);
}

// Values that are detectors or lists are texts; the type may say what they stand for.
static void tuning_members(void **state) {
    (void)state;
    pyn_tuning *tuning = make_tuning("Ensemble");
    pyn_value value = PYN_VALUE_INIT;
    value.type = PYN_OPTION_STRING;
    value.string_value = "[HBOS, MAD]";
    OK(pyn_tuning_add_value(tuning, "detectors", &value, &error));
    value.type = PYN_OPTION_DETECTOR_LIST;
    value.string_value = "[HBOS(n_bins=4), IsolationForest(n_estimators=5)]";
    OK(pyn_tuning_add_value(tuning, "detectors", &value, &error));
    value.type = PYN_OPTION_NUMBER_LIST;
    value.string_value = "[1, 2]";
    OK(pyn_tuning_add_value(tuning, "weights", &value, &error));
    value.type = PYN_OPTION_DETECTOR;
    value.string_value = "[]";
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_tuning_add_value(tuning, "weights", &value, &error));
    value.type = PYN_OPTION_DETECTOR_LIST | PYN_OPTION_STRING;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_add_value(tuning, "weights", &value, &error));
    value.type = PYN_OPTION_STRING;
    value.string_value = "weighted";
    OK(pyn_tuning_add_value(tuning, "combination", &value, &error));
    OK(pyn_tuning_run(tuning, &X, NULL, NULL, &error));
    assert_int_equal(pyn_tuning_get_count(tuning), 2);
    pyn_detector *made = NULL;
    OK(pyn_tuning_create_detector(tuning, 1, &made, &error));
    // What an option is read as can be given again.
    value = (pyn_value)PYN_VALUE_INIT;
    OK(pyn_detector_get_option(made, "detectors", &value, &error));
    assert_non_null(strstr(value.string_value, "n_estimators"));
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_tuning_add_value(tuning, "detectors", &value, &error));
    assert_message_has("in the grid already");
    pyn_detector_free(made);
    pyn_tuning_free(tuning);
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_tuning_add_defaults(tuning = make_tuning("COPOD"), &error));
    assert_message_has("no default grid");
    pyn_tuning_free(tuning);
}

static int32_t stop(double fraction, const char *stage, void *context) {
    (void)fraction;
    (void)context;
    assert_string_equal(stage, "tune");
    return 1;
}

static void refused_tunings(void **state) {
    (void)state;
    pyn_tuning *tuning = make_tuning("KNN");
    pyn_value value = PYN_VALUE_INIT;
    pyn_call call = labelled();
    pyn_tuning_plan plan = PYN_TUNING_PLAN_INIT;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_run(tuning, &X, NULL, NULL, &error));
    assert_message_has("the grid is empty");
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_add_value(tuning, "p", &value, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_tuning_add_value(tuning, "p", NULL, &error));
    value.type = PYN_OPTION_STRING;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_tuning_add_value(tuning, "metric", &value, &error));
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_tuning_add_text(tuning, "trees", "5", &error));
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_tuning_add_text(tuning, "n_neighbors", "none", &error));
    OK(pyn_tuning_add_text(tuning, "n_neighbors", "4", &error));
    plan.criterion = 9;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_run(tuning, &X, &plan, &call, &error));
    plan.criterion = 0;
    plan.seed = -1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_run(tuning, &X, &plan, &call, &error));
    plan.seed = 0;
    plan.folds = ROWS + 1;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_tuning_run(tuning, &X, &plan, &call, &error));
    assert_message_has("301 folds need");
    plan.folds = INT32_MIN;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_run(tuning, &X, &plan, &call, &error));
    plan.folds = 0;
    plan.budget = INT64_MIN;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_run(tuning, &X, &plan, &call, &error));
    plan.struct_size = 4;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_run(tuning, &X, &plan, &call, &error));
    call.label_count = ROWS - 1;
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_tuning_run(tuning, &X, NULL, &call, &error));
    call = (pyn_call)PYN_CALL_INIT;
    double weight[ROWS] = {1};
    call.sample_weight = weight;
    call.sample_weight_count = ROWS;
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_tuning_run(tuning, &X, NULL, &call, &error));
    call = labelled();
    call.progress = stop;
    STATUS(PYN_ERROR_CANCELLED, pyn_tuning_run(tuning, &X, NULL, &call, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_tuning_create_detector(tuning, 0, NULL, &error));
    pyn_detector *made = NULL;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_create_detector(tuning, 0, &made, &error));
    assert_message_has("run the tuning first");
    pyn_tuning_result result = PYN_TUNING_RESULT_INIT;
    OK(pyn_tuning_run(tuning, &X, NULL, NULL, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_get_result(tuning, 1, &result, NULL, 0, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_get_result(tuning, -1, &result, NULL, 0, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_tuning_get_result(tuning, 0, NULL, NULL, 0, &error));
    result.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_tuning_get_result(tuning, 0, &result, NULL, 0, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_tuning_run(NULL, &X, NULL, NULL, &error));
    pyn_tuning_free(tuning);
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_tuning_create(NULL, &tuning, &error));
    assert_null(tuning);
    assert_int_equal(pyn_tuning_get_count(NULL), 0);
    assert_int_equal(pyn_tuning_get_best(NULL), -1);
    assert_int_equal(pyn_tuning_get_criterion(NULL), 0);
    assert_null(pyn_tuning_option_at(NULL, 0));
}

int main(void) {
    x = make_rows(ROWS, 4, 3);
    X = (pyn_matrix)PYN_MATRIX_F64(x, ROWS, 4);
    for (int i = 0; i < ROWS; i++) labels[i] = i % 50 == 49;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guide),
        cmocka_unit_test(ranking),
        cmocka_unit_test(refused_requests),
        cmocka_unit_test(tuning_with_labels),
        cmocka_unit_test(tuning_without_labels),
        cmocka_unit_test(tuning_members),
        cmocka_unit_test(refused_tunings),
    };
    int failed = cmocka_run_group_tests_name("tuning", tests, NULL, NULL);
    free(x);
    return failed;
}
