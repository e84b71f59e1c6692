"""The compiled core: C++ whose sources stand in core/ at the root of the repository, formulas and comments included.

Arrays are C-contiguous and have exactly the element type and shape that is stated. A wrong element type is a
``TypeError``; a wrong shape, a strided array or a read-only output a ``ValueError``; both name the argument. Whatever
takes long releases the interpreter's lock. n nodes, m users; node sets are bit masks; ``balls`` is the ``code`` of an
error set.
"""

from numpy import bool_, complex128, float32, float64, int32, int64, uint8
from numpy.typing import NDArray

from fgamcd_opt.beamforming.set_pricing import PricingData

Reals = NDArray[float64]
Complexes = NDArray[complex128]
Integers = NDArray[int64]
Flags = NDArray[bool_]
Floats = NDArray[float32]
Bits = NDArray[uint8]

# ---- beamforming (core/beamforming)

ROUNDING: float
"""Relative margin added to every bound of F6 and F8 for floating-point rounding."""

MARGIN: float
"""As ``fgamcd_opt.problem.tolerances.MARGIN``."""

NOISE_SHARE: float
"""As ``fgamcd_opt.problem.worst_case.NOISE_SHARE``."""

FEASIBLE: int
"""QoS status of a node set: a beam in hand meets every floor."""

UNKNOWN: int
"""QoS status: open."""

INFEASIBLE: int
"""QoS status: proved that no beam can."""

def lone_user(gram: Complexes, radius2: Reals, balls: bool, user: int, share: Reals) -> tuple[float, float]:
    """Amplitude and proved amplitude bound for one user alone (F3); fills ``share`` (n,)."""

def error_terms(radius2: Reals, share: Reals, balls: bool, q: Reals) -> None:
    """q_u of F1 for the node amplitudes ``share``, to ``q`` (m,)."""

def received(
    gram: Complexes, x: Complexes, share: Reals, projected: Complexes, norms: Reals, signal: Complexes
) -> None:
    """A_n x to ``projected`` (n, m), ||G_n x|| to ``norms`` (n,), g_u^H w to ``signal`` (m,)."""

def search_from_starts(
    gram: Complexes,
    radius2: Reals,
    balls: bool,
    starts: Complexes,
    x: Complexes,
    share: Reals,
    best: float,
    tolerance: float,
) -> float:
    """Ascend from every row of ``starts`` (s, m); a beam better than ``best`` goes to (x, share); its amplitude."""

def minimise_bound(
    gram: Complexes, ranks: Reals, y: Reals, mu: Reals, factor: Complexes, tolerance: float, goal: float
) -> float:
    """Minimise F6 over (y, mu) for fixed errors; the proved bound on the worst SNR.

    Parameters
    ----------
    gram
        (n, m, m) Gram matrices of the shifted channels.
    ranks
        (n,) rank bounds min(N_t, m) of the Gram matrices.
    y, mu
        (m,), (n,) start, any positive numbers; overwritten by the multipliers of the bound.
    factor
        (m, m) overwritten by L with K = L L^H ~ P^(-1), the semidefinite solution in Gram coordinates.
    tolerance
        Relative accuracy of the bound against the semidefinite optimum.
    goal
        Stop early once the bound is below this value.
    """

def shifted_gram(gram: Complexes, mix: Complexes, shifted: Complexes) -> None:
    """Gram matrices of g + e for errors e_n = G_n mix_n, to ``shifted`` (n, m, m)."""

def beam_errors(
    gram: Complexes,
    radius2: Reals,
    balls: bool,
    x: Complexes,
    share: Reals,
    norms: Reals,
    signal: Complexes,
    q: Reals,
    mix: Complexes,
) -> None:
    """Worst errors against one beam (F1), to ``mix`` (n, m, m): e_{n,u} = G_n mix[n, :, u]."""

def relaxation_errors(
    gram: Complexes,
    radius2: Reals,
    balls: bool,
    mix: Complexes,
    mu: Reals,
    factor: Complexes,
    new_mix: Complexes,
) -> None:
    """Worst errors against the semidefinite solution that ``minimise_bound`` left, to ``new_mix`` (n, m, m)."""

def merge_errors(
    gram: Complexes,
    radius2: Reals,
    balls: bool,
    ranks: Reals,
    mix: Complexes,
    new_mix: Complexes,
    y: Reals,
    mu: Reals,
    tolerance: float,
) -> None:
    """Best mixture of two admissible errors per user, to ``mix``; (y, mu) become its multipliers."""

def weigh_channels(
    gram: Complexes, radius2: Reals, weights: Reals, gram_out: Complexes, radius2_out: Reals
) -> None:
    """Channels and radii divided by the users' weights (m,)."""

