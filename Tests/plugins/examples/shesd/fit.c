/* Fit: the medians of the phases, and the test of what is left without them, column by column. Values are
 * sorted in blocks and merged, by all threads; a block or a merge is short enough to stop at. */
#include "shesd.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define BLOCK 65536 /* values sorted at once */

typedef struct {
    const pyn_plugin_host *host;
    pyn_plugin_call *call;
    const shesd *model;
    double *values, *spare;  /* one column, phase by phase */
    int32_t *phase;          /* of each row; NULL when all are in phase 0 */
    int64_t *first;          /* first[p]: where phase p begins; first[phases]: rows */
    int64_t *bounds, *owner; /* sorted runs: bounds[i] .. bounds[i + 1] - 1 of phase owner[i] */
    int64_t *halves;         /* of a round of merging: first, middle, end */
    int64_t run_count;
} work;

static void merge(const double *a, const double *a_end, const double *b, const double *b_end, double *to) {
    while (a < a_end && b < b_end) {
        const int from_b = *b < *a;
        *to++ = from_b ? *b : *a;
        b += from_b;
        a += !from_b;
    }
    memcpy(to, a, (size_t)(a_end - a) * sizeof *to);
    memcpy(to + (a_end - a), b, (size_t)(b_end - b) * sizeof *to);
}

/* Sort by merging from runs of 16. */
static void sort(double *values, double *spare, int64_t count) {
    for (int64_t start = 0; start < count; start += 16) {
        const int64_t end = start + 16 < count ? start + 16 : count;
        for (int64_t i = start + 1; i < end; i++) {
            const double x = values[i];
            int64_t k = i;
            for (; k > start && values[k - 1] > x; k--) values[k] = values[k - 1];
            values[k] = x;
        }
    }
    double *from = values, *to = spare;
    for (int64_t width = 16; width < count; width *= 2) {
        for (int64_t start = 0; start < count; start += 2 * width) {
            const int64_t middle = start + width < count ? start + width : count;
            const int64_t end = middle + width < count ? middle + width : count;
            merge(from + start, from + middle, from + middle, from + end, to + start);
        }
        double *swap = from;
        from = to, to = swap;
    }
    if (from != values) memcpy(values, from, (size_t)count * sizeof *values);
}

static pyn_status sort_chunk(pyn_plugin_call *call, int64_t chunk, int32_t worker, void *context) {
    (void)call, (void)worker;
    work *w = context;
    const int64_t first = w->bounds[chunk];
    sort(w->values + first, w->spare + first, w->bounds[chunk + 1] - first);
    return PYN_OK;
}

static pyn_status merge_chunk(pyn_plugin_call *call, int64_t chunk, int32_t worker, void *context) {
    (void)call, (void)worker;
    work *w = context;
    const int64_t *h = w->halves + 3 * chunk;
    merge(w->values + h[0], w->values + h[1], w->values + h[1], w->values + h[2], w->spare + h[0]);
    return PYN_OK;
}

/* Merge neighbouring runs, of the same phase alone or of all, until there is nothing more to merge. */
static pyn_status merge_runs(work *w, int across_phases) {
    for (;;) {
        int64_t rounds = 0, merged = 0;
        for (int64_t i = 0; i < w->run_count; rounds++) {
            const int pair = i + 1 < w->run_count && (across_phases || w->owner[i] == w->owner[i + 1]);
            int64_t *h = w->halves + 3 * rounds;
            h[0] = w->bounds[i], h[1] = w->bounds[i + 1], h[2] = w->bounds[i + 1 + pair];
            w->owner[rounds] = w->owner[i]; /* rounds <= i: what is overwritten has been read */
            merged += pair;
            i += 1 + pair;
        }
        if (!merged) return PYN_OK;
        const pyn_status status = w->host->parallel_for(w->call, rounds, merge_chunk, w);
        if (status != PYN_OK) return status;
        for (int64_t i = 0; i < rounds; i++) w->bounds[i] = w->halves[3 * i];
        w->bounds[rounds] = w->halves[3 * rounds - 1];
        w->run_count = rounds;
        double *swap = w->values;
        w->values = w->spare, w->spare = swap;
    }
}

static double held(double x) { return fmax(-DBL_MAX / 4, fmin(x, DBL_MAX / 4)); }

/* The profile of one column: the median of each phase, and between its neighbours where a phase has no rows.
 * Takes it from the values. */
static void take_profile(work *w, double *profile) {
    const int64_t phases = w->model->phases;
    int64_t last = -1, first = -1;
    for (int64_t p = 0; p < phases; p++) {
        const int64_t start = w->first[p], count = w->first[p + 1] - start;
        if (!count) continue;
        profile[p] = esd_median(w->values + start, count);
        for (int64_t i = start; i < start + count; i++) w->values[i] = held(w->values[i] - profile[p]);
        if (first < 0) first = p;
        for (int64_t gap = last + 1; last >= 0 && gap < p; gap++) {
            const double share = (double)(gap - last) / (double)(p - last);
            profile[gap] = profile[last] * (1 - share) + profile[p] * share;
        }
        last = p;
    }
    /* From the last phase with rows round to the first. */
    const int64_t steps = phases - last + first;
    for (int64_t i = 1; i < steps; i++) {
        const double share = (double)i / (double)steps;
        profile[(last + i) % phases] = profile[last] * (1 - share) + profile[first] * share;
    }
}

typedef struct {
    work *w;
    double done;
} hearing;
static int32_t heard(void *context) {
    const hearing *h = context;
    return h->w->host->progress(h->w->call, h->done);
}

