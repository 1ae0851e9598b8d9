import Demonstrations
import Foundation
import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation
@testable import Runs
@testable import Training

/// The whole way from recordings to actions where numbers are seen and done: a point on a line that the expert pushes
/// to the middle.
@Suite final class VectorRunTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-vector-\(UUID().uuidString)")
  private static let box = ActionSpace.box(low: [-4], high: [4])
  deinit { try? FileManager.default.removeItem(at: scratch) }

  /// Two cameras, one in colour, numbers and a class.
  private static let mixed = ObservationSpace([
    .init("camera/front", .image(channels: 3, height: 24, width: 40)),
    .init("camera/top", .image(channels: 1, height: 32, width: 32)),
    .init("joints", .vector(2)), .init("side", .classes([2])),
  ])

  private static func frame(_ space: ObservationSpace, _ x: Float) -> [UInt8] {
    space.frames(
      joining: space.fields.map { field in
        switch field.kind {
        case .image: .init(repeating: UInt8(100 + 50 * x), count: field.size)
        case .vector: .bytes(of: [x, 0.5])
        case .classes: .bytes(of: [x > 0 ? 1 : 0])
        }
      })
  }

  /// - Parameter noise: the share of actions that are random.
  private func record(_ name: String, episodes: Int, noise: Double, space: ObservationSpace) throws -> URL {
    let writer = try DatasetWriter(at: scratch.appending(path: name), observation: space, actions: Self.box)
    var generator = Seed(1).stream(name).generator
    for _ in 0..<episodes {
      var (x, frames, actions) = (Float.random(in: -1...1, using: &generator), [UInt8](), [Action]())
      for step in 0...20 {
        frames += Self.frame(space, x)
        guard step < 20 else { break }
        let push =
          Double.random(in: 0..<1, using: &generator) < noise ? Float.random(in: -4...4, using: &generator) : -2 * x
        actions.append(.continuous([push]))
        x = max(-1.5, min(1.5, x + 0.1 * push))
      }
      try writer.append(
        RecordedEpisode(
          frames: frames, actions: actions, rewards: .init(repeating: 0, count: 20), terminated: false, truncated: true)
      )
    }
    try writer.finish()
    return writer.folder
  }

  @Test(arguments: [ObservationSpace(vector: 2), ObservationSpace(height: 32, width: 32, vector: 2), mixed])
  func learnsToPushBack(space: ObservationSpace) throws {
    let (mixed, expert) = (
      try record("mixed", episodes: 40, noise: 0.5, space: space),
      try record("expert", episodes: 24, noise: 0, space: space)
    )
    var world = WorldModelConfiguration()
    (world.model.depth, world.model.deterministic, world.model.hidden, world.model.groups, world.model.classes) = (
      2, 32, 32, 8, 8
    )
    (world.sequences.batch, world.sequences.length, world.training.steps, world.training.validationInterval) = (
      16, 12, 200, 200
    )
    (world.optimizer.learningRate, world.optimizer.linearDecay, world.pipeline.kind) = (3e-3, 0, .none)
    let run = { (name: String) in self.scratch.appending(path: name) }
    try WorldModelRun.start(at: run("world"), data: [mixed], world, seed: 0, Compute())
    let logged = try #require(MetricsLog.lines(of: run("world")).last)
    #expect(
      try #require(logged["validation/vector"]) < 0.1 && (logged["validation/image"] == nil) == space.images.isEmpty)
    #expect(try #require(logged["validation/open_loop_1"]) < #require(logged["validation/copy_last_1"]))

    for method in Imitation.Method.allCases {
      var configuration = AgentConfiguration()
      (configuration.method, configuration.training.steps) = (method, method == .bc || method == .dbc ? 150 : 3)
      (configuration.imitation.batch, configuration.imitation.horizon, configuration.imitation.policy.width) = (
        16, 5, 32
      )
      configuration.imitation.warmStart.cloningSteps = 20
      // So small a network has no units to spare.
      (configuration.cloning.optimizer.learningRate, configuration.cloning.dropout) = (3e-3, 0)
      if method == .dgail {
        (configuration.imitation.reward.weights[.dot], configuration.imitation.reward.weights[.gail]) = (0, 1)
      }
      let source: AgentRun.Source = method == .bc ? .pixels(world) : .worldModel(run("world"))
      try AgentRun.start(at: run("\(method)"), source, data: expert, useEpisodes: 22, configuration, seed: 0, Compute())
      let agent = try Agent.load(run("\(method)").path)
      #expect(agent.observation == space && agent.actions == Self.box)
      let push = { (x: Float) -> Float in
        agent.reset()
        let action = try agent.act(on: Self.frame(space, x))
        guard Self.box.contains(action) else { throw ExperimentError.cannotCompare("\(action)") }
        return action.numbers[0]
      }
      let (left, right) = (try push(-0.6), try push(0.6))
      if method == .bc || method == .dbc { #expect(left > 0.5 && right < -0.5, "\(method): \(left), \(right)") }
    }
  }

  /// Every reward takes actions that are numbers.
  @Test(arguments: RewardKind.allCases) func rewardsNumbers(kind: RewardKind) throws {
    var sizes = LatentSizes()
    (sizes.deterministic, sizes.groups, sizes.classes) = (8, 2, 3)
    let random = RandomSource(Seed(1))
    let latents = ExpertLatents(
      deterministic: tanh(.normal([40, 8], using: random)),
      classes: (Tensor.uniform([40, 2], using: random) * 3).to(.uint8),
      actions: Self.box.uniform([40], using: random), lengths: [40], classCount: 3)
    var c = RewardConfiguration()
    (c.weights[.dot], c.red.steps, c.dril.steps, c.dril.members) = (0, 5, 5, 2)
    c.weights[kind] = 1
    let windows = try WindowSampler(latents, horizon: 4, batch: 6, seed: Seed(3)).windows(step: 0)
    let reward = try c.reward(RewardContext(expert: latents, sizes: sizes, actions: Self.box, seed: Seed(2)))
    let same = Rollout(states: windows.states, actions: windows.actions)
    let earned: [Float] = reward(windows, same).values()
    #expect(earned.count == 24 && earned.allSatisfy(\.isFinite))
    if kind == .sparse { #expect(earned.allSatisfy { $0 == 1 }) }
    _ = reward.update(windows, same, progress: 0)
  }
}
