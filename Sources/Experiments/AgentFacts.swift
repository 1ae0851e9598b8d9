import Foundation
import Imitation

/// What an agent is, as results keep it: enough to tell runs apart, and to draw figures over what they differ in.
public struct AgentFacts: Codable, Equatable, Sendable {
  public let method: Method
  /// Weights of the rewards that its dreams earned, and the dreams' length; absent for cloning.
  public let rewards: [String: Double]?
  public let horizon: Int?
  /// That it learned from.
  public let expertEpisodes: Int
  public let seed: UInt64
  /// That the checkpoint which acts has behind it, and the wall time that they took, in seconds.
  public let gradientSteps: Int
  public let seconds: Double
  public let threads: Int
  public let selectedBy: SelectedBy
  public let actions: ActionChoice
  /// Of the world model's weights; absent without one.
  public let worldModel: String?
  /// Of the code that trained it.
  public let version: String

  init(_ configuration: AgentConfiguration, _ record: Record, of run: URL, step: Int, by selectedBy: SelectedBy, choosing actions: ActionChoice) {
    let dreams = configuration.method == .ditto || configuration.method == .dgail
    method = configuration.method
    rewards = dreams ? Dictionary(uniqueKeysWithValues: configuration.imitation.reward.weights.used.map { ($0.kind.rawValue, $0.weight) }) : nil
    horizon = dreams ? configuration.imitation.horizon : nil
    (expertEpisodes, seed, threads) = (record.details.useEpisodes, record.seed, record.details.threads)
    (gradientSteps, self.selectedBy, self.actions) = (step, selectedBy, actions)
    (worldModel, version) = (record.details.worldModel?.fingerprint, record.version)
    var (last, seconds) = (0.0, 0.0)
    for line in (try? MetricsLog.lines(of: run)) ?? [] {
      guard let at = line["step"], at <= Double(step), let speed = line["time/steps_per_second"] else { continue }
      seconds += (at - last) / speed
      last = at
    }
    self.seconds = seconds
  }
}
