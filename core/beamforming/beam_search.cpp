#include "beamforming/beam_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/dense.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// ||G_n x||^2 below this share of m sum_u |x_u|^2 ||g_{n,u}||^2 is rounding: Gram matrices leave it few digits (their
// entries err by about (N_t + m) 2^-53 of that sum). The node has no direction of its own then, and sends nothing.
constexpr double NUMERICALLY_ZERO = 1e-12;

// Share of the uniform distribution in the start, so that no multiplier begins at 0.
constexpr double UNIFORM_SHARE = 0.1;

// The barrier begins at this share of the dual value, per user.
constexpr double FIRST_BARRIER = 0.3;

// The barrier falls to half of itself or of the gap per user, and ends at this share of the tolerance.
constexpr double BARRIER_FALL = 0.5;
constexpr double LAST_BARRIER = 0.05;

// The search looks for progress after so many steps; it ends when so many looks in a row see none.
constexpr int LOOK_EVERY = 4;
constexpr int STALLED_LOOKS = 2;

// A step goes at most this far to the border of the simplex.
constexpr double TO_THE_BORDER = 0.9;

// Relative diagonal that keeps the Newton matrix positive definite, and the least scale it refers to.
constexpr double DIAGONAL = 1e-12;

// Node amplitudes are left alone in the first steps, while the phases still turn.
constexpr int FIRST_SHARE_UPDATE = 4;

// State of one ascent; the names are those of the formulas above and in the header.
struct Ascent {
    Cube<const Complex> gram;
    Matrix<const double> radius2;
    bool balls;
    Index n_nodes, n_users;
    Vector<double> share;
    OwnVector<double> y, norms, bend, magnitudes, q, rate, step, ones, best_share;
    OwnVector<Complex> phase, point, signal;
    OwnMatrix<Complex> projected;
    OwnMatrix<double> rotated, weighted_re, weighted_im, hessian, lower;
    double barrier = 0.0, scale = 0.0, dual = 0.0;

    Ascent(Cube<const Complex> gram_, Matrix<const double> radius2_, bool balls_, Vector<double> share_)
        : gram(gram_), radius2(radius2_), balls(balls_), n_nodes(gram_.shape[0]), n_users(gram_.shape[1]),
          share(share_), y(n_users), norms(n_nodes), bend(n_nodes), magnitudes(n_users), q(n_users), rate(n_users),
          step(n_users), ones(n_users), best_share(n_nodes), phase(n_users), point(n_users), signal(n_users),
          projected(n_nodes, n_users), rotated(n_nodes, n_users), weighted_re(n_users, n_users),
          weighted_im(n_users, n_users), hessian(n_users, n_users), lower(n_users, n_users) {}

    void start(Vector<const Complex> x);
    double judge();
    void lower_barrier(bool first, double value, double tolerance);
    void update_shares();
    void fill_newton();
    bool step_in_y();
};

// Multipliers and phases from a start.
void Ascent::start(Vector<const Complex> x) {
    double total = 0.0;
    for (Index u = 0; u < n_users; ++u) total += magnitude(x(u));
    for (Index u = 0; u < n_users; ++u) {
        const double size = magnitude(x(u));
        phase(u) = size > 0.0 ? x(u) * (1.0 / size) : Complex{1.0, 0.0};
        y(u) = total > 0.0 ? (1.0 - UNIFORM_SHARE) * size / total + UNIFORM_SHARE / n_users : 1.0 / n_users;
    }
    share.fill(1.0);
    best_share.fill(1.0);
}

// The beam at hand: its worst amplitude, the dual value f(y) = sum_u y_u (|g_u^H w| - q_u), and matching phases.
double Ascent::judge() {
    for (Index u = 0; u < n_users; ++u) point(u) = y(u) * phase(u);
    error_terms(radius2, share, balls, q);
    received(gram, point, share, projected, norms, signal);
    double value = INFINITE;
    dual = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        const double size = std::sqrt(squared_magnitude(signal(u)));
        if (size > 0.0) phase(u) = signal(u) * (1.0 / size);
        magnitudes(u) = size;
        value = std::min(value, size - q(u));
        dual += y(u) * (size - q(u));
    }
    return value;
}

