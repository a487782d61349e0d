"""Models made so that a few of their nodes must stay fp32, with these nodes known: `variant(KIND, SEED)`.

Each model takes [batch, tokens, width], has harmless layers before and after the part that gives it its kind, and ends with
the sum of both. In that part the values are such that fp16 fails at the *guilty* nodes and at no other. A value that fp16
cannot hold makes its producer guilty (its result would be rounded) and each user that cares (what it reads would be).

`proof` shows it by simulation, on several inputs: with the guilty nodes in fp32 the target is met, and for each guilty node,
with everything else in fp32, it is missed. So each of them is in every set that meets the target, and together they are one:
no other set is smaller, or minimal in another way.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from half_simulation import Error, Float32Model, Runner, worst_errors
from mixed_net import Net

SEARCH_SEEDS, UNSEEN_SEEDS = (0,), (101, 102, 103)


@dataclass
class Variant:
    kind: str
    part: str
    seed: int
    model: object
    guilty: set
    beside: set  # with the guilty ones: what may be kept, such as the Loop around them
    inputs: dict

    @property
    def id(self):
        return f"{self.kind}-{self.part}-{self.seed}"

    def feeds(self, seed):
        rng = np.random.default_rng(1000 * self.seed + seed)
        return {name: np.asarray(make(rng, shape)) for name, (_, shape, make) in self.inputs.items()}


def normal(rng, shape):
    return rng.standard_normal(shape).astype(np.float32)


def stop(net, value, low, high):
    """Sigmoid between `low` and `high`: positive values of a known size."""
    return net("Add", net("Mul", net("Sigmoid", value), net.constant(high - low)), net.constant(low))


# --- one overflowing attention score ---------------------------------------------------------------------------------------


def attention(net, h):
    """q·k is beyond 65504 before the scale: the product is guilty, what stands between it and the scale, and the scale."""
    width, heads = net.width, int(net.choice(1, 2, 4))
    large = float(net.rng.uniform(250, 500))
    q, k, v = (net.linear(h, width, width, scale=scale, bias=net.choice(True, False)) for scale in (large, large, 1.0))
    if heads > 1:
        split = net.constant([0, 0, heads, width // heads], np.int64)
        q, k, v = (net("Transpose", net("Reshape", one, split), perm=[0, 2, 1, 3]) for one in (q, k, v))
    k = net("Transpose", k, perm=[0, 2, 1] if heads == 1 else [0, 1, 3, 2])
    size = 0.4 * large * large * np.sqrt(width / heads) / net.rng.uniform(1, 2)
    score = net("MatMul", q, k, guilty=True)
    between = net.choice("nothing", "nothing", "identity", "views")
    if between == "identity":
        score = net("Identity", score, guilty=True)
    elif between == "views":
        axes = [0, 2, 1] if heads == 1 else [0, 1, 3, 2]
        score = net("Transpose", net("Transpose", score, perm=axes, guilty=True), perm=axes, guilty=True)
    scale = net.choice(lambda: net("Mul", score, net.constant(1 / size), guilty=True), lambda: net("Div", score, net.constant(size), guilty=True))
    out = net("MatMul", net("Softmax", scale(), axis=-1), v)
    if heads > 1:
        out = net("Reshape", net("Transpose", out, perm=[0, 2, 1, 3]), net.constant([0, 0, width], np.int64))
    return out


# --- one variance by subtraction -------------------------------------------------------------------------------------------


def variance(net, h, source):
    """E[x²] - E[x]² where both are 10⁴ times as large as their difference: all five nodes are guilty."""
    mean = float(net.rng.uniform(160, 210))
    if source == "input":
        x = net.input("signal", [net.batch, net.tokens, 16], lambda rng, shape: mean + normal(rng, shape))
    else:
        x = net("Add", net("Mul", h, net.constant(2.5)), net.constant(mean))
    mean_of_square = net.reduce("ReduceMean", net.square(x, guilty=True), -1, guilty=True)
    square_of_mean = net.square(net.reduce("ReduceMean", x, -1, guilty=True), guilty=True)
    spread = net("Sub", mean_of_square, square_of_mean, guilty=True)
    return net("Div", h, net("Sqrt", net("Add", spread, net.constant(0.05))))


# --- one long sum ----------------------------------------------------------------------------------------------------------


def long_sum(net, h, by):
    """The sum is beyond 65504, its mean isn't: the sum and the division are guilty."""
    count, size = int(net.choice(512, 1024)), float(net.rng.uniform(400, 900))
    wide = stop(net, net.linear(h, net.width, count), 0.5 * size, size)
    if by == "ReduceSum":
        total = net.reduce("ReduceSum", wide, -1, guilty=True)
    else:
        ones = net.constant(np.ones((count, 1)))
        total = net("MatMul", wide, ones, guilty=True)
    mean = net.choice(lambda: net("Div", total, net.constant(count * size), guilty=True), lambda: net("Mul", total, net.constant(1 / (count * size)), guilty=True))()
    return net("Mul", h, mean)


