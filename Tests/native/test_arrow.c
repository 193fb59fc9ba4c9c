// Arrow streams: the same model and scores as the same rows as a matrix; errors; who releases what.
#include "support/arrow.h"
#include "support/support.h"

#include <math.h>

enum { ROWS = 500 };
static int32_t integers[ROWS];
static double doubles[ROWS], rows[ROWS * 2], expected[ROWS];
static unsigned char nulls[ROWS];
static pyn_matrix X;
static pyn_detector *forest;
static struct table table;
static struct ArrowArrayStream stream;

struct taken { double scores[ROWS]; int64_t next, stop_at; };

static int32_t take(const double *scores, int64_t first_row, int64_t count, void *context) {
    struct taken *taken = context;
    assert_int_equal(first_row, taken->next);
    assert_true(count > 0 && first_row + count <= ROWS);
    if (first_row + count > taken->stop_at) return 1;
    memcpy(taken->scores + first_row, scores, (size_t)count * sizeof *scores);
    taken->next += count;
    return 0;
}

static void same_as_a_matrix(void **state) {
    (void)state;
    static const int64_t batches[] = {1, 7, 64, ROWS}, offsets[] = {0, 1, 13};
    double scores[ROWS];
    for (int b = 0; b < COUNT(batches); b++)
        for (int o = 0; o < COUNT(offsets); o++) {
            table.batch = batches[b];
            table.offset = offsets[o];
            open_table(&table, &stream);
            OK(pyn_detector_fit_stream(forest, &stream, NULL, &error));
            assert_null(stream.release);
            assert_true(all_released(&table));
            OK(pyn_detector_score(forest, &X, NULL, scores, ROWS, &error));
            assert_same_bits(scores, expected, ROWS);
            assert_string_equal(pyn_detector_get_feature_name(forest, 0), "count");
            assert_string_equal(pyn_detector_get_feature_name(forest, 1), "value");

            struct taken taken = {.stop_at = ROWS};
            open_table(&table, &stream);
            OK(pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
            assert_true(all_released(&table));
            assert_int_equal(taken.next, ROWS);
            assert_same_bits(taken.scores, expected, ROWS);
        }
}

static void nulls_are_missing_values(void **state) {
    (void)state;
    double with_gaps[ROWS * 2], wanted[ROWS];
    memcpy(with_gaps, rows, sizeof rows);
    for (int r = 5; r < ROWS; r += 11) {
        nulls[r] = 1;
        with_gaps[2 * r] = NAN;
    }
    table.nulls = nulls;
    table.batch = 100;
    table.offset = 5;
    open_table(&table, &stream);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit_stream(forest, &stream, NULL, &error));
    assert_int_equal(error.row, 5);
    assert_int_equal(error.column, 0);
    assert_true(all_released(&table));

    // The row counts from the stream's beginning, not the batch's.
    memset(nulls, 0, sizeof nulls);
    nulls[321] = 1;
    open_table(&table, &stream);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit_stream(forest, &stream, NULL, &error));
    assert_int_equal(error.row, 321);
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    struct taken ignored = {.stop_at = ROWS};
    open_table(&table, &stream);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score_stream(forest, &stream, NULL, take, &ignored, &error));
    assert_int_equal(error.row, 321);
    assert_true(all_released(&table));

    for (int r = 0; r < ROWS; r++) nulls[r] = isnan(with_gaps[2 * r]) != 0;
    const pyn_matrix gaps = PYN_MATRIX_F64(with_gaps, ROWS, 2);
    OK(pyn_detector_set_string(forest, "missing_values", "native", &error));
    OK(pyn_detector_fit(forest, &gaps, NULL, &error));
    OK(pyn_detector_score(forest, &gaps, NULL, wanted, ROWS, &error));
    open_table(&table, &stream);
    OK(pyn_detector_fit_stream(forest, &stream, NULL, &error));
    struct taken taken = {.stop_at = ROWS};
    open_table(&table, &stream);
    OK(pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
    assert_same_bits(taken.scores, wanted, ROWS);
}

static void the_producers_errors_come_through(void **state) {
    (void)state;
    double scores[ROWS];
    table.batch = 100;
    table.fail_at = 2;
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    open_table(&table, &stream);
    STATUS(PYN_ERROR_IO, pyn_detector_fit_stream(forest, &stream, NULL, &error));
    assert_message_has("the tape is torn");
    assert_true(all_released(&table));
    struct taken taken = {.stop_at = ROWS};
    open_table(&table, &stream);
    STATUS(PYN_ERROR_IO, pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
    assert_message_has("the tape is torn");
    assert_true(all_released(&table));
    OK(pyn_detector_score(forest, &X, NULL, scores, ROWS, &error));  // the old model stayed
    assert_same_bits(scores, expected, ROWS);

    table.fail_schema = 1;  // and has no words for it
    open_table(&table, &stream);
    STATUS(PYN_ERROR_IO, pyn_detector_fit_stream(forest, &stream, NULL, &error));
    assert_true(all_released(&table));
}

static void columns_that_are_no_numbers(void **state) {
    (void)state;
    static const char *const formats[] = {"u", "z", "+l", "e", "d:10,2", "", "tsu:", "n", "+s"};
    for (int i = 0; i < COUNT(formats); i++) {
        table.format = formats[i];
        open_table(&table, &stream);
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit_stream(forest, &stream, NULL, &error));
        assert_message_has("count");
        assert_int_equal(error.column, 0);
        assert_true(all_released(&table));
    }
}

