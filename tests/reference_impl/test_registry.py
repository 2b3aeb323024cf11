import json
from dataclasses import fields

import pytest

from reference_impl.diffusion.ddpm import PRESETS
from reference_impl.engine import Preset, TrainConfig
from reference_impl.registry import METHODS, override, pick, read, restore


def test_an_unknown_name_suggests_the_near_one_and_lists_all():
    with pytest.raises(ValueError, match=r"method 'ddmp' is unknown. Did you mean 'ddpm'\? Expected one of: "):
        pick("method", "ddmp", METHODS)
    with pytest.raises(ValueError, match=r"preset 'zzz' is unknown. Expected one of: digits"):
        pick("preset", "zzz", PRESETS)
    with pytest.raises(ValueError, match="Did you mean 'batch_size'"):
        override(PRESETS["digits"], ["batchsize=3"])


def test_settings_are_read_by_the_fields_type():
    changed = override(PRESETS["digits"], ["lr=1e-3", "steps=7", "betas=0,0.9", "beta=1e-3,0.1", "variance=beta_tilde"])
    assert (changed.train.lr, changed.train.steps, changed.train.betas) == (1e-3, 7, (0.0, 0.9))
    assert (changed.config.beta, changed.config.variance) == ((1e-3, 0.1), "beta_tilde")
    assert changed.config.T == PRESETS["digits"].config.T
    assert changed.promises == PRESETS["digits"].promises


def test_a_switch_is_true_or_false():
    assert (read("on", "true", bool), read("on", "False", bool)) == (True, False)
    with pytest.raises(ValueError, match="on is 'maybe'; expected true or false"):
        read("on", "maybe", bool)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("lr", "expected field=value"),
        ("steps=1.5", "steps is '1.5'; expected an integer"),
        ("lr=fast", "lr is 'fast'; expected a number"),
        ("beta=1e-4;2", "beta is '1e-4;2'; expected 2 numbers with commas"),
        ("steps=-3", "steps is -3; expected"),
    ],
)
def test_bad_settings_say_what_is_expected(setting, message):
    with pytest.raises(ValueError, match=message):
        override(PRESETS["digits"], [setting])


@pytest.mark.parametrize("entry", METHODS.values(), ids=lambda entry: entry.name)
def test_every_preset_promises_and_comes_back_from_its_settings(entry):
    module = entry.load()
    for preset in module.PRESETS.values():
        assert isinstance(preset, Preset)
        assert preset.promises
        assert not {f.name for f in fields(TrainConfig)} & {f.name for f in fields(preset.config)}
        again = restore(json.loads(json.dumps(preset.settings())), entry)
        assert (again.train, again.config) == (preset.train, preset.config)
    assert "seconds" in next(iter(module.PRESETS.values())).promises


def test_settings_of_another_method_are_refused():
    with pytest.raises(ValueError, match=r"the settings lack .*; expected those of ddpm"):
        restore({"lr": 1.0}, METHODS["ddpm"])
