"""What is timed against each other is the same model; needs PyTorch, which only the environment of `make bench` has.

The torch model has the names of the authors' public one, so this is also the check of `convert.fusion_from_torch`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.convert import export_torch_fusion, import_torch_fusion
from benchmarks.cases import FUSION

torch = pytest.importorskip("torch", reason="PyTorch is in the environment of `make bench` only")

SMALL = FUSION[0]._replace(
    sizes={"text": (20, 16), "video": (8, 24), "audio": (40, 12)}, maps={"video": (8, 6), "audio": (40, 25)}
)


def network(case, **sizes):
    from benchmarks import torch_fusion

    torch.manual_seed(0)
    features = {m: width for m, (_, width) in case.sizes.items()}
    return torch_fusion.Fusion(features, case.maps, case.attention, case.classes, **sizes).eval()


def arrays(net, of=lambda parameter: parameter):
    return {name: of(parameter).detach().numpy().copy() for name, parameter in net.named_parameters()}


def inputs(case, count):
    draw = np.random.default_rng(1)
    return {m: draw.normal(size=(count, *size)).astype(np.float32) for m, size in case.sizes.items()}


@pytest.mark.parametrize(("attention", "count"), [("intra", 1_645_892), ("cross", 1_820_132)])
def test_outputs_at_the_thesis_sizes(attention, count):
    case = FUSION[0]._replace(attention=attention)
    net, batch = network(case), inputs(case, 2)
    assert sum(p.numel() for p in net.parameters()) == count
    model, variables = import_torch_fusion(arrays(net), attention)
    masks = {m: np.ones(x.shape[:2], bool) for m, x in batch.items()}
    found = jax.jit(lambda v: model.apply(v, batch, masks, method="deploy"))(variables)
    with torch.no_grad():
        wanted = net({m: torch.tensor(x) for m, x in batch.items()})
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("attention", ["intra", "cross"])
def test_outputs_and_gradients_with_any_weights(attention):
    case = SMALL._replace(attention=attention)
    net, batch = network(case, units=12, hidden=10), inputs(case, 5)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 0.3)
    target = np.array([0, 3, 6, 1, 1])
    model, variables = import_torch_fusion(arrays(net), attention)
    masks = {m: np.ones(x.shape[:2], bool) for m, x in batch.items()}

    def loss(params):
        logits = model.apply({"params": params}, batch, masks, train=False)["logits"]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], axis=1).mean(), logits

    (value, found), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])
    wanted = net({m: torch.tensor(x) for m, x in batch.items()})
    theirs = torch.nn.functional.cross_entropy(wanted, torch.tensor(target))
    theirs.backward()
    np.testing.assert_allclose(found, wanted.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(value, theirs.detach().numpy(), atol=1e-5)
    ours = export_torch_fusion(model, {"params": gradients})
    for name, reference in arrays(net, of=lambda parameter: parameter.grad).items():
        np.testing.assert_allclose(ours[name], reference, atol=1e-6 + 1e-4 * np.abs(reference).max(), err_msg=name)


@pytest.mark.parametrize("attention", ["intra", "cross"])
def test_the_way_back_loads(attention):
    case = SMALL._replace(attention=attention, sizes={m: SMALL.sizes[m] for m in ("text", "audio")})
    net, other = network(case), network(case)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    back = export_torch_fusion(*import_torch_fusion(arrays(net), attention))
    other.load_state_dict({name: torch.tensor(value) for name, value in back.items()}, strict=True)
    assert all(torch.equal(one, two) for one, two in zip(net.parameters(), other.parameters(), strict=True))
