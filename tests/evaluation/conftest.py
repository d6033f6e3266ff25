"""Run folders that are made up."""

from tests.made_runs import (  # noqa: F401
    add_epochs,
    change_results,
    fusion_runs,
    make_fusion_run,
    make_run,
    make_traces,
    mosi_runs,
)
