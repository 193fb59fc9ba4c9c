// pynomaly.hpp - the C++17 face of libpynomaly: pynomaly.h with RAII, exceptions and views.
//
//    #include <pynomaly.hpp>
//    #include <iostream>
//
//    int main() {
//        std::vector<float> x = {0.1f, 0.2f, 0.0f, 0.1f, 0.2f, 0.1f, 9.0f, 8.0f};
//        pynomaly::matrix_view rows(x, 2);    // 2 columns, so 4 rows
//        pynomaly::Detector forest("IsolationForest");
//        forest.set("n_estimators", 200).set("random_state", 7).fit(rows);
//        for (double score : forest.score(rows)) std::cout << score << '\n';
//    }
//
// Header only; link with the C library (pkg-config pynomaly, or the CMake target pynomaly::pynomaly).
// What a function does, its complexity and its threading are said once, in pynomaly.h.
//
// Licence: Apache-2.0.
#ifndef PYNOMALY_HPP
#define PYNOMALY_HPP

#include <pynomaly.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <istream>
#include <limits>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace pynomaly {

// ================================================================================= Errors ==

/// What every failing call throws. Catch this, or one of the classes below to tell them apart.
class error : public std::runtime_error {
 public:
  explicit error(const pyn_error& e)
      : std::runtime_error(e.message), status_(e.code), row_(e.row), column_(e.column) {}

  /// The PYN_ERROR_* number.
  pyn_status status() const noexcept { return status_; }
  /// Its name, e.g. "PYN_ERROR_IO".
  const char* status_name() const noexcept { return pyn_status_name(status_); }
  /// 0-based row of the data at fault, or -1.
  std::int64_t row() const noexcept { return row_; }
  /// 0-based column of the data at fault, or -1.
  std::int64_t column() const noexcept { return column_; }

 private:
  pyn_status status_;
  std::int64_t row_, column_;
};

/// An argument is missing or out of range, or no detector has that name.
struct argument_error : error { using error::error; };
/// No such option, or a value that it does not allow.
struct option_error : error { using error::error; };
/// The data cannot be used, or do not fit the model or the buffer.
struct data_error : error { using error::error; };
/// The detector has not been fitted yet.
struct not_fitted_error : error { using error::error; };
/// This detector cannot do that.
struct not_supported_error : error { using error::error; };
/// A callback asked to stop.
struct cancelled_error : error { using error::error; };
/// Memory for the result could not be had.
struct memory_error : error { using error::error; };
/// Reading or writing failed.
struct io_error : error { using error::error; };
/// Not a model file, a damaged one, or one of a later version.
struct model_error : error { using error::error; };
/// A plugin cannot be loaded, or breaks its contract.
struct plugin_error : error { using error::error; };

namespace detail {

[[noreturn]] inline void raise(const pyn_error& e) {
  switch (e.code) {
    case PYN_ERROR_NULL_ARGUMENT:
    case PYN_ERROR_INVALID_ARGUMENT:
    case PYN_ERROR_UNKNOWN_DETECTOR: throw argument_error(e);
    case PYN_ERROR_UNKNOWN_OPTION:
    case PYN_ERROR_INVALID_OPTION: throw option_error(e);
    case PYN_ERROR_INVALID_DATA:
    case PYN_ERROR_SHAPE_MISMATCH: throw data_error(e);
    case PYN_ERROR_NOT_FITTED: throw not_fitted_error(e);
    case PYN_ERROR_NOT_SUPPORTED: throw not_supported_error(e);
    case PYN_ERROR_CANCELLED: throw cancelled_error(e);
    case PYN_ERROR_OUT_OF_MEMORY: throw memory_error(e);
    case PYN_ERROR_IO: throw io_error(e);
    case PYN_ERROR_MODEL_FORMAT:
    case PYN_ERROR_MODEL_VERSION: throw model_error(e);
    case PYN_ERROR_PLUGIN: throw plugin_error(e);
    default: throw error(e);
  }
}

/// Keeps an exception that a user's callback threw from crossing the C frames: run() catches it,
/// check() throws it again once the C call is back.
class exception_keeper {
 public:
  /// What `body` returns, or `when_thrown`.
  template <class Result, class Body>
  Result run(Result when_thrown, Body body) noexcept {
    try {
      return body();
    } catch (...) {
      thrown_ = std::current_exception();
      return when_thrown;
    }
  }
  /// Calls a C function with its arguments and an error in last place; throws when it fails.
  template <class Function, class... Arguments>
  void check(Function function, Arguments... arguments) {
    pyn_error e = PYN_ERROR_INIT;
    const pyn_status status = function(arguments..., &e);
    if (thrown_) std::rethrow_exception(thrown_);
    if (status != PYN_OK) raise(e);
  }

 private:
  std::exception_ptr thrown_;
};

/// As exception_keeper::check, for a function that calls nothing back.
template <class Function, class... Arguments>
void check(Function function, Arguments... arguments) {
  exception_keeper().check(function, arguments...);
}

inline std::int64_t to_int64(std::size_t n) noexcept { return static_cast<std::int64_t>(n); }

/// A product, with a positive b, that stays at the limits instead of overflowing.
inline std::int64_t times(std::int64_t a, std::int64_t b) noexcept {
  using limits = std::numeric_limits<std::int64_t>;
  if (a > limits::max() / b) return limits::max();
  if (a < limits::min() / b) return limits::min();
  return a * b;
}

inline std::string text(const char* string) { return string ? string : std::string(); }

}  // namespace detail

// =============================================================================== Matrices ==

/// The order in which a matrix lies in memory.
enum class layout { row_major, column_major };

/// A borrowed view of rows x columns floats or doubles; nothing is copied. What it was made from
/// must live as long as the view is used.
class matrix_view {
 public:
  /// No rows, no columns.
  matrix_view() noexcept = default;

