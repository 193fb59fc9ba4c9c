/* Damaged plugins and manifests against pyn_plugin_load. `run` beside this file builds it twice.
 *
 *   fuzz_plugin checks SEED COUNT FOLDER MANIFEST PLUGIN...
 *       What the library looks at before it loads anything, COUNT times in this very process, which must
 *       live: dlopen is this program's own and loads nothing. Writes the numbers of those that came as far
 *       as dlopen to FOLDER/reached.
 *   fuzz_plugin loads SEED COUNT FOLDER MANIFEST PLUGIN...
 *       Those of FOLDER/reached again, with the system's dlopen, each in a child of its own.
 *   fuzz_plugin write SEED COUNT FOLDER MANIFEST PLUGIN...
 *       Every COUNTth of 10000 into FOLDER/N, for `plugin check`.
 *
 * Number N of a seed is always the same damage. */
#define _GNU_SOURCE
#include <pynomaly.h>

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 1 << 20, TOTAL = 10000, PLUGINS = 4 };

typedef struct file {
    unsigned char *bytes;
    size_t size;
} file;

static file manifest, plugins[PLUGINS];
static int plugin_count;
static const char *folder;
static uint64_t state;
static int stops;  /* whether dlopen is ours */
static int opened; /* how often it was called */

static void die(const char *what, const char *why) {
    fprintf(stderr, "fuzz_plugin: %s: %s\n", what, why);
    exit(1);
}

/* ------------------------------------------------------------------ dlopen that does not -- */

void *dlopen(const char *name, int flags) {
    static void *(*real)(const char *, int);
    if (stops) {
        opened++;
        return NULL;
    }
    if (!real) real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    return real(name, flags);
}

char *dlerror(void) {
    static char *(*real)(void);
    static char words[] = "stopped before loading";
    if (stops) return words;
    if (!real) real = (char *(*)(void))dlsym(RTLD_NEXT, "dlerror");
    return real();
}

/* ------------------------------------------------------------------------------- damage -- */

static uint64_t bits(void) { /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(size_t bound) { return bound ? (size_t)(bits() % bound) : 0; }

/* A place where damage tells: the headers, the dynamic section and what it names, or anywhere. */
static size_t place(const file *whole) {
    const unsigned char *bytes = whole->bytes;
    const size_t size = whole->size;
    if (size < sizeof(Elf64_Ehdr) || memcmp(bytes, ELFMAG, SELFMAG)) return below(size);
    Elf64_Ehdr head;
    memcpy(&head, bytes, sizeof head);
    const size_t headers = head.e_phoff + (size_t)head.e_phnum * sizeof(Elf64_Phdr);
    switch (below(10)) {
    case 0: case 1: return below(sizeof head);
    case 2: case 3: return below(headers < size ? headers : size);
    case 4: case 5: case 6:
        for (int k = 0; k < head.e_phnum; k++) {
            Elf64_Phdr segment;
            memcpy(&segment, bytes + head.e_phoff + (size_t)k * sizeof segment, sizeof segment);
            if (segment.p_type == PT_DYNAMIC) return segment.p_offset + below(segment.p_filesz);
        }
        return below(size);
    case 7: return headers + below(2048) < size ? headers + below(2048) : below(size);
    default: return below(size);
    }
}

/* A damaged copy in `copy`; its size. */
static size_t damage(const file *whole, unsigned char *copy) {
    static const uint64_t extremes[] = {0, 1, 2, 0x7fffffff, 0x80000000u, 0xffffffffu, UINT64_MAX, INT64_MAX,
                                        1ull << 63, 0xffffffffffffff00u, 1ull << 40, 4096};
    size_t size = whole->size;
    memcpy(copy, whole->bytes, size);
    const size_t times = 1 + below(below(4) ? 3 : 24);
    for (size_t k = 0; k < times; k++) {
        const size_t at = place(whole) % (size ? size : 1);
        switch (below(8)) {
        case 0: case 1: case 2: copy[at] ^= (unsigned char)(1u << below(8)); break;
        case 3: copy[at] = (unsigned char)bits(); break;
        case 4: case 5: {
            const uint64_t value = extremes[below(sizeof extremes / sizeof *extremes)];
            const size_t width = (size_t)2 << below(3), start = at / width * width;
            memcpy(copy + start, &value, start + width <= size ? width : size - start);
            break;
        }
        case 6:
            for (size_t end = at + 1 + below(64), byte = at; byte < end && byte < size; byte++)
                copy[byte] = (unsigned char)bits();
            break;
        default:
            if (below(3) == 0) size = below(size + 1);
            else if (below(2)) {
                const size_t more = below(256);
                memset(copy + size, (int)bits(), more);
                size += more;
            }
        }
        if (!size) break;
    }
    return size;
}

static void put(const char *path, const void *bytes, size_t size) {
    unlink(path); /* a child may still have the old one mapped */
    const int target = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (target < 0 || write(target, bytes, size) != (ssize_t)size) die(path, strerror(errno));
    fchmod(target, 0755);
    close(target);
}

/* Write damage number `index` into the folder; `path` becomes what is to be loaded. */
static void make(uint64_t seed, size_t index, const char *where, char *path, size_t room) {
    static unsigned char copy[ROOM + 65536];
    state = seed * 0x100000001b3u + index * 0x9e3779b9u;
    (void)bits();
    const file *plugin = &plugins[index % (size_t)plugin_count];
    char library[4200];
    snprintf(library, sizeof library, "%s/libdistance.so", where);
    if (index % 4 == 3) {
        put(library, plugin->bytes, plugin->size);
        snprintf(path, room, "%s/distance.toml", where);
        const size_t size = damage(&manifest, copy);
        put(path, copy, size);
    } else {
        const size_t size = damage(plugin, copy);
        put(library, copy, size);
        snprintf(path, room, "%s", library);
    }
}

/* ---------------------------------------------------------------------------- the modes -- */

/* One load that must fail with words and leave nothing behind. */
static void check(const char *path, size_t index) {
    char number[32];
    snprintf(number, sizeof number, "number %zu", index);
    pyn_error error = PYN_ERROR_INIT;
    pyn_plugin_info info = PYN_PLUGIN_INFO_INIT;
    const int64_t detectors = pyn_detector_count();
    const pyn_status status = pyn_plugin_load(path, &info, &error);
    if (status == PYN_OK) die(number, "loaded, though nothing was opened");
    if (status != PYN_ERROR_PLUGIN && status != PYN_ERROR_IO) die(number, pyn_status_name(status));
    if (error.code != status || !error.message[0] || !memchr(error.message, 0, sizeof error.message))
        die(number, "no message");
    if (pyn_plugin_count() != 0 || pyn_detector_count() != detectors) die(number, "something was left");
}

static void use(void) {
    double x[40], scores[10];
    for (int k = 0; k < 40; k++) x[k] = k % 7 + k / 4;
    const pyn_matrix rows = PYN_MATRIX_F64(x, 10, 4);
    pyn_detector *detector = NULL;
    if (!pyn_detector_create("Distance", &detector, NULL) && !pyn_detector_fit(detector, &rows, NULL, NULL))
        (void)pyn_detector_score(detector, &rows, NULL, scores, 10, NULL);
    pyn_detector_free(detector);
}

/* 0 refused, 1 loaded, 2 died, 3 took too long. */
static int load_in_child(const char *path) {
    const pid_t child = fork();
    if (child < 0) die("fork", strerror(errno));
    if (child == 0) {
        const struct rlimit none = {0, 0}, memory = {8ull << 30, 8ull << 30};
        setrlimit(RLIMIT_CORE, &none);
        setrlimit(RLIMIT_AS, &memory);
        const int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0), dup2(nothing, 1), dup2(nothing, 2);
        setpgid(0, 0);
        alarm(5);
        pyn_error error = PYN_ERROR_INIT;
        const pyn_status status = pyn_plugin_load(path, NULL, &error);
        if (status == PYN_OK) use();
        else if (!error.message[0]) _exit(9);
        _exit(status == PYN_OK ? 11 : 10);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    kill(-child, SIGKILL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 9) die(path, "an error without a message");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 10) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 11) return 1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? 3 : 2;
}

