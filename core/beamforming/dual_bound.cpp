#include "beamforming/dual_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/constants.hpp"
#include "beamforming/dense.hpp"

namespace core {

namespace {

// Share of the uniform distribution in the start, and the least mu relative to the largest.
constexpr double UNIFORM_SHARE = 0.05;
constexpr double LEAST_MU = 1e-4;

// The start lies this far inside the cone, found to this relative width by at most so many halvings.
constexpr double START_MARGIN = 0.05;
constexpr double START_WIDTH = 0.02;
constexpr int START_HALVINGS = 40;

// The weight of the objective begins where the barrier's gap is this share of the value, and grows by this factor.
constexpr double FIRST_GAP = 0.2;
constexpr double WEIGHT_GROWTH = 8.0;

constexpr int OUTER_STEPS = 60;
constexpr int INNER_STEPS = 25;

// Newton decrements: full steps are safe below the first, centred below the second, longer ones tried above the third.
constexpr double FULL_STEP = 0.25;
constexpr double CENTRED = 0.3;
constexpr double TRY_LONGER = 1.0;

// Backtracking: so many trials, each so much shorter, that keep this share of every multiplier; then a little back.
constexpr int TRIALS = 30;
constexpr double SHORTER = 0.6;
constexpr double KEPT_SHARE = 0.05;
constexpr double STEP_BACK = 0.9;

double sum(Vector<const double> values) {
    double total = 0.0;
    for (Index i = 0; i < values.shape[0]; ++i) total += values(i);
    return total;
}

double largest(Vector<const double> values) {
    double most = values(0);
    for (Index i = 1; i < values.shape[0]; ++i) most = std::max(most, values(i));
    return most;
}

// matrix = diag(1/y) - sum_n A_n / (scale mu_n)
void fill_p(Cube<const Complex> gram, Vector<const double> y, Vector<const double> mu, double scale,
            Vector<double> inverse, Matrix<Complex> matrix) {
    const Index n_nodes = gram.shape[0], n_users = gram.shape[1];
    for (Index n = 0; n < n_nodes; ++n) inverse(n) = 1.0 / (scale * mu(n));
    for (Index u = 0; u < n_users; ++u) {
        for (Index v = 0; v <= u; ++v) {
            Complex value{0.0, 0.0};
            for (Index n = 0; n < n_nodes; ++n) value -= gram(n, u, v) * inverse(n);
            if (u == v) {
                matrix(u, u) = {1.0 / y(u) + value.re, 0.0};
            } else {
                matrix(u, v) = value;
                matrix(v, u) = conj(value);
            }
        }
    }
}

// The interior-point method at one point (y, mu).
struct Minimiser {
    Cube<const Complex> gram;
    Vector<const double> ranks;
    Vector<double> y, mu;
    Index n_nodes, n_users, size;
    OwnMatrix<Complex> matrix, lower, inverse;
    OwnCube<Complex> product;
    OwnVector<double> traces, y_inv2, mu_inv2, scratch;
    OwnMatrix<double> hessian, h_lower;
    OwnVector<double> step, normal, gradient, trial_y, trial_mu, best_y, best_mu;
    double weight = 0.0, best = std::numeric_limits<double>::infinity();

    Minimiser(Cube<const Complex> gram_, Vector<const double> ranks_, Vector<double> y_, Vector<double> mu_)
        : gram(gram_), ranks(ranks_), y(y_), mu(mu_), n_nodes(gram_.shape[0]), n_users(gram_.shape[1]),
          size(n_users + n_nodes), matrix(n_users, n_users), lower(n_users, n_users), inverse(n_users, n_users),
          product(n_nodes, n_users, n_users), traces(n_nodes), y_inv2(n_users), mu_inv2(n_nodes), scratch(n_nodes),
          hessian(size, size), h_lower(size, size), step(size), normal(size), gradient(size), trial_y(n_users),
          trial_mu(n_nodes), best_y(n_users), best_mu(n_nodes) {}

