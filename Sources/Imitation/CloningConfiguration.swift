import Settings
import Torch

/// Maximum likelihood of the expert's actions.
public struct CloningConfiguration: Configuration {
  /// States per gradient step.
  public var batch = 512
  /// `η_BC` of eq 16, per nat.
  public var entropyWeight = 0.1
  /// The share of hidden units that are left out at each gradient step.
  public var dropout = 0.2
  /// `dbc`: noise on `h`, in deviations of each of its numbers over the expert's states.
  public var noise = 0.1
  /// `bc`: frames that the policy sees, the newest and those before it.
  public var frames = 2
  public var optimizer = OptimizerConfiguration { ($0.learningRate, $0.weightDecay) = (1e-3, 0.1) }

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(batch, in: 1...1_000_000, "batch")
    problems.require(entropyWeight >= 0, "entropyWeight", "is \(entropyWeight), must not be negative")
    problems.require(dropout >= 0 && dropout < 1, "dropout", "is \(dropout), must be at least 0 and below 1")
    problems.require(noise >= 0, "noise", "is \(noise), must not be negative")
    problems.require(frames, in: 1...16, "frames")
    problems.check(optimizer, "optimizer")
  }
}
