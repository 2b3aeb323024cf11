r"""Solvers of dx/dt = v(x, t) on a fixed grid of times: how a flow carries noise to data.

The equations: one step from t to t + h
    Euler             x + h v(x, t)                                       one evaluation, error O(h) over the whole way
    midpoint          x + h v(x + h/2 v(x, t), t + h/2)                   two evaluations, error O(h^2)
    Heun              x + h/2 (k_1 + k_2),  k_1 = v(x, t),                two evaluations, error O(h^2)
                      k_2 = v(x + h k_1, t + h)
    Heun looks at the end of each step, so the last evaluation is at the last time of the grid. The midpoint rule never
    looks there; where v is not defined at the end, it is the one to take.

The symbols
    x                 x                       [b ...], the states
    v                 v                       a callable (x [b ...], t [b]) -> [b ...]; t is float64
    t_0, ..., t_N     grid                    N + 1 times, rising or falling
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reference_impl.engine import check

Velocity = Callable[[Tensor, Tensor], Tensor]
"""v: (x [b ...], t [b]) -> dx/dt [b ...]. A network, or an analytic field in the tests."""
Solver = Literal["euler", "midpoint", "heun"]
States = Float[Tensor, "b *shape"]

EVALUATIONS: dict[Solver, int] = {"euler": 1, "midpoint": 2, "heun": 2}
"""How often a solver asks for v in one step."""


def even(steps: int) -> list[float]:
    """The grid 0, 1/N, ..., 1 of N equal steps; both ends are exact."""
    check(steps >= 1, "steps", steps, "a number of steps >= 1")
    return [i / steps for i in range(steps + 1)]


@torch.no_grad()
def step(v: Velocity, x: States, t: float, h: float, solver: Solver = "euler") -> States:
    """One step from time t to t + h; h < 0 goes back."""
    check(solver in EVALUATIONS, "solver", solver, '"euler", "midpoint" or "heun"')

    def slope(x: Tensor, t: float) -> Tensor:
        return v(x, torch.full(x.shape[:1], t, dtype=torch.float64, device=x.device))

    k_1 = slope(x, t)
    if solver == "euler":
        return x + h * k_1
    if solver == "midpoint":
        return x + h * slope(x + h / 2 * k_1, t + h / 2)
    return x + h / 2 * (k_1 + slope(x + h * k_1, t + h))


def trajectory(
    v: Velocity, x: States, grid: Sequence[float], solver: Solver = "euler"
) -> Iterator[tuple[float, States]]:
    """The states on the grid: yields (t_0, x), then (t_i, x_i) after each step."""
    check(len(grid) >= 2, "grid", list(grid), "at least two times")
    yield grid[0], x
    for t, after in pairwise(grid):
        x = step(v, x, t, after - t, solver)
        yield after, x


def integrate(v: Velocity, x: States, grid: Sequence[float], solver: Solver = "euler") -> States:
    """The state at the last time of the grid."""
    for _, state in trajectory(v, x, grid, solver):
        last = state
    return last
