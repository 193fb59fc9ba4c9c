#define EIGEN_MPL2_ONLY
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_NO_DEBUG

#include "CLinearAlgebra.h"

#include <eigen3/Eigen/Cholesky>
#include <eigen3/Eigen/Eigenvalues>
#include <mutex>
#include <new>

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Square = Eigen::Map<RowMajor>;

// Blocks are cut by the size of the caches, and the order of sums with them: the same on every machine.
void fix_blocks() {
    static std::once_flag once;
    std::call_once(once, [] { Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 4 << 20); });
}

template <typename Body>
int32_t guarded(Body body) noexcept {
    try {
        fix_blocks();
        return body();
    } catch (...) {
        return CLA_OUT_OF_MEMORY;  // nothing else is thrown
    }
}

}  // namespace

extern "C" int32_t cla_cholesky(double *matrix, size_t n) {
    return guarded([&]() -> int32_t {
        Square a(matrix, n, n);
        Eigen::LLT<Eigen::Ref<RowMajor>> factor(a);
        return factor.info() == Eigen::Success ? CLA_OK : CLA_NOT_POSITIVE;
    });
}

extern "C" int32_t cla_invert_lower(double *matrix, size_t n) {
    return guarded([&]() -> int32_t {
        Square a(matrix, n, n);
        RowMajor inverse = RowMajor::Identity(n, n);
        a.triangularView<Eigen::Lower>().solveInPlace(inverse);
        a.triangularView<Eigen::Lower>() = inverse;
        return CLA_OK;
    });
}

extern "C" int32_t cla_symmetric_eigen(const double *matrix, size_t n, double *values,
                                       double *vectors) {
    return guarded([&]() -> int32_t {
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(
            Eigen::Map<const RowMajor>(matrix, n, n));
        if (solver.info() != Eigen::Success) return CLA_NO_CONVERGENCE;
        Eigen::Map<Eigen::VectorXd>(values, n) = solver.eigenvalues();
        Eigen::Map<Eigen::MatrixXd>(vectors, n, n) = solver.eigenvectors();
        return CLA_OK;
    });
}
