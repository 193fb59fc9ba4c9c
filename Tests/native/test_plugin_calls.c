// A detector of a plugin in use: what it is told, what becomes of its failures, and that the host keeps its word.
#define _POSIX_C_SOURCE 200809L
#include "support/support.h"

#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS 3000
static double x[ROWS * 3];
static const pyn_matrix X = PYN_MATRIX_F64(x, ROWS, 3);
static double scores[ROWS], again[ROWS];

static pyn_detector *probe(const char *behaviour) {
    pyn_detector *d = NULL;
    OK(pyn_detector_create("Probe", &d, &error));
    OK(pyn_detector_set_string(d, "behaviour", behaviour, &error));
    return d;
}

static pyn_detector *fitted_probe(const char *behaviour) {
    pyn_detector *d = probe(behaviour);
    OK(pyn_detector_fit(d, &X, NULL, &error));
    return d;
}

static double fitted(const pyn_detector *d, const char *name) {
    double value = -1;
    OK(pyn_detector_get_fitted(d, name, &value, &error));
    return value;
}

static void fit_fails(const char *behaviour, pyn_status status, const char *says) {
    pyn_detector *d = probe(behaviour);
    STATUS(status, pyn_detector_fit(d, &X, NULL, &error));
    assert_message_has(says);
    assert_false(pyn_detector_is_fitted(d));
    // The detector is none the worse for it.
    OK(pyn_detector_set_string(d, "behaviour", "good", &error));
    OK(pyn_detector_fit(d, &X, NULL, &error));
    pyn_detector_free(d);
}

static void failures_of_a_fit(void **state) {
    (void)state;
    fit_fails("create throws", PYN_ERROR_PLUGIN, "Probe: create threw a C++ exception: no more");
    fit_fails("create NULL", PYN_ERROR_PLUGIN, "left the instance NULL");
    fit_fails("fit fails silently", PYN_ERROR_INVALID_DATA, "Probe: fit failed and did not say why");
    fit_fails("fit nonsense", PYN_ERROR_PLUGIN, "returned -5, which is no status");
    fit_fails("fit out of memory", PYN_ERROR_OUT_OF_MEMORY, "Probe: fit had too little memory");
    fit_fails("fit cancelled by nobody", PYN_ERROR_PLUGIN, "nobody asked");
    fit_fails("needs weights", PYN_ERROR_INVALID_ARGUMENT, "Probe: weights are needed");
    fit_fails("chunk fails", PYN_ERROR_INVALID_DATA, "Probe: chunk 7");
    fit_fails("chunk throws", PYN_ERROR_PLUGIN, "chunk nine");
    fit_fails("fit fails at a place", PYN_ERROR_INVALID_DATA, "Probe: this row will not do");
    pyn_detector *d = probe("fit fails at a place");
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(d, &X, NULL, &error));
    assert_int_equal(error.row, 3);
    assert_int_equal(error.column, 1);
    pyn_detector_free(d);
}

static void scores_whatever_the_strides(void **state) {
    (void)state;
    pyn_detector *d = fitted_probe("good");
    for (int32_t threads = 1; threads <= 3; threads++) {
        pyn_call call = PYN_CALL_INIT;
        call.threads = threads;
        OK(pyn_detector_score(d, &X, &call, scores, ROWS, &error));
        for (int row = 0; row < ROWS; row++) assert_true(scores[row] == x[3 * row]);
    }
    // The same rows backwards, column by column, and as floats.
    pyn_matrix backwards = X;
    backwards.data = x + 3 * (ROWS - 1);
    backwards.row_stride = -24;
    OK(pyn_detector_score(d, &backwards, NULL, again, ROWS, &error));
    for (int row = 0; row < ROWS; row++) assert_true(again[row] == scores[ROWS - 1 - row]);
    static float f[3 * ROWS];
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < 3; column++) f[column * ROWS + row] = (float)x[3 * row + column];
    pyn_matrix columns = PYN_MATRIX_F32(f, ROWS, 3);
    columns.row_stride = 4;
    columns.column_stride = 4 * ROWS;
    OK(pyn_detector_score(d, &columns, NULL, again, ROWS, &error));
    assert_same_bits(scores, again, ROWS);
    pyn_matrix none = PYN_MATRIX_F64(x, 0, 3);
    OK(pyn_detector_score(d, &none, NULL, scores, 0, &error));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_score(d, &(pyn_matrix)PYN_MATRIX_F64(x, 3, 2), NULL, scores, 3, &error));
    pyn_detector_free(d);
}

