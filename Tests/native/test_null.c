// Every function with NULL for every pointer: refused in words where the pointer must be given.
#include "support/arrow.h"
#include "support/support.h"

// Refused as NULL_ARGUMENT, with an error to fill and without.
#define REFUSED(function, ...)                                             \
    do {                                                                   \
        STATUS(PYN_ERROR_NULL_ARGUMENT, function(__VA_ARGS__, &error));    \
        assert_int_equal(function(__VA_ARGS__, NULL), PYN_ERROR_NULL_ARGUMENT); \
    } while (0)

static double x[] = {1, 2, 3, 4};
static const pyn_matrix X = PYN_MATRIX_F64(x, 2, 2);
static double numbers[4];
static int32_t labels[4];
static pyn_detector *fitted;

static int32_t write_nothing(const void *data, size_t size, void *context) {
    (void)data, (void)size, (void)context;
    return 0;
}
static int64_t read_nothing(void *buffer, size_t capacity, void *context) {
    (void)buffer, (void)capacity, (void)context;
    return 0;
}
static int32_t take_nothing(const double *scores, int64_t first, int64_t count, void *context) {
    (void)scores, (void)first, (void)count, (void)context;
    return 0;
}
static void release_nothing(struct ArrowArrayStream *stream) { stream->release = NULL; }

static void detectors(void **state) {
    (void)state;
    pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
    pyn_detector *d = NULL;
    REFUSED(pyn_detector_get_info, NULL, &info);
    REFUSED(pyn_detector_get_info, "IsolationForest", NULL);
    REFUSED(pyn_detector_create, NULL, &d);
    REFUSED(pyn_detector_create, "IsolationForest", NULL);
    pyn_detector_free(NULL);
    assert_null(pyn_detector_name_at(-1));
}

static void options(void **state) {
    (void)state;
    pyn_option_info info = PYN_OPTION_INFO_INIT;
    pyn_value value = PYN_VALUE_INIT;
    REFUSED(pyn_detector_get_option_info, NULL, 0, &info);
    REFUSED(pyn_detector_get_option_info, "IsolationForest", 0, NULL);
    REFUSED(pyn_detector_set_int, NULL, "n_estimators", 1);
    REFUSED(pyn_detector_set_int, fitted, NULL, 1);
    REFUSED(pyn_detector_set_double, NULL, "contamination", 0.1);
    REFUSED(pyn_detector_set_double, fitted, NULL, 0.1);
    REFUSED(pyn_detector_set_bool, NULL, "bootstrap", 1);
    REFUSED(pyn_detector_set_bool, fitted, NULL, 1);
    REFUSED(pyn_detector_set_string, NULL, "max_samples", "auto");
    REFUSED(pyn_detector_set_string, fitted, NULL, "auto");
    REFUSED(pyn_detector_set_string, fitted, "max_samples", NULL);
    REFUSED(pyn_detector_set_text, NULL, "max_samples", "auto");
    REFUSED(pyn_detector_set_text, fitted, NULL, "auto");
    REFUSED(pyn_detector_set_text, fitted, "max_samples", NULL);
    REFUSED(pyn_detector_get_option, NULL, "max_samples", &value);
    REFUSED(pyn_detector_get_option, fitted, NULL, &value);
    REFUSED(pyn_detector_get_option, fitted, "max_samples", NULL);
}

static void fitting_and_scoring(void **state) {
    (void)state;
    REFUSED(pyn_detector_fit, NULL, &X, NULL);
    REFUSED(pyn_detector_fit, fitted, NULL, NULL);
    REFUSED(pyn_detector_partial_fit, NULL, &X, NULL);
    REFUSED(pyn_detector_partial_fit, fitted, NULL, NULL);
    pyn_detector *made = NULL;
    REFUSED(pyn_detector_partial_fit_stream, fitted, NULL, NULL);
    REFUSED(pyn_detector_copy, NULL, &made);
    REFUSED(pyn_detector_copy, fitted, NULL);
    REFUSED(pyn_detector_score, NULL, &X, NULL, numbers, 2);
    REFUSED(pyn_detector_score, fitted, NULL, NULL, numbers, 2);
    REFUSED(pyn_detector_score, fitted, &X, NULL, NULL, 2);
    REFUSED(pyn_detector_predict, NULL, &X, NULL, labels, 2);
    REFUSED(pyn_detector_predict, fitted, NULL, NULL, labels, 2);
    REFUSED(pyn_detector_predict, fitted, &X, NULL, NULL, 2);
    REFUSED(pyn_detector_explain, NULL, &X, NULL, numbers, 4);
    REFUSED(pyn_detector_explain, fitted, NULL, NULL, numbers, 4);
    REFUSED(pyn_detector_explain, fitted, &X, NULL, NULL, 4);
    pyn_matrix nowhere = X;
    nowhere.data = NULL;
    REFUSED(pyn_detector_fit, fitted, &nowhere, NULL);
    REFUSED(pyn_detector_score, fitted, &nowhere, NULL, numbers, 2);
}

