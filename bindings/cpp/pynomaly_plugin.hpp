// pynomaly_plugin.hpp - the C++17 face of pynomaly_plugin.h: a detector is a class, an error an exception.
//
//    #include <pynomaly_plugin.hpp>
//    namespace plugin = pynomaly::plugin;
//
//    class Distance {  // to the mean of one column
//     public:
//      static plugin::description describe() {
//        plugin::description d("Distance", "1.0.0", "Distance to the mean, in units of `unit`.");
//        d.capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE;
//        d.options = {plugin::option("unit", "What counts as 1.").doubles(1e-9, 1e9).by_default(1.0)};
//        return d;
//      }
//      explicit Distance(const plugin::values& v) : unit_(v["unit"].as_double()) {}
//      void fit(plugin::call& call, const plugin::training& t);
//      void score(plugin::call& call, const plugin::rows& X, double* scores) const;
//      void save(plugin::writer& out) const { out.put(mean_); }
//      void load(plugin::reader& in) { mean_ = in.get<double>(); }
//     private:
//      double unit_, mean_ = 0;
//    };
//    constexpr plugin::about about{"distance", "1.0.0", "Distance to the mean.", "A. Author", "MIT"};
//    PYNOMALY_PLUGIN(about, Distance)
//
// A detector class has describe(), a constructor from values, fit, score, save and load. It may have
//
//    void explain(plugin::call&, const plugin::rows& X, double* shares) const;
//    void partial_fit(plugin::call&, const plugin::training&);
//    double threshold() const;
//    std::vector<plugin::fitted_value> fitted() const;
//
// What they must do is said once, in pynomaly_plugin.h. No exception leaves the plugin: plugin::error is
// told with its status, row, column and words, std::bad_alloc and std::length_error as OUT_OF_MEMORY, other
// exceptions as PLUGIN. Build with -std=c++17 -fPIC -shared -fvisibility=hidden.
//
// Licence: Apache-2.0.
#ifndef PYNOMALY_PLUGIN_HPP
#define PYNOMALY_PLUGIN_HPP

#include <pynomaly_plugin.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace pynomaly {
namespace plugin {

// ================================================================================= Errors ==

/// Why a call fails. Throw it anywhere below a detector's functions, in chunks of parallel_for too.
class error : public std::runtime_error {
 public:
  /// `row` and `column` are 0-based places in the X of the call, or -1.
  error(pyn_status status, const std::string& message, std::int64_t row = -1, std::int64_t column = -1)
      : std::runtime_error(message), status_(status), row_(row), column_(column) {}

  pyn_status status() const noexcept { return status_; }
  std::int64_t row() const noexcept { return row_; }
  std::int64_t column() const noexcept { return column_; }

