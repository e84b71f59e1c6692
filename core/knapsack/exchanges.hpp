// Local search on the knapsack of F5: repair, moves and exchanges with the exact T_k(C), in whole bytes.
#pragma once

#include "knapsack/knapsack.hpp"

namespace core {

// Columns sorted by delay within a block; sizes (R,) and storage (N,) in bytes, of at most MOST_BYTES together.
struct WholeKnapsack {
    ColumnSets columns;
    Vector<const std::int64_t> size_bytes;
    Vector<const std::int64_t> storage_bytes;
};

// Moves off overfull nodes at the least increase of delay per byte relieved; false if they end before all fits.
// ``chosen`` (R,), a column of every block, is changed in place here and below.
bool repair(const WholeKnapsack& knapsack, Vector<std::int64_t> chosen);

// Repair, then every block to a quicker column that fits; if the delay is then ``promising_s`` or less, also to one that
// fits where another block makes room at less cost, as long as that gains more than this share ``worthwhile`` of it.
// False if no repair is found.
bool polish(const WholeKnapsack& knapsack, Vector<std::int64_t> chosen, double promising_s, double worthwhile);

}  // namespace core
