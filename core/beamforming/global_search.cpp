#include "beamforming/global_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "beamforming/beam_search.hpp"
#include "beamforming/relaxation.hpp"

namespace core {

namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr double PI = 3.141592653589793;

// Share of the central point in the start of a node.
constexpr double CENTRING = 0.2;

// Where the first user's point begins (any number above its weight 1), and the weight of a newly constrained user with
// a point so many times as far out.
constexpr double FIRST_POINT = 1.5;
constexpr double FRESH_WEIGHT = 0.1;
constexpr double FRESH_POINT = 3.0;

// A free user's circle is split into three arcs, an arc in two near the relaxed phase: no further from the middle than
// this share of its width.
constexpr int FIRST_ARCS = 3;
constexpr double REACH = 0.3;

// Arcs narrower than this (rad) are not split again.
constexpr double NARROW = 1e-7;

// The relaxed beam starts a local search in the first nodes, then in every sixteenth.
constexpr std::int64_t SEARCHED_NODES = 20;
constexpr std::int64_t SEARCH_EVERY = 16;
constexpr int ASCENT_STEPS = 300;

// Shares of the tolerance to which relaxations and local searches work.
constexpr double RELAXATION_SHARE = 0.2;
constexpr double SEARCH_SHARE = 0.05;

// A node of the search: arcs of the constrained users and a feasible point of its relaxation.
struct Node {
    std::vector<double> low, high, weight;
    std::vector<char> constrained;
    std::vector<Complex> point;
    double key;  // proved bound
};

// t_{n,u}: linear lower bound q_u >= sum_n t_{n,u} ||w_n||, exact for node amplitudes ``share`` (convexity).
void error_prices(Matrix<const double> radius2, bool balls, Vector<const double> share, Matrix<double> price) {
    for (Index u = 0; u < radius2.shape[1]; ++u) {
        double total = 0.0;
        for (Index n = 0; n < radius2.shape[0]; ++n) total += radius2(n, u) * share(n) * share(n);
        for (Index n = 0; n < radius2.shape[0]; ++n) {
            if (balls) {
                price(n, u) = std::sqrt(radius2(n, u));
            } else {
                price(n, u) = total > 0.0 ? radius2(n, u) * share(n) / std::sqrt(total) : 0.0;
            }
        }
    }
}

// The relaxation of one node over its constrained users.
struct Relaxed {
    std::vector<Index> members;
    OwnCube<Complex> gram;
    OwnMatrix<double> price;
    OwnVector<double> low, high, a;
    OwnVector<Complex> x, signal;

    Relaxed(const Node& node, std::vector<Index> members_, Cube<const Complex> all, Matrix<const double> all_price);
    void store(Node& node) const;
};

Relaxed::Relaxed(const Node& node, std::vector<Index> members_, Cube<const Complex> all,
                 Matrix<const double> all_price)
    : members(std::move(members_)), gram(all.shape[0], members.size(), members.size()),
      price(all.shape[0], members.size()), low(members.size()), high(members.size()), a(members.size()),
      x(members.size()), signal(members.size()) {
    const Index size = low.shape[0];
    for (Index n = 0; n < all.shape[0]; ++n) {
        for (Index i = 0; i < size; ++i) {
            price(n, i) = all_price(n, members[i]);
            for (Index j = 0; j < size; ++j) gram(n, i, j) = all(n, members[i], members[j]);
        }
    }
    // the parent's point lies at the edge of the child's domain: mixed with a central one
    for (Index i = 0; i < size; ++i) {
        const Index user = members[i];
        low(i) = node.low[user];
        high(i) = node.high[user];
        const double middle = 0.5 * (low(i) + high(i)), spread = std::cos(0.5 * (high(i) - low(i)));
        const Complex centre = 2.0 / (size * spread) * unit(middle);
        x(i) = (1.0 - CENTRING) * node.point[user] + CENTRING * centre;
        a(i) = (1.0 - CENTRING) * node.weight[user] + CENTRING / size;
    }
}

void Relaxed::store(Node& node) const {
    for (std::size_t i = 0; i < members.size(); ++i) {
        node.point[members[i]] = x(i);
        node.weight[members[i]] = a(i);
    }
}

// Best-first search: nodes are kept for good, open ones also in a heap by their bound.
struct Search {
    Cube<const Complex> gram;
    Matrix<const double> radius2;
    bool balls;
    double tolerance, best;
    Vector<Complex> x;
    Vector<double> share;
    Index n_nodes, n_users;
    std::vector<Node> nodes;
    std::vector<Index> heap;
    OwnMatrix<double> price;
    OwnVector<double> q, start_phase, trial_share;
    OwnVector<Complex> received, trial;

