import Foundation

/// Independent normal distributions along the last axis, pressed into −1…1 by a hyperbolic tangent: `a = tanh(u)`, `u ~
/// N(μ, σ²)`.
///
/// Source: Haarnoja et al. 2018, appendix C.
public struct TanhGaussian {
  /// Of `u`, `[…, A]`.
  public let mean: Tensor
  public let logDeviation: Tensor

  /// The range of `log σ`, which a tangent keeps the network's outputs in.
  private static let (least, largest) = (-5.0, 1.0)
  /// The largest float below 1: what was drawn is no closer to ±1, whatever rounding made of it. Nearer to 0 an edge
  /// would bias the gradients of a policy that is sure of a bound.
  private static let edge = 1 - 0x1p-24
  /// The actions of others are taken to be no closer to ±1: of the bounds themselves, where experts often are, no
  /// finite `u` is the source.
  private static let othersEdge = 1 - 1e-3
  /// Gauss–Hermite nodes and weights for the mean of a function of a standard normal (Abramowitz and Stegun, table
  /// 25.10, n = 10).
  private static let nodes: [(x: Double, weight: Double)] = [
    (0.342901327223705, 0.6108626337353258), (1.036610829789514, 0.2401386110823147),
    (1.756683649299882, 0.03387439445548106),
    (2.532731674232790, 0.001343645746781233), (3.436159118837738, 7.640432855232621e-6),
  ].flatMap { [($0, $1), (-$0, $1)] }.map { ($0.0 * 2.0.squareRoot(), $0.1 / Double.pi.squareRoot()) }

  /// From a network's outputs `[…, 2A]`, means first; bf16 ones are widened.
  public init(outputs: Tensor) {
    let x = outputs.type == .bfloat16 ? outputs.to(.float32) : outputs
    let (last, size) = (x.shape.count - 1, x.shape.last! / 2)
    mean = x.sliced(0..<size, axis: last)
    let (middle, half) = ((Self.largest + Self.least) / 2, (Self.largest - Self.least) / 2)
    logDeviation = tanh(x.sliced(size..<2 * size, axis: last)) * half + middle
  }

  public func sampled(_ draw: Sampling) -> Tensor {
    switch draw {
    case .mode: tanh(mean)
    case .sample(let random):
      noGrad { tanh(mean + exp(logDeviation) * Tensor.normal(mean.shape, using: random).to(mean.type)) }
    case .exponentialNoise: preconditionFailure("exponential noise is for classes")
    }
  }

  /// Of actions `[…, A]`, in nats, `[…]`.
  public func logProbability(of actions: Tensor) -> Tensor {
    let a = actions.clamped(-Self.edge, Self.edge)
    let u = (log(1 + a) - log(1 - a)) / 2
    let normal = ((u - mean) / exp(logDeviation)).squared() * -0.5 - logDeviation - 0.5 * Foundation.log(2 * Double.pi)
    return (normal - Self.logSlope(u)).sum(over: -1)
  }

  public func logProbability(ofOthers actions: Tensor) -> Tensor {
    logProbability(of: actions.clamped(-Self.othersEdge, Self.othersEdge))
  }

  /// In nats, `[…]`: the normal's, and the mean of the logarithm of the tangent's slope, by quadrature.
  public var entropy: Tensor {
    let normal = logDeviation + 0.5 * Foundation.log(2 * Double.pi * M_E)
    let deviation = exp(logDeviation)
    let slopes = Self.nodes.map { node in Self.logSlope(mean + deviation * node.x) * node.weight }
    return (normal + slopes.dropFirst().reduce(slopes[0], +)).sum(over: -1)
  }

  /// KL(self ‖ other) in nats, `[…]`: the normals' own, since what both are pressed through makes no difference.
  public func divergence(from other: TanhGaussian) -> Tensor {
    let spread =
      exp(2 * (logDeviation - other.logDeviation)) + ((mean - other.mean) / exp(other.logDeviation)).squared()
    return (other.logDeviation - logDeviation + 0.5 * (spread - 1)).sum(over: -1)
  }

  /// `log(1 − tanh² u)`, exact for large `u` too.
  private static func logSlope(_ u: Tensor) -> Tensor { (Foundation.log(2) - u - softplus(-2 * u)) * 2 }
}
