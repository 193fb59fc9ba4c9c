// What the fuzzer's files are made of: inlined functions, namespaces, ranges, a frame with an aligned stack.
namespace shapes {
struct Shape { virtual int area(int) const = 0; };
struct Square final : Shape { int area(int side) const override; };
static inline int twice(int n) { return n * 2; }
static inline int more(int n) { return twice(n) + twice(n + 1); }
int Square::area(int side) const { return more(side) * side; }
}  // namespace shapes
extern "C" __attribute__((noinline)) int helper(const shapes::Shape &shape, int n) {
    alignas(64) volatile int room[16] = {};
    for (int i = 0; i < n; i++) room[i & 15] = shape.area(i);
    return room[3];
}
extern "C" int start(int n) {
    shapes::Square square;
    return n > 3 ? helper(square, n) : shapes::more(n);
}
