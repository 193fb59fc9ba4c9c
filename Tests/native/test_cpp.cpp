// The C++ face: every method, what it throws, and exceptions in callbacks.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <pynomaly.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <type_traits>

using pynomaly::Detector;
using pynomaly::layout;
using pynomaly::matrix_view;

static_assert(!std::is_copy_constructible_v<Detector> && !std::is_copy_assignable_v<Detector>);
static_assert(std::is_nothrow_move_constructible_v<Detector> && std::is_nothrow_move_assignable_v<Detector>);
static_assert(std::is_base_of_v<std::runtime_error, pynomaly::error>);
static_assert(!std::is_convertible_v<std::vector<double>, matrix_view>, "a vector has no columns");

namespace {

constexpr std::int64_t row_count = 200, column_count = 2;

std::vector<double> make_values() {
  std::vector<double> values;
  for (int r = 0; r < row_count; ++r) {
    const bool outlier = r % 50 == 49;
    values.push_back(outlier ? 9.0 + r : std::sin(r));
    values.push_back(outlier ? -7.0 - r : std::cos(3.0 * r));
  }
  return values;
}

const std::vector<double> values = make_values();
const matrix_view rows(values, column_count);

Detector fitted() {
  Detector forest("IsolationForest");
  forest.set("n_estimators", 20).set("max_samples", 64).set("random_state", 7).fit(rows);
  return forest;
}

struct told_to_stop : std::exception {};

}  // namespace

TEST_CASE("a plugin's detector is one like any other") {
  CHECK_THROWS_AS(pynomaly::load_plugin("/no/such/plugin.so"), pynomaly::io_error);
  CHECK_THROWS_AS(pynomaly::load_plugin(NO_PLUGIN), pynomaly::plugin_error);
  CHECK(pynomaly::plugins().empty());
  const auto plugin = pynomaly::load_plugin(PROBE_PLUGIN);
  CHECK(plugin.name == "probe");
  CHECK(plugin.author == "The testers");
  CHECK(plugin.detectors == std::vector<std::string>{"Probe", "LonelyProbe"});
  CHECK(pynomaly::plugins().at(0).path == plugin.path);
  CHECK(pynomaly::describe("Probe").plugin == "probe");
  CHECK(pynomaly::describe("Probe").version == "1.0.0");
  CHECK(pynomaly::describe("IsolationForest").plugin.empty());

  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  pynomaly::Detector probe("Probe");
  probe.partial_fit(pynomaly::matrix_view(x, 1)).partial_fit(pynomaly::matrix_view(x, 1));
  CHECK(probe.fitted("rows_seen") == 12);
  CHECK(probe.score(pynomaly::matrix_view(x, 1)) == x);
  pynomaly::call_options options;
  options.labels = {0, 0, 0, 0, 0, 1};
  pynomaly::Detector lonely("LonelyProbe");
  CHECK_THROWS_AS(lonely.fit(pynomaly::matrix_view(x, 1)), pynomaly::argument_error);
  lonely.fit(pynomaly::matrix_view(x, 1), options);
  CHECK(lonely.fitted("rows_seen") == 1006);
}

TEST_CASE("detectors and options are described") {
  CHECK(pynomaly::version() == PYN_VERSION_STRING);
  CHECK(!pynomaly::kernels_name().empty());
  const auto names = pynomaly::detector_names();
  REQUIRE(std::find(names.begin(), names.end(), "IsolationForest") != names.end());
  const auto info = pynomaly::describe("IsolationForest");
  CHECK(info.name == "IsolationForest");
  CHECK((info.capabilities & PYN_CAPABILITY_EXPLAIN) != 0);
  bool seen = false;
  for (const auto& option : info.options) {
    CHECK(!option.allowed.empty());
    if (option.name != "max_samples") continue;
    seen = true;
    CHECK(option.types == (PYN_OPTION_INT | PYN_OPTION_DOUBLE | PYN_OPTION_STRING));
    CHECK(std::get<std::string>(option.default_value) == "auto");
    CHECK(option.choices == std::vector<std::string>{"auto"});
    CHECK(option.double_minimum_exclusive);
  }
  CHECK(seen);
  CHECK_THROWS_AS(pynomaly::describe("Oracle"), pynomaly::argument_error);
}

