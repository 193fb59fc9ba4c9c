// A host compiled against the first header of this ABI (frozen/pynomaly-1.h, never to be changed) and
// linked with today's library: everything it names is there and does what it did.
#include "frozen/pynomaly-1.h"
// Its include guard keeps today's pynomaly.h out of this file.
#include "support/support.h"

#define FUNCTION(name) { #name, (void (*)(void))name }

static void every_function_links(void **state) {
    (void)state;
    static const struct { const char *name; void (*address)(void); } functions[] = {
        FUNCTION(pyn_version_string),         FUNCTION(pyn_version_number),
        FUNCTION(pyn_abi_version),            FUNCTION(pyn_kernels_name),
        FUNCTION(pyn_status_name),            FUNCTION(pyn_detector_count),
        FUNCTION(pyn_detector_name_at),       FUNCTION(pyn_detector_get_info),
        FUNCTION(pyn_detector_create),        FUNCTION(pyn_detector_free),
        FUNCTION(pyn_detector_get_option_info), FUNCTION(pyn_detector_set_int),
        FUNCTION(pyn_detector_set_double),    FUNCTION(pyn_detector_set_bool),
        FUNCTION(pyn_detector_set_string),    FUNCTION(pyn_detector_set_text),
        FUNCTION(pyn_detector_get_option),    FUNCTION(pyn_detector_fit),
        FUNCTION(pyn_detector_score),         FUNCTION(pyn_detector_predict),
        FUNCTION(pyn_detector_explain),       FUNCTION(pyn_detector_get_threshold),
        FUNCTION(pyn_detector_set_threshold), FUNCTION(pyn_detector_get_name),
        FUNCTION(pyn_detector_is_fitted),     FUNCTION(pyn_detector_get_feature_count),
        FUNCTION(pyn_detector_get_fitted),    FUNCTION(pyn_detector_set_feature_names),
        FUNCTION(pyn_detector_get_feature_name), FUNCTION(pyn_detector_save_file),
        FUNCTION(pyn_detector_save_memory),   FUNCTION(pyn_detector_save_callback),
        FUNCTION(pyn_detector_load_file),     FUNCTION(pyn_detector_load_memory),
        FUNCTION(pyn_detector_load_callback), FUNCTION(pyn_detector_fit_stream),
        FUNCTION(pyn_detector_score_stream),  FUNCTION(pyn_set_thread_limit),
        FUNCTION(pyn_get_thread_limit),       FUNCTION(pyn_roc_auc),
        FUNCTION(pyn_average_precision),
    };
    for (int i = 0; i < COUNT(functions); i++) assert_non_null(functions[i].address);
}

static void layouts_are_pinned(void **state) {
    (void)state;
    assert_int_equal(sizeof(pyn_error), 8 + 4 + 4 + 8 + 8 + 512);
    assert_int_equal(sizeof(pyn_matrix), 56);
    assert_int_equal(sizeof(pyn_value), 40);
    assert_int_equal(sizeof(pyn_call), 48);
    assert_int_equal(sizeof(pyn_detector_info), 48);
    assert_int_equal(sizeof(pyn_option_info), 32 + 8 + 4 * 8 + 16 + 40);
    assert_int_equal(offsetof(pyn_matrix, row_stride), 40);
    assert_int_equal(offsetof(pyn_value, string_value), 32);
    assert_int_equal(offsetof(pyn_call, sample_weight), 32);
    assert_int_equal(offsetof(pyn_option_info, default_value), 88);
}

static void it_works(void **state) {
    (void)state;
    assert_int_equal(pyn_abi_version(), PYN_ABI_VERSION);
    assert_true(pyn_version_number() >= PYN_VERSION_MAJOR * 1000000 + PYN_VERSION_MINOR * 1000);
    float x[] = {0.1f, 0.2f, 0.0f, 0.1f, 0.2f, 0.1f, 9.0f, 8.0f};
    double scores[4], threshold = 0;
    const pyn_matrix rows = PYN_MATRIX_F32(x, 4, 2);
    pyn_call call = PYN_CALL_INIT;
    pyn_detector *forest = NULL;
    OK(pyn_detector_create("IsolationForest", &forest, &error));
    OK(pyn_detector_fit(forest, &rows, &call, &error));
    OK(pyn_detector_score(forest, &rows, &call, scores, 4, &error));
    OK(pyn_detector_get_threshold(forest, &threshold, &error));
    for (int i = 0; i < 3; i++) assert_true(scores[3] > scores[i]);
    pyn_detector_free(forest);
}

static void options_are_still_there(void **state) {
    (void)state;
    static const char *const names[] = {"n_estimators", "max_samples", "contamination", "max_features",
                                        "bootstrap", "random_state", "warm_start", "missing_values"};
    pyn_detector *forest = NULL;
    OK(pyn_detector_create("IsolationForest", &forest, &error));
    for (int i = 0; i < COUNT(names); i++) {
        pyn_value value = PYN_VALUE_INIT;
        OK(pyn_detector_get_option(forest, names[i], &value, &error));
    }
    pyn_detector_free(forest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_links),
        cmocka_unit_test(layouts_are_pinned),
        cmocka_unit_test(it_works),
        cmocka_unit_test(options_are_still_there),
    };
    return cmocka_run_group_tests_name("old host", tests, NULL, NULL);
}
