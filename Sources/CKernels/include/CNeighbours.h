// Neighbour search: the types its kernels share, and the loops over vectors that need masks.
//
// Every distance is summed over the columns in their order, one lane a row, without contraction: the same
// bits in every build. Since rounding is monotonic, the bound of a box never exceeds the distance of a
// row in it, to the last bit.
#ifndef CNEIGHBOURS_H
#define CNEIGHBOURS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Distances are compared in reduced form: squared, or to the power of p.
enum { CK_EUCLIDEAN = 0, CK_MANHATTAN = 1, CK_CHEBYSHEV = 2, CK_MINKOWSKI = 3 };

// A node of the tree has up to 8 children.
typedef struct {
    uint32_t first[8];  // of a leaf: its first block; else the node's number
    uint32_t blocks[8]; // of a leaf: how many blocks of 8 rows; 0: a node
    uint32_t least[8];  // the least row number below
} ck_tree_node;

typedef struct {
    const ck_tree_node *nodes;
    const double *boxes;     // a node: columns times 8 least values, columns times 8 greatest
    const double *points;    // a block: columns times 8 values; lanes without a row hold +inf
    const uint32_t *rows;    // the row number of every slot (block * 8 + lane)
    int64_t columns;
    int32_t metric;
    int32_t whole_power;     // p when it is a small whole number, else 0
    double power;            // p
    const float *singles;    // the points less `centre`, times `scale`, in single precision; NULL: none
    const float *single_boxes;
    const double *centre;
    double scale;
} ck_neighbour_tree;

// The k nearest found so far: sorted by distance, then row number, once the search has ended.
typedef struct {
    double *distances; // reduced; room for k
    uint32_t *slots;
    int64_t k;
    int64_t count;
    int64_t evaluated; // distances computed
} ck_neighbours;

// A part of the tree that is still to be looked at.
typedef struct {
    double bound;
    uint32_t least, first, blocks, unused;
} ck_pending;

// A value and its row, to be ordered.
typedef struct {
    double value;
    uint32_t row, unused;
} ck_key;

// Rows for the search by dot products: as doubles, and as floats less their centre in panels of 16 rows.
typedef struct {
    const double *points;  // row-major, in the order of the slots
    const float *panels;   // a panel: panel_columns times 16
    const float *halves;   // shrink * |row|^2 / 2; +inf where there is no row
    const uint32_t *rows;  // the row number of every slot
    int64_t columns;
    int64_t panel_columns; // of the panels and of packed queries
    double shrink, scale;  // see DotFiltering.swift
} ck_row_store;

// Six queries that are compared with the panels together.
typedef struct {
    const float *packed;            // panel_columns times 6
    const double *const *queries;   // six
    ck_neighbours *found;           // six, each full
    float *limits;                  // six: what a dot product must reach; +inf for lanes without a query
    const double *norms;            // six: |query|^2, scaled
    const uint32_t *skipped;        // six pairs: slots from .. to that are known already
} ck_query_group;

typedef double ck_eight __attribute__((ext_vector_type(8)));
typedef double ck_four __attribute__((ext_vector_type(4), aligned(8)));
typedef float ck_float_eight __attribute__((ext_vector_type(8), aligned(4)));
typedef bool ck_bits __attribute__((ext_vector_type(8)));
typedef bool ck_four_bits __attribute__((ext_vector_type(4)));

#define CK_INLINE static inline __attribute__((always_inline))
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

CK_INLINE ck_eight ck_power8(ck_eight gap, int32_t whole, double power) {
#pragma clang fp contract(off)
    ck_eight result = gap;
    if (whole > 0) {
        for (int32_t i = 1; i < whole; i++) result = result * gap;
    } else {
        for (int lane = 0; lane < 8; lane++) result[lane] = pow(gap[lane], power);
    }
    return result;
}

CK_INLINE ck_eight ck_add_gap8(int metric, ck_eight sum, ck_eight gap, int32_t whole, double power) {
#pragma clang fp contract(off)
    switch (metric) {
        case CK_EUCLIDEAN: return sum + gap * gap;
        case CK_MANHATTAN: return sum + __builtin_elementwise_abs(gap);
        case CK_CHEBYSHEV: return __builtin_elementwise_max(sum, __builtin_elementwise_abs(gap));
        default: return sum + ck_power8(__builtin_elementwise_abs(gap), whole, power);
    }
}

CK_INLINE uint32_t ck_within8(ck_eight values, double limit) {
    const ck_four low = values.lo, high = values.hi;
    const ck_four_bits lows = __builtin_convertvector(low <= (ck_four)limit, ck_four_bits);
    const ck_four_bits highs = __builtin_convertvector(high <= (ck_four)limit, ck_four_bits);
    uint8_t masks[2];
    memcpy(masks, &lows, 1);
    memcpy(masks + 1, &highs, 1);
    return (masks[0] & 15) | (uint32_t)(masks[1] & 15) << 4;
}

// The distances of 8 rows from a query, and which are within the limit.
CK_INLINE uint32_t ck_distances8(
    int metric, const double *block, const double *query, int64_t columns, int32_t whole, double power,
    double limit, double *distances) {
#pragma clang fp contract(off)
    ck_eight sum = {0};
    for (int64_t c = 0; c < columns; c++) {
        ck_eight gap = *(const ck_eight *)(block + 8 * c) - query[c];
        sum = ck_add_gap8(metric, sum, gap, whole, power);
    }
    *(ck_eight *)distances = sum;
    return ck_within8(sum, limit);
}