 private:
  pyn_status status_;
  std::int64_t row_, column_;
};

namespace detail {

/// A failure that the host knows already: it only has to be returned.
struct told {
  pyn_status status;
};

inline void check(pyn_status status) {
  if (status != PYN_OK) throw told{status};
}

inline std::size_t to_size(std::int64_t n) noexcept { return n < 0 ? 0 : static_cast<std::size_t>(n); }

/// Runs `body` and gives `fail(status, row, column, words)` what it threw.
template <class Body, class Fail>
pyn_status translate(Body&& body, Fail&& fail) noexcept {
  try {
    body();
    return PYN_OK;
  } catch (const told& e) {
    return e.status;
  } catch (const error& e) {
    return fail(e.status(), e.row(), e.column(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(PYN_ERROR_OUT_OF_MEMORY, -1, -1, "the plugin could not get the memory it needs");
  } catch (const std::length_error&) {
    return fail(PYN_ERROR_OUT_OF_MEMORY, -1, -1, "the plugin needs more memory than there can be");
  } catch (const std::exception& e) {
    return fail(PYN_ERROR_PLUGIN, -1, -1, e.what());
  } catch (...) {
    return fail(PYN_ERROR_PLUGIN, -1, -1, "the plugin threw something that is no std::exception");
  }
}

/// translate for everything that has a call: failures are told through host->fail.
template <class Body>
pyn_status guard(const pyn_plugin_host* host, pyn_plugin_call* call, Body&& body) noexcept {
  return translate(body, [=](pyn_status status, std::int64_t row, std::int64_t column, const char* words) {
    return host->fail(call, status, row, column, words);
  });
}

}  // namespace detail

// ================================================================================ Options ==

/// An option and what it allows; several kinds may be allowed side by side:
///    option("max_samples", "Rows of a sample.").ints(2, 65536).choices({"auto"}).by_default("auto")
class option {
 public:
  /// Both strings must live as long as the process (literals do), like all strings of options.
  option(const char* name, const char* description) {
    spec_.struct_size = sizeof(pyn_plugin_option);
    spec_.name = name;
    spec_.description = description;
    spec_.default_value.struct_size = sizeof(pyn_value);
  }
  option& ints(std::int64_t minimum, std::int64_t maximum) {
    spec_.types |= PYN_OPTION_INT;
    spec_.int_minimum = minimum;
    spec_.int_maximum = maximum;
    return *this;
  }
  option& doubles(double minimum, double maximum) {
    spec_.types |= PYN_OPTION_DOUBLE;
    spec_.double_minimum = minimum;
    spec_.double_maximum = maximum;
    return *this;
  }
  /// As doubles, without the minimum itself.
  option& doubles_above(double minimum, double maximum) {
    spec_.double_minimum_exclusive = 1;
    return doubles(minimum, maximum);
  }
  option& bools() {
    spec_.types |= PYN_OPTION_BOOL;
    return *this;
  }
  option& choices(std::vector<const char*> strings) {
    spec_.types |= PYN_OPTION_STRING;
    choices_ = std::move(strings);
    return *this;
  }
  /// The default: a whole number, a double, a bool or a string.
  template <class Value>
  option& by_default(Value value) {
    pyn_value& v = spec_.default_value;
    if constexpr (std::is_same_v<Value, bool>) {
      v.type = PYN_OPTION_BOOL;
      v.bool_value = value ? 1 : 0;
    } else if constexpr (std::is_integral_v<Value>) {
      v.type = PYN_OPTION_INT;
      v.int_value = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_floating_point_v<Value>) {
      v.type = PYN_OPTION_DOUBLE;
      v.double_value = static_cast<double>(value);
    } else {
      v.type = PYN_OPTION_STRING;
      v.string_value = value;
    }
    return *this;
  }
  /// The C structure; it points into this object.
  pyn_plugin_option spec() const {
    pyn_plugin_option spec = spec_;
    spec.choices = choices_.empty() ? nullptr : choices_.data();
    spec.choice_count = static_cast<std::int64_t>(choices_.size());
    return spec;
  }

 private:
  pyn_plugin_option spec_ = {};
  std::vector<const char*> choices_;
};

/// An option's value, as the user gave it or by default.
class value {
 public:
  value(const char* name, const pyn_value& v) : name_(name), value_(v) {}

  bool is_int() const noexcept { return value_.type == PYN_OPTION_INT; }
  bool is_double() const noexcept { return value_.type == PYN_OPTION_DOUBLE; }
  bool is_bool() const noexcept { return value_.type == PYN_OPTION_BOOL; }
  bool is_string() const noexcept { return value_.type == PYN_OPTION_STRING; }

  std::int64_t as_int() const { return need(PYN_OPTION_INT), value_.int_value; }
  double as_double() const { return need(PYN_OPTION_DOUBLE), value_.double_value; }
  bool as_bool() const { return need(PYN_OPTION_BOOL), value_.bool_value != 0; }
  /// A copy: the host's string is gone after create.
  std::string as_string() const { return need(PYN_OPTION_STRING), value_.string_value; }

 private:
  void need(std::int32_t type) const {
    if (value_.type != type || (type == PYN_OPTION_STRING && !value_.string_value))
      throw error(PYN_ERROR_INVALID_OPTION, std::string(name_) + " has a value of a type it does not allow");
  }
  const char* name_;
  const pyn_value& value_;
};

/// The values of all options, by name. Only for the constructor: copy what you need.
class values {
 public:
  values(const pyn_plugin_class* the_class, const pyn_value* v, std::int64_t count)
      : class_(the_class), values_(v) {
    if (count != the_class->option_count || (count > 0 && !v))
      throw error(PYN_ERROR_INVALID_ARGUMENT, "the host gave " + std::to_string(count) + " values for " +
                                                  std::to_string(the_class->option_count) + " options");
  }
  value operator[](const char* name) const {
    for (std::int64_t i = 0; i < class_->option_count; i++)
      if (std::strcmp(class_->options[i].name, name) == 0) return value(class_->options[i].name, values_[i]);
    throw error(PYN_ERROR_UNKNOWN_OPTION,
                std::string("the plugin asks for an option it did not declare: ") + name);
  }

 private:
  const pyn_plugin_class* class_;
  const pyn_value* values_;
};

// =================================================================================== Calls ==

/// Random numbers that are the same on every machine (see host->random_start).
class random {
 public:
  random(const pyn_plugin_host* host, std::uint64_t seed, std::uint64_t stream) : host_(host) {
    host->random_start(&state_, seed, stream);
  }
  /// In [0, 1).
  double uniform() {
    double x = 0;
    host_->random_uniform(&state_, &x, 1);
    return x;
  }
  /// Mean 0, variance 1.
  double normal() {
    double x = 0;
    host_->random_normal(&state_, &x, 1);
    return x;
  }
  /// 0 .. bound - 1.
  std::int64_t below(std::int64_t bound) {
    std::int64_t x = 0;
    host_->random_below(&state_, bound, &x, 1);
    return x;
  }

 private:
  const pyn_plugin_host* host_;
  pyn_plugin_random state_;
};

/// One call of the host's under way.
class call {
 public:
  call(const pyn_plugin_host* host, pyn_plugin_call* the_call) : host_(host), call_(the_call) {}

  /// Tell how much is done, 0 to 1, at least every 50 ms; throws when the user wants to stop. On the calling
  /// thread only, not in chunks.
  void progress(double fraction) {
    if (host_->progress(call_, fraction)) throw detail::told{PYN_ERROR_CANCELLED};
  }
  /// How many threads may work for this call: scratch memory for so many workers is enough.
  int threads() const noexcept { return std::max(1, static_cast<int>(host_->thread_count(call_))); }

  /// body(chunk, worker) for 0 <= chunk < chunks, on the threads of the call; returns when all are done.
  /// Throws what a chunk threw, or because the user wants to stop.
  template <class Body>
  void parallel_for(std::int64_t chunks, Body&& body) {
    struct bound {
      const pyn_plugin_host* host;
      std::remove_reference_t<Body>* body;
    } context{host_, std::addressof(body)};
    const pyn_plugin_chunk run = [](pyn_plugin_call* c, std::int64_t chunk, std::int32_t worker,
                                    void* given) {
      const bound* b = static_cast<bound*>(given);
      return detail::guard(b->host, c, [&] { (*b->body)(chunk, static_cast<int>(worker)); });
    };
    detail::check(host_->parallel_for(call_, chunks, run, &context));
  }
  random random_stream(std::uint64_t seed, std::uint64_t stream) const { return random(host_, seed, stream); }
  void log(std::int32_t level, const std::string& message) const {
    host_->log(host_, level, message.c_str());
  }
  const pyn_plugin_host* host() const noexcept { return host_; }

 private:
  const pyn_plugin_host* host_;
  pyn_plugin_call* call_;
};

/// The rows of a call: a view, valid until the function returns.
class rows {
 public:
  rows(const pyn_plugin_host* host, const pyn_matrix* X) : host_(host), matrix_(X) {}

  std::int64_t count() const noexcept { return matrix_->rows; }
  std::int64_t columns() const noexcept { return matrix_->columns; }
  const pyn_matrix& matrix() const noexcept { return *matrix_; }

  /// Rows first .. first + count - 1 as doubles, row by row. From any thread.
  void read(std::int64_t first, std::int64_t count, double* values) const {
    detail::check(host_->read_rows(matrix_, first, count, values));
  }
  /// One column as doubles. From any thread.
  void read_column(std::int64_t column, double* values) const {
    detail::check(host_->read_column(matrix_, column, values));
  }
  /// Row 0 when the rows are doubles that lie one behind the other, else null.
  const double* dense() const noexcept {
    const bool so = matrix_->dtype == PYN_FLOAT64 && matrix_->column_stride == 8 &&
                    matrix_->row_stride == 8 * matrix_->columns;
    return so ? static_cast<const double*>(matrix_->data) : nullptr;
  }
  /// Rows first .. first + count - 1: where they lie if they are dense, else copied to `scratch`.
  const double* view(std::int64_t first, std::int64_t count, std::vector<double>& scratch) const {
    if (const double* all = dense()) return all + first * columns();
    scratch.resize(detail::to_size(count) * detail::to_size(columns()));
    read(first, count, scratch.data());
    return scratch.data();
  }
  /// body(values, first, count) for blocks of at most `block` rows, in order, telling progress between them.
  template <class Body>
  void for_each_block(call& c, std::int64_t block, Body&& body) const {
    std::vector<double> scratch;
    for (std::int64_t first = 0; first < count(); first += block) {
      const std::int64_t n = std::min(block, count() - first);
      body(view(first, n, scratch), first, n);
      c.progress(static_cast<double>(first + n) / static_cast<double>(count()));
    }
  }

 private:
  const pyn_plugin_host* host_;
  const pyn_matrix* matrix_;
};

/// What fit and partial_fit learn from.
struct training {
  rows X;
  const double* sample_weight;  // one a row, or null
  const std::int32_t* labels;   // one a row: 0 inlier, 1 outlier; or null
};

/// A number that fitting found. The name must live as long as the process.
struct fitted_value {
  const char* name;
  double value;
};

// ============================================================================= Model bytes ==

/// Where save writes. Numbers are little-endian.
class writer {
 public:
  writer(const pyn_plugin_host* host, pyn_plugin_call* the_call) : host_(host), call_(the_call) {}

  template <class Number>
  void put(const Number& number) {
    put(&number, 1);
  }
  template <class Number>
  void put(const Number* numbers, std::size_t count) {
    static_assert(std::is_arithmetic_v<Number>, "the model is written number by number");
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "not written for big-endian machines");
    detail::check(host_->write(call_, numbers, count * sizeof(Number)));
  }
  /// The numbers without their count: write that first.
  template <class Number>
  void put(const std::vector<Number>& numbers) {
    put(numbers.data(), numbers.size());
  }

 private:
  const pyn_plugin_host* host_;
  pyn_plugin_call* call_;
};

/// What load reads. It throws MODEL_FORMAT rather than read past the end; bytes left over after load are
/// refused as well. What the numbers mean must be checked by the plugin: see fail().
class reader {
 public:
  reader(const void* data, std::size_t size, std::int64_t feature_count)
      : next_(static_cast<const unsigned char*>(data)), left_(size), size_(size), features_(feature_count) {}