static void a_stream_without_rows(void **state) {
    (void)state;
    table.rows = 0;
    open_table(&table, &stream);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit_stream(forest, &stream, NULL, &error));
    assert_true(all_released(&table));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    struct taken taken = {.stop_at = ROWS};
    open_table(&table, &stream);
    OK(pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
    assert_int_equal(taken.next, 0);
    assert_true(all_released(&table));
}

static void a_stream_already_released(void **state) {
    (void)state;
    struct ArrowArrayStream gone = {0};
    assert_int_not_equal(pyn_detector_fit_stream(forest, &gone, NULL, NULL), PYN_OK);
    struct taken taken = {.stop_at = ROWS};
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    assert_int_not_equal(pyn_detector_score_stream(forest, &gone, NULL, take, &taken, NULL), PYN_OK);
}

static void streams_released_when_the_call_is_refused(void **state) {
    (void)state;
    struct taken taken = {.stop_at = ROWS};
    open_table(&table, &stream);
    STATUS(PYN_ERROR_NOT_FITTED, pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
    assert_true(all_released(&table));
    double one[] = {1, 2, 3};
    const pyn_matrix other = PYN_MATRIX_F64(one, 1, 3);
    OK(pyn_detector_fit(forest, &other, NULL, &error));
    open_table(&table, &stream);
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
    assert_true(all_released(&table));
}

static int32_t always_cancel(double fraction, const char *stage, void *context) {
    (void)fraction, (void)stage, (void)context;
    return 1;
}

static void cancelling(void **state) {
    (void)state;
    pyn_call call = PYN_CALL_INIT;
    double scores[ROWS];
    call.progress = always_cancel;
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    open_table(&table, &stream);
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_fit_stream(forest, &stream, &call, &error));
    assert_true(all_released(&table));
    OK(pyn_detector_score(forest, &X, NULL, scores, ROWS, &error));
    assert_same_bits(scores, expected, ROWS);

    struct taken taken = {.stop_at = 120};
    table.batch = 50;
    open_table(&table, &stream);
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_score_stream(forest, &stream, NULL, take, &taken, &error));
    assert_true(taken.next <= 120);
    assert_true(all_released(&table));
}

static void more_rows_than_are_kept(void **state) {
    (void)state;
    const int64_t many = environment_number("PYN_TEST_ROWS", 20000) * 10;
    int32_t *counts = malloc((size_t)many * sizeof *counts);
    double *values = make_rows(many, 1, 5), scores[2][ROWS];
    for (int64_t r = 0; r < many; r++) counts[r] = (int32_t)(r % 1000);
    table = (struct table)TABLE_INIT;
    table.integers = counts, table.doubles = values, table.rows = many;
    for (int i = 0; i < 2; i++) {
        table.batch = i ? 1024 : 10007;  // how it is cut up must not matter
        open_table(&table, &stream);
        OK(pyn_detector_fit_stream(forest, &stream, NULL, &error));
        assert_true(all_released(&table));
        OK(pyn_detector_score(forest, &X, NULL, scores[i], ROWS, &error));
    }
    assert_same_bits(scores[0], scores[1], ROWS);
    free(counts), free(values);
}

static pyn_detector *streaming(const char *name) {
    pyn_detector *detector = NULL;
    OK(pyn_detector_create(name, &detector, &error));
    return detector;
}

