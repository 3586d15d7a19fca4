//! How the ops are written in this project's texts: their names and, in one line each, what they compute.

use super::{Function, Op};

impl Op {
    /// As it is written in this project's texts.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input(_) => "input",
            Op::Fill { .. } => "fill",
            Op::Constant { .. } => "constant",
            Op::Conv2d(_) => "conv2d",
            Op::ConvTranspose(_) => "conv_transpose",
            Op::BatchNorm { .. } => "batch_norm",
            Op::Relu => "relu",
            Op::ReluGrad => "relu_grad",
            Op::Sigmoid => "sigmoid",
            Op::SigmoidGrad => "sigmoid_grad",
            Op::Pointwise(f) => f.text().name,
            Op::PointwiseGrad(f) => f.text().grad_name,
            Op::Softmax(_) => "softmax",
            Op::MaxPool(_) => "max_pool",
            Op::MaxPoolGrad(_) => "max_pool_grad",
            Op::Upsample(_) => "upsample",
            Op::SumPool(_) => "sum_pool",
            Op::Concat => "concat",
            Op::Slice { .. } => "slice",
            Op::Pad { .. } => "pad",
            Op::Reshape(_) => "reshape",
            Op::Permute(_) => "permute",
            Op::Mean => "mean",
            Op::Spread(_) => "spread",
            Op::Sum(_) => "sum",
            Op::Broadcast(_) => "broadcast",
            Op::Add => "add",
            Op::Mul => "mul",
            Op::Scale { .. } => "scale",
            Op::Roll => "roll",
            Op::TotalVariation => "total_variation",
            Op::TotalVariationGrad => "total_variation_grad",
            Op::Transform { .. } => "transform",
            Op::Rms => "rms",
            Op::Normalise { .. } => "normalise",
            Op::Adam { .. } => "adam",
            Op::Step { .. } => "step",
        }
    }

    /// What it computes, in one line, as in the head of the op's own file. `(y > 0)` is 1 where that is so, else 0.
    pub fn formula(&self) -> &'static str {
        match self {
            Op::Input(_) => "x",
            Op::Fill { .. } => "y = value",
            Op::Constant { .. } => "y = data",
            Op::Conv2d(conv) if conv.is_plain() => "y[r,s,o] = b[o] + Σ x[r+i-kh/2, s+j-kw/2, c] W[i,j,c,o]",
            Op::Conv2d(_) => "y[r,s,o] = b[o] + Σ x[r·sh+i·dh-top, s·sw+j·dw-left, c] W[i,j,c,o]",
            Op::ConvTranspose(_) => "y[r·sh+i·dh-top, s·sw+j·dw-left, c] += x[r,s,o] W[i,j,c,o]",
            Op::BatchNorm { .. } => "y = scale[c] x + shift[c]",
            Op::Relu => "y = max(x, 0)",
            Op::ReluGrad => "dx = dy (y > 0)",
            Op::Sigmoid => "y = 1 / (1 + exp(-x))",
            Op::SigmoidGrad => "dx = dy y (1 - y)",
            Op::Pointwise(f) => f.text().formula,
            Op::PointwiseGrad(f) => f.text().gradient,
            Op::Softmax(_) => "y = exp(x) / Σ exp(x)",
            Op::MaxPool(_) => "y = max x[window]",
            Op::MaxPoolGrad(_) => "dx[p] = dy (p = argmax x[window])",
            Op::Upsample(_) => "y[r,s] = x[r / window.h, s / window.w]",
            Op::SumPool(_) => "y[r,s] = Σ x[window]",
            Op::Concat => "y = [a, b]",
            Op::Slice { .. } => "y[p] = x[start + p]",
            Op::Pad { .. } => "y[before + p] = x[p], else 0",
            Op::Reshape(_) => "y = x in another shape",
            Op::Permute(_) => "y = x with its axes in another order",
            Op::Mean => "y = Σ x / count",
            Op::Spread(_) => "dx = dy / count",
            Op::Sum(_) => "y = Σ x",
            Op::Broadcast(_) => "y = x, repeated",
            Op::Add => "y = a + b",
            Op::Mul => "y = a b",
            Op::Scale { .. } => "y = factor x",
            Op::Roll => "y[r,s] = x[(r - down) mod h, (s - right) mod w]",
            Op::TotalVariation => "y = Σ |x - neighbour| / count",
            Op::TotalVariationGrad => "dx = dy Σ sign(x - neighbour) / count",
            Op::Transform { .. } => "y = M x, along rows or columns",
            Op::Adam { .. } => "y = m̂ / (sqrt(v̂) + epsilon)",
            Op::Rms => "y = sqrt(Σ x² / count)",
            Op::Normalise { .. } => "y = x / (rms + epsilon)",
            Op::Step { .. } => "y = x + rate g",
        }
    }

    /// Of a forward op: how its gradient is computed, in one line. Empty for ops that have none.
    pub fn gradient_formula(&self) -> &'static str {
        match self {
            Op::Conv2d(conv) if conv.is_plain() => "dx[r,s,c] = Σ dy[r-i+kh/2, s-j+kw/2, o] W[i,j,c,o]",
            Op::Conv2d(_) => "dx[r·sh+i·dh-top, s·sw+j·dw-left, c] += dy[r,s,o] W[i,j,c,o]",
            Op::ConvTranspose(_) => "dx[r,s,o] = Σ dy[r·sh+i·dh-top, s·sw+j·dw-left, c] W[i,j,c,o]",
            Op::BatchNorm { .. } => "dx = scale[c] dy",
            Op::Relu => Op::ReluGrad.formula(),
            Op::Sigmoid => Op::SigmoidGrad.formula(),
            Op::Pointwise(f) => f.text().gradient,
            Op::Softmax(_) => "dx = y (dy - Σ dy y)",
            Op::MaxPool(pool) => Op::MaxPoolGrad(*pool).formula(),
            Op::Upsample(_) => "dx = Σ dy[window]",
            Op::SumPool(_) => "dx[r,s] = dy[r / window.h, s / window.w]",
            Op::Concat => "[da, db] = dy",
            Op::Slice { .. } => "dx[start + p] = dy[p], else 0",
            Op::Pad { .. } => "dx[p] = dy[before + p]",
            Op::Reshape(_) => "dx = dy in x's shape",
            Op::Permute(_) => "dx = dy with its axes in x's order",
            Op::Mean => "dx = dy / count",
            Op::Sum(_) => "dx = dy, repeated",
            Op::Broadcast(_) => "dx = Σ dy over the copies",
            Op::Add => "da = dy, db = dy",
            Op::Mul => "da = dy b, db = dy a",
            Op::Scale { .. } => "dx = factor dy",
            Op::Roll => "dx = dy rolled back",
            Op::TotalVariation => Op::TotalVariationGrad.formula(),
            Op::Transform { .. } => "dx = Mᵀ dy",
            Op::Input(_)
            | Op::Fill { .. }
            | Op::Constant { .. }
            | Op::ReluGrad
            | Op::SigmoidGrad
            | Op::PointwiseGrad(_)
            | Op::MaxPoolGrad(_)
            | Op::Spread(_)
            | Op::TotalVariationGrad
            | Op::Rms
            | Op::Normalise { .. }
            | Op::Adam { .. }
            | Op::Step { .. } => "",
        }
    }
}

