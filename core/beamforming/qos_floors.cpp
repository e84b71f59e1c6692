#include "beamforming/qos_floors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/beam_search.hpp"
#include "beamforming/constants.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// The first question is whether this level, relative to the highest floor, can be reached at all.
constexpr double FIRST_LEVEL = 1e-3;

// A ratio below this refutes a level: 1 but for rounding.
constexpr double REFUTED = 1.0 - 1e-9;

// Steps of the secant, and the shares of the tolerance at which excess and interval are small enough.
constexpr int SECANT_STEPS = 40;
constexpr double SMALL_EXCESS = 0.02;
constexpr double SMALL_INTERVAL = 0.1;

// Illinois rule: the excess at an end that stays put is halved, which keeps the other one moving.
constexpr double ILLINOIS = 0.5;

// A step moves at least this share of the interval away from its lower end.
constexpr double LEAST_MOVE = 0.02;

// Halvings in the search for a level, and their relative accuracy.
constexpr int LEVEL_HALVINGS = 200;
constexpr double LEVEL_WIDTH = 1e-13;

// Searches work to this share of the tolerance.
constexpr double FINER = 0.1;

double largest(Vector<const double> values) {
    double most = values(0);
    for (Index i = 1; i < values.shape[0]; ++i) most = std::max(most, values(i));
    return most;
}

// sum_u y_u max(t, s_u^2) / v_u^2
double weighted_level(Vector<const double> y, Vector<const double> weights, Vector<const double> floors, double level) {
    double total = 0.0;
    for (Index u = 0; u < y.shape[0]; ++u) total += y(u) * std::max(level, squared(floors(u))) / squared(weights(u));
    return total;
}

// Turn evidence for the channels divided by v_u into evidence for the channels themselves, in place.
void unweigh(Vector<double> y, Cube<Complex> mix, Vector<const double> weights) {
    for (Index u = 0; u < y.shape[0]; ++u) {
        y(u) /= squared(weights(u));
        for (Index n = 0; n < mix.shape[0]; ++n) {
            for (Index k = 0; k < y.shape[0]; ++k) mix(n, k, u) *= weights(u) / weights(k);
        }
    }
}

// The weighted problem at one level, and the bracket of the level.
struct LevelSearch {
    const Block& block;
    Vector<const double> floors;
    const Findings& found;
    Index n_nodes, n_users;
    OwnCube<Complex> gram, mix;
    OwnMatrix<double> radius2;
    OwnVector<double> weights, share, y, mu;
    OwnVector<Complex> x;
    Block scaled;
    Findings trial;
    int status = UNKNOWN;
    double level = 0.0, high = 0.0, target = 0.0;
    double last = 0.0, last_excess = 0.0, high_excess = 0.0;
    bool bracketed = false;

    LevelSearch(const Block& block_, Vector<const double> floors_, const Findings& found_)
        : block(block_), floors(floors_), found(found_), n_nodes(block_.gram.shape[0]),
          n_users(block_.gram.shape[1]), gram(n_nodes, n_users, n_users), mix(n_nodes, n_users, n_users),
          radius2(n_nodes, n_users), weights(n_users), share(n_nodes), y(n_users), mu(n_nodes), x(n_users),
          scaled(block_), trial{x, share, y, mu, mix} {
        scaled.gram = gram;
        scaled.radius2 = radius2;
    }

    void weigh(double at);
    void take_evidence();
    bool take_beam(bool always);
    double search_near_beam();
    double narrow(int step, double ratio);
    double next_target(double slope) const;
};

// Divide the problem by v_u = max(level, s_u).
void LevelSearch::weigh(double at) {
    for (Index u = 0; u < n_users; ++u) weights(u) = std::max(at, floors(u));
    weigh_channels(block.gram, block.radius2, weights, gram, radius2);
}

void LevelSearch::take_evidence() {
    unweigh(y, mix, weights);
    found.y.copy_from(y);
    found.mu.copy_from(mu);
    found.mix.copy_from(mix);
}

// Judge the beam of the weighted problem by the problem itself; keep it if it is better, or the first one.
bool LevelSearch::take_beam(bool always) {
    for (Index u = 0; u < n_users; ++u) x(u) /= weights(u);
    const double reached = beam_level(block.gram, block.radius2, block.balls, x, share);
    if (!always && !(reached > level)) return false;
    level = reached;
    found.x.copy_from(x);
    found.share.copy_from(share);
    return true;
}

// Ratio of the weighted problem by local search from the best beam.
double LevelSearch::search_near_beam() {
    OwnMatrix<Complex> warm(1, n_users);
    for (Index u = 0; u < n_users; ++u) warm(0, u) = found.x(u) * weights(u);
    return search(scaled.gram, scaled.radius2, block.balls, warm, x, share, -INFINITE, FINER * block.tolerance);
}

