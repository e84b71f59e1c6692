#include "beamforming/relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/constants.hpp"
#include "beamforming/dense.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

constexpr int NEWTON_STEPS = 60;

// Angle in rad by which every arc is widened where a bound is taken: far more than rounding in its ends.
constexpr double ANGLE_ROUNDING = 1e-11;

// Relative rounding of the prices' part of the bound.
constexpr double RENT_ROUNDING = 1e-12;

// The barrier begins at this share of the value, per variable, which is at least this.
constexpr double FIRST_BARRIER = 0.3;
constexpr double LEAST_VALUE = 1e-9;

// The barrier falls by the first factor where a step was all but exact, else by the second; only after long steps and
// decrements below so many barriers per variable.
constexpr double FAST_FALL = 0.2;
constexpr double SLOW_FALL = 0.5;
constexpr double LONG_STEP = 0.2;
constexpr double SMALL_DECREMENT = 4.0;

// A step goes at most this far to the border.
constexpr double TO_THE_BORDER = 0.9;

// What keeps the Newton matrix positive definite, relative to its diagonal and to the value.
constexpr double RELATIVE_DIAGONAL = 1e-12;
constexpr double DIAGONAL = 1e-14;

// The barrier problem in the 3 m variables (Re x_u, Im x_u, a_u).
struct Barrier {
    const ArcProblem& problem;
    Vector<Complex> x;
    Vector<double> a;
    Index n_nodes, n_users, size;
    OwnMatrix<Complex> projected, weighted, edge;
    OwnVector<double> norms, q, safe, step, normal, gradient;
    OwnMatrix<double> hessian, lower, slack;
    double barrier = 0.0;

    Barrier(const ArcProblem& problem_, Vector<Complex> x_, Vector<double> a_);
    double value();
    void fill_smooth_part(Vector<Complex> signal);
    void fill_user(Index u);
    bool direction(double value);
    double decrement() const;
    double longest_step() const;
};

Barrier::Barrier(const ArcProblem& problem_, Vector<Complex> x_, Vector<double> a_)
    : problem(problem_), x(x_), a(a_), n_nodes(problem_.gram.shape[0]), n_users(problem_.gram.shape[1]),
      size(3 * n_users), projected(n_nodes, n_users), weighted(n_users, n_users), edge(2, n_users), norms(n_nodes),
      q(n_users), safe(n_users), step(size), normal(size), gradient(size), hessian(size, size), lower(size, size),
      slack(2, n_users) {
    for (Index u = 0; u < n_users; ++u) {
        edge(0, u) = unit(problem.low(u));
        edge(1, u) = unit(problem.high(u));
        for (Index n = 0; n < n_nodes; ++n) q(u) += problem.price(n, u);
    }
}

// B at (x, a) up to the scale of a, all rounding upwards: sum_n max(0, ||G_n x|| - sum_u a_u t_{n,u}) / sum(a).
//
// ``safe`` receives what is left of a when every arc is widened by ANGLE_ROUNDING, so that (x, safe) is feasible whatever
// rounding did to the ends of the arcs. The square of ||G_n x|| errs by at most ``rounding`` times
// (sum_u |x_u| ||g_{n,u}||)^2, the prices t by a few units in the last place. Infinite where nothing is left of a.
double Barrier::value() {
    double total = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        const double length = std::sqrt(squared_magnitude(x(u)));
        safe(u) = a(u);
        for (Index side = 0; side < 2; ++side) {
            const double room = x(u).re * edge(side, u).re + x(u).im * edge(side, u).im;
            safe(u) = std::min(safe(u), room - ANGLE_ROUNDING * length);
        }
        if (!(safe(u) >= 0.0)) return INFINITE;
        total += safe(u);
    }
    double value = 0.0;
    for (Index n = 0; n < n_nodes; ++n) {
        double square = 0.0, rent = 0.0, largest = 0.0;
        for (Index u = 0; u < n_users; ++u) {
            Complex entry{0.0, 0.0};
            for (Index v = 0; v < n_users; ++v) entry += problem.gram(n, u, v) * x(v);
            projected(n, u) = entry;
            square += x(u).re * entry.re + x(u).im * entry.im;
            rent += safe(u) * problem.price(n, u);
            largest += std::sqrt(squared_magnitude(x(u)) * problem.gram(n, u, u).re);
        }
        const double margin = problem.rounding * largest * largest;
        norms(n) = std::sqrt(std::max(std::max(square, margin), 1e-300));
        value += std::max(std::sqrt(std::max(square, 0.0) + margin) - rent * (1.0 - RENT_ROUNDING), 0.0);
    }
    return total > 0.0 ? value / total * (1.0 + ROUNDING) : INFINITE;
}