  /// `rows` x `columns` numbers, contiguous.
  template <class T>
  matrix_view(const T* data, std::int64_t rows, std::int64_t columns,
              layout order = layout::row_major) noexcept
      : matrix_view(data, rows, columns, order == layout::row_major ? columns : 1,
                    order == layout::row_major ? 1 : rows) {}

  /// With strides, counted in elements (not bytes); they may be negative or zero.
  template <class T>
  matrix_view(const T* data, std::int64_t rows, std::int64_t columns, std::int64_t row_stride,
              std::int64_t column_stride) noexcept {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "a matrix has float or double elements");
    constexpr auto width = std::int64_t{sizeof(T)};
    matrix_.data = data;
    matrix_.dtype = std::is_same_v<T, float> ? PYN_FLOAT32 : PYN_FLOAT64;
    matrix_.rows = rows;
    matrix_.columns = columns;
    matrix_.row_stride = detail::times(row_stride, width);
    matrix_.column_stride = detail::times(column_stride, width);
  }

  /// Row-major values, `columns` to a row. Throws std::invalid_argument when they do not divide.
  template <class T, class Allocator>
  matrix_view(const std::vector<T, Allocator>& values, std::int64_t columns)
      : matrix_view(values.data(), rows_of(values.size(), columns), columns) {}

  /// Anything dense with data(), rows() and cols(): Eigen's Matrix, Array, Map, Ref and Block, in
  /// either order and with any stride, and matrix classes of your own. The order is what
  /// rowStride() and colStride() say, else what a static IsRowMajor says, else row-major.
  template <class Matrix,
            class T = std::remove_pointer_t<decltype(std::declval<const Matrix&>().data())>,
            class = decltype(std::declval<const Matrix&>().rows()),
            class = decltype(std::declval<const Matrix&>().cols())>
  matrix_view(const Matrix& matrix) noexcept  // NOLINT: implicit, so that fit(eigen) reads well
      : matrix_view(static_cast<const T*>(matrix.data()), static_cast<std::int64_t>(matrix.rows()),
                    static_cast<std::int64_t>(matrix.cols()), strides_of(matrix, 0)) {}

  std::int64_t rows() const noexcept { return matrix_.rows; }
  std::int64_t columns() const noexcept { return matrix_.columns; }
  /// The C struct, for calls of pynomaly.h.
  const pyn_matrix& get() const noexcept { return matrix_; }

 private:
  struct strides {
    std::int64_t row, column;
  };

  template <class T>
  matrix_view(const T* data, std::int64_t rows, std::int64_t columns, strides by) noexcept
      : matrix_view(data, rows, columns, by.row, by.column) {}

  template <class Matrix>
  static auto strides_of(const Matrix& matrix, int) noexcept
      -> decltype(matrix.rowStride(), matrix.colStride(), strides()) {
    return {static_cast<std::int64_t>(matrix.rowStride()), static_cast<std::int64_t>(matrix.colStride())};
  }
  template <class Matrix>
  static auto strides_of(const Matrix& matrix, long) noexcept
      -> std::enable_if_t<(Matrix::IsRowMajor || true), strides> {
    if (Matrix::IsRowMajor) return {static_cast<std::int64_t>(matrix.cols()), 1};
    return {1, static_cast<std::int64_t>(matrix.rows())};
  }
  template <class Matrix>
  static strides strides_of(const Matrix& matrix, ...) noexcept {
    return {static_cast<std::int64_t>(matrix.cols()), 1};
  }

  static std::int64_t rows_of(std::size_t values, std::int64_t columns) {
    const std::int64_t count = detail::to_int64(values);
    if (columns <= 0 || count % columns != 0)
      throw std::invalid_argument(std::to_string(count) + " values are no whole rows of " +
                                  std::to_string(columns) + " columns");
    return count / columns;
  }
  pyn_matrix matrix_ = PYN_MATRIX_INIT;
};

// ================================================================================== Calls ==

/// Called now and then during long work with the fraction done (0 to 1) and the step's name ("fit",
/// "score", "explain"). Return true to go on, false to cancel; an exception cancels too and comes
/// out of the call.
using progress_callback = std::function<bool(double fraction, const char* stage)>;

/// How one call is to be made; a default-made one says nothing.
struct call_options {
  call_options() = default;
  /// Just progress. (Implicit: fit(rows, [](double done, const char*) { ...; return true; }).)
  template <class Callback, class = std::enable_if_t<
                                std::is_invocable_r_v<bool, Callback&, double, const char*>>>
  call_options(Callback callback) : progress(std::move(callback)) {}  // NOLINT

  progress_callback progress;
  std::int32_t threads = 0;           ///< at most so many; 0: thread_limit(); 1: the calling thread
  std::vector<double> sample_weight;  ///< fit only: one a row, or empty
  std::vector<std::int32_t> labels;   ///< fit only: one a row (0 inlier, 1 outlier), or empty
};

namespace detail {

/// The C struct of some call_options, with its callback guarded.
class c_call {
 public:
  explicit c_call(const call_options& options) : options_(options) {
    call_.threads = options.threads;
    if (options.progress) {
      call_.progress = on_progress;
      call_.progress_context = this;
    }
    if (!options.sample_weight.empty()) {
      call_.sample_weight = options.sample_weight.data();
      call_.sample_weight_count = to_int64(options.sample_weight.size());
    }
    if (!options.labels.empty()) {
      call_.labels = options.labels.data();
      call_.label_count = to_int64(options.labels.size());
    }
  }
  c_call(const c_call&) = delete;
  c_call& operator=(const c_call&) = delete;

  const pyn_call* get() const noexcept { return &call_; }
  exception_keeper keeper;

