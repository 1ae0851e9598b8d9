import Foundation
import Imitation
import Runs

/// What an agent is, as results keep it: enough to tell runs apart, and to draw figures over what they differ in.
public struct AgentMetadata: Codable, Equatable, Sendable {
  public let method: Method
  /// Weights of the rewards that its dreams earned, and the dreams' length; absent for cloning.
  public let rewards: [String: Double]?
  public let horizon: Int?
  /// That it learned from.
  public let expertEpisodes: Int
  /// The recordings in whose states its dreams began too, by the names of their folders; absent without any.
  public let mixedData: [String]?
  /// The run whose networks it began with, as "NAME, step STEP, FINGERPRINT"; absent where they were its own.
  public let from: String?
  public let seed: UInt64
  /// Its other settings where they are not the defaults, by key: what else may set two agents apart. Of one that has
  /// its own encoders, theirs too.
  public let settings: [String: String]
  /// Which defaults these are: 2 since agents begin as clones; absent for those before.
  public var defaults: Int? = 2
  /// Of its training, and the wall time that they took, in seconds; up to the checkpoint that acts where that one was
  /// named.
  public let gradientSteps: Int
  public let seconds: Double
  public let threads: Int
  /// The gradient step of the checkpoint that acts, and why that one.
  public let step: Int
  public let selectedBy: SelectedBy
  public let actions: ActionChoice
  /// The share of the logged steps at which its discriminator had collapsed; absent without one.
  public let collapsed: Double?
  /// Of the world model's weights; absent without one.
  public let worldModel: String?
  /// Of the code that trained it.
  public let version: String

  /// Where facts of their own say the same, and what changes how a run is watched and not what it becomes.
  private static let apart = [
    "method", "actions", "selection", "imitation.horizon", "imitation.reward.weights.", "training.",
  ]

  /// What a clone too is made by.
  private static let ofClones = ["imitation.policy.", "imitation.restartInterval"]

  /// - Throws: `RunError.notARun` where the run has no log.
  init(
    _ configuration: AgentConfiguration, _ world: WorldModelConfiguration, _ record: Record, of run: URL, step: Int,
    by selectedBy: SelectedBy,
    choosing actions: ActionChoice
  ) throws {
    let dreams = configuration.method.dreams
    method = configuration.method
    rewards =
      dreams
      ? Dictionary(
        uniqueKeysWithValues: configuration.imitation.reward.weights.used.map { ($0.kind.name, $0.weight) }) : nil
    horizon = dreams ? configuration.imitation.horizon : nil
    (expertEpisodes, seed, threads) = (record.details.useEpisodes, record.seed, record.details.threads)
    let mixed = record.details.data.dropFirst().map { URL(fileURLWithPath: $0.path).lastPathComponent }
    mixedData = mixed.isEmpty ? nil : mixed
    from = record.from.map { URL(fileURLWithPath: $0).lastPathComponent }
    let encoders =
      try configuration.method == .bc
      ? world.differences().filter { $0.key.hasPrefix("model.") || $0.key.hasPrefix("pixels.") } : [:]
    let unused = configuration.imitation.policyGradient == .ppo ? [] : ["imitation.epochs", "imitation.clip"]
    settings = try configuration.differences().filter { difference in
      !(Self.apart + unused).contains { difference.key.hasPrefix($0) }
        && (dreams || !difference.key.hasPrefix("imitation.")
          || Self.ofClones.contains { difference.key.hasPrefix($0) })
    }
    .merging(encoders.map { ("worldModel.\($0)", $1) }) { $1 }
    (self.step, self.selectedBy, self.actions) = (step, selectedBy, actions)
    (worldModel, version) = (record.details.worldModel?.fingerprint, record.version)
    let lines = try MetricsLog.lines(of: run).filter { selectedBy != .named || $0["step"] ?? 0 <= Double(step) }
    gradientSteps = lines.last?["step"].map { Int($0) } ?? step
    var (last, seconds) = (0.0, 0.0)
    for line in lines {
      guard let at = line["step"], let speed = line["time/steps_per_second"] else { continue }
      seconds += (at - last) / speed
      last = at
    }
    self.seconds = seconds
    let collapses = lines.compactMap { $0["discriminator/collapsed"] }
    collapsed = collapses.isEmpty ? nil : collapses.mean
  }
}
