#ifndef CKERNELS_H
#define CKERNELS_H
#include <stdint.h>
typedef struct { uint32_t threshold; uint32_t feature; } ck_node;
#endif