static pyn_status fit_column(work *w, shesd *model, const pyn_matrix *X, int64_t column) {
    const pyn_plugin_host *host = w->host;
    const int64_t phases = model->phases, rows = X->rows;
    const double done = (double)column / (double)model->columns;
    if (host->progress(w->call, done)) return PYN_ERROR_CANCELLED;
    pyn_status status = host->read_column(X, column, w->phase ? w->spare : w->values);
    if (status != PYN_OK) return status;
    if (w->phase) {
        for (int64_t p = phases; p > 0; p--) w->first[p] = w->first[p - 1];
        for (int64_t i = 0; i < rows; i++) {
            if (i % BLOCK == 0 && host->progress(w->call, done)) return PYN_ERROR_CANCELLED;
            w->values[w->first[w->phase[i] + 1]++] = w->spare[i]; /* leaves first[p + 1] where phase p ends */
        }
    }
    w->run_count = 0;
    w->bounds[0] = 0;
    for (int64_t p = 0; p < phases; p++) {
        for (int64_t start = w->first[p]; start < w->first[p + 1]; start += BLOCK) {
            const int64_t end = w->first[p + 1];
            w->owner[w->run_count++] = p;
            w->bounds[w->run_count] = end - start > BLOCK ? start + BLOCK : end;
        }
    }
    if ((status = host->parallel_for(w->call, w->run_count, sort_chunk, w)) != PYN_OK) return status;
    if ((status = merge_runs(w, 0)) != PYN_OK) return status;
    double *profile = model->profile + column * phases;
    if (w->phase) {
        take_profile(w, profile);
        if ((status = merge_runs(w, 1)) != PYN_OK) return status;
    } else {
        for (int64_t i = 0; i < rows; i++) w->values[i] = held(w->values[i]); /* the profile stays 0 */
    }
    esd_result result;
    hearing h = {w, done};
    if (esd_test(w->values, rows, model->alpha, model->most_anomalies, model->direction, heard, &h, &result))
        return PYN_ERROR_CANCELLED;
    model->centre[column] = result.centre;
    model->scale[column] = result.scale;
    model->critical[column] = result.critical;
    model->anomalies += result.anomalies;
    return PYN_OK;
}

/* phase[i] of each row, and where each phase begins. */
static pyn_status find_phases(work *w, const shesd *model, const pyn_matrix *X) {
    const int64_t phases = model->phases, rows = X->rows;
    memset(w->first, 0, (size_t)(phases + 1) * sizeof *w->first);
    if (!w->phase) {
        w->first[1] = rows;
        return PYN_OK;
    }
    const pyn_status status = w->host->read_column(X, model->time_column, w->spare);
    if (status != PYN_OK) return status;
    for (int64_t i = 0; i < rows; i++) {
        if (i % BLOCK == 0 && w->host->progress(w->call, 0)) return PYN_ERROR_CANCELLED;
        w->phase[i] = (int32_t)phase_of(model, w->spare[i]);
        w->first[w->phase[i] + 1]++;
    }
    for (int64_t p = 0; p < phases; p++) w->first[p + 1] += w->first[p];
    return PYN_OK;
}

pyn_status shesd_fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    shesd *model = instance;
    const pyn_plugin_host *host = model->host;
    const pyn_matrix *X = training->X;
    if (model->time_column >= X->columns)
        return host->fail(call, PYN_ERROR_INVALID_OPTION, -1, -1, "time_column is not a column of the data");
    if (model->time_column >= 0 && X->columns < 2)
        return host->fail(call, PYN_ERROR_INVALID_DATA, -1, -1,
                          "beside the time_column there is no column to look at");
    if (model->time_column < 0) model->phases = 1;

    const int64_t rows = X->rows, phases = model->phases;
    const int64_t runs = rows / BLOCK + (phases < rows ? phases : rows) + 1;
    work w = {.host = host, .call = call, .model = model};
    /* Swapped back and forth while merging: what was allocated is remembered here. */
    double *values = host->allocate(host, (size_t)rows * sizeof *values);
    double *spare = host->allocate(host, (size_t)rows * sizeof *spare);
    w.values = values, w.spare = spare;
    if (model->time_column >= 0) w.phase = host->allocate(host, (size_t)rows * sizeof *w.phase);
    w.first = host->allocate(host, (size_t)(phases + 1) * sizeof *w.first);
    w.bounds = host->allocate(host, (size_t)(runs + 1) * sizeof *w.bounds);
    w.owner = host->allocate(host, (size_t)runs * sizeof *w.owner);
    w.halves = host->allocate(host, 3 * (size_t)runs * sizeof *w.halves);

    pyn_status status = make_room(model, X->columns);
    if (!values || !spare || (model->time_column >= 0 && !w.phase) || !w.first || !w.bounds || !w.owner ||
        !w.halves)
        status = PYN_ERROR_OUT_OF_MEMORY;
    if (status != PYN_OK)
        host->fail(call, status, -1, -1,
                   "SHESD needs 20 bytes for each row beside the data, and cannot have them");
    else
        status = find_phases(&w, model, X);
    for (int64_t c = 0; c < X->columns && status == PYN_OK; c++)
        if (c != model->time_column) status = fit_column(&w, model, X, c);

    host->release(host, values);
    host->release(host, spare);
    host->release(host, w.phase);
    host->release(host, w.first);
    host->release(host, w.bounds);
    host->release(host, w.owner);
    host->release(host, w.halves);
    return status;
}
