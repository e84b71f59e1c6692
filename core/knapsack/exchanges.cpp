#include "knapsack/exchanges.hpp"

#include <algorithm>
#include <limits>

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Most moves of a repair per block: a few per node, so that a repair that goes round in circles ends.
constexpr Index REPAIRS_PER_BLOCK = 20;

// A column of a block, -1 and -1 if there is none.
struct Move {
    Index block = -1;
    Index column = -1;
};

// A choice of one column per block, and the bytes free on every node; negative where it is overfull.
class Choice {
  public:
    Choice(const WholeKnapsack& knapsack, Vector<std::int64_t> chosen)
        : columns_(knapsack.columns), size_(knapsack.size_bytes), chosen_(chosen),
          everywhere_(only(knapsack.storage_bytes.size()) - 1), free_(knapsack.storage_bytes.size()), relief_(free_.size()) {
        free_.copy_from(knapsack.storage_bytes);
        for (Index k = 0; k < chosen_.size(); ++k) place(size_(k), 0, set_of(k));
    }

    bool repair();
    void move_all();
    bool exchange_all(double worthwhile_s);
    double delay_s() const;

  private:
    Mask set_of(Index block) const { return columns_.mask(chosen_(block)); }
    double delay_of(Index block) const { return columns_.delay_s(chosen_(block)); }
    void place(std::int64_t size, Mask before, Mask after) const;
    void put(const Move& move) const;
    Mask room(std::int64_t size) const;
    void fill_relief(std::int64_t size, Mask before) const;
    std::int64_t relief(Mask changed) const;
    Move least_costly_repair(Mask overfull) const;
    Move make_room(Index block, double most_s) const;

    const ColumnSets& columns_;
    Vector<const std::int64_t> size_;
    Vector<std::int64_t> chosen_;
    Mask everywhere_;
    OwnVector<std::int64_t> free_, relief_;
};

// Account for a block whose caching set changes.
void Choice::place(std::int64_t size, Mask before, Mask after) const {
    for (Index n = 0; n < free_.size(); ++n) free_(n) += (holds(before, n) - holds(after, n)) * size;
}

void Choice::put(const Move& move) const {
    place(size_(move.block), set_of(move.block), columns_.mask(move.column));
    chosen_(move.block) = move.column;
}

// The nodes with at least ``size`` bytes free.
Mask Choice::room(std::int64_t size) const {
    Mask nodes = 0;
    for (Index n = 0; n < free_.size(); ++n) {
        if (free_(n) >= size) nodes |= only(n);
    }
    return nodes;
}

// Bytes by which overfull nodes become less so if a block of this size leaves a node (n in ``before``) or comes to it.
void Choice::fill_relief(std::int64_t size, Mask before) const {
    for (Index n = 0; n < free_.size(); ++n) {
        const std::int64_t excess = std::max<std::int64_t>(-free_(n), 0);
        const std::int64_t left = holds(before, n) ? free_(n) + size : free_(n) - size;
        relief_(n) = excess - std::max<std::int64_t>(-left, 0);
    }
}

// Their sum over the nodes that a move changes; without branches, for this is the innermost loop.
std::int64_t Choice::relief(Mask changed) const {
    std::int64_t total = 0;
    for (Index n = 0; n < relief_.size(); ++n) total += relief_(n) & -((changed >> n) & 1);
    return total;
}

// The move off overfull nodes that adds the least delay per byte relieved.
Move Choice::least_costly_repair(Mask overfull) const {
    double best = INFINITE;
    Move move;
    for (Index k = 0; k < chosen_.size(); ++k) {
        const Mask before = set_of(k);
        if ((before & overfull) == 0) continue;
        fill_relief(size_(k), before);
        const double now = delay_of(k);
        for (Index c = columns_.starts(k); c < columns_.starts(k + 1); ++c) {
            const Mask after = columns_.mask(c);
            if ((before & ~after & overfull) == 0) continue;
            const std::int64_t relieved = relief(before ^ after);
            if (relieved <= 0) continue;
            const double price = (columns_.delay_s(c) - now) / static_cast<double>(relieved);
            if (price < best) {
                best = price;
                move = {k, c};
            }
        }
    }
    return move;
}

