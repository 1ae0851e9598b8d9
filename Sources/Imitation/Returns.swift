import Torch

/// Exponentially weighted sums of n-step returns: `V_t = r_t + γ ((1 − λ) v_{t+1} + λ V_{t+1})`, `V_H = v_H`.
///
/// Source: DITTO, equation 13.
/// - Parameters:
///   - reward: `[H, B]`, of each step.
///   - value: `[H + 1, B]`, of the state before each step and of the last one.
/// - Returns: `[H, B]`.
public func lambdaReturns(reward: Tensor, value: Tensor, discount: Double, lambda: Double) -> Tensor {
  let (r, v) = (reward.unbound(), value.unbound())
  var next = v[r.count]
  let returns = r.indices.reversed().map { t -> Tensor in
    next = r[t] + discount * ((1 - lambda) * v[t + 1] + lambda * next)
    return next
  }
  return stacked(returns.reversed())
}

/// `x` with mean 0 and deviation (of N − 1 degrees of freedom) 1 over all its elements.
public func normalised(_ x: Tensor) -> Tensor {
  let centred = x - x.mean()
  let deviation = (centred.squared().sum() / Double(max(x.count - 1, 1))).squareRoot()
  return centred / (deviation + 1e-8)
}

/// What each dream got beyond the mean of the others from its window: `x_i − Σ_{j ≠ i} x_j / (n − 1)`. Other dreams do
/// not depend on this one's actions, so the policy gradient stays unbiased (leave-one-out baseline; Kool et al. 2019).
/// - Parameters:
///   - x: `[H, B]`, the dreams of a window side by side.
///   - count: `n` of them each; one of one is as it is.
/// - Returns: `[H, B]`.
func leaveOneOut(_ x: Tensor, dreamsPerWindow count: Int) -> Tensor {
  guard count > 1 else { return x }
  let each = x.reshaped(x.shape[0], -1, count)
  return ((each - each.mean(over: -1, keepingAxes: true)) * (Double(count) / Double(count - 1))).reshaped(x.shape)
}
