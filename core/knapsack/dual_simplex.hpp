// LP relaxation of the knapsack of F5 by a dual simplex method on the storage multipliers.
//
//     L(lambda) = sum_k min_C (T_k(C) + D_k sum_{n in C} lambda_n) - sum_n lambda_n Q_n,    lambda >= 0
//
// is concave and piecewise linear in one price per node. A vertex lies on N rows: lambda_n = 0, or two columns of a
// block cost the same. fgamcd_opt.formulations.knapsack.dual_simplex says more.
#pragma once

#include "knapsack/knapsack.hpp"

namespace core {

// Why dual_simplex ended.
enum class LpStatus { OPTIMAL, INFEASIBLE, CUT_OFF, UNFINISHED };

// Block of a row that says lambda_n = 0.
constexpr std::int64_t FREE = -1;

// The columns with sizes and capacities as multiples of the largest block.
struct ScaledKnapsack {
    ColumnSets columns;
    Vector<const double> size;
    Vector<const double> capacity;
};

// Nodes that must (need) and must not (forbid) cache each block.
struct Restrictions {
    Vector<const Mask> need;
    Vector<const Mask> forbid;
};

// A point of the dual: prices (N,), rows (N, 3) of block, column and the column that it ties with (or FREE, node, 0),
// and the share (N,) of each row's column, or the slack of its node's storage.
struct Vertex {
    Vector<double> price;
    Matrix<std::int64_t> rows;
    Vector<double> share;
};

struct LpOutcome {
    LpStatus status;
    double value_s;  // L at the vertex; infinite if nothing feasible is left
};

// Ascend from a vertex to the maximum of L over the open columns, in at most so many steps, or until L is ``cutoff``.
// The vertex and ``key`` (R,), the cheapest column of every block, are changed in place.
LpOutcome dual_simplex(const ScaledKnapsack& knapsack, const Restrictions& restrictions, const Vertex& vertex,
                       Vector<std::int64_t> key, double cutoff, std::int64_t steps);

// Forbid what no longer fits beside what must be cached, in whole bytes; false if that alone is too much.
bool propagate(Vector<const std::int64_t> size_bytes, Vector<const std::int64_t> storage_bytes,
               Vector<const Mask> need, Vector<Mask> forbid);

}  // namespace core
