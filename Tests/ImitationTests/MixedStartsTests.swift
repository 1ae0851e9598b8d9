import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

/// Dreams that begin elsewhere than the expert.
@Suite struct MixedStartsTests {
  private let model: WorldModel
  private let latents: ExpertLatents
  private static let (batch, horizon) = (8, 3)

  init() throws {
    var sizes = LatentSizes()
    (sizes.depth, sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (2, 8, 8, 2, 3)
    model = WorldModel(sizes, ObservationSpace(height: 32, width: 32), actions: 3, using: RandomSource(Seed(0)))
    let random = RandomSource(Seed(1))
    latents = ExpertLatents(
      deterministic: tanh(.normal([50, 8], using: random)),
      classes: (Tensor.uniform([50, 2], using: random) * 3).to(.uint8),
      actions: ActionSpace.discrete(3).uniform([50], using: random), lengths: [50], classCount: 3)
  }

  @Test func beginsTheLastDreamsWhereOthersWere() throws {
    let random = RandomSource(Seed(5))
    let mixed = ExpertLatents(
      deterministic: .zeros([9, 8]) + 2, classes: (Tensor.uniform([9, 2], using: random) * 3).to(.uint8),
      actions: .zeros([9, 1]), lengths: [9], classCount: 3)
    var configuration = ImitationConfiguration()
    (configuration.horizon, configuration.batch, configuration.dreamsPerWindow, configuration.mixedShare) = (
      Self.horizon, Self.batch, 2, 0.5
    )
    (configuration.reward.weights[.dot], configuration.reward.weights[.nearest]) = (0, 1)
    let learner = try DITTO(model, configuration, expert: latents, mixed: mixed, seed: Seed(3))
    let windows = try WindowSampler(
      latents, horizon: Self.horizon, batch: Self.batch, copies: 2, seed: Seed(2)
    ).windows(step: 0)
    let start = DreamStarts(mixed, share: configuration.mixedShare, copies: 2)(windows, using: RandomSource(Seed(4)))
    let rows = { (x: Tensor) in
      let all: [Float] = x.values(); return (0..<Self.batch).map { Array(all[$0 * 8..<$0 * 8 + 8]) }
    }
    let (begun, recorded) = (rows(start.deterministic), rows(windows.states[0].deterministic))
    for row in 0..<Self.batch {
      #expect(begun[row] == (row < Self.batch / 2 ? recorded[row] : [Float](repeating: 2, count: 8)), "row \(row)")
    }
    #expect(learner.update(step: 0, progress: 0)["reward/mean"]!.item.isFinite)
  }
}
