import Evaluation
import Foundation
import Runs
import Training

/// How well does what is known offline rank the checkpoints of agents? Plays every kept checkpoint in the environment,
/// and compares the returns with what validation on held-out expert episodes said of the same steps.
public struct SelectionStudy: Codable, Sendable {
  public struct Checkpoint: Codable, Sendable {
    public let run: String
    public let step: Int
    /// Online: mean return, and its standard error where there is more than one episode.
    public let mean: Double
    public let se: Double?
    /// What validation logged, by name.
    public let offline: [String: Double]
  }

  public let checkpoints: [Checkpoint]
  /// Spearman's rank correlation with the mean return, by rule. The rules are the metrics of validation, and `step`,
  /// which takes the last: later checkpoints are mostly better, so a metric is worth what it says beyond that. Of each
  /// run, which is what choosing in it depends on; absent where a run's order cannot be compared, as with one
  /// checkpoint or a constant metric.
  public let byRun: [String: [String: Double]]
  /// The mean over runs of the correlation within each, where there is one; and that over all checkpoints together,
  /// where runs with other held-out episodes have other scores for the same policy.
  public let withinRuns, together: [String: Double]
  /// The mean, over runs, of the return of the checkpoint that each rule takes, and of the `best` that there is.
  public let chosen: [String: Double]

  /// Metrics of validation that say how good a policy is.
  private static let metrics = [
    "validation/score", "validation/reward", "validation/best_action_reward", "validation/agreement",
  ]
  private static let step = "step"

  /// - Parameter adopt: whether each run is to act with its best checkpoint from now on, and to be marked for it.
  /// - Throws: as `LoadedAgent` and `Evaluation`; `RunError` where a run is none of an agent;
  ///   `ExperimentError.nothingHeldOut` where one was not validated, or `.namedTwice`.
  public init(
    _ runs: [(name: String, url: URL)], environment: String, episodes: Int, seed: UInt64, adopt: Bool,
    _ compute: Compute
  ) throws {
    if let again = runs.indices.first(where: { index in runs[..<index].contains { $0.name == runs[index].name } }) {
      throw ExperimentError.namedTwice(runs[again].name)
    }
    // All that can be wrong with a run is found before any is played.
    let scored = try runs.map { name, url in
      _ = try Record(from: url, kind: .agent)
      let lines = try MetricsLog.wholeLines(of: url).filter { OfflineScore.of($0) != nil }
      let logged = Dictionary(lines.map { (Int($0["step"] ?? 0), $0) }) { $1 }
      let steps = try TrainingLoop.checkpoints(of: url, keep: 1).steps().reversed().filter { logged[$0] != nil }
      guard !steps.isEmpty else { throw ExperimentError.nothingHeldOut(url.path) }
      for step in steps { _ = try LoadedAgent(at: url, step: step, compute) }
      return (name: name, url: url, steps: steps, logged: logged)
    }
    var (found, choices) = ([Checkpoint](), [(run: URL, choice: OnlineChoice)]())
    for (name, url, steps, logged) in scored {
      var own: [Checkpoint] = []
      for step in steps {
        let loaded = try LoadedAgent(at: url, step: step, seed: seed, compute)
        let evaluation = Evaluation(environment: environment, pipeline: loaded.pipeline, episodes: episodes, seed: seed)
        let result = try evaluation.run(.agent(loaded.agent), named: "\(name), step \(step)", loaded.facts)
        own.append(
          Checkpoint(
            run: name, step: step, mean: result.mean, se: result.se,
            offline: logged[step]!.filter { Self.metrics.contains($0.key) }))
      }
      choices.append(
        (
          url,
          OnlineChoice(
            Dictionary(uniqueKeysWithValues: own.map { ($0.step, $0.mean) }), environment: environment,
            episodes: episodes, seed: seed)
        ))
      found += own
    }
    if adopt { for (run, choice) in choices { try choice.mark(run) } }
    self.init(found)
  }

  /// - Parameter checkpoints: of one run after the other, in the order of their steps.
  init(_ checkpoints: [Checkpoint]) {
    let metrics = Self.metrics.filter { metric in checkpoints.allSatisfy { $0.offline[metric] != nil } }
    let rules =
      (metrics.map { metric in (metric, { (point: Checkpoint) in point.offline[metric]! }) } + [
        (Self.step, { Double($0.step) })
      ])
    let runs = Dictionary(grouping: checkpoints, by: \.run)
    let correlations = { (points: [Checkpoint]) in
      Dictionary(
        uniqueKeysWithValues: rules.compactMap { name, value in
          rankCorrelation(points.map(value), points.map(\.mean)).map { (name, $0) }
        })
    }
    let byRun = runs.mapValues(correlations)
    let inOrder = runs.keys.sorted()
    withinRuns = Dictionary(
      uniqueKeysWithValues: rules.compactMap { name, _ in
        let known = inOrder.compactMap { byRun[$0]![name] }
        return known.isEmpty ? nil : (name, known.mean)
      })
    let mean = { (choice: ([Checkpoint]) -> Checkpoint) in inOrder.map { choice(runs[$0]!).mean }.mean }
    chosen = Dictionary(
      uniqueKeysWithValues: rules.map { name, value in
        (name, mean { own in own.max { (value($0), $0.step) < (value($1), $1.step) }! })
      }
        + [("best", mean { own in own.max { $0.mean < $1.mean }! })])
    (self.checkpoints, self.byRun, together) = (checkpoints, byRun, correlations(checkpoints))
  }
}

extension SelectionStudy: CustomStringConvertible {
  public var description: String {
    let metrics = Self.metrics.filter { chosen[$0] != nil }
    let names = metrics.map { String($0.dropFirst("validation/".count)) }
    let rows = checkpoints.map { point in
      [point.run, "\(point.step)", shown(point.mean), point.se.map(shown) ?? ""]
        + metrics.map { String(format: "%.4f", point.offline[$0]!) }
    }
    let number = { (format: String, value: Double?) in value.map { String(format: format, $0) } ?? "" }
    let rules = (metrics + [Self.step, "best"]).map { rule in
      [
        rule.replacing("validation/", with: ""), number("%.2f", withinRuns[rule]), number("%.2f", together[rule]),
        chosen[rule].map(shown) ?? "",
      ]
    }
    return """
      \(TextTable(columns: ["run", "step", "return", "se"] + names, rows: rows))

      \(TextTable(columns: ["chosen by", "correlation within runs", "over all", "return of what it chooses"], rows: rules))

      \(checkpoints.count) checkpoints; Spearman's rank correlation with the return. 'step' takes the last, which is what a metric has to beat; 'best' knows the returns, which no offline rule does.
      """
  }
}
