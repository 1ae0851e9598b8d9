import Demonstrations
import Foundation
import Runs
import Settings
import Torch

/// What a training loop drives: a learner with its data.
protocol Trainer: AnyObject {
  var learner: any Learner { get }
  /// What comes before the first step, and is not done again where a run goes on.
  /// - Returns: whether there is something to keep: a policy that can act already.
  func begin() throws -> Bool
  /// Gradient step `step`, counted from 0; steps come one after the other, from 0 or from where a restored state was
  /// saved.
  func update(step: Int) throws -> Metrics
  /// Measures on held-out data.
  func validate() throws -> Metrics
  /// Spent on what is fitted before the first step.
  var fittingSeconds: Double { get }
  /// How long `begin` will take, measured on a few of its steps.
  func beginningSeconds() throws -> Double
  /// What step `step` learns from, for people to look at; empty where it is drawn from what is held anyway.
  func batch(step: Int) throws -> NamedTensors
  /// Asked before anything is kept of what was learned.
  /// - Throws: `DemonstrationError.changedInUse` where steps may have learned from other data than the run's.
  func checkData() throws
}

extension Trainer {
  var fittingSeconds: Double { 0 }
  func begin() throws -> Bool { false }
  func beginningSeconds() throws -> Double { 0 }
  func batch(step: Int) throws -> NamedTensors { [] }
  func checkData() throws {}
}

/// Runs a trainer to its last step: logs, validates, and writes checkpoints, from which it goes on after an
/// interruption.
package struct TrainingLoop {
  let trainer: any Trainer
  let run: RunFolder
  let configuration: TrainingConfiguration
  let label: String
  /// The metrics shown on the progress line, by their names in the log.
  let shown: [(label: String, metric: String)]
  var alarms: [Alarm] = []
  /// Whether the learner begins with weights from elsewhere.
  var hasWeights = false
  /// The run whose weights the first checkpoint has, without which there is no going on.
  var from: String?

  static let stateFile = "state.safetensors"

  /// - Throws: `RunError` where its record is damaged.
  package static func checkpoints(of run: URL, keep: Int) throws -> Checkpoints {
    Checkpoints(in: run.appending(path: checkpointsName), keep: keep, of: try RunIdentity.of(run))
  }

  /// - Throws: `RunError` for what is not finite, which is kept to be seen again, or a file that cannot be written;
  ///   `Interrupted` after a signal.
  func callAsFunction() throws {
    do { try train() } catch {
      // Whatever failed in a run that is gone failed by that.
      try run.checkIsThere()
      if case RunError.nonFiniteMetric(_, _, let step) = error {
        try? Failure.keep(of: trainer, in: run.url, at: step)
      }
      throw error
    }
  }

  private func train() throws {
    let checkpoints = try Self.checkpoints(of: run.url, keep: configuration.keptCheckpoints)
    let (newest, warnings) = try checkpoints.newestGood()
    for warning in warnings { Observer.warn(warning) }
    if newest == nil, let from {
      throw RunError.damagedRun(
        run.url.path, reason: "it has no good checkpoint, and began with weights of \(from), which it no longer has")
    }
    try checkpoints.checkAreThere()
    var step = 0
    if let newest {
      try trainer.learner.restore(from: Safetensors(at: newest.url.appending(path: Self.stateFile)))
      step = newest.step
      try MetricsLog.check(run.url, knownBy: newest)
    }
    let log = try MetricsLog(in: run.url, after: step)
    var (best, saved) = (try OfflineScore.best(in: run.url), step)
    let progress = ProgressMeter(label, total: configuration.steps, step: step)
    var watch = Forecast.Watch(first: step, last: configuration.steps)
    var (values, unsaid) = ([String: Double](), alarms)
    var (loggedStep, loggedTime) = (step, Uptime.seconds)
    func save() throws {
      try run.checkIsThere()
      try trainer.checkData()
      try trainer.checkFinite(step: step)
      let logged = try log.synchronize()
      // What it began as, to be compared with, where no other run has that.
      let spared = try [from == nil ? 0 : nil, best?.step, OnlineChoice.made(in: run.url)?.step].compactMap { $0 }
      try checkpoints.save(step: step, sparing: Set(spared), log: logged) { folder in
        try AtomicFile.write(Safetensors.pieces(of: trainer.learner.state), to: folder.appending(path: Self.stateFile))
      }
      saved = step
    }
    // Where a run begins with weights from elsewhere, or with a policy that can act already, these are its first.
    if newest == nil, hasWeights {
      try save()
    } else if newest == nil, try trainer.begin() {
      let values = try trainer.validate().mapValues(\.item)
      best = OfflineScore.of(values).map { (0, $0) }
      try log.append(values, step: 0)
      try save()
    }
    while step < configuration.steps {
      let metrics: Metrics
      do {
        metrics = try trainer.update(step: step)
      } catch is PrefetchStopped {
        if step > saved { try save() }
        return try Interruption.check(stopped(at: step))
      }
      step += 1
      let isLast = step == configuration.steps
      var isBest = false
      let isValidated = step % configuration.validationInterval == 0 || isLast
      if step % configuration.logInterval == 0 || isValidated {
        values = metrics.mapValues(\.item)
        values["time/steps_per_second"] = Double(step - loggedStep) / (Uptime.seconds - loggedTime)
        if isValidated { values.merge(try trainer.validate().mapValues(\.item)) { $1 } }
        if isValidated, let score = OfflineScore.of(values), score >= best?.score ?? -.infinity {
          (best, isBest) = ((step, score), true)
        }
        try log.append(values, step: step)
        while let alarm = unsaid.firstIndex(where: { step > $0.after && values[$0.metric].map($0.isReached) == true }) {
          Observer.warn("step \(step): \(unsaid.remove(at: alarm).warning)")
        }
        (loggedStep, loggedTime) = (step, Uptime.seconds)
      }
      if let forecast = try watch.forecast(after: step, of: trainer, metrics) {
        Observer.note("\(forecast)")
      }
      progress.update(step, shown.compactMap { entry in values[entry.metric].map { (entry.label, $0) } })
      let isStopped = Interruption.isRequested
      if step % configuration.checkpointInterval == 0 || isBest || isLast || isStopped {
        // Whatever is not finite has reached the weights.
        try MetricsLog.checkFinite(metrics.mapValues(\.item), step: step)
        try save()
      }
      if isStopped, !isLast { try Interruption.check(stopped(at: step)) }
    }
    if let loss = try OfflineScore.lossSinceTheBeginning(of: run.url) { Observer.warn(loss) }
  }

  private func stopped(at step: Int) -> String {
    step == 0
      ? "\(run.url.path): stopped before its first step; the same command begins it again"
      : "\(run.url.path): stopped at step \(step), after a checkpoint; --resume goes on from there"
  }
}

extension Trainer {
  /// The last metrics are of the weights before the last update, which may have made them infinite.
  /// - Throws: `RunError.nonFiniteMetric` that names what is not finite.
  func checkFinite(step: Int) throws {
    if let name = firstNotFinite {
      throw RunError.nonFiniteMetric(name, value: "not finite after the update", step: step)
    }
  }

  /// Of what the next step depends on.
  var firstNotFinite: String? { learner.state.first { ($0.tensor * 0).sum().item != 0 }?.name }
}
