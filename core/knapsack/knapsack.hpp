// The knapsack of F5 as its methods see it: one column per block k and caching set C, with delay T_k(C).
#pragma once

#include "array.hpp"

namespace core {

using Mask = std::int64_t;

// Sets of nodes are bit masks, and some methods keep one number per set.
constexpr Index MOST_NODES = 30;

// Sizes of all blocks together: storage less what is used then never overflows 64 bits
// (fgamcd_opt.formulations.knapsack.multiple_choice.MOST_BYTES).
constexpr std::int64_t MOST_BYTES = std::int64_t{1} << 62;

// Whether a node belongs to a set.
inline bool holds(Mask mask, Index node) { return (mask >> node) & 1; }

// The set of one node.
inline Mask only(Index node) { return Mask{1} << node; }

// The columns of block k are starts(k) to starts(k + 1).
struct ColumnSets {
    Vector<const std::int64_t> starts;
    Vector<const Mask> mask;
    Vector<const double> delay_s;

    Index n_blocks() const { return starts.size() - 1; }
};

}  // namespace core
