import Settings
import Testing
import Torch

@Suite struct RandomTests {
  enum Law: CaseIterable {
    case normal, uniform, exponential

    func sampled(_ shape: [Int], _ random: RandomSource) -> Tensor {
      switch self {
      case .normal: .normal(shape, using: random)
      case .uniform: .uniform(shape, using: random)
      case .exponential: .exponential(shape, using: random)
      }
    }
  }

  @Test(arguments: Law.allCases) func sameSeedSameDrawsOtherSeedOthers(law: Law) {
    let numbers = { (seed: UInt64) -> [Float] in
      let random = RandomSource(Seed(seed))
      return law.sampled([3, 5], random).values() + law.sampled([4], random).values()
    }
    #expect(numbers(7) == numbers(7))
    #expect(Set(numbers(7)).isDisjoint(with: numbers(8)))
  }

  /// Moments within five standard errors of a million numbers; none is 0, which classes of probability 0 would be
  /// divided by.
  @Test func exponentialNumbersHaveTheirLaw() {
    let x = Tensor.exponential([1000, 1000], using: RandomSource(Seed(3))).to(.float64)
    #expect(x.values().allSatisfy { (value: Double) in value > 0 && value < 17 })
    for (moment, expected, deviation) in [
      (x, 1, 1), (x.squared(), 2, 20.squareRoot()), (x.isAtLeast(3).to(.float64), 0.049787, 0.2175),
    ] {
      #expect(abs(moment.mean().item - expected) < 5e-3 * deviation)
    }
    let neighbours = ((x.sliced(0..<999, axis: 1) - 1) * (x.sliced(1..<1000, axis: 1) - 1)).mean().item
    #expect(abs(neighbours) < 5e-3)
  }

  /// In a process of its own, since the number of threads is a process's.
  @Test func drawsDoNotDependOnTheNumberOfThreads() async {
    await #expect(processExitsWith: .success) {
      let numbers = [1, 2, 5].map { threads in
        Libtorch.threads = threads
        return Tensor.exponential([100_001], using: RandomSource(Seed(4))).values(as: Float.self)
      }
      precondition(numbers[0] == numbers[1] && numbers[0] == numbers[2])
    }
  }

  @Test func doesNotRepeatItself() {
    let random = RandomSource(Seed(1))
    #expect(
      Tensor.normal([8], using: random).values(as: Float.self)
        != Tensor.normal([8], using: random).values(as: Float.self))
  }

  @Test func sourcesDoNotDisturbEachOther() {
    let (a, b) = (RandomSource(Seed(1)), RandomSource(Seed(1)))
    let first = Tensor.normal([4], using: a)
    _ = Tensor.normal([100], using: RandomSource(Seed(2)))
    expectClose(Tensor.normal([4], using: b), first)
  }
}