  /// Columns of the rows that the model was fitted on.
  std::int64_t feature_count() const noexcept { return features_; }
  std::size_t left() const noexcept { return left_; }

  template <class Number>
  Number get() {
    Number number = 0;
    take(&number, 1);
    return number;
  }
  /// `count` numbers; no more memory is asked for than there are bytes.
  template <class Number>
  std::vector<Number> get_vector(std::uint64_t count) {
    if (count > left_ / sizeof(Number)) fail("the model is cut short");
    std::vector<Number> numbers(static_cast<std::size_t>(count));
    take(numbers.data(), numbers.size());
    return numbers;
  }
  /// A whole number that must lie between two others, such as a count.
  std::int64_t get_count(std::int64_t minimum, std::int64_t maximum, const char* what) {
    const auto n = get<std::int64_t>();
    if (n < minimum || n > maximum)
      fail(std::string(what) + " is " + std::to_string(n) + "; allowed are " + std::to_string(minimum) +
           " to " + std::to_string(maximum));
    return n;
  }
  /// `count` doubles that must be finite.
  std::vector<double> get_finite(std::uint64_t count, const char* what) {
    std::vector<double> numbers = get_vector<double>(count);
    for (double x : numbers)
      if (!std::isfinite(x)) fail(std::string(what) + " holds a number that is not finite");
    return numbers;
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw error(PYN_ERROR_MODEL_FORMAT,
                why + " (before byte " + std::to_string(size_ - left_) + " of the model)");
  }

