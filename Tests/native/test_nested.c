// Detectors that hold detectors: how their options are described, set and read, and series in streams.
#include "support/arrow.h"
#include "support/support.h"

static pyn_detector *detector;

static void make(const char *name) {
    pyn_detector_free(detector);
    detector = NULL;
    OK(pyn_detector_create(name, &detector, &error));
}

static pyn_option_info described(const char *name, const char *option) {
    pyn_option_info info = PYN_OPTION_INFO_INIT;
    for (int64_t i = 0; pyn_detector_get_option_info(name, i, &info, NULL) == PYN_OK; i++)
        if (strcmp(info.name, option) == 0) return info;
    fail_msg("%s has no option %s", name, option);
    return info;
}

static void hosts_are_told_what_a_string_holds(void **state) {
    (void)state;
    const pyn_option_info list = described("Ensemble", "detectors");
    assert_int_equal(list.types, PYN_OPTION_STRING | PYN_OPTION_DETECTOR_LIST);
    assert_int_equal(list.choice_count, 0);
    assert_non_null(strstr(list.allowed, "KNN(n_neighbors=10)"));
    assert_int_equal(described("SlidingWindow", "detector").types, PYN_OPTION_STRING | PYN_OPTION_DETECTOR);
    const pyn_option_info weights = described("Ensemble", "weights");
    assert_int_equal(weights.types, PYN_OPTION_STRING | PYN_OPTION_NUMBER_LIST);
    assert_int_equal(weights.choice_count, 1);
    assert_int_equal(described("KNN", "metric").types, PYN_OPTION_STRING);
}

static void texts_read_back_in_one_form(void **state) {
    (void)state;
    pyn_value value = PYN_VALUE_INIT;
    make("Ensemble");
    OK(pyn_detector_set_string(detector, "detectors", "PCA,KNN ( metric=manhattan,n_neighbors=3 )", &error));
    OK(pyn_detector_get_option(detector, "detectors", &value, &error));
    assert_int_equal(value.type, PYN_OPTION_STRING);
    assert_string_equal(value.string_value, "[PCA, KNN(n_neighbors=3, metric=\"manhattan\")]");
    const char *before = value.string_value;

    // A refused text changes nothing, and says at which character it is wrong.
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_detector_set_string(detector, "detectors", "[PCA, KNN(k=3)]", &error));
    assert_message_has("option detectors: at character 11: KNN: there is no option \"k\"");
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_detector_set_text(detector, "detectors", "Oracle", &error));
    assert_message_has("at character 1: there is no detector \"Oracle\"");
    STATUS(PYN_ERROR_INVALID_OPTION, pyn_detector_set_int(detector, "detectors", 3, &error));
    OK(pyn_detector_get_option(detector, "detectors", &value, &error));
    assert_ptr_equal(value.string_value, before);

    // The string lives until the option is set again.
    OK(pyn_detector_set_text(detector, "weights", "[1,2]", &error));
    OK(pyn_detector_get_option(detector, "weights", &value, &error));
    assert_string_equal(value.string_value, "[1.0, 2.0]");
    assert_string_equal(before, "[PCA, KNN(n_neighbors=3, metric=\"manhattan\")]");
    for (int i = 0; i < 100; i++) {  // under valgrind: each earlier text is freed
        char text[32];
        snprintf(text, sizeof text, "KNN(n_neighbors=%d)", i + 1);
        OK(pyn_detector_set_string(detector, "detectors", text, &error));
        OK(pyn_detector_get_option(detector, "detectors", &value, &error));
        assert_non_null(strstr(value.string_value, text));
    }
}

static void series_are_told(void **state) {
    (void)state;
    make("SlidingWindow");
    assert_int_equal(pyn_detector_reads_series(detector), 1);
    make("Ensemble");
    assert_int_equal(pyn_detector_reads_series(detector), 0);
    OK(pyn_detector_set_string(detector, "detectors", "[KNN, SlidingWindow]", &error));
    assert_int_equal(pyn_detector_reads_series(detector), 1);
    pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
    OK(pyn_detector_get_info("SlidingWindow", &info, &error));
    assert_true(info.capabilities & PYN_CAPABILITY_SERIES);
    OK(pyn_detector_get_info("KNN", &info, &error));
    assert_false(info.capabilities & PYN_CAPABILITY_SERIES);
}

