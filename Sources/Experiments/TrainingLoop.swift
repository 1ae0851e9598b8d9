import Configuration
import Foundation
import Torch

/// What a training loop drives: a learner with its data.
protocol Trainer: AnyObject {
  /// What comes before the first step, and is not done again where a run goes on.
  /// - Returns: whether there is something to keep: a policy that can act already.
  func begin() throws -> Bool
  /// Gradient step `step`, counted from 0; steps come one after the other, from 0 or from where a restored state was saved.
  func update(step: Int) throws -> Metrics
  /// Measures on held-out data.
  func validate() throws -> Metrics
  /// Everything that the next step depends on, beside the configuration, the data and the seed.
  var state: [(name: String, tensor: Tensor)] { get }
  func restore(from file: Safetensors) throws
  /// Spent on what is fitted before the first step.
  var fittingSeconds: Double { get }
}

extension Trainer {
  var fittingSeconds: Double { 0 }
  func begin() throws -> Bool { false }
}

/// A signal asked the run to stop; it did so after a checkpoint, or before the first step that it would make.
public struct Interrupted: Error, CustomStringConvertible {
  public let exitCode: Int32
  let folder: String
  /// Nil where it made none.
  let step: Int?

  public var description: String {
    guard let step else { return "\(folder): stopped while rewards were fitted; the same command goes on" }
    return "\(folder): stopped at step \(step), after a checkpoint; --resume goes on from there"
  }
}

/// Runs a trainer to its last step: logs, validates, and writes checkpoints, from which it goes on after an interruption.
struct TrainingLoop {
  let trainer: any Trainer
  let run: RunFolder
  let configuration: TrainingConfiguration
  let label: String
  /// The metrics shown on the progress line, by their names in the log.
  let shown: [(label: String, metric: String)]
  /// What is said, once, when a metric first is 1.
  var alarms: [String: String] = [:]

  static let stateFile = "state.safetensors"

  static func checkpoints(of run: URL, keep: Int) -> Checkpoints { Checkpoints(in: run.appending(path: "checkpoints"), keep: keep) }

  /// - Throws: `RunError` for a metric that is not finite or a file that cannot be written; `Interrupted` after a signal.
  func callAsFunction() throws {
    let checkpoints = Self.checkpoints(of: run.url, keep: configuration.keptCheckpoints)
    let (newest, warnings) = try checkpoints.newestGood()
    for warning in warnings { Console.warn(warning) }
    var step = 0
    if let newest {
      try trainer.restore(from: Safetensors(at: newest.url.appending(path: Self.stateFile)))
      step = newest.step
    }
    let log = try MetricsLog(in: run.url, after: step)
    var best = try OfflineScore.best(in: run.url)
    let save = { (step: Int) in
      let spared = [best?.step, try OnlineChoice.made(in: run.url)?.step].compactMap { $0 }
      try checkpoints.save(step: step, sparing: Set(spared)) { folder in
        try AtomicFile.write(Safetensors.pieces(of: trainer.state), to: folder.appending(path: Self.stateFile))
      }
    }
    if newest == nil, try trainer.begin() {
      let values = try trainer.validate().mapValues(\.item)
      best = OfflineScore.of(values).map { (0, $0) }
      try log.append(values, step: 0)
      _ = try save(0)
    }
    var progress = ProgressLine(label, total: configuration.steps, step: step)
    defer { progress.finish() }
    var watch = Forecast.Watch(first: step, last: configuration.steps)
    var (values, unsaid) = ([String: Double](), alarms)
    var (loggedStep, loggedTime) = (step, ProgressLine.now)
    while step < configuration.steps {
      let metrics = try trainer.update(step: step)
      step += 1
      let isLast = step == configuration.steps
      var isBest = false
      let isValidated = step % configuration.validationInterval == 0 || isLast
      if step % configuration.logInterval == 0 || isValidated {
        values = metrics.mapValues(\.item)
        values["time/steps_per_second"] = Double(step - loggedStep) / (ProgressLine.now - loggedTime)
        if isValidated { values.merge(try trainer.validate().mapValues(\.item)) { $1 } }
        if isValidated, let score = OfflineScore.of(values), score >= best?.score ?? -.infinity { (best, isBest) = ((step, score), true) }
        try log.append(values, step: step)
        for (metric, warning) in alarms where unsaid[metric] != nil && values[metric] == 1 {
          progress.finish()
          Console.warn("step \(step): \(warning)")
          unsaid[metric] = nil
        }
        (loggedStep, loggedTime) = (step, ProgressLine.now)
      }
      if let forecast = try watch.forecast(after: step, of: trainer, metrics) {
        progress.finish()
        Console.say("\(forecast)")
      }
      progress.update(step, shown.compactMap { entry in values[entry.metric].map { (entry.label, $0) } })
      let exitCode = Interruption.exitCode
      if step % configuration.checkpointInterval == 0 || isBest || isLast || exitCode != nil {
        // Whatever is not finite has reached the weights.
        try MetricsLog.checkFinite(metrics.mapValues(\.item), step: step)
        _ = try save(step)
      }
      if let exitCode, !isLast { throw Interrupted(exitCode: exitCode, folder: run.url.path, step: step) }
    }
    progress.finish()
    if let loss = try OfflineScore.lossSinceTheBeginning(of: run.url) { Console.warn(loss) }
  }
}

/// What people are told while something runs: on standard error, since standard output is for results.
public enum Console {
  public static func say(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8)) }
  public static func warn(_ text: String) { say("warning: \(text)") }
}
