import numpy as np
import pytest

from affect_jax.datasets import npy_files
from affect_jax.errors import UserError


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"(4, 3)", b"(2, 3)", "has 48 bytes behind its header, which announces 24 of type <f4"),
        (b"<f4", b">f4", "is big endian \\(>f4\\) by its header, which cannot be told from a damaged one"),
        (b"(4, 3)", b"(4, 3(", "is not a whole npy"),  # numpy raises a SyntaxError or a TokenError
    ],
)
def test_damaged_headers(tmp_path, old, new, message):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(12, dtype=np.float32).reshape(4, 3))
    assert npy_files.open_array(path, (None, 3)).shape == (4, 3)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(UserError, match=message):
        npy_files.open_array(path, (None, 3))
