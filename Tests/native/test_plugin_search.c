// Installed plugins: folders, manifests, loading by name and by detector.
#define _POSIX_C_SOURCE 200809L
#include "support/support.h"

#include <sys/stat.h>
#include <unistd.h>

static char first[300], second[300];

static void write_text(const char *folder, const char *name, const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    remove(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    chmod(path, 0644);
}

static void copy_file(const char *from, const char *folder, const char *name) {
    char path[600], buffer[65536];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
    assert_true(in && out);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        assert_int_equal(fwrite(buffer, 1, n, out), n);
    fclose(in);
    fclose(out);
}

// A manifest with one line changed: `line` in place of the one that begins with `key`.
static void manifest(const char *folder, const char *file, const char *name, const char *key, const char *line) {
    char head[6][200], text[4000] = "";
    snprintf(head[0], 200, "manifest_version = 1");
    snprintf(head[1], 200, "name = \"%s\"", name);
    snprintf(head[2], 200, "version = \"1.0.0\"");
    snprintf(head[3], 200, "abi = 1");
    snprintf(head[4], 200, "description = \"A test.\"");
    snprintf(head[5], 200, strcmp(name, "faulty") == 0 ? "detectors = [\"Faulty\", \"Faulty2\"]"
                                                        : "detectors = [\"Probe\"]");
    for (int i = 0; i < 6; i++) {
        const int changed = key && strncmp(head[i], key, strlen(key)) == 0;
        strcat(strcat(text, changed ? line : head[i]), "\n");
    }
    char library[200];
    snprintf(library, sizeof library, "lib%s.so", name);
    const char *path = key && strcmp(key, "library") == 0 ? line : library;
    const size_t used = strlen(text);
    snprintf(text + used, sizeof text - used,
             "[library]\nlinux-x86_64 = \"%s\"\nlinux-aarch64 = \"%s\"\n", path, path);
    write_text(folder, file, text);
}

static void a_manifest_at_fault(const char *key, const char *line, const char *says) {
    char path[600];
    manifest(first, "faulty.toml", "faulty", key, line);
    snprintf(path, sizeof path, "%s/faulty.toml", first);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(path, NULL, &error));
    assert_message_has(says);
    assert_message_has("faulty.toml");
}

static void manifests_at_fault(void **state) {
    (void)state;
    a_manifest_at_fault("manifest_version", "manifest_version = 2", "manifest_version is 2");
    a_manifest_at_fault("manifest_version", "", "manifest_version is missing");
    a_manifest_at_fault("manifest_version", "manifest_version = \"1\"", "is not an integer");
    a_manifest_at_fault("name", "name = \"other\"", "name is \"other\"");
    a_manifest_at_fault("name", "name = 5", "name is not a text");
    a_manifest_at_fault("version", "version = \"1\"", "three numbers");
    a_manifest_at_fault("abi", "abi = true", "abi is not an integer");
    a_manifest_at_fault("abi", "abi = 99", "plugin ABI 99; this library serves 1 to 1: update libpynomaly");
    a_manifest_at_fault("abi", "abi = 0", "use a newer build of the plugin");
    a_manifest_at_fault("description", "descr = 1", "description is missing");
    a_manifest_at_fault("detectors", "detectors = []", "must list the names");
    a_manifest_at_fault("detectors", "detectors = \"Faulty\"", "must list the names");
    a_manifest_at_fault("detectors", "detectors = [\"Faulty\", 3]", "must list the names");
    a_manifest_at_fault("library", "../libfaulty.so", "beside the manifest or below it");
    a_manifest_at_fault("library", "/usr/lib/libfaulty.so", "beside the manifest or below it");
    a_manifest_at_fault("library", "", "beside the manifest or below it");
    a_manifest_at_fault("version", "version = \"2.0.0\"", "promises the plugin faulty 2.0.0, but");
    a_manifest_at_fault("detectors", "detectors = [\"Oracle\"]", "promises the detector Oracle");
    char deep[1200] = "";
    for (int i = 0; i < 500; i++) strcat(deep, "a.");
    a_manifest_at_fault("abi", strcat(deep, "b = 1"), "nested too deeply");
    a_manifest_at_fault("abi", "abi = = 1", "not TOML: line 4");
    char path[600];
    manifest(first, "faulty.toml", "faulty", "library", "libgone.so");
    snprintf(path, sizeof path, "%s/faulty.toml", first);
    STATUS(PYN_ERROR_IO, pyn_plugin_load(path, NULL, &error));
    assert_message_has("libgone.so");
    assert_message_has("No such file");
    chmod(path, 0666);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(path, NULL, &error));
    assert_message_has("writable for everyone");
    assert_int_equal(pyn_plugin_count(), 0);
    manifest(first, "faulty.toml", "faulty", NULL, NULL);
}

