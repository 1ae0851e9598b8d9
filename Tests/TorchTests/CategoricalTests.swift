import Settings
import Testing
import Torch

@Suite struct CategoricalTests {
  @Test func drawsClassesAsOftenAsTheirProbabilities() {
    let probabilities: [Float] = [0.5, 0, 0.3, 0.15, 0.05]
    let count = 20_000
    let logits = log(Tensor(probabilities, [5])).expanded([count, 5])
    let sampled: [Int64] = Categorical(logits: logits).sampled(.sample(RandomSource(Seed(3)))).values()
    for (index, p) in probabilities.enumerated() {
      let frequency = Float(sampled.count { $0 == Int64(index) }) / Float(count)
      // Four standard deviations of a frequency.
      #expect(
        abs(frequency - p) <= 4 * (p * (1 - p) / Float(count)).squareRoot(),
        "class \(index): \(frequency), expected \(p)")
    }
  }

  @Test func theModeIsTheLargestLogit() {
    let logits = Tensor([1, 3, 2, -5, -7, -6] as [Float], [2, 3])
    #expect(Categorical(logits: logits).sampled(.mode).values(as: Int64.self) == [1, 0])
  }

  @Test(arguments: [false, true]) func straightThroughIsOneHotWithTheProbabilitiesGradient(sampled: Bool) throws {
    let random = RandomSource(Seed(5))
    let logits = Tensor.normal([6, 4, 8], using: random).requiringGradient()
    let weights = Tensor.normal([6, 4, 8], using: random)
    let straight = Categorical(logits: logits).straightThrough(sampled ? .sample(random) : .mode)
    #expect(straight.values(as: Float.self).allSatisfy { $0 == 0 || $0 == 1 })
    expectClose(straight.sum(over: -1), .ones([6, 4]))
    if !sampled { expectClose(Categorical(logits: logits.detached()).straightThrough(.mode), straight.detached()) }
    let found = try #require(gradients(of: (straight * weights).sum(), withRespectTo: [logits])[0])
    let expected = try #require(
      gradients(of: (Categorical(logits: logits).probabilities * weights).sum(), withRespectTo: [logits])[0])
    expectClose(found, expected, tolerance: 1e-7)
    #expect(expected.abs().sum().item > 0)
  }

  @Test func entropyAndDivergenceAreThoseOfTwoCoins() {
    let fair = Categorical(logits: log(Tensor([0.5, 0.5], [2])))
    let bent = Categorical(logits: log(Tensor([0.25, 0.75], [2])))
    expectClose(fair.entropy, log(Tensor([2.0], [])), tolerance: 1e-15)
    expectClose(fair.divergence(from: bent), 0.5 * log(Tensor([4.0 / 3], [])), tolerance: 1e-15)
    expectClose(fair.divergence(from: fair), .zeros([], .float64))
  }
}
