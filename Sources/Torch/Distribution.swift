/// Distributions along the last axis, of which policies are made.
public protocol Distribution {
  /// Without gradients.
  func drawn(_ draw: Draw) -> Tensor
  /// Of what was drawn, in nats, `[…]`.
  func logProbability(of drawn: Tensor) -> Tensor
  /// In nats, `[…]`.
  var entropy: Tensor { get }
}

extension Categorical: Distribution {}
extension TanhGaussian: Distribution {}
