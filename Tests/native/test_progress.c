// Progress callbacks: what they are told, and cancelling.
#include "support/support.h"

static double *x;
static pyn_matrix X;
static int64_t rows;

struct watch {
    int calls, cancel_at;  // cancel at this call, counted from 1; 0: never
    double last;
    char stages[64];
};

static int32_t on_progress(double fraction, const char *stage, void *context) {
    struct watch *watch = context;
    assert_non_null(stage);
    assert_true(fraction >= watch->last && fraction <= 1);
    watch->last = fraction;
    watch->calls++;
    if (strstr(watch->stages, stage) == NULL) strcat(strcat(watch->stages, stage), " ");
    return watch->calls == watch->cancel_at ? -42 : 0;
}

static pyn_call watched(struct watch *watch) {
    pyn_call call = PYN_CALL_INIT;
    call.progress = on_progress;
    call.progress_context = watch;
    return call;
}

static void progress_goes_to_one(void **state) {
    (void)state;
    double *scores = malloc((size_t)rows * 5 * sizeof *scores);
    pyn_detector *forest = make_forest(60, rows);
    struct watch watch = {0};
    pyn_call call = watched(&watch);
    OK(pyn_detector_fit(forest, &X, &call, &error));
    assert_true(watch.calls >= 1 && watch.last == 1);
    assert_string_equal(watch.stages, "fit ");
    watch = (struct watch){0};
    OK(pyn_detector_score(forest, &X, &call, scores, rows, &error));
    assert_true(watch.calls >= 1 && watch.last == 1);
    assert_string_equal(watch.stages, "score ");
    watch = (struct watch){0};
    OK(pyn_detector_explain(forest, &X, &call, scores, rows * 5, &error));
    assert_true(watch.calls >= 1 && watch.last == 1);
    assert_string_equal(watch.stages, "explain ");
    pyn_detector_free(forest);
    free(scores);
}

// The threshold that contamination asks for takes a pass of scoring: still one way from 0 to 1.
static void progress_never_goes_back(void **state) {
    (void)state;
    for (int32_t threads = 1; threads <= 4; threads *= 2) {
        pyn_detector *forest = make_forest(300, rows);
        OK(pyn_detector_set_double(forest, "contamination", 0.1, &error));
        struct watch watch = {0};
        pyn_call call = watched(&watch);
        call.threads = threads;
        OK(pyn_detector_fit(forest, &X, &call, &error));
        assert_true(watch.last == 1);
        pyn_detector_free(forest);
    }
}

static void cancelling_changes_nothing(void **state) {
    (void)state;
    double *before = malloc((size_t)rows * sizeof *before), *after = malloc((size_t)rows * sizeof *after);
    double *shares = malloc((size_t)rows * 5 * sizeof *shares);
    int32_t *labels = malloc((size_t)rows * sizeof *labels);
    pyn_detector *forest = fit_forest(60, rows, &X);
    OK(pyn_detector_score(forest, &X, NULL, before, rows, &error));
    OK(pyn_detector_set_int(forest, "random_state", 99, &error));
    OK(pyn_detector_set_double(forest, "contamination", 0.1, &error));
    for (int32_t threads = 1; threads <= 4; threads *= 2)
        for (int at = 1; at <= 2; at++) {
            struct watch watch = {.cancel_at = at};
            pyn_call call = watched(&watch);
            call.threads = threads;
            // Work that was over before its second call just succeeds.
            pyn_status status = pyn_detector_fit(forest, &X, &call, &error);
            if (at == 1 || watch.calls >= at) {
                assert_int_equal(status, PYN_ERROR_CANCELLED);
                OK(pyn_detector_score(forest, &X, NULL, after, rows, &error));
                assert_same_bits(before, after, rows);
            } else {
                assert_int_equal(status, PYN_OK);
                OK(pyn_detector_score(forest, &X, NULL, before, rows, &error));
            }
            assert_true(watch.calls <= at);  // not asked again once it said stop
        }
    struct watch watch = {.cancel_at = 1};
    pyn_call call = watched(&watch);
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_score(forest, &X, &call, after, rows, &error));
    watch = (struct watch){.cancel_at = 1};
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_predict(forest, &X, &call, labels, rows, &error));
    watch = (struct watch){.cancel_at = 1};
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_explain(forest, &X, &call, shares, rows * 5, &error));
    OK(pyn_detector_score(forest, &X, NULL, after, rows, &error));
    assert_same_bits(before, after, rows);
    pyn_detector_free(forest);
    free(before), free(after), free(shares), free(labels);
}

static void an_unfitted_detector_stays_unfitted(void **state) {
    (void)state;
    pyn_detector *forest = make_forest(60, rows);
    struct watch watch = {.cancel_at = 1};
    pyn_call call = watched(&watch);
    STATUS(PYN_ERROR_CANCELLED, pyn_detector_fit(forest, &X, &call, &error));
    assert_int_equal(pyn_detector_is_fitted(forest), 0);
    pyn_detector_free(forest);
}

static void calls_of_other_versions(void **state) {
    (void)state;
    pyn_detector *forest = make_forest(3, 16);
    struct watch watch = {.cancel_at = 1};
    // Smaller than the first version of the struct: it was not initialised.
    pyn_call call = watched(&watch);
    call.struct_size = offsetof(pyn_call, labels) - 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_fit(forest, &X, &call, &error));
    // Of the first version: what it did not have yet is not read.
    call.struct_size = offsetof(pyn_call, labels);
    watch.cancel_at = 0;
    call.labels = (const int32_t *)x;
    call.label_count = -1;
    OK(pyn_detector_fit(forest, &X, &call, &error));
    call.struct_size = sizeof call;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_fit(forest, &X, &call, &error));
    assert_message_has("label_count is -1");
    // A later host's struct goes on: what is known is used.
    struct { pyn_call call; void *more[4]; } later = {.more = {x, x, x, x}};
    watch = (struct watch){0};
    later.call = watched(&watch);
    later.call.struct_size = sizeof later;
    OK(pyn_detector_fit(forest, &X, &later.call, &error));
    assert_true(watch.last == 1);
    pyn_detector_free(forest);
}

static int set_up(void **state) {
    (void)state;
    rows = environment_number("PYN_TEST_ROWS", 20000);
    x = make_rows(rows, 5, 4);
    X = (pyn_matrix)PYN_MATRIX_F64(x, rows, 5);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    free(x);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_goes_to_one),
        cmocka_unit_test(progress_never_goes_back),
        cmocka_unit_test(cancelling_changes_nothing),
        cmocka_unit_test(an_unfitted_detector_stays_unfitted),
        cmocka_unit_test(calls_of_other_versions),
    };
    return cmocka_run_group_tests_name("progress", tests, set_up, tear_down);
}
