// What Swift has no word for: the types the kernels share, one step down a tree, prefetching,
// processor features and counters shared by threads.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

#include "CClusterSums.h"
#include "CClusters.h"
#include "CCandidates.h"
#include "CDense.h"
#include "CNeighbours.h"
#include "CPanels.h"
#include "CSeries.h"
#include "CSinglePoints.h"
#include "CSingles.h"
#include "ck_columns.h"
#include "ck_streams.h"

// A node of a complete tree in heap order: children of i are 2i and 2i + 1.
// A key goes right when threshold < key.
typedef struct {
    uint32_t threshold;
    uint32_t column; // where the feature's keys begin in a block, counted in keys
} ck_heap_node;

// A node of a tree of any shape: children are `left` and `left + 1`; a leaf is its own left child
// with a threshold that no key exceeds.
typedef struct {
    uint32_t threshold;
    uint32_t column;
    uint32_t left;
    uint32_t leaf; // path length, when this is a leaf
} ck_linked_node;

// One term of a hyperplane's dot product.
typedef struct {
    uint32_t column;
    float coefficient;
} ck_term;

// One step down for row `lane` of a group: i = 2i + (threshold < key). On x86-64 the comparison's
// carry goes straight into the index (adc), which no compiler at hand does by itself: 4 instructions.
#if defined(__x86_64__)
#define CK_STEP(lane)                                                                              \
    static inline __attribute__((always_inline)) uint64_t ck_step##lane(                           \
        uint64_t i, const ck_heap_node *tree, const uint32_t *keys) {                              \
        uint64_t column;                                                                           \
        uint32_t threshold;                                                                        \
        __asm__("movl 4(%[tree],%[i],8), %k[column]\n\t"                                           \
                "movl (%[tree],%[i],8), %[threshold]\n\t"                                          \
                "cmpl %c[offset](%[keys],%[column],4), %[threshold]\n\t"                           \
                "adcq %[i], %[i]"                                                                  \
                : [i] "+r"(i), [column] "=&r"(column), [threshold] "=&r"(threshold)                \
                : [tree] "r"(tree), [keys] "r"(keys), [offset] "i"(4 * lane)                       \
                : "cc", "memory");                                                                 \
        return i;                                                                                  \
    }
#else
#define CK_STEP(lane)                                                                              \
    static inline __attribute__((always_inline)) uint64_t ck_step##lane(                           \
        uint64_t i, const ck_heap_node *tree, const uint32_t *keys) {                              \
        ck_heap_node node = tree[i];                                                               \
        return i + i + (uint64_t)(node.threshold < keys[(uint64_t)node.column + lane]);            \
    }
#endif
CK_STEP(0)
CK_STEP(1)
CK_STEP(2)
CK_STEP(3)
CK_STEP(4)
CK_STEP(5)
CK_STEP(6)
CK_STEP(7)
#undef CK_STEP

// The places, in heap order, of 8 rows after three levels. So near the root few nodes are in question:
// all 8 rows are compared with all 7 of them, and masks choose. max(key, threshold) == threshold says
// left, since AVX2 has no unsigned comparison. (Swift's SIMD masks cost twice the instructions.)
typedef uint32_t ck_keys8 __attribute__((vector_size(32)));
typedef int32_t ck_mask8 __attribute__((vector_size(32)));
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"
static inline __attribute__((always_inline)) ck_mask8 ck_left8(
    const uint32_t *keys, const ck_heap_node *tree, int node) {
    ck_keys8 key = *(const ck_keys8 *)(keys + tree[node].column);
    ck_keys8 threshold = (ck_keys8){} + tree[node].threshold;
    return (ck_mask8)(__builtin_elementwise_max(key, threshold) == threshold);
}
static inline __attribute__((always_inline)) ck_mask8 ck_choose8(
    ck_mask8 mask, ck_mask8 yes, ck_mask8 no) {
    return (mask & yes) | (~mask & no);
}
static inline __attribute__((always_inline)) void ck_three_levels(
    const uint32_t *keys, const ck_heap_node *tree, uint32_t *places) {
    ck_mask8 first = ck_left8(keys, tree, 1);
    ck_mask8 second = ck_choose8(first, ck_left8(keys, tree, 2), ck_left8(keys, tree, 3));
    ck_mask8 third = ck_choose8(
        first,
        ck_choose8(second, ck_left8(keys, tree, 4), ck_left8(keys, tree, 5)),
        ck_choose8(second, ck_left8(keys, tree, 6), ck_left8(keys, tree, 7)));
    *(ck_mask8 *)places = 15 + 4 * first + 2 * second + third; // masks are -1 or 0
}

// Eight values less their centres, in single precision and inside its range: NaN for what is not finite,
// and no negative zero. `residue` gathers a NaN when one was not finite. The values are those of one
// column in eight rows, `offset` bytes from where these begin, or eight cells of one row.
typedef double ck_doubles8 __attribute__((vector_size(64), aligned(8)));
typedef float ck_floats8 __attribute__((vector_size(32), aligned(4)));
static inline __attribute__((always_inline)) void ck_centre8(
    ck_doubles8 raw, ck_doubles8 centre, float *out, ck_floats8 *residue) {
    const ck_floats8 limit = (ck_floats8){} + 0x1.fffffep127f;
    ck_floats8 nothing = __builtin_convertvector(raw - raw, ck_floats8); // 0 or NaN
    ck_floats8 value = __builtin_convertvector(raw - centre, ck_floats8);
    value = __builtin_elementwise_max(__builtin_elementwise_min(value, limit), -limit);
    *(ck_floats8 *)out = value + nothing;
    *residue += nothing;
}
#define CK_CENTRE(name, type)                                                                      \
    static inline __attribute__((always_inline)) void name(                                        \
        const void *const *rows, int64_t offset, double centre, float *out, ck_floats8 *residue) { \
        ck_doubles8 raw = {0};                                                                     \
        for (int row = 0; row < 8; row++)                                                          \
            raw[row] = (double)*(const type *)((const char *)rows[row] + offset);                  \
        ck_centre8(raw, (ck_doubles8){0} + centre, out, residue);                                  \
    }                                                                                              \
    static inline __attribute__((always_inline)) void name##_of_row(                               \
        const void *const *cells, const double *centres, float *out, ck_floats8 *residue) {        \
        ck_doubles8 raw = {0};                                                                     \
        for (int cell = 0; cell < 8; cell++) raw[cell] = (double)*(const type *)cells[cell];       \
        ck_centre8(raw, *(const ck_doubles8 *)centres, out, residue);                              \
    }
CK_CENTRE(ck_centre_doubles, double)
CK_CENTRE(ck_centre_floats, float)
#undef CK_CENTRE
#pragma clang diagnostic pop

#include "SupportVectors.h"
#include "KernelFeatures.h"

static inline __attribute__((always_inline)) void ck_prefetch(const void *address) {
    __builtin_prefetch(address);
}

// Whether the processor runs code built for x86-64-v3 (AVX2, FMA, BMI).
static inline int ck_has_x86_64_v3(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v3");
#else
    return 0;
#endif
}

// Processors that this process may use.
int ck_usable_processors(void);

// Whether so many bytes could be allocated just now.
int ck_can_allocate(uint64_t bytes);

// Counters shared by threads.
static inline int64_t ck_fetch_add(int64_t *counter, int64_t amount) {
    return __atomic_fetch_add(counter, amount, __ATOMIC_ACQ_REL);
}
static inline int64_t ck_load(const int64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}
static inline void ck_store(int64_t *counter, int64_t value) {
    __atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

#endif
