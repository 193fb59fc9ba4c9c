#include "Labels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

__thread cp_label_block *cp_thread_labels __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {
pthread_key_t key;
pthread_once_t once = PTHREAD_ONCE_INIT;
int has_key = 0;

void forget(void *block) {
    cp_thread_labels = nullptr;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    free(block);
}
void make_key() { has_key = pthread_key_create(&key, forget) == 0; }

__attribute__((noinline)) cp_label_block *first() {
    pthread_once(&once, make_key);
    if (!has_key) return nullptr;
    cp_label_block *block = static_cast<cp_label_block *>(calloc(1, sizeof(cp_label_block)));
    if (!block) return nullptr;
    if (pthread_setspecific(key, block) != 0) {
        free(block);
        return nullptr;
    }
    cp_thread_labels = block;
    return block;
}
}  // namespace

namespace {
// A handler may come between any two instructions: it must never see a label half written as one that counts.
inline uint64_t push(const char *name, const char *immortal, uint64_t place, uint64_t frame) {
    cp_label_block *block = cp_thread_labels;
    if (!block && !(block = first())) return 0;
    uint64_t token = ++block->tokens;
    if (block->depth < CP_LABELS) {
        cp_label &label = block->labels[block->depth];
        label.place = place;
        label.frame = frame;
        label.token = token;
        label.immortal = immortal;
        if (!immortal) {
            size_t i = strnlen(name, CP_LABEL_SIZE);
            // Not cut in the middle of a character.
            if (i == CP_LABEL_SIZE)
                for (i--; i > 0 && (name[i] & 0xc0) == 0x80;) i--;
            memcpy(label.name, name, i);
            label.name[i] = 0;
        }
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    block->depth++;
    return token;
}
}  // namespace

uint64_t cp_label_push(const char *name, uint64_t place, uint64_t frame) { return push(name, nullptr, place, frame); }

__attribute__((noinline)) uint64_t cp_label_callees(const char *immortal) {
    return push("", immortal ? immortal : "", reinterpret_cast<uint64_t>(__builtin_dwarf_cfa()), 0);
}

void cp_label_pop(uint64_t token) {
    cp_label_block *block = cp_thread_labels;
    if (!block || block->depth <= 0) return;
    int32_t kept = block->depth < CP_LABELS ? block->depth : CP_LABELS;
    int32_t at = block->depth - 1;
    if (token != 0) {
        int32_t found = kept - 1;
        while (found >= 0 && block->labels[found].token != token) found--;
        // One that was not kept; or, where all are, one that is gone.
        if (found < 0 && block->depth <= CP_LABELS) return;
        if (found >= 0) at = found;
    }
    if (at < kept - 1) {
        // Out of order, as coroutines do it: no label at all for a moment is better than a wrong one.
        int32_t depth = block->depth;
        block->depth = at;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        memmove(&block->labels[at], &block->labels[at + 1], static_cast<size_t>(kept - 1 - at) * sizeof(cp_label));
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        block->depth = depth <= CP_LABELS ? depth - 1 : kept - 1;
        return;
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    block->depth--;
}

// Of the C interface, and here because their own frames tell where on the stack a label is: what is called later from
// the same function lies below.
extern "C" __attribute__((noinline, visibility("default"))) uint64_t pyn_profiler_push_label(const char *name,
                                                                                              const void *frame) {
    return push(name ? name : "", nullptr, reinterpret_cast<uint64_t>(__builtin_dwarf_cfa()),
                         reinterpret_cast<uint64_t>(frame));
}

extern "C" __attribute__((noinline, visibility("default"))) void pyn_profiler_pop_label(uint64_t label) {
    cp_label_pop(label);
}