enum { ROWS = 90 };

struct taken {
    double scores[ROWS];
    int64_t rows, calls;
};

static int32_t take(const double *scores, int64_t first_row, int64_t count, void *context) {
    struct taken *taken = context;
    assert_int_equal(first_row, taken->rows);
    memcpy(taken->scores + first_row, scores, (size_t)count * sizeof *scores);
    taken->rows += count;
    taken->calls++;
    return 0;
}

static int32_t stop(const double *scores, int64_t first_row, int64_t count, void *context) {
    (void)scores, (void)first_row, (void)count, (void)context;
    return 1;
}

// However a stream is cut into batches, it is one series.
static void a_stream_is_one_series(void **state) {
    (void)state;
    int32_t integers[ROWS];
    double doubles[ROWS], both[ROWS * 2], expected[ROWS];
    for (int i = 0; i < ROWS; i++) {
        integers[i] = i % 7;
        doubles[i] = i % 11 + (i == 50 ? 30 : 0);
        both[2 * i] = integers[i];
        both[2 * i + 1] = doubles[i];
    }
    const pyn_matrix X = PYN_MATRIX_F64(both, ROWS, 2);
    make("SlidingWindow");
    OK(pyn_detector_set_string(detector, "detector", "KNN(n_neighbors=2)", &error));
    OK(pyn_detector_fit(detector, &X, NULL, &error));
    OK(pyn_detector_score(detector, &X, NULL, expected, ROWS, &error));

    static const int64_t batches[] = {1, 7, 30, ROWS};
    for (int k = 0; k < COUNT(batches); k++) {
        struct table table = TABLE_INIT;
        table.integers = integers;
        table.doubles = doubles;
        table.rows = ROWS;
        table.batch = batches[k];
        struct ArrowArrayStream stream;
        struct taken taken = {{0}, 0, 0};
        make("SlidingWindow");
        OK(pyn_detector_set_string(detector, "detector", "KNN(n_neighbors=2)", &error));
        open_table(&table, &stream);
        OK(pyn_detector_fit_stream(detector, &stream, NULL, &error));
        open_table(&table, &stream);
        OK(pyn_detector_score_stream(detector, &stream, NULL, take, &taken, &error));
        assert_int_equal(taken.rows, ROWS);
        assert_int_equal(taken.calls, (ROWS + batches[k] - 1) / batches[k]);
        assert_same_bits(taken.scores, expected, ROWS);
        open_table(&table, &stream);
        STATUS(PYN_ERROR_CANCELLED, pyn_detector_score_stream(detector, &stream, NULL, stop, NULL, &error));
    }
}

static void a_series_shorter_than_the_window(void **state) {
    (void)state;
    double x[9] = {0}, scores[9];
    const pyn_matrix X = PYN_MATRIX_F64(x, 9, 1);
    make("SlidingWindow");
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(detector, &X, NULL, &error));
    assert_message_has("the series has 9 rows, fewer than the 10 of a window");
    OK(pyn_detector_set_int(detector, "window", 3, &error));
    OK(pyn_detector_fit(detector, &X, NULL, &error));
    OK(pyn_detector_score(detector, &X, NULL, scores, 9, &error));
    const pyn_matrix two = PYN_MATRIX_F64(x, 2, 1);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score(detector, &two, NULL, scores, 2, &error));
    double window = 0;
    OK(pyn_detector_get_fitted(detector, "window", &window, &error));
    assert_true(window == 3);
}

static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(detector);
    detector = NULL;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(hosts_are_told_what_a_string_holds, tear_down),
        cmocka_unit_test_teardown(texts_read_back_in_one_form, tear_down),
        cmocka_unit_test_teardown(series_are_told, tear_down),
        cmocka_unit_test_teardown(a_stream_is_one_series, tear_down),
        cmocka_unit_test_teardown(a_series_shorter_than_the_window, tear_down),
    };
    return cmocka_run_group_tests_name("nested", tests, NULL, NULL);
}
