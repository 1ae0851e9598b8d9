import Configuration
import Demonstrations
import Foundation
import Torch
import WorldModel

/// A trained world model with what it needs to see: loaded from its run's folder.
public struct LoadedWorldModel {
  public let model: WorldModel
  public let pixels: PixelNormalizer
  public let configuration: WorldModelConfiguration
  public let description: RunDescription
  /// Identifies the weights, for caches of what they computed.
  public let fingerprint: String

  /// Tensors of a state file that belong to the model and its eyes; the others are the optimiser's.
  static let (modelPrefix, pixelPrefix, optimizerPrefix, carriedPrefix) = ("model.", "pixels.", "optimizer.", "carried.")

  /// Loads the newest checkpoint.
  /// - Throws: `RunError` where the folder is no finished world-model run; `TorchError` for damaged weights.
  public init(at url: URL, on device: Device = .cpu) throws {
    let run = try RunFolder.open(at: url, kind: .worldModel)
    description = run.description
    configuration = try .load(.worldModel, from: [run.configurationDocument()])
    let weights = try Safetensors(at: run.newestCheckpoint().appending(path: TrainingLoop.stateFile))
    (model, pixels) = try Self.restored(configuration, description, weights, device)
    fingerprint = run.newestFingerprint
  }

  static func restored(
    _ configuration: WorldModelConfiguration, _ description: RunDescription, _ weights: Safetensors, _ device: Device
  ) throws -> (WorldModel, PixelNormalizer) {
    let frame = FrameShape(channels: description.channels, side: description.side)
    let count = frame.dimensions.reduce(1, *)
    let model = WorldModel(configuration.model, frame: frame, actions: description.actionCount, using: RandomSource(Seed(0), on: device))
    let pixels = PixelNormalizer(mean: [Float](repeating: 0, count: count), deviation: [Float](repeating: 1, count: count), frame, on: device)
    try model.load(from: weights, prefix: modelPrefix)
    try pixels.load(from: weights, prefix: pixelPrefix)
    model.freeze()
    return (model, pixels)
  }
}

/// Drives the world model's trainer with sequences of recordings.
final class WorldModelRunTrainer: Trainer {
  private let trainer: WorldModelTrainer
  private let batches: Prefetcher<SequenceBatch>
  private let validation: WorldModelValidation?
  private let seed: Seed

  init(_ trainer: WorldModelTrainer, _ batches: Prefetcher<SequenceBatch>, _ validation: WorldModelValidation?, seed: Seed) {
    (self.trainer, self.batches, self.validation, self.seed) = (trainer, batches, validation, seed)
  }

  func update(step: Int) throws -> Metrics {
    trainer.update(on: try batches.next(), using: RandomSource(seed.stream("draws").step(step), on: trainer.model.device))
  }

  func validate(step: Int) throws -> Metrics { validation?.metrics() ?? [:] }

  var state: [(name: String, tensor: Tensor)] {
    let carried = trainer.carried.map { [("deterministic", $0.deterministic), ("stochastic", $0.stochastic)] } ?? []
    return trainer.model.namedParameters.map { (LoadedWorldModel.modelPrefix + $0.name, $0.parameter) }
      + trainer.pixels.namedParameters.map { (LoadedWorldModel.pixelPrefix + $0.name, $0.parameter) }
      + trainer.optimizer.state.map { (LoadedWorldModel.optimizerPrefix + $0.name, $0.tensor) }
      + carried.map { (LoadedWorldModel.carriedPrefix + $0.0, $0.1) }
  }

  func restore(from file: Safetensors) throws {
    try trainer.model.load(from: file, prefix: LoadedWorldModel.modelPrefix)
    try trainer.pixels.load(from: file, prefix: LoadedWorldModel.pixelPrefix)
    try trainer.optimizer.restore(from: file, prefix: LoadedWorldModel.optimizerPrefix)
    let carried = LoadedWorldModel.carriedPrefix
    if file.contains(carried + "deterministic") {
      trainer.carried = LatentState(
        deterministic: try file.tensor(carried + "deterministic", on: trainer.model.device),
        stochastic: try file.tensor(carried + "stochastic", on: trainer.model.device))
    }
  }
}
