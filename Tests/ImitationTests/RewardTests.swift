import Settings
import Testing
import Torch

@testable import Imitation

@Suite struct LatentRewardTests {
  @Test(arguments: (0..<16).map(UInt64.init)) func isOneExactlyWhereTheLearnerIsTheExpert(seed: UInt64) {
    let random = RandomSource(Seed(seed))
    let (expert, other) = (Tensor.normal([5, 2, 8], using: random), Tensor.normal([5, 2, 8], using: random))
    let same: [Float] = latentReward(expert: expert, learner: expert).values()
    let different: [Float] = latentReward(expert: expert, learner: other).values()
    #expect(same.allSatisfy { abs($0 - 1) < 1e-5 })
    #expect(different.allSatisfy { $0 < 1 && $0 >= -1 })
  }

  @Test(arguments: (0..<16).map(UInt64.init)) func isSymmetricAndPunishesLength(seed: UInt64) {
    let random = RandomSource(Seed(seed))
    let (a, b) = (Tensor.normal([7, 6], using: random), Tensor.normal([7, 6], using: random))
    let (ab, ba): ([Float], [Float]) = (
      latentReward(expert: a, learner: b).values(), latentReward(expert: b, learner: a).values()
    )
    #expect(zip(ab, ba).allSatisfy { abs($0 - $1) < 1e-5 })
    // Twice as long in the same direction: half the reward; cosine similarity would not notice.
    let doubled: [Float] = latentReward(expert: a, learner: a * 2).values()
    #expect(doubled.allSatisfy { abs($0 - 0.5) < 1e-5 })
  }
}

@Suite struct ReturnsTests {
  private let reward = Tensor([1, 2, 3] as [Double], [3, 1])
  private let value = Tensor([10, 20, 30, 40] as [Double], [4, 1])

  @Test func lambdaOneSumsDiscountedRewardsToTheLastValue() {
    let returns: [Double] = lambdaReturns(reward: reward, value: value, discount: 0.5, lambda: 1).values()
    #expect(returns == [7.75, 13.5, 23])  // 3 + 40 / 2, then 2 + 23 / 2, then 1 + 13.5 / 2
  }

  @Test func lambdaZeroLooksOneStepAhead() {
    let returns: [Double] = lambdaReturns(reward: reward, value: value, discount: 0.5, lambda: 0).values()
    #expect(returns == [11, 17, 23])
  }

  @Test func normalisedHasMeanZeroAndDeviationOne() {
    let x = normalised(Tensor([3, 5, 7, 9, 100] as [Double], [5, 1]))
    #expect(abs(x.mean().item) < 1e-12)
    #expect(abs(x.squared().sum().item / 4 - 1) < 1e-6)
  }

  @Test func comparesEachDreamWithTheOthersOfItsWindow() {
    // Two steps; two windows of three dreams.
    let x = Tensor([1, 2, 6, 10, 10, 10, 0, -3, 3, 5, 5, 8] as [Float], [2, 6])
    let found: [Float] = leaveOneOut(x, dreamsPerWindow: 3).values()
    let expected: [Float] = [-3, -1.5, 4.5, 0, 0, 0, 0, -4.5, 4.5, -1.5, -1.5, 3]  // 1 − (2 + 6) / 2, …
    #expect(found == expected)
  }

  @Test func leavesASingleDreamAsItIs() {
    let found: [Float] = leaveOneOut(Tensor([1, 2, 3] as [Float], [1, 3]), dreamsPerWindow: 1).values()
    #expect(found == [1, 2, 3])
  }
}
