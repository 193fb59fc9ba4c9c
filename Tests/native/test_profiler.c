// The profiler's functions, on a child of this program's own.
#define _GNU_SOURCE
#include "support/support.h"
#include "support/target.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static sink output;

// A recording of all of its stacks.
static pyn_profiler *record(pid_t pid, double rate) {
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = options.idle = 1;
    options.rate = rate;
    pyn_profiler *profiler = NULL;
    OK(pyn_profiler_start(pid, &options, &profiler, &error));
    return profiler;
}

static void test_dump(void **state) {
    (void)state;
    pid_t pid = waiting_child();
    pyn_dump_options options = PYN_DUMP_OPTIONS_INIT;
    options.native = 1;
#ifndef __x86_64__
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_profiler_dump(pid, &options, take_text, &output, &error));
    end_child(pid);
    skip();
#endif
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_dump(pid, &options, take_text, &output, &error));
    assert_non_null(strstr(output.text, "Process "));
    assert_non_null(strstr(output.text, "main ("));
    options.format = PYN_DUMP_JSON;
    memset(&output, 0, sizeof output);
    assert_int_equal(pyn_profiler_dump(pid, &options, take_text, &output, NULL), PYN_OK);
    assert_int_equal(output.text[0], '{');
    assert_non_null(strstr(output.text, "\"name\": \"main\""));
    end_child(pid);
}

static int waits = 1;

/* What a host does that looks after its children: it takes the news of every stop. */
static void *collect(void *pid) {
    while (__atomic_load_n(&waits, __ATOMIC_RELAXED)) waitpid(*(pid_t *)pid, NULL, WNOHANG);
    return NULL;
}

static void test_host_that_waits_for_its_children(void **state) {
    (void)state;
    pid_t pid = waiting_child();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, collect, &pid), 0);
    pyn_dump_options options = PYN_DUMP_OPTIONS_INIT;
    options.native = 1;
    for (int i = 0; i < 50; i++) {
        memset(&output, 0, sizeof output);
#ifdef __x86_64__
        OK(pyn_profiler_dump(pid, &options, take_text, &output, &error));
        assert_non_null(strstr(output.text, "main ("));
        assert_null(strstr(output.text, "did not stop"));
#endif
    }
    __atomic_store_n(&waits, 0, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    end_child(pid);
}

static void test_recording(void **state) {
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    pid_t pid = waiting_child();
    pyn_profiler *profiler = record(pid, 200);
    int32_t running = 0;
    OK(pyn_profiler_wait(profiler, 0.3, &running, &error));
    assert_int_equal(running, 1);
    STATUS(PYN_ERROR_INVALID_ARGUMENT,
           pyn_profiler_write(profiler, PYN_PROFILE_RAW, take_text, &output, &error));
    OK(pyn_profiler_stop(profiler, &error));
    OK(pyn_profiler_stop(profiler, &error));
    OK(pyn_profiler_wait(profiler, 0, &running, &error));
    assert_int_equal(running, 0);
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    OK(pyn_profiler_get_statistics(profiler, &found, &error));
    assert_true(found.taken > 0 && found.stacks > 0 && found.stops > 0);
    assert_int_equal(found.due, found.taken + found.skipped + found.torn + found.failed);
    static const char *const words[] = {"<svg", "\"shared\"", "main (", "samples taken", "nanoseconds",
                                        "\"traceEvents\""};
    for (int32_t format = PYN_PROFILE_FLAMEGRAPH; format <= PYN_PROFILE_CHROMETRACE; format++) {
        memset(&output, 0, sizeof output);
        OK(pyn_profiler_write(profiler, format, take_text, &output, &error));
        assert_true(output.size > 0);
        if (format == PYN_PROFILE_PPROF) assert_non_null(memchr(output.text, 10, output.size));
        else assert_non_null(strstr(output.text, words[format - 1]));
    }
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_write(profiler, 7, take_text, &output, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_write(profiler, 0, take_text, &output, &error));
    output.answer = 5;
    STATUS(PYN_ERROR_IO, pyn_profiler_write(profiler, PYN_PROFILE_RAW, take_text, &output, &error));
    pyn_profiler_free(profiler);
    /* Freed while it runs, and when the process ends before. */
    profiler = record(pid, 200);
    pyn_profiler_free(profiler);
    profiler = record(pid, 200);
    end_child(pid);
    for (running = 1; running;) OK(pyn_profiler_wait(profiler, 1, &running, &error));
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_write(profiler, PYN_PROFILE_SUMMARY, take_text, &output, &error));
    assert_non_null(strstr(output.text, "the process has ended"));
    pyn_profiler_free(profiler);
    pyn_profiler_free(NULL);
}

/* The samples that a slice counts. */
static int64_t slice_count(pyn_profiler *profiler) {
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_take_slice(profiler, PYN_PROFILE_RAW, take_text, &output, &error));
    int64_t count = 0;
    for (char *line = output.text, *end; *line; line = end) {
        end = strchr(line, '\n');
        if (!end) break;
        *end++ = 0;
        count += atoll(strrchr(line, ' '));
    }
    return count;
}