static void folders_in_their_order(void **state) {
    (void)state;
    assert_string_equal(pyn_plugin_folder_at(0), first);
    assert_string_equal(pyn_plugin_folder_at(1), second);
    assert_non_null(strstr(pyn_plugin_folder_at(2), "/home/of/data/pynomaly/plugins"));
    assert_string_equal(pyn_plugin_folder_at(3), "/usr/local/lib/pynomaly/plugins");
    assert_string_equal(pyn_plugin_folder_at(4), "/usr/lib/pynomaly/plugins");
    assert_null(pyn_plugin_folder_at(5));
    assert_null(pyn_plugin_folder_at(-1));
}

static void a_name_that_is_not_installed(void **state) {
    (void)state;
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load("nowhere", NULL, &error));
    assert_message_has("/one/nowhere.toml");
    assert_message_has("/two/nowhere.toml");
    assert_message_has("/usr/lib/pynomaly/plugins/nowhere.toml");
    assert_message_has("here of PYNOMALY_PLUGIN_PATH is not absolute");
}

static void the_current_folder_is_never_searched(void **state) {
    (void)state;
    assert_int_equal(chdir(second), 0);
    char before[700];
    snprintf(before, sizeof before, "%s", getenv("PYNOMALY_PLUGIN_PATH"));
    setenv("PYNOMALY_PLUGIN_PATH", ".:two", 1);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load("probe", NULL, &error));
    assert_message_has("two of PYNOMALY_PLUGIN_PATH is not absolute");
    setenv("PYNOMALY_PLUGIN_PATH", before, 1);
}

typedef struct { int good, bad; char names[200], said[600]; } visits;
static int32_t count_visits(const char *path, const pyn_plugin_info *info, const pyn_error *failure, void *context) {
    visits *seen = context;
    assert_true(strlen(path) > 5 && (info != NULL) != (failure != NULL));
    if (info) {
        seen->good++;
        strcat(strcat(seen->names, info->name), info->detector_count > 1 ? "2 " : "1 ");
        assert_non_null(strstr(info->path, ".so"));
        assert_int_equal(info->abi_version, 1);
        assert_non_null(info->detectors[info->detector_count - 1]);
    } else {
        seen->bad++;
        snprintf(seen->said, sizeof seen->said, "%.500s", failure->message);
    }
    return 0;
}
static int32_t stop(const char *path, const pyn_plugin_info *info, const pyn_error *failure, void *context) {
    (void)path, (void)info, (void)failure, (void)context;
    return 1;
}

static void what_is_installed_is_told_without_loading(void **state) {
    (void)state;
    visits seen = {0};
    OK(pyn_plugin_visit_installed(count_visits, &seen, &error));
    assert_int_equal(seen.good, 2);
    assert_string_equal(seen.names, "faulty2 probe1 ");
    assert_int_equal(seen.bad, 1);
    assert_non_null(strstr(seen.said, "broken.toml"));
    assert_int_equal(pyn_plugin_count(), 0);
    STATUS(PYN_ERROR_CANCELLED, pyn_plugin_visit_installed(stop, NULL, &error));
    STATUS(PYN_ERROR_NULL_ARGUMENT, pyn_plugin_visit_installed(NULL, NULL, &error));
}

