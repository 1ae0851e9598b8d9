import Settings

/// Adam (`weightDecay` 0) or AdamW.
public struct OptimizerConfiguration: Configuration {
  public static let former: [String: FormerSetting] = ["coolDown": .renamed("linearDecay")]

  public var learningRate = 3e-4
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-5
  /// Decoupled weight decay, per unit of learning rate.
  public var weightDecay = 0.0
  /// Largest L2 norm of all gradients together; 0 for no limit.
  public var clipNorm = 0.0
  /// The share of the training's steps, at its end, over which the learning rate falls to 0 in a straight line.
  public var linearDecay = 0.0

  public init() {}
  /// The defaults with some values changed.
  public init(_ change: (inout OptimizerConfiguration) -> Void) { change(&self) }

  /// The learning rate's factor when `progress`, from 0 to 1, of the training is done.
  public func rateFactor(at progress: Double) -> Double { Torch.linearDecay(linearDecay, at: progress) }

  public func check(_ problems: inout Problems) {
    problems.require(learningRate > 0, "learningRate", "is \(learningRate), must be above 0")
    problems.require(beta1 >= 0 && beta1 < 1, "beta1", "is \(beta1), must be at least 0 and below 1")
    problems.require(beta2 >= 0 && beta2 < 1, "beta2", "is \(beta2), must be at least 0 and below 1")
    problems.require(epsilon > 0, "epsilon", "is \(epsilon), must be above 0")
    problems.require(weightDecay >= 0, "weightDecay", "is \(weightDecay), must not be negative")
    problems.require((0...1).contains(linearDecay), "linearDecay", "is \(linearDecay), must be from 0 to 1")
    problems.require(clipNorm >= 0, "clipNorm", "is \(clipNorm), must not be negative (0 for no limit)")
  }
}

/// 1 at first, and in the last `share` of the training down to 0 in a straight line.
/// - Parameter progress: the share of the training that is done, from 0 to 1.
public func linearDecay(_ share: Double, at progress: Double) -> Double {
  share > 0 ? min(1, (1 - progress) / share) : 1
}