TEST_CASE("options of every type") {
  Detector d("IsolationForest");
  d.set("n_estimators", 17).set("n_estimators", 18L).set("n_estimators", 19u).set("n_estimators", std::uint64_t{20});
  CHECK(std::get<std::int64_t>(d.option("n_estimators")) == 20);
  d.set("max_samples", 0.5f);
  CHECK(std::get<double>(d.option("max_samples")) == 0.5);
  d.set("max_samples", "auto");
  CHECK(std::get<std::string>(d.option("max_samples")) == "auto");
  d.set("max_samples", 0.25).set("max_samples", std::string("auto")).set("bootstrap", true);
  CHECK(std::get<bool>(d.option("bootstrap")));
  d.set_text("n_estimators", "33").set("max_samples", pynomaly::option_value(0.75));
  CHECK(std::get<std::int64_t>(d.option("n_estimators")) == 33);
  CHECK(std::get<double>(d.option("max_samples")) == 0.75);
  CHECK_THROWS_AS(d.set("n_estimators", 0), pynomaly::option_error);
  CHECK_THROWS_AS(d.set("n_estimators", ~std::uint64_t{0}), pynomaly::option_error);
  CHECK_THROWS_AS(d.set("trees", 10), pynomaly::option_error);
  CHECK_THROWS_AS(d.option("trees"), pynomaly::option_error);
}

TEST_CASE("scores, labels, explanations") {
  const Detector forest = fitted();
  const auto scores = forest.score(rows);
  const auto labels = forest.predict(rows);
  const auto shares = forest.explain(rows);
  REQUIRE(scores.size() == row_count);
  REQUIRE(labels.size() == row_count);
  REQUIRE(shares.size() == row_count * column_count);
  std::vector<std::int32_t> truth;
  for (std::size_t r = 0; r < row_count; ++r) {
    CHECK(labels[r] == (scores[r] > forest.threshold() ? 1 : 0));
    CHECK(shares[2 * r] + shares[2 * r + 1] == doctest::Approx(scores[r]).epsilon(1e-12));
    truth.push_back(r % 50 == 49);
  }
  CHECK(pynomaly::roc_auc(scores, truth) > 0.999);
  CHECK(pynomaly::average_precision(scores, truth) > 0.999);
  CHECK_THROWS_AS(pynomaly::roc_auc(scores, {0, 1}), std::invalid_argument);

  std::vector<double> buffer(row_count + 1, 42);
  forest.score(rows, buffer.data(), buffer.size());
  CHECK(buffer.back() == 42);
  buffer.pop_back();
  CHECK(buffer == scores);
  CHECK_THROWS_AS(forest.score(rows, buffer.data(), 1), pynomaly::data_error);
  CHECK(forest.score(matrix_view(values.data(), 0, column_count)).empty());
}

TEST_CASE("what a model knows") {
  Detector forest("IsolationForest");
  CHECK(!forest.is_fitted());
  CHECK_THROWS_AS(forest.score(rows), pynomaly::not_fitted_error);
  CHECK_THROWS_AS(forest.threshold(), pynomaly::not_fitted_error);
  forest = fitted();
  CHECK(forest.is_fitted());
  CHECK(forest.name() == "IsolationForest");
  CHECK(forest.feature_count() == column_count);
  CHECK_THROWS_AS(forest.training_scores(), pynomaly::not_supported_error);
  Detector knn("KNN");
  CHECK_THROWS_AS(knn.training_scores(), pynomaly::not_fitted_error);
  knn.fit(rows);
  CHECK(knn.training_scores() == knn.score(rows));
  CHECK(forest.fitted("max_samples") == 64);
  CHECK(forest.feature_names().empty());
  forest.set_feature_names({"x", "y"});
  CHECK(forest.feature_names() == std::vector<std::string>{"x", "y"});
  forest.set_threshold(0.75);
  CHECK(forest.threshold() == 0.75);
  CHECK_THROWS_AS(forest.fitted("depth"), pynomaly::argument_error);
}

