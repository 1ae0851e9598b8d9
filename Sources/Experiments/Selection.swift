import Configuration
import Foundation

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

/// A checkpoint that was chosen by returns in the environment, when that was asked for: `online.json` in the agent's run, which marks it.
public struct OnlineChoice: Codable, Equatable, Sendable {
  public let step: Int
  public let environment: String
  public let episodes: Int
  public let seed: UInt64
  /// Mean returns by checkpoint.
  public let means: [Int: Double]

  static func file(in run: URL) -> URL { run.appending(path: "online.json") }

  init?(of run: URL) {
    guard let data = try? Data(contentsOf: Self.file(in: run)), let choice = try? JSONDecoder().decode(Self.self, from: data) else { return nil }
    self = choice
  }

  init(_ means: [Int: Double], _ evaluation: Evaluation) {
    let best = means.max { ($0.value, $0.key) < ($1.value, $1.key) }!
    (step, self.means) = (best.key, means)
    (environment, episodes, seed) = (evaluation.environment, evaluation.episodes, evaluation.seed)
  }
}

/// How good validation says that a policy is, without the environment.
enum OfflineScore {
  /// What its own dreams from held-out expert states earn by eq 8, actions drawn; of a policy that cannot dream, how often it agrees with the expert there. Of what validation logs it
  /// ranks checkpoints best (docs/studies.md). Nil where nothing was validated.
  static func of(_ metrics: [String: Double]) -> Double? { metrics["validation/reward"] ?? metrics["validation/agreement"] }

  /// The step that did best so far, the later one of equals; nil where nothing was held out.
  static func best(in run: URL, upTo last: Int = .max) -> (step: Int, score: Double)? {
    let scored = (try? MetricsLog.lines(of: run))?.compactMap { line in of(line).flatMap { score in line["step"].map { (step: Int($0), score: score) } } }
    return scored?.filter { $0.step <= last }.max { ($0.score, $0.step) < ($1.score, $1.step) }
  }
}

extension Checkpoint {
  /// The one that an agent acts with.
  /// - Parameter step: of a certain one; nil for the one that its run chooses.
  /// - Throws: `RunError.notARun` where there is none; `ExperimentError.noSuchCheckpoint` or `.nothingHeldOut`.
  static func acting(in run: URL, by selection: Selection, step: Int? = nil) throws -> (checkpoint: Checkpoint, by: SelectedBy) {
    let checkpoints = TrainingLoop.checkpoints(of: run, keep: 1)
    let at = { (step: Int) in
      guard try checkpoints.steps().contains(step) else {
        throw ExperimentError.noSuchCheckpoint(run.path, step, known: try checkpoints.steps().reversed())
      }
      return try Checkpoint(at: checkpoints.place(of: step))
    }
    if let step { return (try at(step), .named) }
    if let choice = OnlineChoice(of: run) {
      Console.warn("\(run.path): acts with checkpoint \(choice.step), which was chosen by its returns in \(choice.environment)")
      return (try at(choice.step), .online)
    }
    switch selection {
    case .last: return (try newest(of: run), .last)
    case .offline:
      guard let best = OfflineScore.best(in: run) else { throw ExperimentError.nothingHeldOut(run.path) }
      return (try at(best.step), .offline)
    }
  }
}
