// What Python calls of knapsack.
#include "arguments.hpp"
#include "knapsack/configuration_delays.hpp"
#include "knapsack/dual_simplex.hpp"
#include "knapsack/exchanges.hpp"

#include <nanobind/stl/string.h>

#include <cmath>
#include <string>

namespace core {

namespace {

using nb::literals::operator""_a;

// Bit masks of as many nodes; 2^N fits into an index.
void require_nodes(Index n_nodes) {
    require(n_nodes >= 1 && n_nodes <= MOST_NODES, "expected 1 to 30 nodes");
}

// Parts that follow one another and together are ``total`` entries.
void require_starts(Vector<const std::int64_t> starts, Index total) {
    const char* message = "starts: expected one part after the other, from 0 to the number of entries";
    require(starts.size() >= 2 && starts(0) == 0 && starts(starts.size() - 1) == total, message);
    for (Index k = 1; k < starts.size(); ++k) require(starts(k - 1) <= starts(k), message);
}

// Columns of ``n_blocks`` blocks with sets of ``n_nodes`` nodes.
void require_columns(const ColumnSets& columns, Index n_blocks, Index n_nodes) {
    require_nodes(n_nodes);
    require(columns.n_blocks() == n_blocks, "starts: expected one part per block, and the end");
    require_starts(columns.starts, columns.mask.size());
    require_range(columns.mask, 0, Index{1} << n_nodes, "mask");
    for (Index c = 0; c < columns.delay_s.size(); ++c) {
        const double delay = columns.delay_s(c);
        require(std::isfinite(delay) && delay >= 0.0, "delay_s: expected finite numbers that are not negative");
    }
}

// A column of every block.
void require_choice(const ColumnSets& columns, Vector<const std::int64_t> chosen) {
    for (Index k = 0; k < chosen.size(); ++k) {
        require(chosen(k) >= columns.starts(k) && chosen(k) < columns.starts(k + 1),
                "chosen: expected a column of every block");
    }
}

// Rows of a vertex: FREE and a node, or a block and two of its columns.
void require_rows(const ColumnSets& columns, Matrix<const std::int64_t> rows) {
    for (Index i = 0; i < rows.shape[0]; ++i) {
        const std::int64_t block = rows(i, 0);
        require(block >= FREE && block < columns.n_blocks(), "rows: expected blocks of the knapsack, or -1");
        const Index low = block == FREE ? 0 : columns.starts(block);
        const Index high = block == FREE ? rows.shape[0] : columns.starts(block + 1);
        require(rows(i, 1) >= low && rows(i, 1) < high && (block == FREE || (rows(i, 2) >= low && rows(i, 2) < high)),
                "rows: expected columns of the row's block, or a node");
    }
}

// Whole bytes whose sums do not overflow.
void require_bytes(Vector<const std::int64_t> size_bytes, Vector<const std::int64_t> storage_bytes) {
    std::int64_t rest = MOST_BYTES;
    for (Index k = 0; k < size_bytes.size(); ++k) {
        require(size_bytes(k) >= 0 && size_bytes(k) <= rest, "size_bytes: expected sizes of at most 2^62 together");
        rest -= size_bytes(k);
    }
    for (Index n = 0; n < storage_bytes.size(); ++n) require(storage_bytes(n) >= 0, "storage_bytes: expected no debts");
}

template <class T>
OwnVector<T> copy_of(const Vector<const T>& values) {
    OwnVector<T> copy(values.size());
    copy.copy_from(values);
    return copy;
}

// The knapsack of the dual simplex, checked once and kept for many runs.
class LpColumns {
  public:
    LpColumns(nb::handle starts, nb::handle mask, nb::handle delay_s, nb::handle size, nb::handle capacity)
        : starts_(copy_of(*Integers<1>(starts, "starts"))), mask_(copy_of(*Integers<1>(mask, "mask"))),
          delay_s_(copy_of(*Reals<1>(delay_s, "delay_s", {mask_.size()}))), size_(copy_of(*Reals<1>(size, "size"))),
          capacity_(copy_of(*Reals<1>(capacity, "capacity"))),
          knapsack_{{starts_, mask_, delay_s_}, size_, capacity_} {
        require_columns(knapsack_.columns, size_.size(), capacity_.size());
        for (Index k = 0; k < size_.size(); ++k) {
            require(size_(k) >= 0.0 && size_(k) <= 1.0, "size: expected multiples of the largest block");
        }
        for (Index n = 0; n < capacity_.size(); ++n) {
            require(std::isfinite(capacity_(n)), "capacity: expected finite numbers");
        }
    }
    LpColumns(const LpColumns&) = delete;
    LpColumns& operator=(const LpColumns&) = delete;

