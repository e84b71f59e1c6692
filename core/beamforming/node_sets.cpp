#include "beamforming/node_sets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beamforming/constants.hpp"
#include "beamforming/lone_user.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Users whose matched beams give starts to a set without relatives, and how many relatives do without them.
constexpr Index FRESH_STARTS = 3;
constexpr Index ENOUGH_RELATIVES = 2;

bool holds(std::int64_t mask, Index node) { return (mask >> node) & 1; }

// Gram matrices, radii and ranks of some nodes.
struct Selection {
    OwnCube<Complex> gram;
    OwnMatrix<double> radius2;
    OwnVector<double> ranks;

    Selection(Cube<const Complex> all, Matrix<const double> all_radius2, Vector<const double> all_ranks,
              Vector<const Index> members)
        : gram(members.shape[0], all.shape[1], all.shape[1]), radius2(members.shape[0], all.shape[1]),
          ranks(members.shape[0]) {
        for (Index i = 0; i < members.shape[0]; ++i) {
            gram.row(i).copy_from(all.row(members(i)));
            radius2.row(i).copy_from(all_radius2.row(members(i)));
            if (all_ranks.shape[0] > 0) ranks(i) = all_ranks(members(i));
        }
    }
};

// One (block, S): QoS status, worst-case SNR reached (0 without a beam), bound on it. ``ceiling`` is a bound for a larger
// set (F4). y stays 0 where the bound is that of a lone user (F3).
Solved solve_set(const Block& block, Vector<const double> floors, Matrix<const Complex> starts, double ceiling,
                 const Findings& found) {
    const Index n_nodes = block.gram.shape[0], n_users = block.gram.shape[1];
    double highest_floor = floors(0);
    for (Index u = 1; u < n_users; ++u) highest_floor = std::max(highest_floor, floors(u));
    // no set serves a user better than it serves that user alone
    OwnVector<double> alone(n_nodes);
    double lone = INFINITE;
    for (Index u = 0; u < n_users; ++u) {
        const LoneUser user = lone_user(block.gram, block.radius2, block.balls, u, alone);
        lone = std::min(lone, user.bound);
        if (user.bound < floors(u)) return {INFEASIBLE, 0.0, 0.0};
        if (n_users == 1) {
            found.x(0) = {1.0, 0.0};
            found.share.copy_from(alone);
            const bool met = user.amplitude >= floors(0) && user.amplitude > 0.0;
            return {met ? FEASIBLE : UNKNOWN, met ? squared(std::max(user.amplitude, 0.0)) : 0.0,
                    std::min(squared(user.bound), ceiling)};
        }
    }
    ceiling = std::min(ceiling, squared(lone));
    if (ceiling <= 0.0) return {UNKNOWN, 0.0, 0.0};  // some user hears nothing
    // the max-min beam, which settles it where it meets all floors
    const MaxMin plain = maximise_min(block, starts, 0.0, found);
    const double upper = std::min(plain.bound, ceiling);
    if (plain.reached >= highest_floor && plain.reached > 0.0) {
        return {FEASIBLE, plain.reached * plain.reached, upper};
    }
    if (highest_floor <= 0.0) return {UNKNOWN, 0.0, upper};  // no beam in hand survives the worst error
    return solve_with_floors(block, floors, starts, upper, found);
}

// What the table knows of a set and of those with one node more.
struct Relatives {
    double ceiling;
    bool blocked;
    Index count = 0;
    OwnMatrix<Complex> starts;

    Relatives(const SetTable& table, std::int64_t mask, Index n_nodes, Index n_users)
        : ceiling(table.upper(mask)), blocked(table.status(mask) == INFEASIBLE),
          starts(n_nodes + 1 + FRESH_STARTS, n_users) {
        if (table.lower(mask) > 0.0) starts.row(count++).copy_from(table.x.row(mask));
        for (Index n = 0; n < n_nodes; ++n) {
            if (holds(mask, n)) continue;
            const std::int64_t parent = mask | (std::int64_t{1} << n);
            blocked = blocked || table.status(parent) == INFEASIBLE;
            ceiling = std::min(ceiling, table.upper(parent));
            if (table.lower(parent) > 0.0) starts.row(count++).copy_from(table.x.row(parent));
        }
    }

    // The phases seen by single users' matched beams.
    void add_fresh(Cube<const Complex> gram) {
        const Index n_users = gram.shape[1];
        for (Index v = 0; v < std::min(n_users, FRESH_STARTS); ++v) {
            for (Index u = 0; u < n_users; ++u) {
                Complex value{0.0, 0.0};
                for (Index n = 0; n < gram.shape[0]; ++n) value += gram(n, u, v);
                const double size = magnitude(value);
                starts(count, u) = size > 0.0 ? value * (1.0 / size) : Complex{1.0, 0.0};
            }
            ++count;
        }
    }
};