static void failures_of_a_score(void **state) {
    (void)state;
    static const struct { const char *behaviour, *says; pyn_status status; int64_t row; } cases[] = {
        {"score throws a number", "score threw a C++ exception: not a std::exception", PYN_ERROR_PLUGIN, -1},
        {"score fails at a row", "Probe: a 777", PYN_ERROR_INVALID_DATA, 2222},
        {"score gives NaN", "score gave nan for row 2222", PYN_ERROR_PLUGIN, 2222},
    };
    x[3 * 2222] = 777;
    for (int i = 0; i < COUNT(cases); i++)
        for (int32_t threads = 1; threads <= 2; threads++) {
            pyn_detector *d = fitted_probe("good");
            OK(pyn_detector_set_string(d, "behaviour", cases[i].behaviour, &error));
            pyn_call call = PYN_CALL_INIT;
            call.threads = threads;
            if (i == 0)  // the threshold of a fit comes from scores: the fault shows there already
                STATUS(cases[i].status, pyn_detector_fit(d, &X, &call, &error));
            else
                STATUS(cases[i].status, pyn_detector_fit(d, &X, &call, &error));
            assert_message_has(cases[i].says);
            assert_int_equal(error.row, cases[i].row);
            OK(pyn_detector_score(d, &X, &call, scores, ROWS, &error));  // the earlier model stays
            pyn_detector_free(d);
        }
    x[3 * 2222] = 0.5;
}

static void values_that_are_not_finite(void **state) {
    (void)state;
    pyn_detector *d = fitted_probe("good");
    const double was = x[3 * 2500 + 1];
    x[3 * 2500 + 1] = NAN;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score(d, &X, NULL, scores, ROWS, &error));
    assert_int_equal(error.row, 2500);
    assert_int_equal(error.column, 1);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(d, &X, NULL, &error));
    OK(pyn_detector_set_string(d, "missing_values", "native", &error));
    OK(pyn_detector_fit(d, &X, NULL, &error));
    OK(pyn_detector_score(d, &X, NULL, scores, ROWS, &error));
    x[3 * 2500 + 1] = INFINITY;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score(d, &X, NULL, scores, ROWS, &error));
    x[3 * 2500 + 1] = was;
    pyn_detector_free(d);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    double seeds[3];
    for (int32_t threads = 1; threads <= 3; threads++) {
        pyn_detector *d = probe("fit in parallel");
        pyn_call call = PYN_CALL_INIT;
        call.threads = threads;
        OK(pyn_detector_fit(d, &X, &call, &error));
        seeds[threads - 1] = fitted(d, "random_state");
        pyn_detector_free(d);
    }
    assert_true(seeds[0] == seeds[1] && seeds[0] == seeds[2]);
    assert_true(seeds[0] == 3181523713.0);  // the numbers of the generator are a promise
}

static void a_random_seed_is_fresh(void **state) {
    (void)state;
    pyn_detector *d = probe("good");
    OK(pyn_detector_fit(d, &X, NULL, &error));
    assert_true(fitted(d, "random_state") == 5);
    OK(pyn_detector_set_string(d, "random_state", "random", &error));
    OK(pyn_detector_fit(d, &X, NULL, &error));
    const double one = fitted(d, "random_state");
    OK(pyn_detector_fit(d, &X, NULL, &error));
    assert_true(one != fitted(d, "random_state"));
    pyn_detector_free(d);
}

