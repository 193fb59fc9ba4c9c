#define _GNU_SOURCE
#include "support/target.h"

#include "support/support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int32_t take_text(const void *data, size_t size, void *context) {
    sink *s = context;
    size_t room = sizeof s->text - 1 - s->size;
    if (size > room) size = room;
    memcpy(s->text + s->size, data, size);
    s->size += size;
    s->text[s->size] = 0;
    return s->answer;
}

pid_t waiting_child(void) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    usleep(50000);
    return pid;
}

void end_child(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
