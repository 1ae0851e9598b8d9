import Configuration
import Testing
import Torch

@Suite struct RandomTests {
  enum Law: CaseIterable {
    case normal, uniform, exponential

    func drawn(_ shape: [Int], _ random: RandomSource) -> Tensor {
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
      return law.drawn([3, 5], random).values() + law.drawn([4], random).values()
    }
    #expect(numbers(7) == numbers(7))
    #expect(Set(numbers(7)).isDisjoint(with: numbers(8)))
  }

  @Test func doesNotRepeatItself() {
    let random = RandomSource(Seed(1))
    #expect(Tensor.normal([8], using: random).values(as: Float.self) != Tensor.normal([8], using: random).values(as: Float.self))
  }

  @Test func sourcesDoNotDisturbEachOther() {
    let (a, b) = (RandomSource(Seed(1)), RandomSource(Seed(1)))
    let first = Tensor.normal([4], using: a)
    _ = Tensor.normal([100], using: RandomSource(Seed(2)))
    expectClose(Tensor.normal([4], using: b), first)
  }
}
