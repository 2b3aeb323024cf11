"""Changes to vq_vae.py and to its prior, pixelcnn.py, of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.vae.pixelcnn", "reference_impl.vae.vq_vae"]
PROOFS = ["vae/test_vq_vae.py", "vae/test_pixelcnn.py"]

vq = partial(Mutant, "reference_impl.vae.vq_vae")
cnn = partial(Mutant, "reference_impl.vae.pixelcnn")

NEAREST = "return (e.square().sum(dim=1) - 2 * z_e @ e.T).argmin(dim=-1)"
PERMUTE = "z_e = z_e.permute(0, 2, 3, 1)"
EMBED = "return F.embedding(k, e).permute(0, 3, 1, 2)"
THROUGH = "return z_q.detach() + (z_e - z_e.detach())"
RECONSTRUCTION = "(x - x_hat).square().sum(dim=(1, 2, 3)).mean(),"
CODEBOOK = "(z_e.detach() - z_q).square().sum(dim=1).mean(),"
COMMITMENT = "(z_e - z_q.detach()).square().sum(dim=1).mean(),"
OBJECTIVE = "return terms.reconstruction + terms.codebook + beta * terms.commitment"
COUNTS = "return F.one_hot(k.flatten(), K).sum(dim=0).to(torch.get_default_dtype())"
PERPLEXITY = "return torch.special.entr(p).sum().exp().item()"
RUNNING = "return USAGE_DECAY * usage + (1 - USAGE_DECAY) * count"
VECTORS = "vectors = z_e.permute(0, 2, 3, 1).flatten(0, 2)"
DRAWN = "drawn = torch.randperm(n, generator=generator, device=e.device)[torch.arange(K, device=e.device) % n]"
MOVED = "return torch.where(dead[:, None], vectors[drawn], e), torch.where(dead, n / K, usage)"
DECODED = "return loss_terms(x, self.decoder(straight_through(z_e, z_q)), z_e, z_q)"
ALIVE = "if self.autoencoder.training and self.config.threshold:"
PRIOR_LOSS = "return -log_prior(self.prior, k, self.asked(batch.labels)).mean() / k[0].numel()"
GREY = "grey = (2 * k / (self.config.K - 1) - 1)"
VERTICAL = 'mask[: size // 2 + (kind == "B")] = 1'
HORIZONTAL = 'mask[:, : size // 2 + (kind == "B")] = 1'
GATE = "return f.tanh() * g.sigmoid()"
STACK_V = "above = self.above(v) + V_v"
STACK_H = "y = self.out(gate(self.left(h) + self.down(above) + V_h))"
LAYER = 'return gate(above), y if self.kind == "A" else h + y'
NATS = "return -nats.unflatten(0, k.shape).sum(dim=(1, 2))"
DRAW = "k[:, r, s] = torch.multinomial(p, 1, generator=generator)[:, 0]"

MUTANTS = [
    # quantisation
    vq("farthest code", NEAREST, NEAREST.replace("argmin", "argmax")),
    vq("argmin over the positions", NEAREST, NEAREST.replace("dim=-1", "dim=2") + "[:, :, :1].expand(z_e.shape[:-1])"),
    vq("codes' lengths left out", NEAREST, "return (-2 * z_e @ e.T).argmin(dim=-1)"),
    vq("codes' lengths not squared", NEAREST, NEAREST.replace("e.square().sum(dim=1)", "e.norm(dim=1)")),
    vq("no factor two", NEAREST, NEAREST.replace("2 * z_e", "z_e")),
    vq("reshape for permute", PERMUTE, "z_e = z_e.reshape(z_e.shape[0], *z_e.shape[2:], -1)"),
    vq("rows and columns swapped", PERMUTE, "z_e = z_e.permute(0, 3, 2, 1)"),
    vq("vectors reshaped into channels", EMBED, "v = F.embedding(k, e); return v.reshape(len(v), -1, *k.shape[1:])"),
    vq("codes turned round when looked up", EMBED, EMBED.replace("(k, e)", "(k, e.flip(0))")),
    vq("no straight-through: z_q as it is", THROUGH, "return z_q"),
    vq("straight-through without sg on z_e", THROUGH, "return z_q.detach() + z_e"),
    vq("straight-through without sg on z_q", THROUGH, "return z_q + (z_e - z_e.detach())"),
    vq("straight-through with half the gradient", THROUGH, "return z_q.detach() + (z_e - z_e.detach()) / 2"),
    vq("straight-through that hands on z_e", THROUGH, "return z_e + 0 * z_q.detach()"),
    # loss
    vq("reconstruction a mean over pixels", RECONSTRUCTION, "(x - x_hat).square().mean(),"),
    vq("absolute error", RECONSTRUCTION, RECONSTRUCTION.replace("square", "abs")),
    vq("reconstruction summed over the batch", RECONSTRUCTION, "(x - x_hat).square().sum(),"),
    vq("no sg in the codebook term", CODEBOOK, CODEBOOK.replace("z_e.detach()", "z_e")),
    vq("sg on the wrong side of the codebook term", CODEBOOK, COMMITMENT),
    vq("codebook term a mean over D", CODEBOOK, CODEBOOK.replace(".sum(dim=1)", "")),
    vq("codebook term summed over positions", CODEBOOK, CODEBOOK.replace("sum(dim=1)", "sum(dim=(1, 2, 3))")),
    vq("no sg in the commitment term", COMMITMENT, COMMITMENT.replace("z_q.detach()", "z_q")),
    vq("sg on the wrong side of the commitment term", COMMITMENT, CODEBOOK),
    vq("commitment term a mean over D", COMMITMENT, COMMITMENT.replace(".sum(dim=1)", "")),
    vq("beta on the codebook term", OBJECTIVE,
        "return terms.reconstruction + beta * terms.codebook + terms.commitment"),
    vq("beta on both", OBJECTIVE, "return terms.reconstruction + beta * (terms.codebook + terms.commitment)"),
    vq("no commitment", OBJECTIVE, "return terms.reconstruction + terms.codebook"),
    vq("commitment subtracted", OBJECTIVE, OBJECTIVE.replace("+ beta", "- beta")),
    vq("decoder is shown z_e", DECODED, DECODED.replace("straight_through(z_e, z_q)", "z_e")),
    vq("decoder is shown z_q without straight-through", DECODED, DECODED.replace("straight_through(z_e, z_q)", "z_q")),
    vq("beta not handed on", "objective(self.autoencoder.terms(batch.x), self.config.beta)",
        "objective(self.autoencoder.terms(batch.x), 0.25)"),
    # use of the codes
    vq("share of each image for counts", COUNTS, COUNTS.replace("sum(dim=0)", "double().mean(dim=0)")),
    vq("perplexity is the entropy", PERPLEXITY, "return torch.special.entr(p).sum().item()"),
    vq("perplexity in bits", PERPLEXITY, "return (torch.special.entr(p).sum() / math.log(2)).exp().item()"),
    vq("perplexity counts used codes", PERPLEXITY, "return (p > 0).sum().item()"),
    vq("shares not normalised", "p = count.double() / count.sum()", "p = count.double() / len(count)"),
    vq("running use the wrong way round", RUNNING, "return USAGE_DECAY * count + (1 - USAGE_DECAY) * usage"),
    vq("running use adds up", RUNNING, "return USAGE_DECAY * usage + count"),
    vq("running use never forgets", RUNNING, "return usage + count"),
    vq("outputs reshaped, not permuted", VECTORS, "vectors = z_e.reshape(-1, e.shape[1])"),
    vq("restarts not drawn at random", DRAWN, "drawn = torch.arange(K, device=e.device) % n"),
    vq("restarts drawn by the global generator", DRAWN, DRAWN.replace("generator=generator, ", "")),
    vq("all restarts at one output", DRAWN, DRAWN.replace("torch.arange(K, device=e.device) % n",
        "torch.zeros(K, dtype=torch.long, device=e.device)")),
    vq("codes in use are restarted", "dead = usage < threshold", "dead = usage >= threshold"),
    vq("a code just at the threshold is dead", "dead = usage < threshold", "dead = usage <= threshold"),
    vq("all are restarted", MOVED, MOVED.replace("dead[:, None]", "torch.ones_like(dead)[:, None]")),
    vq("use not reset", MOVED, "return torch.where(dead[:, None], vectors[drawn], e), usage"),
    vq("use reset for all", MOVED, MOVED.replace("torch.where(dead, n / K, usage)", "torch.full_like(usage, n / K)")),
    vq("first codes are random numbers", "torch.full((K,), -math.inf)", "torch.ones(K)"),
    vq("codes used by chance are not restarted at first", "torch.full((K,), -math.inf)", "torch.zeros(K)"),
    vq("restarts while measuring", ALIVE, "if self.config.threshold:"),
    vq("no restarts", ALIVE, "if False:"),
    vq("restarts though the threshold is zero", ALIVE, "if self.autoencoder.training:"),
    # networks and stages
    vq("residual block without its input", "return x + self.narrow", "return self.narrow"),
    vq("residual block without the first ReLU", "self.wide(F.relu(x))", "self.wide(x)"),
    vq("no ReLU before the encoder's last layer", "Residual(width), nn.ReLU(), nn.Conv2d(width, D, 1)",
        "Residual(width), nn.Identity(), nn.Conv2d(width, D, 1)"),
    vq("one residual block in the decoder", "padding=1), Residual(width), Residual(width)]",
        "padding=1), Residual(width), nn.Identity()]"),
    vq("no ReLU before the transposed convolutions", "decoder += [nn.ReLU(),", "decoder += [nn.Identity(),"),
    vq("decoded images not clipped", ".clamp(-1, 1)", ""),
    vq("stage two one step late", "plays=lambda step: step > n", "plays=lambda step: step > n + 1"),
    vq("stage one never ends", "plays=lambda step: step <= n", "plays=lambda step: True"),
    vq("both players train the autoencoder", 'Player("prior", self.prior,', 'Player("prior", self.autoencoder,'),
    vq("prior's loss a sum over codes", PRIOR_LOSS, PRIOR_LOSS.replace(" / k[0].numel()", "")),
    vq("prior's loss over all codes of the batch", PRIOR_LOSS, PRIOR_LOSS.replace("k[0].numel()", "k.numel()")),
    vq("prior's loss climbs", PRIOR_LOSS, PRIOR_LOSS.replace("return -", "return ")),
    vq("labels always used", "return labels if self.classes else None", "return labels * 0 if self.classes else None"),
    vq("samples of no class", "k = sample_codes(self.prior, n, self.asked(labels), generator, watch)",
        "k = sample_codes(self.prior, n, None if labels is None else labels * 0, generator, watch)"),
    vq("height for width", "grid = (h >> config.downs, w >> config.downs)",
        "grid = (w >> config.downs, h >> config.downs)"),
    # numbers and pictures
    vq("pictures of training images", "x = data.held_out[:10]", "x = data.train[:10]"),
    vq("grey codes not spread", GREY, "grey = (2 * k / self.config.K - 1)"),
    vq("numbers of the first part alone", "used += counts(k, self.config.K)", "used = counts(k, self.config.K)"),
    vq("error of an image for a pixel", "error / data.held_out.numel()", "error / n"),
    vq("nats of a grid for a code", "nats / used.sum().item()", "nats / n"),
    vq("numbers without the class", "nats -= log_prior(self.prior, k, self.asked(y))",
        "nats -= log_prior(self.prior, k, self.asked(y * 0))"),
    # the prior: what it sees
    cnn("vertical mask A shows its row", VERTICAL, "mask[: size // 2 + 1] = 1"),
    cnn("vertical mask B hides its row", VERTICAL, "mask[: size // 2] = 1"),
    cnn("horizontal mask A shows the centre", HORIZONTAL, "mask[:, : size // 2 + 1] = 1"),
    cnn("horizontal mask B hides the centre", HORIZONTAL, "mask[:, : size // 2] = 1"),
    cnn("masks A and B swapped in a row", HORIZONTAL, HORIZONTAL.replace('"B"', '"A"')),
    cnn("no mask", "self.weight * self.mask", "self.weight"),
    cnn("mask turned round", "self.weight * self.mask", "self.weight * self.mask.flip(0, 1)"),
    cnn("no bias", "self.weight * self.mask, self.bias,", "self.weight * self.mask, None,"),
    cnn("mask B in the first layer", 'GatedLayer("B" if i else "A"', 'GatedLayer("B"'),
    cnn("mask A in all layers", 'GatedLayer("B" if i else "A"', 'GatedLayer("A"'),
    cnn("residual connection in the first layer", LAYER, "return gate(above), h + y"),
    cnn("no residual connection", LAYER, "return gate(above), y"),
    cnn("kernel too small to reach across", "size = max(3, 2 * math.ceil((max(grid) - 1) / layers) + 1)", "size = 3"),
    cnn("kernel for the shorter side", "(max(grid) - 1)", "(min(grid) - 1)"),
    # its layers
    cnn("gate's halves swapped", GATE, "return g.tanh() * f.sigmoid()"),
    cnn("gate without tanh", GATE, "return f * g.sigmoid()"),
    cnn("gate without sigmoid", GATE, "return f.tanh() * g"),
    cnn("class not told to the vertical stack", STACK_V, "above = self.above(v) + 0 * V_v"),
    cnn("class not told to the horizontal stack", STACK_H, STACK_H.replace(" + V_h", " + 0 * V_h")),
    cnn("class added twice to one stack", STACK_H, STACK_H.replace("V_h", "V_v")),
    cnn("stacks not joined", STACK_H, STACK_H.replace("self.down(above)", "0 * self.down(above)")),
    cnn("vertical stack not gated", LAYER, 'return above[:, ::2], y if self.kind == "A" else h + y'),
    cnn("horizontal stack not gated", STACK_H, "y = self.out((self.left(h) + self.down(above) + V_h)[:, ::2])"),
    cnn("no ReLU before the head", "nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1)",
        "nn.Sequential(nn.Identity(), nn.Conv2d(width, width, 1)"),
    cnn("labels below zero let through", "labels.min() < 0 or ", ""),
    # its law and its samples
    cnn("mean over the codes", NATS, NATS.replace("sum", "mean")),
    cnn("sign of the logarithm", NATS, NATS.replace("return -", "return ")),
    cnn("logits not permuted", "prior(k, labels).permute(0, 2, 3, 1)",
        "prior(k, labels).reshape(len(k), *k.shape[1:], -1)"),
    cnn("the likeliest code for a draw", DRAW, "k[:, r, s] = p.argmax(dim=1)"),
    cnn("drawn by the global generator", DRAW, DRAW.replace(", generator=generator", "")),
    cnn("drawn by columns", "r, s = divmod(i, columns)", "s, r = divmod(i, rows)"),
    cnn("drawn at temperature 1/2", ".softmax(dim=1)", ".mul(2).softmax(dim=1)"),
    cnn("softmax over the grids", ".softmax(dim=1)", ".softmax(dim=0)"),
    cnn("all codes drawn at once", "p = prior(k, labels)[:, :, r, s]", "p = prior(k * 0, labels)[:, :, r, s]"),
    cnn("nats for bits", "return nats / math.log(2) / math.prod(shape)", "return nats / math.prod(shape)"),
    cnn("bits for each of all colours' pixels", "math.prod(shape)", "math.prod(shape[1:])"),
]  # fmt: skip

ONE_EACH = {
    "codes' lengths left out": "test_nearest_code_is_found_by_brute_force_too",
    "vectors reshaped into channels": "test_a_codes_own_vector_is_given_that_code",
    "reshape for permute": "test_reshaping_instead_of_permuting_compares_numbers_of_different_positions",
    "straight-through with half the gradient":
        "test_straight_through_hands_the_decoders_gradient_to_the_encoder_exactly",
    "codebook term a mean over D":
        "test_terms_are_sums_over_pixels_and_over_d_and_means_over_images_and_positions",
    "no sg in the codebook term":
        "test_codebook_term_pulls_each_code_to_the_mean_of_its_vectors_and_leaves_the_encoder_alone",
    "no sg in the commitment term":
        "test_commitment_term_pulls_each_vector_to_its_code_and_leaves_the_codebook_alone",
    "beta on the codebook term": "test_beta_weighs_the_commitment_term_alone",
    "decoder is shown z_q without straight-through":
        "test_gradient_of_the_loss_equals_finite_differences_with_the_stopped_parts_held",
    "share of each image for counts": "test_counts_say_how_many_vectors_each_code_stands_for",
    "perplexity counts used codes":
        "test_perplexity_is_k_for_uniform_use_and_one_for_one_code_and_else_exp_of_the_entropy",
    "running use adds up": "test_running_use_forgets_and_settles_at_the_mean_count",
    "a code just at the threshold is dead": "test_dead_codes_and_only_they_move_to_encoder_outputs",
    "restarts not drawn at random": "test_restarts_are_drawn_from_all_outputs_alike",
    "codes used by chance are not restarted at first":
        "test_all_codes_start_at_outputs_of_the_first_batch_and_those_in_use_stay",
    "restarts while measuring": "test_codes_are_restarted_in_training_alone_and_before_the_loss",
    "height for width": "test_grids_are_smaller_by_two_to_the_strides_for_any_batch",
    "residual block without its input": "test_a_residual_block_adds_to_its_input",
    "one residual block in the decoder": "test_encoder_and_decoder_are_the_papers_layers",
    "decoded images not clipped": "test_what_is_decoded_are_the_codes_vectors_clipped",
    "stage two one step late": "test_the_autoencoder_plays_first_and_the_prior_afterwards",
    "stage one never ends": "test_the_codes_rest_while_the_prior_is_trained",
    "prior's loss a sum over codes":
        "test_the_priors_loss_is_nats_for_each_code_and_asks_nothing_of_the_autoencoder",
    "both players train the autoencoder": "test_every_parameter_receives_a_gradient_from_its_player",
    "samples of no class": "test_samples_are_decoded_grids_of_the_prior_for_the_classes_asked",
    "grey codes not spread":
        "test_pictures_are_held_out_images_over_their_codes_over_their_reconstructions",
    "nats of a grid for a code": "test_numbers_are_those_of_all_held_out_images",
    "horizontal mask B hides the centre": "test_masks_hide_the_centre_in_a_and_show_it_in_b",
    "no bias": "test_a_masked_convolution_is_torchs_with_the_hidden_weights_at_zero",
    "kernel too small to reach across": "test_each_code_is_predicted_from_all_earlier_ones_and_from_no_other",
    "residual connection in the first layer": "test_later_codes_change_no_logit_to_the_bit",
    "gate without sigmoid": "test_gate_is_tanh_of_the_first_half_times_the_sigmoid_of_the_second",
    "class added twice to one stack": "test_a_layer_equals_equation_4_position_by_position",
    "mask B in the first layer": "test_probabilities_of_all_grids_sum_to_one",
    "no ReLU before the head":
        "test_logits_are_the_horizontal_stacks_after_relu_and_1x1_convolution_twice",
    "drawn by columns": "test_codes_are_drawn_row_after_row_and_the_network_is_shown_those_before",
    "mean over the codes": "test_log_prior_is_the_sum_of_each_codes_logarithm_given_the_earlier_ones",
    "nats for bits": "test_uniform_codes_cost_the_logarithm_of_their_number",
    "drawn at temperature 1/2": "test_drawn_grids_have_the_frequencies_of_the_law",
    "softmax over the grids": "test_each_grid_is_drawn_for_its_own_class",
    "drawn by the global generator": "test_same_seed_same_grids_and_one_step_for_each_code",
    "labels below zero let through": "test_labels_that_are_missing_or_out_of_range_are_named",
}  # fmt: skip