 private:
  template <class Number>
  void take(Number* numbers, std::size_t count) {
    static_assert(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>, "read numbers");
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "not written for big-endian machines");
    if (count > left_ / sizeof(Number)) fail("the model is cut short");
    if (count == 0) return;
    std::memcpy(numbers, next_, count * sizeof(Number));
    next_ += count * sizeof(Number);
    left_ -= count * sizeof(Number);
  }
  const unsigned char* next_;
  std::size_t left_, size_;
  std::int64_t features_;
};

// ====================================================================== Plugin and classes ==

/// What describe() returns. All strings must live as long as the process.
struct description {
  description(const char* name_, const char* version_, const char* what)
      : name(name_), version(version_), text(what) {}
  const char* name;
  const char* version;  // of the model's bytes
  const char* text;     // one sentence
  const char* reference = "None.";  // the paper or source
  std::int64_t capabilities = 0;  // PYN_PLUGIN_* added up
  std::vector<option> options;
};

/// What the plugin says of itself.
struct about {
  const char* name;
  const char* version;
  const char* description;
  const char* author = nullptr;
  const char* licence = nullptr;
};

namespace detail {

template <class D, class = void>
struct has_explain : std::false_type {};
template <class D>
struct has_explain<D, std::void_t<decltype(std::declval<const D&>().explain(
                          std::declval<call&>(), std::declval<const rows&>(), std::declval<double*>()))>>
    : std::true_type {};
template <class D, class = void>
struct has_partial_fit : std::false_type {};
template <class D>
struct has_partial_fit<D, std::void_t<decltype(std::declval<D&>().partial_fit(
                              std::declval<call&>(), std::declval<const training&>()))>> : std::true_type {};
template <class D, class = void>
struct has_threshold : std::false_type {};
template <class D>
struct has_threshold<D, std::void_t<decltype(std::declval<const D&>().threshold())>> : std::true_type {};
template <class D, class = void>
struct has_fitted : std::false_type {};
template <class D>
struct has_fitted<D, std::void_t<decltype(std::declval<const D&>().fitted())>> : std::true_type {};

/// The C table of a detector class, for one host: create and load find the host in class_data.
template <class Detector>
class table {
 public:
  explicit table(const pyn_plugin_host* host) : description_(Detector::describe()) {
    for (const option& o : description_.options) options_.push_back(o.spec());
    pyn_plugin_class& c = class_;
    c.struct_size = sizeof(pyn_plugin_class);
    c.name = description_.name;
    c.version = description_.version;
    c.description = description_.text;
    c.reference = description_.reference;
    c.capabilities = description_.capabilities;
    c.options = options_.data();
    c.option_count = static_cast<std::int64_t>(options_.size());
    c.class_data = const_cast<pyn_plugin_host*>(host);
    c.create = create;
    c.fit = fit;
    c.score = score;
    c.save = save;
    c.load = load;
    c.destroy = destroy;
    if constexpr (has_explain<Detector>::value) c.explain = explain;
    if constexpr (has_partial_fit<Detector>::value) c.partial_fit = partial_fit;
    if constexpr (has_threshold<Detector>::value) c.threshold = threshold;
    if constexpr (has_fitted<Detector>::value) c.fitted = fitted;
  }
  table(const table&) = delete;
  table& operator=(const table&) = delete;

