// INNE: isolation by nearest-neighbour ensembles (Bandaragoda et al. 2018), as a plugin in C++.
//
// Each of t estimators draws a few rows as centres. A centre's ball reaches to the nearest other centre. A
// row is as isolated as the smallest ball that holds it is large beside the ball of that ball's nearest
// centre: 1 - radius(nearest(c)) / radius(c); and wholly, 1, when no ball holds it. The score is the mean.
#include <pynomaly_plugin.hpp>

#include <limits>
#include <numeric>
#include <unordered_set>

namespace plugin = pynomaly::plugin;

namespace {

constexpr std::int64_t kLanes = 8;                         // centres compared side by side
constexpr std::int64_t kMostEstimators = 10'000;
constexpr std::int64_t kMostSamples = 65'536;
constexpr std::int64_t kWorkBetweenWords = 1 << 22;        // subtractions: a few milliseconds
constexpr double kLargest = std::numeric_limits<double>::max();

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// A product of counts; one that no memory could hold is bad_alloc.
std::int64_t product(std::int64_t a, std::int64_t b) {
  if (a > 0 && b > (std::int64_t{1} << 58) / a) throw std::bad_alloc();
  return a * b;
}

/// One estimator: its eights of centres (coordinates feature by feature), from the smallest ball to the
/// largest.
struct estimator {
  const double* centres;
  const double* radii;  // squared; -1 fills up the last eight
  const double* isolations;
  std::int64_t padded, columns;
};

/// Two or four numbers side by side.
using two = double __attribute__((vector_size(16)));
using four = double __attribute__((vector_size(32)));

/// Adds to each row's score how isolated the estimator finds it.
template <class Lanes>
[[gnu::always_inline]] inline void isolate_by(const estimator& e, const double* rows, std::int64_t count,
                                              double* scores) {
  constexpr int width = sizeof(Lanes) / sizeof(double), parts = kLanes / width;
  Lanes loaded;  // from any address
  for (std::int64_t r = 0; r < count; r++) {
    const double* x = rows + r * e.columns;
    double value = 1;  // no ball holds it
    for (std::int64_t k = 0; k < e.padded; k += kLanes) {
      const double* centres = e.centres + k * e.columns;
      Lanes sums[parts] = {};
      for (std::int64_t j = 0; j < e.columns; j++) {
        for (int p = 0; p < parts; p++) {
          std::memcpy(&loaded, centres + j * kLanes + p * width, sizeof loaded);
          const Lanes difference = x[j] - loaded;
          sums[p] += difference * difference;
        }
      }
      unsigned held = 0;
      for (int p = 0; p < parts; p++) {
        std::memcpy(&loaded, e.radii + k + p * width, sizeof loaded);
        const auto inside = sums[p] <= loaded;  // 0 or -1
        for (int i = 0; i < width; i++) held |= static_cast<unsigned>(inside[i] & (1 << (p * width + i)));
      }
      if (held == 0) continue;
      value = e.isolations[k + __builtin_ctz(held)];
      break;
    }
    scores[r] += value;
  }
}

// The same for AVX2 machines: no operation differs, only how many are done at a time.
#if defined(__x86_64__)
[[gnu::target("avx2")]] void isolate_avx2(const estimator& e, const double* rows, std::int64_t count,
                                          double* scores) {
  isolate_by<four>(e, rows, count, scores);
}
#endif

void isolate(const estimator& e, const double* rows, std::int64_t count, double* scores) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return isolate_avx2(e, rows, count, scores);
#endif
  isolate_by<two>(e, rows, count, scores);
}

