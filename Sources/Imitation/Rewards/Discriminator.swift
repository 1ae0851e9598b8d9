import Settings
import Spaces
import Torch
import WorldModel

/// What a discriminator is shown of a step.
public enum DiscriminatorInput: String, Codable, CaseIterable, Sendable {
  /// `h` before and after the action, as the paper's authors have it.
  case successive
  /// The state before the action, and the action. Source: DITTO, eq 3.
  case stateAction
}

/// What a policy earns for a discriminator's opinion, the logit `x` of the probability `D` that a step is the expert's.
public enum AdversarialReward: String, Codable, CaseIterable, Sendable {
  /// `D`, as the paper's authors have it, in 0…1.
  case probability
  /// `−log(1 − D)`, at least 0 (Ho and Ermon 2016).
  case logarithm
  /// `log D − log(1 − D) = x`, without bounds (Fu et al. 2018).
  case logit

  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .probability: sigmoid(x)
    case .logarithm: softplus(x)
    case .logit: x
    }
  }
}

public struct DiscriminatorConfiguration: Configuration {
  public var input = DiscriminatorInput.successive
  /// The reward of `gail`.
  public var reward = AdversarialReward.probability
  public var width = 128
  public var hiddenLayers = 2
  public var optimizer = OptimizerConfiguration { ($0.learningRate, $0.weightDecay) = (1e-4, 0.1) }

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(width, in: 1...65_536, "width")
    problems.require(hiddenLayers, in: 0...100, "hiddenLayers")
    problems.check(optimizer, "optimizer")
  }
}

/// Binary cross entropy of logits on the expert's steps (target 1) and the learner's (target 0), the mean over both
/// together.
///
/// Source: DITTO, equation 3, which prints the sum of two expectations: twice this, for as many of either.
public func discriminatorLoss(expert: Tensor, learner: Tensor) -> Tensor {
  (softplus(-expert).sum() + softplus(learner).sum()) / Double(expert.count + learner.count)
}

/// An adversarial reward: a network learns to tell the expert's steps from the learner's, who is rewarded for being
/// taken for the expert. Source: DITTO, section 4.1, D-GAIL.
final class Discriminator: Reward {
  let network: MLP
  private let optimizer: Adam
  private let input: DiscriminatorInput
  private let reward: AdversarialReward
  private let actions: ActionSpace

  /// Fewer windows of the expert it would learn by heart.
  static let leastWindows = 32
  /// It has collapsed where it is at least so often right and, in nats, at most so unsure.
  private static let collapse = (accuracy: 0.99, entropy: 0.05)

  init(_ c: DiscriminatorConfiguration, _ reward: AdversarialReward, _ context: RewardContext) {
    (input, self.reward, actions) = (c.input, reward, context.actions)
    let inputs =
      c.input == .successive ? 2 * context.sizes.deterministic : context.sizes.features + context.actions.size
    let random = RandomSource(context.seed.stream("discriminator"), on: context.device)
    network = MLP(inputs, 1, width: c.width, hiddenLayers: c.hiddenLayers, using: random)
    optimizer = Adam(network.namedParameters, c.optimizer)
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    reward(logits(dream.states, dream.actions))
  }

  /// One gradient step; reports how well it tells them apart, how sure it is, and as 1 or 0 whether that is a collapse:
  /// the learner then earns the same whatever it does.
  func update(_ expert: LatentWindows, _ dream: Rollout, progress: Double) -> Metrics {
    let (real, imagined) = (logits(expert.states, expert.actions), logits(dream.states, dream.actions))
    let loss = discriminatorLoss(expert: real, learner: imagined)
    optimizer.step(minimizing: loss, progress: progress)
    let all = concatenated([real.detached().reshaped(-1), imagined.detached().reshaped(-1)], axis: 0)
    let rewards = reward(imagined.detached())
    let right = concatenated(
      [
        real.detached().reshaped(-1).isAtLeast(0).to(.float32),
        1 - imagined.detached().reshaped(-1).isAtLeast(0).to(.float32),
      ], axis: 0)
    let probability = sigmoid(all)
    // −D log D − (1 − D) log(1 − D), in nats; log 2 where it cannot tell.
    let (accuracy, entropy) = (right.mean(), (probability * softplus(-all) + (1 - probability) * softplus(all)).mean())
    return [
      "discriminator/loss": loss, "discriminator/accuracy": accuracy, "discriminator/entropy": entropy,
      "discriminator/collapsed": accuracy.isAtLeast(Self.collapse.accuracy).to(.float32)
        * (-entropy).isAtLeast(-Self.collapse.entropy).to(.float32),
      "discriminator/reward_range": rewards.reshaped(-1).max(over: 0) + (-rewards).reshaped(-1).max(over: 0),
    ]
  }

  /// Of the steps of states `[H + 1, B, …]` under actions `[H, B, …]`: `[H, B]`.
  func logits(_ states: LatentState, _ taken: Tensor) -> Tensor {
    let inputs =
      switch input {
      case .successive: [states.deterministic.dropLast(), states.deterministic.dropFirst()]
      case .stateAction: [states.features.dropLast(), actions.encoded(taken)]
      }
    return network(concatenated(inputs.map { $0.to(.float32) }, axis: -1)).reshaped(Array(taken.shape.prefix(2)))
  }

  var state: NamedTensors { network.state + optimizer.state.under("optimizer.") }
}

extension RewardKind {
  public static let gail = RewardKind("gail", isAdversarial: true) {
    Discriminator($0.discriminator, $0.discriminator.reward, $1)
  }
  /// Fu et al. (2018).
  public static let airl = RewardKind("airl", isAdversarial: true) { Discriminator($0.discriminator, .logit, $1) }
}