def mean_of_squares(net, h):
    """The squares are beyond 65504, the root of their mean isn't: all from the square to the root is guilty."""
    x = net("Mul", h, net.constant(net.rng.uniform(800, 1500)))
    mean = net.reduce("ReduceMean", net.square(x, guilty=True), -1, guilty=True)
    if net.choice(True, False):
        mean = net("Add", mean, net.constant(net.rng.uniform(0.1, 1)), guilty=True)
    root = net("Sqrt", mean, guilty=True)
    return net.choice(lambda: net("Div", x, root), lambda: net("Mul", x, net("Reciprocal", root)))()


def sum_of_squares(net, h):
    x = net("Mul", h, net.constant(net.rng.uniform(800, 1500)))
    return net("Div", x, net("Sqrt", net.reduce("ReduceSumSquare", x, -1, guilty=True), guilty=True))


# --- one tiny epsilon ------------------------------------------------------------------------------------------------------


def masked(net, h):
    """Values in [0.5, 1.5], zero where the model's input says so."""
    mask = net.input("mask", [net.batch, net.tokens, net.width], lambda rng, shape: (rng.uniform(size=shape) < 0.7).astype(np.float32))
    return net("Mul", stop(net, h, 0.5, 1.5), mask)


# A converter raises an ε that is 0 in fp16 to 1e-7, and 0 / (0 + ε) is 0 for any ε: that alone needs no fp32 (`epsilon_raised`).
# In the other parts what comes out where x is 0 depends on how large ε is.


def epsilon_raised(net, h):
    """Nothing is guilty."""
    x = masked(net, h)
    return net("Div", x, net("Add", x, net.constant(10.0 ** net.rng.uniform(-12, -8))))


def epsilon_div(net, h):
    """A part of ε / (0 + ε): the sum and the division are guilty."""
    x, small = masked(net, h), 10.0 ** net.rng.uniform(-12, -8)
    larger = net.choice(
        lambda: net("Add", x, net.constant(small), guilty=True), lambda: net("Max", x, net.constant(small), guilty=True),
        lambda: net("Clip", x, net.constant(small), guilty=True),
    )
    return net("Div", net.constant(small * net.rng.uniform(0.3, 0.5)), larger(), guilty=True)


def epsilon_reciprocal(net, h):
    """1 / ε is beyond 65504, too: who multiplies with it is guilty as well."""
    x, small = masked(net, h), 10.0 ** net.rng.uniform(-12, -8)
    inverse = net("Reciprocal", net("Add", x, net.constant(small), guilty=True), guilty=True)
    return net("Mul", inverse, net.constant(small * net.rng.uniform(0.3, 0.5)), guilty=True)


def epsilon_sqrt(net, h):
    """The root of ε is large enough for fp16: the sum and the root are guilty, not the division."""
    x, small = masked(net, h), 10.0 ** net.rng.uniform(-9, -8)
    root = net("Sqrt", net("Add", net.square(x), net.constant(small), guilty=True), guilty=True)
    return net("Div", net.constant(0.5 * np.sqrt(small)), root)


def epsilon_log(net, h):
    """The logarithm of ε: the sum and the logarithm are guilty."""
    total = net("Add", masked(net, h), net.constant(10.0 ** net.rng.uniform(-12, -8.5)), guilty=True)
    return net("Mul", net("Log", total, guilty=True), net.constant(0.05))