TEST_CASE("errors carry status, row and column") {
  std::vector<double> broken = values;
  broken[7] = std::nan("");
  Detector forest = fitted();
  try {
    forest.fit(matrix_view(broken, column_count));
    FAIL("no exception");
  } catch (const pynomaly::error& e) {
    CHECK(e.status() == PYN_ERROR_INVALID_DATA);
    CHECK(std::string(e.status_name()) == "PYN_ERROR_INVALID_DATA");
    CHECK(e.row() == 3);
    CHECK(e.column() == 1);
    CHECK(std::string(e.what()).find("3") != std::string::npos);
  }
  CHECK_THROWS_AS(matrix_view(values, 3), std::invalid_argument);
  CHECK_THROWS_AS(matrix_view(values, 0), std::invalid_argument);
  CHECK_THROWS_AS(Detector("Oracle"), pynomaly::argument_error);
}

TEST_CASE("moved-from detectors refuse") {
  Detector a = fitted();
  const auto scores = a.score(rows);
  Detector b = std::move(a);
  CHECK(b.score(rows) == scores);
  CHECK_THROWS_AS(a.score(rows), pynomaly::argument_error);  // NOLINT: that is the point
  CHECK(a.name().empty());
  CHECK(!a.is_fitted());
  a = std::move(b);
  CHECK(a.score(rows) == scores);
  Detector c(a.release());
  CHECK(c.score(rows) == scores);
}

TEST_CASE("views in any order") {
  const Detector forest = fitted();
  const auto scores = forest.score(rows);
  std::vector<double> columns;
  std::vector<float> floats;
  for (std::size_t c = 0; c < column_count; ++c)
    for (std::size_t r = 0; r < row_count; ++r) columns.push_back(values[r * column_count + c]);
  CHECK(forest.score({columns.data(), row_count, column_count, layout::column_major}) == scores);
  CHECK(forest.score({values.data(), row_count, column_count}) == scores);
  CHECK(forest.score({columns.data(), row_count, column_count, 1, row_count}) == scores);
  const std::vector<double> backwards(scores.rbegin(), scores.rend());
  const auto* last = values.data() + (row_count - 1) * column_count;
  CHECK(forest.score({last, row_count, column_count, -column_count, 1}) == backwards);
  CHECK_THROWS_AS(forest.score({values.data(), row_count, column_count,
                                std::numeric_limits<std::int64_t>::max(), 1}),
                  pynomaly::data_error);
}

TEST_CASE("progress, cancelling, exceptions in callbacks") {
  Detector forest = fitted();
  const auto scores = forest.score(rows);
  double last = -1;
  forest.fit(rows, [&](double done, const char* stage) {
    last = done;
    return std::string(stage) == "fit";
  });
  CHECK(last == 1);
  CHECK_THROWS_AS(forest.fit(rows, [](double, const char*) { return false; }), pynomaly::cancelled_error);
  CHECK_THROWS_AS(forest.fit(rows, [](double, const char*) -> bool { throw told_to_stop(); }), told_to_stop);
  CHECK_THROWS_AS(forest.score(rows, [](double, const char*) -> bool { throw 42; }), int);
  CHECK(forest.score(rows) == scores);

  pynomaly::call_options options;
  options.threads = 2;
  options.sample_weight.assign(row_count, 1.0);
  forest.fit(rows, options);
  options.sample_weight.pop_back();
  CHECK_THROWS_AS(forest.fit(rows, options), pynomaly::data_error);
}