    Search(Cube<const Complex> gram_, Matrix<const double> radius2_, bool balls_, double tolerance_, double best_,
           Vector<Complex> x_, Vector<double> share_)
        : gram(gram_), radius2(radius2_), balls(balls_), tolerance(tolerance_), best(best_), x(x_), share(share_),
          n_nodes(gram_.shape[0]), n_users(gram_.shape[1]), price(n_nodes, n_users), q(n_users),
          start_phase(n_users), trial_share(n_nodes), received(n_users), trial(n_users) {}

    double pruned() const { return best * (1.0 + tolerance); }
    void start(double ceiling);
    void push(Index node);
    Index pop();
    void receive(const Relaxed& relaxed);
    Index shortest(const Node& node) const;
    void search_locally();
    void split(Index parent, Index user, double bound);
    void add_child(const Node& parent, Index user, double low, double high, bool first_time, double bound);
};

// The root: the user heard best fixed at phase 0, which takes the global rotation out.
void Search::start(double ceiling) {
    error_prices(radius2, balls, share, price);
    for (Index u = 0; u < n_users; ++u) {
        for (Index n = 0; n < n_nodes; ++n) q(u) += price(n, u);
    }
    Index first = 0;
    for (Index u = 1; u < n_users; ++u) {
        if (magnitude(x(u)) > magnitude(x(first))) first = u;
    }
    for (Index u = 0; u < n_users; ++u) {
        start_phase(u) = magnitude(x(u)) > 0.0 ? angle(x(u) * conj(x(first))) : 0.0;
    }
    const std::vector<double> zeros(n_users, 0.0);
    Node root{zeros, zeros, zeros, std::vector<char>(n_users, 0), std::vector<Complex>(n_users, {0.0, 0.0}), ceiling};
    root.constrained[first] = 1;
    root.point[first] = {FIRST_POINT, 0.0};
    root.weight[first] = 1.0;
    nodes.push_back(std::move(root));
    push(0);
}

void Search::push(Index node) {
    heap.push_back(node);
    std::size_t position = heap.size() - 1;
    while (position > 0) {
        const std::size_t parent = (position - 1) / 2;
        if (nodes[heap[parent]].key >= nodes[heap[position]].key) break;
        std::swap(heap[parent], heap[position]);
        position = parent;
    }
}

Index Search::pop() {
    const Index top = heap.front();
    heap.front() = heap.back();
    heap.pop_back();
    std::size_t position = 0;
    while (true) {
        std::size_t child = 2 * position + 1;
        if (child >= heap.size()) break;
        if (child + 1 < heap.size() && nodes[heap[child + 1]].key > nodes[heap[child]].key) ++child;
        if (nodes[heap[child]].key <= nodes[heap[position]].key) break;
        std::swap(heap[child], heap[position]);
        position = child;
    }
    return top;
}

// What all users receive of the relaxed beam at full power.
void Search::receive(const Relaxed& relaxed) {
    const Index size = relaxed.x.shape[0];
    received.fill({0.0, 0.0});
    for (Index n = 0; n < n_nodes; ++n) {
        double square = 0.0;
        for (Index i = 0; i < size; ++i) {
            for (Index j = 0; j < size; ++j) {
                square += (conj(relaxed.x(i)) * relaxed.gram(n, i, j) * relaxed.x(j)).re;
            }
        }
        const double norm = std::sqrt(std::max(square, 1e-300));
        for (Index u = 0; u < n_users; ++u) {
            for (Index i = 0; i < size; ++i) {
                received(u) += gram(n, u, relaxed.members[i]) * relaxed.x(i) * (1.0 / norm);
            }
        }
    }
}

// The user whose amplitude falls shortest, among those whose arc can still be split; -1 if there is none.
Index Search::shortest(const Node& node) const {
    double worst = INFINITE;
    Index chosen = -1;
    for (Index u = 0; u < n_users; ++u) {
        const double reached = magnitude(received(u)) - q(u);
        const bool free = !node.constrained[u] || node.high[u] - node.low[u] > NARROW;
        if (free && reached < worst) {
            worst = reached;
            chosen = u;
        }
    }
    return chosen;
}

// Ascend from the phases of the relaxed beam.
void Search::search_locally() {
    for (Index u = 0; u < n_users; ++u) {
        const double size = magnitude(received(u));
        trial(u) = size > 0.0 ? received(u) * (1.0 / size) : Complex{1.0, 0.0};
    }
    const double value = ascend(gram, radius2, balls, trial, trial_share, ASCENT_STEPS, SEARCH_SHARE * tolerance);
    if (value > best) {
        best = value;
        x.copy_from(trial);
        share.copy_from(trial_share);
    }
}

void Search::add_child(const Node& parent, Index user, double low, double high, bool first_time, double bound) {
    Node child = parent;
    child.low[user] = low;
    child.high[user] = high;
    child.key = bound;
    if (first_time) {
        child.constrained[user] = 1;
        for (double& weight : child.weight) weight *= 1.0 - FRESH_WEIGHT;
        child.weight[user] = FRESH_WEIGHT;
        child.point[user] = FRESH_POINT * FRESH_WEIGHT * unit(0.5 * (low + high));
    }
    nodes.push_back(std::move(child));
    push(static_cast<Index>(nodes.size()) - 1);
}

void Search::split(Index parent_index, Index user, double bound) {
    const Node parent = nodes[parent_index];  // a copy: adding children moves the nodes
    if (parent.constrained[user]) {
        const double left = parent.low[user], right = parent.high[user], middle = 0.5 * (left + right);
        const double turn = angle(received(user) * unit(-middle)), reach = REACH * (right - left);
        const double cut = middle + std::min(std::max(turn, -reach), reach);
        add_child(parent, user, left, cut, false, bound);
        add_child(parent, user, cut, right, false, bound);
        return;
    }
    const double left = start_phase(user) - PI, right = start_phase(user) + PI;
    for (int arc = 0; arc < FIRST_ARCS; ++arc) {
        const double low = left + arc * (right - left) / FIRST_ARCS;
        const double high = left + (arc + 1) * (right - left) / FIRST_ARCS;
        add_child(parent, user, low, high, true, bound);
    }
}

}  // namespace

