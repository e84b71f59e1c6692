#include "knapsack/dual_simplex.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Shares and slacks above minus this count as not negative. In units of the largest block: far below one byte.
constexpr double SHARE = 1e-9;

// Slopes along an edge below this count as zero: rounding of sums of N prices of order one.
constexpr double SLOPE = 1e-11;

// Pivots below this make a matrix singular. Its entries are 0, 1 and sizes relative to the largest block.
constexpr double PIVOT = 1e-12;

// Relative margin per term of a sum for rounding in a proof that nothing fits: one unit in the last place.
constexpr double EPSILON = 0x1p-52;

// Roundings of one term beside those of the sum.
constexpr Index EXTRA_TERMS = 32;

// Steps between two comparisons with the cut-off: each costs a pass over all columns.
constexpr std::int64_t CHECKS = 4;

// Where along an edge a column becomes as cheap as the key of its block, and by how much the slope falls there.
struct Breakpoint {
    double step = INFINITE;
    std::int64_t column = -1;
    double loss = 0.0;
};

// Sum of ``values`` (N,) over the nodes of every set (2^N,).
void sum_over_sets(Vector<const double> values, Vector<double> total) {
    total(0) = 0.0;
    for (Index n = 0; n < values.size(); ++n) {
        for (Mask mask = 0; mask < only(n); ++mask) total(only(n) + mask) = total(mask) + values(n);
    }
}

// Place of the first of the largest magnitudes in column i from row i on; a NaN counts as the largest.
Index pivot_row(Matrix<const double> work, Index i) {
    Index pivot = i;
    for (Index r = i; r < work.shape[0]; ++r) {
        const double candidate = std::abs(work(r, i));
        if (std::isnan(candidate)) return r;
        if (candidate > std::abs(work(pivot, i))) pivot = r;
    }
    return pivot;
}

// Solve matrix x = b, or its transpose, by elimination with pivots; b is given in ``x``. False if it is singular.
bool solve(Matrix<const double> matrix, Matrix<double> work, Vector<double> x, bool transposed) {
    const Index n = x.size();
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) work(i, j) = transposed ? matrix(j, i) : matrix(i, j);
    }
    // forward: the rest of column i becomes zero
    for (Index i = 0; i < n; ++i) {
        const Index pivot = pivot_row(work, i);
        if (std::abs(work(pivot, i)) < PIVOT) return false;
        if (pivot != i) {
            for (Index j = 0; j < n; ++j) std::swap(work(i, j), work(pivot, j));
            std::swap(x(i), x(pivot));
        }
        for (Index r = i + 1; r < n; ++r) {
            const double factor = work(r, i) / work(i, i);
            if (factor == 0.0) continue;
            for (Index j = i; j < n; ++j) work(r, j) -= factor * work(i, j);
            x(r) -= factor * x(i);
        }
    }
    // backward: the unknowns from the last to the first
    for (Index i = n - 1; i >= 0; --i) {
        for (Index j = i + 1; j < n; ++j) x(i) -= work(i, j) * x(j);
        x(i) /= work(i, i);
    }
    return true;
}

// Place of the first of the smallest steps.
Index first_breakpoint(const Array<Breakpoint, 1>& breakpoints) {
    Index first = 0;
    for (Index k = 1; k < breakpoints.size(); ++k) {
        if (breakpoints(k).step < breakpoints(first).step) first = k;
    }
    return first;
}

// One run of the method, with the memory that its steps share.
class Ascent {
  public:
    Ascent(const ScaledKnapsack& knapsack, const Restrictions& restrictions, const Vertex& vertex,
           Vector<std::int64_t> key)
        : knapsack_(knapsack), columns_(knapsack.columns), restrictions_(restrictions), price_(vertex.price),
          rows_(vertex.rows), share_(vertex.share), key_(key), n_nodes_(knapsack.capacity.size()),
          n_blocks_(knapsack.columns.n_blocks()), rent_(only(n_nodes_)), slope_(only(n_nodes_)),
          matrix_(n_nodes_, n_nodes_), work_(n_nodes_, n_nodes_), direction_(n_nodes_), edge_(n_nodes_),
          bound_(n_nodes_), tied_(n_blocks_), breakpoints_(n_blocks_) {}

    LpOutcome run(double cutoff, std::int64_t steps);

  private:
    bool open(Index block, std::int64_t column) const {
        const Mask mask = columns_.mask(column), need = restrictions_.need(block);
        return (mask & need) == need && (mask & restrictions_.forbid(block)) == 0;
    }
    void price_sets() const { sum_over_sets(price_, rent_); }
    bool some_block_closed() const;
    bool usable() const;
    void start();
    double cheapest(Vector<std::int64_t> chosen) const;
    void swap_key(Index row) const;
    void swap_closed_keys() const;
    void fill_equations() const;
    Index negative_key() const;
    bool find_shares() const;
    Index leaving_row() const;
    Breakpoint breakpoint(Index block, std::int64_t skip) const;
    bool advance(Index leaving);
    void mark_other_rows(Index leaving) const;
    bool rises_for_ever();