// Least costly moves off overfull nodes, until there are none; false if that ends before.
bool Choice::repair() {
    for (Index i = 0; i < REPAIRS_PER_BLOCK * chosen_.size(); ++i) {
        const Mask overfull = everywhere_ & ~room(0);
        if (overfull == 0) return true;
        const Move move = least_costly_repair(overfull);
        if (move.block < 0) return false;
        put(move);
    }
    return false;
}

// Move every block to its quickest column that fits, until nothing moves.
void Choice::move_all() {
    bool moved = true;
    while (moved) {
        moved = false;
        for (Index k = 0; k < chosen_.size(); ++k) {
            const Mask closed = ~(room(size_(k)) | set_of(k));
            for (Index c = columns_.starts(k); c < chosen_(k); ++c) {
                if ((columns_.mask(c) & closed) != 0) continue;
                put({k, c});
                moved = true;
                break;
            }
        }
    }
}

// The least costly move of a block other than ``block`` after which all fits, if it costs less than ``most_s``.
Move Choice::make_room(Index block, double most_s) const {
    const Mask overfull = everywhere_ & ~room(0);
    // bytes that are too much on the fullest node
    std::int64_t excess = 0;
    for (Index n = 0; n < free_.size(); ++n) excess = std::max(excess, -free_(n));
    double best = most_s;
    Move move;
    for (Index other = 0; other < chosen_.size(); ++other) {
        const Mask before = set_of(other);
        const std::int64_t size = size_(other);
        const double now = delay_of(other);
        const Index first = columns_.starts(other), end = columns_.starts(other + 1);
        // it must lie on all overfull nodes, leave each of them, be what is too much there, and cost less than the best
        if (other == block || (overfull & ~before) || size < excess || columns_.delay_s(first) - now >= best) continue;
        const Mask closed = overfull | ~(room(size) | before);
        for (Index c = first; c < end; ++c) {
            const double cost = columns_.delay_s(c) - now;
            if (cost >= best) break;
            if ((columns_.mask(c) & closed) == 0) {
                best = cost;
                move = {other, c};
                break;
            }
        }
    }
    return move;
}

// Let every block gain where another makes room for less than the gain; true if something was exchanged.
bool Choice::exchange_all(double worthwhile_s) {
    bool exchanged = false;
    for (Index k = 0; k < chosen_.size(); ++k) {
        for (Index c = columns_.starts(k); c < chosen_(k); ++c) {
            const double gain = delay_of(k) - columns_.delay_s(c);
            if (gain < worthwhile_s) break;
            // the block goes where it does not fit; another one makes room, or it goes back
            const Mask before = set_of(k), after = columns_.mask(c);
            place(size_(k), before, after);
            const Move move = make_room(k, gain - worthwhile_s);
            if (move.block >= 0) {
                put(move);
                chosen_(k) = c;
                exchanged = true;
                break;
            }
            place(size_(k), after, before);
        }
    }
    return exchanged;
}

double Choice::delay_s() const {
    double total = 0.0;
    for (Index k = 0; k < chosen_.size(); ++k) total += delay_of(k);
    return total;
}

}  // namespace

bool repair(const WholeKnapsack& knapsack, Vector<std::int64_t> chosen) { return Choice(knapsack, chosen).repair(); }

bool polish(const WholeKnapsack& knapsack, Vector<std::int64_t> chosen, double promising_s, double worthwhile) {
    Choice choice(knapsack, chosen);
    if (!choice.repair()) return false;
    choice.move_all();
    const double total = choice.delay_s();
    if (total <= promising_s) {
        while (choice.exchange_all(worthwhile * total)) choice.move_all();
    }
    return true;
}

}  // namespace core