def epsilon_scale(net, h):
    """A vector as small as the root of ε: its square is guilty, too. Raising ε to what fp16 can hold is no remedy here."""
    size = 10.0 ** net.rng.uniform(-4.2, -3.9)
    x = net("Mul", h, net.constant(size))
    return net("Div", x, net("Sqrt", net("Add", net.square(x, guilty=True), net.constant(0.1 * size * size), guilty=True), guilty=True))


# --- one Softmax in a Loop body --------------------------------------------------------------------------------------------


def offset(net):
    """fp16's steps are 4 or 8 wide there."""
    return float(net.rng.uniform(5000, 12000))


def square_scores(net, state):
    """[batch, tokens, tokens], about ±2."""
    return net("MatMul", net.linear(state, net.width, net.width, scale=3 / np.sqrt(net.width)), net("Transpose", state, perm=[0, 2, 1]))


def loop_outer(net, h):
    """Softmax of what the model is given, whose differences fp16 cannot hold: it alone is guilty."""
    size = offset(net)
    scores = net.input("scores", [net.batch, net.tokens, net.tokens], lambda rng, shape: size + normal(rng, shape))
    return net.loop(h, int(net.rng.integers(2, 5)), lambda state: net("Tanh", net.linear(net("MatMul", net("Softmax", scores, axis=-1, guilty=True), state), net.width, net.width)))


def loop_offset(net, h):
    """The offset is added in the body: that sum is guilty with the Softmax."""

    def body(state):
        weights = net("Softmax", net("Add", square_scores(net, state), net.constant(offset(net)), guilty=True), axis=-1, guilty=True)
        return net("Tanh", net.linear(net("MatMul", weights, state), net.width, net.width))

    return net.loop(h, int(net.rng.integers(2, 4)), body)


def loop_overflow(net, h):
    """The scores overflow and are scaled afterwards: both are guilty, the Softmax isn't."""
    size = float(net.rng.uniform(1e5, 1e6))

    def body(state):
        large = net("Mul", square_scores(net, state), net.constant(size), guilty=True)
        weights = net("Softmax", net("Mul", large, net.constant(1 / size), guilty=True), axis=-1)
        return net("Tanh", net.linear(net("MatMul", weights, state), net.width, net.width))

    return net.loop(h, int(net.rng.integers(2, 4)), body)


# --- Pow and Exp chains ----------------------------------------------------------------------------------------------------


def exponent(net, h, size):
    """Up to ±size, and in each row near it somewhere."""
    return net("Mul", h, net.constant(size * net.rng.uniform(1.0, 1.1)))


def exp_softmax(net, h):
    """Softmax written out without taking off the largest: all three are guilty."""
    powers = net("Exp", exponent(net, h, 16), guilty=True)
    return net("Div", powers, net.reduce("ReduceSum", powers, -1, guilty=True), guilty=True)


def exp_underflow(net, h):
    """The same with powers too small for fp16."""
    powers = net("Exp", net("Sub", exponent(net, h, 2), net.constant(net.rng.uniform(21, 24))), guilty=True)
    return net("Div", powers, net.reduce("ReduceSum", powers, -1, guilty=True), guilty=True)


def exp_log_sum(net, h):
    powers = net("Exp", exponent(net, h, 16), guilty=True)
    total = net("Log", net.reduce("ReduceSum", powers, -1, guilty=True), guilty=True)
    return net("Mul", h, net("Mul", total, net.constant(0.1)))


def exp_softplus(net, h):
    powers = net("Exp", exponent(net, h, 16), guilty=True)
    return net("Mul", net("Log", net("Add", powers, net.constant(1.0), guilty=True), guilty=True), net.constant(0.1))


def exp_tanh(net, h):
    x = exponent(net, h, 16)
    up, down = net("Exp", x, guilty=True), net("Exp", net("Neg", x), guilty=True)
    return net("Div", net("Sub", up, down, guilty=True), net("Add", up, down, guilty=True), guilty=True)


