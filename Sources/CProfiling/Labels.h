// Labels of a thread, where its own signal handler finds them.
#ifndef LABELS_H
#define LABELS_H

#include "CInside.h"

struct cp_label_block {
    int32_t depth;  // may be more than are kept
    uint32_t owner, tokens;  // a token is both: unique in the process
    cp_label labels[CP_LABELS];
    cp_label_block *next;  // of all blocks
};

// In the memory that each thread has from its beginning: a handler must not be the first to ask for it.
extern __thread cp_label_block *cp_thread_labels __attribute__((tls_model("initial-exec")));

#endif
