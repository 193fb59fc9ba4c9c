// Saving and loading: file, memory, callbacks; what a loaded model still knows; failing disks.
#define _GNU_SOURCE
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 200, COLUMNS = 3 };
static double *x;
static pyn_matrix X;
static pyn_detector *forest;
static double expected[ROWS], expected_shares[ROWS * COLUMNS];
static const char *const names[] = {"a", "b \xE2\x82\xAC", "c"};

static void assert_same_model(const pyn_detector *loaded) {
    double scores[ROWS], shares[ROWS * COLUMNS], threshold = 0;
    assert_string_equal(pyn_detector_get_name(loaded), "IsolationForest");
    assert_int_equal(pyn_detector_is_fitted(loaded), 1);
    OK(pyn_detector_score(loaded, &X, NULL, scores, ROWS, &error));
    assert_same_bits(scores, expected, ROWS);
    OK(pyn_detector_explain(loaded, &X, NULL, shares, ROWS * COLUMNS, &error));
    assert_same_bits(shares, expected_shares, ROWS * COLUMNS);
    OK(pyn_detector_get_threshold(loaded, &threshold, &error));
    assert_true(threshold == 0.625);
    for (int c = 0; c < COLUMNS; c++) assert_string_equal(pyn_detector_get_feature_name(loaded, c), names[c]);
    pyn_value value = PYN_VALUE_INIT;
    OK(pyn_detector_get_option(loaded, "n_estimators", &value, &error));
    assert_int_equal(value.int_value, 10);
    OK(pyn_detector_get_option(loaded, "contamination", &value, &error));
    assert_true(value.type == PYN_OPTION_DOUBLE && value.double_value == 0.25);
    double a = 0, b = 1;
    static const char *const known[] = {"max_samples", "n_estimators", "random_state", "max_features", "node_count"};
    for (int i = 0; i < COUNT(known); i++) {
        OK(pyn_detector_get_fitted(loaded, known[i], &a, &error));
        OK(pyn_detector_get_fitted(forest, known[i], &b, &error));
        assert_true(a == b);
    }
}

static void through_a_file(void **state) {
    (void)state;
    const char *path = temporary_path("model \xE2\x82\xAC.pyn");
    pyn_detector *loaded = NULL;
    OK(pyn_detector_save_file(forest, path, &error));
    OK(pyn_detector_load_file(path, &loaded, &error));
    assert_same_model(loaded);
    // A loaded model can be saved, to the same bytes, and fitted anew.
    size_t size = 0, again = 0;
    uint8_t *bytes = saved_bytes(forest, &size), *same = saved_bytes(loaded, &again);
    assert_int_equal(size, again);
    assert_memory_equal(bytes, same, size);
    OK(pyn_detector_fit(loaded, &X, NULL, &error));
    OK(pyn_detector_save_file(loaded, path, &error));  // over the old file
    free(bytes), free(same);
    pyn_detector_free(loaded);
    assert_int_equal(unlink(path), 0);
}

static void through_memory(void **state) {
    (void)state;
    size_t size = 0, needed = 0;
    uint8_t *bytes = saved_bytes(forest, &size);
    assert_true(size > 16);
    // A buffer that is too small is left as it was behind its end, and the size is still told.
    uint8_t *small = malloc(size);
    memset(small, 0xAB, size);
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_save_memory(forest, small, size - 1, &needed, &error));
    assert_int_equal(needed, size);
    assert_int_equal(small[size - 1], 0xAB);
    STATUS(PYN_ERROR_SHAPE_MISMATCH, pyn_detector_save_memory(forest, small, 0, &needed, &error));
    pyn_detector *loaded = NULL;
    OK(pyn_detector_load_memory(bytes, size, &loaded, &error));
    memset(bytes, 0, size);  // nothing of it is kept
    assert_same_model(loaded);
    pyn_detector_free(loaded);
    free(bytes), free(small);
}

struct pipe { uint8_t *bytes; size_t size, at, chunk, fail_after; };

static int32_t push(const void *data, size_t size, void *context) {
    struct pipe *pipe = context;
    if (pipe->size + size > pipe->fail_after) return 7;
    pipe->bytes = realloc(pipe->bytes, pipe->size + size);
    memcpy(pipe->bytes + pipe->size, data, size);
    pipe->size += size;
    return 0;
}
static int64_t pull(void *buffer, size_t capacity, void *context) {
    struct pipe *pipe = context;
    if (pipe->at >= pipe->fail_after) return -7;
    size_t count = pipe->size - pipe->at;
    if (count > capacity) count = capacity;
    if (count > pipe->chunk) count = pipe->chunk;
    memcpy(buffer, pipe->bytes + pipe->at, count);
    pipe->at += count;
    return (int64_t)count;
}
static int64_t lie(void *buffer, size_t capacity, void *context) {
    (void)buffer, (void)context;
    return (int64_t)capacity + 1;
}

