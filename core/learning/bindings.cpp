// What Python calls of learning.
#include "learning/drawing.hpp"
#include "learning/elements.hpp"
#include "learning/qos_ascent.hpp"
#include "learning/replay.hpp"
#include "learning/rules.hpp"

namespace core {

namespace {

using nb::literals::operator""_a;

using Flags = Argument<const Flag, 1>;
using Floats = Argument<const float, 3>;
using BitsIn = Argument<const std::uint8_t, 3>;
using BitsOut = Argument<std::uint8_t, 3>;

// Nodes of one game; sets of them are bit masks that index arrays.
constexpr Index MOST_NODES = 30;

// Decisions (E, N, N).
void require_decisions(const std::array<Index, 3>& shape) {
    require(shape[1] >= 1 && shape[1] <= MOST_NODES && shape[1] == shape[2],
            "decisions: expected (E, N, N) of 1 to 30 nodes");
}

void require_set(std::int64_t mask, Index n_nodes, const char* message) {
    require(mask >= 0 && mask < Index{1} << n_nodes, message);
}

// Sizes: a negative one sets the sign of all of them together.
void require_sizes(Vector<const std::int64_t> block_bytes) {
    std::int64_t signs = 0;
    for (Index k = 0; k < block_bytes.size(); ++k) signs |= block_bytes(k);
    require(signs >= 0, "block_bytes: expected sizes that are not negative");
}

// Links (N, N - 1) of one step.
Index nodes_of(const Reals<2>& link_s) {
    const Index n_nodes = link_s.length(0);
    require(n_nodes >= 1 && n_nodes <= MOST_NODES && link_s.length(1) == n_nodes - 1,
            "link_s: expected (N, N - 1) of 1 to 30 nodes");
    return n_nodes;
}

void call_execute(nb::handle chosen_in, bool repaired, nb::handle room_in, nb::handle row_in, nb::handle end_in,
                  nb::handle bytes_in, nb::handle requested_in, nb::handle link_in) {
    Argument<Flag, 3> chosen(chosen_in, "chosen");
    require_decisions(chosen->shape);
    const Index copies = chosen.length(0), n_nodes = chosen.length(1);
    IntegersOut<2> room(room_in, "room", {copies, n_nodes});
    Integers<1> row(row_in, "row", {copies}), end(end_in, "end", {copies}), bytes(bytes_in, "block_bytes");
    const Index rows = bytes.length(0);
    Flags requested(requested_in, "requested", {rows});
    Reals<3> link_s(link_in, "link_s", {rows, n_nodes, n_nodes - 1});
    require_range(*row, 0, rows, "row");
    require_range(*end, 0, rows + 1, "end");
    require_sizes(*bytes);
    execute(*chosen, repaired, *room, *row, *end, {*bytes, *requested, *link_s});
}

Index call_deliver(nb::handle bits_in, bool redeliver, nb::handle row_in, nb::handle requested_in,
                   nb::handle block_bits_in, nb::handle link_in, nb::handle rates_in, nb::handle sets_in,
                   nb::handle delay_in) {
    BitsOut bits(bits_in, "bits");
    require_decisions(bits->shape);
    const Index copies = bits.length(0), n_nodes = bits.length(1), n_sets = Index{1} << n_nodes;
    Integers<1> row(row_in, "row", {copies});
    Flags requested(requested_in, "requested");
    const Index rows = requested.length(0);
    Reals<1> block_bits(block_bits_in, "block_bits", {rows});
    Reals<3> link_s(link_in, "link_s", {rows, n_nodes, n_nodes - 1});
    Reals<2> rates(rates_in, "rates_bps", {rows, n_sets});
    Argument<const std::int32_t, 2> sets(sets_in, "best_sets", {rows, n_sets});
    RealsOut<1> delay(delay_in, "delay_s", {copies});
    require_range(*row, 0, rows, "row");
    return deliver(*bits, redeliver, *row, {*requested, *block_bits, *link_s, *rates, *sets}, *delay);
}

void call_shown(nb::handle states_in, nb::handle row_in, nb::handle room_in, nb::handle come_in, Index first,
                nb::handle state_in) {
    Argument<const float, 2> states(states_in, "states");
    Integers<1> row(row_in, "row");
    Integers<2> room(room_in, "room");
    Reals<1> come(come_in, "bytes_to_come", {states.length(0)});
    Argument<float, 2> state(state_in, "state", {row.length(0), states.length(1)});
    require(room.length(0) == row.length(0), "room: expected one row per copy");
    require(first >= 0 && first <= states.length(1) - room.length(1), "first: expected room for all nodes after it");
    require_range(*row, 0, states.length(0), "row");
    shown(*states, *row, *room, *come, first, *state);
}

// One mask of every decision.
template <Mask (*mask_of)(Bits)>
void call_masks(nb::handle bits_in, nb::handle masks_in) {
    BitsIn bits(bits_in, "bits");
    require_decisions(bits->shape);
    IntegersOut<1> masks(masks_in, "masks", {bits.length(0)});
    for (Index b = 0; b < bits.length(0); ++b) (*masks)(b) = mask_of(bits->row(b));
}

void call_migration_s(nb::handle bits_in, nb::handle link_in, nb::handle slowest_in) {
    BitsIn bits(bits_in, "bits");
    require_decisions(bits->shape);
    Reals<3> link_s(link_in, "link_s", {bits.length(0), bits.length(1), bits.length(1) - 1});
    RealsOut<1> slowest(slowest_in, "slowest_s", {bits.length(0)});
    for (Index b = 0; b < bits.length(0); ++b) (*slowest)(b) = migration_s(bits->row(b), link_s->row(b));
}

void call_cheapest_migration(std::int64_t caching, std::int64_t mask, nb::handle link_in, nb::handle bits_in) {
    Reals<2> link_s(link_in, "link_s");
    const Index n_nodes = nodes_of(link_s);
    Argument<std::uint8_t, 2> bits(bits_in, "bits", {n_nodes, n_nodes - 1});
    require_set(caching, n_nodes, "caching: expected a set of the nodes");
    require_set(mask, n_nodes, "mask: expected a set of the nodes");
    bits->fill(0);
    cheapest_migration(caching, mask, *link_s, bits->data, n_nodes - 1);
}

nb::tuple call_best_set(std::int64_t caching, double size_bits, nb::handle link_in, nb::handle most_in,
                        nb::handle rate_in) {
    Reals<2> link_s(link_in, "link_s");
    const Index n_nodes = nodes_of(link_s), n_sets = Index{1} << n_nodes;
    Reals<1> most(most_in, "most_bps", {n_sets}), rate(rate_in, "rate_bps", {n_sets});
    require_set(caching, n_nodes, "caching: expected a set of the nodes");
    const BestSet found = best_set(caching, size_bits, *link_s, *most, *rate);
    return nb::make_tuple(found.participants, found.known);
}

// Logits (E, N, J), and the arrays that go with them.
void require_logits(const Floats& logits) {
    require(logits.length(2) >= 1, "logits: expected (E, N, J) with at least one bit");
}

void call_likelier_bits(nb::handle logits_in, nb::handle admissible_in, nb::handle bits_in) {
    Floats logits(logits_in, "logits");
    require_logits(logits);
    Argument<const Flag, 2> admissible(admissible_in, "admissible", {logits.length(0), logits.length(1)});
    BitsOut bits(bits_in, "bits", logits->shape);
    likelier_bits(*logits, *admissible, *bits);
}

void call_drawn_bits(nb::handle logits_in, nb::handle admissible_in, nb::handle chances_in, double epsilon,
                     nb::handle fresh_in, nb::handle bits_in) {
    Floats logits(logits_in, "logits");
    require_logits(logits);
    const Index copies = logits.length(0), agents = logits.length(1), n_bits = logits.length(2);
    Argument<const Flag, 2> admissible(admissible_in, "admissible", {copies, agents});
    Floats chances(chances_in, "chances", {copies, agents, 1 + n_bits});
    Argument<const float, 1> fresh(fresh_in, "fresh", {n_bits});
    BitsOut bits(bits_in, "bits", logits->shape);
    drawn_bits(*logits, *admissible, *chances, epsilon, *fresh, *bits);
}

Index call_draw_transitions(nb::handle chances_in, Index count, nb::handle weight_in, nb::handle rows_in,
                            double divisor, nb::handle drawn_in, Index found) {
    Reals<1> chances(chances_in, "chances");
    Argument<const float, 2> rows(rows_in, "rows");
    Argument<const float, 1> weight(weight_in, "weight", {rows.length(0)});
    Argument<float, 2> drawn(drawn_in, "drawn");
    require(drawn.length(1) == rows.length(1) && rows.length(1) >= 1, "drawn: expected rows as wide as the transitions");
    require(count >= 1 && count <= rows.length(0), "count: expected transitions that are there");
    require(found >= 0 && found <= drawn.length(0), "found: expected a number of rows of the batch");
    nb::gil_scoped_release release;
    return draw_transitions(*chances, count, *weight, *rows, divisor, *drawn, found);
}

void call_ascend_all(nb::handle gram_in, nb::handle phase_in, nb::handle loss_in, Index iterations, double step,
                     double tiny, nb::handle best_in) {
    Complexes<4> gram(gram_in, "gram");
    const Index blocks = gram.length(0), n_users = gram.length(2);
    require(gram.length(3) == n_users && n_users >= 1, "gram: expected (B, N, m, m) of at least one user");
    Complexes<3> phase(phase_in, "phase");
    require(phase.length(0) == blocks && phase.length(2) == n_users, "phase: expected (B, S, m)");
    Reals<2> loss(loss_in, "loss", {blocks, n_users});
    RealsOut<2> best(best_in, "best", {blocks, phase.length(1)});
    nb::gil_scoped_release release;
    ascend_all(*gram, *phase, *loss, {iterations, step, tiny}, *best);
}

}  // namespace

void bind_learning(nb::module_& module) {
    module.def("execute", &call_execute, "chosen"_a, "repaired"_a, "room"_a, "row"_a, "end"_a, "block_bytes"_a,
               "requested"_a, "link_s"_a);
    module.def("deliver", &call_deliver, "bits"_a, "redeliver"_a, "row"_a, "requested"_a, "block_bits"_a, "link_s"_a,
               "rates_bps"_a, "best_sets"_a, "delay_s"_a);
    module.def("shown", &call_shown, "states"_a, "row"_a, "room"_a, "bytes_to_come"_a, "first"_a, "state"_a);
    module.def("caching_mask", &call_masks<caching_mask>, "bits"_a, "masks"_a);
    module.def("participants", &call_masks<participants>, "bits"_a, "masks"_a);
    module.def("migration_s", &call_migration_s, "bits"_a, "link_s"_a, "slowest_s"_a);
    module.def("cheapest_migration", &call_cheapest_migration, "caching"_a, "mask"_a, "link_s"_a, "bits"_a);
    module.def("best_set", &call_best_set, "caching"_a, "size_bits"_a, "link_s"_a, "most_bps"_a, "rate_bps"_a);
    module.def("likelier_bits", &call_likelier_bits, "logits"_a, "admissible"_a, "bits"_a);
    module.def("drawn_bits", &call_drawn_bits, "logits"_a, "admissible"_a, "chances"_a, "epsilon"_a, "fresh"_a,
               "bits"_a);
    module.def("draw_transitions", &call_draw_transitions, "chances"_a, "count"_a, "weight"_a, "rows"_a, "divisor"_a,
               "drawn"_a, "found"_a);
    module.def("ascend_all", &call_ascend_all, "gram"_a, "phase"_a, "loss"_a, "iterations"_a, "step"_a, "tiny"_a,
               "best"_a);
}

}  // namespace core
