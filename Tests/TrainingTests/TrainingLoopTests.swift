import Foundation
import Testing
import Torch

@testable import Runs
@testable import Training

/// A folder that is gone when the test ends.
private final class ScratchFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("ditto-test-\(UUID())")
  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ path: String) -> URL { url.appendingPathComponent(path) }
}

/// Says one thing of every step.
private final class Constant: Trainer, Learner {
  let metric, weight: Double
  init(_ metric: Double, weight: Double = 0) { (self.metric, self.weight) = (metric, weight) }
  func update(step: Int) throws -> Metrics { ["loss": .full([], metric)] }
  func validate() throws -> Metrics { [:] }
  var learner: any Learner { self }
  var weights: NamedTensors { [("weight", .full([2], weight))] }
  let memory: NamedTensors = []
}

@Suite struct TrainingLoopTests {
  /// Saves after each of three steps, keeps one, and logs after the last.
  private func train(_ metric: Double, in scratch: ScratchFolder, choice: Int? = nil) throws -> [Int] {
    struct Details: Codable, Sendable {}
    let folder = try RunFolder.create(
      at: scratch("run"), configuration: "",
      record: RunRecord(kind: .agent, seed: 0, version: "test", started: Date(), details: Details()))
    if let choice {
      try Data(#"{"step": \#(choice), "environment": "road", "episodes": 1, "seed": 0, "means": {}}"#.utf8).write(
        to: OnlineChoice.file(in: folder.url))
    }
    var configuration = TrainingConfiguration()
    (configuration.steps, configuration.checkpointInterval, configuration.keptCheckpoints) = (3, 1, 1)
    defer { _ = folder }
    do {
      try TrainingLoop(trainer: Constant(metric), run: folder, configuration: configuration, label: "test", shown: [])()
    } catch RunError.nonFiniteMetric("loss", _, let step) {
      #expect(step == 1)
    }
    return try TrainingLoop.checkpoints(of: folder.url, keep: 1).steps()
  }

  @Test func savesNothingThatIsNotFinite() throws {
    #expect(try train(1, in: ScratchFolder()) == [3])
    #expect(try train(.nan, in: ScratchFolder()) == [])
  }

  /// Its weights are made infinite by the update whose metrics are still finite.
  @Test func savesNoWeightsThatAreNotFinite() throws {
    for weight in [Double.infinity, .nan] {
      #expect(throws: RunError.nonFiniteMetric("weight", value: "not finite after the update", step: 3)) {
        try Constant(1, weight: weight).checkFinite(step: 3)
      }
    }
    try Constant(1, weight: 3e38).checkFinite(step: 3)
  }

  @Test func keepsTheCheckpointThatWasChosen() throws {
    #expect(try train(1, in: ScratchFolder(), choice: 1) == [3, 1])
  }
}
