import jax

from benchmarks.ahead import Loop, loops, traced_for_gpu

PROGRAM = """\
HloModule jit_call, is_scheduled=true

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%gru.clone (p: (s32[], f32[2])) -> (s32[], f32[2]) {
  %p = (s32[], f32[2]{0}) parameter(0)
  %x = f32[2]{0} get-tuple-element(%p), index=1
  %gemm = (f32[2]{0}, s8[64]{0}) custom-call(%x, %x), custom_call_target="__cublas$gemm"
  %gate = f32[2]{0} fusion(%x), kind=kLoop, calls=%add
  ROOT %t = (s32[], f32[2]{0}) tuple(%i, %gate)
}

%until (p: (s32[], f32[2])) -> pred[] {
  ROOT %less = pred[] compare(%i, %n), direction=LT
}

%branch (p: f32[2]) -> f32[2] {
  ROOT %copied = f32[2]{0} copy(%p)
}

%step.1 (p: (s32[], f32[2], /*index=2*/f32[4])) -> (s32[], f32[2], f32[4]) {
  %p.1 = (s32[], f32[2]{0}, /*index=2*/f32[4]{0}) parameter(0)
  %total = f32[] reduce(%x, %zero), dimensions={0}, to_apply=%add
  %start = ((f32[2]{0}), f32[2]{0}, u32[]) copy-start(%x)
  %done = f32[2]{0} copy-done(%start)
  %either = f32[2]{0} conditional(%which, %x, %x), true_computation=%branch, false_computation=%branch
  %loop = (s32[], f32[2]{0}) while(%t.1), condition=%until, body=%gru.clone, \
    metadata={op_name="jit(call)/while/body/jvp(Model)/gru/while"}, backend_config={"known_trip_count":{"n":"5"}}
  ROOT %root = (s32[], f32[2]{0}, f32[4]{0}) tuple(%i, %x, %y)
}

ENTRY %main (x: f32[2]) -> f32[2] {
  %x.1 = f32[2]{0} parameter(0)
  %once = f32[2]{0} copy(%x.1)
  %steps = (s32[], f32[2]{0}, /*index=2*/f32[4]{0}) while(%t.2), condition=%until, body=%step.1, \
    metadata={op_name="jit(call)/while"}, backend_config={"known_trip_count":{"n":"2"}}
  %open = (s32[], f32[2]{0}) while(%t.3), condition=%until, body=%gru.clone
  ROOT %result = f32[2]{0} get-tuple-element(%steps), index=1
}
"""


def test_loops_have_their_rounds_and_kernels():
    steps, gru, unknown = loops(PROGRAM)
    # A reduction, a copy that is started and later done, and each branch's copy; not what is only named or looked at.
    assert steps == Loop(rounds=2, kernels=4, source="jit(call)/while", known=True)
    assert gru == Loop(rounds=10, kernels=2, source="jit(call)/while/body/jvp(Model)/gru/while", known=True)
    assert unknown == Loop(rounds=1, kernels=2, source="", known=False)


def test_only_what_is_traced_takes_this_for_a_gpu():
    before = jax.default_backend()
    with traced_for_gpu():
        assert jax.default_backend() == "gpu"
    assert jax.default_backend() == before
