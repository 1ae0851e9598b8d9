import Demonstrations
import Foundation
import Settings
import Spaces
import Testing
import Torch

@testable import Runs
@testable import Training

extension LoadedWorldModel {
  /// One that learned the road, from a run at `folder` that names `data` as what it was trained on.
  static func road(at folder: URL, trainedOn data: [Dataset] = []) throws -> LoadedWorldModel {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appending(path: "EvaluationTests/Fixtures/road-world-model.safetensors")
    let configuration = try WorldModelConfiguration.load(.worldModel, from: Presets.layers(["road"]))
    let details = RunMetadata(
      device: .cpu, precision: .f32, threads: 1, data: data.map { .init(path: $0.path, fingerprint: $0.fingerprint) },
      ObservationSpace(height: 32, width: 32), 3, useEpisodes: 0, worldModel: nil)
    _ = try RunFolder.create(
      at: folder, configuration: configuration.yaml(.worldModel),
      record: Record(kind: .worldModel, seed: 1, version: "test", started: Date(), details: details))
    try TrainingLoop.checkpoints(of: folder, keep: 1).save(step: configuration.training.steps) { checkpoint in
      try FileManager.default.copyItem(at: file, to: checkpoint.appending(path: TrainingLoop.stateFile))
    }
    return try LoadedWorldModel(at: folder)
  }
}
