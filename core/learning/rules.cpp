#include "learning/rules.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

bool holds(Mask mask, Index node) { return (mask >> node) & 1; }

Mask only(Index node) { return Mask{1} << node; }

// Place of node m among the others of node n.
Index column_of(Index n, Index m) { return m > n ? m - 1 : m; }

// Node j of the others of node n, which stand in increasing order.
Index other_of(Index n, Index j) { return j >= n ? j + 1 : j; }

// Node with most room, the first of several.
Index roomiest(Vector<const std::int64_t> room) {
    return std::max_element(room.data, room.data + room.size()) - room.data;
}

bool some_take(Matrix<Flag> chosen) {
    for (Index n = 0; n < chosen.shape[0]; ++n) {
        if (chosen(n, 0)) return true;
    }
    return false;
}

// Node of C, the first of several, with the fastest link to node m outside C; -1 if it is in C or C is empty.
Index fastest_sender(Mask caching, Index m, Links link_s) {
    Index fastest = -1;
    if (holds(caching, m)) return fastest;
    for (Index n = 0; n < link_s.shape[0]; ++n) {
        if (!holds(caching, n)) continue;
        if (fastest < 0 || link_s(n, column_of(n, m)) < link_s(fastest, column_of(fastest, m))) fastest = n;
    }
    return fastest;
}

// One copy's decision while it is executed.
class Execution {
  public:
    Execution(Matrix<Flag> chosen, Vector<std::int64_t> room, Index row, Index end, const Steps& steps)
        : chosen_(chosen), room_(room), row_(row), end_(end), steps_(steps), link_s_(steps.link_s.row(row)),
          size_(steps.block_bytes(row)), n_nodes_(chosen.shape[0]), left_(n_nodes_), arrival_s_(n_nodes_) {}

    void run(bool repaired) {
        // (1): no caching beyond the room that is left
        for (Index n = 0; n < n_nodes_; ++n) chosen_(n, 0) = chosen_(n, 0) && room_(n) >= size_;
        if (repaired) {
            keep_reserve();
            if (steps_.requested(row_)) place_orphan();
        }
        mask_links();
        if (repaired) drop_needless_links();
        for (Index n = 0; n < n_nodes_; ++n) {
            if (chosen_(n, 0)) room_(n) -= size_;
        }
    }

  private:
    void keep_reserve();
    bool all_placed() const;
    void place_orphan() const;
    void mask_links() const;
    void drop_needless_links();

    Matrix<Flag> chosen_;
    Vector<std::int64_t> room_;
    Index row_, end_;
    const Steps& steps_;
    Links link_s_;
    std::int64_t size_;
    Index n_nodes_;
    OwnVector<std::int64_t> left_;
    OwnVector<double> arrival_s_;
};

// Let nodes drop out, least room first, until every requested block to come has a place. They have one if each, one
// after the other, fits once into the node that then has most room. Where even one taker crowds them out, none is left:
// the block then goes to the roomiest node as well.
void Execution::keep_reserve() {
    while (some_take(chosen_)) {
        for (Index n = 0; n < n_nodes_; ++n) left_(n) = room_(n) - (chosen_(n, 0) ? size_ : 0);
        if (all_placed()) break;
        Index least = -1;
        for (Index n = 0; n < n_nodes_; ++n) {
            if (chosen_(n, 0) && (least < 0 || room_(n) <= room_(least))) least = n;
        }
        chosen_(least, 0) = false;
    }
}

// Whether the blocks to come fit, each into the roomiest node; ``left_`` is used up.
bool Execution::all_placed() const {
    for (Index row = row_ + 1; row < end_; ++row) {
        if (!steps_.requested(row)) continue;
        const Index node = roomiest(left_);
        if (left_(node) < steps_.block_bytes(row)) return false;
        left_(node) -= steps_.block_bytes(row);
    }
    return true;
}

// Give a block that no node takes to the node with most room, if it fits there.
void Execution::place_orphan() const {
    if (some_take(chosen_)) return;
    const Index node = roomiest(room_);
    chosen_(node, 0) = room_(node) >= size_;
}

// (2): drop migration from nodes that do not cache the block and over links that do not exist.
void Execution::mask_links() const {
    for (Index n = 0; n < n_nodes_; ++n) {
        for (Index j = 0; j < n_nodes_ - 1; ++j) {
            chosen_(n, 1 + j) = chosen_(n, 1 + j) && chosen_(n, 0) && std::isfinite(link_s_(n, j));
        }
    }
}

// Drop migration to nodes that cache the block, and all but the fastest link to each other node.
void Execution::drop_needless_links() {
    arrival_s_.fill(INFINITE);
    for (Index n = 0; n < n_nodes_; ++n) {
        for (Index j = 0; j < n_nodes_ - 1; ++j) {
            const Index m = other_of(n, j);
            if (chosen_(n, 1 + j) && !chosen_(m, 0)) arrival_s_(m) = std::min(arrival_s_(m), link_s_(n, j));
        }
    }
    for (Index n = 0; n < n_nodes_; ++n) {
        for (Index j = 0; j < n_nodes_ - 1; ++j) {
            chosen_(n, 1 + j) = chosen_(n, 1 + j) && link_s_(n, j) == arrival_s_(other_of(n, j));
        }
    }
}

}  // namespace

