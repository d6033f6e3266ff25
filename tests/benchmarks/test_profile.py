from benchmarks.profile import Cost, operations, ranked

PROGRAM = """
%body (p: (f32[2])) -> (f32[2]) {
  %p = (f32[2]{0}) parameter(0)
  ROOT %dot.1 = f32[2,3]{1,0} dot(%a, %b), metadata={op_name="jit(block)/Model/dense/dot_general" source_line=3}
}
ENTRY %main {
  %copy.2 = f32[4]{0} copy(%x)
}
"""


def test_operations_have_their_shape_and_source():
    found = operations(PROGRAM)
    assert found["dot.1"] == ("f32[2,3]", "jit(block)/Model/dense/dot_general")
    assert found["copy.2"] == ("f32[4]", "")


def test_costs_are_of_a_step_and_the_dearest_comes_first():
    events = [("copy.2", 2e6), ("dot.1", 3e6), ("dot.1", 5e6), ("python", 9e9)]
    dot, copy = ranked(events, operations(PROGRAM), steps=2)
    assert dot == Cost(4.0, 1.0, "dot.1", "f32[2,3]", "jit(block)/Model/dense/dot_general")
    assert copy[:3] == (1.0, 0.5, "copy.2")