static int32_t stop_soon(double fraction, const char *stage, void *context) {
    (void)fraction;
    assert_true(strcmp(stage, "fit") == 0 || strcmp(stage, "score") == 0);
    return ++*(int *)context >= 2;
}

static void cancelling(void **state) {
    (void)state;
    pyn_detector *d = fitted_probe("good");
    int calls = 0;
    pyn_call call = PYN_CALL_INIT;
    call.progress = stop_soon;
    call.progress_context = &calls;
    OK(pyn_detector_set_string(d, "behaviour", "fit waits", &error));
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_fit(d, &X, &call, &error));
    assert_true(pyn_detector_is_fitted(d));
    OK(pyn_detector_score(d, &X, NULL, scores, ROWS, &error));
    // A score that is long: a cancellation is heard between the parts.
    OK(pyn_detector_set_string(d, "behaviour", "score is slow", &error));
    OK(pyn_detector_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 10, 3), NULL, &error));
    for (call.threads = 1; call.threads <= 2; call.threads++) {
        calls = 0;
        STATUS(PYN_ERROR_CANCELLED, pyn_detector_score(d, &X, &call, scores, ROWS, &error));
    }
    pyn_detector_free(d);
}

static void *score_on_a_thread(void *detector) {
    double own[ROWS];
    pyn_call call = PYN_CALL_INIT;
    call.threads = 2;
    for (int i = 0; i < 20; i++)
        if (pyn_detector_score(detector, &X, &call, own, ROWS, NULL) != PYN_OK) return detector;
    return NULL;
}

static void one_at_a_time_where_the_plugin_asks_for_it(void **state) {
    (void)state;
    static int32_t labels[ROWS];
    for (int row = 0; row < ROWS; row++) labels[row] = row % 3 == 0;
    pyn_detector *d = NULL;
    OK(pyn_detector_create("LonelyProbe", &d, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_fit(d, &X, NULL, &error));
    assert_message_has("needs labels");
    pyn_call call = PYN_CALL_INIT;
    call.labels = labels;
    call.label_count = ROWS - 1;
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_fit(d, &X, &call, &error));
    call.label_count = ROWS;
    labels[5] = 2;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(d, &X, &call, &error));
    assert_int_equal(error.row, 5);
    labels[5] = 0;
    OK(pyn_detector_fit(d, &X, &call, &error));
    assert_true(fitted(d, "rows_seen") == ROWS + 1000.0 * (ROWS / 3));
    double weights[ROWS];
    for (int row = 0; row < ROWS; row++) weights[row] = 1;
    call.sample_weight = weights;
    call.sample_weight_count = ROWS;
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_detector_fit(d, &X, &call, &error));
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, score_on_a_thread, d), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_true(fitted(d, "most_running") == 1);
    pyn_detector_free(d);
}

static int refusals;
static int32_t score_inside(double fraction, const char *stage, void *context) {
    (void)fraction, (void)stage;
    double own[1];
    const pyn_matrix one = PYN_MATRIX_F64(x, 1, 3);
    pyn_error inner = PYN_ERROR_INIT;
    const pyn_status status = pyn_detector_score(context, &one, NULL, own, 1, &inner);
    if (status == PYN_ERROR_NOT_SUPPORTED && strstr(inner.message, "one at a time")) refusals++;
    return 0;
}

static void a_call_from_inside_a_call_is_refused_not_hung(void **state) {
    (void)state;
    static int32_t labels[ROWS];
    pyn_detector *d = NULL;
    OK(pyn_detector_create("LonelyProbe", &d, &error));
    OK(pyn_detector_set_string(d, "behaviour", "score is slow", &error));
    pyn_call call = PYN_CALL_INIT;
    call.labels = labels;
    call.label_count = ROWS;
    OK(pyn_detector_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 10, 3), &(pyn_call){sizeof call, NULL, NULL, 0, 0, NULL, 0, labels, 10}, &error));
    call.progress = score_inside;
    call.progress_context = d;
    // It tells progress amid the rows, where the inner call is refused, and at the end, where it works.
    OK(pyn_detector_score(d, &X, &call, scores, ROWS, &error));
    assert_true(refusals > 0);
    pyn_detector_free(d);
}

