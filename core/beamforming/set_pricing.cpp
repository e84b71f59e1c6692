#include "beamforming/set_pricing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "beamforming/constants.hpp"
#include "beamforming/subset_bounds.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr double LN_2 = 0.6931471805599453;

bool holds(std::int64_t mask, Index node) { return (mask >> node) & 1; }

std::int64_t bit(Index node) { return std::int64_t{1} << node; }

// 1 / rate = ln 2 / (B ln(1 + SNR)), rounded downwards.
double inverse_of(double bandwidth_hz, double snr) {
    if (snr <= 0.0) return INFINITE;
    return (1.0 - MARGIN) * LN_2 / (bandwidth_hz * std::log1p(snr));
}

// Nodes outside C that a link reaches, quickest first, and their migration times per bit.
struct Outside {
    std::vector<Index> node;
    std::vector<double> wait;

    Outside(Matrix<const double> link, std::int64_t caching) {
        const Index n_nodes = link.shape[0];
        node.reserve(n_nodes);
        wait.reserve(n_nodes);
        for (Index m = 0; m < n_nodes; ++m) {
            if (holds(caching, m)) continue;
            double fastest = INFINITE;
            for (Index n = 0; n < n_nodes; ++n) {
                if (holds(caching, n)) fastest = std::min(fastest, link(n, m));
            }
            if (fastest == INFINITE) continue;
            // behind all that are not slower
            std::size_t place = wait.size();
            while (place > 0 && wait[place - 1] > fastest) --place;
            wait.insert(wait.begin() + place, fastest);
            node.insert(node.begin() + place, m);
        }
    }
};

// Nodes that may cache and cost rent, cheapest first; those without a rent belong to some cheapest C.
struct Candidates {
    std::int64_t free = 0;
    std::vector<Index> order;

    Candidates(Vector<const double> rent, std::int64_t allowed) {
        for (Index n = 0; n < rent.shape[0]; ++n) {
            if (!holds(allowed, n)) continue;
            if (rent(n) <= 0.0) {
                free |= bit(n);
                continue;
            }
            std::size_t place = order.size();
            while (place > 0 && rent(order[place - 1]) > rent(n)) --place;
            order.insert(order.begin() + place, n);
        }
    }

    // A chosen set with all nodes that are not decided yet.
    std::int64_t with_undecided(std::int64_t chosen, std::size_t decided) const {
        for (std::size_t i = decided; i < order.size(); ++i) chosen |= bit(order[i]);
        return chosen;
    }
};

// A frame of the search: nodes decided, chosen set, its rent, T(chosen and undecided); negative where not known yet.
struct Frame {
    std::size_t decided;
    std::int64_t chosen;
    double spent, delay;
};

}  // namespace

double inverse_rate(const PricingBlock& block, std::int64_t mask) {
    const auto pieces = static_cast<std::int32_t>(block.evidence_mask.shape[0]);
    double inverse = block.table(mask);
    // asked for the first time: users alone
    if (inverse == 0.0) {
        inverse = inverse_of(block.bandwidth_hz,
                             lone_users_bound(block.gram, block.radius2, block.balls, block.floors, mask));
    }
    // evidence that came since
    if (inverse < INFINITE && block.applied(mask) < pieces) {
        double snr = std::expm1(LN_2 / (inverse * block.bandwidth_hz));
        for (Index e = std::max(block.applied(mask), 0); e < pieces; ++e) {
            if ((mask & ~block.evidence_mask(e)) == 0 && snr > 0.0) {
                snr = std::min(snr, inherited_bound(block.parts.row(e), block.y.row(e), block.mu.row(e), block.floors,
                                                    mask, snr));
            }
        }
        inverse = std::max(inverse, inverse_of(block.bandwidth_hz, snr));
    }
    block.applied(mask) = pieces;
    block.table(mask) = inverse;
    return inverse;
}

DelayedSet unit_delay(const PricingBlock& block, std::int64_t caching) {
    const double shortest = inverse_rate(block, bit(block.link.shape[0]) - 1);
    const Outside outside(block.link, caching);
    std::int64_t members = caching;
    double best = inverse_rate(block, members);
    std::int64_t best_members = best < INFINITE ? members : 0;
    // accept one link after the other, slower and slower
    for (std::size_t i = 0; i < outside.node.size(); ++i) {
        if (outside.wait[i] + shortest >= best) break;
        members |= bit(outside.node[i]);
        if (i + 1 < outside.node.size() && outside.wait[i + 1] == outside.wait[i]) continue;
        const double delay = outside.wait[i] + inverse_rate(block, members);
        if (delay < best) {
            best = delay;
            best_members = members;
        }
    }
    return {best, best_members};
}

double rent_of(Vector<const double> rent, std::int64_t caching) {
    double total = 0.0;
    for (Index n = 0; n < rent.shape[0]; ++n) {
        if (holds(caching, n)) total += rent(n);
    }
    return total;
}

PricedSet cheapest_set(const PricingBlock& block, Vector<const double> rent, std::int64_t allowed,
                       std::int64_t start) {
    const Candidates candidates(rent, allowed);
    const std::size_t count = candidates.order.size();
    // two sets to beat
    double best = INFINITE;
    std::int64_t best_caching = 0;
    for (const std::int64_t first : {start | candidates.free, allowed}) {
        if (first == 0) continue;
        const double cost = unit_delay(block, first).delay + rent_of(rent, first);
        if (cost < best) {
            best = cost;
            best_caching = first;
        }
    }
    // depth first, nodes of low rent first
    std::vector<Frame> stack{{0, candidates.free, 0.0, -1.0}};
    while (!stack.empty()) {
        const Frame frame = stack.back();
        stack.pop_back();
        const std::int64_t largest = candidates.with_undecided(frame.chosen, frame.decided);
        if (largest == 0) continue;
        // not known from above: the last decision left a node out
        const double least = frame.delay < 0.0 ? unit_delay(block, largest).delay : frame.delay;
        if (frame.spent + least >= best) continue;
        if (frame.decided == count) {
            best = frame.spent + least;
            best_caching = frame.chosen;
            continue;
        }
        const Index node = candidates.order[frame.decided];
        stack.push_back({frame.decided + 1, frame.chosen, frame.spent, -1.0});
        stack.push_back({frame.decided + 1, frame.chosen | bit(node), frame.spent + rent(node), least});
    }
    if (best_caching == 0) return {INFINITE, 0, 0};
    return {best, best_caching, unit_delay(block, best_caching).members};
}

DelayedSet reached_delay(Matrix<const double> link, std::int64_t caching, Vector<const std::int64_t> solved,
                         Vector<const double> inverse) {
    const Outside outside(link, caching);
    DelayedSet best{INFINITE, 0};
    for (Index i = 0; i < solved.shape[0]; ++i) {
        std::int64_t missing = solved(i) & ~caching;
        double migration = 0.0;
        for (std::size_t j = 0; j < outside.node.size(); ++j) {
            if (holds(missing, outside.node[j])) {
                missing ^= bit(outside.node[j]);
                migration = outside.wait[j];
            }
        }
        if (missing == 0 && migration + inverse(i) < best.delay) best = {migration + inverse(i), solved(i)};
    }
    return best;
}

}  // namespace core
