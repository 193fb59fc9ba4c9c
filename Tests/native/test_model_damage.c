// Damaged model files: every byte changed, every length cut, noise. A clear error each time.
#include "support/support.h"

static uint8_t *bytes;
static size_t size;
static size_t step;  // 1: every byte; more under valgrind

static void assert_refused(const uint8_t *data, size_t length, size_t at) {
    pyn_detector *loaded = NULL;
    error = fresh_error;
    const pyn_status status = pyn_detector_load_memory(data, length, &loaded, &error);
    if (status != PYN_ERROR_MODEL_FORMAT && status != PYN_ERROR_MODEL_VERSION)
        fail_msg("byte %zu of %zu: %s (%s)", at, size, pyn_status_name(status), error.message);
    assert_int_equal(error.code, status);
    assert_true(strlen(error.message) > 10);
}

static void every_byte_changed(void **state) {
    (void)state;
    static const uint8_t changes[] = {0xFF, 0x01, 0x80};
    for (size_t i = 0; i < size; i += step)
        for (int k = 0; k < COUNT(changes); k++) {
            bytes[i] ^= changes[k];
            assert_refused(bytes, size, i);
            bytes[i] ^= changes[k];
        }
}

static void every_length_cut(void **state) {
    (void)state;
    for (size_t length = 0; length < size; length += step) {
        // A block of its own, so that a read behind its end is seen by valgrind and the sanitizer.
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, bytes, length);
        assert_refused(cut, length, length);
        free(cut);
    }
    uint8_t *longer = calloc(1, size + 1);
    memcpy(longer, bytes, size);
    assert_refused(longer, size + 1, size);
    free(longer);
}

static void two_bytes_swapped(void **state) {
    (void)state;
    for (size_t i = 0; i + 1 < size; i += step) {
        if (bytes[i] == bytes[i + 1]) continue;
        const uint8_t first = bytes[i];
        bytes[i] = bytes[i + 1];
        bytes[i + 1] = first;
        assert_refused(bytes, size, i);
        bytes[i + 1] = bytes[i];
        bytes[i] = first;
    }
}

static void noise(void **state) {
    (void)state;
    uint64_t random = 42;
    uint8_t block[512];
    for (int round = 0; round < 2000; round += (int)step) {
        for (size_t i = 0; i < sizeof block; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            block[i] = (uint8_t)(random >> 56);
        }
        const size_t kept = (size_t)round % 64;  // behind a true beginning too
        memcpy(block, bytes, kept);
        assert_refused(block, sizeof block, 0);
    }
}

static void the_bytes_are_still_a_model(void **state) {
    (void)state;
    pyn_detector *loaded = NULL;
    OK(pyn_detector_load_memory(bytes, size, &loaded, &error));
    pyn_detector_free(loaded);
}

static int set_up(void **state) {
    (void)state;
    step = (size_t)environment_number("PYN_TEST_STEP", 1);
    double *x = make_rows(50, 2, 1);
    const pyn_matrix X = PYN_MATRIX_F64(x, 50, 2);
    pyn_detector *forest = fit_forest(3, 16, &X);
    static const char *const names[] = {"a", "b"};
    OK(pyn_detector_set_feature_names(forest, names, 2, &error));
    bytes = saved_bytes(forest, &size);
    pyn_detector_free(forest);
    free(x);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    free(bytes);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_changed), cmocka_unit_test(every_length_cut),
        cmocka_unit_test(two_bytes_swapped),  cmocka_unit_test(noise),
        cmocka_unit_test(the_bytes_are_still_a_model),
    };
    return cmocka_run_group_tests_name("model damage", tests, set_up, tear_down);
}
