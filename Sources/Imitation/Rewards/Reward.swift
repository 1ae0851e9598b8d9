import Settings
import Spaces
import Torch
import WorldModel

/// What a dream earns, step by step: all that a policy is told of the expert. One file each in this folder.
public protocol Reward: AnyObject {
  /// Of each imagined step, `[H, B]`, without gradients. A step's reward belongs to the state before its action, the
  /// action, and the state after it; which of them count is the reward's own affair.
  /// - Parameter expert: what the expert did from the same starts.
  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor

  /// One step of learning where the reward is itself learned while the policy is, as a discriminator is. Comes after
  /// the dream's reward was taken.
  func update(_ expert: LatentWindows, _ dream: Rollout, progress: Double) -> Metrics

  /// What a resumed run needs.
  var state: [(name: String, tensor: Tensor)] { get }
  func restore(from file: Safetensors, prefix: String) throws
}

extension Reward {
  public func update(_ expert: LatentWindows, _ dream: Rollout, progress: Double) -> Metrics { [:] }
  public var state: [(name: String, tensor: Tensor)] { [] }
  public func restore(from file: Safetensors, prefix: String) throws {}
}

/// Told, before each step and after the last, how many of those are done by which a reward is fitted before the
/// policy's first; an error ends the fit.
public typealias ProgressHandler = (_ reward: RewardKind, _ step: Int, _ steps: Int) throws -> Void

/// What rewards are made of beside their settings.
public struct RewardContext {
  /// All expert states that are learned from.
  public let expert: ExpertLatents
  public let sizes: LatentSizes
  public let actions: ActionSpace
  /// Of the policy that is rewarded.
  public let policy: PolicySizes
  public let seed: Seed
  let fitting: ProgressHandler

  public init(
    expert: ExpertLatents, sizes: LatentSizes, actions: ActionSpace, policy: PolicySizes = PolicySizes(), seed: Seed,
    fitting: @escaping ProgressHandler = { _, _, _ in }
  ) {
    (self.expert, self.sizes, self.actions, self.policy, self.seed, self.fitting) = (
      expert, sizes, actions, policy, seed, fitting
    )
  }

  var device: Device { expert.deterministic.device }
}

/// The rewards by name.
public enum RewardKind: String, CaseIterable, Codable, Sendable {
  case dot, l2, cosine, nearest, sparse, contrast, red, dril, gail, airl

  /// - Throws: `ImitationError.tooFewParts`, and what `context.fitting` throws.
  func make(_ c: RewardConfiguration, _ context: RewardContext) throws -> any Reward {
    switch self {
    case .dot: LatentMatching(c.compared, latentReward)
    case .l2: LatentMatching(c.compared, l2Reward)
    case .cosine: LatentMatching(c.compared, cosineReward)
    case .nearest: NearestReward(c.compared, c.distance, context)
    case .sparse: SparseReward(share: c.sameShare, context)
    case .contrast: ContrastReward(c.compared, samples: c.contrastSamples, context)
    case .red: try RedReward(c.red, context)
    case .dril: try DrilReward(c.dril, context.policy, context)
    case .gail: Discriminator(c.discriminator, c.discriminator.reward, context)
    case .airl: Discriminator(c.discriminator, .logit, context)
    }
  }
}

/// Weights of the rewards that are added up; those of weight 0 are not computed.
public struct RewardWeights: Configuration {
  public var dot = 1.0
  public var l2 = 0.0
  public var cosine = 0.0
  public var nearest = 0.0
  public var sparse = 0.0
  public var contrast = 0.0
  public var red = 0.0
  public var dril = 0.0
  public var gail = 0.0
  public var airl = 0.0

  public init() {}

