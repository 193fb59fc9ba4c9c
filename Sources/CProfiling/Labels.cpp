#include "Labels.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

__thread cp_label_block *cp_thread_labels __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {
pthread_key_t key;
pthread_once_t once = PTHREAD_ONCE_INIT;
int has_key = 0;

// All blocks, for those who take off what another thread put on. Held for a few instructions.
cp_label_block *blocks = nullptr;
uint32_t owners = 0;
pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

// Not for ever: a handler of the host's may have come to who holds it.
bool hold() {
    for (int tries = 0; tries < 1000; tries++) {
        if (pthread_mutex_trylock(&held) == 0) return true;
        sched_yield();
    }
    return false;
}
void let_go() { pthread_mutex_unlock(&held); }

void forget(void *gone) {
    cp_thread_labels = nullptr;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (!hold()) return;
    cp_label_block **at = &blocks;
    while (*at && *at != gone) at = &(*at)->next;
    if (*at) *at = (*at)->next;
    let_go();
    free(gone);
}
// In a child that was forked meanwhile nobody else is there to let go; the list is whole at any time.
void make_key() { has_key = pthread_key_create(&key, forget) == 0 && pthread_atfork(nullptr, nullptr, let_go) == 0; }

__attribute__((noinline)) cp_label_block *first() {
    pthread_once(&once, make_key);
    if (!has_key) return nullptr;
    cp_label_block *block = static_cast<cp_label_block *>(calloc(1, sizeof(cp_label_block)));
    if (!block) return nullptr;
    if (!hold()) {
        free(block);
        return nullptr;
    }
    if (++owners == 0) owners = 1;
    block->owner = owners;
    block->next = blocks;
    blocks = block;
    let_go();
    if (pthread_setspecific(key, block) != 0) {
        forget(block);
        return nullptr;
    }
    cp_thread_labels = block;
    return block;
}

// One that another thread took off: it belongs to no frame and has no place, so that it is not shown, and goes when
// its thread comes to it.
inline bool is_dead(const cp_label &label) { return __atomic_load_n(&label.token, __ATOMIC_ACQUIRE) == 0; }

void bury(uint64_t token) {
    if (!hold()) return;
    cp_label_block *block = blocks;
    while (block && block->owner != token >> 32) block = block->next;
    for (int32_t i = 0; block && i < CP_LABELS; i++) {
        cp_label &label = block->labels[i];
        if (__atomic_load_n(&label.token, __ATOMIC_ACQUIRE) != token) continue;
        // Its thread may use the place anew as soon as there is no token.
        __atomic_store_n(&label.frame, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&label.place, 0, __ATOMIC_RELAXED);
        __atomic_compare_exchange_n(&label.token, &token, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
        break;
    }
    let_go();
}

void remove(cp_label_block *block, int32_t at) {
    int32_t kept = block->depth < CP_LABELS ? block->depth : CP_LABELS;
    if (at >= kept) {
        block->depth--;
        return;
    }
    if (at < kept - 1) {
        // Out of order, as coroutines do it: no label at all for a moment is better than a wrong one.
        block->depth = at;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        memmove(&block->labels[at], &block->labels[at + 1], static_cast<size_t>(kept - 1 - at) * sizeof(cp_label));
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    block->depth = kept - 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    // What is gone is not found by its token.
    __atomic_store_n(&block->labels[kept - 1].token, 0, __ATOMIC_RELAXED);
}

// The dead above all others always, and any of them where room is needed.
void sweep(cp_label_block *block) {
    if (block->depth < CP_LABELS) {
        while (block->depth > 0 && is_dead(block->labels[block->depth - 1])) remove(block, block->depth - 1);
    } else if (block->depth == CP_LABELS) {
        for (int32_t at = CP_LABELS; at-- > 0;)
            if (is_dead(block->labels[at])) remove(block, at);
    }
}

// A handler may come between any two instructions: it must never see a label half written as one that counts.
inline uint64_t push(const char *name, const char *immortal, uint64_t place, uint64_t frame) {
    cp_label_block *block = cp_thread_labels;
    if (!block && !(block = first())) return 0;
    sweep(block);
    if (++block->tokens == 0) block->tokens = 1;
    uint64_t token = static_cast<uint64_t>(block->owner) << 32 | block->tokens;
    if (block->depth < CP_LABELS) {
        cp_label &label = block->labels[block->depth];
        label.place = place;
        label.frame = frame;
        __atomic_store_n(&label.token, token, __ATOMIC_RELAXED);
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
    if (token != 0 && (!block || token >> 32 != block->owner)) {
        bury(token);
        return;
    }
    if (!block) return;
    sweep(block);
    if (block->depth <= 0) return;
    int32_t kept = block->depth < CP_LABELS ? block->depth : CP_LABELS;
    int32_t at = block->depth - 1;
    if (token != 0) {
        int32_t found = kept - 1;
        while (found >= 0 && block->labels[found].token != token) found--;
        // One that was not kept; or, where all are, one that is gone.
        if (found < 0 && block->depth <= CP_LABELS) return;
        if (found >= 0) at = found;
    }
    remove(block, at);
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
