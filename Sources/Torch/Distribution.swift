/// A distribution that actions are drawn from.
public protocol Distribution {
  /// Of what was drawn, in nats, `[…]`.
  func logProbability(of sampled: Tensor) -> Tensor
  /// Of what somebody else chose, who may be where this one hardly ever draws, in nats, `[…]`.
  func logProbability(ofOthers chosen: Tensor) -> Tensor
  /// In nats, `[…]`.
  var entropy: Tensor { get }
}

extension Distribution {
  public func logProbability(ofOthers chosen: Tensor) -> Tensor { logProbability(of: chosen) }
}

extension Categorical: Distribution {}
extension TanhGaussian: Distribution {}
