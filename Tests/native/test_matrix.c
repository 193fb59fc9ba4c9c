// Matrices: shapes, strides, types, and values that cannot be used.
#include "support/support.h"

#include <math.h>

enum { ROWS = 120, COLUMNS = 3 };
static double *x;
static pyn_matrix X;
static pyn_detector *forest;
static double expected[ROWS];

static pyn_status fit(const pyn_matrix *rows) {
    return pyn_detector_fit(forest, rows, NULL, &error);
}
static pyn_status score(const pyn_matrix *rows, double *scores, int64_t count) {
    return pyn_detector_score(forest, rows, NULL, scores, count, &error);
}

// A matrix changed in one member must be refused by fit and by score.
#define REFUSED(status, member, value)             \
    do {                                           \
        pyn_matrix bad = X;                        \
        double scores[ROWS];                       \
        bad.member = (value);                      \
        STATUS(status, fit(&bad));                 \
        STATUS(status, score(&bad, scores, ROWS)); \
    } while (0)

static void unusable_layouts(void **state) {
    (void)state;
    REFUSED(PYN_ERROR_INVALID_DATA, dtype, 0);
    REFUSED(PYN_ERROR_INVALID_DATA, dtype, 3);
    REFUSED(PYN_ERROR_INVALID_DATA, dtype, -1);
    REFUSED(PYN_ERROR_INVALID_DATA, rows, -1);
    REFUSED(PYN_ERROR_INVALID_DATA, rows, INT64_MIN);
    REFUSED(PYN_ERROR_INVALID_DATA, columns, -1);
    REFUSED(PYN_ERROR_INVALID_DATA, rows, ((int64_t)1 << 48) + 1);
    REFUSED(PYN_ERROR_INVALID_DATA, rows, INT64_MAX);
    REFUSED(PYN_ERROR_INVALID_DATA, columns, INT64_MAX);
    REFUSED(PYN_ERROR_INVALID_DATA, row_stride, INT64_MAX);
    REFUSED(PYN_ERROR_INVALID_DATA, row_stride, INT64_MIN);
    REFUSED(PYN_ERROR_INVALID_DATA, column_stride, INT64_MIN);
    REFUSED(PYN_ERROR_INVALID_DATA, data, (const char *)x + 1);
    REFUSED(PYN_ERROR_INVALID_DATA, data, (const char *)x + 4);
    REFUSED(PYN_ERROR_INVALID_DATA, row_stride, COLUMNS * 8 - 4);
    REFUSED(PYN_ERROR_INVALID_DATA, column_stride, 7);
    pyn_matrix absurd = X;
    absurd.rows = absurd.columns = (int64_t)1 << 40;
    STATUS(PYN_ERROR_INVALID_DATA, fit(&absurd));
    absurd.row_stride = absurd.column_stride = (int64_t)1 << 40;
    STATUS(PYN_ERROR_INVALID_DATA, fit(&absurd));
}

static void structs_of_other_versions(void **state) {
    (void)state;
    double scores[ROWS];
    pyn_matrix other = X;
    other.struct_size = 0;  // never set
    assert_int_not_equal(fit(&other), PYN_OK);
    other.struct_size = sizeof(pyn_matrix) - 8;  // older than the first version
    assert_int_not_equal(fit(&other), PYN_OK);
    other.struct_size = sizeof(pyn_matrix) + 8;  // of a later version: what is known is used
    OK(fit(&other));
    OK(score(&other, scores, ROWS));
    assert_same_bits(scores, expected, ROWS);
}

static void strides_and_types_are_only_views(void **state) {
    (void)state;
    double column_major[ROWS * COLUMNS], reversed[ROWS * COLUMNS], wide[ROWS * 7], scores[ROWS];
    float floats[ROWS * COLUMNS];
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            const double value = x[r * COLUMNS + c];
            column_major[c * ROWS + r] = value;
            reversed[(ROWS - 1 - r) * COLUMNS + (COLUMNS - 1 - c)] = value;
            wide[r * 7 + 2 * c] = value;
            wide[r * 7 + 2 * c + 1] = NAN;  // in the gaps: never to be read
            floats[r * COLUMNS + c] = (float)value;
        }
    const pyn_matrix views[] = {
        {sizeof(pyn_matrix), column_major, PYN_FLOAT64, 0, ROWS, COLUMNS, 8, 8 * ROWS},
        {sizeof(pyn_matrix), reversed + ROWS * COLUMNS - 1, PYN_FLOAT64, 0, ROWS, COLUMNS, -8 * COLUMNS, -8},
        {sizeof(pyn_matrix), wide, PYN_FLOAT64, 0, ROWS, COLUMNS, 8 * 7, 16},
        PYN_MATRIX_F32(floats, ROWS, COLUMNS),
    };
    for (int i = 0; i < COUNT(views); i++) {
        OK(fit(&X));
        OK(score(&views[i], scores, ROWS));
        assert_same_bits(scores, expected, ROWS);
        OK(fit(&views[i]));
        OK(score(&X, scores, ROWS));
        assert_same_bits(scores, expected, ROWS);
    }
}