    void start();
    void scale_to_interior();
    bool inside(Vector<const double> some_y, Vector<const double> some_mu, double scale);
    void keep_if_better();
    void fill_products();
    void fill_users();
    void fill_nodes();
    double newton_direction();
    double step_length(double decrement);
    bool centre();
};

// Whether P is positive definite there; leaves its Cholesky factor.
bool Minimiser::inside(Vector<const double> some_y, Vector<const double> some_mu, double scale) {
    fill_p(gram, some_y, some_mu, scale, scratch, matrix);
    return cholesky<Complex>(matrix, lower);
}

// Scale mu so that P is positive definite with some room.
void Minimiser::scale_to_interior() {
    double bound = 0.0;  // Gershgorin bound on the largest eigenvalue of sqrt(Y) B sqrt(Y)
    for (Index u = 0; u < n_users; ++u) {
        double row = 0.0;
        for (Index v = 0; v < n_users; ++v) {
            Complex value{0.0, 0.0};
            for (Index n = 0; n < n_nodes; ++n) value += gram(n, u, v) * (1.0 / mu(n));
            row += magnitude(value) * std::sqrt(y(u) * y(v));
        }
        bound = std::max(bound, row);
    }
    double low = 0.0, high = bound * (1.0 + 1e-12) + 1e-300;
    for (int halving = 0; halving < START_HALVINGS && !(high - low <= START_WIDTH * high); ++halving) {
        const double middle = 0.5 * (low + high);
        (inside(y, mu, middle) ? high : low) = middle;
    }
    for (Index n = 0; n < n_nodes; ++n) mu(n) *= high * (1.0 + START_MARGIN);
}

void Minimiser::start() {
    const double total = sum(y);
    for (Index u = 0; u < n_users; ++u) y(u) = (1.0 - UNIFORM_SHARE) * y(u) / total + UNIFORM_SHARE / n_users;
    if (!(largest(mu) > 0.0)) mu.fill(1.0);  // a start that says nothing, as where no node of the beam at hand sends
    const double floor = largest(mu) * LEAST_MU;
    for (Index n = 0; n < n_nodes; ++n) mu(n) = std::max(mu(n), floor);
    scale_to_interior();
    best_y.copy_from(y);
    best_mu.copy_from(mu);
}

void Minimiser::keep_if_better() {
    const double bound = sum(mu) * (1.0 + ROUNDING);
    if (bound < best) {
        best = bound;
        best_y.copy_from(y);
        best_mu.copy_from(mu);
    }
}

// P^-1, P^-1 A_n and their traces.
void Minimiser::fill_products() {
    invert_cholesky(lower, inverse);
    for (Index n = 0; n < n_nodes; ++n) {
        double trace = 0.0;
        for (Index u = 0; u < n_users; ++u) {
            for (Index v = 0; v < n_users; ++v) {
                Complex value{0.0, 0.0};
                for (Index k = 0; k < n_users; ++k) value += inverse(u, k) * gram(n, k, v);
                product(n, u, v) = value;
            }
            trace += product(n, u, u).re;
        }
        traces(n) = trace;
    }
}

// Gradient and Hessian in y of  weight sum mu - log det P - sum_u 2 log y_u - sum_n rank_n log mu_n.
void Minimiser::fill_users() {
    for (Index u = 0; u < n_users; ++u) {
        const double inv2 = 1.0 / (y(u) * y(u));
        y_inv2(u) = inv2;
        step(u) = -(inverse(u, u).re * inv2 - 2.0 / y(u));
        for (Index v = 0; v <= u; ++v) hessian(u, v) = squared_magnitude(inverse(u, v)) * inv2 * y_inv2(v);
        hessian(u, u) += -2.0 * inverse(u, u).re * inv2 / y(u) + 2.0 * inv2;
    }
}

// The same in mu, and what mixes y and mu.
void Minimiser::fill_nodes() {
    for (Index n = 0; n < n_nodes; ++n) {
        const Index row = n_users + n;
        const double inv2 = 1.0 / (mu(n) * mu(n));
        mu_inv2(n) = inv2;
        step(row) = -(weight - ranks(n) / mu(n) - traces(n) * inv2);
        for (Index u = 0; u < n_users; ++u) {
            double value = 0.0;
            for (Index k = 0; k < n_users; ++k) value += (product(n, u, k) * inverse(k, u)).re;
            hessian(row, u) = -value * inv2 * y_inv2(u);
        }
        for (Index other = 0; other <= n; ++other) {
            double value = 0.0;
            for (Index u = 0; u < n_users; ++u) {
                for (Index k = 0; k < n_users; ++k) value += (product(n, u, k) * product(other, k, u)).re;
            }
            hessian(row, n_users + other) = value * inv2 * mu_inv2(other);
        }
        hessian(row, row) += 2.0 * traces(n) * inv2 / mu(n) + ranks(n) * inv2;
    }
}

// Newton direction on the plane sum_u y_u = 1, and its decrement; negative if there is none.
double Minimiser::newton_direction() {
    fill_users();
    fill_nodes();
    for (Index i = 0; i < size; ++i) {
        for (Index j = 0; j < i; ++j) hessian(j, i) = hessian(i, j);
    }
    if (!cholesky<double>(hessian, h_lower)) return -1.0;
    for (Index i = 0; i < size; ++i) normal(i) = i < n_users ? 1.0 : 0.0;
    gradient.copy_from(step);
    solve_cholesky_pair<double>(h_lower, step, normal);
    double numerator = 0.0, denominator = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        numerator += step(u);
        denominator += normal(u);
    }
    const double shift = numerator / denominator;
    double decrement = 0.0;
    for (Index i = 0; i < size; ++i) {
        step(i) -= shift * normal(i);
        decrement += step(i) * gradient(i);
    }
    return std::sqrt(std::max(decrement, 0.0));
}

// The guaranteed length, or a longer one, shortened until it stays inside.
double Minimiser::step_length(double decrement) {
    if (!(decrement > TRY_LONGER)) return decrement < FULL_STEP ? 1.0 : 1.0 / (1.0 + decrement);
    double length = 1.0;
    for (int trial = 0; trial < TRIALS; ++trial) {
        bool within = true;
        for (Index u = 0; u < n_users; ++u) {
            trial_y(u) = y(u) + length * step(u);
            within = within && trial_y(u) > KEPT_SHARE * y(u);
        }
        for (Index n = 0; n < n_nodes; ++n) {
            trial_mu(n) = mu(n) + length * step(n_users + n);
            within = within && trial_mu(n) > KEPT_SHARE * mu(n);
        }
        if (within && inside(trial_y, trial_mu, 1.0)) break;
        length *= SHORTER;
    }
    return length < 1.0 ? length * STEP_BACK : length;
}

// One Newton step at the present weight; whether another one is needed.
bool Minimiser::centre() {
    if (!inside(y, mu, 1.0)) return false;
    keep_if_better();
    fill_products();
    const double decrement = newton_direction();
    if (decrement < 0.0) return false;
    const double length = step_length(decrement);
    for (Index u = 0; u < n_users; ++u) y(u) += length * step(u);
    for (Index n = 0; n < n_nodes; ++n) mu(n) += length * step(n_users + n);
    return !(decrement < CENTRED);
}

}  // namespace