 private:
  static std::int32_t on_progress(double fraction, const char* stage, void* context) noexcept {
    auto& self = *static_cast<c_call*>(context);
    return self.keeper.run(1, [&] { return self.options_.progress(fraction, stage) ? 0 : 1; });
  }

  const call_options& options_;
  pyn_call call_ = PYN_CALL_INIT;
};

}  // namespace detail

// ================================================================================ Options ==

/// An option's value.
using option_value = std::variant<std::int64_t, double, bool, std::string>;

/// What an option allows.
struct option_info {
  std::string name, description;
  std::string allowed;    ///< in words
  std::int32_t types = 0; ///< PYN_OPTION_* added up
  std::int64_t int_minimum = 0, int_maximum = 0;
  double double_minimum = 0, double_maximum = 0;
  bool double_minimum_exclusive = false;
  std::vector<std::string> choices;
  option_value default_value;
};

/// A kind of detector.
struct detector_info {
  std::string name, description, reference;
  std::int64_t capabilities = 0;  ///< PYN_CAPABILITY_* added up
  std::vector<option_info> options;
  std::string plugin, version;    ///< of a plugin's detector; else empty
};

namespace detail {

inline option_value to_option_value(const pyn_value& value) {
  switch (value.type) {
    case PYN_OPTION_INT: return value.int_value;
    case PYN_OPTION_DOUBLE: return value.double_value;
    case PYN_OPTION_BOOL: return value.bool_value != 0;
    default: return text(value.string_value);
  }
}

inline option_info option_at(const std::string& detector, std::int64_t index) {
  pyn_option_info c = PYN_OPTION_INFO_INIT;
  check(pyn_detector_get_option_info, detector.c_str(), index, &c);
  option_info info;
  info.name = text(c.name);
  info.description = text(c.description);
  info.allowed = text(c.allowed);
  info.types = c.types;
  info.int_minimum = c.int_minimum;
  info.int_maximum = c.int_maximum;
  info.double_minimum = c.double_minimum;
  info.double_maximum = c.double_maximum;
  info.double_minimum_exclusive = c.double_minimum_exclusive != 0;
  for (std::int64_t i = 0; i < c.choice_count; ++i) info.choices.push_back(text(c.choices[i]));
  info.default_value = to_option_value(c.default_value);
  return info;
}

}  // namespace detail

/// The names of all detectors, in alphabetical order.
inline std::vector<std::string> detector_names() {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < pyn_detector_count(); ++i)
    names.push_back(detail::text(pyn_detector_name_at(i)));
  return names;
}

/// Describe the detector of that name and its options.
inline detector_info describe(const std::string& name) {
  pyn_detector_info c = PYN_DETECTOR_INFO_INIT;
  detail::check(pyn_detector_get_info, name.c_str(), &c);
  detector_info info{detail::text(c.name), detail::text(c.description), detail::text(c.reference),
                     c.capabilities, {}, detail::text(c.plugin), detail::text(c.version)};
  for (std::int64_t i = 0; i < c.option_count; ++i)
    info.options.push_back(detail::option_at(name, i));
  return info;
}

// ============================================================= Thresholds, probabilities ==

/// How a threshold is found from scores: PYN_THRESHOLD_* with its parameter (0: the method's default).
struct threshold_rule {
  threshold_rule() = default;
  explicit threshold_rule(std::int32_t by, double with = 0, double tail_from = 0) noexcept
      : method(by), parameter(with), initial_quantile(tail_from) {}
  /// From text: "0.7", "percentile:99", "iqr", "mad:5", "pot:1e-3". (Implicit: set_threshold(rule) reads well.)
  threshold_rule(const std::string& text) {  // NOLINT
    pyn_threshold_rule rule = PYN_THRESHOLD_RULE_INIT;
    detail::check(pyn_threshold_rule_from_text, text.c_str(), &rule);
    *this = threshold_rule(rule.method, rule.parameter, rule.initial_quantile);
  }
  threshold_rule(const char* text) : threshold_rule(std::string(text)) {}  // NOLINT

  std::int32_t method = PYN_THRESHOLD_POT;
  double parameter = 0, initial_quantile = 0;
};

/// A threshold, and what was found on the way (see pyn_threshold).
struct found_threshold {
  double value = 0;
  std::int64_t count = 0, exceeding = 0;
  double initial_threshold = 0;
  std::int64_t peak_count = 0;
  double shape = 0, scale = 0, log_likelihood = 0;
};

namespace detail {

inline pyn_threshold_rule c_rule(const threshold_rule& rule) noexcept {
  pyn_threshold_rule c = PYN_THRESHOLD_RULE_INIT;
  c.method = rule.method;
  c.parameter = rule.parameter;
  c.initial_quantile = rule.initial_quantile;
  return c;
}

inline found_threshold to_found(const pyn_threshold& c) noexcept {
  return {c.value, c.count, c.exceeding, c.initial_threshold, c.peak_count, c.shape, c.scale, c.log_likelihood};
}

}  // namespace detail

/// The threshold of an array of scores by a rule.
inline found_threshold find_threshold(const std::vector<double>& scores, const threshold_rule& rule = {}) {
  const pyn_threshold_rule c = detail::c_rule(rule);
  pyn_threshold found = PYN_THRESHOLD_INIT;
  const double nothing = 0;  // no scores are refused as such, not as NULL
  detail::check(pyn_threshold_from_scores, scores.empty() ? &nothing : scores.data(),
                detail::to_int64(scores.size()), &c, &found);
  return detail::to_found(found);
}

