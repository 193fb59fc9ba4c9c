// A plugin in C++ that throws: what, and where, its options say. For test_cpp_face.py.
#include <pynomaly_plugin.hpp>

namespace plugin = pynomaly::plugin;

namespace {

class Faults {
 public:
  static plugin::description describe() {
#ifdef THROW_IN_INIT
    throw THROW_IN_INIT;
#endif
    plugin::description d("Faults", "1.0.0", "Throws.");
    d.options = {
        plugin::option("where", "In which function.")
            .choices({"nowhere", "create", "fit", "chunk", "partial_fit", "score", "explain", "threshold",
                      "fitted", "save", "load"})
            .by_default("nowhere"),
        plugin::option("what", "Which exception.")
            .choices({"error", "bad_alloc", "length_error", "runtime_error", "int", "wrong_type", "unknown_option"})
            .by_default("error"),
        plugin::option("number", "Any.").ints(-5, 5).doubles_above(0, 1).bools().by_default(true),
    };
    return d;
  }

  explicit Faults(const plugin::values& options)
      : where_(options["where"].as_string()), what_(options["what"].as_string()) {
    const plugin::value number = options["number"];
    number_ = number.is_int() ? static_cast<double>(number.as_int())
                              : number.is_double() ? number.as_double() : number.as_bool() ? 100 : 200;
    if (where_ == "create" && what_ == "wrong_type") options["what"].as_int();
    if (where_ == "create" && what_ == "unknown_option") options["nothing"].as_int();
    fault("create");
  }

  void fit(plugin::call& call, const plugin::training& training) {
    fault("fit");
    std::vector<double> values(static_cast<std::size_t>(training.X.count()));
    training.X.read_column(0, values.data());
    call.parallel_for(8, [&](std::int64_t chunk, int) {
      if (chunk == 5) fault("chunk");
    });
    rows_ += training.X.count();
  }
  void partial_fit(plugin::call& call, const plugin::training& training) {
    fault("partial_fit");
    fit(call, training);
  }
  void score(plugin::call& call, const plugin::rows& X, double* scores) const {
    fault("score");
    X.for_each_block(call, 3, [&](const double* values, std::int64_t first, std::int64_t count) {
      for (std::int64_t i = 0; i < count; i++) scores[first + i] = number_ + std::fabs(values[i * X.columns()]);
    });
  }
  void explain(plugin::call&, const plugin::rows& X, double* shares) const {
    fault("explain");
    std::fill(shares, shares + X.count() * X.columns(), 1.0);
  }
  double threshold() const {
    fault("threshold");
    return 3;
  }
  std::vector<plugin::fitted_value> fitted() const {
    fault("fitted");
    return {{"rows", static_cast<double>(rows_)}};
  }
  void save(plugin::writer& out) const {
    fault("save");
    out.put(rows_);
  }
  void load(plugin::reader& in) {
    fault("load");
    rows_ = in.get_count(1, 1 << 20, "the number of rows");
  }

 private:
  void fault(const char* here) const {
    if (where_ != here) return;
    if (what_ == "error") throw plugin::error(PYN_ERROR_INVALID_DATA, "a fault of my own", 7, 1);
    if (what_ == "bad_alloc") throw std::bad_alloc();
    if (what_ == "length_error") std::vector<double>().reserve(~std::size_t{0});
    if (what_ == "runtime_error") throw std::runtime_error("words of the exception");
    throw 42;
  }

  std::string where_, what_;
  double number_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace

constexpr plugin::about about{"faults", "1.0.0", "Throws.", "Nobody", "MIT"};
PYNOMALY_PLUGIN(about, Faults)
