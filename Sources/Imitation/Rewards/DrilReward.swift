import Settings
import Spaces
import Torch
import WorldModel

public struct DrilConfiguration: Configuration {
  /// Policies in the ensemble.
  public var members = 5
  /// Gradient steps of each, before the policy's first.
  public var steps = 1000
  /// Share of the expert's own steps that earn 1.
  public var quantile = 0.98
  /// Of the members, whose disagreement regularisation would hide: without any.
  public var cloning = CloningConfiguration()

  public init() {
    (cloning.dropout, cloning.noise, cloning.optimizer) = (0, 0, OptimizerConfiguration())
  }

  public func check(_ problems: inout Problems) {
    problems.require(members, in: 2...100, "members")  // one policy cannot disagree
    problems.require(steps, in: 1...1_000_000, "steps")
    problems.require(quantile > 0 && quantile <= 1, "quantile", "is \(quantile), must be above 0 and at most 1")
    problems.check(cloning, "cloning")
    problems.require(
      cloning.noise == 0, "cloning.noise", "is \(cloning.noise), must be 0: members are cloned without noise")
  }
}

/// How far policies disagree on an action: the variance over an ensemble of its probability, or its density. Source:
/// DITTO, equation 1.
/// - Parameter probability: of the actions taken, `[E, …]`.
/// - Returns: `[…]`.
public func disagreement(probability p: Tensor) -> Tensor {
  (p - p.mean(over: 0, keepingAxes: true)).squared().mean(over: 0)
}

/// 1 where policies that were cloned from different parts of the expert's data agree on the action taken, −1 where they
/// disagree more than on nearly all of the expert's own. Source: Brantley et al. 2020; to be used beside a cloning
/// term.
final class DrilReward: Reward {
  private let members: [MLP]
  private let actions: ActionSpace
  /// The largest disagreement that earns 1.
  private(set) var bound = 0.0

  /// Steps that go to the same member, where episodes are fewer than members.
  private static let windowSteps = 16

  /// - Throws: `ImitationError.tooFewParts` where there are fewer parts of the expert's data than members; what
  ///   `context.fitting` throws.
  init(_ c: DrilConfiguration, _ policy: PolicySizes, _ context: RewardContext) throws {
    actions = context.actions
    let parts = Self.parts(among: c.members, context.expert)
    guard parts.count >= c.members else {
      throw ImitationError.tooFewParts(members: c.members, found: parts.count, windowSteps: Self.windowSteps)
    }
    members = try (0..<c.members).map { member in
      let seed = context.seed.stream("member").step(member)
      let actor = MLP(
        context.sizes.features, context.actions.policyOutputs, width: policy.width, hiddenLayers: policy.hiddenLayers,
        using: RandomSource(seed, on: context.device))
      let own = parts.enumerated().filter { $0.offset % c.members == member }.flatMap(\.element)
      let optimizer = Adam(actor.namedParameters, c.cloning.optimizer)
      var generator = seed.stream("states").generator
      for step in 0..<c.steps {
        try context.fitting(.dril, member * c.steps + step, c.members * c.steps)
        let (states, actions) = context.expert.pairs(
          at: (0..<c.cloning.batch).map { _ in own.randomElement(using: &generator)! })
        let random = RandomSource(seed.stream("dropout").step(step), on: context.device)
        let policy = context.actions.policy(actor(states.features, dropout: c.cloning.dropout, using: random))
        optimizer.step(
          minimizing: cloningLoss(policy: policy, action: actions, entropyWeight: c.cloning.entropyWeight),
          progress: Double(step) / Double(c.steps))
      }
      actor.freeze()
      return actor
    }
    try context.fitting(.dril, c.members * c.steps, c.members * c.steps)
    let (states, actions) = context.expert.pairs(at: context.expert.steps)
    let found = disagreement(states, actions).values(as: Float.self).map(Double.init).sorted()
    bound = found[min(found.count - 1, Int((c.quantile * Double(found.count)).rounded(.up)) - 1)]
  }

  /// The expert's steps in disjoint parts, which are dealt out to the members: episodes, or windows where episodes are
  /// fewer than members.
  static func parts(among members: Int, _ expert: ExpertLatents) -> [Range<Int>] {
    expert.lengths.count >= members
      ? expert.stepsByEpisode : expert.stepsByEpisode.flatMap { $0.pieces(of: windowSteps) }
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    let found = disagreement(dream.states.sliced(0..<dream.actions.shape[0]), dream.actions)
    return 1 - 2 * (found - bound).isAtLeast(Double(Float.leastNonzeroMagnitude)).to(.float32)
  }

  private func disagreement(_ states: LatentState, _ taken: Tensor) -> Tensor {
    noGrad {
      let features = states.features.to(.float32)
      return Imitation.disagreement(
        probability: stacked(members.map { exp(actions.policy($0(features)).logProbability(ofOthers: taken)) }))
    }
  }
}

extension RewardKind {
  public static let dril = RewardKind("dril") { try DrilReward($0.dril, $1.policy, $1) }
}
