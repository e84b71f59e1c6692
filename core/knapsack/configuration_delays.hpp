// T_k(C): delay of one caching unit for every caching set C (F5), by enumeration of the participating sets.
#pragma once

#include "knapsack/knapsack.hpp"

namespace core {

// What is cached together, and what its delivery takes. The blocks of unit u are starts(u) to starts(u + 1).
struct DeliveryTimes {
    Vector<const std::int64_t> starts;
    Vector<const double> bits;          // (R,) D_k
    Cube<const double> backhaul_bps;    // (1 or R, N, N) R_{n,m,k}
    Matrix<const double> air_s;         // (R, 2^N) A_k(S)
};

// Fills T (units, 2^N), infinite where C leads to no delivery, and the set S that attains it, 0 where there is none:
//
//     T_k(C) = min over S containing C of  max_{m in S \ C} min_{n in C} D_k / R_{n,m,k}  +  A_k(S)
//
// S is C alone unless ``migrate``. The delays of the blocks of a unit add up for the same C and S.
void configuration_delays(const DeliveryTimes& times, bool migrate, Matrix<double> delay_s, Matrix<Mask> served_by);

}  // namespace core
