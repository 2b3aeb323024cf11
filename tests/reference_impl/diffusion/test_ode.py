"""Proofs of ode.py: against flows that are known exactly."""

import numpy as np
import pytest
import torch
from scipy import stats

from tests.reference_impl.diffusion.laws import band, gaussian_flow, gaussian_velocity, mixture_cdf, mixture_velocity
from tests.reference_impl.diffusion.toys import F64, normal, pixels, unchecked

ORDERS = {"euler": 1, "midpoint": 2, "heun": 2}


@pytest.mark.parametrize(("solver", "order"), ORDERS.items())
def test_measured_order_of_convergence(ode, solver, order):
    """For the mixture, whose exact flow keeps the quantiles: the error at t = 0.7 as steps double from 16 to 64. The
    slope of a line through the logarithms. (For a single Gaussian the midpoint rule happens to be of order 3.)"""
    z, steps, errors = torch.linspace(-2, 2, 21, dtype=F64), [16, 32, 64], []
    for n in steps:
        x = ode.integrate(mixture_velocity, z.reshape(-1, 1, 1, 1), [0.7 * i / n for i in range(n + 1)], solver)
        errors.append(np.abs(mixture_cdf(x.flatten().numpy(), 0.7) - stats.norm.cdf(z.numpy())).max())
    assert -np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("solver", ORDERS)
def test_states_on_the_way_follow_the_exact_flow(ode, solver):
    x = normal(50, 1, 1, 1)
    for t, state in ode.trajectory(gaussian_velocity, x, ode.even(60), solver):
        torch.testing.assert_close(state, gaussian_flow(x, t), rtol=0, atol=0.06 if solver == "euler" else 1e-3)


def test_one_step_of_each_solver_is_its_formula(ode):
    """On v = x^2 + t, worked out by hand from x = 1, t = 0, h = 1/2; and back from there."""

    def v(x, t):
        return x**2 + t.reshape(-1, 1)

    one = torch.ones(1, 1, dtype=F64)
    assert ode.step(v, one, 0.0, 0.5, "euler").item() == 1.5
    assert ode.step(v, one, 0.0, 0.5).item() == 1.5
    assert ode.step(v, one, 0.0, 0.5, "midpoint").item() == 1 + 0.5 * (1.25**2 + 0.25)
    assert ode.step(v, one, 0.0, 0.5, "heun").item() == 1 + 0.25 * (1 + 1.5**2 + 0.5)
    assert ode.step(v, one, 0.5, -0.5, "euler").item() == 1 - 0.5 * 1.5


@pytest.mark.parametrize("solver", ["midpoint", "heun"])
def test_second_order_solvers_are_exact_where_v_is_linear_in_time(ode, solver):
    x = ode.integrate(lambda x, t: 3 - 2 * t.reshape(-1, 1, 1, 1) + 0 * x, pixels([0.3]), ode.even(1), solver)
    assert x.item() == pytest.approx(0.3 + 3 - 1, rel=1e-14)


@pytest.mark.parametrize(
    ("solver", "asked"),
    [
        ("euler", [0.0, 0.25, 0.5, 0.75]),
        ("midpoint", [0.125, 0.375, 0.625, 0.875]),
        ("heun", [0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_where_and_how_often_v_is_asked(ode, solver, asked):
    """Each image with a time of its own, in float64; as often as EVALUATIONS says; the midpoint rule never at 1."""
    seen = []

    def spy(x, t):
        assert t.shape == (3,)
        assert t.dtype == F64
        assert len(set(t.tolist())) == 1
        seen.append(t[0].item())
        return x

    ode.integrate(spy, torch.zeros(3, 1, 2, 2), ode.even(4), solver)
    assert len(seen) == 4 * ode.EVALUATIONS[solver]
    assert seen[ode.EVALUATIONS[solver] - 1 :: ode.EVALUATIONS[solver]] == asked
    if solver != "euler":
        assert seen[::2] == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("solver", ORDERS)
def test_the_way_back_ends_where_it_began(ode, solver):
    x = normal(20, 1, 1, 1)
    end = ode.integrate(gaussian_velocity, x, ode.even(40), solver)
    back = ode.integrate(gaussian_velocity, end, ode.even(40)[::-1], solver)
    torch.testing.assert_close(back, x, rtol=0, atol=0.3 if solver == "euler" else 4e-3)


def test_trajectory_yields_each_time_of_an_uneven_grid_from_the_start_on(ode):
    x, grid = normal(4, 1, 1, 1), [0.0, 0.1, 0.7, 1.0]
    states = list(ode.trajectory(lambda x, t: torch.ones_like(x), x, grid))
    assert [t for t, _ in states] == grid
    assert torch.equal(states[0][1], x)
    for t, state in states:
        torch.testing.assert_close(state, x + t)
    assert torch.equal(ode.integrate(lambda x, t: torch.ones_like(x), x, grid), states[-1][1])


@pytest.mark.parametrize(("solver", "steps"), [("euler", 150), ("midpoint", 30), ("heun", 40)])
def test_solvers_with_the_analytic_velocity_recover_a_mixture(ode, solver, steps):
    """0.3 N(-0.7, 0.1^2) + 0.7 N(0.5, 0.15^2). The Kolmogorov-Smirnov distance over 10,000 samples stays below its 1e-6
    quantile plus 0.01 for the discretisation."""
    x = ode.integrate(mixture_velocity, normal(10_000, 1, 1, 1), ode.even(steps), solver)
    assert stats.kstest(x.flatten().numpy(), mixture_cdf).statistic < band(10_000) + 0.01


def test_even_grid_has_both_ends_exactly(ode):
    for steps in (1, 3, 7, 49, 1000):
        grid = ode.even(steps)
        assert (grid[0], grid[-1], len(grid)) == (0.0, 1.0, steps + 1)
        np.testing.assert_allclose(np.diff(grid), 1 / steps, rtol=1e-9)


def test_solving_keeps_no_gradient(ode):
    weight = torch.ones(1, requires_grad=True)
    for solver in ORDERS:
        assert not ode.integrate(lambda x, t: weight * x, torch.ones(2, 3), ode.even(2), solver).requires_grad


def test_precision_and_shape_of_the_states_are_kept(ode):
    for shape in ((1, 1, 8, 8), (3, 2), (5,)):
        for dtype in (torch.float32, F64):
            x = torch.ones(shape, dtype=dtype)
            for solver in ORDERS:
                y = ode.integrate(lambda x, t: x, x, ode.even(2), solver)
                assert (y.shape, y.dtype) == (x.shape, dtype)


def test_bad_solvers_grids_and_steps_are_refused(ode):
    x = torch.ones(1, 1)
    with pytest.raises(ValueError, match='solver is \'rk4\'; expected "euler", "midpoint" or "heun"'):
        unchecked(ode.step)(lambda x, t: x, x, 0.0, 1.0, "rk4")
    with pytest.raises(ValueError, match=r"grid is \[0.0\]; expected at least two times"):
        ode.integrate(lambda x, t: x, x, [0.0])
    with pytest.raises(ValueError, match="steps is 0; expected a number of steps >= 1"):
        ode.even(0)
