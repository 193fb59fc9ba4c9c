// Nodes of the trees that learn from streams.
#ifndef CK_STREAMS_H
#define CK_STREAMS_H

#include <stdint.h>

// A node of a complete tree in heap order: children of i are 2i and 2i + 1, from 1 on.
// A value goes right when it is not less than the split.
typedef struct {
    double split;
    int64_t feature;
} ck_half_node;

// A node of a random cut tree. Children and parent are places of nodes when >= 0, and ~place of a leaf
// when < 0; the root has itself as parent. A value goes left when it is not greater than the cut.
typedef struct {
    double cut;
    double length; // of the bounding box: the sum of its sides
    int32_t feature;
    int32_t left;
    int32_t right;
    int32_t parent;
    int32_t count;      // rows below
    int32_t left_count; // of them left
} ck_cut_node;

#endif
