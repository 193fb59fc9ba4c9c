#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

volatile int sink;
namespace shapes {
template <typename T> struct Box {
    __attribute__((noinline)) void open(const std::vector<T> &values) {
        while (true) pause();
        sink += static_cast<int>(values.size());
    }
};
}  // namespace shapes
static inline __attribute__((always_inline)) void inlined_here(const std::vector<std::string> &values) {
    shapes::Box<std::string>().open(values);
    sink++;
}
__attribute__((noinline)) void outer(const std::vector<std::string> &values) {
    inlined_here(values);  // line 20
    sink++;
}
int main() {
    std::puts("ready");
    std::fflush(stdout);
    outer({"a"});
}
