#include "beamforming/subset_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/constants.hpp"
#include "beamforming/dense.hpp"
#include "beamforming/lone_user.hpp"
#include "beamforming/qos_floors.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Steps of the power method between two attempts to prove its estimate with ever more margin, and when they end early.
constexpr int POWER_STEPS = 30;
constexpr double POWER_GAIN = 1e-7;

// The first margin, and its growth from attempt to attempt.
constexpr double FIRST_MARGIN = 1e-6;
constexpr double MARGIN_GROWTH = 4.0;

bool holds(std::int64_t mask, Index node) { return (mask >> node) & 1; }

// Some steps of the power method from ``vector``; the new estimate of the largest eigenvalue.
double power_steps(Matrix<const Complex> matrix, Vector<Complex> vector, Vector<Complex> image, double estimate) {
    const Index size = matrix.shape[0];
    for (int step = 0; step < POWER_STEPS; ++step) {
        double norm = 0.0, length = 0.0;
        for (Index u = 0; u < size; ++u) {
            Complex value{0.0, 0.0};
            for (Index v = 0; v < size; ++v) value += matrix(u, v) * vector(v);
            image(u) = value;
            norm += squared_magnitude(value);
            length += squared_magnitude(vector(u));
        }
        const double before = estimate;
        estimate = std::sqrt(norm / length);
        for (Index u = 0; u < size; ++u) vector(u) = image(u) / std::sqrt(norm);
        if (estimate <= before * (1.0 + POWER_GAIN)) break;
    }
    return estimate;
}

// Proved upper bound near the largest eigenvalue of a positive semidefinite matrix; at most ``ceiling``.
double largest_eigenvalue(Matrix<const Complex> matrix, double ceiling) {
    const Index size = matrix.shape[0];
    if (size == 1) return std::min(ceiling, matrix(0, 0).re);
    // start: the column with the largest diagonal entry
    OwnVector<Complex> vector(size), image(size);
    double largest = 0.0;
    for (Index u = 0; u < size; ++u) {
        if (matrix(u, u).re >= largest) {
            largest = matrix(u, u).re;
            for (Index v = 0; v < size; ++v) vector(v) = matrix(v, u);
        }
    }
    if (largest <= 0.0) return std::min(ceiling, 1e-300);
    // proved once candidate I - matrix has a Cholesky factor
    OwnMatrix<Complex> lower(size, size), trial(size, size);
    double estimate = 0.0, excess = FIRST_MARGIN;
    while (true) {
        estimate = power_steps(matrix, vector, image, estimate);
        const double candidate = estimate * (1.0 + excess);
        if (!(candidate < ceiling)) return ceiling;
        for (Index u = 0; u < size; ++u) {
            for (Index v = 0; v < size; ++v) trial(u, v) = -matrix(u, v);
            trial(u, u).re += candidate;
        }
        if (cholesky<Complex>(trial, lower)) return candidate;
        excess *= MARGIN_GROWTH;
    }
}

}  // namespace

double lone_users_bound(Cube<const Complex> gram, Matrix<const double> radius2, bool balls,
                        Vector<const double> floors, std::int64_t mask) {
    const Index n_nodes = radius2.shape[0];
    OwnCube<Complex> diagonal(n_nodes, 1, 1);
    OwnMatrix<double> radii(n_nodes, 1);
    OwnVector<double> share(n_nodes);
    double least = INFINITE;
    for (Index u = 0; u < radius2.shape[1]; ++u) {
        Index size = 0;
        for (Index n = 0; n < n_nodes; ++n) {
            if (!holds(mask, n)) continue;
            diagonal(size, 0, 0) = gram(n, u, u);
            radii(size, 0) = radius2(n, u);
            ++size;
        }
        const double bound = lone_user(diagonal.first(size), radii.first(size), balls, 0, share.first(size)).bound;
        if (bound < floors(u) || bound <= 0.0) return -1.0;
        least = std::min(least, bound * bound);
    }
    return least;
}

double inherited_bound(Cube<const Complex> parts, Vector<const double> y, Vector<const double> mu,
                       Vector<const double> floors, std::int64_t mask, double known) {
    const Index n_users = y.shape[0];
    OwnMatrix<Complex> matrix(n_users, n_users);
    // sum_{n in S} parts_n and sum_{n in S} mu_n
    double total = 0.0;
    for (Index n = 0; n < mu.shape[0]; ++n) {
        if (!holds(mask, n)) continue;
        total += mu(n);
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < n_users; ++v) matrix(u, v) += parts(n, u, v);
        }
    }
    double weight = 0.0, highest = floors(0), trace = 0.0, square = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        weight += y(u);
        highest = std::max(highest, floors(u));
        trace += matrix(u, u).re;
        for (Index v = 0; v < n_users; ++v) square += squared_magnitude(matrix(u, v));
    }
    // square / trace <= largest eigenvalue
    if (total * square > weight * std::max(known, highest * highest) * trace) return INFINITE;
    total *= largest_eigenvalue(matrix, 1.0) * (1.0 + ROUNDING);
    if (total >= weight * highest * highest) return total / weight;
    const auto ones = OwnVector<double>::filled({n_users}, 1.0);
    return level_bound(y, ones, floors, total);
}

}  // namespace core