// What a model was made with, not what is set now, is what its file keeps.
static void options_set_after_a_fit_wait_for_the_next(void **state) {
    (void)state;
    pyn_detector *d = fitted_probe("good"), *loaded = NULL;
    OK(pyn_detector_set_string(d, "behaviour", "score gives NaN", &error));
    OK(pyn_detector_set_string(d, "missing_values", "native", &error));
    size_t size;
    uint8_t *bytes = saved_bytes(d, &size);
    OK(pyn_detector_load_memory(bytes, size, &loaded, &error));
    x[3 * 7] = 777;
    OK(pyn_detector_score(loaded, &X, NULL, scores, ROWS, &error));
    assert_true(scores[7] == 777);
    x[3 * 7] = NAN;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score(loaded, &X, NULL, scores, ROWS, &error));
    x[3 * 7] = 0.5;
    free(bytes);
    pyn_detector_free(loaded);
    pyn_detector_free(d);
}

static void few_slow_rows_can_be_cancelled(void **state) {
    (void)state;
    pyn_detector *d = probe("score waits");
    OK(pyn_detector_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 2, 3), NULL, &error));
    int calls = 0;
    pyn_call call = PYN_CALL_INIT;
    call.progress = stop_soon;
    call.progress_context = &calls;
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_score(d, &(pyn_matrix)PYN_MATRIX_F64(x, 4, 3), &call, scores, 4, &error));
    pyn_detector_free(d);
}

static void numbers_of_plugins_that_make_no_sense(void **state) {
    (void)state;
    pyn_detector *d = probe("asks for nonsense");
    OK(pyn_detector_fit(d, &X, NULL, &error));  // the probe says what it was told
    pyn_detector_free(d);
}

static void learning_in_parts(void **state) {
    (void)state;
    pyn_detector *d = probe("good");
    OK(pyn_detector_partial_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 100, 3), NULL, &error));
    OK(pyn_detector_partial_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 50, 3), NULL, &error));
    assert_true(fitted(d, "rows_seen") == 150);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_partial_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 13, 3), NULL, &error));
    assert_message_has("bad luck");
    assert_true(fitted(d, "rows_seen") == 150);  // the failure was a copy's
    STATUS(PYN_ERROR_SHAPE_MISMATCH,
           pyn_detector_partial_fit(d, &(pyn_matrix)PYN_MATRIX_F64(x, 10, 2), NULL, &error));
    pyn_detector_free(d);
    pyn_detector *forest = make_forest(3, 16);
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_detector_partial_fit(forest, &X, NULL, &error));
    assert_message_has("IsolationForest");
    pyn_detector_free(forest);
}

static void shares_sum_to_the_score(void **state) {
    (void)state;
    static double shares[3 * ROWS];
    pyn_detector *d = fitted_probe("good");
    OK(pyn_detector_score(d, &X, NULL, scores, ROWS, &error));
    OK(pyn_detector_explain(d, &X, NULL, shares, 3 * ROWS, &error));
    for (int row = 0; row < ROWS; row++) {
        const double sum = shares[3 * row] + shares[3 * row + 1] + shares[3 * row + 2];
        const double score = scores[row] > 0 ? scores[row] : 0;
        assert_true(fabs(sum - score) < 1e-12 && shares[3 * row] >= 0);
        assert_true(fabs(shares[3 * row + 2] - score / 2) < 1e-12);
    }
    OK(pyn_detector_set_string(d, "behaviour", "explain negative", &error));
    OK(pyn_detector_fit(d, &X, NULL, &error));
    STATUS(PYN_ERROR_PLUGIN, pyn_detector_explain(d, &X, NULL, shares, 3 * ROWS, &error));
    assert_message_has("shares are not negative");
    assert_int_equal(error.column, 2);
    pyn_detector_free(d);
}

