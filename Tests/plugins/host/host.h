/* A small host of plugins, in plain C: what a plugin can be tested in under sanitizers and valgrind without
 * libpynomaly. It runs chunks on real threads, counts memory, can refuse memory and can cancel. */
#ifndef HOST_H
#define HOST_H

#include <pthread.h>
#include <pynomaly_plugin.h>

typedef struct {
    unsigned char *data;
    size_t size, capacity;
} bytes;

struct pyn_plugin_call {
    int32_t threads;
    int64_t cancel_at; /* progress call number from which on it says stop; -1: never */
    int64_t progress_calls;
    double longest_silence; /* seconds between two words of progress */
    double last_heard;
    pthread_t calling_thread;
    pthread_mutex_t lock;
    pyn_status failure;
    int64_t row, column;
    char message[512];
    bytes *written;
};

typedef struct {
    const pyn_plugin_class *class;
    pyn_value values[64];
} detector;

/* Memory that host->allocate gave and did not get back, in blocks; after so many more allocations there is no
 * memory (-1: always some). */
extern int64_t blocks_out, allocations_left;
extern const pyn_plugin_host the_host;
extern const pyn_plugin_host forbidden_host; /* aborts when a plugin calls anything but log in it */

void call_start(pyn_plugin_call *call, int32_t threads, int64_t cancel_at);
/* Says on standard error what is wrong and ends the program with status 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Load a plugin and ask it for its tables. */
pyn_plugin_init_function plugin_open(const char *path);
void plugin_ask(pyn_plugin_init_function init, const pyn_plugin_host *host, pyn_plugin *plugin);

/* All options at their defaults; then one from its text. */
detector detector_of(const pyn_plugin_class *class);
int set_option(detector *d, const char *name, const char *text);

/* The plugin's functions with the checks that the host makes around them. */
pyn_status do_fit(const detector *d, pyn_plugin_call *call, const pyn_matrix *X, void **instance);
pyn_status do_save(const pyn_plugin_class *c, const void *instance, bytes *out);
pyn_status do_load(const detector *d, const bytes *model, int64_t features, void **instance);

pyn_matrix dense(const double *values, int64_t rows, int64_t columns);
uint64_t next_random(uint64_t *state);
double now(void);

#endif