/// Turns scores into probabilities (PYN_CALIBRATION_*). Moves, does not copy.
class Calibration {
 public:
  /// Learn from scores, and where the method needs them from labels (0 inlier, anything else outlier).
  Calibration(std::int32_t method, const std::vector<double>& scores,
              const std::vector<std::int32_t>& labels = {}) {
    if (!labels.empty() && labels.size() != scores.size())
      throw std::invalid_argument(std::to_string(scores.size()) + " scores, but " +
                                  std::to_string(labels.size()) + " labels");
    const double nothing = 0;
    pyn_calibration* made = nullptr;
    detail::check(pyn_calibration_create, method, scores.empty() ? &nothing : scores.data(),
                  labels.empty() ? nullptr : labels.data(), detail::to_int64(scores.size()), &made);
    handle_.reset(made);
  }
  /// Take over an object of the C interface.
  explicit Calibration(pyn_calibration* owned) noexcept : handle_(owned) {}

  /// The C object, still owned by this one.
  pyn_calibration* get() const noexcept { return handle_.get(); }

  /// The probability of each score.
  std::vector<double> apply(const std::vector<double>& scores) const {
    std::vector<double> probabilities(scores.empty() ? 1 : scores.size());
    detail::check(pyn_calibration_apply, get(), scores.empty() ? probabilities.data() : scores.data(),
                  detail::to_int64(scores.size()), probabilities.data());
    probabilities.resize(scores.size());
    return probabilities;
  }
  /// What was found (see pyn_calibration_info).
  pyn_calibration_info info() const {
    pyn_calibration_info info = PYN_CALIBRATION_INFO_INIT;
    detail::check(pyn_calibration_get_info, get(), &info);
    return info;
  }

 private:
  struct free_calibration {
    void operator()(pyn_calibration* calibration) const noexcept { pyn_calibration_free(calibration); }
  };
  std::unique_ptr<pyn_calibration, free_calibration> handle_;
};

// =============================================================================== Detector ==

/// A detector: options, and after fitting a model. Moves, does not copy. A detector that was moved
/// from may be destroyed or assigned to; anything else throws argument_error.
class Detector {
 public:
  /// With default options. Throws argument_error when no detector has that name.
  explicit Detector(const std::string& name)
      : Detector(made([&](pyn_detector** created) {
          detail::check(pyn_detector_create, name.c_str(), created);
        })) {}
  /// Take over a detector of the C interface; it is freed with this object.
  explicit Detector(pyn_detector* owned) noexcept : handle_(owned) {}

  /// The C object, still owned by this one.
  pyn_detector* get() const noexcept { return handle_.get(); }
  /// Give the C object away; the caller frees it.
  pyn_detector* release() noexcept { return handle_.release(); }

  // ------------------------------------------------------------------------------- options --

