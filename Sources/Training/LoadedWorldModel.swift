import Foundation
import Runs
import Settings
import Torch
import WorldModel

/// A trained world model, loaded from its run's folder.
public struct LoadedWorldModel {
  public let model: WorldModel
  public let configuration: WorldModelConfiguration
  public let record: Record
  public let url: URL
  /// Identifies the weights, for what is computed from them.
  public let fingerprint: String

  /// Loads the newest good checkpoint.
  /// - Throws: `RunError` where the folder is no world model's run or has no checkpoint; `TorchError` for damaged
  ///   weights.
  public init(at url: URL, on device: Device = .cpu) throws {
    self.url = url
    record = try Record(from: url, kind: .worldModel)
    configuration = try .load(.worldModel, from: record.layers(in: url))
    let checkpoint = try Checkpoint.newest(of: url)
    Observer.warnWhereUnfinished(url, at: checkpoint.step, of: configuration.training.steps)
    let weights = try Safetensors(at: checkpoint.url.appending(path: TrainingLoop.stateFile))
    model = try Self.restored(configuration.model, record.details, weights, device)
    try model.weights.checkFinite(in: checkpoint.url)
    fingerprint = try checkpoint.fingerprint()
  }

  /// The one that an agent's run took with it.
  /// - Parameters:
  ///   - record: of the agent's run.
  ///   - source: where the weights came from, which they keep the name of.
  package init(weights: URL, _ record: Record, _ source: RunMetadata.Source, on device: Device) throws {
    self.record = record
    configuration = try .load(.worldModel, from: record.layers(in: weights.deletingLastPathComponent()))
    model = try Self.restored(configuration.model, record.details, record.details.weights(at: weights), device)
    try model.weights.checkFinite(in: weights)
    (url, fingerprint) = (URL(fileURLWithPath: source.path), source.fingerprint)
  }

  /// A frozen model of the weights in a file.
  static func restored(
    _ sizes: LatentSizes, _ details: RunMetadata, _ weights: Safetensors, _ device: Device
  ) throws -> WorldModel {
    let model = WorldModel(
      sizes, details.observation, actions: details.actions, using: RandomSource(Seed(0), on: device))
    try weights.restore(model.weights)
    model.freeze()
    return model
  }

  /// The weights that an agent takes with it, as they were before they may be stored in bf16.
  var weights: NamedTensors { model.weights.map { ($0.name, $0.tensor.detached()) } }
}

extension NamedTensors {
  /// - Throws: `RunError.damagedRun` where one holds what is no number, as versions before 0.2 could write.
  func checkFinite(in file: URL) throws {
    if let name = first(where: { ($0.tensor * 0).sum().item != 0 })?.name {
      throw RunError.damagedRun(file.path, reason: "\(name) is not finite")
    }
  }
}

extension Observer {
  /// Says so where a run has steps to go.
  static func warnWhereUnfinished(_ run: URL, at step: Int, of steps: Int) {
    if step < steps { warn("\(run.path): not finished, step \(step) of \(steps); --resume goes on with it") }
  }
}

extension Checkpoint {
  /// - Throws: `RunError.notARun` where a run has no checkpoint yet, `.damagedCheckpoint` where it has no good one.
  static func newest(of run: URL) throws -> Checkpoint {
    let checkpoints = try TrainingLoop.checkpoints(of: run, keep: 1)
    let (newest, warnings) = try checkpoints.newestGood()
    guard let newest else {
      if let damaged = try checkpoints.steps().first { return try checkpoints.checkpoint(of: damaged) }
      throw RunError.notARun(run.path, reason: "it has no checkpoint yet; train it to the end first")
    }
    for warning in warnings { Observer.warn(warning) }
    return newest
  }
}
