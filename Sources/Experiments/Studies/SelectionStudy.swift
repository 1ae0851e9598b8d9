import Environments
import Foundation

/// How well does what is known offline rank the checkpoints of agents? Plays every kept checkpoint in the environment, and compares the returns with what
/// validation on held-out expert episodes said of the same steps.
public struct SelectionStudy: Codable, Sendable {
  public struct Checkpoint: Codable, Sendable {
    public let run: String
    public let step: Int
    /// Online: mean return and its standard error.
    public let mean, se: Double
    /// What validation logged, by name.
    public let offline: [String: Double]
  }

  public let checkpoints: [Checkpoint]
  /// Spearman's rank correlation with the mean return, by metric: the mean over runs of the correlation within each, which is what choosing in a run depends on; and that over all
  /// checkpoints together, where runs with other held-out episodes have other scores for the same policy.
  public let withinRuns, together: [String: Double]
  /// The mean, over runs, of the return of the checkpoint that each rule takes: the metrics, `last`, and the best that there is.
  public let chosen: [String: Double]

  /// Metrics of validation that say how good a policy is.
  private static let metrics = ["validation/reward", "validation/best_action_reward", "validation/agreement"]

  /// - Parameter adopt: whether each run is to act with its best checkpoint from now on, and to be marked for it.
  /// - Throws: as `LoadedAgent` and `Evaluation`; `ExperimentError.nothingHeldOut` where a run was not validated.
  public init(_ runs: [(name: String, url: URL)], environment: String, episodes: Int, seed: UInt64, adopt: Bool, _ compute: Compute) throws {
    var found: [Checkpoint] = []
    for (name, url) in runs {
      let lines = try MetricsLog.lines(of: url).filter { OfflineScore.of($0) != nil }
      let logged = Dictionary(lines.map { (Int($0["step"] ?? 0), $0) }) { $1 }
      let steps = try TrainingLoop.checkpoints(of: url, keep: 1).steps().reversed().filter { logged[$0] != nil }
      guard !steps.isEmpty else { throw ExperimentError.nothingHeldOut(url.path) }
      var (own, evaluation): ([Checkpoint], Evaluation?) = ([], nil)
      for step in steps {
        let loaded = try LoadedAgent(at: url, step: step, seed: seed, compute)
        evaluation = Evaluation(environment: environment, pipeline: loaded.pipeline, episodes: episodes, seed: seed)
        let result = try evaluation!.run(.agent(loaded.agent), named: "\(name), step \(step)", loaded.facts)
        own.append(Checkpoint(run: name, step: step, mean: result.mean, se: result.se, offline: logged[step]!.filter { Self.metrics.contains($0.key) }))
      }
      if adopt {
        let choice = OnlineChoice(Dictionary(uniqueKeysWithValues: own.map { ($0.step, $0.mean) }), evaluation!)
        try AtomicFile.write(JSONEncoder().encode(choice), to: OnlineChoice.file(in: url))
      }
      found += own
    }
    checkpoints = found
    let known = Self.metrics.filter { metric in found.allSatisfy { $0.offline[metric] != nil } }
    let byRun = runs.map { run in found.filter { $0.run == run.name } }
    let correlation = { (metric: String, points: [Checkpoint]) in rankCorrelation(points.map { $0.offline[metric]! }, points.map(\.mean)) }
    together = Dictionary(uniqueKeysWithValues: known.map { ($0, correlation($0, found)) })
    withinRuns = Dictionary(uniqueKeysWithValues: known.map { metric in (metric, byRun.map { correlation(metric, $0) }.mean) })
    let mean = { (choice: ([Checkpoint]) -> Checkpoint) in byRun.map { choice($0).mean }.mean }
    chosen = Dictionary(
      uniqueKeysWithValues: known.map { metric in (metric, mean { own in own.max { ($0.offline[metric]!, $0.step) < ($1.offline[metric]!, $1.step) }! }) }
        + [("last", mean { $0.last! }), ("best", mean { own in own.max { $0.mean < $1.mean }! })])
  }
}

extension SelectionStudy: CustomStringConvertible {
  public var description: String {
    let metrics = Self.metrics.filter { together[$0] != nil }
    let names = metrics.map { String($0.dropFirst("validation/".count)) }
    let rows = checkpoints.map { point in
      [point.run, "\(point.step)", String(format: "%.1f", point.mean), String(format: "%.1f", point.se)] + metrics.map { String(format: "%.4f", point.offline[$0]!) }
    }
    let number = { (format: String, value: Double?) in value.map { String(format: format, $0) } ?? "" }
    let rules = (metrics + ["last", "best"]).map { rule in
      [rule.replacing("validation/", with: ""), number("%.2f", withinRuns[rule]), number("%.2f", together[rule]), number("%.1f", chosen[rule])]
    }
    return """
      \(TextTable(columns: ["run", "step", "return", "se"] + names, rows: rows))

      \(TextTable(columns: ["chosen by", "correlation within runs", "over all", "return of what it chooses"], rows: rules))

      \(checkpoints.count) checkpoints; Spearman's rank correlation with the return. 'best' knows the returns, which no offline rule does.
      """
  }
}