/// How a function of one number is written.
struct Text {
    name: &'static str,
    grad_name: &'static str,
    formula: &'static str,
    gradient: &'static str,
}

impl Function {
    fn text(self) -> Text {
        let [name, grad_name, formula, gradient] = match self {
            Function::Relu { .. } => [
                "general_relu",
                "general_relu_grad",
                "y = max where x ≥ max, x where x > threshold, else slope (x - threshold)",
                "dx = 0 where x ≥ max, dy where x > threshold, else slope dy",
            ],
            Function::LeakyRelu { .. } => [
                "leaky_relu",
                "leaky_relu_grad",
                "y = x (x > 0) + slope x (x ≤ 0)",
                "dx = dy (x > 0) + slope dy (x ≤ 0)",
            ],
            Function::Elu { .. } => [
                "elu",
                "elu_grad",
                "y = x (x ≥ 0) + alpha (exp(x) - 1) (x < 0)",
                "dx = dy (x ≥ 0) + alpha dy exp(x) (x < 0)",
            ],
            Function::Selu => [
                "selu",
                "selu_grad",
                "y = 1.0507 (x (x ≥ 0) + 1.6733 (exp(x) - 1) (x < 0))",
                "dx = 1.0507 dy ((x ≥ 0) + 1.6733 exp(x) (x < 0))",
            ],
            Function::Tanh => ["tanh", "tanh_grad", "y = tanh(x)", "dx = dy (1 - tanh(x)²)"],
            Function::Exp => ["exp", "exp_grad", "y = exp(x)", "dx = dy exp(x)"],
            Function::Softplus => ["softplus", "softplus_grad", "y = log(1 + exp(x))", "dx = dy / (1 + exp(-x))"],
            Function::Softsign => ["softsign", "softsign_grad", "y = x / (1 + |x|)", "dx = dy / (1 + |x|)²"],
            Function::Silu => ["silu", "silu_grad", "y = x s,  s = 1 / (1 + exp(-x))", "dx = dy (s + x s (1 - s))"],
            Function::Gelu { approximate: false } => ["gelu", "gelu_grad", "y = x Φ(x)", "dx = dy (Φ(x) + x Φ'(x))"],
            Function::Gelu { approximate: true } => [
                "gelu_tanh",
                "gelu_tanh_grad",
                "y = x (1 + tanh(u)) / 2,  u = 0.798 (x + 0.0447 x³)",
                "dx = dy ((1 + tanh(u)) + x (1 - tanh(u)²) u') / 2",
            ],
            Function::HardSigmoid { .. } => [
                "hard_sigmoid",
                "hard_sigmoid_grad",
                "y = slope x + 1/2, within 0 and 1",
                "dx = slope dy where 0 < y < 1, else 0",
            ],
            Function::HardSwish => [
                "hard_swish",
                "hard_swish_grad",
                "y = x h,  h = x/6 + 1/2, within 0 and 1",
                "dx = dy (h + x/6 (|x| < 3))",
            ],
            Function::Mish => [
                "mish",
                "mish_grad",
                "y = x tanh(softplus(x))",
                "dx = dy (t + x (1 - t²) / (1 + exp(-x))),  t = tanh(softplus(x))",
            ],
            Function::Abs => ["abs", "abs_grad", "y = |x|", "dx = dy sign(x)"],
            Function::Log => ["log", "log_grad", "y = log(x)", "dx = dy / x"],
            Function::Sqrt => ["sqrt", "sqrt_grad", "y = sqrt(x)", "dx = dy / (2 sqrt(x))"],
            Function::Reciprocal => ["reciprocal", "reciprocal_grad", "y = 1 / x", "dx = -dy / x²"],
        };
        Text { name, grad_name, formula, gradient }
    }
}
