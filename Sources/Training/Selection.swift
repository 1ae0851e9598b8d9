import Demonstrations
import Foundation
import Runs

/// Which of an agent's checkpoints acts. Neither way looks at the environment.
public enum Selection: String, Codable, CaseIterable, Sendable {
  /// The one of the last step.
  case last
  /// The one with the best offline score: how its policy did on expert episodes held out from its training.
  case offline
}

/// Why a checkpoint acts: as its run's configuration says, or for a reason that results must not hide.
public enum SelectedBy: String, Codable, Sendable {
  case last, offline
  /// By its returns in the environment: no offline method any more.
  case online
  /// Named by whoever asked.
  case named
}

/// A checkpoint that was chosen by returns in the environment, when that was asked for: `online.json` in the agent's
/// run, which marks it.
public struct OnlineChoice: Codable, Checksummed, Equatable, Sendable {
  public let step: Int
  public let environment: String
  public let episodes: Int
  public let seed: UInt64
  /// Mean returns by checkpoint.
  public let means: [Int: Double]
  /// Identity of the run that it was made in; absent where that has none.
  var run: String?
  package var checksum: String?

  package static func file(in run: URL) -> URL { run.appending(path: "online.json") }

  /// The one of a run; nil where there is none.
  /// - Throws: `ExperimentError.damagedChoice`: a run must not lose its mark without a word; `RunError.ofAnotherRun`.
  static func made(in run: URL) throws -> OnlineChoice? {
    let file = file(in: run)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    guard let data = try? RegularFile.contents(of: file), (try? JSONChecksum.agrees(with: data)) == true,
      let choice = try? JSONDecoder().decode(Self.self, from: data)
    else { throw ExperimentError.damagedChoice(file.path) }
    guard try choice.run == RunIdentity.of(run) else { throw RunError.ofAnotherRun(file.path) }
    return choice
  }

  /// Marks a run.
  /// - Throws: `RunError.cannotWrite`.
  package func mark(_ run: URL) throws {
    var choice = self
    choice.run = try RunIdentity.of(run)
    try AtomicFile.write(choice.encoded(by: JSONEncoder()), to: Self.file(in: run))
  }

  package init(_ means: [Int: Double], environment: String, episodes: Int, seed: UInt64) {
    let best = means.max { ($0.value, $0.key) < ($1.value, $1.key) }!
    (step, self.means) = (best.key, means)
    (self.environment, self.episodes, self.seed) = (environment, episodes, seed)
  }
}

/// How good validation says that a policy is, without the environment.
package enum OfflineScore {
  /// Of agents that learn in dreams, what their own dreams from held-out expert states earn by eq 8, actions drawn: of
  /// what validation logs it ranked the checkpoints of the agents that were looked at best, though hardly better than
  /// their step does (docs/studies.md). Of clones the log-likelihood of the expert's held-out actions. Runs of versions
  /// before 0.2 logged no score of their own. Nil where nothing was validated.
  package static func of(_ metrics: [String: Double]) -> Double? {
    metrics["validation/score"] ?? metrics["validation/reward"] ?? metrics["validation/agreement"]
  }

  /// What to say of an agent that ends worse than the clone it began as; nil where it does not, or began as none.
  static func lossSinceTheBeginning(of run: URL) throws -> String? {
    let lines = try MetricsLog.lines(of: run)
    guard let first = lines.first(where: { $0["step"] == 0 }).flatMap(of), let last = lines.last.flatMap(of),
      last < first
    else { return nil }
    return String(
      format:
        "the agent ends with a lower offline score (%.4g) than the clone it began as (%.4g); --select offline takes the best checkpoint, the clone among them",
      last, first)
  }

  /// The step that did best of those whose checkpoints are there, the later one of equals; nil where nothing was held
  /// out. A run that was killed may have logged a step without saving it.
  static func best(in run: URL) throws -> (step: Int, score: Double)? {
    let kept = try TrainingLoop.checkpoints(of: run, keep: 1).steps()
    let scored = try MetricsLog.lines(of: run).compactMap { line in
      of(line).flatMap { score in line["step"].map { (step: Int($0), score: score) } }
    }
    return scored.filter { kept.contains($0.step) }.max { ($0.score, $0.step) < ($1.score, $1.step) }
  }
}

extension Checkpoint {
  /// The one that an agent acts with.
  /// - Parameter step: of a certain one; nil for the one that its run chooses.
  /// - Throws: `RunError.notARun` where there is none; `ExperimentError.noSuchCheckpoint`, `.nothingHeldOut` or
  ///   `.damagedChoice`.
  static func acting(in run: URL, by selection: Selection, step: Int? = nil) throws -> (
    checkpoint: Checkpoint, by: SelectedBy
  ) {
    let checkpoints = try TrainingLoop.checkpoints(of: run, keep: 1)
    let at = { (step: Int) in
      guard try checkpoints.steps().contains(step) else {
        throw ExperimentError.noSuchCheckpoint(run.path, step, known: try checkpoints.steps().reversed())
      }
      return try checkpoints.checkpoint(of: step)
    }
    // Nor is one that was chosen so any other where it is named; a mark that cannot be read says nothing of it.
    if let step { return (try at(step), (try? OnlineChoice.made(in: run))?.step == step ? .online : .named) }
    if let choice = try OnlineChoice.made(in: run) {
      Observer.warn(
        "\(run.path): acts with checkpoint \(choice.step), which was chosen by its returns in \(choice.environment)")
      return (try at(choice.step), .online)
    }
    switch selection {
    case .last: return (try newest(of: run), .last)
    case .offline:
      // A log that lost its end would choose among others.
      _ = try MetricsLog.wholeLines(of: run)
      guard let best = try OfflineScore.best(in: run) else { throw ExperimentError.nothingHeldOut(run.path) }
      return (try at(best.step), .offline)
    }
  }
}

extension MetricsLog {
  /// As `lines`, of which none that the newest checkpoint knew is lost.
  /// - Throws: as `lines`; `RunError.damagedRun` where the log lacks some.
  package static func wholeLines(of run: URL) throws -> [[String: Double]] {
    if let newest = try TrainingLoop.checkpoints(of: run, keep: 1).newestGood().checkpoint {
      try check(run, knownBy: newest)
    }
    return try lines(of: run)
  }
}