void execute(Cube<Flag> chosen, bool repaired, Matrix<std::int64_t> room, Vector<const std::int64_t> row,
             Vector<const std::int64_t> end, const Steps& steps) {
    for (Index e = 0; e < chosen.shape[0]; ++e) {
        Execution(chosen.row(e), room.row(e), row(e), end(e), steps).run(repaired);
    }
}

Index deliver(Cube<std::uint8_t> bits, bool redeliver, Vector<const std::int64_t> row, const Deliveries& known,
              Vector<double> delay_s) {
    const Index n_nodes = bits.shape[1], n_sets = known.rates_bps.shape[1];
    for (Index e = 0; e < bits.shape[0]; ++e) {
        const Index k = row(e);
        const Matrix<std::uint8_t> executed = bits.row(e);
        const Links link_s = known.link_s.row(k);
        delay_s(e) = 0.0;
        if (!known.requested(k)) continue;
        Mask joined = participants(executed);
        // where the participants miss the QoS, the best set for the same caching takes their place
        if (known.rates_bps(k, joined) == 0.0 && redeliver) {
            const Mask cached = caching_mask(executed);
            joined = known.best_sets(k, cached);
            if (joined < 0) return e;
            if (joined >= n_sets) throw std::invalid_argument("best_sets: expected sets of the nodes");
            if (joined > 0) {
                for (Index n = 0; n < n_nodes; ++n) std::fill_n(&executed(n, 0) + 1, n_nodes - 1, std::uint8_t{0});
                cheapest_migration(cached, joined, link_s, executed.data + 1, n_nodes);
            }
        }
        if (std::isnan(known.rates_bps(k, joined))) return e;
        // (8): the slowest migration, then the broadcast
        delay_s(e) = migration_s(executed, link_s) + known.block_bits(k) / known.rates_bps(k, joined);
    }
    return -1;
}

void shown(Matrix<const float> states, Vector<const std::int64_t> row, Matrix<const std::int64_t> room,
           Vector<const double> bytes_to_come, Index first, Matrix<float> state) {
    for (Index e = 0; e < row.size(); ++e) {
        state.row(e).copy_from(states.row(row(e)));
        for (Index n = 0; n < room.shape[1]; ++n) {
            const double share = static_cast<double>(room(e, n)) / bytes_to_come(row(e));
            state(e, first + n) = static_cast<float>(std::min(share, 1.0));
        }
    }
}

Mask caching_mask(Bits bits) {
    Mask mask = 0;
    for (Index n = 0; n < bits.shape[0]; ++n) {
        if (bits(n, 0)) mask |= only(n);
    }
    return mask;
}

Mask participants(Bits bits) {
    Mask mask = caching_mask(bits);
    for (Index n = 0; n < bits.shape[0]; ++n) {
        for (Index j = 0; j < bits.shape[0] - 1; ++j) {
            if (bits(n, 1 + j)) mask |= only(other_of(n, j));
        }
    }
    return mask;
}

double migration_s(Bits bits, Links link_s) {
    double slowest_s = 0.0;
    for (Index n = 0; n < bits.shape[0]; ++n) {
        for (Index j = 0; j < bits.shape[0] - 1; ++j) {
            if (bits(n, 1 + j)) slowest_s = std::max(slowest_s, link_s(n, j));
        }
    }
    return slowest_s;
}

void cheapest_migration(Mask caching, Mask mask, Links link_s, std::uint8_t* bits, Index stride) {
    for (Index m = 0; m < link_s.shape[0]; ++m) {
        if (!holds(mask & ~caching, m)) continue;
        const Index sender = fastest_sender(caching, m, link_s);
        if (sender >= 0) bits[sender * stride + column_of(sender, m)] = 1;
    }
}

BestSet best_set(Mask caching, double size_bits, Links link_s, Vector<const double> most_bps,
                 Vector<const double> rate_bps) {
    const Index n_nodes = link_s.shape[0];
    // when the block can be at each node outside C
    OwnVector<double> fastest_s(n_nodes);
    for (Index m = 0; m < n_nodes; ++m) {
        const Index sender = fastest_sender(caching, m, link_s);
        fastest_s(m) = sender >= 0 ? link_s(sender, column_of(sender, m)) : INFINITE;
    }
    // the quickest set of known rate, of equal ones that of the least proved time, and the most promising unknown one
    Mask best = 0, unknown = 0;
    double best_s = INFINITE, best_least_s = INFINITE, unknown_s = INFINITE;
    for (Mask joined = 0; joined < only(n_nodes); ++joined) {
        if ((joined & caching) != caching) continue;
        double arrival_s = 0.0;
        for (Index m = 0; m < n_nodes; ++m) {
            if (holds(joined & ~caching, m)) arrival_s = std::max(arrival_s, fastest_s(m));
        }
        const double least_s = arrival_s + size_bits / most_bps(joined);
        if (std::isnan(rate_bps(joined))) {
            if (least_s < unknown_s) {
                unknown = joined;
                unknown_s = least_s;
            }
            continue;
        }
        const double delay_s = arrival_s + size_bits / rate_bps(joined);
        if (delay_s < best_s || (delay_s == best_s && best_s < INFINITE && least_s < best_least_s)) {
            best = joined;
            best_s = delay_s;
            best_least_s = least_s;
        }
    }
    // a set is the best one only if no unknown rate can beat it
    return unknown_s < best_s ? BestSet{unknown, false} : BestSet{best, true};
}

}  // namespace core