    const ScaledKnapsack& knapsack_;
    const ColumnSets& columns_;
    const Restrictions& restrictions_;
    Vector<double> price_;
    Matrix<std::int64_t> rows_;
    Vector<double> share_;
    Vector<std::int64_t> key_;
    Index n_nodes_, n_blocks_;
    OwnVector<double> rent_, slope_;    // sums over sets of the prices, and of the direction
    OwnMatrix<double> matrix_, work_;   // equations of the rows, and a copy to eliminate in
    OwnVector<double> direction_, edge_;
    OwnVector<bool> bound_, tied_;      // nodes whose price stays 0, blocks whose columns stay tied, along the edge
    OwnVector<Breakpoint> breakpoints_;  // next one of every block
};

// Whether some block has no open column.
bool Ascent::some_block_closed() const {
    for (Index k = 0; k < n_blocks_; ++k) {
        bool found = false;
        for (Index c = columns_.starts(k); c < columns_.starts(k + 1) && !found; ++c) found = open(k, c);
        if (!found) return true;
    }
    return false;
}

// Whether every block that is tied has a tied column that is open; if not, the vertex is no start.
bool Ascent::usable() const {
    for (Index i = 0; i < n_nodes_; ++i) {
        const Index k = rows_(i, 0);
        if (k == FREE) continue;
        bool found = open(k, rows_(i, 2));
        for (Index j = 0; j < n_nodes_; ++j) found = found || (rows_(j, 0) == k && open(k, rows_(j, 1)));
        if (!found) return false;
    }
    return true;
}

// Cheapest columns at the vertex; one that is no start is replaced by lambda = 0.
void Ascent::start() {
    cheapest(key_);
    if (!usable()) {
        for (Index n = 0; n < n_nodes_; ++n) {
            price_(n) = 0.0;
            rows_(n, 0) = FREE;
            rows_(n, 1) = n;
            rows_(n, 2) = 0;
        }
        price_sets();
        cheapest(key_);
    }
    // of tied columns, the one that the rows tie with is the key
    for (Index i = 0; i < n_nodes_; ++i) {
        if (rows_(i, 0) != FREE) key_(rows_(i, 0)) = rows_(i, 2);
    }
}

// L, and the cheapest open column of every block: min_C T_k(C) + D_k sum_{n in C} lambda_n.
double Ascent::cheapest(Vector<std::int64_t> chosen) const {
    double total = 0.0;
    for (Index k = 0; k < n_blocks_; ++k) {
        double best = INFINITE;
        for (Index c = columns_.starts(k); c < columns_.starts(k + 1); ++c) {
            const double cost = columns_.delay_s(c) + knapsack_.size(k) * rent_(columns_.mask(c));
            if (cost < best && open(k, c)) {
                best = cost;
                chosen(k) = c;
            }
        }
        total += best;
    }
    for (Index n = 0; n < n_nodes_; ++n) total -= price_(n) * knapsack_.capacity(n);
    return total;
}

// Make the column of a row the key of its block; the old key takes its place in the row.
void Ascent::swap_key(Index row) const {
    const std::int64_t block = rows_(row, 0), column = rows_(row, 1);
    rows_(row, 1) = key_(block);
    key_(block) = column;
    for (Index i = 0; i < n_nodes_; ++i) {
        if (rows_(i, 0) == block) rows_(i, 2) = column;
    }
}

// A closed key is swapped for an open column that it ties with.
void Ascent::swap_closed_keys() const {
    for (Index i = 0; i < n_nodes_; ++i) {
        const std::int64_t k = rows_(i, 0);
        if (k != FREE && !open(k, key_(k)) && open(k, rows_(i, 1))) swap_key(i);
    }
}

// Storage that the keys leave, in share_, and per row what a share of its column takes of it.
void Ascent::fill_equations() const {
    share_.copy_from(knapsack_.capacity);
    for (Index k = 0; k < n_blocks_; ++k) {
        for (Index n = 0; n < n_nodes_; ++n) {
            if (holds(columns_.mask(key_(k)), n)) share_(n) -= knapsack_.size(k);
        }
    }
    for (Index i = 0; i < n_nodes_; ++i) {
        const std::int64_t k = rows_(i, 0), c = rows_(i, 1);
        for (Index n = 0; n < n_nodes_; ++n) {
            if (k == FREE) {
                matrix_(i, n) = n == c ? 1.0 : 0.0;
            } else {
                const int step = holds(columns_.mask(c), n) - holds(columns_.mask(key_(k)), n);
                matrix_(i, n) = knapsack_.size(k) * step;
            }
        }
    }
}

