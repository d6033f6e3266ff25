"""What transformers makes of masked steps, and how many steps its draws of spans cover; for encoder_fixtures.py."""

from typing import Any

import numpy as np
import torch


def make_masked(model: torch.nn.Module, case: Any) -> dict[str, np.ndarray]:
    """Outputs of the encoder of a case where some steps are masked; `covered`: steps, rate, length of a span, fewest
    spans, and the mean share of steps that 4,000 draws cover."""
    from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

    named = {key.removeprefix("param/"): torch.tensor(case[key]) for key in case.files if key.startswith("param/")}
    model.load_state_dict(named)
    draw = np.random.default_rng(3)
    steps = [len(case[f"out/{index}/last"]) for index in range(3)]
    mask = draw.uniform(size=(3, max(steps))) < 0.4
    arrays = {"mask": mask}
    for index, (samples, length) in enumerate(zip(case["in/samples"], case["in/lengths"], strict=True)):
        masked = torch.tensor(mask[index : index + 1, : steps[index]])
        with torch.no_grad():
            output = model(torch.tensor(samples[:length])[None], mask_time_indices=masked)
        arrays[f"out/{index}"] = output.last_hidden_state[0].numpy()
    np.random.seed(0)  # noqa: NPY002  the library draws from it
    covered = []
    for length, rate, span, fewest in ((200, 0.3, 10, 2), (200, 0.05, 10, 2), (60, 0.065, 10, 0), (23, 0.9, 5, 2)):
        shares = [_compute_mask_indices((1, length), rate, span, None, fewest).mean() for _ in range(4000)]
        covered.append((length, rate, span, fewest, np.mean(shares)))
    return arrays | {"covered": np.array(covered)}