// How near the boxes of a node's 8 children are, and which are within the limit.
CK_INLINE uint32_t ck_boxes8(
    int metric, const double *boxes, const double *query, int64_t columns, int32_t whole, double power,
    double limit, double *bounds) {
#pragma clang fp contract(off)
    const double *least = boxes, *greatest = boxes + 8 * columns;
    const ck_eight zero = {0};
    ck_eight sum = {0};
    for (int64_t c = 0; c < columns; c++) {
        ck_eight below = *(const ck_eight *)(least + 8 * c) - query[c];
        ck_eight above = query[c] - *(const ck_eight *)(greatest + 8 * c);
        ck_eight gap = below > above ? below : above;
        gap = zero < gap ? gap : zero;
        sum = ck_add_gap8(metric, sum, gap, whole, power);
    }
    // pow is not monotonic to the last bit.
    if (metric == CK_MINKOWSKI) sum = sum * (1 - 0x1p-40);
    *(ck_eight *)bounds = sum;
    return ck_within8(sum, limit);
}

// The squared distance of two rows: 16 sums in a fixed order.
CK_INLINE double ck_row_distance(const double *a, const double *b, int64_t columns) {
#pragma clang fp contract(off)
    ck_four s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    int64_t c = 0;
    for (; c + 16 <= columns; c += 16) {
        ck_four d0 = *(const ck_four *)(a + c) - *(const ck_four *)(b + c);
        ck_four d1 = *(const ck_four *)(a + c + 4) - *(const ck_four *)(b + c + 4);
        ck_four d2 = *(const ck_four *)(a + c + 8) - *(const ck_four *)(b + c + 8);
        ck_four d3 = *(const ck_four *)(a + c + 12) - *(const ck_four *)(b + c + 12);
        s0 = s0 + d0 * d0;
        s1 = s1 + d1 * d1;
        s2 = s2 + d2 * d2;
        s3 = s3 + d3 * d3;
    }
    for (; c + 4 <= columns; c += 4) {
        ck_four d0 = *(const ck_four *)(a + c) - *(const ck_four *)(b + c);
        s0 = s0 + d0 * d0;
    }
    s0 = (s0 + s1) + (s2 + s3);
    double sum = (s0[0] + s0[1]) + (s0[2] + s0[3]);
    for (; c < columns; c++) {
        double d = a[c] - b[c];
        sum = sum + d * d;
    }
    return sum;
}

CK_INLINE uint32_t ck_reached(ck_float_eight low, ck_float_eight high, float limit) {
    ck_bits lows = __builtin_convertvector(low >= (ck_float_eight)limit, ck_bits);
    ck_bits highs = __builtin_convertvector(high >= (ck_float_eight)limit, ck_bits);
    uint8_t masks[2];
    memcpy(masks, &lows, 1);
    memcpy(masks + 1, &highs, 1);
    return masks[0] | (uint32_t)masks[1] << 8;
}

// Six queries against a panel of 16 rows: which dot products, less the rows' halves, reach the queries'
// limits. Returns whether any does; then masks are set. Twelve vectors of sums stay in registers.
// They only say what is to be measured, and the limits allow for the rounding: they may be contracted.
CK_INLINE bool ck_tile(
    const float *packed, const float *panel, const float *halves, int64_t columns, const float *limits,
    uint32_t *masks) {
#pragma clang fp contract(fast)
    const ck_float_eight low = -*(const ck_float_eight *)halves;
    const ck_float_eight high = -*(const ck_float_eight *)(halves + 8);
    ck_float_eight a0 = low, a1 = low, a2 = low, a3 = low, a4 = low, a5 = low;
    ck_float_eight b0 = high, b1 = high, b2 = high, b3 = high, b4 = high, b5 = high;
#pragma clang loop unroll_count(2)
    for (int64_t c = 0; c < columns; c++) {
        const ck_float_eight x = *(const ck_float_eight *)(panel + 16 * c);
        const ck_float_eight y = *(const ck_float_eight *)(panel + 16 * c + 8);
        const float *q = packed + 6 * c;
        ck_float_eight v;
        v = (ck_float_eight)q[0], a0 = a0 + v * x, b0 = b0 + v * y;
        v = (ck_float_eight)q[1], a1 = a1 + v * x, b1 = b1 + v * y;
        v = (ck_float_eight)q[2], a2 = a2 + v * x, b2 = b2 + v * y;
        v = (ck_float_eight)q[3], a3 = a3 + v * x, b3 = b3 + v * y;
        v = (ck_float_eight)q[4], a4 = a4 + v * x, b4 = b4 + v * y;
        v = (ck_float_eight)q[5], a5 = a5 + v * x, b5 = b5 + v * y;
    }
    // Mostly none does.
    const ck_float_eight l0 = (ck_float_eight)limits[0], l1 = (ck_float_eight)limits[1],
                         l2 = (ck_float_eight)limits[2], l3 = (ck_float_eight)limits[3],
                         l4 = (ck_float_eight)limits[4], l5 = (ck_float_eight)limits[5];
    const ck_bits any = __builtin_convertvector(
        (a0 >= l0) | (b0 >= l0) | (a1 >= l1) | (b1 >= l1) | (a2 >= l2) | (b2 >= l2) | (a3 >= l3) |
            (b3 >= l3) | (a4 >= l4) | (b4 >= l4) | (a5 >= l5) | (b5 >= l5),
        ck_bits);
    uint8_t reached;
    memcpy(&reached, &any, 1);
    if (reached == 0) return false;
    masks[0] = ck_reached(a0, b0, limits[0]);
    masks[1] = ck_reached(a1, b1, limits[1]);
    masks[2] = ck_reached(a2, b2, limits[2]);
    masks[3] = ck_reached(a3, b3, limits[3]);
    masks[4] = ck_reached(a4, b4, limits[4]);
    masks[5] = ck_reached(a5, b5, limits[5]);
    return true;
}
#pragma clang diagnostic pop
#undef CK_INLINE

#endif
