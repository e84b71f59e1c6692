#include "beamforming/set_proof.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/beam_search.hpp"
#include "beamforming/constants.hpp"
#include "beamforming/global_search.hpp"

namespace core {

namespace {

// Ratio that counts as missed: far enough below 1 for a bound below 1 to be more than rounding.
constexpr double ALMOST = 1.0 - 1e-8;

// Where no beam is known, the first question is whether this level, relative to the highest floor, is out of reach.
constexpr double FIRST_LEVEL = 1e-3;

// Relative gap of the searches for ratio 1, which a yes or no ends long before.
constexpr double RATIO_TOLERANCE = 1e-9;

}  // namespace

Proof prove_set(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const double> floors,
                double tolerance, std::int64_t max_nodes, Solved before, Vector<Complex> x, Vector<double> share) {
    const Index n_nodes = gram.shape[0], n_users = x.shape[0];
    auto [status, lower, upper] = before;
    if (status == INFEASIBLE || n_users == 1) return {before, 0};
    double level = std::sqrt(lower), highest = floors(0), lowest = floors(0);
    for (Index u = 1; u < n_users; ++u) {
        highest = std::max(highest, floors(u));
        lowest = std::min(lowest, floors(u));
    }
    // no floor binds
    if (level >= highest && (status == FEASIBLE || highest == 0.0)) {
        const SearchResult found =
            branch_and_bound(gram, radius2, balls, tolerance, max_nodes, std::sqrt(upper), level, x, share);
        return {{found.best > 0.0 ? FEASIBLE : status, std::max(lower, found.best * found.best),
                 std::min(upper, found.upper * found.upper)},
                found.nodes};
    }
    OwnCube<Complex> scaled_gram(n_nodes, n_users, n_users);
    OwnMatrix<double> scaled_radius2(n_nodes, n_users);
    OwnVector<double> weights(n_users), trial_share(n_nodes);
    OwnVector<Complex> trial(n_users);
    trial_share.copy_from(share);
    std::int64_t nodes = 0;
    while (nodes < max_nodes) {
        // the level that would have to be refuted
        const double target = status == FEASIBLE ? level * (1.0 + tolerance) : FIRST_LEVEL * highest;
        for (Index u = 0; u < n_users; ++u) {
            weights(u) = std::max(target, floors(u));
            trial(u) = x(u) * weights(u);
        }
        weigh_channels(gram, radius2, weights, scaled_gram, scaled_radius2);
        const SearchResult found =
            branch_and_bound(scaled_gram, scaled_radius2, balls, RATIO_TOLERANCE, max_nodes - nodes,
                             std::numeric_limits<double>::infinity(), ALMOST, trial, trial_share);
        nodes += std::max<std::int64_t>(found.nodes, 1);
        if (found.best <= ALMOST) {  // no better beam
            if (found.upper >= 1.0) return {{status, lower, upper}, nodes};
            if (status != FEASIBLE && lowest >= target) return {{INFEASIBLE, 0.0, 0.0}, nodes};
            return {{status, lower, std::min(upper, target * target)}, nodes};
        }
        if (found.best < 1.0) return {{status, lower, upper}, nodes};
        // a better beam: the next level
        for (Index u = 0; u < n_users; ++u) x(u) = trial(u) / weights(u);
        share.copy_from(trial_share);
        status = FEASIBLE;
        level = beam_level(gram, radius2, balls, x, share);
        lower = level * level;
    }
    return {{status, lower, upper}, nodes};
}

}  // namespace core