static void test_slices(void **state) {
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    pid_t pid = waiting_child();
    pyn_profiler *profiler = record(pid, 500);
    int64_t counts[4], sum = 0;
    for (int i = 0; i < 4; i++) {
        usleep(100000);
        counts[i] = slice_count(profiler);
        assert_true(counts[i] > 0);
        sum += counts[i];
    }
    memset(&output, 0, sizeof output);
    OK(pyn_profiler_take_slice(profiler, PYN_PROFILE_SUMMARY, take_text, &output, &error));
    assert_non_null(strstr(output.text, "it still runs"));
    sum += atoll(strstr(output.text, " s, ") + 4);
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_take_slice(profiler, 7, take_text, &output, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_take_slice(profiler, 1, NULL, &output, &error));
    usleep(50000);
    OK(pyn_profiler_stop(profiler, &error));
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    OK(pyn_profiler_get_statistics(profiler, &found, &error));
    sum += slice_count(profiler);
    assert_int_equal(sum, found.stacks); /* none twice, none lost */
    assert_int_equal(slice_count(profiler), 0);
    pyn_profiler_free(profiler);
    end_child(pid);
}

/* A child that is forked meanwhile has the handle, but not the sampling thread. */
static void test_fork_while_recording(void **state) {
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    pid_t pid = waiting_child();
    pyn_profiler *profiler = record(pid, 2000);
    usleep(50000);
    for (int i = 0; i < 20; i++) {
        pid_t forked = fork();
        if (forked == 0) {
            alarm(20);
            int32_t running = 1;
            pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
            int right = pyn_profiler_wait(profiler, 60, &running, NULL) == PYN_OK && running == 0 &&
                        pyn_profiler_stop(profiler, NULL) == PYN_OK &&
                        pyn_profiler_get_statistics(profiler, &found, NULL) == PYN_OK &&
                        pyn_profiler_write(profiler, PYN_PROFILE_RAW, take_text, &output, NULL) ==
                            PYN_ERROR_NOT_SUPPORTED;
            pyn_profiler_free(profiler);
            _exit(right ? 0 : 1);
        }
        int status = 0;
        pid_t got;
        do got = waitpid(forked, &status, 0);
        while (got == forked && WIFSTOPPED(status));
        assert_int_equal(got, forked);
        assert_int_equal(status, 0);
    }
    pyn_profiler_free(profiler);
    end_child(pid);
}

static void test_recording_errors(void **state) {
    (void)state;
    pid_t pid = waiting_child();
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    pyn_profiler *profiler = NULL;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_start(pid, NULL, NULL, &error));
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_profiler_start(pid, NULL, &profiler, &error));
    assert_null(profiler);
    options.rate = 0;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(pid, &options, &profiler, &error));
    options.rate = 100;
    options.duration = -1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(pid, &options, &profiler, &error));
    options.duration = 0;
    options.native = options.nonblocking = 1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(pid, &options, &profiler, &error));
    options.struct_size = 8;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_start(pid, &options, &profiler, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_stop(NULL, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_write(NULL, 1, take_text, &output, &error));
    end_child(pid);
}

static void test_errors(void **state) {
    (void)state;
    pid_t pid = waiting_child();
    pyn_dump_options options = PYN_DUMP_OPTIONS_INIT;
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_profiler_dump(pid, NULL, NULL, NULL, &error));
    /* No Python in it, and native frames were not asked for. */
    STATUS(PYN_ERROR_NOT_SUPPORTED, pyn_profiler_dump(pid, NULL, take_text, &output, &error));
    options.format = 3;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_dump(pid, &options, take_text, &output, &error));
    options.format = PYN_DUMP_TEXT;
    options.native = options.nonblocking = 1;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_dump(pid, &options, take_text, &output, &error));
    options.nonblocking = 0;
    options.struct_size = 4;
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_dump(pid, &options, take_text, &output, &error));
    options.struct_size = sizeof options;
    memset(&output, 0, sizeof output);
    output.answer = 7;
    STATUS(PYN_ERROR_IO, pyn_profiler_dump(pid, &options, take_text, &output, &error));
    assert_message_has("7");
    end_child(pid);
    STATUS(PYN_ERROR_NO_PROCESS, pyn_profiler_dump(pid, &options, take_text, &output, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_profiler_dump(0, &options, take_text, &output, &error));
    /* A process cannot stop itself. */
    STATUS(PYN_ERROR_NOT_PERMITTED, pyn_profiler_dump((int32_t)getpid(), &options, take_text, &output, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump), cmocka_unit_test(test_host_that_waits_for_its_children),
        cmocka_unit_test(test_recording), cmocka_unit_test(test_slices), cmocka_unit_test(test_fork_while_recording),
        cmocka_unit_test(test_recording_errors),
        cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
