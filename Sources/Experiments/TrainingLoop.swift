import Configuration
import Foundation
import Torch

/// What a training loop drives: a learner with its data.
protocol Trainer: AnyObject {
  /// Gradient step `step`, counted from 0.
  func update(step: Int) throws -> Metrics
  /// Measures on held-out data, after `step` steps.
  func validate(step: Int) throws -> Metrics
  /// Everything that the next step depends on, beside the configuration, the data and the seed.
  var state: [(name: String, tensor: Tensor)] { get }
  func restore(from file: Safetensors) throws
}

/// Runs a trainer to its last step: logs, validates, and writes checkpoints, from which it goes on after an interruption.
struct TrainingLoop {
  let trainer: any Trainer
  let run: RunFolder
  let configuration: TrainingConfiguration
  let label: String
  /// Metrics shown on the progress line.
  let shown: [String]

  static let stateFile = "state.safetensors"

  /// - Throws: `RunError` for a metric that is not finite or a file that cannot be written; `Interrupted` after a signal, once a
  ///   checkpoint is written.
  func callAsFunction() throws {
    let checkpoints = run.checkpoints
    var step = 0
    if let newest = try checkpoints.newestGood() {
      try trainer.restore(from: Safetensors(at: newest.url.appending(path: Self.stateFile)))
      step = newest.step
    }
    let log = try MetricsLog(run, from: step)
    var progress = Progress(label, from: step, to: configuration.steps)
    defer { progress.finish() }
    while step < configuration.steps {
      let metrics = try trainer.update(step: step)
      step += 1
      let isLast = step == configuration.steps
      if step % configuration.logInterval == 0 || isLast || step == 1 {
        var values = metrics.mapValues(\.item)
        if step % configuration.validationInterval == 0 || isLast {
          values.merge(try trainer.validate(step: step).mapValues(\.item)) { $1 }
        }
        values["time/steps_per_second"] = progress.rate
        try log.append(step: step, values)
        progress.show(step: step, shown.compactMap { name in values[name].map { (name, $0) } })
      } else {
        progress.show(step: step)
      }
      let interrupted = Interruption.signal != nil
      if step % configuration.checkpointInterval == 0 || isLast || interrupted {
        try checkpoints.save(step: step) { folder in
          try AtomicFile.write(Safetensors.encoded(trainer.state), to: folder.appending(path: Self.stateFile))
        }
      }
      if interrupted && !isLast { throw Interrupted(signal: Interruption.signal!, step: step) }
    }
  }
}
