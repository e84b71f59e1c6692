// What Python calls of beamforming: arguments checked, the interpreter's lock released, one call.
#include "arguments.hpp"
#include "beamforming/beam_search.hpp"
#include "beamforming/constants.hpp"
#include "beamforming/dual_bound.hpp"
#include "beamforming/global_search.hpp"
#include "beamforming/lone_user.hpp"
#include "beamforming/max_min.hpp"
#include "beamforming/node_sets.hpp"
#include "beamforming/set_pricing.hpp"
#include "beamforming/set_proof.hpp"
#include "beamforming/subset_bounds.hpp"
#include "beamforming/worst_errors.hpp"

namespace core {

namespace {

using nb::handle;
using nb::literals::operator""_a;

// Node sets are bit masks with a sign, and a table of all sets has to fit into memory long before that.
constexpr Index MOST_NODES = 62;

// Gram matrices and radii: (n, m, m) and (n, m), at least one node and one user.
struct Channels {
    Complexes<3> gram;
    Index n, m;
    Reals<2> radius2;

    Channels(handle gram_in, handle radius2_in)
        : gram(gram_in, "gram"), n(gram.length(0)), m(gram.length(1)), radius2(radius2_in, "radius2", {n, m}) {
        require(n > 0 && m > 0 && gram.length(2) == m, "gram: expected the shape (n, m, m), n and m at least 1");
        require(n <= MOST_NODES, "gram: too many nodes for sets as bit masks");
    }
};

nb::tuple call_lone_user(handle gram, handle radius2, bool balls, Index user, handle share_in) {
    const Channels channels(gram, radius2);
    require(user >= 0 && user < channels.m, "user: expected a number below the number of users");
    RealsOut<1> share(share_in, "share", {channels.n});
    const LoneUser found = lone_user(*channels.gram, *channels.radius2, balls, user, *share);
    return nb::make_tuple(found.amplitude, found.bound);
}

void call_error_terms(handle radius2_in, handle share_in, bool balls, handle q_in) {
    Reals<2> radius2(radius2_in, "radius2");
    Reals<1> share(share_in, "share", {radius2.length(0)});
    RealsOut<1> q(q_in, "q", {radius2.length(1)});
    error_terms(*radius2, *share, balls, *q);
}

void call_received(handle gram_in, handle x_in, handle share_in, handle projected_in, handle norms_in,
                   handle signal_in) {
    Complexes<3> gram(gram_in, "gram");
    const Index n = gram.length(0), m = gram.length(1);
    require(gram.length(2) == m, "gram: expected the shape (n, m, m)");
    Complexes<1> x(x_in, "x", {m});
    Reals<1> share(share_in, "share", {n});
    ComplexesOut<2> projected(projected_in, "projected", {n, m});
    RealsOut<1> norms(norms_in, "norms", {n});
    ComplexesOut<1> signal(signal_in, "signal", {m});
    received(*gram, *x, *share, *projected, *norms, *signal);
}

double call_search(handle gram, handle radius2, bool balls, handle starts_in, handle x_in, handle share_in,
                   double best, double tolerance) {
    const Channels channels(gram, radius2);
    Complexes<2> starts(starts_in, "starts");
    require(starts.length(1) == channels.m, "starts: expected one column per user");
    ComplexesOut<1> x(x_in, "x", {channels.m});
    RealsOut<1> share(share_in, "share", {channels.n});
    nb::gil_scoped_release release;
    return search(*channels.gram, *channels.radius2, balls, *starts, *x, *share, best, tolerance);
}

double call_minimise_bound(handle gram_in, handle ranks_in, handle y_in, handle mu_in, handle factor_in,
                           double tolerance, double goal) {
    Complexes<3> gram(gram_in, "gram");
    const Index n = gram.length(0), m = gram.length(1);
    require(n > 0 && m > 0 && gram.length(2) == m, "gram: expected the shape (n, m, m), n and m at least 1");
    Reals<1> ranks(ranks_in, "ranks", {n});
    RealsOut<1> y(y_in, "y", {m}), mu(mu_in, "mu", {n});
    ComplexesOut<2> factor(factor_in, "factor", {m, m});
    nb::gil_scoped_release release;
    return minimise_bound(*gram, *ranks, *y, *mu, *factor, tolerance, goal);
}

void call_shifted_gram(handle gram_in, handle mix_in, handle shifted_in) {
    Complexes<3> gram(gram_in, "gram");
    const Index n = gram.length(0), m = gram.length(1);
    require(gram.length(2) == m, "gram: expected the shape (n, m, m)");
    Complexes<3> mix(mix_in, "mix", {n, m, m});
    ComplexesOut<3> shifted(shifted_in, "shifted", {n, m, m});
    nb::gil_scoped_release release;
    shifted_gram(*gram, *mix, *shifted);
}

void call_beam_errors(handle gram, handle radius2, bool balls, handle x_in, handle share_in, handle norms_in,
                      handle signal_in, handle q_in, handle mix_in) {
    const Channels channels(gram, radius2);
    const Index n = channels.n, m = channels.m;
    Complexes<1> x(x_in, "x", {m}), signal(signal_in, "signal", {m});
    Reals<1> share(share_in, "share", {n}), norms(norms_in, "norms", {n}), q(q_in, "q", {m});
    ComplexesOut<3> mix(mix_in, "mix", {n, m, m});
    nb::gil_scoped_release release;
    beam_errors(*channels.gram, *channels.radius2, balls, *x, *share, *norms, *signal, *q, *mix);
}

void call_relaxation_errors(handle gram, handle radius2, bool balls, handle mix_in, handle mu_in, handle factor_in,
                            handle new_mix_in) {
    const Channels channels(gram, radius2);
    const Index n = channels.n, m = channels.m;
    Complexes<3> mix(mix_in, "mix", {n, m, m});
    Reals<1> mu(mu_in, "mu", {n});
    Complexes<2> factor(factor_in, "factor", {m, m});
    ComplexesOut<3> new_mix(new_mix_in, "new_mix", {n, m, m});
    nb::gil_scoped_release release;
    relaxation_errors(*channels.gram, *channels.radius2, balls, *mix, *mu, *factor, *new_mix);
}

void call_merge_errors(handle gram, handle radius2, bool balls, handle ranks_in, handle mix_in, handle new_mix_in,
                       handle y_in, handle mu_in, double tolerance) {
    const Channels channels(gram, radius2);
    const Index n = channels.n, m = channels.m;
    Reals<1> ranks(ranks_in, "ranks", {n});
    ComplexesOut<3> mix(mix_in, "mix", {n, m, m});
    Complexes<3> new_mix(new_mix_in, "new_mix", {n, m, m});
    RealsOut<1> y(y_in, "y", {m}), mu(mu_in, "mu", {n});
    nb::gil_scoped_release release;
    merge_errors(*channels.gram, *channels.radius2, balls, *ranks, *mix, *new_mix, *y, *mu, tolerance);
}

void call_weigh_channels(handle gram, handle radius2, handle weights_in, handle gram_out_in, handle radius2_out_in) {
    const Channels channels(gram, radius2);
    const Index n = channels.n, m = channels.m;
    Reals<1> weights(weights_in, "weights", {m});
    ComplexesOut<3> gram_out(gram_out_in, "gram_out", {n, m, m});
    RealsOut<2> radius2_out(radius2_out_in, "radius2_out", {n, m});
    weigh_channels(*channels.gram, *channels.radius2, *weights, *gram_out, *radius2_out);
}

void call_solve_sets(handle gram, handle radius2, handle ranks_in, bool balls, handle floors_in, handle masks_in,
                     handle noise_in, std::int64_t rounds, double tolerance, handle status_in, handle lower_in,
                     handle upper_in, handle x_in, handle share_in, handle y_in, handle mu_in, handle mix_in) {
    const Channels channels(gram, radius2);
    const Index n = channels.n, m = channels.m;
    Reals<1> ranks(ranks_in, "ranks", {n}), floors(floors_in, "floors", {m});
    Integers<1> masks(masks_in, "masks");
    Complexes<2> noise(noise_in, "noise");
    require(noise.length(0) > 0 && noise.length(1) == m, "noise: expected at least one row, one column per user");
    const Index rows = Index{1} << n, sets = masks.length(0);
    require_range(*masks, 1, rows, "masks");
    IntegersOut<1> status(status_in, "status", {rows});
    RealsOut<1> lower(lower_in, "lower", {rows}), upper(upper_in, "upper", {rows});
    ComplexesOut<2> x(x_in, "x", {rows, m});
    RealsOut<2> share(share_in, "share", {rows, n}), y(y_in, "y", {sets, m}), mu(mu_in, "mu", {sets, n});
    ComplexesOut<4> mix(mix_in, "mix", {sets, n, m, m});
    nb::gil_scoped_release release;
    solve_sets({*channels.gram, *channels.radius2, *ranks, balls, *noise, rounds, tolerance}, *floors, *masks,
               {*status, *lower, *upper, *x, *share}, {*y, *mu, *mix});
}

void call_screen_sets(handle gram, handle radius2, bool balls, handle floors_in, handle status_in, handle upper_in) {
    const Channels channels(gram, radius2);
    const Index rows = Index{1} << channels.n;
    Reals<1> floors(floors_in, "floors", {channels.m});
    IntegersOut<1> status(status_in, "status", {rows});
    RealsOut<1> upper(upper_in, "upper", {rows});
    nb::gil_scoped_release release;
    screen_sets(*channels.gram, *channels.radius2, balls, *floors, *status, *upper);
}

nb::tuple call_prove_set(handle gram, handle radius2, bool balls, handle floors_in, double tolerance,
                         std::int64_t max_nodes, int status, double lower, double upper, handle x_in,
                         handle share_in) {
    const Channels channels(gram, radius2);
    Reals<1> floors(floors_in, "floors", {channels.m});
    ComplexesOut<1> x(x_in, "x", {channels.m});
    RealsOut<1> share(share_in, "share", {channels.n});
    Proof proof{};
    {
        nb::gil_scoped_release release;
        proof = prove_set(*channels.gram, *channels.radius2, balls, *floors, tolerance, max_nodes,
                          {status, lower, upper}, *x, *share);
    }
    return nb::make_tuple(proof.solved.status, proof.solved.lower, proof.solved.upper, proof.nodes);
}

nb::tuple call_branch_and_bound(handle gram, handle radius2, bool balls, double tolerance, std::int64_t max_nodes,
                                double ceiling, double best, handle x_in, handle share_in, double rounding) {
    const Channels channels(gram, radius2);
    ComplexesOut<1> x(x_in, "x", {channels.m});
    RealsOut<1> share(share_in, "share", {channels.n});
    SearchResult found{};
    {
        nb::gil_scoped_release release;
        found = branch_and_bound(*channels.gram, *channels.radius2, balls, tolerance, max_nodes, ceiling, best, *x,
                                 *share, rounding);
    }
    return nb::make_tuple(found.best, found.upper, found.nodes);
}

double call_lone_users_bound(handle gram, handle radius2, bool balls, handle floors_in, std::int64_t mask) {
    const Channels channels(gram, radius2);
    Reals<1> floors(floors_in, "floors", {channels.m});
    return lone_users_bound(*channels.gram, *channels.radius2, balls, *floors, mask);
}

double call_inherited_bound(handle parts_in, handle y_in, handle mu_in, handle floors_in, std::int64_t mask,
                            double known) {
    Reals<1> y(y_in, "y"), mu(mu_in, "mu");
    const Index n = mu.length(0), m = y.length(0);
    require(m > 0 && n <= MOST_NODES, "y, mu: expected at least one user, and nodes that fit into a bit mask");
    Complexes<3> parts(parts_in, "parts", {n, m, m});
    Reals<1> floors(floors_in, "floors", {m});
    return inherited_bound(*parts, *y, *mu, *floors, mask, known);
}

// The members of a PricingData, kept alive.
struct PricingArguments {
    Channels channels;
    Index n, m, pieces;
    RealsOut<1> table;
    Argument<std::int32_t, 1> applied;
    double bandwidth_hz;
    Reals<2> link;
    bool balls;
    Reals<1> floors;
    Integers<1> evidence_mask;
    Complexes<4> parts;
    Reals<2> y, mu;

