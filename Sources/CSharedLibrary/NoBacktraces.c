#include <stdbool.h>

// Swift's runtime can handle the crashes of a process and start a program that prints its backtrace. A library
// must do neither to its host, and all that belongs to it is 80 KB. What else of the runtime asks for it is this.

// struct BacktraceSettings, of which zero is "off"; longer than it is.
char _swift_backtraceSettings[256] __attribute__((aligned(16))) = {0};

bool _swift_backtrace_isThunkFunction(const char *name);
bool _swift_backtrace_isThunkFunction(const char *name) {
    (void)name;
    return false;
}