// The row whose column takes the place of the key of least, negative share; -1 if there is none.
Index Ascent::negative_key() const {
    double least = -SHARE;
    Index row = -1;
    for (Index i = 0; i < n_nodes_; ++i) {
        const std::int64_t k = rows_(i, 0);
        // a closed column never becomes key: its share makes it leave
        if (k == FREE || !open(k, rows_(i, 1))) continue;
        double rest = 1.0;
        for (Index j = 0; j < n_nodes_; ++j) {
            if (rows_(j, 0) == k) rest -= share_(j);
        }
        if (rest < least || (row >= 0 && k == rows_(row, 0) && share_(i) > share_(row))) {
            least = rest;
            row = i;
        }
    }
    return row;
}

// Shares of the rows; keys are changed until none is closed or of negative share. False if the rows are dependent.
bool Ascent::find_shares() const {
    swap_closed_keys();
    for (Index round = 0; round < 2 * n_nodes_ + 1; ++round) {
        fill_equations();
        if (!solve(matrix_, work_, share_, true)) return false;
        const Index row = negative_key();
        if (row < 0) return true;
        swap_key(row);
    }
    return true;
}

// The row whose edge rises most steeply, with its direction; -1 at the maximum.
Index Ascent::leaving_row() const {
    double best = 0.0;
    Index leaving = -1;
    for (Index i = 0; i < n_nodes_; ++i) {
        const std::int64_t k = rows_(i, 0);
        const bool closed = k != FREE && !open(k, rows_(i, 1));
        // a closed column leaves whatever the sign of its share
        const double gain = closed ? std::abs(share_(i)) : -share_(i);
        if (gain <= SHARE) continue;
        edge_.fill(0.0);
        edge_(i) = closed && share_(i) > 0.0 ? -1.0 : 1.0;
        if (!solve(matrix_, work_, edge_, false)) continue;
        // gain per length, squared
        double length2 = 0.0;
        for (Index n = 0; n < n_nodes_; ++n) length2 += edge_(n) * edge_(n);
        const double steepness = gain * gain / length2;
        if (steepness > best) {
            best = steepness;
            leaving = i;
            direction_.copy_from(edge_);
        }
    }
    return leaving;
}

// Where along the edge another column of a block becomes as cheap as its key; of equal steps the largest loss.
Breakpoint Ascent::breakpoint(Index block, std::int64_t skip) const {
    const std::int64_t key = key_(block);
    const Mask key_mask = columns_.mask(key);
    const double size = knapsack_.size(block), cost = columns_.delay_s(key) + size * rent_(key_mask);
    Breakpoint first;
    for (Index c = columns_.starts(block); c < columns_.starts(block + 1); ++c) {
        const Mask mask = columns_.mask(c);
        const double fall = slope_(key_mask) - slope_(mask);
        if (!(fall > SLOPE) || c == skip || !open(block, c)) continue;
        const double step = std::max(columns_.delay_s(c) + size * rent_(mask) - cost, 0.0) / (size * fall);
        if (step < first.step || (step == first.step && size * fall > first.loss)) first = {step, c, size * fall};
    }
    return first;
}

// The rows other than the one that leaves: prices that stay 0 and blocks whose columns stay tied.
void Ascent::mark_other_rows(Index leaving) const {
    tied_.fill(false);
    bound_.fill(false);
    for (Index i = 0; i < n_nodes_; ++i) {
        if (rows_(i, 0) == FREE) {
            bound_(rows_(i, 1)) = i != leaving;
        } else if (i != leaving) {
            tied_(rows_(i, 0)) = true;
        }
    }
}

