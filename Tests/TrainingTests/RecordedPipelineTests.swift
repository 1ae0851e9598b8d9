import Demonstrations
import Environments
import Foundation
import Settings
import Spaces
import Testing

@testable import Training

/// What a dataset says of the environment that it was recorded in.
@Suite struct RecordedPipelineTests {
  private func pipeline(_ metadata: [String: JSONValue]) throws -> PixelPipeline {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ditto-spec-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try DatasetWriter(
      at: folder, observation: ObservationSpace(height: 16, width: 16), actions: 18, metadata: metadata)
    try writer.append(
      RecordedEpisode(
        frames: .init(repeating: 0, count: 512), actions: [.discrete(17)], rewards: [0], terminated: true,
        truncated: false))
    try writer.finish()
    let layers = try WorldModelRun.pipelineLayer(of: [folder])
    return try WorldModelConfiguration.load(.worldModel, from: layers).pipeline
  }

  @Test func takesTheArgumentsOfMinarisSpecification() throws {
    let found = try pipeline([
      "env_spec": .string(
        """
        {"id": "ALE/Pong-v5", "kwargs": {"full_action_space": true, "repeat_action_probability": 0.25, "game": "pong",
          "render_mode": "rgb_array", "wind": null}}
        """)
    ])
    #expect(found.arguments == [#"full_action_space=true"#, #"game="pong""#, "repeat_action_probability=0.25"])
    #expect(found.stickyActions == 0.25)
  }

  @Test func takesListsAndTheLimitOfSteps() throws {
    let found = try pipeline([
      "env_spec": .string(
        #"{"id": "Maze-v0", "max_episode_steps": 25, "additional_wrappers": [], "kwargs": {"maze": [[1, 0], [0, 1]]}}"#)
    ])
    #expect(found.arguments == ["maze=[[1,0],[0,1]]"] && found.maxEpisodeSteps == 25)
    let wrapped = try pipeline([
      "env_spec": .string(
        #"{"id": "ALE/Pong-v5", "max_episode_steps": 25, "additional_wrappers": [{"name": "Atari"}]}"#)
    ])
    #expect(wrapped.maxEpisodeSteps == 0)
  }

  @Test(arguments: ["", "not JSON", "{}", #"{"kwargs": 3}"#, #"{"kwargs": {"render_mode": "rgb_array"}}"#])
  func takesNothingFromOtherText(specification: String) throws {
    #expect(try pipeline(["env_spec": .string(specification)]).arguments == [])
  }
}
