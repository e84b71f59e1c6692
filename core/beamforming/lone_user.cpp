#include "beamforming/lone_user.hpp"

#include <algorithm>
#include <cmath>

#include "beamforming/constants.hpp"

namespace core {

namespace {

// Halvings of the interval of q, and the relative width at which they end: the last bits of a double.
constexpr int HALVINGS = 100;
constexpr double WIDTH = 1e-15;

// q is reached if the square of the error is at least q^2 but for this relative rounding.
constexpr double REACHED = 1e-14;

double norm_of(Cube<const Complex> gram, Index n, Index user) { return std::sqrt(gram(n, user, user).re); }

// Best shares at trial q: s_n = min(1, ||g_n|| q / eps_n^2), for balls 0 or 1; returns sum_n eps_n^2 s_n^2.
double fill_shares(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Index user, double trial,
                   Vector<double> share) {
    double square = 0.0;
    for (Index n = 0; n < gram.shape[0]; ++n) {
        const double norm = norm_of(gram, n, user), radius = radius2(n, user);
        if (balls) {
            share(n) = norm >= std::sqrt(radius) ? 1.0 : 0.0;
        } else {
            share(n) = norm * trial >= radius ? 1.0 : norm * trial / radius;
        }
        square += radius * squared(share(n));
    }
    return square;
}

}  // namespace

LoneUser lone_user(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Index user,
                   Vector<double> share) {
    const Index n_nodes = gram.shape[0];
    // the largest q with sum_n eps_n^2 s_n^2 >= q^2, by bisection
    double total = 0.0;
    for (Index n = 0; n < n_nodes; ++n) total += radius2(n, user);
    double low = 0.0, high = std::sqrt(total), trial = high;
    for (int halving = 0; halving < HALVINGS; ++halving) {
        const double square = fill_shares(gram, radius2, balls, user, trial, share);
        (square >= trial * trial * (1.0 - REACHED) ? low : high) = trial;
        if (balls || high - low <= WIDTH * high) break;
        trial = 0.5 * (low + high);
    }
    // amplitude sum_n s_n ||g_n|| - q
    double amplitude = 0.0, square = 0.0, linear = 0.0;
    for (Index n = 0; n < n_nodes; ++n) {
        amplitude += share(n) * norm_of(gram, n, user);
        square += radius2(n, user) * squared(share(n));
        linear += std::sqrt(radius2(n, user)) * share(n);
    }
    const double q = balls ? linear : std::sqrt(square);
    // For any shares the error -t_n g_n / ||g_n|| with t_n = eps_n^2 s_n / q (balls: eps_n) is admissible, so every
    // beam has an amplitude of at most sum_n max(||g_n|| - t_n, 0), rounded upwards here.
    double bound = 0.0;
    bool audible = false;
    for (Index n = 0; n < n_nodes; ++n) {
        const double norm = norm_of(gram, n, user);
        double cut = 0.0;
        if (balls) {
            cut = std::sqrt(radius2(n, user));
        } else if (q > 0.0) {
            cut = radius2(n, user) * share(n) / q;
        }
        cut *= 1.0 - MARGIN;
        bound += std::max(norm * (1.0 + MARGIN) - cut, 0.0);
        audible = audible || norm * (1.0 - 0.5 * NOISE_SHARE) > cut;
    }
    return {amplitude - q, audible ? bound * (1.0 + MARGIN) : 0.0};
}

}  // namespace core
