#define _GNU_SOURCE
#include "host.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t blocks_out = 0, allocations_left = -1;

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("exercise: wrong: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---------------------------------------------------------------------- the host's table -- */

static void host_log(const pyn_plugin_host *host, int32_t level, const char *message) {
    (void)host;
    fprintf(stderr, "log %d: %s\n", (int)level, message);
}

static pyn_status host_fail(pyn_plugin_call *call, pyn_status status, int64_t row, int64_t column,
                            const char *message) {
    if (!call) die("host->fail was given no call");
    if (!message || !*message) die("host->fail was given no words");
    if (status < 1 || status > PYN_ERROR_PLUGIN) status = PYN_ERROR_PLUGIN;
    pthread_mutex_lock(&call->lock);
    if (call->failure == PYN_OK) {
        call->failure = status;
        call->row = row;
        call->column = column;
        snprintf(call->message, sizeof call->message, "%s", message);
    }
    pthread_mutex_unlock(&call->lock);
    return status;
}

static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static void *host_allocate(const pyn_plugin_host *host, size_t size) {
    (void)host;
    pthread_mutex_lock(&memory_lock);
    const int refuse = allocations_left == 0;
    if (allocations_left > 0) allocations_left--;
    if (!refuse) blocks_out++;
    pthread_mutex_unlock(&memory_lock);
    if (refuse) return NULL;
    void *memory = NULL;
    if (size > SIZE_MAX / 2 || posix_memalign(&memory, 64, size ? size : 1)) {
        pthread_mutex_lock(&memory_lock);
        blocks_out--;
        pthread_mutex_unlock(&memory_lock);
        return NULL;
    }
    memset(memory, 0xa5, size); /* it is not cleared */
    return memory;
}

static void host_release(const pyn_plugin_host *host, void *memory) {
    (void)host;
    if (!memory) return;
    free(memory);
    pthread_mutex_lock(&memory_lock);
    blocks_out--;
    pthread_mutex_unlock(&memory_lock);
}

static int32_t heard(pyn_plugin_call *call) {
    const double time = now();
    pthread_mutex_lock(&call->lock);
    if (time - call->last_heard > call->longest_silence) call->longest_silence = time - call->last_heard;
    call->last_heard = time;
    const int32_t stop = call->cancel_at >= 0 && call->progress_calls++ >= call->cancel_at;
    pthread_mutex_unlock(&call->lock);
    return stop;
}

static int32_t host_progress(pyn_plugin_call *call, double fraction) {
    if (!pthread_equal(pthread_self(), call->calling_thread)) die("progress was told from another thread");
    if (!(fraction >= 0 && fraction <= 1)) die("progress is %g", fraction);
    return heard(call);
}

static int32_t host_thread_count(const pyn_plugin_call *call) { return call->threads; }

typedef struct {
    pyn_plugin_call *call;
    pyn_plugin_chunk body;
    void *context;
    int64_t chunks;
    atomic_llong next, failed_chunk;
    atomic_int stop, failure;
} loop;
typedef struct {
    loop *loop;
    int32_t worker;
    pthread_t thread;
} worker;

static _Thread_local int inside_chunk = 0;

static void *work(void *given) {
    worker *w = given;
    loop *l = w->loop;
    inside_chunk = 1;
    for (;;) {
        const int64_t chunk = atomic_fetch_add(&l->next, 1);
        if (chunk >= l->chunks || atomic_load(&l->stop)) break;
        const pyn_status status = l->body(l->call, chunk, w->worker, l->context);
        if (status != PYN_OK) {
            atomic_store(&l->failure, status);
            atomic_store(&l->stop, 1);
        } else if (heard(l->call)) {
            int none = 0;
            atomic_compare_exchange_strong(&l->failure, &none, PYN_ERROR_CANCELLED);
            atomic_store(&l->stop, 1);
        }
    }
    inside_chunk = 0;
    return NULL;
}

static pyn_status host_parallel_for(pyn_plugin_call *call, int64_t chunks, pyn_plugin_chunk body,
                                    void *context) {
    if (inside_chunk) die("parallel_for inside a chunk");
    if (!pthread_equal(pthread_self(), call->calling_thread)) die("parallel_for from another thread");
    if (chunks < 0 || !body) die("parallel_for with %lld chunks", (long long)chunks);
    loop l = {.call = call, .body = body, .context = context, .chunks = chunks};
    worker workers[64];
    for (int32_t i = 1; i < call->threads; i++) {
        workers[i] = (worker){.loop = &l, .worker = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) die("no thread to be had");
    }
    worker self = {.loop = &l, .worker = 0};
    work(&self);
    for (int32_t i = 1; i < call->threads; i++) pthread_join(workers[i].thread, NULL);
    return atomic_load(&l.failure);
}

/* xoshiro256++, started by splitmix64. Another than libpynomaly's start: results differ, laws do not. */
uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static uint64_t rotated(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
static uint64_t draw(pyn_plugin_random *r) {
    uint64_t *s = r->state;
    const uint64_t result = rotated(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}
static void host_random_start(pyn_plugin_random *r, uint64_t seed, uint64_t stream) {
    uint64_t state = seed ^ rotated(stream * 0xd1342543de82ef95u + 1, 29);
    for (int i = 0; i < 4; i++) r->state[i] = next_random(&state);
}
static double uniform(pyn_plugin_random *r) { return (double)(draw(r) >> 11) * 0x1p-53; }
static void host_random_uniform(pyn_plugin_random *r, double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) values[i] = uniform(r);
}
static void host_random_normal(pyn_plugin_random *r, double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        values[i] = sqrt(-2 * log(1 - uniform(r))) * cos(6.283185307179586 * uniform(r));
}
static void host_random_below(pyn_plugin_random *r, int64_t bound, int64_t *values, int64_t count) {
    if (bound < 1) die("random_below %lld", (long long)bound);
    for (int64_t i = 0; i < count; i++) values[i] = (int64_t)(draw(r) % (uint64_t)bound);
}

static double element(const pyn_matrix *X, int64_t row, int64_t column) {
    const char *place = (const char *)X->data + row * X->row_stride + column * X->column_stride;
    return X->dtype == PYN_FLOAT32 ? (double)*(const float *)place : *(const double *)place;
}
static pyn_status host_read_rows(const pyn_matrix *X, int64_t first, int64_t count, double *values) {
    if (first < 0 || count < 0 || first > X->rows - count) return PYN_ERROR_SHAPE_MISMATCH;
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < X->columns; c++) values[i * X->columns + c] = element(X, first + i, c);
    return PYN_OK;
}
static pyn_status host_read_column(const pyn_matrix *X, int64_t column, double *values) {
    if (column < 0 || column >= X->columns) return PYN_ERROR_SHAPE_MISMATCH;
    for (int64_t i = 0; i < X->rows; i++) values[i] = element(X, i, column);
    return PYN_OK;
}

static pyn_status host_write(pyn_plugin_call *call, const void *data, size_t size) {
    bytes *out = call->written;
    if (!out) die("host->write outside save");
    if (out->size + size > out->capacity) {
        out->capacity = 2 * (out->size + size);
        out->data = realloc(out->data, out->capacity);
        if (!out->data) die("no memory");
    }
    if (size) memcpy(out->data + out->size, data, size);
    out->size += size;
    return PYN_OK;
}
static const void *host_extension(const pyn_plugin_host *host, const char *name) {
    (void)host, (void)name;
    return NULL;
}

const pyn_plugin_host the_host = {
    sizeof(pyn_plugin_host), 1, 0, "0.0.0", NULL, host_log, host_fail, host_allocate, host_release,
    host_progress, host_thread_count, host_parallel_for, host_random_start, host_random_uniform,
    host_random_normal, host_random_below, host_read_rows, host_read_column, host_write, host_extension};

/* A second host in the same process: a plugin that mixes hosts up ends in one of these. */
#define FORBIDDEN { die("the plugin used the table of another host than the one it was called by"); }
static pyn_status f_fail(pyn_plugin_call *a, pyn_status b, int64_t c, int64_t d, const char *e) {
    (void)a, (void)b, (void)c, (void)d, (void)e;
    FORBIDDEN
}
static void *f_allocate(const pyn_plugin_host *a, size_t b) { (void)a, (void)b; FORBIDDEN }
static void f_release(const pyn_plugin_host *a, void *b) { (void)a, (void)b; FORBIDDEN }
static int32_t f_progress(pyn_plugin_call *a, double b) { (void)a, (void)b; FORBIDDEN }
static int32_t f_threads(const pyn_plugin_call *a) { (void)a; FORBIDDEN }
static pyn_status f_parallel(pyn_plugin_call *a, int64_t b, pyn_plugin_chunk c, void *d) {
    (void)a, (void)b, (void)c, (void)d;
    FORBIDDEN
}
static void f_start(pyn_plugin_random *a, uint64_t b, uint64_t c) { (void)a, (void)b, (void)c; FORBIDDEN }
static void f_numbers(pyn_plugin_random *a, double *b, int64_t c) { (void)a, (void)b, (void)c; FORBIDDEN }
static void f_below(pyn_plugin_random *a, int64_t b, int64_t *c, int64_t d) {
    (void)a, (void)b, (void)c, (void)d;
    FORBIDDEN
}
static pyn_status f_rows(const pyn_matrix *a, int64_t b, int64_t c, double *d) {
    (void)a, (void)b, (void)c, (void)d;
    FORBIDDEN
}
static pyn_status f_column(const pyn_matrix *a, int64_t b, double *c) { (void)a, (void)b, (void)c; FORBIDDEN }
static pyn_status f_write(pyn_plugin_call *a, const void *b, size_t c) {
    (void)a, (void)b, (void)c;
    FORBIDDEN
}
const pyn_plugin_host forbidden_host = {
    sizeof(pyn_plugin_host), 1, 0, "0.0.0", NULL, host_log, f_fail, f_allocate, f_release, f_progress,
    f_threads, f_parallel, f_start, f_numbers, f_numbers, f_below, f_rows, f_column, f_write, host_extension};

/* -------------------------------------------------------------------------------- calls -- */

void call_start(pyn_plugin_call *call, int32_t threads, int64_t cancel_at) {
    memset(call, 0, sizeof *call);
    call->threads = threads;
    call->cancel_at = cancel_at;
    call->last_heard = now();
    call->calling_thread = pthread_self();
    pthread_mutex_init(&call->lock, NULL);
}

pyn_plugin_init_function plugin_open(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) die("%s", dlerror());
    pyn_plugin_init_function init = NULL;
    *(void **)&init = dlsym(library, "pynomaly_plugin_init");
    if (!init) die("%s has no pynomaly_plugin_init", path);
    return init;
}

