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
  var state: NamedTensors { get }
}

extension Reward {
  public func update(_ expert: LatentWindows, _ dream: Rollout, progress: Double) -> Metrics { [:] }
  public var state: NamedTensors { [] }
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

/// A reward by its name. Each stands in the file of its reward; `allCases` lists them.
public struct RewardKind: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  /// Whether each step is compared with the expert's at the same time, so that a dream must begin where the expert was.
  public let comparesSteps: Bool
  /// Whether it is a discriminator, which learns beside the policy.
  public let isAdversarial: Bool
  /// Fits what has to be fitted; throws `ImitationError.tooFewParts`, and what `context.fitting` throws.
  let make: @Sendable (RewardConfiguration, RewardContext) throws -> any Reward

  init(
    _ name: String, comparesSteps: Bool = false, isAdversarial: Bool = false,
    make: @escaping @Sendable (RewardConfiguration, RewardContext) throws -> any Reward
  ) {
    (self.name, self.comparesSteps, self.isAdversarial, self.make) = (name, comparesSteps, isAdversarial, make)
  }

  /// Nil for a name that no reward has.
  public init?(_ name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }

  public static func == (a: Self, b: Self) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  public var description: String { name }
}

extension RewardKind: CaseIterable {
  public static let allCases: [RewardKind] = [
    .dot, .l2, .cosine, .nearest, .sparse, .contrast, .red, .dril, .gail, .airl,
  ]
}

/// Weights of the rewards that are added up, by their names: 1 for equation 8. Those of weight 0 are not computed.
public struct RewardWeights: Configuration {
  private var weights: [RewardKind: Double] = [.dot: 1]

  public init() {}

  /// Of a reward's name, or a sum such as `dot=1,gail=0.5`; nil for other words, and for a name that comes twice.
  public init?(sum text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    }
    let kinds = parts.compactMap { $0.first.flatMap(RewardKind.init) }
    guard kinds.count == parts.count, Set(kinds).count == kinds.count else { return nil }
    self[.dot] = 0
    for (kind, words) in zip(kinds, parts) {
      guard let weight = words.count == 2 ? Double(words[1]) : 1, weight.isFinite else { return nil }
      self[kind] = weight
    }
  }

  public subscript(kind: RewardKind) -> Double {
    get { weights[kind] ?? 0 }
    set { weights[kind] = newValue == 0 ? nil : newValue }
  }

  /// Those that count.
  public var used: [(kind: RewardKind, weight: Double)] {
    RewardKind.allCases.map { ($0, self[$0]) }.filter { $0.weight != 0 }
  }

  public func check(_ problems: inout Problems) {
    problems.require(
      !used.isEmpty, RewardKind.dot.name,
      "is 0, as all others are; give one of \(RewardKind.allCases.map(\.name).joined(separator: ", ")) a weight")
  }
}

/// As if each weight were a stored property.
extension RewardWeights: CustomReflectable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  public init(from decoder: any Swift.Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for kind in RewardKind.allCases {
      self[kind] = try container.decode(Double.self, forKey: Key(stringValue: kind.name))
    }
  }

  public func encode(to encoder: any Swift.Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for kind in RewardKind.allCases { try container.encode(self[kind], forKey: Key(stringValue: kind.name)) }
  }

  public var customMirror: Mirror { Mirror(self, children: RewardKind.allCases.map { ($0.name, self[$0]) }) }
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
    WeightedReward(try weights.used.map { ($0.kind.name, $0.weight, try $0.kind.make(self, context)) })
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
      let rewards = parts.map { $0.reward(expert, dream) }
      let weighted = zip(parts, rewards).map { $0.weight == 1 ? $1 : $0.weight * $1 }
      let means = parts.count == 1 ? [] : zip(parts, rewards).map { ("reward/\($0.name)", $1.mean()) }
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

  public var state: NamedTensors { parts.flatMap { $0.reward.state.under("\($0.name).") } }
}