static void zero_strides_repeat(void **state) {
    (void)state;
    double repeated[ROWS * COLUMNS], scores[ROWS], same[ROWS];
    for (int i = 0; i < ROWS * COLUMNS; i++) repeated[i] = x[i % COLUMNS];
    const pyn_matrix all = PYN_MATRIX_F64(repeated, ROWS, COLUMNS);
    pyn_matrix one = X;
    one.row_stride = 0;
    OK(fit(&X));
    OK(score(&one, scores, ROWS));
    OK(score(&all, same, ROWS));
    assert_same_bits(scores, same, ROWS);
    one.column_stride = 0;
    OK(fit(&one));
}

static void small_and_flat(void **state) {
    (void)state;
    double scores[ROWS];
    pyn_matrix m = X;
    m.rows = 0;
    STATUS(PYN_ERROR_INVALID_DATA, fit(&m));
    m = X;
    m.columns = 0;
    STATUS(PYN_ERROR_INVALID_DATA, fit(&m));
    m = X;
    m.rows = 1;
    OK(fit(&m));
    OK(score(&X, scores, ROWS));
    for (int r = 0; r < ROWS; r++) assert_true(scores[r] >= 0 && scores[r] <= 1);

    double flat[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) flat[i] = 42;
    const pyn_matrix constant = PYN_MATRIX_F64(flat, ROWS, COLUMNS);
    OK(fit(&constant));
    OK(score(&constant, scores, ROWS));
    for (int r = 0; r < ROWS; r++) assert_true(scores[r] == scores[0] && isfinite(scores[r]));
}

static void no_rows_score_to_nothing(void **state) {
    (void)state;
    double untouched = 42;
    int32_t label = 42;
    pyn_matrix none = X;
    none.rows = 0;
    OK(fit(&X));
    OK(score(&none, &untouched, 0));
    none.data = NULL;
    OK(score(&none, &untouched, 1));
    OK(pyn_detector_predict(forest, &none, NULL, &label, 1, &error));
    OK(pyn_detector_explain(forest, &none, NULL, &untouched, 1, &error));
    assert_true(untouched == 42 && label == 42);
}

static void not_a_number_is_found_and_named(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    static const int rows[] = {0, 57, ROWS - 1};
    double copy[ROWS * COLUMNS], scores[ROWS];
    float floats[ROWS * COLUMNS];
    for (int i = 0; i < COUNT(bad); i++)
        for (int k = 0; k < COUNT(rows); k++)
            for (int c = 0; c < COLUMNS; c++) {
                memcpy(copy, x, sizeof copy);
                copy[rows[k] * COLUMNS + c] = bad[i];
                for (int j = 0; j < ROWS * COLUMNS; j++) floats[j] = (float)copy[j];
                const pyn_matrix matrices[] = {PYN_MATRIX_F64(copy, ROWS, COLUMNS),
                                               PYN_MATRIX_F32(floats, ROWS, COLUMNS)};
                for (int m = 0; m < 2; m++)
                    for (int scoring = 0; scoring < 2; scoring++) {
                        STATUS(PYN_ERROR_INVALID_DATA,
                               scoring ? score(&matrices[m], scores, ROWS) : fit(&matrices[m]));
                        assert_int_equal(error.row, rows[k]);
                        assert_int_equal(error.column, c);
                        char number[32];
                        snprintf(number, sizeof number, "%d", rows[k]);
                        assert_message_has(number);
                    }
            }
}

static void the_first_bad_value_of_many_is_named(void **state) {
    (void)state;
    enum { MANY = 30000 };
    double *many = make_rows(MANY, 2, 3), *scores = malloc(MANY * sizeof *scores);
    const pyn_matrix m = PYN_MATRIX_F64(many, MANY, 2);
    OK(fit(&m));
    many[2 * 29000 + 1] = many[2 * 17001] = many[2 * 9000 + 1] = NAN;
    for (int32_t threads = 1; threads <= 8; threads *= 2) {
        pyn_call call = PYN_CALL_INIT;
        call.threads = threads;
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_score(forest, &m, &call, scores, MANY, &error));
        assert_int_equal(error.row, 9000);
        assert_int_equal(error.column, 1);
        STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(forest, &m, &call, &error));
        assert_int_equal(error.row, 9000);
    }
    free(many);
    free(scores);
}