void plugin_ask(pyn_plugin_init_function init, const pyn_plugin_host *host, pyn_plugin *plugin) {
    memset(plugin, 0, sizeof *plugin);
    plugin->struct_size = sizeof *plugin;
    if (init(host, 1, plugin) != PYN_OK) die("init failed");
    if (plugin->struct_size != sizeof *plugin || plugin->abi_version != 1 || plugin->class_count < 1)
        die("init filled its table wrongly");
    for (int64_t i = 0; i < plugin->class_count; i++) {
        const pyn_plugin_class *c = plugin->classes[i];
        if (c->struct_size != sizeof *c || !c->create || !c->fit || !c->score || !c->save || !c->load ||
            !c->destroy)
            die("class %lld lacks something", (long long)i);
        if (c->option_count > 64) die("too many options for this test");
    }
}

detector detector_of(const pyn_plugin_class *class) {
    detector d = {.class = class};
    for (int64_t i = 0; i < class->option_count; i++) d.values[i] = class->options[i].default_value;
    return d;
}

int set_option(detector *d, const char *name, const char *text) {
    for (int64_t i = 0; i < d->class->option_count; i++) {
        const pyn_plugin_option *o = &d->class->options[i];
        if (strcmp(o->name, name)) continue;
        pyn_value v = {sizeof(pyn_value), 0, 0, 0, 0, NULL};
        char *end = NULL;
        if ((o->types & PYN_OPTION_INT) && (v.int_value = strtoll(text, &end, 10), end != text && !*end))
            v.type = PYN_OPTION_INT;
        else if ((o->types & PYN_OPTION_DOUBLE) &&
                 (v.double_value = strtod(text, &end), end != text && !*end))
            v.type = PYN_OPTION_DOUBLE;
        else if (o->types & PYN_OPTION_BOOL)
            v.type = PYN_OPTION_BOOL, v.bool_value = !strcmp(text, "true");
        else
            v.type = PYN_OPTION_STRING, v.string_value = text;
        d->values[i] = v;
        return 1;
    }
    return 0;
}

