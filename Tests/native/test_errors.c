// Version, status names, and the error struct of older and newer hosts.
#include "support/support.h"

static void version_is_the_headers(void **state) {
    (void)state;
    assert_string_equal(pyn_version_string(), PYN_VERSION_STRING);
    assert_int_equal(pyn_version_number(),
                     PYN_VERSION_MAJOR * 1000000 + PYN_VERSION_MINOR * 1000 + PYN_VERSION_PATCH);
    assert_int_equal(pyn_abi_version(), PYN_ABI_VERSION);
    const char *kernels = pyn_kernels_name();
    assert_true(strcmp(kernels, "baseline") == 0 || strcmp(kernels, "x86-64-v3") == 0);
}

static void status_names_are_the_enumerators(void **state) {
    (void)state;
    static const struct { pyn_status status; const char *name; } all[] = {
#define NAMED(name) { name, #name }
        NAMED(PYN_OK), NAMED(PYN_ERROR_NULL_ARGUMENT), NAMED(PYN_ERROR_INVALID_ARGUMENT),
        NAMED(PYN_ERROR_UNKNOWN_DETECTOR), NAMED(PYN_ERROR_UNKNOWN_OPTION),
        NAMED(PYN_ERROR_INVALID_OPTION), NAMED(PYN_ERROR_INVALID_DATA),
        NAMED(PYN_ERROR_SHAPE_MISMATCH), NAMED(PYN_ERROR_NOT_FITTED), NAMED(PYN_ERROR_NOT_SUPPORTED),
        NAMED(PYN_ERROR_CANCELLED), NAMED(PYN_ERROR_OUT_OF_MEMORY), NAMED(PYN_ERROR_IO),
        NAMED(PYN_ERROR_MODEL_FORMAT), NAMED(PYN_ERROR_MODEL_VERSION), NAMED(PYN_ERROR_INTERNAL),
        NAMED(PYN_ERROR_PLUGIN),
    };
    for (int i = 0; i < COUNT(all); i++) {
        assert_int_equal(all[i].status, i);  // the numbers are pinned
        assert_string_equal(pyn_status_name(i), all[i].name);
    }
    assert_int_equal(PYN_ERROR_NO_PROCESS, 20);
    assert_int_equal(PYN_ERROR_NOT_PERMITTED, 21);
    assert_string_equal(pyn_status_name(20), "PYN_ERROR_NO_PROCESS");
    assert_string_equal(pyn_status_name(21), "PYN_ERROR_NOT_PERMITTED");
    static const pyn_status others[] = {-1, 17, INT32_MAX, INT32_MIN};
    for (int i = 0; i < COUNT(others); i++)
        assert_string_equal(pyn_status_name(others[i]), "PYN_ERROR_UNKNOWN");
}

static void success_leaves_the_error_alone(void **state) {
    (void)state;
    pyn_error before, after;
    memset(&before, 0xAB, sizeof before);
    before.struct_size = sizeof before;
    memcpy(&after, &before, sizeof after);
    pyn_detector *forest = NULL;
    assert_int_equal(pyn_detector_create("IsolationForest", &forest, &after), PYN_OK);
    assert_memory_equal(&before, &after, sizeof after);
    pyn_detector_free(forest);
}

static void failure_says_what_and_what_is_allowed(void **state) {
    (void)state;
    pyn_detector *forest = NULL;
    STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_create("Oracle", &forest, &error));
    assert_message_has("Oracle");
    assert_message_has("IsolationForest");
    assert_int_equal(error.row, -1);
    assert_int_equal(error.column, -1);
}

// An error struct of `size` bytes, as a host of another version would pass, with a guard behind it.
static void fail_into(size_t size) {
    union { pyn_error error; unsigned char bytes[sizeof(pyn_error) + 64]; } host;
    memset(&host, 0xAB, sizeof host);
    host.error.struct_size = size;
    pyn_detector *forest = NULL;
    assert_int_equal(pyn_detector_create("Oracle", &forest, &host.error), PYN_ERROR_UNKNOWN_DETECTOR);
    // Nothing is written behind the host's struct, nor behind the struct that the library knows.
    size_t end = size < sizeof(size_t) ? sizeof(size_t) : size > sizeof(pyn_error) ? sizeof(pyn_error) : size;
    for (size_t i = end; i < sizeof host.bytes; i++) assert_int_equal(host.bytes[i], 0xAB);
    const size_t message = offsetof(pyn_error, message);
    if (size >= message) assert_int_equal(host.error.code, PYN_ERROR_UNKNOWN_DETECTOR);
    if (size > message) {
        assert_non_null(memchr(host.error.message, 0, end - message));
        STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_create("Oracle", &forest, &error));
        const size_t length = strlen(host.error.message);
        assert_memory_equal(host.error.message, error.message, length);
        assert_true(length + 1 == end - message || length == strlen(error.message));
    }
}

static void older_and_newer_hosts(void **state) {
    (void)state;
    for (size_t size = 0; size <= sizeof(pyn_error) + 64; size++) fail_into(size);
}

static bool is_utf8(const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        int more = *p < 0x80 ? 0 : *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : -1;
        if (more < 0) return false;
        while (more-- > 0)
            if ((*++p & 0xC0) != 0x80) return false;
    }
    return true;
}

static void long_messages_are_cut_between_characters(void **state) {
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        char name[4096] = "abc";
        for (size_t i = (size_t)shift; i + 4 < sizeof name; i += 3) memcpy(name + i, "\xE2\x82\xAC", 4);
        pyn_detector *forest = NULL;
        STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_create(name, &forest, &error));
        assert_true(is_utf8(error.message));
    }
}

static void names_that_are_not_utf8(void **state) {
    (void)state;
    pyn_detector *forest = NULL;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_create("\xFF\xC0\x80\xED\xA0\x80", &forest, &error));
    assert_true(is_utf8(error.message));
    STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_create("", &forest, &error));
    STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_create("isolationforest", &forest, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_the_headers),
        cmocka_unit_test(status_names_are_the_enumerators),
        cmocka_unit_test(success_leaves_the_error_alone),
        cmocka_unit_test(failure_says_what_and_what_is_allowed),
        cmocka_unit_test(older_and_newer_hosts),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(names_that_are_not_utf8),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
