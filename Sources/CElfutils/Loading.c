#include "Loading.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "CElfutils.h"

struct ce_table ce;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Found in either library: RTLD_DEFAULT does not see them, as they are loaded for us alone. */
static void *find(void *const handles[2], const char *name) {
    void *symbol = dlsym(handles[0], name);
    return symbol ? symbol : dlsym(handles[1], name);
}

static void load(void) {
    void *handles[2] = {dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL),
                        dlopen("libelf.so.1", RTLD_NOW | RTLD_LOCAL)};
    if (!handles[0] || !handles[1]) {
        snprintf(failure, sizeof failure,
                 "native frames need %s, which is not installed here: install the package libdw1"
                 " (Debian, Ubuntu) or elfutils-libs (Fedora)",
                 handles[0] ? "libelf.so.1" : "libdw.so.1");
        return;
    }
#define CE_FIND(name)                                                                                 \
    ce.name = (__typeof__(ce.name))find(handles, #name);                                              \
    if (!ce.name) {                                                                                   \
        snprintf(failure, sizeof failure, "the installed libdw.so.1 lacks %s: elfutils 0.170 or later"\
                 " is needed", #name);                                                                \
        return;                                                                                       \
    }
    CE_FUNCTIONS(CE_FIND)
    ce.elf_version(EV_CURRENT);
}

const char *ce_load(void) {
    pthread_once(&once, load);
    return failure[0] ? failure : NULL;
}