  const pyn_plugin_class* get() const noexcept { return &class_; }

 private:
  struct holder {
    holder(const pyn_plugin_host* h, const values& v) : host(h), detector(v) {}
    const pyn_plugin_host* host;
    Detector detector;
  };
  static const holder* of(const void* instance) { return static_cast<const holder*>(instance); }
  static holder* of(void* instance) { return static_cast<holder*>(instance); }
  static const pyn_plugin_host* host_of(const pyn_plugin_class* c) {
    return static_cast<const pyn_plugin_host*>(c->class_data);
  }

  static pyn_status create(const pyn_plugin_class* c, pyn_plugin_call* the_call, const pyn_value* v,
                           std::int64_t count, void** instance) noexcept {
    return guard(host_of(c), the_call, [&] { *instance = new holder(host_of(c), values(c, v, count)); });
  }
  static pyn_status fit(void* instance, pyn_plugin_call* the_call, const pyn_plugin_training* t) noexcept {
    holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.fit(c, training{rows(h->host, t->X), t->sample_weight, t->labels});
    });
  }
  static pyn_status partial_fit(void* instance, pyn_plugin_call* the_call,
                                const pyn_plugin_training* t) noexcept {
    holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.partial_fit(c, training{rows(h->host, t->X), t->sample_weight, t->labels});
    });
  }
  static pyn_status score(const void* instance, pyn_plugin_call* the_call, const pyn_matrix* X,
                          double* scores) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.score(c, rows(h->host, X), scores);
    });
  }
  static pyn_status explain(const void* instance, pyn_plugin_call* the_call, const pyn_matrix* X,
                            double* shares) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      call c(h->host, the_call);
      h->detector.explain(c, rows(h->host, X), shares);
    });
  }
  static pyn_status threshold(const void* instance, pyn_plugin_call* the_call, double* result) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] { *result = h->detector.threshold(); });
  }
  static pyn_status fitted(const void* instance, std::int64_t index, const char** name,
                           double* result) noexcept {
    const auto quiet = [](pyn_status s, std::int64_t, std::int64_t, const char*) { return s; };
    return translate(
        [&] {
          const std::vector<fitted_value> all = of(instance)->detector.fitted();
          if (index < 0 || to_size(index) >= all.size()) throw told{PYN_ERROR_NOT_SUPPORTED};
          *name = all[to_size(index)].name;
          *result = all[to_size(index)].value;
        },
        quiet);
  }
  static pyn_status save(const void* instance, pyn_plugin_call* the_call) noexcept {
    const holder* h = of(instance);
    return guard(h->host, the_call, [&] {
      writer out(h->host, the_call);
      h->detector.save(out);
    });
  }
  static pyn_status load(const pyn_plugin_class* c, pyn_plugin_call* the_call, const pyn_value* v,
                         std::int64_t count, std::int64_t feature_count, const void* data, std::size_t size,
                         void** instance) noexcept {
    return guard(host_of(c), the_call, [&] {
      auto h = std::make_unique<holder>(host_of(c), values(c, v, count));
      reader in(data, size, feature_count);
      h->detector.load(in);
      if (in.left() > 0) in.fail("bytes follow the end");
      *instance = h.release();
    });
  }
  static void destroy(void* instance) noexcept { delete of(instance); }

  description description_;
  std::vector<pyn_plugin_option> options_;
  pyn_plugin_class class_ = {};
};