def solve_sets(
    gram: Complexes,
    radius2: Reals,
    ranks: Reals,
    balls: bool,
    floors: Reals,
    masks: Integers,
    noise: Complexes,
    rounds: int,
    tolerance: float,
    status: Integers,
    lower: Reals,
    upper: Reals,
    x: Complexes,
    share: Reals,
    y: Reals,
    mu: Reals,
    mix: Complexes,
) -> None:
    """Solve the sets ``masks`` (largest first) of one block, reading and writing the rows of its table.

    What it writes are findings, not proofs: status and bound hold once the evidence was checked from the channels
    (`evidence_check`), a rate once it was recomputed from the beam (`worst_case`).

    Parameters
    ----------
    gram, radius2, ranks
        All nodes: (n, m, m), (n, m), (n,).
    floors
        (m,) amplitudes that a beam has to reach.
    masks
        (s,) node sets in order of falling size, so that larger sets give warm starts and bounds.
    noise
        (r, m) complex standard normal numbers, the only randomness.
    rounds, tolerance
        Rounds of starts and error refinement at most, and the relative gap at which they end.
    status, lower, upper, x, share
        Rows by mask: QoS status, SNR reached, SNR bound (infinite if not solved yet), beam coordinates (2^n, m) and
        (2^n, n). A row that holds a beam already is improved, never made worse.
    y, mu, mix
        (s, m), (s, n), (s, n, m, m), zero: receive the evidence of ``masks[i]`` in row i; y stays 0 without any.
    """

def screen_sets(
    gram: Complexes, radius2: Reals, balls: bool, floors: Reals, status: Integers, upper: Reals
) -> None:
    """Proved bounds from lone users for all 2^n sets of a block: rho(S) <= min_u rho of user u alone."""

def prove_set(
    gram: Complexes,
    radius2: Reals,
    balls: bool,
    floors: Reals,
    tolerance: float,
    max_nodes: int,
    status: int,
    lower: float,
    upper: float,
    x: Complexes,
    share: Reals,
) -> tuple[int, float, float, int]:
    """Tighten (status, lower, upper) of one set by branch and bound (F8); never worse than before.

    Parameters
    ----------
    gram, radius2, balls
        The problem over the nodes of S.
    floors
        (m,) amplitudes below which the checker rejects a beam.
    tolerance
        Relative gap in amplitude to reach.
    max_nodes
        Nodes of the search at most.
    status, lower, upper
        QoS status and bounds on the worst-case SNR so far.
    x, share
        (m,) and (n,) beam so far; overwritten by a better one.

    Returns
    -------
    status, lower, upper, nodes
        What is known now, and the nodes of the search.
    """

def branch_and_bound(
    gram: Complexes,
    radius2: Reals,
    balls: bool,
    tolerance: float,
    max_nodes: int,
    ceiling: float,
    best: float,
    x: Complexes,
    share: Reals,
    rounding: float = 1e-12,
) -> tuple[float, float, int]:
    """Global optimum of min_u |g_u^H w| - q_u over unit-power nodes: amplitude, proved upper bound, nodes used.

    Parameters
    ----------
    gram, radius2, balls
        (n, m, m) and (n, m): the problem.
    tolerance
        Relative gap in amplitude at which to stop.
    max_nodes
        Nodes to look at before giving up; the interval is proved all the same.
    ceiling
        A bound on the amplitude that is already proved (F6).
    best, x, share
        Beam in hand and its amplitude; (x, share) are overwritten by a better one.
    rounding
        Relative rounding error of ||G_n x||^2 for the matrices given; the default is right up to 1000 antennas.
    """

def lone_users_bound(gram: Complexes, radius2: Reals, balls: bool, floors: Reals, mask: int) -> float:
    """Least SNR bound of all users served alone by the nodes in ``mask``; negative if one cannot be served.

    ``floors`` (m,) are the amplitudes below which the checker rejects a beam.
    """

def inherited_bound(parts: Complexes, y: Reals, mu: Reals, floors: Reals, mask: int, known: float) -> float:
    """SNR bound for the subset ``mask`` from the evidence of a set around it; negative if it cannot meet the floors.

    Infinite if it is clear without the eigenvalue that the bound is not below ``known``.

    Parameters
    ----------
    parts, y, mu
        (n, m, m), (m,), (n,) as :func:`fgamcd_opt.beamforming.subset_bounds.whitened` makes them.
    floors
        (m,) amplitudes below which the checker rejects a beam.
    mask
        Any subset of the set that the evidence is for.
    known
        A bound on the SNR that is proved already.
    """