    explicit PricingArguments(nb::tuple block)
        : channels(block[4], block[5]), n(channels.n), m(channels.m), pieces(static_cast<Index>(nb::len(nb::object(block[8])))),
          table(block[0], "table", {Index{1} << n}), applied(block[1], "applied", {Index{1} << n}),
          bandwidth_hz(nb::cast<double>(block[2])), link(block[3], "link", {n, n}), balls(nb::cast<bool>(block[6])),
          floors(block[7], "floors", {m}), evidence_mask(block[8], "evidence_mask", {pieces}),
          parts(block[9], "parts", {pieces, n, m, m}), y(block[10], "y", {pieces, m}), mu(block[11], "mu", {pieces, n}) {}

    PricingBlock view() const {
        return {*table, *applied, bandwidth_hz,   *link,  *channels.gram, *channels.radius2,
                balls,  *floors,  *evidence_mask, *parts, *y,             *mu};
    }
    // A set of the nodes, as a bit mask.
    std::int64_t set(std::int64_t mask) const {
        require(mask >= 0 && mask < table.length(0), "a set has a node that the block does not have");
        return mask;
    }
};

// As a tuple of the length that PricingData has; anything else is a TypeError.
nb::tuple pricing_tuple(handle block) {
    if (!nb::isinstance<nb::tuple>(block) || nb::len(block) != 12) throw nb::type_error("block: expected PricingData");
    return nb::borrow<nb::tuple>(block);
}

double call_inverse_rate(handle block, std::int64_t mask) {
    const PricingArguments data(pricing_tuple(block));
    return inverse_rate(data.view(), data.set(mask));
}

nb::tuple call_unit_delay(handle block, std::int64_t caching) {
    const PricingArguments data(pricing_tuple(block));
    const DelayedSet found = unit_delay(data.view(), data.set(caching));
    return nb::make_tuple(found.delay, found.members);
}

double call_rent_of(handle rent_in, std::int64_t caching) {
    Reals<1> rent(rent_in, "rent");
    require(rent.length(0) <= MOST_NODES, "rent: too many nodes for sets as bit masks");
    return rent_of(*rent, caching);
}

nb::tuple call_cheapest_set(handle block, handle rent_in, std::int64_t allowed, std::int64_t start) {
    const PricingArguments data(pricing_tuple(block));
    Reals<1> rent(rent_in, "rent", {data.n});
    data.set(allowed | start);
    PricedSet found{};
    {
        nb::gil_scoped_release release;
        found = cheapest_set(data.view(), *rent, allowed, start);
    }
    return nb::make_tuple(found.cost, found.caching, found.members);
}

nb::tuple call_reached_delay(handle link_in, std::int64_t caching, handle solved_in, handle inverse_in) {
    Reals<2> link(link_in, "link");
    require(link.length(0) == link.length(1) && link.length(0) <= MOST_NODES,
            "link: expected the shape (n, n), n within a bit mask");
    Integers<1> solved(solved_in, "solved");
    Reals<1> inverse(inverse_in, "inverse", {solved.length(0)});
    const DelayedSet found = reached_delay(*link, caching, *solved, *inverse);
    return nb::make_tuple(found.delay, found.members);
}

void bind_pricing(nb::module_& module) {
    module.def("lone_users_bound", &call_lone_users_bound, "gram"_a, "radius2"_a, "balls"_a, "floors"_a, "mask"_a);
    module.def("inherited_bound", &call_inherited_bound, "parts"_a, "y"_a, "mu"_a, "floors"_a, "mask"_a, "known"_a);
    module.def("inverse_rate", &call_inverse_rate, "block"_a, "mask"_a);
    module.def("unit_delay", &call_unit_delay, "block"_a, "caching"_a);
    module.def("rent_of", &call_rent_of, "rent"_a, "caching"_a);
    module.def("cheapest_set", &call_cheapest_set, "block"_a, "rent"_a, "allowed"_a, "start"_a);
    module.def("reached_delay", &call_reached_delay, "link"_a, "caching"_a, "solved"_a, "inverse"_a);
}

}  // namespace

void bind_beamforming(nb::module_& module) {
    module.attr("ROUNDING") = ROUNDING;
    module.attr("MARGIN") = MARGIN;
    module.attr("NOISE_SHARE") = NOISE_SHARE;
    module.attr("FEASIBLE") = FEASIBLE;
    module.attr("UNKNOWN") = UNKNOWN;
    module.attr("INFEASIBLE") = INFEASIBLE;
    module.def("lone_user", &call_lone_user, "gram"_a, "radius2"_a, "balls"_a, "user"_a, "share"_a);
    module.def("error_terms", &call_error_terms, "radius2"_a, "share"_a, "balls"_a, "q"_a);
    module.def("received", &call_received, "gram"_a, "x"_a, "share"_a, "projected"_a, "norms"_a, "signal"_a);
    module.def("search_from_starts", &call_search, "gram"_a, "radius2"_a, "balls"_a, "starts"_a, "x"_a, "share"_a,
               "best"_a, "tolerance"_a);
    module.def("minimise_bound", &call_minimise_bound, "gram"_a, "ranks"_a, "y"_a, "mu"_a, "factor"_a, "tolerance"_a,
               "goal"_a);
    module.def("shifted_gram", &call_shifted_gram, "gram"_a, "mix"_a, "shifted"_a);
    module.def("beam_errors", &call_beam_errors, "gram"_a, "radius2"_a, "balls"_a, "x"_a, "share"_a, "norms"_a,
               "signal"_a, "q"_a, "mix"_a);
    module.def("relaxation_errors", &call_relaxation_errors, "gram"_a, "radius2"_a, "balls"_a, "mix"_a, "mu"_a,
               "factor"_a, "new_mix"_a);
    module.def("merge_errors", &call_merge_errors, "gram"_a, "radius2"_a, "balls"_a, "ranks"_a, "mix"_a, "new_mix"_a,
               "y"_a, "mu"_a, "tolerance"_a);
    module.def("weigh_channels", &call_weigh_channels, "gram"_a, "radius2"_a, "weights"_a, "gram_out"_a,
               "radius2_out"_a);
    module.def("solve_sets", &call_solve_sets, "gram"_a, "radius2"_a, "ranks"_a, "balls"_a, "floors"_a, "masks"_a,
               "noise"_a, "rounds"_a, "tolerance"_a, "status"_a, "lower"_a, "upper"_a, "x"_a, "share"_a, "y"_a,
               "mu"_a, "mix"_a);
    module.def("screen_sets", &call_screen_sets, "gram"_a, "radius2"_a, "balls"_a, "floors"_a, "status"_a, "upper"_a);
    module.def("prove_set", &call_prove_set, "gram"_a, "radius2"_a, "balls"_a, "floors"_a, "tolerance"_a,
               "max_nodes"_a, "status"_a, "lower"_a, "upper"_a, "x"_a, "share"_a);
    module.def("branch_and_bound", &call_branch_and_bound, "gram"_a, "radius2"_a, "balls"_a, "tolerance"_a,
               "max_nodes"_a, "ceiling"_a, "best"_a, "x"_a, "share"_a, "rounding"_a = GRAM_SQUARE_ROUNDING);
    bind_pricing(module);
}

}  // namespace core
