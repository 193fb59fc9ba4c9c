// @NAME@: a plugin for Pynomaly with the detector @DETECTOR@.
//
// fit learns the median of each column and the median distance from it (MAD). A row's score is its largest
// distance from a median, in MADs: the modified z-score of Iglewicz and Hoaglin (1993).
#include <pynomaly_plugin.hpp>

namespace plugin = pynomaly::plugin;

namespace {

constexpr double kLargest = 1e300;  // scores are finite

class Detector {
 public:
  static plugin::description describe() {
    plugin::description d("@DETECTOR@", "1.0.0", "How far a row is from the medians of the columns.");
    d.reference = "Iglewicz, Hoaglin (1993), How to Detect and Handle Outliers";
    d.capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE;
    d.options = {plugin::option("smallest_deviation", "What a column's MAD is taken for at least.")
                     .doubles(1e-300, 1e300)
                     .by_default(1e-9)};
    return d;
  }

  explicit Detector(const plugin::values& options) : smallest_(options["smallest_deviation"].as_double()) {}

  // Errors are exceptions: throw plugin::error(PYN_ERROR_INVALID_DATA, "why", row, column).
  void fit(plugin::call& call, const plugin::training& training) {
    const plugin::rows& X = training.X;
    medians_.resize(static_cast<std::size_t>(X.columns()));
    mads_.resize(medians_.size());
    call.parallel_for(X.columns(), [&](std::int64_t column, int) {
      std::vector<double> values(static_cast<std::size_t>(X.count()));
      X.read_column(column, values.data());
      const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
      std::nth_element(values.begin(), middle, values.end());
      const double median = *middle;
      for (double& x : values) x = std::min(std::fabs(x - median), kLargest);
      std::nth_element(values.begin(), middle, values.end());
      medians_[static_cast<std::size_t>(column)] = median;
      mads_[static_cast<std::size_t>(column)] = std::max(*middle, smallest_);
    });
  }

  void score(plugin::call& call, const plugin::rows& X, double* scores) const {
    visit(call, X, [&](std::int64_t row, std::size_t column, double z) {
      scores[row] = column == 0 ? z : std::max(scores[row], z);
    });
  }

  void explain(plugin::call& call, const plugin::rows& X, double* shares) const {
    visit(call, X, [&](std::int64_t row, std::size_t column, double z) {
      shares[row * X.columns() + static_cast<std::int64_t>(column)] = z;
    });
  }

  // What Iglewicz and Hoaglin call an outlier. Without this function: the 0.9 quantile of the training's
  // scores.
  double threshold() const { return 3.5; }

  std::vector<plugin::fitted_value> fitted() const {
    return {{"columns", static_cast<double>(medians_.size())}};
  }

  void save(plugin::writer& out) const {
    out.put(medians_);
    out.put(mads_);
  }

  // The bytes may be damaged: what is read is checked.
  void load(plugin::reader& in) {
    medians_ = in.get_finite(static_cast<std::uint64_t>(in.feature_count()), "the medians");
    mads_ = in.get_finite(static_cast<std::uint64_t>(in.feature_count()), "the MADs");
    for (double mad : mads_)
      if (!(mad > 0)) in.fail("a MAD is not positive");
  }

 private:
  /// body(row, column, distance in MADs), row by row.
  template <class Body>
  void visit(plugin::call& call, const plugin::rows& X, Body body) const {
    const std::size_t columns = medians_.size();
    const std::int64_t block = std::max<std::int64_t>(1, 8192 / static_cast<std::int64_t>(columns));
    X.for_each_block(call, block, [&](const double* values, std::int64_t first, std::int64_t count) {
      for (std::int64_t row = first; row < first + count; row++) {
        for (std::size_t c = 0; c < columns; c++) {
          const double distance = std::min(std::fabs(*values++ - medians_[c]), kLargest);
          body(row, c, std::min(0.6745 * distance / mads_[c], kLargest));
        }
      }
    });
  }

  double smallest_;
  std::vector<double> medians_, mads_;
};

}  // namespace

constexpr plugin::about about{"@NAME@", "0.1.0", "How far a row is from the medians of the columns."};
PYNOMALY_PLUGIN(about, Detector)
