import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

/// Rewards whose mean is subtracted.
@Suite struct CenteringTests {
  /// A critic that knows nothing yet is wrong by the level of the rewards, and without it by what they differ by. What
  /// is reported of the reward stays the same.
  @Test func takesTheLevelFromTheCritic() throws {
    let model = sharpWorldModel(actions: 3) { ($0.deterministic, $0.hidden, $0.groups, $0.classes) = (8, 8, 2, 3) }
    let random = RandomSource(Seed(1))
    let latents = ExpertLatents(
      deterministic: .ones([60, 8]) + 0.1 * .normal([60, 8], using: random),
      classes: (Tensor.uniform([60, 2], using: random) * 3).to(.uint8),
      actions: ActionSpace.discrete(3).uniform([60], using: random), lengths: [60], classCount: 3)
    let first = { (isCentered: Bool) -> Metrics in
      var c = ImitationConfiguration()
      (c.horizon, c.batch, c.centerRewards, c.reward.weights[.dot]) = (4, 32, isCentered, 20)
      (c.policy.width, c.policy.hiddenLayers) = (16, 1)
      return try DITTO(model, c, expert: latents, seed: Seed(2)).update(step: 0, progress: 0)
    }
    let (plain, centered) = (try first(false), try first(true))
    #expect(plain["reward/mean"]!.item == centered["reward/mean"]!.item && plain["reward/mean"]!.item > 0)
    #expect(
      centered["critic/loss"]!.item < 0.3 * plain["critic/loss"]!.item,
      "\(centered["critic/loss"]!.item) beside \(plain["critic/loss"]!.item)")
  }
}
