// Differential flame graphs, and what a dump says of variables.
#include "support/support.h"
#include "support/target.h"

static sink output;
static const char BASE[] = "main;one 70\nmain;two 30\n";
static const char NEW[] = "main;one 20\nmain;two 80\n";

static pyn_status compare(const char *base, const char *new, const char *title) {
    memset(&output, 0, sizeof output);
    return pyn_profiler_compare(base, strlen(base), new, strlen(new), title, take_text, &output, &error);
}

static void test_compare(void **state) {
    (void)state;
    OK(compare(BASE, NEW, "a & b"));
    assert_non_null(strstr(output.text, "<svg"));
    assert_non_null(strstr(output.text, "a &amp; b"));
    assert_non_null(strstr(output.text, "two: 80 samples, 80 %; base 30 %: +50 points"));
    assert_int_equal(memcmp(output.text + output.size - 7, "</svg>\n", 7), 0);
    OK(compare(BASE, NEW, NULL));
    /* Sizes count, not a NUL; the last line may lack its end. */
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_compare(BASE, 11, NEW, 11, "", take_text, &output, &error));
    assert_non_null(strstr(output.text, "one: 20 samples, 100 %; base 100 %: +0 points"));
    assert_null(strstr(output.text, "two:"));
}

static void test_compare_errors(void **state) {
    (void)state;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_compare(NULL, 0, NEW, 5, NULL, take_text, &output, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_compare(BASE, 5, NULL, 0, NULL, take_text, &output, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_compare(BASE, 5, NEW, 5, NULL, NULL, &output, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT,
           pyn_profiler_compare(BASE, SIZE_MAX, NEW, 5, NULL, take_text, &output, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, compare("main 1\nmain\n", NEW, NULL));
    assert_message_has("the base, line 2: there is no number of samples");
    STATUS(PYN_ERROR_INVALID_ARGUMENT, compare(BASE, "main -1\n", NULL));
    assert_message_has("the recording, line 1: the number of samples");
    STATUS(PYN_ERROR_INVALID_ARGUMENT, compare("", NEW, NULL));
    assert_message_has("the base holds no samples");
    memset(&output, 0, sizeof output);
    output.answer = 3;
    STATUS(PYN_ERROR_IO,
           pyn_profiler_compare(BASE, sizeof BASE - 1, NEW, sizeof NEW - 1, NULL, take_text, &output, &error));
}

static void test_variables_and_threads(void **state) {
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    pid_t pid = waiting_child();
    pyn_dump_options options = PYN_DUMP_OPTIONS_INIT;
    options.native = options.locals = 1;
    options.format = PYN_DUMP_JSON;
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_dump(pid, &options, take_text, &output, &error));
    assert_non_null(strstr(output.text, "\"locals\": []")); /* native frames have none */
    options.locals = 0;
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_dump(pid, &options, take_text, &output, &error));
    assert_null(strstr(output.text, "locals"));

    pyn_profiler_options how = PYN_PROFILER_OPTIONS_INIT;
    how.native = how.idle = 1;
    how.duration = 0.2;
    pyn_profiler *profiler = NULL;
    OK(pyn_profiler_start(pid, &how, &profiler, &error));
    int32_t running = 1;
    OK(pyn_profiler_wait(profiler, 20, &running, &error));
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    OK(pyn_profiler_get_statistics(profiler, &found, &error));
    assert_true(found.threads >= 1); /* the thread sanitizer has one of its own */
    assert_true(found.stacks > 0 && found.active <= found.stacks / 2); /* it sleeps */
    assert_int_equal(found.locked, 0);
    pyn_profiler_free(profiler);
    end_child(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_compare_errors),
        cmocka_unit_test(test_variables_and_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
