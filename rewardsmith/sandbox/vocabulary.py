"""The words reward code may use: which parts of torch, which tensor methods, which builtins.

An attribute that is not in one of these sets does not exist for reward code. This serves clear messages first; what
keeps the machine safe is the process reward code is locked into.
"""

from __future__ import annotations

_FUNCTIONS = """
    abs absolute acos acosh add addcdiv addcmul addmm all allclose amax amin aminmax angle any arange arccos
    arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort as_tensor asin asinh atan atan2 atanh
    atleast_1d atleast_2d baddbmm bmm bitwise_and bitwise_not bitwise_or bitwise_xor broadcast_tensors
    broadcast_to bucketize cartesian_prod cat cdist ceil celu chunk clamp clamp_max clamp_min clip clone
    column_stack concat concatenate copysign cos cosh cosine_similarity count_nonzero cross cummax cummin
    cumprod cumsum deg2rad diag diag_embed diagonal diff dist div divide dot dsplit dstack einsum elu empty
    empty_like eq equal erf erfc erfinv exp exp2 expand_as expm1 eye fix flatten flip fliplr flipud float_power
    floor floor_divide fmax fmin fmod frac full full_like gather ge greater greater_equal gt hardshrink
    heaviside hsplit hstack hypot index_select inner isclose isfinite isin isinf isnan kron le
    leaky_relu lerp less less_equal lgamma linspace log log10 log1p log2 logaddexp logaddexp2 logcumsumexp
    logical_and logical_not logical_or logical_xor logit logspace logsumexp lt masked_fill masked_select matmul
    max maximum mean median meshgrid min minimum mm movedim mul multiply mv nan_to_num nanmean nansum narrow ne
    neg negative nonzero norm not_equal numel ones ones_like outer permute positive pow prod quantile rad2deg
    ravel reciprocal relu relu_ remainder renorm repeat_interleave reshape roll rot90 round row_stack rsqrt
    scalar_tensor searchsorted select selu sgn sigmoid sign signbit sin sinc sinh softmax log_softmax sort split
    sqrt square squeeze stack std std_mean sub subtract sum swapaxes swapdims t take tan tanh
    tensor tensordot threshold tile topk trace transpose trapezoid trapz tril triu true_divide trunc unbind
    unflatten unsqueeze var var_mean vander vdot view_as_complex vsplit vstack where xlogy zeros zeros_like
"""
_CONSTANTS = """
    float float16 float32 float64 double half bfloat16 int int8 int16 int32 int64 long short uint8 bool pi inf
    nan e tau Tensor FloatTensor LongTensor BoolTensor dtype device no_grad inference_mode jit nn linalg special
    finfo is_tensor Size
"""
_FUNCTIONAL = """
    relu relu6 elu selu celu leaky_relu gelu silu mish sigmoid logsigmoid tanh tanhshrink hardtanh hardsigmoid
    hardswish softplus softsign softmax softmin log_softmax normalize cosine_similarity pairwise_distance
    mse_loss l1_loss smooth_l1_loss huber_loss one_hot pad linear threshold binary_cross_entropy
    binary_cross_entropy_with_logits
"""
_LINALG = "norm vector_norm matrix_norm cross vecdot multi_dot matmul"
_SPECIAL = "expit logit erf erfc exp2 expm1 log1p xlogy entr sinc logsumexp softmax log_softmax round gammaln"
_METHODS = """
    T mT H shape size dim ndim ndimension numel device dtype is_floating_point is_cuda requires_grad to type
    type_as float double half int long bool short contiguous detach clone view view_as reshape reshape_as expand
    expand_as repeat new_zeros new_ones new_full new_tensor item clamp_ clamp_min_ clamp_max_ add_ sub_ mul_
    div_ pow_ neg_ abs_ exp_ log_ sqrt_ zero_ fill_ copy_ masked_fill_ square_ sigmoid_ tanh_ relu_ clip_
    nan_to_num_ index_fill index_fill_ scatter scatter_ index_put index_put_ index_add masked_scatter unfold
    values indices data real is_nonzero squeeze_ unsqueeze_ transpose_ max min eps tiny smallest_normal
    logical_and_ logical_or_ round_ floor_ ceil_ stride element_size fill_diagonal_ where sum_to_size index_copy
"""
_CONTAINERS = """
    append extend insert pop remove keys values items get update setdefault copy count index sort reverse add
    clear join startswith endswith replace lower upper split strip
"""
_MATH = """
    pi e tau inf nan sqrt exp log log2 log10 log1p expm1 pow sin cos tan asin acos atan atan2 sinh cosh tanh
    asinh acosh atanh degrees radians floor ceil trunc fabs hypot isnan isinf isfinite copysign fmod fsum prod
    isclose cbrt dist erf erfc gcd factorial
"""
_GEOMETRY = """
    angle_difference distance heading normalize planar_distance quat_apply quat_apply_inverse quat_conjugate
    quat_error quat_error_vector quat_from_axis_angle quat_from_euler quat_mul quat_to_euler quat_to_matrix
    rotate_2d tilt tolerance up_axis wrap_to_pi
"""
_TYPING = """
    Any Callable ClassVar Dict Final FrozenSet Iterable Iterator List Literal Mapping MutableMapping Optional
    Sequence Set Tuple Type TypeAlias TypeVar Union cast
"""
_PASSIVE = "script export ignore unused script_if_tracing no_grad inference_mode compile"
_OTHER_GEOMETRY = """
    isaacgym isaacgymenvs isaaclab isaacsim omni pytorch3d kornia scipy transforms3d quaternion mujoco mujoco_py
    dm_control mujoco_playground brax
"""
_RANDOM = """
    rand randn randint rand_like randn_like randint_like randperm normal bernoulli bernoulli_ multinomial
    poisson dropout dropout_ uniform_ normal_ random_ manual_seed seed exponential_ cauchy_ geometric_
    log_normal_ rrelu gumbel_softmax alpha_dropout feature_dropout initial_seed Generator
"""
_BUILTINS = """
    abs all any bool dict divmod enumerate filter float frozenset int isinstance iter len list map max min next
    pow print range reversed round set slice sorted str sum tuple zip ValueError TypeError RuntimeError
    AssertionError NotImplementedError IndexError KeyError ZeroDivisionError
"""

