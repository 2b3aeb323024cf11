"""Changes to dit.py and networks.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.dit", "reference_impl.diffusion.networks"]
PROOFS = ["diffusion/test_dit.py", "diffusion/test_networks.py"]

d = partial(Mutant, "reference_impl.diffusion.dit")
n = partial(Mutant, "reference_impl.diffusion.networks")

CUT = "return F.pixel_unshuffle(x, p).flatten(2).transpose(1, 2)"
JOIN = "return F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (height // p, width // p)), p)"
DOWN = "down = sinusoidal_positions(rows, d // 2)[:, None].expand(-1, columns, -1)"
ALONG = "along = sinusoidal_positions(columns, d // 2)[None].expand(rows, -1, -1)"
PLACES = "return torch.cat([down, along], dim=-1).flatten(0, 1)"
MODULATE = "return x * (1 + scale) + shift"
NORM_1 = "self.norm_1 = nn.LayerNorm(d, eps=1e-6, elementwise_affine=False)"
NORM_2 = "self.norm_2 = nn.LayerNorm(d, eps=1e-6, elementwise_affine=False)"
NORM = "self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)"
MLP = 'nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(approximate="tanh"), nn.Linear(4 * d, d))'
SIX = "shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.adaptive(F.silu(c))[:, None].chunk(6, dim=-1)"
ATTEND = "x = x + gate_1 * self.attention(modulate(self.norm_1(x), shift_1, scale_1))"
THINK = "return x + gate_2 * self.mlp(modulate(self.norm_2(x), shift_2, scale_2))"
TIME = "nn.Sequential(nn.Linear(times * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))"
BLOCKS = "nn.ModuleList(Block(width, heads, attend) for _ in range(depth))"
THREE = "for layer in (block.attention.W_Q, block.attention.W_K, block.attention.W_V):"
ZEROS = "for layer in (*(block.adaptive for block in self.blocks), self.adaptive, self.leave):"
TIMES = "self.time(torch.cat([time_embedding(one, FREQUENCIES) for one in each.unbind(1)], dim=1).to(x.dtype))"
ANY = "torch.full_like(each[:, 0], self.classes).long() if labels is None else labels"
GRID = "places = positions_2d(h // self.patch, w // self.patch, self.width).to(x)"
ENTER = "y = self.enter(patches(x, self.patch)) + places"
LAST = "shift, scale = self.adaptive(F.silu(c))[:, None].chunk(2, dim=-1)"
OUT = "return image(self.leave(modulate(self.norm(y), shift, scale)), self.patch, h, w)"
UNET = "return UNet(channels, width, classes=classes, times=times, outputs=outputs, patch=patch)"
DIT = "classes=classes, times=times, outputs=outputs, patch=patch, attend=attend"

MUTANTS = [
    # patches
    d("cut by reshape alone", CUT, "return x.reshape(len(x), -1, x.shape[1] * p * p)"),
    d("patches column by column", CUT, "return F.pixel_unshuffle(x, p).transpose(2, 3).flatten(2).transpose(1, 2)"),
    d(
        "each patch on its side",
        CUT,
        "return patches_of(x, p)\n\n\ndef patches_of(x, p):\n"
        "    x = x.unflatten(3, (-1, p)).unflatten(2, (-1, p))\n"
        "    return x.permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2)",
    ),
    d(
        "the channel last in a patch",
        CUT,
        "return F.pixel_unshuffle(x, p).unflatten(1, (x.shape[1], -1))"
        ".transpose(1, 2).flatten(1, 2).flatten(2).transpose(1, 2)",
    ),
    d(
        "put together with the channel last",
        JOIN,
        "c = tokens.shape[2] // p**2\n"
        "    tokens = tokens.unflatten(2, (p * p, c)).transpose(2, 3).flatten(2)\n    " + JOIN,
    ),
    d(
        "put together as if square",
        JOIN,
        JOIN.replace("(height // p, width // p)", "(-1, int(tokens.shape[1] ** 0.5))"),
    ),
    d(
        "put together with height and width swapped",
        JOIN,
        "return F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (width // p, height // p)), p).reshape("
        "len(tokens), -1, height, width)",
    ),
    d(
        "put together without the transpose",
        JOIN,
        JOIN.replace("tokens.transpose(1, 2)", "tokens.reshape(len(tokens), -1, tokens.shape[1])"),
    ),
    # positions
    d("rows and columns swapped", PLACES, PLACES.replace("down, along", "along, down")),
    d("the row alone", PLACES, PLACES.replace("down, along", "down, down")),
    d("places column by column", PLACES, PLACES.replace("dim=-1)", "dim=-1).transpose(0, 1)")),
    d("rows counted from below", DOWN, DOWN.replace("(rows, d // 2)", "(rows, d // 2).flip(0)")),
    d("wavelengths of the whole width", ALONG, ALONG.replace("(columns, d // 2)", "(columns, d)[:, : d // 2]")),
    d("places from one", DOWN, DOWN.replace("(rows, d // 2)", "(rows + 1, d // 2)[1:]")),
    d("no positions", ENTER, "y = self.enter(patches(x, self.patch))"),
    d("positions twice", ENTER, ENTER + " + places"),
    d(
        "positions of a square",
        GRID,
        GRID.replace("h //", "w //", 1).replace(".to(x)", "[: (h // self.patch) * (w // self.patch)].to(x)"),
    ),
    d(
        "positions with the sides swapped",
        GRID,
        GRID.replace("h // self.patch, w // self.patch", "w // self.patch, h // self.patch"),
    ),
    # the block
    d("scale without the one", MODULATE, "return x * scale + shift"),
    d("shift subtracted", MODULATE, "return x * (1 + scale) - shift"),
    d("shifted before it is scaled", MODULATE, "return (x + shift) * (1 + scale)"),
    d("shift and scale swapped", MODULATE, "return x * (1 + shift) + scale"),
    d("first norm with torch's eps", NORM_1, NORM_1.replace("1e-6", "1e-5")),
    d("second norm with torch's eps", NORM_2, NORM_2.replace("1e-6", "1e-5")),
    d("first norm with weights of its own", NORM_1, NORM_1.replace("False", "True")),
    d("second norm with weights of its own", NORM_2, NORM_2.replace("False", "True")),
    d("last norm with weights of its own", NORM, NORM.replace("False", "True")),
    d("GELU by the error function", MLP, MLP.replace('approximate="tanh"', "")),
    d("ReLU", MLP, MLP.replace('nn.GELU(approximate="tanh")', "nn.ReLU()")),
    d("attention and MLP told alike", SIX, SIX + "\n        shift_2, scale_2, gate_2 = shift_1, scale_1, gate_1"),
    d("six vectors in another order", SIX, SIX.replace("shift_1, scale_1, gate_1", "gate_1, shift_1, scale_1")),
    d("no SiLU before the block's linear map", SIX, SIX.replace("F.silu(c)", "c")),
    d("no residual around attention", ATTEND, ATTEND.replace("x + gate_1", "gate_1")),
    d("no residual around the MLP", THINK, THINK.replace("x + gate_2", "gate_2")),
    d("no gate on attention", ATTEND, ATTEND.replace("gate_1 * ", "")),
    d("no gate on the MLP", THINK, THINK.replace("gate_2 * ", "")),
    d("gates of one at first", THINK, THINK.replace("gate_2 *", "(1 + gate_2) *")),
    d(
        "gate after the residual",
        ATTEND,
        "x = gate_1 * (x + self.attention(modulate(self.norm_1(x), shift_1, scale_1)))",
    ),
    d("no norm before attention", ATTEND, ATTEND.replace("self.norm_1(x)", "x")),
    d("no norm before the MLP", THINK, THINK.replace("self.norm_2(x)", "x")),
    d("one norm for both", THINK, THINK.replace("norm_2", "norm_1")),
    d("attention not told", ATTEND, ATTEND.replace("modulate(self.norm_1(x), shift_1, scale_1)", "self.norm_1(x)")),
    d("MLP not told", THINK, THINK.replace("modulate(self.norm_2(x), shift_2, scale_2)", "self.norm_2(x)")),
    d(
        "MLP beside attention",
        f"{ATTEND}\n        {THINK}",
        f"before = x\n        {ATTEND}\n        " + THINK.replace("self.norm_2(x)", "self.norm_2(before)"),
    ),
    # the network
    d("no activation between the maps of the time", TIME, TIME.replace("nn.SiLU()", "nn.Identity()")),
    d("ReLU between the maps of the time", TIME, TIME.replace("nn.SiLU()", "nn.ReLU()")),
    d("fewer frequencies", "FREQUENCIES = 256\n", "FREQUENCIES = 128\n"),
    d("no entry for any class", "nn.Embedding(classes + 1, width)", "nn.Embedding(classes, width)"),
    d("one block over and over", BLOCKS, "nn.ModuleList([Block(width, heads, attend)] * depth)"),
    d("a block too few", BLOCKS, BLOCKS.replace("range(depth)", "range(1, depth)")),
    d("how to attend not handed on", BLOCKS, BLOCKS.replace(", attend)", ")")),
    d(
        "the last block skipped",
        "for block in self.blocks:\n            y =",
        "for block in self.blocks[:-1]:\n            y =",
    ),
    d(
        "blocks not told the class",
        "y = block(y, c)",
        "y = block(y, self.time(time_embedding(each[:, 0], FREQUENCIES).repeat(1, self.times).to(x.dtype)))",
    ),
    d("the class dropped", "c = c + self.label(", "self.label("),
    d("the class in the place of the time", "c = c + self.label(", "c = self.label("),
    d("the first class for any", ANY, ANY.replace("self.classes", "0")),
    d("any class whatever is asked for", ANY, "torch.full_like(each[:, 0], self.classes).long()"),
    d("the first time alone", TIMES, TIMES.replace("each.unbind(1)", "[each[:, 0]] * self.times")),
    d("the times in reverse", TIMES, TIMES.replace("each.unbind(1)", "each.flip(1).unbind(1)")),
    d("the time cut to an integer", TIMES, TIMES.replace("(one,", "(one.long(),")),
    d("one time for the batch", TIMES, TIMES.replace("(one,", "(one[:1].expand_as(one),")),
    d("last layer: shift and scale swapped", LAST, LAST.replace("shift, scale", "scale, shift")),
    d("last layer: no SiLU", LAST, LAST.replace("F.silu(c)", "c")),
    d("last layer: no norm", OUT, OUT.replace("self.norm(y)", "y")),
    d("last layer not told", OUT, OUT.replace("modulate(self.norm(y), shift, scale)", "self.norm(y)")),
    d(
        "one output for each pixel",
        "nn.Linear(width, channels * outputs * patch**2)",
        "nn.Linear(width, channels * patch**2)",
    ),
    # initial values
    d("torch's initial values", "self.initialise()\n\n", "pass\n\n"),
    d("normal, not uniform", "nn.init.xavier_uniform_(layer.weight)\n", "nn.init.xavier_normal_(layer.weight)\n"),
    d("biases as torch has them", "if layer.bias is not None:", "if False:"),
    d("queries, keys and values each for itself", "gain=0.5**0.5", "gain=1.0"),
    d("values unlike queries and keys", THREE, THREE.replace(", block.attention.W_V)", ")")),
    d("blocks not the identity", ZEROS, ZEROS.replace("*(block.adaptive for block in self.blocks), ", "")),
    d("something predicted at first", ZEROS, ZEROS.replace("self.adaptive, self.leave", "self.adaptive")),
    d("the last layer told something at first", ZEROS, ZEROS.replace("self.adaptive, ", "")),
    # guards
    d("any height", "or h % self.patch ", "or False "),
    d("any width in pixels", "or w % self.patch", "or False"),
    d("any number of times", "each.shape[1] != self.times or", "False or"),
    d("any width", "width % 4 == 0 and", "True and"),
    d("any heads", "and width % heads == 0", "and True"),
    d("no heads", 'check(heads >= 1, "heads"', 'check(heads >= 0, "heads"'),
    # networks.py
    n("always a U-Net", 'if name == "unet":', "if True:"),
    n("names swapped", 'if name == "unet":', 'if name == "dit":'),
    n("any name", 'name in ("unet", "dit")', "True"),
    n("any width for both", "width >= 16 and width % 16 == 0", "True"),
    n("no least width", "width >= 16 and", ""),
    n("heads of 8 numbers", "width // 16", "width // 8"),
    n("always four heads", "heads = width // 16", "heads = 4"),
    n("how to attend dropped", DIT, DIT.replace(", attend=attend", "")),
    *(
        n(f"{name}: {what} dropped", call, call.replace(f"{what}={what}", f"{what}={plain}"))
        for name, call in (("unet", UNET), ("dit", DIT))
        for what, plain in (("classes", 0), ("times", 1), ("outputs", 1), ("patch", 1))
    ),
]

ONE_EACH = {
    "each patch on its side": "test_patches_are_squares_row_by_row",
    "put together with the channel last": "test_image_is_the_inverse_of_patches",
    "put together as if square": "test_image_equals_torchs_fold",
    "the channel last in a patch": "test_the_first_layer_is_a_convolution_whose_stride_is_its_size",
    "wavelengths of the whole width": "test_positions_tell_row_and_column",
    "places column by column": "test_positions_are_the_authors_in_another_order",
    "the row alone": "test_no_two_places_are_told_alike",
    "first norm with torch's eps": "test_a_block_equals_torchs_attention_and_norm_with_its_weights",
    "gates of one at first": "test_a_block_starts_as_the_identity",
    "no activation between the maps of the time": "test_the_network_equals_its_equations",
    "something predicted at first": "test_starts_by_predicting_zero",
    "queries, keys and values each for itself": "test_initial_values_are_the_authors",
    "second norm with weights of its own": "test_norms_have_no_weights",
    "one time for the batch": "test_time_changes_every_pixel",
    "the first time alone": "test_each_of_two_times_matters",
    "the class dropped": "test_the_class_changes_every_pixel_and_none_is_the_last_of_them",
    "one norm for both": "test_every_submodule_is_called",
    "no positions": "test_with_positions_the_place_of_a_patch_matters",
    "how to attend not handed on": "test_forward_derivatives_with_attention_written_out",
    "scale without the one": "test_without_the_one_a_block_of_zeros_would_never_wake",
    "cut by reshape alone": "test_cutting_by_reshape_alone_mixes_the_rows",
    "any heads": "test_bad_sizes_name_what_is_expected",
    "names swapped": "test_each_name_gives_its_network",
    "dit: outputs dropped": "test_both_are_called_alike",
    "no least width": "test_bad_values_name_what_is_expected",
    "how to attend dropped": "test_how_a_head_attends_reaches_every_block",
}