  /// Set an option to an integer, a floating-point number, a bool or a string. Returns the detector,
  /// so that settings chain. Throws option_error.
  template <class Value>
  Detector& set(const std::string& option, const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
      detail::check(pyn_detector_set_bool, get(), option.c_str(), std::int32_t{value});
    } else if constexpr (std::is_integral_v<Value>) {
      detail::check(pyn_detector_set_int, get(), option.c_str(), clamp(value));
    } else if constexpr (std::is_floating_point_v<Value>) {
      detail::check(pyn_detector_set_double, get(), option.c_str(), static_cast<double>(value));
    } else {
      static_assert(std::is_constructible_v<std::string, const Value&>,
                    "an option is an integer, a floating-point number, a bool or a string");
      const std::string string(value);
      detail::check(pyn_detector_set_string, get(), option.c_str(), string.c_str());
    }
    return *this;
  }
  Detector& set(const std::string& option, const option_value& value) {
    std::visit([&](const auto& held) { set(option, held); }, value);
    return *this;
  }

  /// Set an option from text, as from a command line: "100", "0.5", "true", "auto".
  Detector& set_text(const std::string& option, const std::string& text) {
    detail::check(pyn_detector_set_text, get(), option.c_str(), text.c_str());
    return *this;
  }

  /// The value of an option, as a std::variant.
  option_value option(const std::string& name) const {
    pyn_value value = PYN_VALUE_INIT;
    detail::check(pyn_detector_get_option, get(), name.c_str(), &value);
    return detail::to_option_value(value);
  }

  // ---------------------------------------------------------------------------------- fit --

  /// Learn from the rows of X. When it throws, an earlier model stays. Returns the detector.
  Detector& fit(const matrix_view& X, const call_options& options = {}) {
    detail::c_call call(options);
    call.keeper.check(pyn_detector_fit, get(), &X.get(), call.get());
    return *this;
  }

  /// Learn from more rows, where the detector can (PYN_CAPABILITY_PARTIAL_FIT).
  Detector& partial_fit(const matrix_view& X, const call_options& options = {}) {
    detail::c_call call(options);
    call.keeper.check(pyn_detector_partial_fit, get(), &X.get(), call.get());
    return *this;
  }

  /// Fit on an Arrow stream, which may be larger than memory. The stream is released.
  Detector& fit(ArrowArrayStream& stream, const call_options& options = {}) {
    detail::c_call call(options);
    call.keeper.check(pyn_detector_fit_stream, get(), &stream, call.get());
    return *this;
  }

  // ---------------------------------------------------- scores, labels and explanations --

  /// One score a row; higher is more anomalous.
  std::vector<double> score(const matrix_view& X, const call_options& options = {}) const {
    return filled<double>(pyn_detector_score, X, X.rows(), options);
  }
  /// The same, into a buffer of yours of `count` >= X.rows() doubles.
  void score(const matrix_view& X, double* scores, std::size_t count,
             const call_options& options = {}) const {
    fill(pyn_detector_score, X, scores, detail::to_int64(count), options);
  }

  /// One label a row: 1 outlier, 0 inlier.
  std::vector<std::int32_t> predict(const matrix_view& X, const call_options& options = {}) const {
    return filled<std::int32_t>(pyn_detector_predict, X, X.rows(), options);
  }
  /// The same, into a buffer of yours of `count` >= X.rows() labels.
  void predict(const matrix_view& X, std::int32_t* labels, std::size_t count,
               const call_options& options = {}) const {
    fill(pyn_detector_predict, X, labels, detail::to_int64(count), options);
  }

  /// How much each feature adds to each row's score: X.rows() x X.columns(), row-major.
  std::vector<double> explain(const matrix_view& X, const call_options& options = {}) const {
    const std::int64_t columns = X.columns() > 0 ? X.columns() : 1;
    return filled<double>(pyn_detector_explain, X, detail::times(X.rows(), columns), options);
  }
  /// The same, into a buffer of yours of `count` >= X.rows() * X.columns() doubles.
  void explain(const matrix_view& X, double* shares, std::size_t count,
               const call_options& options = {}) const {
    fill(pyn_detector_explain, X, shares, detail::to_int64(count), options);
  }

  /// Takes `count` scores, the first of them of row `first_row`. Return true to go on, false to
  /// cancel; an exception cancels too and comes out of the call.
  using take_scores =
      std::function<bool(const double* scores, std::int64_t first_row, std::int64_t count)>;

  /// Score an Arrow stream batch by batch. The stream is released.
  void score(ArrowArrayStream& stream, const take_scores& take,
             const call_options& options = {}) const {
    detail::c_call call(options);
    struct { const take_scores& take; detail::exception_keeper& keeper; } sink{take, call.keeper};
    const pyn_scores_callback on_scores = [](const double* scores, std::int64_t first_row,
                                             std::int64_t count, void* context) {
      auto& to = *static_cast<decltype(sink)*>(context);
      return to.keeper.run(std::int32_t{1}, [&]() -> std::int32_t {
        return to.take(scores, first_row, count) ? 0 : 1;
      });
    };
    call.keeper.check(pyn_detector_score_stream, get(), &stream, call.get(), on_scores, &sink);
  }

  // ----------------------------------------------------------------- what a model knows --

  /// The score above which a row is an outlier.
  double threshold() const { return number<double>(pyn_detector_get_threshold); }
  /// Set it to a finite value.
  void set_threshold(double threshold) {
    detail::check(pyn_detector_set_threshold, get(), threshold);
  }

  /// Set it by a rule from scores, such as those of the training rows.
  found_threshold set_threshold(const threshold_rule& rule, const std::vector<double>& scores) {
    const double nothing = 0;
    return set_threshold_by(rule, scores.empty() ? &nothing : scores.data(), scores.size());
  }
  /// Set it by a rule from the training scores, where the detector keeps them.
  found_threshold set_threshold(const threshold_rule& rule) { return set_threshold_by(rule, nullptr, 0); }

  /// Say how scores become probabilities; fitting drops it, and so does nullptr.
  void set_calibration(const Calibration& calibration) {
    detail::check(pyn_detector_set_calibration, get(), calibration.get());
  }
  void set_calibration(std::nullptr_t) {
    detail::check(pyn_detector_set_calibration, get(), static_cast<const pyn_calibration*>(nullptr));
  }
  /// The probability that a row is an outlier, by the calibration.
  std::vector<double> predict_probability(const matrix_view& X, const call_options& options = {}) const {
    return filled<double>(pyn_detector_predict_probability, X, X.rows(), options);
  }

  /// The detector's name, e.g. "IsolationForest"; empty when moved from.
  std::string name() const { return detail::text(get() ? pyn_detector_get_name(get()) : nullptr); }
  bool is_fitted() const noexcept { return pyn_detector_is_fitted(get()) != 0; }
  /// Columns of the fitted data.
  std::int64_t feature_count() const {
    return number<std::int64_t>(pyn_detector_get_feature_count);
  }
  /// A number that fitting found, e.g. fitted("max_samples").
  double fitted(const std::string& what) const {
    double value = 0;
    detail::check(pyn_detector_get_fitted, get(), what.c_str(), &value);
    return value;
  }

  /// The scores of the rows that were fitted, where the detector keeps them (KNN, LocalOutlierFactor).
  std::vector<double> training_scores() const {
    double count = 0;  // stays 0 where the library is about to say why there are none
    (void)pyn_detector_get_fitted(get(), "n_samples", &count, nullptr);
    std::vector<double> scores(static_cast<std::size_t>(count));
    detail::check(pyn_detector_get_training_scores, get(), scores.data(),
                  detail::to_int64(scores.size()));
    return scores;
  }

  /// Give the features names, one a column of the fitted data.
  void set_feature_names(const std::vector<std::string>& names) {
    std::vector<const char*> pointers;
    for (const std::string& name : names) pointers.push_back(name.c_str());
    detail::check(pyn_detector_set_feature_names, get(), pointers.data(),
                  detail::to_int64(pointers.size()));
  }
  /// The names of the features; empty when none were given.
  std::vector<std::string> feature_names() const {
    std::vector<std::string> names;
    const std::int64_t count = feature_count();
    for (std::int64_t i = 0; i < count; ++i)
      if (const char* name = pyn_detector_get_feature_name(get(), i)) names.emplace_back(name);
    return names;
  }

  // --------------------------------------------------------------------------- model files --

  /// Save to a file; a failure leaves an old file whole.
  void save(const std::string& path) const {
    detail::check(pyn_detector_save_file, get(), path.c_str());
  }
  /// Save to an open binary stream. Throws io_error when the stream fails.
  void save(std::ostream& to) const {
    stream_context<std::ostream> context{to, {}};
    context.keeper.check(pyn_detector_save_callback, get(), write_to, &context);
  }
  /// The bytes of the model file.
  std::vector<unsigned char> save() const {
    std::size_t size = 0;
    detail::check(pyn_detector_save_memory, get(), nullptr, std::size_t{0}, &size);
    std::vector<unsigned char> bytes(size);
    detail::check(pyn_detector_save_memory, get(), bytes.data(), bytes.size(), &size);
    return bytes;
  }

  /// Load a detector, ready to score. Throws io_error or model_error.
  static Detector load(const std::string& path) {
    return made([&](pyn_detector** loaded) {
      detail::check(pyn_detector_load_file, path.c_str(), loaded);
    });
  }
  static Detector load(std::istream& from) {
    return made([&](pyn_detector** loaded) {
      stream_context<std::istream> context{from, {}};
      context.keeper.check(pyn_detector_load_callback, read_from, &context, loaded);
    });
  }
  static Detector load(const void* data, std::size_t size) {
    return made([&](pyn_detector** loaded) {
      detail::check(pyn_detector_load_memory, data, size, loaded);
    });
  }
  static Detector load(const std::vector<unsigned char>& bytes) {
    return load(bytes.data(), bytes.size());
  }

 private:
  struct free_detector {
    void operator()(pyn_detector* detector) const noexcept { pyn_detector_free(detector); }
  };
  template <class Stream>
  struct stream_context {
    Stream& stream;
    detail::exception_keeper keeper;
  };

  found_threshold set_threshold_by(const threshold_rule& rule, const double* scores, std::size_t count) {
    const pyn_threshold_rule c = detail::c_rule(rule);
    pyn_threshold found = PYN_THRESHOLD_INIT;
    detail::check(pyn_detector_set_threshold_by, get(), &c, scores, detail::to_int64(count), &found);
    return detail::to_found(found);
  }

  template <class Load>
  static Detector made(Load load) {
    pyn_detector* loaded = nullptr;
    load(&loaded);
    return Detector(loaded);
  }

  template <class Element, class Function>
  void fill(Function function, const matrix_view& X, Element* values, std::int64_t count,
            const call_options& options) const {
    detail::c_call call(options);
    call.keeper.check(function, get(), &X.get(), call.get(), values, count);
  }
  template <class Element, class Function>
  std::vector<Element> filled(Function function, const matrix_view& X, std::int64_t count,
                              const call_options& options) const {
    // A view without a single row still hands over a buffer: NULL is refused.
    std::vector<Element> values(count > 0 ? static_cast<std::size_t>(count) : 1);
    fill(function, X, values.data(), count, options);
    values.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return values;
  }
  template <class Number, class Function>
  Number number(Function function) const {
    Number value{};
    detail::check(function, get(), &value);
    return value;
  }

  template <class Integer>
  static std::int64_t clamp(Integer value) noexcept {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if constexpr (std::is_unsigned_v<Integer> && sizeof(Integer) >= sizeof(std::int64_t))
      if (value > static_cast<Integer>(most)) return most;
    return static_cast<std::int64_t>(value);
  }

  static std::int32_t write_to(const void* data, std::size_t size, void* context) noexcept {
    auto& to = *static_cast<stream_context<std::ostream>*>(context);
    return to.keeper.run(std::int32_t{1}, [&]() -> std::int32_t {
      to.stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
      return to.stream ? 0 : 1;
    });
  }
  static std::int64_t read_from(void* buffer, std::size_t capacity, void* context) noexcept {
    auto& from = *static_cast<stream_context<std::istream>*>(context);
    return from.keeper.run(std::int64_t{-1}, [&]() -> std::int64_t {
      if (from.stream.eof()) return 0;
      if (!from.stream) return -1;
      from.stream.read(static_cast<char*>(buffer), static_cast<std::streamsize>(capacity));
      return from.stream.bad() ? -1 : std::int64_t{from.stream.gcount()};
    });
  }

  std::unique_ptr<pyn_detector, free_detector> handle_;
};