// Go along the edge while L rises and put what stops the rise into the row; false if L rises without end.
bool Ascent::advance(Index leaving) {
    const std::int64_t skip = rows_(leaving, 0) != FREE ? rows_(leaving, 1) : -1;
    double rise = std::abs(share_(leaving));
    mark_other_rows(leaving);
    // the first price that falls to zero
    double zero_step = INFINITE;
    Index zero_node = -1;
    for (Index n = 0; n < n_nodes_; ++n) {
        if (direction_(n) < -SLOPE && !bound_(n) && price_(n) / -direction_(n) < zero_step) {
            zero_step = price_(n) / -direction_(n);
            zero_node = n;
        }
    }
    // past the breakpoints of single blocks, as long as the slope stays positive
    for (Index k = 0; k < n_blocks_; ++k) breakpoints_(k) = breakpoint(k, skip);
    double length;
    while (true) {
        const Index k = first_breakpoint(breakpoints_);
        const Breakpoint next = breakpoints_(k);
        length = std::min(next.step, zero_step);
        if (length == INFINITE) return false;
        if (zero_step <= next.step) {
            rows_(leaving, 0) = FREE;
            rows_(leaving, 1) = zero_node;
            rows_(leaving, 2) = 0;
            break;
        }
        if (tied_(k) || rise - next.loss <= SLOPE) {
            rows_(leaving, 0) = k;
            rows_(leaving, 1) = next.column;
            rows_(leaving, 2) = key_(k);
            break;
        }
        rise -= next.loss;
        key_(k) = next.column;
        breakpoints_(k) = breakpoint(k, skip);
    }
    for (Index n = 0; n < n_nodes_; ++n) price_(n) = std::max(0.0, price_(n) + length * direction_(n));
    for (Index i = 0; i < n_nodes_; ++i) {
        if (rows_(i, 0) == FREE) price_(rows_(i, 1)) = 0.0;
    }
    return true;
}

// Whether prices along the direction prove that the open columns cannot fit:
// sum_k D_k min_C sum_{n in C} d_n > sum_n d_n Q_n for some d >= 0, with a margin for rounding.
bool Ascent::rises_for_ever() {
    for (Index n = 0; n < n_nodes_; ++n) direction_(n) = std::max(direction_(n), 0.0);
    sum_over_sets(direction_, slope_);
    double rise = 0.0, room = 0.0;
    for (Index k = 0; k < n_blocks_; ++k) {
        double least = INFINITE;
        for (Index c = columns_.starts(k); c < columns_.starts(k + 1); ++c) {
            if (open(k, c)) least = std::min(least, slope_(columns_.mask(c)));
        }
        rise += knapsack_.size(k) * least;
    }
    for (Index n = 0; n < n_nodes_; ++n) room += direction_(n) * knapsack_.capacity(n);
    const double margin = EPSILON * static_cast<double>(n_blocks_ + 2 * n_nodes_ + EXTRA_TERMS);
    return rise > room + margin * (rise + room);
}

LpOutcome Ascent::run(double cutoff, std::int64_t steps) {
    if (some_block_closed()) return {LpStatus::INFEASIBLE, INFINITE};
    price_sets();
    start();
    LpStatus status = LpStatus::UNFINISHED;
    OwnVector<std::int64_t> ignored(n_blocks_);
    for (std::int64_t step = 0; step < steps; ++step) {
        // the shares say which row leaves; dependent rows end the run with the bound reached
        if (!find_shares()) break;
        const Index leaving = leaving_row();
        if (leaving < 0) {
            status = LpStatus::OPTIMAL;
            break;
        }
        // L rises along the edge to the next vertex
        sum_over_sets(direction_, slope_);
        if (!advance(leaving)) {
            if (rises_for_ever()) return {LpStatus::INFEASIBLE, INFINITE};
            break;
        }
        price_sets();
        // now and then: is the bound good enough already?
        if (cutoff < INFINITE && step % CHECKS == CHECKS - 1) {
            const double value = cheapest(ignored);
            if (value >= cutoff) return {LpStatus::CUT_OFF, value};
        }
    }
    return {status, cheapest(ignored)};
}

}  // namespace

LpOutcome dual_simplex(const ScaledKnapsack& knapsack, const Restrictions& restrictions, const Vertex& vertex,
                       Vector<std::int64_t> key, double cutoff, std::int64_t steps) {
    return Ascent(knapsack, restrictions, vertex, key).run(cutoff, steps);
}

bool propagate(Vector<const std::int64_t> size_bytes, Vector<const std::int64_t> storage_bytes,
               Vector<const Mask> need, Vector<Mask> forbid) {
    const Index n_nodes = storage_bytes.size();
    OwnVector<std::int64_t> free_bytes(n_nodes);
    free_bytes.copy_from(storage_bytes);
    // what must be cached takes its room; the sum stops at the first node that is too small, before it can overflow
    for (Index k = 0; k < need.size(); ++k) {
        for (Index n = 0; n < n_nodes; ++n) {
            if (!holds(need(k), n)) continue;
            free_bytes(n) -= size_bytes(k);
            if (free_bytes(n) < 0) return false;
        }
    }
    // what is larger than the room that is left cannot be cached
    for (Index k = 0; k < need.size(); ++k) {
        for (Index n = 0; n < n_nodes; ++n) {
            if (size_bytes(k) > free_bytes(n) && !holds(need(k), n)) forbid(k) |= only(n);
        }
    }
    return true;
}

}  // namespace core
