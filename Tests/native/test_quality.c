// ROC-AUC and average precision against values worked out by hand (and scikit-learn's).
#include "support/support.h"

#include <math.h>

static void assert_measures(const double *scores, const int32_t *labels, int64_t count, double roc,
                            double precision) {
    double value = -1;
    OK(pyn_roc_auc(scores, labels, count, &value, &error));
    assert_true(fabs(value - roc) < 1e-12);
    OK(pyn_average_precision(scores, labels, count, &value, &error));
    assert_true(fabs(value - precision) < 1e-12);
}

static void known_answers(void **state) {
    (void)state;
    const double s[] = {0.1, 0.4, 0.35, 0.8};
    assert_measures(s, (const int32_t[]){0, 0, 1, 1}, 4, 0.75, 5.0 / 6);
    assert_measures(s, (const int32_t[]){0, 1, 0, 1}, 4, 1, 1);
    assert_measures(s, (const int32_t[]){1, 0, 1, 0}, 4, 0, 1.0 / 2 * 1 / 3 + 1.0 / 2 * 2 / 4);
    assert_measures(s, (const int32_t[]){0, -7, 0, 42}, 4, 1, 1);  // anything but 0 is an outlier
    const double ties[] = {0.5, 0.5, 0.5, 0.5};
    assert_measures(ties, (const int32_t[]){0, 1, 0, 0}, 4, 0.5, 0.25);
    const double endless[] = {-INFINITY, INFINITY};
    assert_measures(endless, (const int32_t[]){0, 1}, 2, 1, 1);
}

static void what_cannot_be_measured(void **state) {
    (void)state;
    double value = 0;
    double s[] = {0.1, 0.4, NAN, 0.8};
    const int32_t both[] = {0, 1, 0, 1}, none[] = {0, 0, 0, 0}, all[] = {1, 1, 1, 1};
    STATUS(PYN_ERROR_INVALID_DATA, pyn_roc_auc(s, both, 4, &value, &error));
    assert_int_equal(error.row, 2);
    STATUS(PYN_ERROR_INVALID_DATA, pyn_average_precision(s, both, 4, &value, &error));
    s[2] = 0;
    STATUS(PYN_ERROR_INVALID_DATA, pyn_roc_auc(s, none, 4, &value, &error));
    STATUS(PYN_ERROR_INVALID_DATA, pyn_roc_auc(s, all, 4, &value, &error));
    STATUS(PYN_ERROR_INVALID_DATA, pyn_average_precision(s, none, 4, &value, &error));
    STATUS(PYN_ERROR_INVALID_DATA, pyn_roc_auc(s, both, 0, &value, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_roc_auc(s, both, -1, &value, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_average_precision(s, both, INT64_MIN, &value, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(what_cannot_be_measured),
    };
    return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}