TEST_CASE("model files") {
  const Detector forest = fitted();
  const auto scores = forest.score(rows);
  const auto bytes = forest.save();
  CHECK(Detector::load(bytes).score(rows) == scores);
  std::stringstream stream;
  forest.save(stream);
  CHECK(stream.str().size() == bytes.size());
  CHECK(Detector::load(stream).score(rows) == scores);
  const std::string path = "test_cpp.pyn";
  forest.save(path);
  CHECK(Detector::load(path).score(rows) == scores);
  std::remove(path.c_str());

  CHECK_THROWS_AS(Detector::load("no such file"), pynomaly::io_error);
  CHECK_THROWS_AS(forest.save("no such folder/model"), pynomaly::io_error);
  CHECK_THROWS_AS(Detector::load(bytes.data(), bytes.size() / 2), pynomaly::model_error);
  std::ifstream closed("no such file");
  CHECK_THROWS_AS(Detector::load(closed), pynomaly::io_error);
  std::ofstream full("/dev/full", std::ios::binary | std::ios::out);
  full.rdbuf()->pubsetbuf(nullptr, 0);
  CHECK_THROWS_AS(forest.save(full), pynomaly::io_error);
  std::ofstream strict("/dev/full", std::ios::binary);
  strict.exceptions(std::ios::badbit | std::ios::failbit);
  try {
    forest.save(strict);
    strict.flush();
    FAIL("no exception");
  } catch (const std::ios_base::failure&) {
    strict.exceptions(std::ios::goodbit);
  }
}

TEST_CASE("thresholds and probabilities") {
  Detector forest = fitted();
  const auto scores = forest.score(rows);
  const auto by_default = pynomaly::find_threshold(scores);
  CHECK(by_default.value == pynomaly::find_threshold(scores, "pot:1e-3").value);
  CHECK(by_default.peak_count > 0);
  const auto tenth = pynomaly::find_threshold(scores, pynomaly::threshold_rule(PYN_THRESHOLD_PERCENTILE, 90));
  CHECK(tenth.exceeding > 10);
  CHECK(tenth.exceeding <= 20);
  const double fence = forest.set_threshold("iqr", scores).value;
  CHECK(forest.threshold() == fence);
  CHECK_THROWS_AS(forest.set_threshold("iqr"), pynomaly::not_supported_error);
  CHECK_THROWS_AS(pynomaly::find_threshold({}), pynomaly::data_error);
  CHECK_THROWS_AS(pynomaly::find_threshold(scores, "median"), pynomaly::argument_error);
  Detector neighbours("KNN");
  neighbours.fit(rows);
  CHECK(neighbours.set_threshold("mad").count == row_count);

  CHECK_THROWS_AS(forest.predict_probability(rows), pynomaly::not_fitted_error);
  const pynomaly::Calibration gaussian(PYN_CALIBRATION_GAUSSIAN, scores);
  CHECK(gaussian.info().method == PYN_CALIBRATION_GAUSSIAN);
  CHECK(gaussian.info().scale > 0);
  forest.set_calibration(gaussian);
  CHECK(forest.predict_probability(rows) == gaussian.apply(scores));
  CHECK(gaussian.apply({}).empty());
  forest.set_calibration(nullptr);
  CHECK_THROWS_AS(forest.predict_probability(rows), pynomaly::not_fitted_error);
  CHECK_THROWS_AS(pynomaly::Calibration(PYN_CALIBRATION_LOGISTIC, scores), pynomaly::argument_error);
  CHECK_THROWS_AS(pynomaly::Calibration(PYN_CALIBRATION_LOGISTIC, scores, {0, 1}), std::invalid_argument);
  CHECK_THROWS_AS(pynomaly::Calibration(PYN_CALIBRATION_TAIL, {}), pynomaly::data_error);
}

