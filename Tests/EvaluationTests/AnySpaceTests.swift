import Demonstrations
import Environments
import Foundation
import Runs
import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Evaluation
@testable import Imitation
@testable import Training

/// Environments whose spaces nobody would think of go the whole way: recorded, learned from, played in.
@Suite final class AnySpaceTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-any-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  static let canRunGymnasium: Bool = {
    setenv(
      "PYTHONPATH", URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path, 0)
    return (try? environment(0)) != nil
  }()
  /// More of them where somebody asks for it.
  private static let seeds = 0..<(ProcessInfo.processInfo.environment["DITTO_ANY_SPACES"].flatMap(Int.init) ?? 8)
  private static let name = "gym:anything:Anything-v0"
  private static let arm = "gym:arm:Arm-v0"

  private static func pipeline(_ seed: Int) -> PixelPipeline {
    var pipeline = PixelPipeline(.none)
    pipeline.arguments = ["spaces=\(seed)"]
    return pipeline
  }
  private static func environment(_ seed: Int) throws -> any Environment {
    try makeEnvironment(name, pipeline: pipeline(seed), slots: 1)
  }

  /// Of the fields that an agent's run sees, as its files have them.
  private func statistics(in run: URL, _ method: Imitation.Method) throws -> [[Float]] {
    let details = try Record(from: run, kind: .agent).details
    let file = try Safetensors(
      at: method == .bc
        ? Checkpoint.newest(of: run).url.appending(path: TrainingLoop.stateFile)
        : run.appending(path: LoadedAgent.worldModelFile))
    return try Normalizer(details.observation, on: .cpu).state.map { try file.tensor($0.name).values() }
  }

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"), arguments: seeds) func goesTheWholeWay(seed: Int)
    throws
  {
    try goTheWholeWay(Self.name, Self.pipeline(seed)) { world, seen in
      // Every other one sees a field less, and smaller pictures.
      guard seed % 2 == 1 else { return }
      (world.resize, world.grey, world.fields) = ([16, 17], true, seen.fields.dropLast().map(\.name))
    }
  }

  /// Cameras and joints: a second camera is a line of the environment, and nothing else.
  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"), arguments: [1, 2]) func seesBy(cameras: Int)
    throws
  {
    var pipeline = PixelPipeline(.none)
    pipeline.arguments = ["cameras=\(cameras)"]
    let seen = try goTheWholeWay(Self.arm, pipeline)
    #expect(seen.fields.map(\.name) == ["front", "wrist"].prefix(cameras) + ["joints"])
    #expect(seen.fields[0].kind == .image(channels: 3, height: 48, width: 64))
  }

  /// - Returns: what the environment shows.
  @discardableResult private func goTheWholeWay(
    _ name: String, _ pipeline: PixelPipeline,
    seeing change: (inout ObservationConfiguration, ObservationSpace) -> Void = { _, _ in }
  ) throws -> ObservationSpace {
    let data = scratch.appending(path: "data-v0")
    try Recording(environment: name, pipeline: pipeline, episodes: 3, epsilons: [0], seed: 7).run(
      .random, named: "random", to: data)
    let dataset = try Dataset(at: data)

    // What is read back is what the environment shows and takes.
    let environment = try makeEnvironment(name, pipeline: pipeline, slots: 1)
    let episode = dataset.episodes[1]
    var frames = try environment.reset([0: episode.seed!])[0]!
    for action in episode.actions { frames += try environment.step([0: action])[0]!.frame }
    environment.close()
    #expect(
      try frames == dataset.frames(episode: 1) && environment.observation == dataset.observation
        && environment.actions == dataset.actions)
    _ = try DatasetSummary(at: URL(fileURLWithPath: dataset.path)).description

    var world = WorldModelConfiguration()
    (world.model.depth, world.model.deterministic, world.model.hidden, world.model.groups, world.model.classes) = (
      1, 8, 8, 2, 4
    )
    (world.sequences.batch, world.sequences.length, world.training.steps, world.pipeline) = (4, 8, 1, pipeline)
    change(&world.observation, dataset.observation)
    try WorldModelRun.start(at: scratch.appending(path: "world"), data: [data], world, seed: 0, Compute())
    for method in [Imitation.Method.ditto, .dbc, .bc] {
      let run = scratch.appending(path: "\(method)")
      var configuration = AgentConfiguration()
      (
        configuration.method, configuration.training.steps, configuration.imitation.batch,
        configuration.imitation.horizon
      ) = (method, 1, 4, 3)
      (configuration.imitation.policy.width, configuration.cloning.batch) = (8, 8)
      (configuration.imitation.warmStart.cloningSteps, configuration.imitation.warmStart.criticSteps) = (2, 0)
      try AgentRun.start(
        at: run, method == .bc ? .pixels(world) : .worldModel(scratch.appending(path: "world")), data: data,
        useEpisodes: 2, configuration, seed: 0, Compute())
      let agent = try Agent.load(run.path, actions: .sampled)
      #expect(
        agent.observation == dataset.observation && agent.actions.fits(dataset.actions) && agent.actions.isBounded)
      let result = try Evaluation(environment: name, pipeline: pipeline, episodes: 2, seed: 3).run(
        .agent(agent), named: "agent")
      #expect(result.returns.allSatisfy { $0 >= 12 })
      // What is given away sees what the run sees.
      let given = scratch.appending(path: "\(method)-given")
      try Export.run(run, to: given)
      _ = try Agent.load(given.path)
      #expect(try statistics(in: given, method) == statistics(in: run, method))
    }
    return dataset.observation
  }
}