void Ascent::lower_barrier(bool first, double value, double tolerance) {
    scale = std::max(std::abs(dual), DIAGONAL);
    if (first) {
        barrier = FIRST_BARRIER * scale / n_users;
    } else {
        barrier = std::max(std::min(BARRIER_FALL * barrier, BARRIER_FALL * std::max(dual - value, 0.0) / n_users),
                           LAST_BARRIER * tolerance * scale / n_users);
    }
}

// Used amplitude of each node: full, unless the robust term outweighs the node's signal (KKT in s_n).
void Ascent::update_shares() {
    for (Index u = 0; u < n_users; ++u) {
        rate(u) = y(u);
        if (!balls) rate(u) = q(u) > 0.0 ? y(u) / q(u) : 0.0;
    }
    for (Index n = 0; n < n_nodes; ++n) {
        double price = 0.0;
        for (Index u = 0; u < n_users; ++u) price += rate(u) * (balls ? std::sqrt(radius2(n, u)) : radius2(n, u));
        if (norms(n) >= price) {
            share(n) = 1.0;
        } else {
            share(n) = balls ? 0.5 * share(n) : norms(n) / price;
        }
    }
}

// Gradient and matrix of the Newton step in y on the barrier problem with the new phases.
void Ascent::fill_newton() {
    // sum_n s_n A_n / ||G_n x||, lower half
    weighted_re.fill(0.0);
    weighted_im.fill(0.0);
    for (Index n = 0; n < n_nodes; ++n) {
        const double factor = norms(n) > 0.0 ? share(n) / norms(n) : 0.0;
        bend(n) = norms(n) > 0.0 ? factor / (norms(n) * norms(n)) : 0.0;
        for (Index u = 0; u < n_users; ++u) {
            rotated(n, u) = phase(u).re * projected(n, u).re + phase(u).im * projected(n, u).im;
            for (Index v = 0; v <= u; ++v) {
                weighted_re(u, v) += factor * gram(n, u, v).re;
                weighted_im(u, v) += factor * gram(n, u, v).im;
            }
        }
    }
    // Re(conj(phase_u) phase_v weighted_uv) - sum_n bend_n rotated_nu rotated_nv
    for (Index u = 0; u < n_users; ++u) {
        for (Index v = 0; v <= u; ++v) {
            const Complex turn = conj(phase(u)) * phase(v);
            double curvature = turn.re * weighted_re(u, v) - turn.im * weighted_im(u, v);
            for (Index n = 0; n < n_nodes; ++n) curvature -= bend(n) * rotated(n, u) * rotated(n, v);
            hessian(u, v) = curvature;
            hessian(v, u) = curvature;
        }
    }
    // the barrier's part
    for (Index u = 0; u < n_users; ++u) {
        hessian(u, u) += barrier / (y(u) * y(u)) + DIAGONAL * scale;
        step(u) = barrier / y(u) - (magnitudes(u) - q(u));
        ones(u) = 1.0;
    }
}

// One Newton step within the simplex; false if the matrix cannot be factorised.
bool Ascent::step_in_y() {
    if (!cholesky<double>(hessian, lower)) {
        for (Index u = 0; u < n_users; ++u) hessian(u, u) += barrier / (y(u) * y(u)) + scale;
        if (!cholesky<double>(hessian, lower)) return false;
    }
    solve_cholesky_pair<double>(lower, step, ones);
    // the part of the step along which sum_u y_u stays 1
    double numerator = 0.0, denominator = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        numerator += step(u);
        denominator += ones(u);
    }
    const double shift = numerator / denominator;
    double longest = 1.0;
    for (Index u = 0; u < n_users; ++u) {
        step(u) -= shift * ones(u);
        if (step(u) < 0.0) longest = std::min(longest, -TO_THE_BORDER * y(u) / step(u));
    }
    double total = 0.0;
    for (Index u = 0; u < n_users; ++u) {
        y(u) += longest * step(u);
        total += y(u);
    }
    for (Index u = 0; u < n_users; ++u) y(u) /= total;
    return true;
}

}  // namespace