SearchResult branch_and_bound(Cube<const Complex> gram, Matrix<const double> radius2, bool balls, double tolerance,
                              std::int64_t max_nodes, double ceiling, double best, Vector<Complex> x,
                              Vector<double> share, double rounding) {
    Search search(gram, radius2, balls, tolerance, best, x, share);
    search.start(ceiling);
    std::int64_t looked = 0;
    double closed = -INFINITE;  // largest bound among nodes that were closed without pruning
    while (!search.heap.empty() && looked < max_nodes) {
        if (search.nodes[search.heap.front()].key <= search.pruned()) break;
        const Index index = search.pop();
        ++looked;
        // the bound of the node
        std::vector<Index> members;
        for (Index u = 0; u < search.n_users; ++u) {
            if (search.nodes[index].constrained[u]) members.push_back(u);
        }
        Relaxed relaxed(search.nodes[index], std::move(members), gram, search.price);
        const ArcProblem problem{relaxed.gram, relaxed.price, relaxed.low, relaxed.high, rounding};
        double bound = relax(problem, relaxed.x, relaxed.a, relaxed.signal, search.pruned(),
                             RELAXATION_SHARE * tolerance);
        bound = std::min(bound, search.nodes[index].key);
        if (bound <= search.pruned()) continue;
        relaxed.store(search.nodes[index]);
        // the relaxed beam, at full power, judged for all users
        search.receive(relaxed);
        const Index chosen = search.shortest(search.nodes[index]);
        if (looked <= SEARCHED_NODES || looked % SEARCH_EVERY == 0) search.search_locally();
        if (chosen < 0) {
            closed = std::max(closed, bound);
            continue;
        }
        search.split(index, chosen, bound);
    }
    double upper = std::max(search.pruned(), closed);
    if (!search.heap.empty()) upper = std::max(upper, search.nodes[search.heap.front()].key);
    return {search.best, std::min(upper, ceiling), looked};
}

}  // namespace core