// Gradient and Hessian of sum_n ||G_n x|| - sum_u a_u q_u, and the relaxed beam's signal.
void Barrier::fill_smooth_part(Vector<Complex> signal) {
    // sum_n A_n / ||G_n x||
    for (Index u = 0; u < n_users; ++u) {
        for (Index v = 0; v <= u; ++v) {
            Complex entry{0.0, 0.0};
            for (Index n = 0; n < n_nodes; ++n) entry += problem.gram(n, u, v) * (1.0 / norms(n));
            weighted(u, v) = entry;
            weighted(v, u) = conj(entry);
        }
    }
    // its real form, less sum_n (A_n x)(A_n x)^T / ||G_n x||^3
    hessian.fill(0.0);
    for (Index u = 0; u < n_users; ++u) {
        for (Index v = 0; v < n_users; ++v) {
            const Complex entry = weighted(u, v);
            const Index i = 3 * u, j = 3 * v;
            for (Index n = 0; n < n_nodes; ++n) {
                const double cube = norms(n) * norms(n) * norms(n);
                const Complex one = projected(n, u), two = projected(n, v);
                hessian(i, j) -= one.re * two.re / cube;
                hessian(i, j + 1) -= one.re * two.im / cube;
                hessian(i + 1, j) -= one.im * two.re / cube;
                hessian(i + 1, j + 1) -= one.im * two.im / cube;
            }
            hessian(i, j) += entry.re;
            hessian(i, j + 1) -= entry.im;
            hessian(i + 1, j) += entry.im;
            hessian(i + 1, j + 1) += entry.re;
        }
    }
    for (Index u = 0; u < n_users; ++u) {
        Complex total{0.0, 0.0};
        for (Index n = 0; n < n_nodes; ++n) total += projected(n, u) * (1.0 / norms(n));
        signal(u) = total;
        step(3 * u) = -total.re;
        step(3 * u + 1) = -total.im;
    }
}

// The barrier's part of one user: -log a_u and -log of the room to both ends of the arc.
void Barrier::fill_user(Index u) {
    const Index re = 3 * u, im = re + 1, own = re + 2;
    step(own) = q(u) + barrier / a(u);
    hessian(own, own) += barrier / (a(u) * a(u));
    for (Index side = 0; side < 2; ++side) {
        const double c = edge(side, u).re, s = edge(side, u).im;
        const double room = x(u).re * c + x(u).im * s - a(u);
        slack(side, u) = room;
        const double curvature = barrier / (room * room), push = barrier / room;
        step(re) += push * c;
        step(im) += push * s;
        step(own) -= push;
        hessian(re, re) += curvature * c * c;
        hessian(re, im) += curvature * c * s;
        hessian(im, re) += curvature * c * s;
        hessian(im, im) += curvature * s * s;
        hessian(re, own) -= curvature * c;
        hessian(own, re) -= curvature * c;
        hessian(im, own) -= curvature * s;
        hessian(own, im) -= curvature * s;
        hessian(own, own) += curvature;
    }
}

// Newton direction on the plane sum_u a_u = 1; false if the matrix cannot be factorised.
bool Barrier::direction(double value) {
    for (Index i = 0; i < size; ++i) {
        hessian(i, i) *= 1.0 + RELATIVE_DIAGONAL;
        hessian(i, i) += DIAGONAL * value;
        normal(i) = i % 3 == 2 ? 1.0 : 0.0;
    }
    if (!cholesky<double>(hessian, lower)) return false;
    gradient.copy_from(step);
    solve_cholesky_pair<double>(lower, step, normal);
    double numerator = 0.0, denominator = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        numerator += step(3 * u + 2);
        denominator += normal(3 * u + 2);
    }
    for (Index i = 0; i < size; ++i) step(i) -= numerator / denominator * normal(i);
    return true;
}

double Barrier::decrement() const {
    double total = 0.0;
    for (Index i = 0; i < size; ++i) total += step(i) * gradient(i);
    return total;
}

double Barrier::longest_step() const {
    double length = 1.0;
    for (Index u = 0; u < n_users; ++u) {
        if (step(3 * u + 2) < 0.0) length = std::min(length, -TO_THE_BORDER * a(u) / step(3 * u + 2));
        for (Index side = 0; side < 2; ++side) {
            const double change =
                step(3 * u) * edge(side, u).re + step(3 * u + 1) * edge(side, u).im - step(3 * u + 2);
            if (change < 0.0) length = std::min(length, -TO_THE_BORDER * slack(side, u) / change);
        }
    }
    return length;
}

}  // namespace

double relax(const ArcProblem& problem, Vector<Complex> x, Vector<double> a, Vector<Complex> signal, double goal,
             double accuracy) {
    Barrier state(problem, x, a);
    const double size = static_cast<double>(state.size);
    double bound = INFINITE;
    for (int iteration = 0; iteration < NEWTON_STEPS; ++iteration) {
        // the bound proved here
        const double value = state.value();
        if (!(value < INFINITE)) break;
        bound = std::min(bound, value);
        if (iteration == 0) state.barrier = FIRST_BARRIER * std::max(value, LEAST_VALUE) / size;
        if (bound <= goal || size * state.barrier <= accuracy * value) break;
        // a Newton step
        state.fill_smooth_part(signal);
        for (Index u = 0; u < state.n_users; ++u) state.fill_user(u);
        if (!state.direction(value)) break;
        const double decrement = state.decrement(), length = state.longest_step();
        for (Index u = 0; u < state.n_users; ++u) {
            x(u) += length * Complex{state.step(3 * u), state.step(3 * u + 1)};
            a(u) += length * state.step(3 * u + 2);
        }
        if (decrement < SMALL_DECREMENT * state.barrier * size && length > LONG_STEP) {
            state.barrier *= decrement < state.barrier * size ? FAST_FALL : SLOW_FALL;
        }
    }
    return bound;
}

}  // namespace core
