import CTorch

/// How a class is drawn.
public enum Sampling {
  case sample(RandomSource)
  /// By the first of these exponential noise `[…, K]` to ring, each at its class's rate: a sample with the randomness
  /// given.
  case exponentialNoise(Tensor)
  /// The most probable class.
  case mode

  /// Exponential exponential noise `[…, K]` of that shape to draw by; nil for the most probable classes.
  public func exponentialNoise(_ shape: [Int]) -> Tensor? {
    switch self {
    case .sample(let random): .exponential(shape, using: random)
    case .exponentialNoise(let exponentialNoise): exponentialNoise
    case .mode: nil
    }
  }
}

/// Independent categorical distributions along the last axis.
public struct Categorical {
  /// Normalised log-probabilities, `[…, K]`, float32 or float64.
  public let logProbabilities: Tensor

  /// From unnormalised log-probabilities `[…, K]`; bf16 ones are widened first.
  public init(logits: Tensor) {
    logProbabilities = (logits.type == .bfloat16 ? logits.to(.float32) : logits).logSoftmax(over: -1)
  }

  public var probabilities: Tensor { exp(logProbabilities) }

  /// In nats, `[…]`.
  public var entropy: Tensor { -(probabilities * logProbabilities).sum(over: -1) }

  /// Class indices, `int64` `[…]`.
  public func sampled(_ draw: Sampling) -> Tensor {
    guard let exponentialNoise = draw.exponentialNoise(logProbabilities.shape) else {
      return logProbabilities.argmax(over: -1)
    }
    return noGrad { (probabilities / exponentialNoise).argmax(over: -1) }
  }

  /// One-hot draws `[…, K]` whose gradient is the probabilities' (Bengio et al. 2013).
  public func straightThrough(_ draw: Sampling) -> Tensor {
    let oneHot = sampled(draw).oneHot(logProbabilities.shape.last!).to(logProbabilities.type)
    guard logProbabilities.takesGradient else { return oneHot }
    let p = probabilities
    return oneHot + (p - p.detached())
  }

  /// Of class indices `int64` `[…]`, in nats.
  public func logProbability(of classes: Tensor) -> Tensor {
    logProbabilities.gathering(classes.reshaped(classes.shape + [1]), axis: -1).reshaped(classes.shape)
  }

  /// KL(self ‖ other) in nats, `[…]`.
  public func divergence(from other: Categorical) -> Tensor {
    (probabilities * (logProbabilities - other.logProbabilities)).sum(over: -1)
  }

  public func detached() -> Categorical { Categorical(logProbabilities: logProbabilities.detached()) }
  private init(logProbabilities: Tensor) { self.logProbabilities = logProbabilities }
}
