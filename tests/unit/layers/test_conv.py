import torch
import torch.nn.functional as F

from composer.layers import NormConv2d


def test_norm_and_activation_follow_the_convolution():
    conv = NormConv2d(3, 8, 3, padding=1, norm="BN", activation=F.relu).eval()
    with torch.no_grad():
        conv.norm.running_mean.fill_(0.1)
    x = torch.randn(2, 3, 5, 5)
    plain = F.conv2d(x, conv.weight, padding=1)
    torch.testing.assert_close(conv(x), F.relu(conv.norm(plain)))


def test_its_weights_are_called_as_in_checkpoints():
    assert list(NormConv2d(3, 8, 1).state_dict()) == ["weight", "bias"]
    assert list(NormConv2d(3, 8, 1, norm="FrozenBN").state_dict()) == [
        "weight",
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
    ]


def test_a_bias_beside_a_norm_is_possible():
    assert NormConv2d(3, 8, 1, norm="BN", bias=True).bias is not None
    assert NormConv2d(3, 8, 1, bias=False).bias is None


def test_an_empty_batch_keeps_its_other_sizes():
    conv = NormConv2d(3, 32, 3, stride=2, padding=1, norm="GN", activation=F.relu)
    assert conv(torch.zeros(0, 3, 7, 9)).shape == (0, 32, 4, 5)


def test_what_it_is_given_and_what_it_computed_before_stay_as_they_were():
    conv = NormConv2d(3, 8, 1, norm="FrozenBN", activation=F.relu)
    before_activation = []
    conv.norm.register_forward_hook(lambda _m, _i, output: before_activation.append(output))
    x = torch.randn(1, 3, 4, 4)
    copy = x.clone()
    conv(x)
    assert torch.equal(x, copy)
    assert before_activation[0].min() < 0
