//! What the tests of the lesson share.

/// tiny.h5 and files of Keras 2 and 3 with other ops and orders: none is a special case.
pub const MODELS: [(&str, &str); 5] = [
    ("unet.h5", "uconv128"),
    ("tiny.h5", "up_conv"),
    ("keras/unet_k3.keras", ""),
    ("keras/bn_k3.keras", ""),
    ("keras/kernels_k2.keras", ""),
];

/// Topics of worked examples that no example of the built-in network has.
pub const BEYOND: [&str; 35] = [
    "conv2d-valid",
    "conv2d-even",
    "conv2d-stride",
    "conv2d-dilation",
    "conv2d-groups",
    "conv_transpose",
    "scale",
    "softmax",
    "max_pool-stride",
    "sum_pool",
    "slice",
    "reshape",
    "sum",
    "add-broadcast",
    "mul",
    "mul-broadcast",
    "transform",
    "general_relu",
    "leaky_relu",
    "elu",
    "selu",
    "tanh",
    "exp",
    "softplus",
    "softsign",
    "silu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "mish",
    "abs",
    "log",
    "sqrt",
    "reciprocal",
];

/// Those of the built-in network.
pub const OF_A_UNET: [&str; 10] =
    ["conv2d", "batch_norm", "relu", "sigmoid", "max_pool", "upsample", "concat", "mean", "add", "used-twice"];