static void numbers_too_large_for_a_float(void **state) {
    (void)state;
    // Finite as doubles, whatever the library computes with inside: a score or a plain refusal.
    double huge[] = {1e300, -1e300, 1e308, -1e308, 5e-324, 0}, scores[2];
    const pyn_matrix m = PYN_MATRIX_F64(huge, 2, COLUMNS);
    OK(fit(&X));
    if (score(&m, scores, 2) == PYN_OK) assert_true(isfinite(scores[0]) && isfinite(scores[1]));
    if (fit(&m) == PYN_OK) {
        OK(score(&m, scores, 2));
        assert_true(isfinite(scores[0]) && isfinite(scores[1]));
    }
}

static void missing_values_where_allowed(void **state) {
    (void)state;
    double copy[ROWS * COLUMNS], scores[ROWS];
    memcpy(copy, x, sizeof copy);
    for (int r = 0; r < ROWS; r += 7) copy[r * COLUMNS + r % COLUMNS] = NAN;
    const pyn_matrix gaps = PYN_MATRIX_F64(copy, ROWS, COLUMNS);
    OK(pyn_detector_set_string(forest, "missing_values", "native", &error));
    OK(fit(&gaps));
    OK(score(&gaps, scores, ROWS));
    for (int r = 0; r < ROWS; r++) assert_true(scores[r] > 0 && scores[r] <= 1);
    copy[5] = INFINITY;
    STATUS(PYN_ERROR_INVALID_DATA, fit(&gaps));
    STATUS(PYN_ERROR_INVALID_DATA, score(&gaps, scores, ROWS));
    assert_int_equal(error.row, 1);
    assert_int_equal(error.column, 2);
}

static void shapes_that_do_not_fit(void **state) {
    (void)state;
    double scores[ROWS * COLUMNS + 1];
    int32_t labels[ROWS];
    OK(fit(&X));
    pyn_matrix narrow = X;
    narrow.columns = COLUMNS - 1;
    STATUS(PYN_ERROR_SHAPE_MISMATCH, score(&narrow, scores, ROWS));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, score(&X, scores, ROWS - 1));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, score(&X, scores, 0));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, score(&X, scores, -1));
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_predict(forest, &X, NULL, labels, ROWS - 1, &error));
    STATUS(PYN_ERROR_SHAPE_MISMATCH,
           pyn_detector_explain(forest, &X, NULL, scores, ROWS * COLUMNS - 1, &error));
    scores[ROWS] = 42;
    OK(score(&X, scores, ROWS + 1));
    assert_true(scores[ROWS] == 42);
    scores[ROWS * COLUMNS] = 42;
    OK(pyn_detector_explain(forest, &X, NULL, scores, ROWS * COLUMNS + 1, &error));
    assert_true(scores[ROWS * COLUMNS] == 42);
}

static int set_up(void **state) {
    (void)state;
    x = make_rows(ROWS, COLUMNS, 1);
    X = (pyn_matrix)PYN_MATRIX_F64(x, ROWS, COLUMNS);
    forest = fit_forest(10, 64, &X);
    OK(score(&X, expected, ROWS));
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(forest);
    free(x);
    return 0;
}

// Strides whose sum passes what an address can hold.
static void strides_of_opposite_signs(void **state) {
    (void)state;
    static double values[4];
    pyn_matrix wild = PYN_MATRIX_F64(values, 2, 2);
    wild.row_stride = -16;
    wild.column_stride = 0x7ffffffffffffff0;
    pyn_detector *forest = make_forest(3, 16);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_detector_fit(forest, &wild, NULL, &error));
    pyn_detector_free(forest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strides_of_opposite_signs),
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(unusable_layouts),
        TEST(structs_of_other_versions),
        TEST(strides_and_types_are_only_views),
        TEST(zero_strides_repeat),
        TEST(small_and_flat),
        TEST(no_rows_score_to_nothing),
        TEST(not_a_number_is_found_and_named),
        TEST(the_first_bad_value_of_many_is_named),
        TEST(numbers_too_large_for_a_float),
        TEST(missing_values_where_allowed),
        TEST(shapes_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
}
