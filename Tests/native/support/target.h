// A process to look into, and the room for what is said of it.
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    char text[1 << 17];
    size_t size;
    int32_t answer;  // of take_text
} sink;

// A pyn_write_callback: add to the sink that `context` is, as far as there is room.
int32_t take_text(const void *data, size_t size, void *context);

// A child of this program that waits; for end_child.
pid_t waiting_child(void);
void end_child(pid_t pid);

#endif