static void the_threshold_is_a_quantile(void **state) {
    (void)state;
    static double series[1000];
    for (int i = 0; i < 1000; i++) series[i] = (i * 7) % 1000;
    const pyn_matrix rows = PYN_MATRIX_F64(series, 1000, 1);
    pyn_detector *d = probe("good");
    double threshold;
    OK(pyn_detector_fit(d, &rows, NULL, &error));
    OK(pyn_detector_get_threshold(d, &threshold, &error));
    assert_true(fabs(threshold - 899.1) < 1e-9);
    OK(pyn_detector_set_double(d, "contamination", 0.25, &error));
    OK(pyn_detector_fit(d, &rows, NULL, &error));
    OK(pyn_detector_get_threshold(d, &threshold, &error));
    assert_true(fabs(threshold - 749.25) < 1e-9);
    pyn_detector_free(d);
}

static void model_files(void **state) {
    (void)state;
    pyn_detector *d = fitted_probe("good"), *loaded = NULL;
    size_t size;
    uint8_t *bytes = saved_bytes(d, &size);
    OK(pyn_detector_load_memory(bytes, size, &loaded, &error));
    assert_true(fitted(loaded, "rows_seen") == ROWS);
    OK(pyn_detector_score(d, &X, NULL, scores, ROWS, &error));
    OK(pyn_detector_score(loaded, &X, NULL, again, ROWS, &error));
    assert_same_bits(scores, again, ROWS);
    pyn_model_info info = PYN_MODEL_INFO_INIT;
    OK(pyn_model_get_info_memory(bytes, size, &info, &error));
    assert_string_equal(info.detector, "Probe");
    assert_string_equal(info.detector_version, "1.0.0");
    assert_string_equal(info.plugin, "probe");
    assert_string_equal(info.plugin_version, "1.0.0");
    STATUS(PYN_ERROR_MODEL_FORMAT, pyn_model_get_info_memory(bytes, size - 1, &info, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_model_get_info_memory(bytes, size, &(pyn_model_info){0}, &error));
    OK(pyn_detector_set_string(d, "behaviour", "save fails", &error));
    OK(pyn_detector_fit(d, &X, NULL, &error));
    STATUS(PYN_ERROR_IO, pyn_detector_save_memory(d, NULL, 0, &size, &error));
    assert_message_has("Probe: full");
    free(bytes);
    pyn_detector_free(loaded);
    pyn_detector_free(d);
    pyn_detector *forest = fit_forest(3, 16, &X);
    bytes = saved_bytes(forest, &size);
    OK(pyn_model_get_info_memory(bytes, size, &info, &error));
    assert_string_equal(info.detector, "IsolationForest");
    assert_string_equal(info.plugin, "");
    free(bytes);
    pyn_detector_free(forest);
}

static void memory_of_the_host_is_counted(void **state) {
    (void)state;
    pyn_plugin_info info = PYN_PLUGIN_INFO_INIT;
    OK(pyn_plugin_get_info(0, &info, &error));
    assert_int_equal(info.allocated_blocks, 0);
    assert_string_equal(info.author, "The testers");
    assert_string_equal(info.licence, "Apache-2.0");
    assert_non_null(strstr(info.path, "probe"));
}

static const char *model_path;

// In a process of its own: fit with a plugin and save.
static void save_in_a_child(const char *plugin) {
    const pid_t child = fork();
    if (child == 0) {
        pyn_detector *d = NULL;
        const int failed = pyn_plugin_load(plugin, NULL, NULL) || pyn_detector_create("Probe", &d, NULL) ||
                           pyn_detector_fit(d, &X, NULL, NULL) || pyn_detector_save_file(d, model_path, NULL);
        _exit(failed ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_model_whose_plugin_is_missing(void **state) {
    (void)state;
    model_path = temporary_path("probe.pynomaly");
    save_in_a_child(PROBE_PLUGIN);
    pyn_detector *d = NULL;
    STATUS(PYN_ERROR_MODEL_VERSION, pyn_detector_load_file(model_path, &d, &error));
    assert_message_has("detector \"Probe\" of the plugin \"probe\" 1.0.0, which is not loaded");
    pyn_model_info info = PYN_MODEL_INFO_INIT;
    OK(pyn_model_get_info_file(model_path, &info, &error));
    assert_string_equal(info.plugin, "probe");
}

static char logged[200];
static void take_log(int32_t level, const char *plugin, const char *message, void *context) {
    snprintf(context, sizeof logged, "%d %s %s", (int)level, strrchr(plugin, '/') ? "path" : plugin, message);
}

static void *load_on_a_thread(void *unused) {
    (void)unused;
    pyn_plugin_info info = PYN_PLUGIN_INFO_INIT;
    return pyn_plugin_load(PROBE_PLUGIN, &info, NULL) == PYN_OK && strcmp(info.name, "probe") == 0 ? NULL : logged;
}

static void loading_from_many_threads_is_loading_once(void **state) {
    (void)state;
    // Swift makes its globals on first use, in a way that the thread sanitizer does not know: use them here.
    pyn_option_info option = PYN_OPTION_INFO_INIT;
    OK(pyn_detector_get_option_info("IsolationForest", 1, &option, &error));
    assert_int_equal(pyn_plugin_count(), 0);
    pyn_set_log_callback(take_log, logged);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, load_on_a_thread, NULL), 0);
    for (int i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    pyn_set_log_callback(NULL, NULL);
    assert_string_equal(logged, "3 path the probe is in");
    assert_int_equal(pyn_plugin_count(), 1);
}

static void a_model_of_a_later_plugin(void **state) {
    (void)state;
    pyn_detector *d = NULL;
    OK(pyn_detector_load_file(model_path, &d, &error));
    pyn_detector_free(d);
    // The later plugin in a process that has not loaded the earlier one: this program anew.
    char command[900];
    snprintf(command, sizeof command, "SAVE_WITH='%s' SAVE_AS='%s' %s", LATER_PLUGIN, model_path, getenv("OWN_PATH"));
    assert_int_equal(system(command), 0);
    STATUS(PYN_ERROR_MODEL_VERSION, pyn_detector_load_file(model_path, &d, &error));
    assert_message_has("reads models up to version 1.0.0: update the plugin");
}

int main(int count, char **arguments) {
    (void)count;
    for (int i = 0; i < ROWS * 3; i++) x[i] = (double)((i * 7919) % 10007) / 8192;
    if (getenv("SAVE_WITH")) {
        model_path = getenv("SAVE_AS");
        save_in_a_child(getenv("SAVE_WITH"));
        return 0;
    }
    setenv("OWN_PATH", arguments[0], 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_whose_plugin_is_missing),
        cmocka_unit_test(loading_from_many_threads_is_loading_once),
        cmocka_unit_test(a_model_of_a_later_plugin),
        cmocka_unit_test(failures_of_a_fit),
        cmocka_unit_test(scores_whatever_the_strides),
        cmocka_unit_test(failures_of_a_score),
        cmocka_unit_test(values_that_are_not_finite),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(a_random_seed_is_fresh),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(one_at_a_time_where_the_plugin_asks_for_it),
        cmocka_unit_test(a_call_from_inside_a_call_is_refused_not_hung),
        cmocka_unit_test(options_set_after_a_fit_wait_for_the_next),
        cmocka_unit_test(few_slow_rows_can_be_cancelled),
        cmocka_unit_test(numbers_of_plugins_that_make_no_sense),
        cmocka_unit_test(learning_in_parts),
        cmocka_unit_test(shares_sum_to_the_score),
        cmocka_unit_test(the_threshold_is_a_quantile),
        cmocka_unit_test(model_files),
        cmocka_unit_test(memory_of_the_host_is_counted),
    };
    return cmocka_run_group_tests_name("plugin calls", tests, NULL, NULL);
}