static void through_callbacks(void **state) {
    (void)state;
    struct pipe pipe = {.fail_after = SIZE_MAX};
    size_t size = 0;
    uint8_t *bytes = saved_bytes(forest, &size);
    OK(pyn_detector_save_callback(forest, push, &pipe, &error));
    assert_int_equal(pipe.size, size);
    assert_memory_equal(pipe.bytes, bytes, size);
    static const size_t chunks[] = {1, 7, 4096, SIZE_MAX};
    for (int i = 0; i < COUNT(chunks); i++) {
        pyn_detector *loaded = NULL;
        pipe.at = 0;
        pipe.chunk = chunks[i];
        OK(pyn_detector_load_callback(pull, &pipe, &loaded, &error));
        assert_same_model(loaded);
        pyn_detector_free(loaded);
    }
    pyn_detector *none = NULL;
    pipe.at = 0;
    pipe.chunk = 16;
    pipe.fail_after = size / 2;
    STATUS(PYN_ERROR_IO, pyn_detector_load_callback(pull, &pipe, &none, &error));
    STATUS(PYN_ERROR_IO, pyn_detector_load_callback(lie, NULL, &none, &error));
    pipe.size = 0;
    STATUS(PYN_ERROR_IO, pyn_detector_save_callback(forest, push, &pipe, &error));
    free(pipe.bytes), free(bytes);
}

static int32_t push_to_file(const void *data, size_t size, void *context) {
    return fwrite(data, 1, size, context) == size && fflush(context) == 0 ? 0 : errno;
}

static void disks_that_fail(void **state) {
    (void)state;
    pyn_detector *none = NULL;
    STATUS(PYN_ERROR_IO, pyn_detector_save_file(forest, "/no/such/folder/model", &error));
    assert_message_has("/no/such/folder/model");
    assert_message_has("No such file or directory");
    STATUS(PYN_ERROR_IO, pyn_detector_load_file("/no/such/folder/model", &none, &error));
    assert_message_has("No such file or directory");
    STATUS(PYN_ERROR_IO, pyn_detector_save_file(forest, "", &error));
    STATUS(PYN_ERROR_IO, pyn_detector_load_file("", &none, &error));
    STATUS(PYN_ERROR_IO, pyn_detector_save_file(forest, temporary_folder(), &error));
    STATUS(PYN_ERROR_IO, pyn_detector_load_file(temporary_folder(), &none, &error));

    FILE *full = fopen("/dev/full", "wb");
    if (full != NULL) {
        STATUS(PYN_ERROR_IO, pyn_detector_save_callback(forest, push_to_file, full, &error));
        fclose(full);
    }
}

static void a_full_disk_leaves_the_old_file_whole(void **state) {
    (void)state;
    const char *path = temporary_path("old.pyn");
    OK(pyn_detector_save_file(forest, path, &error));
    // No file may grow beyond 100 bytes: what a full disk looks like, without one.
    struct rlimit before, tiny;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tiny = before;
    tiny.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    const pyn_status status = pyn_detector_save_file(forest, path, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, PYN_ERROR_IO);
    assert_message_has("File too large");

    pyn_detector *loaded = NULL;
    OK(pyn_detector_load_file(path, &loaded, &error));
    assert_same_model(loaded);
    pyn_detector_free(loaded);
    assert_int_equal(unlink(path), 0);  // and tear_down finds the folder empty
}

static void saving_leaves_no_other_file(void **state) {
    (void)state;
    const char *path = temporary_path("only.pyn");
    OK(pyn_detector_save_file(forest, path, &error));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(temporary_folder()), 0);  // empty, so it can go
    assert_int_equal(mkdir(temporary_folder(), 0700), 0);
}

static int set_up(void **state) {
    (void)state;
    x = make_rows(ROWS, COLUMNS, 1);
    X = (pyn_matrix)PYN_MATRIX_F64(x, ROWS, COLUMNS);
    forest = make_forest(10, 64);
    OK(pyn_detector_set_double(forest, "contamination", 0.25, &error));
    OK(pyn_detector_fit(forest, &X, NULL, &error));
    OK(pyn_detector_set_threshold(forest, 0.625, &error));
    OK(pyn_detector_set_feature_names(forest, names, COLUMNS, &error));
    OK(pyn_detector_score(forest, &X, NULL, expected, ROWS, &error));
    OK(pyn_detector_explain(forest, &X, NULL, expected_shares, ROWS * COLUMNS, &error));
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(forest);
    free(x);
    return rmdir(temporary_folder());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_a_file),
        cmocka_unit_test(through_memory),
        cmocka_unit_test(through_callbacks),
        cmocka_unit_test(disks_that_fail),
        cmocka_unit_test(a_full_disk_leaves_the_old_file_whole),
        cmocka_unit_test(saving_leaves_no_other_file),
    };
    return cmocka_run_group_tests_name("model file", tests, set_up, tear_down);
}