    const ScaledKnapsack& knapsack() const { return knapsack_; }

    std::string repr() const {
        return "<LpColumns: " + std::to_string(mask_.size()) + " columns of " + std::to_string(size_.size()) +
               " blocks, " + std::to_string(capacity_.size()) + " nodes>";
    }

  private:
    OwnVector<std::int64_t> starts_;
    OwnVector<Mask> mask_;
    OwnVector<double> delay_s_, size_, capacity_;
    ScaledKnapsack knapsack_;
};

nb::tuple call_dual_simplex(const LpColumns& columns, nb::handle need_in, nb::handle forbid_in, nb::handle price_in,
                            nb::handle rows_in, nb::handle share_in, nb::handle key_in, double cutoff,
                            std::int64_t steps) {
    const ScaledKnapsack& knapsack = columns.knapsack();
    const Index n_blocks = knapsack.size.size(), n_nodes = knapsack.capacity.size();
    Integers<1> need(need_in, "need", {n_blocks}), forbid(forbid_in, "forbid", {n_blocks});
    RealsOut<1> price(price_in, "price", {n_nodes}), share(share_in, "share", {n_nodes});
    IntegersOut<2> rows(rows_in, "rows", {n_nodes, 3});
    IntegersOut<1> key(key_in, "key", {n_blocks});
    require_rows(knapsack.columns, *rows);
    require_range(*key, 0, knapsack.columns.mask.size(), "key");
    LpOutcome found;
    {
        nb::gil_scoped_release release;
        found = dual_simplex(knapsack, {*need, *forbid}, {*price, *rows, *share}, *key, cutoff, steps);
    }
    return nb::make_tuple(static_cast<int>(found.status), found.value_s);
}

bool call_propagate(nb::handle size_in, nb::handle storage_in, nb::handle need_in, nb::handle forbid_in) {
    Integers<1> size(size_in, "size_bytes"), storage(storage_in, "storage_bytes");
    Integers<1> need(need_in, "need", {size.length(0)});
    IntegersOut<1> forbid(forbid_in, "forbid", {size.length(0)});
    require_nodes(storage.length(0));
    require_bytes(*size, *storage);
    return propagate(*size, *storage, *need, *forbid);
}

// The arguments that the two local searches share, checked.
class Search {
  public:
    Search(nb::handle starts, nb::handle mask, nb::handle delay_s, nb::handle size, nb::handle storage,
           nb::handle chosen)
        : starts_(starts, "starts"), mask_(mask, "mask"), delay_s_(delay_s, "delay_s", {mask_.length(0)}),
          size_(size, "size_bytes"), storage_(storage, "storage_bytes"), chosen_(chosen, "chosen", {size_.length(0)}),
          knapsack_{{*starts_, *mask_, *delay_s_}, *size_, *storage_} {
        require_columns(knapsack_.columns, size_.length(0), storage_.length(0));
        require_bytes(*size_, *storage_);
        require_choice(knapsack_.columns, *chosen_);
    }

    const WholeKnapsack& knapsack() const { return knapsack_; }
    Vector<std::int64_t> chosen() const { return *chosen_; }