static void told(const pyn_plugin_call *call, pyn_status status, const char *what) {
    if (status != PYN_OK && status != PYN_ERROR_CANCELLED && call->failure == PYN_OK)
        die("%s returned %d and did not say why", what, (int)status);
    if (status == PYN_OK && call->failure != PYN_OK) die("%s called fail and returned OK", what);
}

pyn_status do_fit(const detector *d, pyn_plugin_call *call, const pyn_matrix *X, void **instance) {
    const pyn_plugin_class *c = d->class;
    pyn_status status = c->create(c, call, d->values, c->option_count, instance);
    told(call, status, "create");
    if (status != PYN_OK) return status;
    const pyn_plugin_training training = {sizeof training, X, NULL, NULL};
    status = c->fit(*instance, call, &training);
    told(call, status, "fit");
    if (status != PYN_OK) c->destroy(*instance), *instance = NULL;
    return status;
}

pyn_status do_save(const pyn_plugin_class *c, const void *instance, bytes *out) {
    pyn_plugin_call call;
    call_start(&call, 1, -1);
    out->size = 0;
    call.written = out;
    const pyn_status status = c->save(instance, &call);
    told(&call, status, "save");
    return status;
}

pyn_status do_load(const detector *d, const bytes *model, int64_t features, void **instance) {
    pyn_plugin_call call;
    call_start(&call, 1, -1);
    const pyn_plugin_class *c = d->class;
    /* A block of just this size, so that the sanitizer sees a step beyond. */
    unsigned char *exact = malloc(model->size ? model->size : 1);
    if (!exact) die("no memory");
    memcpy(exact, model->data, model->size);
    const pyn_status status =
        c->load(c, &call, d->values, c->option_count, features, exact, model->size, instance);
    free(exact);
    told(&call, status, "load");
    return status;
}

pyn_matrix dense(const double *values, int64_t rows, int64_t columns) {
    const pyn_matrix X = {sizeof X, values, PYN_FLOAT64, 0, rows, columns, 8 * columns, 8};
    return X;
}
