import Settings
import Torch

/// Which critic's value is subtracted from the returns in eq 15.
public enum Baseline: String, Codable, CaseIterable, Sendable {
  case critic, target
}

/// How the actor follows advantages.
public enum PolicyGradient: String, Codable, CaseIterable, Sendable {
  /// One step down eq 15.
  case reinforce
  /// Several steps down the clipped objective of Schulman et al. (2017).
  case ppo
}

/// Width and number of hidden layers of the actor and the critics.
public struct PolicySizes: Configuration {
  public var width = 256
  public var hiddenLayers = 4

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(width, in: 1...65_536, "width")
    problems.require(hiddenLayers, in: 0...100, "hiddenLayers")
  }
}

/// What dreams are compared with.
public enum Reference: String, Codable, CaseIterable, Sendable {
  /// The expert's recorded states. Source: DITTO, equation 8.
  case recorded
  /// Where the expert's own actions lead in the model, from the dream's start. What the model errs by itself is then no
  /// part of the reward; but what is unstable leaves the expert when its actions are replayed, so that this is for
  /// short horizons and stable systems.
  case rollout
}

/// How an agent begins as a clone of the expert.
public struct WarmStartConfiguration: Configuration {
  public static let former: [String: FormerSetting] = ["divergenceCoolDown": .renamed("divergenceDecay")]

  /// Gradient steps of cloning before the first dream, by the settings under `cloning`; 0 begins with random weights.
  public var cloningSteps = 2000
  /// The first gradient steps, in which only the critic learns.
  public var criticSteps = 50
  /// Weight of KL(policy ‖ clone) in the actor's loss, per nat.
  public var divergenceWeight = 3.0
  /// The share of the training's steps, at its end, over which that weight falls to 0 in a straight line.
  public var divergenceDecay = 0.0

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(cloningSteps, in: 0...1_000_000_000, "cloningSteps")
    problems.require(criticSteps, in: 0...1_000_000_000, "criticSteps")
    problems.require(divergenceWeight >= 0, "divergenceWeight", "is \(divergenceWeight), must not be negative")
    problems.require(
      (0...1).contains(divergenceDecay), "divergenceDecay", "is \(divergenceDecay), must be from 0 to 1")
  }
}

/// Policy learning in imagination. Symbols: paper, Table 1.
public struct ImitationConfiguration: Configuration {
  public static let former: [String: FormerSetting] = [
    "entropyCoolDown": .renamed("entropyDecay"), "windowChoices": .removed(neutral: "1"),
    "displacedShare": .removed(neutral: "0"), "displacementSteps": .removed(neutral: "8"),
  ]

  /// Imagined steps per update, `H`, in environment steps: H rewards, H + 1 states.
  public var horizon = 15
  /// Dreams per update, `B_ac`.
  public var batch = 384
  /// Dreams from each window. Where there are several, what the others got for the same window is subtracted from each
  /// one's advantage: they share the luck of the window, and what is left is what the actions did.
  public var dreamsPerWindow = 4
  /// Whether the dreams of a window share the noise of the model's transitions, and a rolled-out reference too: what
  /// differs is then what actions did.
  public var sharedNoise = true
  public var warmStart = WarmStartConfiguration()
  public var reference = Reference.recorded
  /// Discount `γ` per environment step.
  public var discount = 0.95
  /// `λ` of eq 13.
  public var lambda = 0.95
  /// `η` of eq 15, per nat.
  public var entropyWeight = 0.003
  /// The share of the training's steps, at its end, over which `η` falls to 0 in a straight line.
  public var entropyDecay = 0.0
  /// The share of windows that start where an expert episode does; the others start anywhere.
  public var startShare = 0.0
  /// Steps from one place to the next at which expert episodes are encoded as if they began there, besides once from
  /// their beginning; 0 for none. What the world model believes after a few frames only, as at the start of every
  /// episode that is played, is then seen often.
  public var restartInterval = 0
  /// The share of dreams that begin in states of other recordings, where some are given: the way to the expert is then
  /// learned from wherever these were.
  public var mixedShare = 0.6
  public var reward = RewardConfiguration()
  /// Whether the mean over all dreams is subtracted from the rewards of an update. The best policy stays the best, as
  /// dreams do not end; but the critic need not learn a level that is the same everywhere and, with equation 8, a
  /// hundred times what actions change.
  public var centerRewards = false
  public var baseline = Baseline.critic
  /// Whether advantages are brought to mean 0 and deviation 1 over the batch.
  public var normalizeAdvantages = true
  public var policyGradient = PolicyGradient.ppo
  /// `ppo`: gradient steps on the same dreams; REINFORCE is right for one only.
  public var epochs = 2
  /// `ppo`: how far the ratio of probabilities may go from 1.
  public var clip = 0.2
  /// Weight of the expert's actions' likelihood in the actor's loss, which the paper's conclusion proposes.
  public var cloningWeight = 0.3
  /// Factor of the critic's loss.
  public var criticWeight = 1.0
  /// Gradient steps between copies of the critic to its target.
  public var targetInterval = 100
  public var policy = PolicySizes()
  public var actor = OptimizerConfiguration()
  public var critic = OptimizerConfiguration { $0.learningRate = 1e-3 }

  public init() {}

  /// Of each update, on the same dreams.
  package var gradientSteps: Int { policyGradient == .ppo ? epochs : 1 }

  public func check(_ problems: inout Problems) {
    problems.require(horizon, in: 1...10_000, "horizon")
    problems.require(batch, in: 1...1_000_000, "batch")
    problems.require(
      dreamsPerWindow >= 1 && batch % dreamsPerWindow == 0, "dreamsPerWindow",
      "is \(dreamsPerWindow), must divide batch, \(batch)")
    problems.require(discount > 0 && discount < 1, "discount", "is \(discount), must be between 0 and 1")
    problems.require((0...1).contains(lambda), "lambda", "is \(lambda), must be from 0 to 1")
    problems.require(entropyWeight >= 0, "entropyWeight", "is \(entropyWeight), must not be negative")
    problems.require((0...1).contains(entropyDecay), "entropyDecay", "is \(entropyDecay), must be from 0 to 1")
    problems.require((0...1).contains(startShare), "startShare", "is \(startShare), must be from 0 to 1")
    problems.require(restartInterval, in: 0...1_000_000, "restartInterval")
    problems.require((0...1).contains(mixedShare), "mixedShare", "is \(mixedShare), must be from 0 to 1")
    problems.require(criticWeight > 0, "criticWeight", "is \(criticWeight), must be above 0")
    problems.require(targetInterval, in: 1...1_000_000_000, "targetInterval")
    problems.require(epochs, in: 1...1000, "epochs")
    problems.require(clip > 0, "clip", "is \(clip), must be above 0")
    problems.require(cloningWeight >= 0, "cloningWeight", "is \(cloningWeight), must not be negative")
    problems.check(warmStart, "warmStart")
    problems.check(reward, "reward")
    problems.check(policy, "policy")
    problems.check(actor, "actor")
    problems.check(critic, "critic")
  }
}