static void by_the_detector_that_is_wanted(void **state) {
    (void)state;
    STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_plugin_load_detector("Oracle", NULL, &error));
    assert_message_has("Oracle");
    assert_message_has("IsolationForest");
    pyn_plugin_info info = PYN_PLUGIN_INFO_INIT;
    OK(pyn_plugin_load_detector("IsolationForest", &info, &error));
    assert_null(info.name);
    assert_int_equal(pyn_plugin_count(), 0);
    OK(pyn_plugin_load_detector("Faulty2", &info, &error));
    assert_string_equal(info.name, "faulty");
    assert_int_equal(pyn_plugin_count(), 1);
    OK(pyn_plugin_load_detector("Faulty2", &info, &error));
    assert_int_equal(pyn_plugin_count(), 1);
    pyn_detector_info detector = PYN_DETECTOR_INFO_INIT;
    OK(pyn_detector_get_info("Faulty2", &detector, &error));
    assert_string_equal(detector.plugin, "faulty");
    assert_string_equal(detector.version, "1.0.0");
    OK(pyn_detector_get_info("IsolationForest", &detector, &error));
    assert_null(detector.plugin);
    assert_null(detector.version);
}

static void all_of_them(void **state) {
    (void)state;
    visits seen = {0};
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load_all(count_visits, &seen, &error));
    assert_message_has("1 of 3 plugins could not be loaded");
    assert_message_has("broken.toml");
    assert_int_equal(seen.good, 2);
    assert_int_equal(seen.bad, 1);
    assert_int_equal(pyn_plugin_count(), 2);
    pyn_plugin_info info = PYN_PLUGIN_INFO_INIT;
    OK(pyn_plugin_get_info(1, &info, &error));
    assert_string_equal(info.name, "probe");
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_plugin_get_info(2, &info, &error));
    STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_plugin_get_info(-1, &info, &error));
    OK(pyn_plugin_load("probe", &info, &error));
    assert_string_equal(info.version, "1.0.0");
    // Another file with a plugin of a name that is taken.
    copy_file(PROBE_PLUGIN, second, "libother.so");
    char path[600];
    snprintf(path, sizeof path, "%s/libother.so", second);
    STATUS(PYN_ERROR_PLUGIN, pyn_plugin_load(path, NULL, &error));
    assert_message_has("a plugin called probe is loaded already");
    assert_int_equal(pyn_plugin_count(), 2);
}

int main(void) {
    snprintf(first, sizeof first, "%s/one", temporary_folder());
    snprintf(second, sizeof second, "%s/two", temporary_folder());
    mkdir(first, 0755);
    mkdir(second, 0755);
    char folders[700];
    snprintf(folders, sizeof folders, "%s:here:%s", first, second);
    setenv("PYNOMALY_PLUGIN_PATH", folders, 1);
    setenv("XDG_DATA_HOME", "/home/of/data", 1);
    copy_file(FAULTY_PLUGIN, first, "libfaulty.so");
    copy_file(PROBE_PLUGIN, second, "libprobe.so");
    manifest(first, "faulty.toml", "faulty", NULL, NULL);
    manifest(second, "faulty.toml", "faulty", "abi", "abi = 99");  // hidden by that of the first folder
    manifest(second, "probe.toml", "probe", NULL, NULL);
    write_text(second, "broken.toml", "this is [not\n");
    write_text(second, "readme.txt", "not a manifest");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_in_their_order),
        cmocka_unit_test(the_current_folder_is_never_searched),
        cmocka_unit_test(manifests_at_fault),
        cmocka_unit_test(a_name_that_is_not_installed),
        cmocka_unit_test(what_is_installed_is_told_without_loading),
        cmocka_unit_test(by_the_detector_that_is_wanted),
        cmocka_unit_test(all_of_them),
    };
    return cmocka_run_group_tests_name("plugin search", tests, NULL, NULL);
}