/// The tables of all classes for one host. They live as long as the process.
template <class... Detectors>
struct registration {
  explicit registration(const pyn_plugin_host* h, registration* n) : host(h), next(n) {
    (add<Detectors>(), ...);
  }
  template <class Detector>
  void add() {
    tables.push_back((new table<Detector>(host))->get());
  }
  const pyn_plugin_host* host;
  registration* next;
  std::vector<const pyn_plugin_class*> tables;
};

template <class... Detectors>
pyn_status init(const about& a, const pyn_plugin_host* host, std::int32_t requested_abi,
                pyn_plugin* plugin) noexcept {
  static_assert(sizeof...(Detectors) > 0, "a plugin has at least one detector");
  if (!host || !plugin) return PYN_ERROR_NULL_ARGUMENT;
  if (requested_abi < PYN_PLUGIN_ABI_OLDEST || requested_abi > PYN_PLUGIN_ABI_VERSION ||
      host->struct_size < sizeof(pyn_plugin_host) || plugin->struct_size < sizeof(pyn_plugin)) {
    if (plugin->struct_size >= offsetof(pyn_plugin, reserved)) {
      plugin->abi_minimum = PYN_PLUGIN_ABI_OLDEST;
      plugin->abi_maximum = PYN_PLUGIN_ABI_VERSION;
    }
    return PYN_ERROR_NOT_SUPPORTED;
  }
  const auto fail = [=](pyn_status status, std::int64_t, std::int64_t, const char* words) {
    host->log(host, PYN_LOG_ERROR, words);
    return status;
  };
  return translate(
      [&] {
        static std::mutex lock;
        static registration<Detectors...>* all = nullptr;
        const std::lock_guard<std::mutex> locked(lock);
        registration<Detectors...>* mine = all;
        while (mine && mine->host != host) mine = mine->next;
        if (!mine) all = mine = new registration<Detectors...>(host, all);

        pyn_plugin p = {};
        p.struct_size = sizeof(pyn_plugin);
        p.abi_version = requested_abi;
        p.abi_minimum = PYN_PLUGIN_ABI_OLDEST;
        p.abi_maximum = PYN_PLUGIN_ABI_VERSION;
        p.name = a.name;
        p.version = a.version;
        p.description = a.description;
        p.author = a.author;
        p.licence = a.licence;
        p.classes = mine->tables.data();
        p.class_count = static_cast<std::int64_t>(mine->tables.size());
        *plugin = p;
      },
      fail);
}

}  // namespace detail
}  // namespace plugin
}  // namespace pynomaly

/// Once in a plugin, outside any namespace: the entry point, with what the plugin says of itself and its
/// detector classes: PYNOMALY_PLUGIN(about, Distance, Angle)
#define PYNOMALY_PLUGIN(about, ...)                                                                     \
  extern "C" PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(                                         \
      const pyn_plugin_host* host, std::int32_t requested_abi, pyn_plugin* plugin) {                    \
    return ::pynomaly::plugin::detail::init<__VA_ARGS__>(about, host, requested_abi, plugin);           \
  }

#endif  // PYNOMALY_PLUGIN_HPP
