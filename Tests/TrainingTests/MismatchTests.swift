import Demonstrations
import Foundation
import Spaces
import Testing

@testable import Training

/// A world model and data that do not belong together.
struct MismatchTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-mismatch-\(UUID().uuidString)")

  /// A dataset of one episode of grey frames.
  private func dataset(_ name: String, side: Int, actions: Int) throws -> URL {
    let folder = scratch.appending(path: name)
    let writer = try DatasetWriter(
      at: folder, observation: ObservationSpace(height: side, width: side), actions: .discrete(actions))
    let (steps, pixels) = (40, side * side)
    try writer.append(
      RecordedEpisode(
        frames: (0..<(steps + 1) * pixels).map { UInt8($0 % 7) }, actions: (0..<steps).map { .discrete($0 % actions) },
        rewards: .init(repeating: 1, count: steps), terminated: true, truncated: false))
    try writer.finish()
    return folder
  }

  @Test func saysWhatDoesNotFit() throws {
    defer { try? FileManager.default.removeItem(at: scratch) }
    var configuration = WorldModelConfiguration()
    (configuration.model.depth, configuration.model.deterministic, configuration.model.hidden) = (2, 8, 8)
    configuration.training.steps = 1
    let (world, agent) = (scratch.appending(path: "world"), scratch.appending(path: "agent"))
    let three = try dataset("three", side: 32, actions: 3)
    let (four, large) = (try dataset("four", side: 32, actions: 4), try dataset("large", side: 64, actions: 3))
    try WorldModelRun.start(at: world, data: [three], configuration, seed: 0, Compute())

    let learn = { (data: URL) in
      try AgentRun.start(
        at: agent, .worldModel(world), data: data, useEpisodes: nil, AgentConfiguration(), seed: 0, Compute())
    }
    #expect(throws: ExperimentError.wrongActions(what: "four-v0", found: 4, expected: 3)) { try learn(four) }
    #expect { try learn(large) } throws: { error in
      if case ExperimentError.wrongFrames(_, _, expected: "1×32×32 uint8") = error { true } else { false }
    }
    for other in [four, large] {
      #expect { try WorldModelRun.start(at: agent, data: [three, other], configuration, seed: 0, Compute()) } throws: {
        error in
        if case DemonstrationError.spacesDiffer = error { true } else { false }
      }
    }
    #expect(!FileManager.default.fileExists(atPath: agent.path))
  }
}