TORCH = frozenset((_FUNCTIONS + _CONSTANTS).split())
FUNCTIONAL = frozenset(_FUNCTIONAL.split())
LINALG = frozenset(_LINALG.split())
SPECIAL = frozenset(_SPECIAL.split())
MATH = frozenset(_MATH.split())
GEOMETRY = frozenset(_GEOMETRY.split())
"""The functions of `rewardsmith.geometry`."""
TYPING = frozenset(_TYPING.split())
RANDOM = frozenset(_RANDOM.split())
"""Names that mean chance in torch; a reward must be a function of its inputs."""
LEAVES_TORCH = frozenset({"numpy", "tolist", "cpu", "cuda", "item_", "storage", "data_ptr", "__array__"})
BUILTINS = frozenset(_BUILTINS.split())
ATTRIBUTES = (
    TORCH
    | FUNCTIONAL
    | LINALG
    | SPECIAL
    | MATH
    | GEOMETRY
    | TYPING
    | frozenset((_METHODS + _CONTAINERS).split())
    | {"functional", "geometry", "script", "export", "ignore", "unused", "annotate", "TYPE_CHECKING"}
)
TYPE_HINTS = frozenset({"typing", "typing_extensions", "collections.abc"})
OFFERS = {
    "torch": TORCH,
    "torch.nn": frozenset({"functional"}),
    "torch.nn.functional": FUNCTIONAL,
    "torch.linalg": LINALG,
    "torch.special": SPECIAL,
    "torch.jit": frozenset({"script", "export", "ignore", "unused", "annotate"}),
    "math": MATH,
    "rewardsmith": frozenset({"geometry"}),
    "rewardsmith.geometry": GEOMETRY,
} | dict.fromkeys(TYPE_HINTS, TYPING)
"""Each module that reward code may import, and the names it may take from it."""
IMPORTS = (
    {name: f"from typing import {name}" for name in TYPING}
    | {name: f"from rewardsmith.geometry import {name}" for name in GEOMETRY}
    | {"torch": "import torch", "math": "import math", "Tensor": "from torch import Tensor"}
    | {"F": "import torch.nn.functional as F", "nn": "from torch import nn"}
    | {"geometry": "from rewardsmith import geometry"}
)
"""The line that is missing where a name is used without it."""
PASSIVE = frozenset(_PASSIVE.split())
"""Decorators that change nothing about what a function computes."""
OTHER_GEOMETRY = frozenset(_OTHER_GEOMETRY.split())
"""Where reward code of other projects takes its rotations and tolerances from."""
