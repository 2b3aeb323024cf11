"""Changes to mean_flow.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.mean_flow"]
PROOFS = ["diffusion/test_mean_flow.py"]

mean_flow = partial(Mutant, "reference_impl.diffusion.mean_flow")

PATH = "return times(1 - t, x) + times(t, eps), eps - x"
DRAW = "r, t = (mu + sigma * normal).sigmoid().sort(dim=1).values.unbind(dim=1)"
SHARE = "return torch.where(torch.rand(n, generator=generator, device=device) < unequal, r, t), t"
TANGENT = "tangent = (v, torch.zeros_like(r), torch.ones_like(t))"
JVP = "return torch.func.jvp(lambda *at: u(*at, labels), (z, r, t), tangent)[1]"
FAR = "u_tgt, far = v.clone(), r < t"
KNOWN = "known = None if labels is None else labels[far]"
DU_DT = "du_dt = derivative(u, z[far], r[far], t[far], v[far], known)"
TARGET = "u_tgt[far] -= times((t - r)[far], du_dt)"
REST = "rest = 1 - omega - kappa"
GUIDED = "v = omega * v_t\n"
CLASS = "v = v + kappa * u(z, t, t, labels)"
ANY = "v = v + rest * u(z, t, t, None)"
KEEP = "return torch.where((labels == classes).reshape(-1, 1, 1, 1), v_t, v)"
SQUARE = "square = delta.square().flatten(1).sum(dim=1)"
WEIGHT = "return square / (square.detach() + c) ** p"
LOSS = "return weighted(guess - target(u, z, r, t, v, labels), p)"
CHECK = '    check(steps >= 1, "steps", steps, "a number of steps >= 1")\n'
JUMP = "return z - times(t - r, u(z, r, t, labels))"
GRID = "at = torch.linspace(1, 0, steps + 1, dtype=torch.float64, device=z.device)"
STEP = "z = jump(u, z, r.expand(len(z)), t.expand(len(z)), labels)"
MIDDLE = "middle = z - h / 2 * u(z, t, t, labels)"
FOLLOW = "z = z - h * u(middle, t - h / 2, t - h / 2, labels)"
TOLD = "return self.model(z, TIME_SCALE * torch.stack([t, t - r], dim=1), labels)"
DROP = "labels = drop_labels(batch.labels, self.classes, c.p_uncond, generator) if self.classes else None"
TIMES = "r, t = sample_times(len(x), c.mu, c.sigma, c.unequal, generator, x.device)"
EPS = "eps = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)"
GUIDE = "v = guided_velocity(self.u, v, z, t, labels, self.classes, c.omega, c.kappa)"
MEAN = "return loss_at(self.u, z, r, t, v, labels, c.p).mean()"
NOISE = "return torch.randn((n, *self.shape), generator=generator, device=self.device)"
PART = "x.append(sample(self.u, z[part], self.config.sampling_steps, known))"
ROWS = "rows = [sample(self.u, z, steps, labels) for steps in (1, 2, 4)]"
HELD = "losses.append(loss_at(self.u, z, t_each, t_each, v, y).mean() / x[0].numel())"
GAP = "gap = (sample(self.u, z, 1, asked) - follow(self.u, z, labels=asked)).square().mean().sqrt() / data.train.std()"

MUTANTS = [
    # the path and its times
    mean_flow("path: data and noise exchanged", PATH, "return times(t, x) + times(1 - t, eps), eps - x"),
    mean_flow("path: velocity towards the data", PATH, PATH.replace("eps - x", "x - eps")),
    mean_flow("path: signal keeps its size", PATH, PATH.replace("times(1 - t, x)", "x")),
    mean_flow("path: a quarter circle", PATH, PATH.replace("times(1 - t, x)", "times((1 - t**2).sqrt(), x)")),
    mean_flow("times: t is the smaller", DRAW, DRAW.replace("sort(dim=1)", "sort(dim=1, descending=True)")),
    mean_flow("times: not sorted", DRAW, DRAW.replace(".sort(dim=1).values", "")),
    mean_flow("times: not logit-normal", DRAW, DRAW.replace(".sigmoid()", ".clamp(0.001, 0.999)")),
    mean_flow("times: sigma is a variance", DRAW, DRAW.replace("sigma * normal", "sigma**0.5 * normal")),
    mean_flow("times: mu of the other sign", DRAW, DRAW.replace("(mu + ", "(-mu + ")),
    mean_flow("times: one draw for both", DRAW, DRAW.replace("normal)", "normal[:, :1].expand(n, 2))")),
    mean_flow("times: the share is that of r = t", SHARE, SHARE.replace("< unequal", ">= unequal")),
    mean_flow("times: t is moved to r, not r to t", SHARE, "return r, " + SHARE[7:-3].replace("r, t)", "t, r)")),
    mean_flow("times: in float32", DRAW, DRAW.replace("(mu + sigma * normal)", "(mu + sigma * normal).float()")),
    # the identity
    mean_flow("Eq. 8: tangent (v, 0, 0)", TANGENT, TANGENT.replace("torch.ones_like(t)", "torch.zeros_like(t)")),
    mean_flow("Eq. 8: tangent (v, 1, 1)", TANGENT, TANGENT.replace("torch.zeros_like(r)", "torch.ones_like(r)")),
    mean_flow("Eq. 8: tangent (v, 1, 0)", TANGENT, "tangent = (v, torch.ones_like(r), torch.zeros_like(t))"),
    mean_flow("Eq. 8: tangent (0, 0, 1)", TANGENT, TANGENT.replace("(v, ", "(torch.zeros_like(v), ")),
    mean_flow("Eq. 8: tangent (-v, 0, 1)", TANGENT, TANGENT.replace("(v, ", "(-v, ")),
    mean_flow("Eq. 8: tangent (u, 0, 1)", TANGENT, TANGENT.replace("(v, ", "(u(z, r, t, labels), ")),
    mean_flow("Eq. 8: the value for the derivative", JVP, JVP.replace("[1]", "[0]")),
    mean_flow("Eq. 8: r and t exchanged", JVP, JVP.replace("(z, r, t)", "(z, t, r)")),
    mean_flow("Eq. 8: no class", JVP, JVP.replace("labels)", "None)")),
    mean_flow("Eq. 10: plus for minus", TARGET, TARGET.replace("-=", "+=")),
    mean_flow("Eq. 10: factor 1", TARGET, TARGET.replace("times((t - r)[far], du_dt)", "du_dt")),
    mean_flow("Eq. 10: factor t", TARGET, TARGET.replace("(t - r)[far]", "t[far]")),
    mean_flow("Eq. 10: factor r - t", TARGET, TARGET.replace("t - r", "r - t")),
    mean_flow("Eq. 10: factors of the first images", TARGET, TARGET.replace("(t - r)[far]", "(t - r)[: far.sum()]")),
    mean_flow("Eq. 10: v written over", FAR, FAR.replace("v.clone()", "v")),
    mean_flow("Eq. 10: no derivative at all", FAR, FAR.replace("r < t", "r > t")),
    mean_flow("Eq. 10: derivative at r = t too", FAR, FAR.replace("r < t", "r <= t")),
    mean_flow("Eq. 10: classes of other images", KNOWN, KNOWN.replace("labels[far]", "labels[: far.sum()]")),
    mean_flow("Eq. 10: derivative at r = 0", DU_DT, DU_DT.replace("r[far]", "0 * r[far]")),
    mean_flow("Eq. 10: derivative at t, t", DU_DT, DU_DT.replace("r[far]", "t[far]")),
    mean_flow("Eq. 9: the target has a gradient", "@torch.no_grad()\ndef target(", "def target("),
    mean_flow("Eq. 9: the target is v", LOSS, LOSS.replace("target(u, z, r, t, v, labels)", "v")),
    mean_flow("Eq. 9: the guess has no gradient", "guess = u(z, r, t, labels)", "guess = u(z, r, t, labels).detach()"),
    mean_flow("Eq. 9: the guess knows no class", "guess = u(z, r, t, labels)", "guess = u(z, r, t, None)"),
    mean_flow("Eq. 9: guess at t, t", "guess = u(z, r, t, labels)", "guess = u(z, t, t, labels)"),
    mean_flow("Eq. 9: no weight", LOSS, LOSS.replace(", p)", ", 0.0)")),
    mean_flow("Eq. 9: any shape of guess", "if guess.shape != z.shape:", "if guess.ndim != z.ndim:"),
    # the adaptive weight
    mean_flow("B.2: no root of the norm", SQUARE, SQUARE.replace(".sum(dim=1)", ".sum(dim=1).sqrt()")),
    mean_flow("B.2: mean for sum", SQUARE, SQUARE.replace("sum(dim=1)", "mean(dim=1)")),
    mean_flow("B.2: the weight has a gradient", WEIGHT, WEIGHT.replace(".detach()", "")),
    mean_flow("B.2: weight upside down", WEIGHT, WEIGHT.replace("/ (", "* (")),
    mean_flow("B.2: half the power", WEIGHT, WEIGHT.replace("** p", "** (p / 2)")),
    mean_flow("B.2: no c", WEIGHT, WEIGHT.replace(" + c", "")),
    mean_flow("B.2: c = 1", "C = 1e-3", "C = 1.0"),
    # guidance
    mean_flow("Eq. 21: weights do not add up to 1", REST, "rest = 1 - omega"),
    mean_flow("Eq. 21: omega is w, 1 + w its scale", GUIDED, "v = (1 + omega) * v_t\n"),
    mean_flow("Eq. 21: classes exchanged", CLASS, CLASS.replace("labels", "None")),
    mean_flow("Eq. 21: u for any class knows the class", ANY, ANY.replace("None", "labels")),
    mean_flow("Eq. 21: no class, with a minus", ANY, ANY.replace("v + rest", "v - rest")),
    mean_flow("Eq. 21: average over the whole path", ANY, ANY.replace("u(z, t, t, None)", "u(z, 0 * t, t, None)")),
    mean_flow("Eq. 21: kappa's average over the whole path", CLASS, CLASS.replace("(z, t, t", "(z, 0 * t, t")),
    mean_flow("guidance where the class is dropped", KEEP, "return v"),
    mean_flow("guidance only where the class is dropped", KEEP, KEEP.replace("==", "!=")),
    mean_flow("guidance carries a gradient", "@torch.no_grad()\ndef guided_velocity(", "def guided_velocity("),
    # sampling
    mean_flow("Eq. 12: plus for minus", JUMP, JUMP.replace("z - times", "z + times")),
    mean_flow("Eq. 12: the length is t", JUMP, JUMP.replace("t - r, u", "t, u")),
    mean_flow("Eq. 12: r and t exchanged", JUMP, JUMP.replace("u(z, r, t, labels)", "u(z, t, r, labels)")),
    mean_flow("Eq. 12: the velocity for its average", JUMP, JUMP.replace("u(z, r, t, labels)", "u(z, t, t, labels)")),
    mean_flow("sampling: from data to noise", GRID, GRID.replace("linspace(1, 0,", "linspace(0, 1,")),
    mean_flow("sampling: one step too many", GRID, GRID.replace("steps + 1", "steps + 2")),
    mean_flow("sampling: no class", STEP, STEP.replace("labels", "None")),
    mean_flow("sampling keeps the graph", "@torch.no_grad()\ndef sample(", "def sample("),
    mean_flow("sampling: no check of steps", CHECK + "    at =", "    at ="),
    mean_flow("following: no check of steps", CHECK + "    h =", "    h ="),
    mean_flow("following: Euler's rule", FOLLOW, FOLLOW.replace("u(middle, t - h / 2, t - h / 2,", "u(z, t, t,")),
    mean_flow("following: middle at the step's end", MIDDLE, MIDDLE.replace("h / 2", "h")),
    mean_flow("following: middle asked for at t", FOLLOW, FOLLOW.replace("t - h / 2, t - h / 2", "t, t")),
    mean_flow("following: average for the velocity", FOLLOW, FOLLOW.replace("t - h / 2, t -", "t - h, t -")),
    mean_flow("following: no class", MIDDLE, MIDDLE.replace("labels", "None")),
    mean_flow("following keeps the graph", "@torch.no_grad()\ndef follow(", "def follow("),
    mean_flow("following in 16 steps", "steps: int = 32", "steps: int = 16"),
    # the method
    mean_flow("network told (t, r)", TOLD, TOLD.replace("t - r", "r")),
    mean_flow("network told (t - r, t)", TOLD, TOLD.replace("[t, t - r]", "[t - r, t]")),
    mean_flow("network's times not scaled", TOLD, TOLD.replace("TIME_SCALE * ", "")),
    mean_flow("network's times as in DDPM", "TIME_SCALE = 10.0", "TIME_SCALE = 1000.0"),
    mean_flow("network told no class", TOLD, TOLD.replace(", labels)", ", None)")),
    mean_flow("Alg. 1: no class dropped", DROP, DROP.replace("c.p_uncond", "0.0")),
    mean_flow("Alg. 1: dropped to class 0", DROP, DROP.replace("self.classes, c", "0, c")),
    mean_flow("Alg. 1: always r = t", TIMES, TIMES.replace("c.unequal", "0.0")),
    mean_flow("Alg. 1: uniform noise", EPS, EPS.replace("randn", "rand")),
    mean_flow("Alg. 1: noise from the global generator", EPS, EPS.replace("generator=generator, ", "")),
    mean_flow("Alg. 1: kappa for omega", GUIDE, GUIDE.replace("c.omega, c.kappa", "c.kappa, c.omega")),
    mean_flow("Alg. 1: no guidance", GUIDE, GUIDE.replace("c.omega, c.kappa", "1.0, 0.0")),
    mean_flow("Alg. 1: a sum over the batch", MEAN, MEAN.replace(".mean()", ".sum()")),
    mean_flow("Alg. 1: no adaptive weight", MEAN, MEAN.replace("c.p)", "0.0)")),
    mean_flow("samples: always one step", PART, PART.replace("self.config.sampling_steps", "1")),
    mean_flow("samples: each part from the same noise", PART, PART.replace("z[part]", "z[: len(part)]")),
    mean_flow("samples: noise from the global generator", NOISE, NOISE.replace(", generator=generator", "")),
    mean_flow("samples: classes of the first part", "labels[part]", "labels[: len(part)].flip(0)"),
    mean_flow("picture: 1, 2, 3 steps", ROWS, ROWS.replace("(1, 2, 4)", "(1, 2, 3)")),
    mean_flow("picture: no class", ROWS, ROWS.replace("labels)", "None)")),
    mean_flow("held-out loss: for the whole image", HELD, HELD.replace(" / x[0].numel()", "")),
    mean_flow("held-out loss: no class", HELD, HELD.replace(", y)", ", None)")),
    mean_flow("held-out loss: r = 0", HELD, HELD.replace("t_each, t_each, v", "0 * t_each, t_each, v")),
    mean_flow("gap: no root", GAP, GAP.replace(".sqrt()", "")),
    mean_flow("gap: not in units of the data", GAP, GAP.replace(" / data.train.std()", "")),
    mean_flow("gap: two steps", GAP, GAP.replace("z, 1, asked", "z, 2, asked")),
    mean_flow("gap: no class asked for", GAP, GAP.replace("labels=asked", "labels=None")),
    mean_flow("patches left out", "config.patch, times=2", "1, times=2"),
    mean_flow("network of images laid out channels last", "torch.contiguous_format", "torch.channels_last"),
    mean_flow("kappa of 1 accepted", "0 <= self.kappa < 1", "0 <= self.kappa <= 1"),
    mean_flow("omega of 0 accepted", "self.omega > 0", "self.omega >= 0"),
    mean_flow("sigma of 0 accepted", "self.sigma > 0", "self.sigma >= 0"),
    mean_flow("share above 1 accepted", "0 <= self.unequal <= 1", "0 <= self.unequal"),
]  # fmt: skip

ONE_EACH = {
    "path: velocity towards the data": "test_the_path_runs_from_data_to_noise_at_its_velocity",
    "path: a quarter circle": "test_the_velocity_of_the_proofs_is_the_mean_of_the_conditional_one",
    "times: the share is that of r = t": "test_r_is_before_t_in_the_share_asked_for",
    "times: mu of the other sign": "test_times_are_the_larger_and_the_smaller_of_two_logit_normal_draws",
    "Eq. 8: the value for the derivative": "test_the_derivative_is_that_along_the_path",
    "Eq. 8: tangent (v, 1, 1)": "test_the_tangent_is_v_0_1",
    "Eq. 8: no class": "test_the_derivative_of_the_network_is_right",
    "Eq. 10: plus for minus": "test_the_exact_average_velocity_is_its_own_target",
    "Eq. 9: the target is v": "test_a_wrong_average_velocity_is_not_its_own_target",
    "Eq. 10: factor t": "test_with_the_samples_own_velocity_the_target_is_right_on_average",
    "Eq. 8: tangent (u, 0, 1)": "test_at_the_exact_average_velocity_the_loss_pulls_nowhere",
    "Eq. 10: derivative at r = t too": "test_where_r_is_t_the_loss_is_flow_matching",
    "Eq. 10: classes of other images": "test_each_image_gets_the_target_of_its_own_times_and_class",
    "Eq. 9: the target has a gradient": "test_the_target_carries_no_gradient",
    "B.2: the weight has a gradient": "test_gradient_of_the_loss_equals_finite_differences_with_the_target_held",
    "B.2: half the power": "test_the_adaptive_weight_is_the_papers",
    "B.2: weight upside down": "test_with_p_1_no_image_pulls_much_more_than_another",
    "Eq. 21: classes exchanged": "test_guidance_is_the_papers_mixture",
    "Eq. 21: omega is w, 1 + w its scale": "test_guidance_of_omega_1_is_none",
    "Eq. 21: weights do not add up to 1": "test_the_guided_field_has_the_scale_omega_over_1_less_kappa",
    "guidance carries a gradient": "test_guidance_carries_no_gradient",
    "Eq. 12: plus for minus": "test_a_jump_lands_where_the_path_goes",
    "Eq. 12: the velocity for its average": "test_one_step_of_the_exact_average_velocity_is_the_data",
    "Eq. 12: the length is t": "test_several_steps_of_the_exact_average_velocity_are_one",
    "following: Euler's rule": "test_following_the_velocity_ends_where_one_step_of_the_average_does",
    "sampling: no class": "test_samplers_ask_for_the_times_and_classes_in_order",
    "sampling keeps the graph": "test_samplers_keep_no_gradient",
    "network told (t, r)": "test_the_network_is_told_t_and_the_length_of_the_step",
    "Alg. 1: no class dropped": "test_the_loss_trains_on_what_algorithm_1_says",
    "Alg. 1: kappa for omega": "test_the_loss_guides_with_the_networks_own_velocity",
    "patches left out": "test_patches_leave_the_images_shape",
    "samples: each part from the same noise": "test_samples_are_jumps_from_the_generators_noise",
    "picture: 1, 2, 3 steps": "test_the_picture_shows_the_same_noise_in_1_2_4_and_many_steps",
    "gap: no root": "test_the_gap_is_how_far_one_step_is_from_many",
    "held-out loss: no class": "test_the_gap_is_measured_on_all_classes",
    "held-out loss: for the whole image": "test_held_out_loss_is_flow_matching_per_pixel_on_fixed_times_and_noise",
    "Alg. 1: noise from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "kappa of 1 accepted": "test_bad_values_name_field_value_and_what_is_expected",
    "following: no check of steps": "test_bad_steps_and_shapes_are_refused",
}