TEST_CASE("drift") {
  pynomaly::drift_options options;
  options.window = 100;
  pynomaly::DriftDetector drift(rows, options);
  CHECK_FALSE(drift.update(rows));
  CHECK(drift.report().looks == 2);
  std::vector<double> moved = values;
  for (double& value : moved) value += 1;
  CHECK(drift.update(matrix_view(moved, column_count)));
  CHECK(drift.features().size() == 2);
  CHECK(drift.features().at(0).drifted == 1);
  CHECK(pynomaly::DriftDetector::load(drift.save()).save() == drift.save());
  CHECK_THROWS_AS(pynomaly::DriftDetector::load({}), pynomaly::model_error);
  CHECK_THROWS_AS(drift.update(rows, {1, 2}), pynomaly::argument_error);
  CHECK_THROWS_AS(drift.update(rows, {}, [](double, const char*) -> bool { throw told_to_stop(); }), told_to_stop);
  options.window = 1;
  CHECK_THROWS_AS(pynomaly::DriftDetector(rows, options), pynomaly::argument_error);
  CHECK(pynomaly::kolmogorov_smirnov({1, 2}, {3, 4}).first == 1);
  CHECK_THROWS_AS(pynomaly::kolmogorov_smirnov({}, {3, 4}), pynomaly::data_error);
}

TEST_CASE("the thread limit") {
  const auto before = pynomaly::thread_limit();
  pynomaly::set_thread_limit(3);
  CHECK(pynomaly::thread_limit() == 3);
  pynomaly::set_thread_limit(0);
  CHECK(pynomaly::thread_limit() == before);
}

TEST_CASE("selection") {
  pynomaly::selection_request request(5000, 10);
  request.machine_speed = 1;
  const auto ranked = pynomaly::select_detector(request);
  CHECK(ranked.size() == pynomaly::detector_names().size());
  CHECK(ranked[0].fits);
  CHECK(ranked[0].fit_seconds > 0);
  CHECK(!ranked[0].reason.empty());
  request.policy = PYN_POLICY_GUIDE;
  CHECK(pynomaly::select_detector(request)[0].detector == "EllipticEnvelope");
  request.rows = 0;
  CHECK_THROWS_AS(pynomaly::select_detector(request), pynomaly::argument_error);
}

TEST_CASE("tuning") {
  Detector base("IsolationForest");
  base.set("random_state", 5);
  pynomaly::Tuning tuning(base);
  tuning.add("n_estimators", std::int64_t{3}).add("max_features", 1.0).add("bootstrap", true)
      .add("missing_values", std::string("error")).add_text("n_estimators", "30");
  CHECK(tuning.options().size() == 4);
  CHECK(tuning.best() == -1);
  pynomaly::tuning_plan plan;
  plan.folds = 4;
  double last = -1;
  tuning.run(rows, plan, [&](double done, const char*) { return (last = done) >= 0; });
  CHECK(last == 1);
  CHECK(tuning.size() == 2);
  CHECK(tuning.criterion() == PYN_CRITERION_STABILITY);
  CHECK(tuning.best() == 1);
  const auto result = tuning.result(1);
  CHECK(result.rank == 1);
  CHECK(result.folds.size() == 4);
  CHECK(result.message.empty());
  Detector best = tuning.detector(tuning.best());
  CHECK(std::get<std::int64_t>(best.option("n_estimators")) == 30);
  CHECK(std::get<std::int64_t>(best.option("random_state")) == 5);
  CHECK(tuning.is_judged(0));
  CHECK(!pynomaly::Tuning(base).add_text("contamination", "0.2").is_judged(0));
  CHECK(std::get<std::int64_t>(tuning.detector(-1).option("n_estimators")) == 30);
  pynomaly::Tuning members(Detector("Ensemble"));
  members.add("detectors", std::string("[HBOS, MAD]")).add("weights", std::string("[1, 2]"));
  members.add("combination", std::string("weighted"));
  CHECK(members.run(rows).size() == 1);
  CHECK_THROWS_AS(tuning.run(rows, plan, [](double, const char*) -> bool { throw told_to_stop(); }), told_to_stop);
  CHECK_THROWS_AS(tuning.add("n_estimators", std::int64_t{3}), pynomaly::option_error);
  CHECK_THROWS_AS(tuning.result(2), pynomaly::argument_error);
  CHECK(pynomaly::Tuning(base).add_defaults().run(rows).size() == 27);
}