// ================================================================================== Drift ==

/// How drift is looked for (see pyn_drift_options).
struct drift_options {
  double alpha = 0.05;
  std::int64_t window = 1000;
  std::int64_t step = 0;  ///< 0: window
  std::int64_t reference_rows = 10000, random_state = 0;
  std::int32_t correction = PYN_DRIFT_HOLM, spending = PYN_DRIFT_LIFETIME;
};

/// Says when a stream of rows no longer looks like the reference. Moves, does not copy.
class DriftDetector {
 public:
  /// Begin with a reference, and the scores of its rows where those are to be watched, too: rows that the
  /// detector was not fitted on.
  explicit DriftDetector(const matrix_view& reference, const drift_options& options = {},
                         const std::vector<double>& scores = {}) {
    pyn_drift_options c = PYN_DRIFT_OPTIONS_INIT;
    c.alpha = options.alpha;
    c.window = options.window;
    c.step = options.step;
    c.reference_rows = options.reference_rows;
    c.random_state = options.random_state;
    c.correction = options.correction;
    c.spending = options.spending;
    pyn_drift* made = nullptr;
    detail::check(pyn_drift_create, &reference.get(), scores.empty() ? nullptr : scores.data(),
                  detail::to_int64(scores.size()), &c, &made);
    handle_.reset(made);
  }

  /// Take over an object of the C interface.
  explicit DriftDetector(pyn_drift* owned) noexcept : handle_(owned) {}

  /// All that it has seen, as bytes, and an object that goes on from them.
  std::vector<unsigned char> save() const {
    std::size_t size = 0;
    detail::check(pyn_drift_save_memory, get(), nullptr, std::size_t{0}, &size);
    std::vector<unsigned char> bytes(size);
    detail::check(pyn_drift_save_memory, get(), bytes.data(), bytes.size(), &size);
    return bytes;
  }
  static DriftDetector load(const std::vector<unsigned char>& bytes) {
    pyn_drift* loaded = nullptr;
    const unsigned char nothing = 0;
    detail::check(pyn_drift_load_memory, bytes.empty() ? &nothing : bytes.data(), bytes.size(), &loaded);
    return DriftDetector(loaded);
  }

