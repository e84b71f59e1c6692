// Pricing of caching sets: the cheapest (C, S) of one block for given rents of storage, by branch and bound.
//
// For one block and rents p_n = lambda_n / 8 (s per bit) all costs scale with D_k, so per bit it is
//
//     min over C, S containing C of  max_{m in S \ C} min_{n in C} 1 / R_{n,m,k}  +  1 / rho(S)  +  sum_{n in C} p_n.
//
// The delay T(C) (the first two terms, S at its best) falls when C grows and the rent rises. So with nodes decided one by
// one, rent(chosen) + T(chosen and undecided) is a lower bound on everything below, and few of the 2^N sets are ever
// looked at. Within T(C) rates only rise with S (F4): for every slowest link that is accepted the largest S is best.
//
// Rates are proved bounds, made when a set is first asked for and kept in a table whose untouched pages cost nothing.
#pragma once

#include "array.hpp"
#include "complex.hpp"

namespace core {

// What pricing reads of one block; fgamcd_opt.beamforming.set_pricing.PricingData describes the members.
struct PricingBlock {
    Vector<double> table;
    Vector<std::int32_t> applied;
    double bandwidth_hz;
    Matrix<const double> link;
    Cube<const Complex> gram;
    Matrix<const double> radius2;
    bool balls;
    Vector<const double> floors;
    Vector<const std::int64_t> evidence_mask;
    View<const Complex, 4> parts;
    Matrix<const double> y, mu;
};

struct PricedSet {
    double cost;
    std::int64_t caching, members;  // C and S; 0, 0 if no set can serve the block
};

struct DelayedSet {
    double delay;
    std::int64_t members;
};

// Proved lower bound on 1 / rho(S) in s per bit, infinite if S cannot serve the block.
double inverse_rate(const PricingBlock& block, std::int64_t mask);

// T(C) per bit by rate bounds, and the participating set S that attains it (0 if none can serve).
DelayedSet unit_delay(const PricingBlock& block, std::int64_t caching);

// Sum of the rents of the nodes in C.
double rent_of(Vector<const double> rent, std::int64_t caching);

// Least priced delay per bit over all (C, S). rent (N,) in s per bit, >= 0; allowed: nodes that may cache the block;
// start: a caching set to begin with, 0 if there is none; a good one makes the search shorter.
PricedSet cheapest_set(const PricingBlock& block, Vector<const double> rent, std::int64_t allowed, std::int64_t start);

// T(C) per bit with the known beams, and the solved set whose beam is used (0 if there is none).
// link (N, N) 1 / R in s per bit, infinite without a link; solved, inverse (s,): sets with a beam and 1 / its rate.
DelayedSet reached_delay(Matrix<const double> link, std::int64_t caching, Vector<const std::int64_t> solved,
                         Vector<const double> inverse);

}  // namespace core
