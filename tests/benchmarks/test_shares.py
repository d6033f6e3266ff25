import pytest

from benchmarks.shares import Event, sort_operations, split

PROGRAM = """
%body (p: (f32[2])) -> (f32[2]) {
  %p = (f32[2]{0}) parameter(0)
  ROOT %dot.1 = f32[2,3]{1,0} dot(%a, %b), metadata={op_name="jit(block)/Model/dense/dot_general"}
  %fused_dot = f32[2]{0} fusion(%a), kind=kLoop, metadata={op_name="jit(block)/Model/dense/dot_general"}
  %fusion.3 = f32[2]{0} fusion(%a), kind=kLoop, metadata={op_name="jit(block)/while/body/adam_update/add"}
}
ENTRY %main {
  %copy.2 = f32[4]{0} copy(%x)
  %while.4 = (s32[], f32[2]{0}) while(%tuple), condition=%c, body=%body
}
"""


def test_operations_are_sorted_by_their_code_and_scope_and_loops_are_none():
    kinds = sort_operations(PROGRAM)
    assert {kinds["dot.1"], kinds["fused_dot"]} == {"products"}
    assert (kinds["fusion.3"], kinds["copy.2"]) == ("adam", "passes")
    assert "while.4" not in kinds


def test_an_interrupted_operation_counts_as_the_others_and_what_is_left_lies_between():
    events = [Event("dot.1", 1e6), Event("dot.1", 1e6), Event("dot.1", 9e9), Event("dot.1", 1e6)]
    events += [Event("copy.2", 2e6), Event("copy.2", 2e6), Event("while.4", 1e9)]
    shares = split(events, sort_operations(PROGRAM), runs=2, seconds=0.008)
    assert shares == pytest.approx({"products": 0.25, "adam": 0, "passes": 0.25, "between": 0.5})
