"""Losses of the PyTorch side, masked like ours."""

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the valid steps of values [..., D] or of the mask's own shape."""
    if values.ndim > mask.ndim:
        values = values.mean(-1)
    return (values * mask).sum() / mask.sum()


def ccc(a: Tensor, b: Tensor) -> Tensor:
    """Concordance correlation of two vectors."""
    da, db = a - a.mean(), b - b.mean()
    return 2 * (da * db).mean() / (da.square().mean() + db.square().mean() + (a.mean() - b.mean()).square())


def dcca(a: Tensor, b: Tensor, mask: Tensor, k: int = 10, ridge: float = 1e-3) -> Tensor:
    """Minus the sum of the k largest canonical correlations of the valid steps (Andrew et al., 2013).

    Whitening by Cholesky factors. The form most seen in public code whitens by `eigh`: it takes as long (within 15 %
    at the sizes here) and its gradient is wrong where a covariance has repeated eigenvalues, as with 32 samples of
    128 dimensions.
    """
    a, b = a.flatten(0, -2), b.flatten(0, -2)
    weight = mask.reshape(-1, 1)
    count = weight.sum()
    a = (a - (a * weight).sum(0) / count) * weight
    b = (b - (b * weight).sum(0) / count) * weight

    def factor(x: Tensor) -> Tensor:
        covariance = x.T @ x / (count - 1)
        size = ridge * covariance.diagonal().mean()
        return torch.linalg.cholesky(covariance + size * torch.eye(x.shape[1], device=x.device))

    cross = torch.linalg.solve_triangular(factor(a), a.T @ b / (count - 1), upper=False)
    whitened = torch.linalg.solve_triangular(factor(b), cross.T, upper=False)
    return -torch.linalg.svdvals(whitened)[:k].sum()