  /// Of a reward's name, or a sum such as `dot=1,gail=0.5`; nil for other words, and for a name that comes twice.
  public init?(sum text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    }
    let kinds = parts.compactMap { $0.first.flatMap(RewardKind.init) }
    guard kinds.count == parts.count, Set(kinds).count == kinds.count else { return nil }
    dot = 0
    for (kind, words) in zip(kinds, parts) {
      guard let weight = words.count == 2 ? Double(words[1]) : 1, weight.isFinite else { return nil }
      self[kind] = weight
    }
  }

  /// Those that count.
  public var used: [(kind: RewardKind, weight: Double)] {
    RewardKind.allCases.map { ($0, self[$0]) }.filter { $0.weight != 0 }
  }

  public subscript(kind: RewardKind) -> Double {
    get { self[keyPath: Self.path(kind)] }
    set { self[keyPath: Self.path(kind)] = newValue }
  }

  private static func path(_ kind: RewardKind) -> WritableKeyPath<Self, Double> {
    switch kind {
    case .dot: \.dot
    case .l2: \.l2
    case .cosine: \.cosine
    case .nearest: \.nearest
    case .sparse: \.sparse
    case .contrast: \.contrast
    case .red: \.red
    case .dril: \.dril
    case .gail: \.gail
    case .airl: \.airl
    }
  }

  public func check(_ problems: inout Problems) {
    problems.require(
      !used.isEmpty, RewardKind.dot.rawValue,
      "is 0, as all others are; give one of \(RewardKind.allCases.map(\.rawValue).joined(separator: ", ")) a weight")
  }
}

/// What a policy is rewarded for in dreams.
public struct RewardConfiguration: Configuration {
  public var weights = RewardWeights()
  /// The part of the state that `dot`, `l2`, `cosine`, `nearest` and `contrast` compare.
  public var compared = ComparedState.both
  /// What `nearest` means by near.
  public var distance = Distance.dot
  /// `sparse`: the least share of equal classes of two states that count as the same.
  public var sameShare = 0.9
  /// `contrast`: expert states that the reward's mean over is subtracted.
  public var contrastSamples = 256
  public var red = RedConfiguration()
  public var dril = DrilConfiguration()
  /// `gail` and `airl`.
  public var discriminator = DiscriminatorConfiguration()

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.check(weights, "weights")
    problems.require(sameShare > 0 && sameShare <= 1, "sameShare", "is \(sameShare), must be above 0 and at most 1")
    problems.require(contrastSamples, in: 1...100_000, "contrastSamples")
    problems.check(red, "red")
    problems.check(dril, "dril")
    problems.check(discriminator, "discriminator")
  }

  /// The weighted sum of all that count.
  /// - Throws: `ImitationError.tooFewParts`, and what `context.fitting` throws.
  public func reward(_ context: RewardContext) throws -> WeightedReward {
    WeightedReward(try weights.used.map { ($0.kind.rawValue, $0.weight, try $0.kind.make(self, context)) })
  }
}

/// A weighted sum of rewards.
public final class WeightedReward: Reward {
  private let parts: [(name: String, weight: Double, reward: any Reward)]

  init(_ parts: [(name: String, weight: Double, reward: any Reward)]) { self.parts = parts }

  public func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor { parts(expert, dream).sum }

  /// The sum, and where there are several parts, the mean of each before it is weighted.
  func parts(_ expert: LatentWindows, _ dream: Rollout) -> (sum: Tensor, means: Metrics) {
    noGrad {
      let earned = parts.map { $0.reward(expert, dream) }
      let weighted = zip(parts, earned).map { $0.weight == 1 ? $1 : $0.weight * $1 }
      let means = parts.count == 1 ? [] : zip(parts, earned).map { ("reward/\($0.name)", $1.mean()) }
      return (weighted.dropFirst().reduce(weighted[0], +), Dictionary(uniqueKeysWithValues: means))
    }
  }

  /// Where two say something of one name, as two discriminators do, the second's is under its own.
  public func update(_ expert: LatentWindows, _ dream: Rollout, progress: Double) -> Metrics {
    parts.reduce(into: [:]) { all, part in
      for (name, value) in part.reward.update(expert, dream, progress: progress) {
        all[all[name] == nil ? name : "\(part.name)/\(name)"] = value
      }
    }
  }

  public var state: [(name: String, tensor: Tensor)] {
    parts.flatMap { part in part.reward.state.map { ("\(part.name).\($0.name)", $0.tensor) } }
  }

  public func restore(from file: Safetensors, prefix: String) throws {
    for part in parts { try part.reward.restore(from: file, prefix: "\(prefix)\(part.name).") }
  }
}
