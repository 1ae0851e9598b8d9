import Foundation
import Settings
import Testing

@testable import Torch

@Suite struct TanhGaussianTests {
  private func distribution(mean: [Float], _ spread: [Float]) -> TanhGaussian {
    TanhGaussian(outputs: Tensor(mean + spread, [1, 2 * mean.count]))
  }

  /// Densities on a fine grid of −1…1.
  private func grid(_ d: TanhGaussian) -> [(a: Double, p: Double)] {
    let count = 20_000
    let actions = (0..<count).map { Float(-1 + 2 * (Double($0) + 0.5) / Double(count)) }
    let p: [Float] = exp(d.logProbability(of: Tensor(actions, [count, 1]))).values()
    return zip(actions, p).map { (Double($0), Double($1)) }
  }

  @Test(arguments: [(0, 0), (0.8, -0.5), (-0.4, 0.3)] as [(Float, Float)]) func isADistribution(
    mean: Float, spread: Float
  ) {
    let d = distribution(mean: [mean], [spread])
    let values = grid(d).filter { abs($0.a) < 0.999 }
    let (width, mass) = (2.0 / 20_000, values.reduce(0) { $0 + $1.p } * 2 / 20_000)
    #expect(abs(mass - 1) < 0.01)
    // Entropy, which is by quadrature, against the integral of its definition.
    let entropy = -values.reduce(0) { $0 + $1.p * Foundation.log(max($1.p, 1e-300)) } * width
    #expect(abs(d.entropy.item - entropy) < 0.02)
    let sampled: [Float] = (0..<400).flatMap {
      d.sampled(.sample(RandomSource(Seed(UInt64($0))))).values(as: Float.self)
    }
    let expected = values.reduce(0) { $0 + $1.a * $1.p } * width
    #expect(abs(Double(sampled.reduce(0, +)) / 400 - expected) < 0.08)
    #expect(abs(d.sampled(.mode).item - Foundation.tanh(Double(mean))) < 1e-6)
  }

  @Test func sumsOverNumbers() {
    let (both, first, second) = (
      distribution(mean: [0.3, -1], [0.1, 0.6]), distribution(mean: [0.3], [0.1]), distribution(mean: [-1], [0.6])
    )
    let p = both.logProbability(of: Tensor([Float(0.2), -0.5], [1, 2])).item
    #expect(
      abs(
        p - first.logProbability(of: Tensor([Float(0.2)], [1, 1])).item
          - second.logProbability(of: Tensor([Float(-0.5)], [1, 1])).item) < 1e-5)
    #expect(abs(both.entropy.item - first.entropy.item - second.entropy.item) < 1e-5)
  }

  /// Experts are often at the bounds, where the density of any finite mean is 0.
  @Test func isFiniteAtTheBounds() {
    for a: Float in [-1, 1] {
      #expect(distribution(mean: [0], [0]).logProbability(ofOthers: Tensor([a], [1, 1])).item.isFinite)
    }
    #expect(distribution(mean: [50], [9]).entropy.item.isFinite)
  }

  /// Drawn actions pull a policy nowhere on average, also one that is sure of a bound.
  @Test(arguments: [0, 2, -4, 5] as [Float]) func scoresHaveNoMean(mean: Float) {
    let count = 20_000
    let leaf = Tensor([mean, 0], [1, 2]).requiringGradient()
    let many = TanhGaussian(outputs: leaf.expanded([count, 2]))
    let score: [Float] = gradients(
      of: many.logProbability(of: many.sampled(.sample(RandomSource(Seed(1))))).mean(), withRespectTo: [leaf])[0]!
      .values()
    // Of one draw the deviation is 1 / σ = e² for the mean; log σ has a deviation of √2 and a slope of 3.
    #expect(
      abs(score[0]) < 5 * 7.4 / Float(count).squareRoot() + 0.02
        && abs(score[1]) < 5 * 4.3 / Float(count).squareRoot() + 0.02, "\(score)")
  }

  @Test(arguments: [(0.4, 0.2, 0.7), (-1, 0.5, -0.95), (2, -0.3, 0.99)] as [(Double, Double, Double)])
  func gradientsOfDensitiesAreThoseOfDifferences(mean: Double, spread: Double, action: Double) {
    let taken = Tensor([action], [1, 1])
    let density = { (outputs: Tensor) in TanhGaussian(outputs: outputs).logProbability(of: taken) }
    let leaf = Tensor([mean, spread], [1, 2]).requiringGradient()
    let found: [Double] = gradients(of: density(leaf).sum(), withRespectTo: [leaf])[0]!.values()
    for (index, step) in [[1e-6, 0], [0, 1e-6]].enumerated() {
      let change = Tensor(step, [1, 2])
      let difference =
        (density(Tensor([mean, spread], [1, 2]) + change).item - density(Tensor([mean, spread], [1, 2]) - change).item)
        / 2e-6
      #expect(abs(difference - found[index]) < 1e-4 * max(1, abs(difference)))
    }
  }

  @Test func climbsTowardsWhatIsLikely() {
    let outputs = Parameter(Tensor([Float(0), 0, 0, 0], [1, 4]))
    let optimizer = Adam([("outputs", outputs)], OptimizerConfiguration { $0.learningRate = 0.05 })
    let target = Tensor([Float(0.5), -0.9], [1, 2])
    for _ in 0..<300 { optimizer.step(minimizing: -TanhGaussian(outputs: outputs).logProbability(of: target).mean()) }
    let mode: [Float] = TanhGaussian(outputs: outputs).sampled(.mode).values()
    #expect(abs(mode[0] - 0.5) < 0.02 && abs(mode[1] + 0.9) < 0.02)
    // Against finite differences of the entropy.
    let (d, step) = (Parameter(Tensor([Float(0.4), 0.2], [1, 2])), 1e-2)
    let found: [Float] = gradients(of: TanhGaussian(outputs: d).entropy.sum(), withRespectTo: [d])[0]!.values()
    for (index, change) in [[step, 0], [0, step]].enumerated() {
      let moved = { (sign: Double) in
        TanhGaussian(outputs: d + Tensor(change.map { Float(sign * $0) }, [1, 2])).entropy.item
      }
      #expect(abs((moved(1) - moved(-1)) / (2 * step) - Double(found[index])) < 1e-2)
    }
  }
}