double squared_distance(const double* a, const double* b, std::int64_t columns) {
  double sum = 0;
  for (std::int64_t j = 0; j < columns; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return std::min(sum, kLargest);
}

/// `count` different numbers below `bound` (Floyd's way: no table of all rows).
std::vector<std::int64_t> sample(plugin::random& random, std::int64_t bound, std::int64_t count) {
  std::vector<std::int64_t> chosen;
  std::unordered_set<std::int64_t> seen;
  chosen.reserve(size(count));
  for (std::int64_t i = bound - count; i < bound; i++) {
    const std::int64_t drawn = random.below(i + 1);
    chosen.push_back(seen.insert(drawn).second ? drawn : i);
    seen.insert(chosen.back());
  }
  return chosen;
}

class Inne {
 public:
  static plugin::description describe() {
    plugin::description d(
        "INNE", "1.0.0",
        "Isolation by nearest-neighbour ensembles: how large are the balls that hold a row?");
    d.reference =
        "Bandaragoda, Ting, Albrecht, Liu, Zhu, Wells (2018), Computational Intelligence 34, 968-998";
    d.capabilities = PYN_PLUGIN_THREAD_SAFE_SCORE;
    d.options = {
        plugin::option("n_estimators", "How many samples of rows are drawn.")
            .ints(1, kMostEstimators)
            .by_default(200),
        plugin::option("max_samples",
                       "Rows of a sample: a number, a share of the rows (at most 65,536), or \"auto\": 8.")
            .ints(2, kMostSamples)
            .doubles_above(0, 1)
            .choices({"auto"})
            .by_default("auto"),
        plugin::option("random_state", "Seed; \"random\" for a new one with every fit.")
            .ints(0, std::numeric_limits<std::int64_t>::max())
            .choices({"random"})
            .by_default(0),
    };
    return d;
  }

  explicit Inne(const plugin::values& options)
      : estimators_(options["n_estimators"].as_int()), seed_(options["random_state"].as_int()) {
    const plugin::value samples = options["max_samples"];
    if (samples.is_int()) samples_ = samples.as_int();
    if (samples.is_double()) share_ = samples.as_double();
  }

  void fit(plugin::call& call, const plugin::training& training) {
    const plugin::rows& X = training.X;
    columns_ = X.columns();
    if (share_ > 0) {
      const double wanted = std::ceil(share_ * static_cast<double>(X.count()));
      samples_ = std::max<std::int64_t>(2, static_cast<std::int64_t>(std::min(wanted, double{kMostSamples})));
    }
    samples_ = std::min(samples_, X.count());

    // The centres, row by row, estimator by estimator.
    std::vector<double> centres(size(product(product(estimators_, samples_), columns_)));
    call.parallel_for(estimators_, [&](std::int64_t e, int) {
      plugin::random random =
          call.random_stream(static_cast<std::uint64_t>(seed_), static_cast<std::uint64_t>(e));
      double* to = centres.data() + e * samples_ * columns_;
      for (std::int64_t row : sample(random, X.count(), samples_)) {
        X.read(row, 1, to);
        to += columns_;
      }
    });

    // Each centre's nearest other one. Chunks are some centres of one estimator, short enough to stop at.
    std::vector<std::int64_t> nearest(size(product(estimators_, samples_)));
    std::vector<double> squared(nearest.size());
    const std::int64_t step = std::clamp<std::int64_t>(
        kWorkBetweenWords / std::max<std::int64_t>(1, product(samples_, columns_)), 1, samples_);
    const std::int64_t steps = (samples_ + step - 1) / step;
    call.parallel_for(product(estimators_, steps), [&](std::int64_t chunk, int) {
      const std::int64_t e = chunk / steps, first = chunk % steps * step;
      const double* own = centres.data() + e * samples_ * columns_;
      for (std::int64_t i = first; i < std::min(first + step, samples_); i++) {
        std::int64_t best = i;
        double least = samples_ > 1 ? std::numeric_limits<double>::infinity() : 0;
        for (std::int64_t k = 0; k < samples_; k++) {
          if (k == i) continue;
          const double d = squared_distance(own + i * columns_, own + k * columns_, columns_);
          if (d < least) least = d, best = k;
        }
        nearest[size(e * samples_ + i)] = best;
        squared[size(e * samples_ + i)] = least;
      }
    });

    allocate();
    call.parallel_for(estimators_, [&](std::int64_t e, int) {
      // From the smallest ball to the largest: the first that holds a row is the smallest.
      const double* radius = squared.data() + e * samples_;
      std::vector<std::int64_t> order(size(samples_));
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return radius[a] != radius[b] ? radius[a] < radius[b] : a < b;
      });
      for (std::int64_t k = 0; k < samples_; k++) {
        const std::int64_t i = order[size(k)];
        const double isolation =
            radius[i] > 0 ? 1 - std::sqrt(radius[nearest[size(e * samples_ + i)]] / radius[i]) : 0;
        place(e, k, centres.data() + (e * samples_ + i) * columns_, radius[i], isolation);
      }
    });
  }

  void score(plugin::call& call, const plugin::rows& X, double* scores) const {
    std::fill(scores, scores + X.count(), 0.0);
    visit(call, X, [&](const double* rows, std::int64_t first, std::int64_t count, std::int64_t e) {
      isolate(view(e), rows, count, scores + first);
    });
    for (std::int64_t i = 0; i < X.count(); i++) scores[i] /= static_cast<double>(estimators_);
  }

  /// An estimator's part of the score is shared out by how far the row is, feature by feature, from the
  /// centre of the ball that holds it, or from the nearest centre when none does.
  void explain(plugin::call& call, const plugin::rows& X, double* shares) const {
    std::vector<double> parts(size(columns_));
    std::fill(shares, shares + X.count() * columns_, 0.0);
    visit(call, X, [&](const double* rows, std::int64_t first, std::int64_t count, std::int64_t e) {
      for (std::int64_t i = 0; i < count; i++) {
        const double* x = rows + i * columns_;
        const found f = nearest(x, e);
        double largest = 0, sum = 0;
        for (std::int64_t j = 0; j < columns_; j++) {
          parts[size(j)] = std::min(std::fabs(x[j] - coordinate(e, f.centre, j)), kLargest);
          largest = std::max(largest, parts[size(j)]);
        }
        for (double& part : parts) {
          part = largest > 0 ? (part / largest) * (part / largest) : 1;
          sum += part;
        }
        double* own = shares + (first + i) * columns_;
        for (std::int64_t j = 0; j < columns_; j++) own[j] += f.isolation * (parts[size(j)] / sum);
      }
    });
  }

  std::vector<plugin::fitted_value> fitted() const {
    return {{"n_estimators", static_cast<double>(estimators_)},
            {"max_samples", static_cast<double>(samples_)},
            {"random_state", static_cast<double>(seed_)}};
  }

  // The model: estimators, samples, columns, seed; then for each estimator its centres, squared radii and
  // isolations, from the smallest ball to the largest.
  void save(plugin::writer& out) const {
    for (std::int64_t n : {estimators_, samples_, columns_, seed_}) out.put(n);
    std::vector<double> centre(size(columns_));
    for (std::int64_t e = 0; e < estimators_; e++) {
      for (std::int64_t k = 0; k < samples_; k++) {
        for (std::int64_t j = 0; j < columns_; j++) centre[size(j)] = coordinate(e, k, j);
        out.put(centre);
      }
      out.put(radii_.data() + e * padded_, size(samples_));
      out.put(isolations_.data() + e * padded_, size(samples_));
    }
  }

  void load(plugin::reader& in) {
    estimators_ = in.get_count(1, kMostEstimators, "the number of estimators");
    samples_ = in.get_count(1, kMostSamples, "the number of centres");
    columns_ = in.get_count(in.feature_count(), in.feature_count(), "the number of columns");
    seed_ = in.get_count(0, std::numeric_limits<std::int64_t>::max(), "the seed");
    const std::int64_t numbers = product(samples_, columns_ + 2);
    if (static_cast<std::uint64_t>(in.left() / sizeof(double)) / size(estimators_) < size(numbers))
      in.fail("the model is cut short");
    allocate();
    for (std::int64_t e = 0; e < estimators_; e++) {
      const std::vector<double> centres = in.get_finite(size(samples_ * columns_), "a centre");
      const std::vector<double> radii = in.get_finite(size(samples_), "the radii");
      const std::vector<double> isolations = in.get_finite(size(samples_), "the isolations");
      for (std::int64_t k = 0; k < samples_; k++) {
        const double radius = radii[size(k)], isolation = isolations[size(k)];
        if (radius < (k > 0 ? radii[size(k - 1)] : 0)) in.fail("radii do not grow");
        if (isolation < 0 || isolation > 1) in.fail("an isolation is not a share");
        place(e, k, centres.data() + k * columns_, radius, isolation);
      }
    }
  }

 private:
  struct found {
    double isolation;
    std::int64_t centre;
  };

  void allocate() {
    padded_ = (samples_ + kLanes - 1) / kLanes * kLanes;
    coordinates_.assign(size(product(product(estimators_, padded_), columns_)), 0.0);
    radii_.assign(size(product(estimators_, padded_)), -1.0);  // a ball that holds nothing
    isolations_.assign(radii_.size(), 0.0);
  }
  std::int64_t index(std::int64_t e, std::int64_t k, std::int64_t j) const {
    return ((e * padded_ + k / kLanes * kLanes) * columns_) + j * kLanes + k % kLanes;
  }
  double coordinate(std::int64_t e, std::int64_t k, std::int64_t j) const {
    return coordinates_[size(index(e, k, j))];
  }
  void place(std::int64_t e, std::int64_t k, const double* centre, double radius, double isolation) {
    for (std::int64_t j = 0; j < columns_; j++) coordinates_[size(index(e, k, j))] = centre[j];
    radii_[size(e * padded_ + k)] = radius;
    isolations_[size(e * padded_ + k)] = isolation;
  }

  estimator view(std::int64_t e) const {
    return {coordinates_.data() + index(e, 0, 0), radii_.data() + e * padded_,
            isolations_.data() + e * padded_, padded_, columns_};
  }

  /// The centre of the smallest ball that holds x, or the nearest one; and how isolated that makes x.
  found nearest(const double* x, std::int64_t e) const {
    double least = std::numeric_limits<double>::infinity();
    found best{1, 0};
    for (std::int64_t k = 0; k < samples_; k++) {
      double sum = 0;
      for (std::int64_t j = 0; j < columns_; j++) {
        const double difference = x[j] - coordinate(e, k, j);
        sum += difference * difference;
      }
      if (sum <= radii_[size(e * padded_ + k)]) return {isolations_[size(e * padded_ + k)], k};
      if (sum < least) least = sum, best.centre = k;
    }
    return best;
  }

  /// body(rows, first, count, estimator) for all estimators in order and blocks of rows that share one while
  /// it is in the cache. Tells progress every few milliseconds.
  template <class Body>
  void visit(plugin::call& call, const plugin::rows& X, Body body) const {
    std::vector<double> scratch;
    std::int64_t work = 0;
    const std::int64_t cost = padded_ * columns_;
    const std::int64_t block =
        std::clamp<std::int64_t>(kWorkBetweenWords / std::max<std::int64_t>(1, cost), 1, 64);
    for (std::int64_t first = 0; first < X.count(); first += block) {
      const std::int64_t count = std::min(block, X.count() - first);
      const double* values = X.view(first, count, scratch);
      for (std::int64_t e = 0; e < estimators_; e++) {
        body(values, first, count, e);
        work += count * cost;
        if (work < kWorkBetweenWords) continue;
        work = 0;
        call.progress(static_cast<double>(first) / static_cast<double>(X.count()));
      }
    }
    call.progress(1);
  }

  std::int64_t estimators_ = 0, samples_ = 8, columns_ = 0, seed_ = 0, padded_ = 0;
  double share_ = 0;
  std::vector<double> coordinates_;  // estimator, eight centres, feature, centre of the eight
  std::vector<double> radii_;        // squared; estimator, centre
  std::vector<double> isolations_;
};

}  // namespace

constexpr plugin::about about{"inne", "1.0.0", "Isolation by nearest-neighbour ensembles.",
                              "The Pynomaly authors", "Apache-2.0"};
PYNOMALY_PLUGIN(about, Inne)