static void what_a_model_knows(void **state) {
    (void)state;
    const char *const names[] = {"a", NULL};
    int64_t count;
    REFUSED(pyn_detector_get_threshold, NULL, numbers);
    REFUSED(pyn_detector_get_threshold, fitted, NULL);
    REFUSED(pyn_detector_set_threshold, NULL, 0.5);
    REFUSED(pyn_detector_get_feature_count, NULL, &count);
    REFUSED(pyn_detector_get_feature_count, fitted, NULL);
    REFUSED(pyn_detector_get_fitted, NULL, "max_samples", numbers);
    REFUSED(pyn_detector_get_fitted, fitted, NULL, numbers);
    REFUSED(pyn_detector_get_fitted, fitted, "max_samples", NULL);
    REFUSED(pyn_detector_get_training_scores, NULL, numbers, 4);
    REFUSED(pyn_detector_set_feature_names, NULL, names, 2);
    REFUSED(pyn_detector_set_feature_names, fitted, NULL, 2);
    REFUSED(pyn_detector_set_feature_names, fitted, names, 2);
    assert_null(pyn_detector_get_feature_name(NULL, 0));
    assert_int_equal(pyn_detector_is_fitted(NULL), 0);
    assert_int_equal(pyn_detector_reads_series(NULL), 0);
    (void)pyn_detector_get_name(NULL);  // no promise but not to crash
}

static void model_files(void **state) {
    (void)state;
    size_t size = 0;
    pyn_detector *d = NULL;
    REFUSED(pyn_detector_save_file, NULL, "model");
    REFUSED(pyn_detector_save_file, fitted, NULL);
    REFUSED(pyn_detector_save_memory, NULL, numbers, sizeof numbers, &size);
    REFUSED(pyn_detector_save_memory, fitted, numbers, sizeof numbers, NULL);
    REFUSED(pyn_detector_save_callback, NULL, write_nothing, NULL);
    REFUSED(pyn_detector_save_callback, fitted, NULL, NULL);
    REFUSED(pyn_detector_load_file, NULL, &d);
    REFUSED(pyn_detector_load_file, "model", NULL);
    REFUSED(pyn_detector_load_memory, NULL, 8, &d);
    REFUSED(pyn_detector_load_memory, numbers, sizeof numbers, NULL);
    REFUSED(pyn_detector_load_callback, NULL, NULL, &d);
    REFUSED(pyn_detector_load_callback, read_nothing, NULL, NULL);
}

static void plugins_and_what_is_in_a_model(void **state) {
    (void)state;
    pyn_plugin_info plugin = PYN_PLUGIN_INFO_INIT;
    pyn_model_info model = PYN_MODEL_INFO_INIT;
    REFUSED(pyn_plugin_load, NULL, &plugin);
    REFUSED(pyn_plugin_load_detector, NULL, &plugin);
    REFUSED(pyn_plugin_visit_installed, NULL, NULL);
    REFUSED(pyn_plugin_get_info, 0, NULL);
    REFUSED(pyn_model_get_info_file, NULL, &model);
    REFUSED(pyn_model_get_info_file, "model", NULL);
    REFUSED(pyn_model_get_info_memory, NULL, 8, &model);
    REFUSED(pyn_model_get_info_memory, numbers, 8, NULL);
    pyn_set_log_callback(NULL, NULL);
}

static void streams_and_measures(void **state) {
    (void)state;
    struct ArrowArrayStream stream = {0};
    REFUSED(pyn_detector_fit_stream, fitted, NULL, NULL);
    REFUSED(pyn_detector_score_stream, fitted, NULL, NULL, take_nothing, NULL);
    // The stream is taken over even where the call is refused.
    stream.release = release_nothing;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_detector_fit_stream(NULL, &stream, NULL, &error));
    assert_null(stream.release);
    stream.release = release_nothing;
    STATUS(PYN_ERROR_NULL_ARGUMENT,
           pyn_detector_score_stream(NULL, &stream, NULL, take_nothing, NULL, &error));
    assert_null(stream.release);
    const int32_t count = 1;
    const double value_of_row = 2;
    struct table table = TABLE_INIT;
    table.integers = &count, table.doubles = &value_of_row, table.rows = 1;
    open_table(&table, &stream);
    STATUS(PYN_ERROR_NULL_ARGUMENT,
           pyn_detector_score_stream(fitted, &stream, NULL, NULL, NULL, &error));
    assert_true(all_released(&table));

    double value;
    const double scores[] = {0.1, 0.9};
    const int32_t truth[] = {0, 1};
    REFUSED(pyn_roc_auc, NULL, truth, 2, &value);
    REFUSED(pyn_roc_auc, scores, NULL, 2, &value);
    REFUSED(pyn_roc_auc, scores, truth, 2, NULL);
    REFUSED(pyn_average_precision, NULL, truth, 2, &value);
    REFUSED(pyn_average_precision, scores, NULL, 2, &value);
    REFUSED(pyn_average_precision, scores, truth, 2, NULL);
}

