"""What `benchmarks.kill` searches and streams: the first study of configs/sew.py alone."""

import ml_collections

from configs import sew


def get_config() -> ml_collections.ConfigDict:
    """SEW's config without its other studies."""
    config = sew.get_config()
    for name in list(config.studies)[1:]:
        del config.studies[name]
    return config
