/// Distributions along the last axis, of which policies are made.
public protocol Distribution {
  /// Without gradients.
  func drawn(_ draw: Draw) -> Tensor
  /// Of what was drawn, in nats, `[…]`.
  func logProbability(of drawn: Tensor) -> Tensor
  /// Of what somebody else chose, who may be where this one hardly ever draws, in nats, `[…]`.
  func logProbability(ofOthers chosen: Tensor) -> Tensor
  /// In nats, `[…]`.
  var entropy: Tensor { get }
  /// KL(self ‖ other) in nats, `[…]`; both are of one kind.
  func divergence(from other: any Distribution) -> Tensor
}

extension Distribution {
  public func logProbability(ofOthers chosen: Tensor) -> Tensor { logProbability(of: chosen) }
}

extension Categorical: Distribution {
  public func divergence(from other: any Distribution) -> Tensor { divergence(from: other as! Categorical) }
}

extension TanhGaussian: Distribution {
  /// The normals' own: what both are pressed through makes no difference.
  public func divergence(from other: any Distribution) -> Tensor {
    let other = other as! TanhGaussian
    let spread = exp(2 * (logDeviation - other.logDeviation)) + ((mean - other.mean) / exp(other.logDeviation)).squared()
    return (other.logDeviation - logDeviation + 0.5 * (spread - 1)).sum(over: -1)
  }
}
