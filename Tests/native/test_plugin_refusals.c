// Plugins that must be refused: a clear error that says what to do, nothing registered, the host alive.
#define _POSIX_C_SOURCE 200809L
#include "support/support.h"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t detectors_before;

static void refused(const char *path, pyn_status status, const char *part) {
    STATUS(status, pyn_plugin_load(path, NULL, &error));
    assert_message_has(part);
    if (strstr(path, "/")) assert_message_has(strrchr(path, '/') + 1);
    assert_int_equal(pyn_detector_count(), detectors_before);
    assert_int_equal(pyn_plugin_count(), 0);
}

// What the environment variable FAULT makes of plugins/faulty.c, and what the message must say.
static const struct { const char *fault, *says; } faults[] = {
    {"abi too new", "plugin ABI 2 to 3; this library serves 1 to 1: update libpynomaly"},
    {"abi too old", "abi_minimum and abi_maximum must say"},
    {"abi never ends", "plugin ABI 1 to 9"},
    {"abi unasked", "asked for plugin ABI 1, it answered with ABI 7"},
    {"init fails", "failed with outOfMemory"},
    {"init nonsense", "4711, which is no status"},
    {"plugin size", "struct_size of pyn_plugin is"},
    {"plugin size 0", "struct_size of pyn_plugin is 0"},
    {"plugin size huge", "struct_size of pyn_plugin is"},
    {"class size", "struct_size of pyn_plugin_class is 64"},
    {"option size", "option 0 is 0"},
    {"option sizes differ", "struct_size of option 1"},
    {"no name", "pyn_plugin.name is NULL"},
    {"bad name", "\"Faulty Plugin\"; allowed are lower-case letters"},
    {"not text", "pyn_plugin.name is not UTF-8"},
    {"bad version", "\"1.0\"; three numbers"},
    {"no description", "pyn_plugin.description is empty"},
    {"no classes", "classes is NULL"},
    {"class count 0", "class_count is 0"},
    {"class count huge", "class_count is 9223372036854775807"},
    {"class count negative", "class_count is -1"},
    {"class NULL", "classes[1] is NULL"},
    {"same name twice", "two of its classes are called Faulty"},
    {"name taken", "there is a detector called IsolationForest already"},
    {"class name", "\"9Lives\"; allowed are letters"},
    {"class name python", "words of Python's"},
    {"class name long", "at most 64"},
    {"class version", "Faulty: version is \"one\""},
    {"no reference", "Faulty: reference is NULL"},
    {"no create", "the required function create is NULL"},
    {"no fit", "the required function fit is NULL"},
    {"no score", "the required function score is NULL"},
    {"no save", "the required function save is NULL"},
    {"no load", "the required function load is NULL"},
    {"no destroy", "Faulty2: the required function destroy is NULL"},
    {"capabilities", "capabilities are 64"},
    {"option count", "option_count is -1"},
    {"options NULL", "options is NULL, but option_count is 3"},
    {"option name", "option Count: names of options are lower-case"},
    {"option no name", "the name of option 0 is NULL"},
    {"option twice", "two options are called count"},
    {"option contamination", "the host adds it"},
    {"option n_jobs", "n_jobs: the name is taken"},
    {"option lambda", "write lambda_"},
    {"option types 0", "types is 0"},
    {"option types 16", "types is 16"},
    {"int bounds", "int_minimum 11 is above int_maximum 10"},
    {"double bounds", "double_minimum is 2.0"},
    {"double infinite", "finite bounds"},
    {"default outside", "the default 11 is not allowed; allowed: int in [1, 10]"},
    {"default type", "the default false is not allowed"},
    {"default no type", "the type of its default is 0"},
    {"no choices", "it has 0 choices"},
    {"choices NULL", "it has 2 choices"},
    {"choices repeated", "two choices are \"one\""},
    {"choices of an int", "its types lack PYN_OPTION_STRING"},
    {"random_state", "a seed must allow ints from 0 on"},
};

static void every_fault_is_named(void **state) {
    (void)state;
    for (int i = 0; i < COUNT(faults); i++) {
        assert_int_equal(setenv("FAULT", faults[i].fault, 1), 0);
        refused(FAULTY_PLUGIN, PYN_ERROR_PLUGIN, faults[i].says);
        assert_int_equal(pyn_plugin_load(FAULTY_PLUGIN, NULL, NULL), PYN_ERROR_PLUGIN);
    }
    unsetenv("FAULT");
}

static void a_plugin_that_throws(void **state) {
    (void)state;
    setenv("PROBE_THROWS", "1", 1);
    refused(PROBE_PLUGIN, PYN_ERROR_PLUGIN, "threw a C++ exception: not today");
    unsetenv("PROBE_THROWS");
}

static void a_library_that_is_no_plugin(void **state) {
    (void)state;
    refused(NO_PLUGIN, PYN_ERROR_PLUGIN, "does not export pynomaly_plugin_init");
    refused(HIDDEN_PLUGIN, PYN_ERROR_PLUGIN, "does not export pynomaly_plugin_init");
}

static void what_the_loader_says_is_kept(void **state) {
    (void)state;
    refused(UNRESOLVED_PLUGIN, PYN_ERROR_PLUGIN, "a_function_that_nobody_has");
    refused(ORPHAN_PLUGIN, PYN_ERROR_PLUGIN, "libparent_that_is_gone.so");
}

static void an_executable_stack(void **state) {
    (void)state;
    refused(STACK_PLUGIN, PYN_ERROR_PLUGIN, "-z noexecstack");
}

static uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static const char *write_file(const char *name, const void *bytes, size_t size, mode_t mode) {
    const char *path = temporary_path(name);
    remove(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

// Where the last part that is loaded ends; section tables and symbols for debuggers follow.
static size_t end_of_segments(const uint8_t *bytes) {
    Elf64_Ehdr head;
    memcpy(&head, bytes, sizeof head);
    size_t end = 0;
    for (int i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, bytes + head.e_phoff + (size_t)i * sizeof segment, sizeof segment);
        const size_t here = segment.p_offset + segment.p_filesz;
        if (segment.p_type == PT_LOAD && here > end) end = here;
    }
    return end;
}

static void files_of_other_kinds(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes = read_file(FAULTY_PLUGIN, &size);
    refused(write_file("empty.so", "", 0, 0644), PYN_ERROR_PLUGIN, "only 0 bytes");
    refused(write_file("words.so", "These are words, and enough of them to fill a header of 64 bytes.", 65, 0644),
            PYN_ERROR_PLUGIN, "not a shared object (ELF)");
    static const struct { size_t at; uint8_t value; const char *says; } changes[] = {
        {4, 1, "32 bits"},        {5, 2, "big-endian"},         {18, 3, "x86 (i386)"},
        {18, 40, "ARM (32 bits)"}, {18, 243, "RISC-V"},          {16, 1, "an object file (.o)"},
        {16, 2, "an executable"}, {16, 4, "a core file"},       {54, 55, "program headers of 55 bytes"},
        {56, 0, "0 program headers"}, {33, 0xff, "damaged"},
    };
    for (int i = 0; i < COUNT(changes); i++) {
        const uint8_t was = bytes[changes[i].at];
        bytes[changes[i].at] = changes[i].value;
        refused(write_file("changed.so", bytes, size, 0644), PYN_ERROR_PLUGIN, changes[i].says);
        bytes[changes[i].at] = was;
    }
    // Cut where loading it would read beyond its end.
    const size_t needed = end_of_segments(bytes);
    for (size_t length = 64; length < needed; length += 97)
        refused(write_file("cut.so", bytes, length, 0644), PYN_ERROR_PLUGIN, "cut or damaged");
    refused(write_file("cut.so", bytes, needed - 1, 0644), PYN_ERROR_PLUGIN, "cut or damaged");
    free(bytes);
}

static void files_that_everyone_may_write(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes = read_file(FAULTY_PLUGIN, &size);
    refused(write_file("open.so", bytes, size, 0646), PYN_ERROR_PLUGIN, "chmod o-w");
    const char *folder = temporary_folder();
    const char *path = write_file("closed.so", bytes, size, 0644);
    assert_int_equal(chmod(folder, 0757), 0);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(path, NULL, &error));
    assert_message_has(folder);
    assert_message_has("writable for everyone");
    assert_int_equal(chmod(folder, 0700), 0);
    // A link that anyone could have put there, to a file that is safe itself.
    char open_folder[300], link_path[320];
    snprintf(open_folder, sizeof open_folder, "%s/open", folder);
    snprintf(link_path, sizeof link_path, "%s/link.so", open_folder);
    assert_int_equal(mkdir(open_folder, 0777), 0);
    assert_int_equal(chmod(open_folder, 0777), 0);
    assert_int_equal(symlink(FAULTY_PLUGIN, link_path), 0);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(link_path, NULL, &error));
    assert_message_has(open_folder);
    free(bytes);
}

static void what_is_no_file(void **state) {
    (void)state;
    refused("/no/such/plugin.so", PYN_ERROR_IO, "No such file");
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load("/usr", NULL, &error));
    assert_message_has("not a regular file");
    STATUS(PYN_ERROR_IO, pyn_plugin_load("gone.so", NULL, &error));
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load("", NULL, &error));
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load("Not A Name", NULL, &error));
    assert_message_has("neither a path");
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_plugin_load("\xff\xfe", NULL, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_plugin_load(NULL, NULL, &error));
    pyn_plugin_info info = {.struct_size = 8};
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_plugin_load(FAULTY_PLUGIN, &info, &error));
}

// After all that, the same file without a fault.
static void the_good_one_loads(void **state) {
    (void)state;
    pyn_plugin_info info = PYN_PLUGIN_INFO_INIT;
    OK(pyn_plugin_load(FAULTY_PLUGIN, &info, &error));
    assert_string_equal(info.name, "faulty");
    assert_int_equal(info.detector_count, 2);
    assert_null(info.author);
    assert_int_equal(pyn_detector_count(), detectors_before + 2);
}

// The system's loader would give the old code again, and nobody would know.
static void a_file_that_was_replaced(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes = read_file(FAULTY_PLUGIN, &size);
    const char *path = write_file("replaced.so", bytes, size, 0644);
    setenv("FAULT", "no fit", 1);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(path, NULL, &error));
    assert_message_has("function fit is NULL");
    unsetenv("FAULT");
    path = write_file("replaced.so", bytes, size, 0644);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(path, NULL, &error));
    assert_message_has("was replaced since");
    free(bytes);
}

int main(void) {
    detectors_before = pyn_detector_count();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(a_plugin_that_throws),
        cmocka_unit_test(a_library_that_is_no_plugin),
        cmocka_unit_test(what_the_loader_says_is_kept),
        cmocka_unit_test(an_executable_stack),
        cmocka_unit_test(files_of_other_kinds),
        cmocka_unit_test(files_that_everyone_may_write),
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(the_good_one_loads),
        cmocka_unit_test(a_file_that_was_replaced),
    };
    return cmocka_run_group_tests_name("plugin refusals", tests, NULL, NULL);
}