void error_terms(Matrix<const double> radius2, Vector<const double> share, bool balls, Vector<double> q) {
    for (Index u = 0; u < radius2.shape[1]; ++u) {
        double total = 0.0;
        for (Index n = 0; n < radius2.shape[0]; ++n) {
            total += balls ? std::sqrt(radius2(n, u)) * share(n) : radius2(n, u) * share(n) * share(n);
        }
        q(u) = balls ? total : std::sqrt(total);
    }
}

void received(Cube<const Complex> gram, Vector<const Complex> x, Vector<const double> share, Matrix<Complex> projected,
              Vector<double> norms, Vector<Complex> signal) {
    const Index n_nodes = gram.shape[0], n_users = gram.shape[1];
    signal.fill({0.0, 0.0});
    for (Index n = 0; n < n_nodes; ++n) {
        // A_n x, and ||G_n x||^2 = x^H A_n x
        double square = 0.0, largest = 0.0;
        for (Index u = 0; u < n_users; ++u) {
            Complex value{0.0, 0.0};
            for (Index v = 0; v < n_users; ++v) value += gram(n, u, v) * x(v);
            projected(n, u) = value;
            square += x(u).re * value.re + x(u).im * value.im;
            largest += squared_magnitude(x(u)) * gram(n, u, u).re;
        }
        if (square > NUMERICALLY_ZERO * n_users * largest) {
            norms(n) = std::sqrt(square);
            const double factor = share(n) / norms(n);
            for (Index u = 0; u < n_users; ++u) signal(u) += factor * projected(n, u);
        } else {
            norms(n) = 0.0;
        }
    }
}

double worst_amplitude(Vector<const Complex> signal, Vector<const double> q) {
    double worst = INFINITE;
    for (Index u = 0; u < signal.shape[0]; ++u) worst = std::min(worst, magnitude(signal(u)) - q(u));
    return worst;
}

double beam_level(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const Complex> x,
                  Vector<const double> share) {
    const Index n_nodes = gram.shape[0], n_users = gram.shape[1];
    OwnMatrix<Complex> projected(n_nodes, n_users);
    OwnVector<double> norms(n_nodes), q(n_users);
    OwnVector<Complex> signal(n_users);
    error_terms(radius2, share, balls, q);
    received(gram, x, share, projected, norms, signal);
    return worst_amplitude(signal, q);
}

double ascend(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<Complex> x,
              Vector<double> share, int iterations, double tolerance) {
    Ascent state(gram, radius2, balls, share);
    state.start(x);
    double best = -INFINITE, last_best = -INFINITE;
    int stalled = 0;
    for (int iteration = 0; iteration < iterations; ++iteration) {
        const double value = state.judge();
        if (value > best) {
            best = value;
            x.copy_from(state.point);
            state.best_share.copy_from(share);
        }
        state.lower_barrier(iteration == 0, value, tolerance);
        // the end: neither gain nor gap at two looks in a row
        if (iteration % LOOK_EVERY == LOOK_EVERY - 1) {
            if (best - last_best <= 0.1 * tolerance * state.scale &&
                state.dual - value <= 2.0 * tolerance * state.scale) {
                if (++stalled >= STALLED_LOOKS) break;
            } else {
                stalled = 0;
            }
            last_best = best;
        }
        if (iteration >= FIRST_SHARE_UPDATE) state.update_shares();
        state.fill_newton();
        if (!state.step_in_y()) break;
    }
    share.copy_from(state.best_share);
    return best;
}

}  // namespace core