static void detectors_that_go_on_learning(void **state) {
    (void)state;
    static const char *const names[] = {"HalfSpaceTrees", "RobustRandomCutForest"};
    for (int n = 0; n < COUNT(names); n++) {
        double wanted[ROWS], scores[ROWS], value;
        pyn_detector *whole = streaming(names[n]), *parts = streaming(names[n]), *copy = NULL;
        OK(pyn_detector_fit(whole, &X, NULL, &error));
        OK(pyn_detector_score(whole, &X, NULL, wanted, ROWS, &error));
        table.batch = 33;
        open_table(&table, &stream);
        OK(pyn_detector_fit_stream(parts, &stream, NULL, &error));
        assert_true(all_released(&table));
        OK(pyn_detector_score(parts, &X, NULL, scores, ROWS, &error));
        assert_same_bits(scores, wanted, ROWS);

        // A failure in the midst of a stream, and one before it, change nothing.
        table.fail_at = 3;
        open_table(&table, &stream);
        STATUS(PYN_ERROR_IO, pyn_detector_partial_fit_stream(parts, &stream, NULL, &error));
        assert_message_has("the tape is torn");
        assert_true(all_released(&table));
        table.fail_at = -1;
        static unsigned char gap[ROWS];
        gap[444] = 1;
        table.nulls = gap;
        open_table(&table, &stream);
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_partial_fit_stream(parts, &stream, NULL, &error));
        assert_int_equal(error.row, 444);
        table.nulls = NULL, table.rows = 0;
        open_table(&table, &stream);
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_partial_fit_stream(parts, &stream, NULL, &error));
        assert_message_has("no rows");
        table.rows = ROWS;
        OK(pyn_detector_score(parts, &X, NULL, scores, ROWS, &error));
        assert_same_bits(scores, wanted, ROWS);

        // A copy goes its own way.
        OK(pyn_detector_copy(parts, &copy, &error));
        assert_string_equal(pyn_detector_get_feature_name(copy, 1), "value");
        for (int i = 0; i < 2; i++) {
            open_table(&table, &stream);
            OK(pyn_detector_partial_fit_stream(copy, &stream, NULL, &error));
            assert_true(all_released(&table));
        }
        OK(pyn_detector_score(parts, &X, NULL, scores, ROWS, &error));
        assert_same_bits(scores, wanted, ROWS);
        if (n == 1) {
            OK(pyn_detector_get_fitted(copy, "n_samples", &value, &error));
            assert_true(value == 3 * ROWS);
        }

        // The columns stay the same, in number and name.
        static const char *const others[] = {"value", "count"};
        OK(pyn_detector_set_feature_names(copy, others, 2, &error));
        open_table(&table, &stream);
        STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_partial_fit_stream(copy, &stream, NULL, &error));
        assert_message_has("count");
        struct taken taken = {.stop_at = ROWS};
        open_table(&table, &stream);
        STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_score_stream(copy, &stream, NULL, take, &taken, &error));
        double three[] = {1, 2, 3};
        OK(pyn_detector_fit(copy, &(pyn_matrix)PYN_MATRIX_F64(three, 1, 3), NULL, &error));
        open_table(&table, &stream);
        STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_partial_fit_stream(copy, &stream, NULL, &error));
        assert_true(all_released(&table));
        pyn_detector_free(whole), pyn_detector_free(parts), pyn_detector_free(copy);
    }
    open_table(&table, &stream);
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_detector_partial_fit_stream(forest, &stream, NULL, &error));
    assert_message_has("warm_start");
    assert_true(all_released(&table));
}

static void batches_of_another_width(void **state) {
    (void)state;
    pyn_detector *detector = streaming("HalfSpaceTrees");
    OK(pyn_detector_fit(detector, &X, NULL, &error));
    double wanted[ROWS], scores[ROWS];
    OK(pyn_detector_score(detector, &X, NULL, wanted, ROWS, &error));
    table.batch = 100, table.narrow_at = 3;
    open_table(&table, &stream);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_partial_fit_stream(detector, &stream, NULL, &error));
    assert_message_has("1 columns");
    assert_true(all_released(&table));
    open_table(&table, &stream);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit_stream(detector, &stream, NULL, &error));
    OK(pyn_detector_score(detector, &X, NULL, scores, ROWS, &error));
    assert_same_bits(scores, wanted, ROWS);
    pyn_detector_free(detector);
}

static int set_up(void **state) {
    (void)state;
    double *x = make_rows(ROWS, 1, 3);
    for (int r = 0; r < ROWS; r++) {
        rows[2 * r] = integers[r] = r % 50 == 49 ? 1000 - r : r % 17;
        rows[2 * r + 1] = doubles[r] = x[r];
    }
    free(x);
    memset(nulls, 0, sizeof nulls);
    X = (pyn_matrix)PYN_MATRIX_F64(rows, ROWS, 2);
    table = (struct table)TABLE_INIT;
    table.integers = integers, table.doubles = doubles, table.rows = ROWS;
    pyn_detector *reference = fit_forest(20, 64, &X);
    OK(pyn_detector_score(reference, &X, NULL, expected, ROWS, &error));
    pyn_detector_free(reference);
    forest = make_forest(20, 64);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(forest);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(same_as_a_matrix),
        TEST(nulls_are_missing_values),
        TEST(the_producers_errors_come_through),
        TEST(columns_that_are_no_numbers),
        TEST(a_stream_without_rows),
        TEST(a_stream_already_released),
        TEST(streams_released_when_the_call_is_refused),
        TEST(cancelling),
        TEST(more_rows_than_are_kept),
        TEST(detectors_that_go_on_learning),
        TEST(batches_of_another_width),
    };
    return cmocka_run_group_tests_name("arrow", tests, NULL, NULL);
}