def pow_root(net, h):
    """xᵖ and its root: both are guilty; of a root in two steps only the first."""
    x = stop(net, h, 30, 60)
    if net.choice(True, False):
        root = net("Sqrt", net("Sqrt", net("Pow", x, net.constant(4.0), guilty=True), guilty=True))
    else:
        power = float(net.choice(3.5, 4.0))
        root = net("Pow", net("Pow", x, net.constant(power), guilty=True), net.constant(1 / power), guilty=True)
    return net("Mul", root, net.constant(0.02))


def pow_norm(net, h):
    """The p-norm: power, sum and root are guilty."""
    power = float(net.choice(3.0, 4.0))
    x = net("Mul", net("Abs", h), net.constant(net.rng.uniform(80, 120)))
    total = net.reduce("ReduceSum", net("Pow", x, net.constant(power), guilty=True), -1, guilty=True)
    return net("Div", x, net("Pow", total, net.constant(1 / power), guilty=True))


KINDS = {
    "attention": {"score": attention},
    "variance": {"input": lambda net, h: variance(net, h, "input"), "inner": lambda net, h: variance(net, h, "inner")},
    "long sum": {
        "reduce": lambda net, h: long_sum(net, h, "ReduceSum"), "product": lambda net, h: long_sum(net, h, "MatMul"),
        "mean of squares": mean_of_squares, "sum of squares": sum_of_squares,
    },
    "epsilon": {
        "div": epsilon_div, "reciprocal": epsilon_reciprocal, "sqrt": epsilon_sqrt, "log": epsilon_log, "scale": epsilon_scale,
        "raised": epsilon_raised,
    },
    "loop": {"outer": loop_outer, "offset": loop_offset, "overflow": loop_overflow},
    "powers": {
        "softmax": exp_softmax, "underflow": exp_underflow, "log sum": exp_log_sum, "softplus": exp_softplus, "tanh": exp_tanh, "root": pow_root,
        "norm": pow_norm,
    },
}
PLACES = ("main", "main", "main", "branch", "function")


def variant(kind, seed):
    """Variant number `seed` of a kind; its parts take turns."""
    parts = list(KINDS[kind].items())
    part, make = parts[seed % len(parts)]
    net = Net(np.random.default_rng([seed, *kind.encode()]))
    x = net.input("x", [net.batch, net.tokens, net.width], normal)
    h = net.layers(x)
    first = len(net.nodes)
    core = make(net, h)
    place = net.choice(*PLACES) if kind != "loop" else "main"
    core = net.inside(place, first, core, h)
    joined = net.choice(True, False)
    y = net("Concat", core, h, axis=-1) if joined else net("Add", core, h)
    model = net.model(net("Identity", y), net.width * (2 if joined else 1))
    return Variant(kind, f"{part}, {place}", seed, model, net.guilty, net.beside, net.inputs)


# --- proof -----------------------------------------------------------------------------------------------------------------


@dataclass
class Proof:
    target: float  # an absolute tolerance between what suffices and what doesn't
    suffices: Error  # with the guilty nodes in fp32, the worst over all seeds
    without: dict  # guilty node → the error with all others in fp32, over the search's seeds

    @property
    def margin(self):
        return min((one.largest for one in self.without.values()), default=np.inf) / self.suffices.largest

    def holds_by_cosine(self, least):
        """Whether the guilty nodes are the answer for a cosine, too, with some room on both sides."""
        return 1 - self.suffices.cosine < (1 - least) / 2 and all(1 - one.cosine > 2 * (1 - least) for one in self.without.values())


def proof(one):
    base = Float32Model(one.model)
    nodes = set(base.convertible())
    missing = one.guilty - nodes
    if missing:
        raise ValueError(f"{one.id}: {missing} could not be fp16 anyway")
    reference = Runner(base.model)

    def error(kept, seeds):
        return reduce(Error.worst, worst_errors(reference, Runner(base.simulated(kept)), [one.feeds(seed) for seed in seeds]).values())

    suffices = error(one.guilty, SEARCH_SEEDS + UNSEEN_SEEDS)
    without = {node: error(nodes - {node}, SEARCH_SEEDS) for node in sorted(one.guilty)}
    least = min((found.largest for found in without.values()), default=np.inf)
    return Proof(min(float(np.sqrt(suffices.largest * least)), 8 * suffices.largest), suffices, without)