  /// The C object, still owned by this one.
  pyn_drift* get() const noexcept { return handle_.get(); }

  /// Take the next rows; true when there was an alarm so far: when it is time to fit anew.
  bool update(const matrix_view& X, const std::vector<double>& scores = {}, const call_options& options = {}) {
    if (X.rows() == 0) return report().first_drift > 0;
    detail::c_call call(options);
    call.keeper.check(pyn_drift_update, get(), &X.get(), scores.empty() ? nullptr : scores.data(),
                      detail::to_int64(scores.size()), call.get());
    return report().first_drift > 0;
  }

  pyn_drift_report report() const {
    pyn_drift_report report = PYN_DRIFT_REPORT_INIT;
    detail::check(pyn_drift_get_report, get(), &report);
    return report;
  }
  /// What the last look found of each feature; the scores come last.
  std::vector<pyn_drift_feature> features() const {
    std::vector<pyn_drift_feature> all;
    const std::int64_t count = report().feature_count;
    for (std::int64_t i = 0; i < count; ++i) {
      pyn_drift_feature feature = PYN_DRIFT_FEATURE_INIT;
      detail::check(pyn_drift_get_feature, get(), i, &feature);
      all.push_back(feature);
    }
    return all;
  }

 private:
  struct free_drift {
    void operator()(pyn_drift* drift) const noexcept { pyn_drift_free(drift); }
  };
  std::unique_ptr<pyn_drift, free_drift> handle_;
};

/// The two-sample Kolmogorov-Smirnov test: statistic and p-value.
inline std::pair<double, double> kolmogorov_smirnov(const std::vector<double>& first,
                                                    const std::vector<double>& second) {
  std::pair<double, double> found;
  const double nothing = 0;
  detail::check(pyn_kolmogorov_smirnov, first.empty() ? &nothing : first.data(), detail::to_int64(first.size()),
                second.empty() ? &nothing : second.data(), detail::to_int64(second.size()), &found.first,
                &found.second);
  return found;
}

// ================================================================================ Plugins ==

/// A loaded plugin.
struct plugin_info {
  std::string name, version, description, author, licence, path;
  std::vector<std::string> detectors;
};

namespace detail {

inline plugin_info to_plugin_info(const pyn_plugin_info& c) {
  plugin_info info{text(c.name),   text(c.version), text(c.description),
                   text(c.author), text(c.licence), text(c.path), {}};
  for (std::int64_t i = 0; i < c.detector_count; ++i) info.detectors.push_back(text(c.detectors[i]));
  return info;
}

}  // namespace detail

/// Load a plugin: the path of a shared object or of a manifest, or the name of an installed one.
inline plugin_info load_plugin(const std::string& plugin) {
  pyn_plugin_info c = PYN_PLUGIN_INFO_INIT;
  detail::check(pyn_plugin_load, plugin.c_str(), &c);
  return detail::to_plugin_info(c);
}

/// Load every installed plugin; throws plugin_error when some could not be, after loading the others.
inline void load_plugins() {
  detail::check(pyn_plugin_load_all, static_cast<pyn_plugin_visitor>(nullptr), static_cast<void*>(nullptr));
}

/// The plugins that are loaded.
inline std::vector<plugin_info> plugins() {
  std::vector<plugin_info> all;
  for (std::int64_t i = 0; i < pyn_plugin_count(); ++i) {
    pyn_plugin_info c = PYN_PLUGIN_INFO_INIT;
    detail::check(pyn_plugin_get_info, i, &c);
    all.push_back(detail::to_plugin_info(c));
  }
  return all;
}

// ============================================================================== Selection ==

/// A detector with its default options, and what it is expected to cost here with one thread.
struct selection {
  std::string detector;
  bool fits = false;      ///< it can do what was asked, within the limits
  bool measured = false;  ///< false: nobody measured it; the numbers are NaN
  double fit_seconds = 0, score_seconds = 0, score_row_seconds = 0, memory_bytes = 0;
  double roc_auc = 0, average_precision = 0;
  std::string reason;
};

/// What to ask for: rows, columns, policy, limits, as in pynomaly.h.
struct selection_request : pyn_selection_request {
  selection_request(std::int64_t row_count, std::int64_t column_count) noexcept
      : pyn_selection_request(PYN_SELECTION_REQUEST_INIT) {
    rows = row_count;
    columns = column_count;
  }
};

/// Rank the detectors for such data, the best first.
inline std::vector<selection> select_detector(const selection_request& request) {
  std::int64_t count = 0;
  const pyn_selection_request* asked = &request;
  detail::check(pyn_select_detector, asked, static_cast<pyn_selection*>(nullptr), std::int64_t{0}, &count);
  std::vector<pyn_selection> ranked(static_cast<std::size_t>(count), pyn_selection(PYN_SELECTION_INIT));
  detail::check(pyn_select_detector, asked, ranked.data(), count, &count);
  std::vector<selection> all;
  for (const pyn_selection& c : ranked)
    if (c.detector)
      all.push_back({c.detector, c.fits != 0, c.measured != 0, c.fit_seconds, c.score_seconds,
                     c.score_row_seconds, c.memory_bytes, c.roc_auc, c.average_precision, c.reason});
  return all;
}

// ================================================================================= Tuning ==

/// How configurations are compared: criterion, folds, repeats, holdout, budget, seed, as in pynomaly.h.
struct tuning_plan : pyn_tuning_plan {
  tuning_plan() noexcept : pyn_tuning_plan(PYN_TUNING_PLAN_INIT) {}
};

