// Eigen matrices, and matrix classes of the host's own, passed as they are; Arrow streams from C++.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <Eigen/Core>
#include <doctest/doctest.h>
#include <pynomaly.hpp>

#include <cmath>

#include "support/arrow.h"

using pynomaly::Detector;

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A class as a host may have it: no strides, sizes of another type, column-major by its own word.
struct ColumnTable {
  static constexpr bool IsRowMajor = false;
  std::vector<double> cells;
  std::size_t row_total, column_total;
  const double* data() const { return cells.data(); }
  std::size_t rows() const { return row_total; }
  std::size_t cols() const { return column_total; }
};
/// And one that says nothing at all of its order: row-major.
struct PlainTable {
  std::vector<float> cells;
  float* data() const { return const_cast<float*>(cells.data()); }
  int rows() const { return static_cast<int>(cells.size() / 3); }
  int cols() const { return 3; }
};

RowMajor make() {
  RowMajor m(100, 3);
  for (int r = 0; r < m.rows(); ++r)
    for (int c = 0; c < m.cols(); ++c)
      m(r, c) = static_cast<float>(r % 25 == 24 ? 10 + r + c : std::sin(r * 3 + c));
  return m;
}

}  // namespace

TEST_CASE("every Eigen type is a view") {
  const RowMajor m = make();
  Detector forest("IsolationForest");
  const auto scores = forest.set("n_estimators", 20).fit(m).score(m);
  const Eigen::MatrixXd column_major = m;
  CHECK(forest.score(column_major) == scores);
  const Eigen::MatrixXf floats = m.cast<float>();
  CHECK(forest.score(floats) == scores);
  CHECK(forest.score(Eigen::Map<const RowMajor>(m.data(), m.rows(), m.cols())) == scores);
  CHECK(forest.score(column_major.array().matrix()) == scores);
  const Eigen::Matrix<double, 100, 3> fixed = m;
  CHECK(forest.score(fixed) == scores);

  RowMajor wide(100, 9);
  wide.setConstant(-1e9);
  wide.middleCols(4, 3) = m;
  CHECK(forest.score(wide.middleCols(4, 3)) == scores);
  using Strided = Eigen::Map<const RowMajor, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  Eigen::MatrixXd spread(100, 6);
  for (int c = 0; c < 3; ++c) spread.col(2 * c) = m.col(c);
  CHECK(forest.score(Strided(spread.data(), 100, 3, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(1, 200))) == scores);

  const Eigen::MatrixXd transposed = m.transpose();
  CHECK(forest.score(transposed.transpose()) == scores);
  CHECK(forest.score(m.row(3)).front() == scores[3]);
  CHECK(forest.score(m.block(10, 0, 5, 3)) == std::vector<double>(scores.begin() + 10, scores.begin() + 15));
  CHECK(Detector("IsolationForest").set("n_estimators", 20).fit(column_major).score(m) == scores);
}

TEST_CASE("matrix classes of the host's own") {
  const RowMajor m = make();
  Detector forest("IsolationForest");
  const auto scores = forest.set("n_estimators", 20).fit(m).score(m);
  ColumnTable columns{{}, 100, 3};
  PlainTable plain;
  for (int c = 0; c < 3; ++c)
    for (int r = 0; r < 100; ++r) columns.cells.push_back(m(r, c));
  for (int i = 0; i < 300; ++i) plain.cells.push_back(static_cast<float>(m.data()[i]));
  CHECK(forest.score(columns) == scores);
  CHECK(forest.score(plain) == scores);
}

TEST_CASE("Arrow streams") {
  constexpr int count = 60;
  std::vector<std::int32_t> integers;
  std::vector<double> doubles, cells;
  for (int r = 0; r < count; ++r) {
    integers.push_back(r % 7);
    doubles.push_back(r % 30 == 29 ? 50 : std::cos(r));
    cells.insert(cells.end(), {double(integers.back()), doubles.back()});
  }
  table t = TABLE_INIT;
  t.integers = integers.data();
  t.doubles = doubles.data();
  t.rows = count;
  t.batch = 25;
  ArrowArrayStream stream;
  Detector forest("IsolationForest");
  open_table(&t, &stream);
  forest.fit(stream);
  CHECK(all_released(&t));
  CHECK(forest.feature_names() == std::vector<std::string>{"count", "value"});

  std::vector<double> scores;
  open_table(&t, &stream);
  forest.score(stream, [&](const double* batch, std::int64_t first, std::int64_t n) {
    CHECK(first == static_cast<std::int64_t>(scores.size()));
    scores.insert(scores.end(), batch, batch + n);
    return true;
  });
  CHECK(scores == forest.score(pynomaly::matrix_view(cells, 2)));
  open_table(&t, &stream);
  CHECK_THROWS_AS(forest.score(stream, [](const double*, std::int64_t, std::int64_t) { return false; }),
                  pynomaly::cancelled_error);
  open_table(&t, &stream);
  CHECK_THROWS_AS(
      forest.score(stream, [](const double*, std::int64_t, std::int64_t) -> bool { throw "stop"; }),
      const char*);
  CHECK(all_released(&t));
  t.fail_at = 1;
  open_table(&t, &stream);
  CHECK_THROWS_WITH_AS(forest.fit(stream), doctest::Contains("the tape is torn"), pynomaly::io_error);
}