void block_row(const SetTable& table, std::int64_t mask) {
    table.status(mask) = INFEASIBLE;
    table.lower(mask) = 0.0;
    table.upper(mask) = 0.0;
}

// Write what was found for the nodes ``members`` into the rows of the table and of the evidence.
void record(const SetTable& table, const SetEvidence& evidence, Index index, std::int64_t mask,
            Vector<const Index> members, double ceiling, const Solved& solved, const Findings& found) {
    evidence.y.row(index).copy_from(found.y);
    for (Index i = 0; i < members.shape[0]; ++i) {
        evidence.mu(index, members(i)) = found.mu(i);
        evidence.mix.row(index).row(members(i)).copy_from(found.mix.row(i));
    }
    if (solved.status == INFEASIBLE) return block_row(table, mask);
    table.upper(mask) = std::min(ceiling, solved.upper);
    if (!(solved.lower > table.lower(mask))) return;
    table.lower(mask) = solved.lower;
    table.status(mask) = FEASIBLE;
    table.x.row(mask).copy_from(found.x);
    table.share.row(mask).fill(0.0);
    for (Index i = 0; i < members.shape[0]; ++i) table.share(mask, members(i)) = found.share(i);
}

}  // namespace

void solve_sets(const Block& block, Vector<const double> floors, Vector<const std::int64_t> masks,
                const SetTable& table, const SetEvidence& evidence) {
    const Index n_nodes = block.gram.shape[0], n_users = block.gram.shape[1];
    OwnVector<bool> heard(n_nodes);  // a node that no user hears takes no part
    for (Index n = 0; n < n_nodes; ++n) {
        for (Index u = 0; u < n_users; ++u) heard(n) = heard(n) || block.gram(n, u, u).re > 0.0;
    }
    OwnVector<Index> all_members(n_nodes);
    for (Index index = 0; index < masks.shape[0]; ++index) {
        const std::int64_t mask = masks(index);
        Index size = 0;
        for (Index n = 0; n < n_nodes; ++n) {
            if (holds(mask, n) && heard(n)) all_members(size++) = n;
        }
        const Vector<const Index> members = all_members.first(size);
        // bounds and beams of the sets around it
        Relatives relatives(table, mask, n_nodes, n_users);
        if (relatives.blocked) {
            block_row(table, mask);
            continue;
        }
        if (size == 0) {
            table.upper(mask) = 0.0;
            continue;
        }
        const Selection selected(block.gram, block.radius2, block.ranks, members);
        if (relatives.count < ENOUGH_RELATIVES) relatives.add_fresh(selected.gram);
        // the set itself
        auto x = OwnVector<Complex>::filled({n_users}, {1.0, 0.0});
        auto share = OwnVector<double>::filled({size}, 1.0);
        OwnVector<double> y(n_users), mu(size);
        OwnCube<Complex> mix(size, n_users, n_users);
        const Findings found{x, share, y, mu, mix};
        Block part = block;
        part.gram = selected.gram;
        part.radius2 = selected.radius2;
        part.ranks = selected.ranks;
        const Solved solved =
            solve_set(part, floors, relatives.starts.first(relatives.count), relatives.ceiling, found);
        record(table, evidence, index, mask, members, relatives.ceiling, solved, found);
    }
}

void screen_sets(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, Vector<const double> floors,
                 Vector<std::int64_t> status, Vector<double> upper) {
    const Index n_nodes = gram.shape[0], n_users = gram.shape[1];
    OwnVector<double> share(n_nodes);
    OwnVector<Index> members(n_nodes);
    const Vector<const double> no_ranks;
    for (Index mask = 1; mask < upper.shape[0]; ++mask) {
        Index size = 0;
        for (Index n = 0; n < n_nodes; ++n) {
            if (holds(mask, n)) members(size++) = n;
        }
        const Selection selected(gram, radius2, no_ranks, members.first(size));
        for (Index u = 0; u < n_users; ++u) {
            const double bound = lone_user(selected.gram, selected.radius2, balls, u, share.first(size)).bound;
            upper(mask) = std::min(upper(mask), bound * bound);
            if (bound < floors(u) || bound <= 0.0) {
                status(mask) = INFEASIBLE;
                upper(mask) = 0.0;
                break;
            }
        }
    }
}

}  // namespace core