double minimise_bound(Cube<const Complex> gram, Vector<const double> ranks, Vector<double> y, Vector<double> mu,
                      Matrix<Complex> factor, double tolerance, double goal) {
    Minimiser state(gram, ranks, y, mu);
    state.start();
    // degree of the barrier: gap = degree / weight at a centred point
    double degree = 1.0 * state.n_users;
    for (Index n = 0; n < state.n_nodes; ++n) degree += ranks(n);
    state.weight = degree / (FIRST_GAP * sum(mu));
    for (int outer = 0; outer < OUTER_STEPS; ++outer) {
        for (int inner = 0; inner < INNER_STEPS; ++inner) {
            if (!state.centre()) break;
        }
        if (state.best <= goal || degree / state.weight <= tolerance * sum(mu)) break;
        state.weight *= WEIGHT_GROWTH;
    }
    // the last point if it is inside and better, else the best one
    fill_p(gram, y, mu, 1.0, state.scratch, state.matrix);
    if (sum(mu) * (1.0 + ROUNDING) < state.best && cholesky<Complex>(state.matrix, state.lower)) {
        state.best = sum(mu) * (1.0 + ROUNDING);
    } else {
        y.copy_from(state.best_y);
        mu.copy_from(state.best_mu);
        state.inside(y, mu, 1.0);
    }
    invert_cholesky(state.lower, state.inverse);
    cholesky<Complex>(state.inverse, factor);
    return state.best;
}

}  // namespace core
