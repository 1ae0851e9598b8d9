import Demonstrations
import Foundation
import Runs
import Torch

/// What is kept of a run that left the finite, `failures/step-00000123/` in its folder: the last good checkpoint's
/// state, and the batch of the step where it was found. A step is a function of these, the run's configuration, data
/// and seed, so that it can be made again.
public struct Failure: Codable, Sendable {
  /// Gradient steps made when it was found; it may have begun before, after the last line of the log.
  public let step: Int
  /// Of the checkpoint; 0 where there was none, and the run begins anew.
  public let from: Int

  private static let (file, batch) = ("failure.json", "batch.safetensors")

  static func keep(of trainer: any Trainer, in run: URL, at step: Int) throws {
    let newest = try TrainingLoop.checkpoints(of: run, keep: 1).newestGood().checkpoint
    let failure = Failure(step: step, from: newest?.step ?? 0)
    let folder = run.appending(path: failuresName).appending(path: "step-" + String(format: "%08d", step))
    try Checkpoint.write(to: folder, step: step, of: RunIdentity.of(run)) { folder in
      if let newest {
        try FileManager.default.copyItem(
          at: newest.url.appending(path: TrainingLoop.stateFile), to: folder.appending(path: TrainingLoop.stateFile))
      }
      let batch = try trainer.batch(step: step - 1)
      if !batch.isEmpty { try AtomicFile.write(Safetensors.pieces(of: batch), to: folder.appending(path: Self.batch)) }
      try AtomicFile.write(JSONEncoder().encode(failure), to: folder.appending(path: file))
    }
    Observer.note(
      "kept in \(folder.path); 'ditto train --replay \(folder.path)' makes the steps from \(failure.from) on again, up to the first that is not finite"
    )
  }

  /// Reads what is kept in `folder`, and makes the steps again.
  /// - Parameter threads: nil for as many as the run has.
  /// - Throws: as resuming the run does; `RunError.damagedCheckpoint` where the folder is not what was kept.
  public static func replay(_ folder: URL, threads: Int? = nil) throws -> Replay {
    let run = folder.standardizedFileURL.deletingLastPathComponent().deletingLastPathComponent()
    _ = try Checkpoint(at: folder, of: RunIdentity.of(run))
    guard
      let failure = try? JSONDecoder().decode(
        Failure.self, from: RegularFile.contents(of: folder.appending(path: file)))
    else {
      throw RunError.notARun(
        folder.path, reason: "it has no \(file), which a run that left the finite keeps in \(failuresName)/")
    }
    let trainer: any Trainer =
      if (try? Record(from: run, kind: .worldModel)) != nil {
        try WorldModelRun.trainer(of: run, threads: threads)
      } else {
        try AgentRun.trainer(of: run, threads: threads)
      }
    let state = folder.appending(path: TrainingLoop.stateFile)
    if FileManager.default.fileExists(atPath: state.path) {
      try trainer.learner.restore(from: Safetensors(at: state))
    }
    let progress = ProgressMeter("replaying", total: failure.step, step: failure.from)
    var steps: [Replay.Step] = []
    for step in failure.from..<failure.step {
      let metrics = try trainer.update(step: step).mapValues(\.item)
      progress.update(step + 1)
      try Interruption.check("stopped while steps were made again")
      steps = steps.suffix(Replay.shownSteps - 1) + [Replay.Step(step: step + 1, metrics: metrics)]
      let weight = trainer.firstNotFinite
      if weight != nil || metrics.contains(where: { !$0.value.isFinite }) {
        return Replay(steps: steps, weight: weight)
      }
    }
    return Replay(steps: steps, weight: nil)
  }
}

/// The last steps that were made again, the one that left the finite being the last of them.
public struct Replay: Encodable, Sendable {
  struct Step: Encodable, Sendable {
    let step: Int
    let metrics: [String: Double]
  }
  let steps: [Step]
  /// The first weight that the last step made not finite; nil for none.
  let weight: String?

  fileprivate static let shownSteps = 5
}

extension Replay: CustomStringConvertible {
  public var description: String {
    let names = Set(steps.flatMap(\.metrics.keys)).sorted()
    let table = TextTable(
      columns: ["step"] + names,
      rows: steps.map { step in ["\(step.step)"] + names.map { step.metrics[$0].map(shown) ?? "" } })
    let isFound = weight != nil || steps.last?.metrics.contains { !$0.value.isFinite } == true
    let found =
      isFound
      ? "Step \(steps.last!.step) leaves the finite\(weight.map { "; its update made \($0) so" } ?? "")."
      : "All of these steps are finite here."
    return "\(table)\n\n\(found)"
  }
}