  private:
    Integers<1> starts_, mask_;
    Reals<1> delay_s_;
    Integers<1> size_, storage_;
    IntegersOut<1> chosen_;
    WholeKnapsack knapsack_;
};

bool call_repair(nb::handle starts, nb::handle mask, nb::handle delay_s, nb::handle size, nb::handle storage,
                 nb::handle chosen) {
    const Search search(starts, mask, delay_s, size, storage, chosen);
    nb::gil_scoped_release release;
    return repair(search.knapsack(), search.chosen());
}

bool call_polish(nb::handle starts, nb::handle mask, nb::handle delay_s, nb::handle size, nb::handle storage,
                 nb::handle chosen, double promising_s, double worthwhile) {
    const Search search(starts, mask, delay_s, size, storage, chosen);
    require(worthwhile > 0.0, "worthwhile: expected a positive share");
    nb::gil_scoped_release release;
    return polish(search.knapsack(), search.chosen(), promising_s, worthwhile);
}

void call_configuration_delays(nb::handle starts_in, nb::handle bits_in, nb::handle backhaul_in, nb::handle air_in,
                               bool migrate, nb::handle delay_in, nb::handle served_in) {
    Integers<1> starts(starts_in, "starts");
    Reals<1> bits(bits_in, "bits");
    Reals<3> backhaul(backhaul_in, "backhaul_bps");
    const Index n_blocks = bits.length(0), n_nodes = backhaul.length(1);
    require_nodes(n_nodes);
    require_starts(*starts, n_blocks);
    require((backhaul.length(0) == 1 || backhaul.length(0) == n_blocks) && backhaul.length(2) == n_nodes,
            "backhaul_bps: expected links of all nodes, once or for every block");
    const Index n_sets = Index{1} << n_nodes, n_units = starts.length(0) - 1;
    Reals<2> air(air_in, "air_s", {n_blocks, n_sets});
    RealsOut<2> delay(delay_in, "delay", {n_units, n_sets});
    IntegersOut<2> served(served_in, "served_by", {n_units, n_sets});
    nb::gil_scoped_release release;
    configuration_delays({*starts, *bits, *backhaul, *air}, migrate, *delay, *served);
}

}  // namespace

void bind_knapsack(nb::module_& module) {
    module.attr("LP_OPTIMAL") = static_cast<int>(LpStatus::OPTIMAL);
    module.attr("LP_INFEASIBLE") = static_cast<int>(LpStatus::INFEASIBLE);
    module.attr("LP_CUT_OFF") = static_cast<int>(LpStatus::CUT_OFF);
    module.attr("LP_UNFINISHED") = static_cast<int>(LpStatus::UNFINISHED);
    module.attr("LP_FREE") = static_cast<int>(FREE);
    nb::class_<LpColumns>(module, "LpColumns")
        .def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, nb::handle>(), "starts"_a, "mask"_a,
             "delay_s"_a, "size"_a, "capacity"_a)
        .def("__repr__", &LpColumns::repr);
    module.def("dual_simplex", &call_dual_simplex, "columns"_a, "need"_a, "forbid"_a, "price"_a, "rows"_a, "share"_a,
               "key"_a, "cutoff"_a, "steps"_a);
    module.def("propagate", &call_propagate, "size_bytes"_a, "storage_bytes"_a, "need"_a, "forbid"_a);
    module.def("repair", &call_repair, "starts"_a, "mask"_a, "delay_s"_a, "size_bytes"_a, "storage_bytes"_a,
               "chosen"_a);
    module.def("polish", &call_polish, "starts"_a, "mask"_a, "delay_s"_a, "size_bytes"_a, "storage_bytes"_a,
               "chosen"_a, "promising_s"_a, "worthwhile"_a);
    module.def("configuration_delays", &call_configuration_delays, "starts"_a, "bits"_a, "backhaul_bps"_a, "air_s"_a,
               "migrate"_a, "delay"_a, "served_by"_a);
}

}  // namespace core
