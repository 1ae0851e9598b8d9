import Demonstrations
import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

/// A gradient step leaves all that it computes where it is computed: reading a number would wait for the device.
@Suite struct HostReadTests {
  private static let (pixels, classes) = (32 * 32, 4)
  private let model: WorldModel
  private let latents: ExpertLatents

  init() {
    model = sharpWorldModel(actions: 3, pixels: (100, 100)) {
      ($0.deterministic, $0.hidden, $0.groups, $0.classes) = (16, 16, 3, Self.classes)
    }
    let random = RandomSource(Seed(1))
    latents = ExpertLatents(
      deterministic: tanh(.normal([200, 16], using: random)),
      classes: (Tensor.uniform([200, 3], using: random) * Double(Self.classes)).to(.uint8),
      actions: ActionSpace.discrete(3).uniform([200], using: random), lengths: [100, 100], classCount: Self.classes)
  }

  private func reads(_ body: () throws -> Metrics) rethrows -> Int {
    let before = Libtorch.hostReads
    let metrics = try body()
    let found = Libtorch.hostReads - before
    // They are there to be read, which counts.
    #expect(metrics.values.allSatisfy { $0.item.isFinite } && Libtorch.hostReads == before + found + metrics.count)
    return found
  }

  private func batch(length: Int) -> SequenceBatch {
    var generator = Seed(2).generator
    let frames = (0..<length * 4 * Self.pixels).map { _ in UInt8.random(in: 0...255, using: &generator) }
    return SequenceBatch(
      length: length, batch: 4, observation: model.observation, frames: frames,
      previousActions: (0..<length * 4).map { $0 < 4 ? nil : .discrete($0 % 3) },
      isFirst: (0..<length * 4).map { $0 == 0 || $0 == 6 })
  }

  @Test(arguments: RewardKind.allCases, [Precision.f32, .bf16]) func dreamsReadNothing(
    kind: RewardKind, precision: Precision
  ) throws {
    var c = ImitationConfiguration()
    (c.horizon, c.batch, c.dreamsPerWindow) = (4, 16, 2)
    (c.sharedNoise, c.reference, c.warmStart.cloningSteps, c.warmStart.criticSteps) = (true, .rollout, 1, 0)
    (c.policyGradient, c.cloningWeight, c.reward.red.steps, c.reward.dril.steps, c.reward.dril.members) = (
      .ppo, 0.5, 2, 2, 2
    )
    c.reward.weights[.dot] = 0
    c.reward.weights[kind] = 1
    let learner = try DITTO(model, c, expert: latents, precision, seed: Seed(3))
    #expect(reads { learner.update(step: 0, progress: 0.5) } == 0)
  }

  @Test func cloningReadsNothing() throws {
    let cloner = try DBC(model, CloningConfiguration(), PolicySizes(), expert: latents, seed: Seed(3))
    #expect(reads { cloner.update(step: 0, progress: 0) } == 0)
    let policy = PixelPolicy(model.observation, depth: 2, actions: 3, PolicySizes(), using: RandomSource(Seed(4)))
    let pixels = BC(policy, .small(100, 100), CloningConfiguration())
    #expect(reads { pixels.update(on: batch(length: 2), using: RandomSource(Seed(7))) } == 0)
  }

  @Test(arguments: [Precision.f32, .bf16]) func aWorldModelsStepReadsNothing(precision: Precision) {
    let fresh = WorldModel(model.sizes, .small(100, 100), actions: 3, using: RandomSource(Seed(5)))
    let learner = WorldModelLearner(
      fresh, LossConfiguration(), OptimizerConfiguration { $0.clipNorm = 200 }, precision)
    #expect(reads { learner.update(on: batch(length: 5), using: RandomSource(Seed(6))) } == 0)
  }
}