/// What became of one configuration.
struct tuning_result {
  double mean = 0, deviation = 0;  ///< of the folds; NaN when it failed
  double fit_seconds = 0, score_seconds = 0;
  std::int64_t rank = 0;
  std::int64_t same_as = -1;  ///< the configuration that differs in nothing but the threshold, or -1
  std::vector<double> folds;
  std::string message;  ///< why it failed, or empty
};

/// A search for the best values of a detector's options.
class Tuning {
 public:
  /// Options that get no values stay as this detector has them.
  explicit Tuning(const Detector& detector) {
    pyn_tuning* created = nullptr;
    detail::check(pyn_tuning_create, detector.get(), &created);
    handle_.reset(created);
  }

  /// One more value to try. Returns the tuning, so that values chain. Throws option_error.
  Tuning& add(const std::string& option, const option_value& value) {
    pyn_value c = PYN_VALUE_INIT;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      c.type = PYN_OPTION_INT;
      c.int_value = *number;
    } else if (const auto* fraction = std::get_if<double>(&value)) {
      c.type = PYN_OPTION_DOUBLE;
      c.double_value = *fraction;
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      c.type = PYN_OPTION_BOOL;
      c.bool_value = *flag ? 1 : 0;
    } else {
      c.type = PYN_OPTION_STRING;
      c.string_value = std::get<std::string>(value).c_str();
    }
    detail::check(pyn_tuning_add_value, handle_.get(), option.c_str(), static_cast<const pyn_value*>(&c));
    return *this;
  }
  /// The same from text, as from a command line.
  Tuning& add_text(const std::string& option, const std::string& text) {
    detail::check(pyn_tuning_add_text, handle_.get(), option.c_str(), text.c_str());
    return *this;
  }
  /// The default grid in place of what was added.
  Tuning& add_defaults() {
    detail::check(pyn_tuning_add_defaults, handle_.get());
    return *this;
  }

  /// Compare the configurations; options.labels give labels. When it throws, earlier results stay.
  Tuning& run(const matrix_view& X, const tuning_plan& plan = {}, const call_options& options = {}) {
    detail::c_call call(options);
    call.keeper.check(pyn_tuning_run, handle_.get(), &X.get(), static_cast<const pyn_tuning_plan*>(&plan),
                      call.get());
    return *this;
  }

  /// How many configurations were compared.
  std::int64_t size() const noexcept { return pyn_tuning_get_count(handle_.get()); }
  /// The first of the best; -1 before a run.
  std::int64_t best() const noexcept { return pyn_tuning_get_best(handle_.get()); }
  /// PYN_CRITERION_* that was measured.
  std::int32_t criterion() const noexcept { return pyn_tuning_get_criterion(handle_.get()); }
  /// The options of the grid.
  std::vector<std::string> options() const {
    std::vector<std::string> names;
    while (const char* name = pyn_tuning_option_at(handle_.get(), detail::to_int64(names.size())))
      names.emplace_back(name);
    return names;
  }
  tuning_result result(std::int64_t index) const {
    pyn_tuning_result c = PYN_TUNING_RESULT_INIT;
    detail::check(pyn_tuning_get_result, handle_.get(), index, &c, static_cast<double*>(nullptr),
                  std::int64_t{0});
    std::vector<double> folds(static_cast<std::size_t>(c.fold_count));
    detail::check(pyn_tuning_get_result, handle_.get(), index, &c, folds.data(),
                  detail::to_int64(folds.size()));
    return {c.mean, c.deviation, c.fit_seconds, c.score_seconds, c.rank, c.same_as, std::move(folds),
            detail::text(c.message)};
  }
  /// Whether the criterion can tell that option's values apart; false where they only move the threshold.
  bool is_judged(std::int64_t option) const noexcept {
    return pyn_tuning_option_is_judged(handle_.get(), option) != 0;
  }
  /// A detector with the options of that configuration, not fitted; -1: of the best, with options that are not
  /// judged as the tuned detector has them.
  Detector detector(std::int64_t index) const {
    pyn_detector* created = nullptr;
    detail::check(pyn_tuning_create_detector, handle_.get(), index, &created);
    return Detector(created);
  }

 private:
  struct free_tuning {
    void operator()(pyn_tuning* tuning) const noexcept { pyn_tuning_free(tuning); }
  };
  std::unique_ptr<pyn_tuning, free_tuning> handle_;
};

// ============================================================================ The library ==

/// The version of the library that is loaded, e.g. "0.1.0".
inline std::string version() { return pyn_version_string(); }
/// The build of the inner loops chosen for this processor.
inline std::string kernels_name() { return pyn_kernels_name(); }

/// At most so many threads work for one call that does not say; 0: all processors, the default.
inline void set_thread_limit(std::int32_t limit) noexcept { pyn_set_thread_limit(limit); }
inline std::int32_t thread_limit() noexcept { return pyn_get_thread_limit(); }

namespace detail {

template <class Function>
double quality(Function measure, const std::vector<double>& scores,
               const std::vector<std::int32_t>& labels) {
  if (scores.size() != labels.size())
    throw std::invalid_argument(std::to_string(scores.size()) + " scores, but " +
                                std::to_string(labels.size()) + " labels");
  double value = 0;
  check(measure, scores.data(), labels.data(), to_int64(scores.size()), &value);
  return value;
}

}  // namespace detail

/// Area under the ROC curve of scores against labels (0 inlier, anything else outlier).
inline double roc_auc(const std::vector<double>& scores, const std::vector<std::int32_t>& labels) {
  return detail::quality(pyn_roc_auc, scores, labels);
}
/// Average precision: the step-wise area under the precision-recall curve.
inline double average_precision(const std::vector<double>& scores,
                                const std::vector<std::int32_t>& labels) {
  return detail::quality(pyn_average_precision, scores, labels);
}

}  // namespace pynomaly

#endif  // PYNOMALY_HPP