def inverse_rate(block: PricingData, mask: int) -> float:
    """Proved lower bound on 1 / rho(S) in s per bit, infinite if S cannot serve the block."""

def unit_delay(block: PricingData, caching: int) -> tuple[float, int]:
    """T(C) per bit by rate bounds, and the participating set S that attains it (0 if none can serve)."""

def rent_of(rent: Reals, caching: int) -> float:
    """Sum of the rents (n,) of the nodes in C."""

def cheapest_set(block: PricingData, rent: Reals, allowed: int, start: int) -> tuple[float, int, int]:
    """Least priced delay per bit over all (C, S), and C and S that attain it (0, 0 if no set can serve the block).

    Parameters
    ----------
    block
        The block.
    rent
        (n,) p_n in s per bit, >= 0.
    allowed
        Nodes that may cache the block, as a bit mask.
    start
        A caching set to begin with, 0 if there is none; a good one makes the search shorter.
    """

def reached_delay(link: Reals, caching: int, solved: Integers, inverse: Reals) -> tuple[float, int]:
    """T(C) per bit with the known beams, and the solved set whose beam is used (0 if there is none).

    Parameters
    ----------
    link
        (n, n) 1 / R in s per bit, infinite without a link.
    caching
        C as a bit mask; its nodes take part but may send nothing.
    solved, inverse
        (s,) sets with a beam and 1 / rate of it in s per bit.
    """

# ---- knapsack (core/knapsack): blocks R, columns c, nodes N

LP_OPTIMAL: int
LP_INFEASIBLE: int
LP_CUT_OFF: int
LP_UNFINISHED: int
LP_FREE: int

class LpColumns:
    """The columns of a knapsack, copied and checked once for many runs of :func:`dual_simplex`."""

    def __init__(
        self, starts: Integers, mask: Integers, delay_s: Reals, size: Reals, capacity: Reals
    ) -> None: ...

def dual_simplex(
    columns: LpColumns,
    need: Integers,
    forbid: Integers,
    price: Reals,
    rows: Integers,
    share: Reals,
    key: Integers,
    cutoff: float,
    steps: int,
) -> tuple[int, float]: ...
def propagate(size_bytes: Integers, storage_bytes: Integers, need: Integers, forbid: Integers) -> bool: ...
def repair(
    starts: Integers,
    mask: Integers,
    delay_s: Reals,
    size_bytes: Integers,
    storage_bytes: Integers,
    chosen: Integers,
) -> bool: ...
def polish(
    starts: Integers,
    mask: Integers,
    delay_s: Reals,
    size_bytes: Integers,
    storage_bytes: Integers,
    chosen: Integers,
    promising_s: float,
    worthwhile: float,
) -> bool: ...
def configuration_delays(
    starts: Integers,
    bits: Reals,
    backhaul_bps: Reals,
    air_s: Reals,
    migrate: bool,
    delay: Reals,
    served_by: Integers,
) -> None: ...

# ---- learning (core/learning): copies E, nodes N; the short rules of the game keep the interpreter's lock

def execute(
    chosen: Flags,
    repaired: bool,
    room: Integers,
    row: Integers,
    end: Integers,
    block_bytes: Integers,
    requested: Flags,
    link_s: Reals,
) -> None: ...
def deliver(
    bits: Bits,
    redeliver: bool,
    row: Integers,
    requested: Flags,
    block_bits: Reals,
    link_s: Reals,
    rates_bps: Reals,
    best_sets: NDArray[int32],
    delay_s: Reals,
) -> int: ...
def shown(
    states: Floats, row: Integers, room: Integers, bytes_to_come: Reals, first: int, state: Floats
) -> None: ...
def caching_mask(bits: Bits, masks: Integers) -> None: ...
def participants(bits: Bits, masks: Integers) -> None: ...
def migration_s(bits: Bits, link_s: Reals, slowest_s: Reals) -> None: ...
def cheapest_migration(caching: int, mask: int, link_s: Reals, bits: Bits) -> None: ...
def best_set(
    caching: int, size_bits: float, link_s: Reals, most_bps: Reals, rate_bps: Reals
) -> tuple[int, bool]: ...
def likelier_bits(logits: Floats, admissible: Flags, bits: Bits) -> None: ...
def drawn_bits(
    logits: Floats, admissible: Flags, chances: Floats, epsilon: float, fresh: Floats, bits: Bits
) -> None: ...
def draw_transitions(
    chances: Reals, count: int, weight: Floats, rows: Floats, divisor: float, drawn: Floats, found: int
) -> int: ...
def ascend_all(
    gram: Complexes,
    phase: Complexes,
    loss: Reals,
    iterations: int,
    step: float,
    tiny: float,
    best: Reals,
) -> None: ...