// Narrow the bracket by what was reached at the target; the slope of the excess, 0 where it is unknown.
double LevelSearch::narrow(int step, double ratio) {
    if (!(ratio >= 1.0)) {
        high = target;
        high_excess = ratio - 1.0;
        bracketed = true;
        return 0.0;
    }
    take_beam(status != FEASIBLE);
    status = FEASIBLE;
    double slope = 0.0;
    if (bracketed) {
        high_excess *= ILLINOIS;
    } else if (step > 1) {
        slope = (last_excess - (ratio - 1.0)) / (target - last);
    }
    last = target;
    last_excess = ratio - 1.0;
    return slope;
}

// The ratio falls as the level rises: next where it would be 1 on a straight line, within the interval.
double LevelSearch::next_target(double slope) const {
    double next = 0.5 * (level + high);
    if (bracketed) {
        next = last + (high - last) * last_excess / (last_excess - high_excess);
    } else if (slope > 0.0) {
        next = std::min(next, last + last_excess / slope);
    }
    return std::max(next, level + LEAST_MOVE * (high - level));
}

}  // namespace

double level_bound(Vector<const double> y, Vector<const double> weights, Vector<const double> floors, double bound) {
    if (!(bound < INFINITE)) return INFINITE;
    double total = 0.0, sum = 0.0;
    for (Index u = 0; u < y.shape[0]; ++u) {
        total += y(u) * squared(floors(u)) / squared(weights(u));
        sum += y(u);
    }
    if (std::isnan(total)) return INFINITE;  // not a proof of anything
    if (total > bound) return -1.0;
    // an end that is certainly too high, then halving
    double low = 0.0, high = bound * squared(largest(weights)) / sum * y.shape[0] + 1.0;
    while (high < INFINITE && !(weighted_level(y, weights, floors, high) > bound)) high *= 2.0;
    for (int halving = 0; halving < LEVEL_HALVINGS; ++halving) {
        const double middle = 0.5 * (low + high);
        (weighted_level(y, weights, floors, middle) > bound ? high : low) = middle;
        if (high - low <= LEVEL_WIDTH * high) break;
    }
    return high;
}

void weigh_channels(Cube<const Complex> gram, Matrix<const double> radius2, Vector<const double> weights,
                    Cube<Complex> gram_out, Matrix<double> radius2_out) {
    for (Index n = 0; n < gram.shape[0]; ++n) {
        for (Index u = 0; u < gram.shape[1]; ++u) {
            radius2_out(n, u) = radius2(n, u) / squared(weights(u));
            for (Index v = 0; v < gram.shape[1]; ++v) {
                gram_out(n, u, v) = gram(n, u, v) * (1.0 / (weights(u) * weights(v)));
            }
        }
    }
}

Solved solve_with_floors(const Block& block, Vector<const double> floors, Matrix<const Complex> starts, double upper,
                         const Findings& found) {
    LevelSearch state(block, floors, found);
    const double tolerance = block.tolerance;
    state.high = std::sqrt(upper);  // the best level lies between 0 and this
    state.target = FIRST_LEVEL * largest(floors);
    for (int step = 0; step < SECANT_STEPS; ++step) {
        state.weigh(state.target);
        double ratio = 0.0;
        if (step == 0) {  // can the QoS be met at all?
            const MaxMin first = maximise_min(state.scaled, starts, REFUTED, state.trial);
            ratio = first.reached;
            if (level_bound(state.y, state.weights, floors, first.bound) < 0.0) {
                state.take_evidence();
                return {INFEASIBLE, 0.0, 0.0};
            }
            if (ratio < 1.0) return {UNKNOWN, 0.0, upper};
        } else {
            ratio = state.search_near_beam();
        }
        const double slope = state.narrow(step, ratio);
        if (state.last_excess <= SMALL_EXCESS * tolerance ||
            state.high <= state.level * (1.0 + SMALL_INTERVAL * tolerance)) {
            break;
        }
        state.target = state.next_target(slope);
    }
    // the bound at the level found
    state.weigh(state.level);
    OwnMatrix<Complex> warm(1, state.n_users);
    for (Index u = 0; u < state.n_users; ++u) warm(0, u) = found.x(u) * state.weights(u);
    const MaxMin last = maximise_min(state.scaled, warm, 0.0, state.trial);
    const double proved = level_bound(state.y, state.weights, floors, last.bound) * (1.0 + ROUNDING);
    if (0.0 <= proved && proved < upper) {
        upper = proved;
        state.take_evidence();
    }
    if (last.reached >= 1.0) state.take_beam(false);
    return {FEASIBLE, state.level * state.level, upper};
}

}  // namespace core
