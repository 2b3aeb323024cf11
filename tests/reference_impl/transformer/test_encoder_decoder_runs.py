"""What a trained encoder-decoder must show: short runs on the numerals."""

from dataclasses import replace

import pytest
import torch

from reference_impl import engine, translations


@pytest.fixture(scope="module")
def numerals():
    return translations.numerals()


def test_in_200_steps_the_model_learns_to_write_some_numerals(encoder_decoder, numerals, tmp_path):
    held = encoder_decoder.PRESETS["numerals"]
    preset = replace(held, train=replace(held.train, steps=200, ema_decay=0.9))
    torch.manual_seed(0)
    method = encoder_decoder.build(preset.config, numerals.spec, "cpu")
    losses = engine.train(method, numerals, preset, seed=0, out=tmp_path, label="encoder_decoder")["loss"]
    assert sum(losses[-20:]) < 0.4 * sum(losses[:20])
    samples = method.complete(numerals.held_out[:50], engine.generator(0, "samples"))
    numbers = method.evaluate(numerals, samples, None, engine.generator(0, "evaluate"))
    assert numbers["held_out_loss"] < 0.5
    assert numbers["error"] < 0.7
