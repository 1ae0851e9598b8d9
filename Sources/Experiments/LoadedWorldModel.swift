import Configuration
import Demonstrations
import Foundation
import Torch
import WorldModel

/// A trained world model with what it needs to see, loaded from its run's folder.
public struct LoadedWorldModel {
  public let model: WorldModel
  public let pixels: PixelNormalizer
  public let configuration: WorldModelConfiguration
  public let record: Record
  public let url: URL
  /// Identifies the weights, for what is computed from them.
  public let fingerprint: String

  static let (modelPrefix, pixelPrefix) = ("model.", "pixels.")

  /// Loads the newest good checkpoint.
  /// - Throws: `RunError` where the folder is no world model's run or has no checkpoint; `TorchError` for damaged weights.
  public init(at url: URL, on device: Device = .cpu) throws {
    self.url = url
    record = try Record(from: url, kind: .worldModel)
    configuration = try .load(.worldModel, from: [.named(url.appending(path: "configuration.yaml").path, among: [])])
    let checkpoint = try Checkpoint.newest(of: url)
    if checkpoint.step < configuration.training.steps {
      Console.warn("\(url.path): not finished, step \(checkpoint.step) of \(configuration.training.steps); --resume goes on with it")
    }
    let weights = try Safetensors(at: checkpoint.url.appending(path: TrainingLoop.stateFile))
    (model, pixels) = try Self.restored(configuration.model, record.details, weights, device)
    fingerprint = try checkpoint.fingerprint()
  }

  /// The one that an agent's run took with it.
  /// - Parameters:
  ///   - record: of the agent's run.
  ///   - source: where the weights came from, which they keep the name of.
  init(weights: URL, _ record: Record, _ source: RunDetails.Source) throws {
    self.record = record
    configuration = try .load(.worldModel, from: [.named(weights.deletingLastPathComponent().appending(path: "configuration.yaml").path, among: [])])
    (model, pixels) = try Self.restored(configuration.model, record.details, Safetensors(at: weights), record.details.device)
    (url, fingerprint) = (URL(fileURLWithPath: source.path), source.fingerprint)
  }

  /// A frozen model and its eyes from the weights in a file.
  static func restored(
    _ sizes: LatentSizes, _ details: RunDetails, _ weights: Safetensors, _ device: Device
  ) throws -> (WorldModel, PixelNormalizer) {
    let model = WorldModel(sizes, frame: details.frame, actions: details.actionCount, using: RandomSource(Seed(0), on: device))
    try model.load(from: weights, prefix: modelPrefix)
    model.freeze()
    return (model, try PixelNormalizer(from: weights, prefix: pixelPrefix, details.frame, on: device))
  }

  /// The weights that an agent takes with it.
  var weights: [(name: String, tensor: Tensor)] {
    model.namedParameters.map { (Self.modelPrefix + $0.name, $0.parameter) }
      + pixels.namedParameters.map { (Self.pixelPrefix + $0.name, $0.parameter) }
  }
}

extension WorldModel {
  /// - Throws: `ExperimentError` where a dataset's frames or actions are not what the model was trained on.
  func checkFits(_ dataset: Dataset) throws {
    guard try FrameShape(dataset) == frame else {
      throw ExperimentError.wrongFrames(environment: dataset.name, found: "\(dataset.observation)", expected: "\(frame.side)×\(frame.side)")
    }
    guard dataset.actionCount == actionCount else {
      throw ExperimentError.wrongActions(what: dataset.name, found: dataset.actionCount, expected: actionCount)
    }
  }
}

extension Checkpoint {
  /// - Throws: `RunError.notARun` where a run has no good checkpoint yet.
  static func newest(of run: URL) throws -> Checkpoint {
    let (newest, warnings) = try TrainingLoop.checkpoints(of: run).newestGood()
    for warning in warnings { Console.warn(warning) }
    guard let newest else { throw RunError.notARun(run.path, reason: "it has no good checkpoint yet; train it to the end first") }
    return newest
  }

  /// Identifies the files' content.
  func fingerprint() throws -> String {
    let files = try Manifest.read(at: url).files
    return files.sorted { $0.key < $1.key }.map { String(format: "%08x", $0.value.crc32c) }.joined()
  }
}