static void thresholds_and_drift(void **state) {
    (void)state;
    const double scores[] = {0.1, 0.9};
    const int32_t truth[] = {0, 1};
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    pyn_threshold threshold = PYN_THRESHOLD_INIT;
    REFUSED(pyn_threshold_from_scores, NULL, 2, &rule, &threshold);
    REFUSED(pyn_threshold_from_scores, scores, 2, NULL, &threshold);
    REFUSED(pyn_threshold_from_scores, scores, 2, &rule, NULL);
    REFUSED(pyn_threshold_rule_from_text, NULL, &rule);
    REFUSED(pyn_threshold_rule_from_text, "iqr", NULL);
    REFUSED(pyn_detector_set_threshold_by, NULL, &rule, scores, 2, &threshold);
    REFUSED(pyn_detector_set_threshold_by, fitted, NULL, scores, 2, &threshold);

    pyn_calibration *calibration = NULL;
    pyn_calibration_info info = PYN_CALIBRATION_INFO_INIT;
    REFUSED(pyn_calibration_create, PYN_CALIBRATION_LINEAR, NULL, truth, 2, &calibration);
    REFUSED(pyn_calibration_create, PYN_CALIBRATION_LINEAR, scores, truth, 2, NULL);
    REFUSED(pyn_calibration_apply, NULL, scores, 2, numbers);
    REFUSED(pyn_calibration_get_info, NULL, &info);
    REFUSED(pyn_detector_set_calibration, NULL, NULL);
    REFUSED(pyn_detector_get_calibration, NULL, &calibration);
    REFUSED(pyn_detector_get_calibration, fitted, NULL);
    OK(pyn_calibration_create(PYN_CALIBRATION_LINEAR, scores, NULL, 2, &calibration, &error));
    REFUSED(pyn_calibration_apply, calibration, NULL, 2, numbers);
    REFUSED(pyn_calibration_apply, calibration, scores, 2, NULL);
    REFUSED(pyn_calibration_get_info, calibration, NULL);
    OK(pyn_detector_set_calibration(fitted, calibration, &error));
    REFUSED(pyn_detector_predict_probability, NULL, &X, NULL, numbers, 2);
    REFUSED(pyn_detector_predict_probability, fitted, NULL, NULL, numbers, 2);
    REFUSED(pyn_detector_predict_probability, fitted, &X, NULL, NULL, 2);
    pyn_calibration_free(calibration);
    pyn_calibration_free(NULL);

    pyn_drift *drift = NULL;
    pyn_drift_report report = PYN_DRIFT_REPORT_INIT;
    pyn_drift_feature feature = PYN_DRIFT_FEATURE_INIT;
    REFUSED(pyn_drift_create, NULL, NULL, 0, NULL, &drift);
    REFUSED(pyn_drift_create, &X, NULL, 0, NULL, NULL);
    REFUSED(pyn_drift_update, NULL, &X, NULL, 0, NULL);
    REFUSED(pyn_drift_get_report, NULL, &report);
    REFUSED(pyn_drift_get_feature, NULL, 0, &feature);
    OK(pyn_drift_create(&X, NULL, 0, NULL, &drift, &error));
    REFUSED(pyn_drift_update, drift, NULL, NULL, 0, NULL);
    REFUSED(pyn_drift_get_report, drift, NULL);
    REFUSED(pyn_drift_get_feature, drift, 0, NULL);
    size_t size;
    REFUSED(pyn_drift_save_memory, NULL, numbers, sizeof numbers, &size);
    REFUSED(pyn_drift_save_memory, drift, numbers, sizeof numbers, NULL);
    pyn_drift_free(drift);
    pyn_drift_free(NULL);
    REFUSED(pyn_drift_load_memory, NULL, 8, &drift);
    REFUSED(pyn_drift_load_memory, numbers, sizeof numbers, NULL);
    REFUSED(pyn_kolmogorov_smirnov, NULL, 2, scores, 2, numbers, numbers);
    REFUSED(pyn_kolmogorov_smirnov, scores, 2, NULL, 2, numbers, numbers);
    REFUSED(pyn_kolmogorov_smirnov, scores, 2, scores, 2, NULL, numbers);
    REFUSED(pyn_kolmogorov_smirnov, scores, 2, scores, 2, numbers, NULL);
}

static int set_up(void **state) {
    (void)state;
    fitted = fit_forest(3, 2, &X);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    // Nothing above may have harmed the model.
    OK(pyn_detector_score(fitted, &X, NULL, numbers, 2, &error));
    pyn_detector_free(fitted);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detectors),          cmocka_unit_test(options),
        cmocka_unit_test(fitting_and_scoring), cmocka_unit_test(what_a_model_knows),
        cmocka_unit_test(model_files),        cmocka_unit_test(plugins_and_what_is_in_a_model),
        cmocka_unit_test(streams_and_measures), cmocka_unit_test(thresholds_and_drift),
    };
    return cmocka_run_group_tests_name("null", tests, set_up, tear_down);
}