static file slurp(const char *path) {
    file whole = {malloc(ROOM), 0};
    FILE *source = fopen(path, "rbe");
    if (!source || !whole.bytes) die(path, strerror(errno));
    whole.size = fread(whole.bytes, 1, ROOM, source);
    if (!feof(source) || !whole.size) die(path, "empty or too large");
    fclose(source);
    return whole;
}

int main(int count, char **arguments) {
    if (count < 7) die("usage", "fuzz_plugin checks|loads|write SEED COUNT FOLDER MANIFEST PLUGIN...");
    const uint64_t seed = strtoull(arguments[2], NULL, 10);
    const size_t wanted = strtoull(arguments[3], NULL, 10);
    folder = arguments[4];
    manifest = slurp(arguments[5]);
    for (int k = 6; k < count && plugin_count < PLUGINS; k++) plugins[plugin_count++] = slurp(arguments[k]);

    char reached[4200], work[4200], path[4400];
    snprintf(reached, sizeof reached, "%s/reached", folder);
    snprintf(work, sizeof work, "%s/%s", folder, arguments[1]);
    if (mkdir(work, 0755) && errno != EEXIST) die(work, strerror(errno));
    chmod(work, 0755);

    if (!strcmp(arguments[1], "checks")) {
        stops = 1;
        FILE *list = fopen(reached, "we");
        if (!list) die(reached, strerror(errno));
        for (size_t index = 0; index < wanted; index++) {
            const int before = opened;
            /* A folder for each: a process refuses a file that was replaced since it opened it. */
            char own[4300];
            snprintf(own, sizeof own, "%s/%zu", work, index);
            if (mkdir(own, 0755) && errno != EEXIST) die(own, strerror(errno));
            make(seed, index, own, path, sizeof path);
            check(path, index);
            static const char *const names[] = {"libdistance.so", "distance.toml"};
            for (int k = 0; k < 2; k++) {
                snprintf(path, sizeof path, "%.4250s/%s", own, names[k]);
                unlink(path);
            }
            rmdir(own);
            if (opened != before) fprintf(list, "%zu\n", index);
        }
        fclose(list);
        printf("%zu damaged files: %zu refused before loading, %d would be loaded\n", wanted,
               wanted - (size_t)opened, opened);
    } else if (!strcmp(arguments[1], "loads")) {
        FILE *list = fopen(reached, "re");
        if (!list) die(reached, strerror(errno));
        size_t index = 0, ends[4] = {0};
        while (fscanf(list, "%zu", &index) == 1) {
            make(seed, index, work, path, sizeof path);
            ends[load_in_child(path)]++;
        }
        fclose(list);
        printf("loaded in children: %zu refused, %zu fine, %zu died, %zu took too long\n", ends[0], ends[1],
               ends[2], ends[3]);
    } else if (!strcmp(arguments[1], "write") && wanted) {
        for (size_t index = 0; index < TOTAL; index += wanted) {
            snprintf(path, sizeof path, "%s/%zu", work, index);
            if (mkdir(path, 0755) && errno != EEXIST) die(path, strerror(errno));
            chmod(path, 0755);
            char where[4300];
            snprintf(where, sizeof where, "%s/%zu", work, index);
            make(seed, index, where, path, sizeof path);
            puts(path);
        }
    } else die(arguments[1], "no such mode");
    return 0;
}
