"""DDPM on a CUDA device: the same numbers as on the CPU within float32, and a loss that falls."""

import torch

from reference_impl import engine
from reference_impl.data import Data
from reference_impl.diffusion import ddpm
from reference_impl.engine import Preset, TrainConfig


def test_every_function_agrees_with_the_cpu():
    s = ddpm.Schedule.linear()
    t, g = torch.tensor([1, 2, 500, 1000]), torch.Generator().manual_seed(0)
    x, y = (torch.randn(4, 1, 8, 8, generator=g) for _ in range(2))
    for function in (ddpm.q_step, ddpm.q_sample, ddpm.predict_x0, ddpm.p_mean):
        there = function(s.to("cuda"), x.cuda(), t.cuda(), y.cuda())
        assert there.is_cuda
        torch.testing.assert_close(there.cpu(), function(s, x, t, y), rtol=1e-5, atol=1e-5)


def test_the_network_agrees_with_the_cpu():
    torch.manual_seed(0)
    net = ddpm.UNet(width=32)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.02 * torch.randn_like(p))
    x, t = torch.randn(4, 1, 8, 8), torch.tensor([1, 2, 500, 1000])
    torch.backends.cudnn.allow_tf32 = False
    torch.testing.assert_close(net.cuda()(x.cuda(), t.cuda()).cpu(), net.cpu()(x, t), rtol=1e-3, atol=1e-3)


def test_training_lowers_the_loss(tmp_path):
    x = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0)).round() * 2 - 1
    y = torch.zeros(64, dtype=torch.long)
    data = Data("toy", x, y, x, y).to("cuda")
    torch.manual_seed(0)
    preset = Preset(TrainConfig(steps=100), ddpm.DDPMConfig(width=16))
    method = ddpm.build(preset.config, data.spec, "cuda")
    losses = engine.train(method, data, preset, seed=0, out=tmp_path, label="ddpm/gpu")["loss"]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
