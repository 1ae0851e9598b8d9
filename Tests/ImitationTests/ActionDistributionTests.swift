import Settings
import Foundation
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

@Suite struct ActionDistributionTests {
  /// Two groups of three classes, one of two, and two numbers.
  private static let space = ActionSpace([
    .init("buttons", .classes([3, 3, 2], starts: [0, 0, 0])), .init("stick", .box(low: [-1, 0], high: [1, 10])),
  ])
  private static var outputs: Tensor {
    Tensor((0..<48).map { (index: Int) -> Float in Float((index * 7) % 11) / 4 - 1 }, [4, 12])
  }
  private var policy: ActionDistribution { Self.space.policy(Self.outputs) }

  private func expectClose(_ a: Tensor, _ b: Tensor) {
    #expect(a.shape == b.shape && (a - b).abs().reshaped(-1).max(over: 0).item < 1e-5)
  }

  @Test func itsPartsAreIndependent() {
    let actions = policy.sampled(.sample(RandomSource(Seed(1))))
    #expect(actions.shape == [4, Self.space.width] && Self.space.width == 5 && Self.space.policyOutputs == 12)
    // Each group's logits stand where its classes do.
    let logits = [0..<3, 3..<6, 6..<8].map { Categorical(logits: Self.outputs.sliced($0, axis: 1)) }
    let numbers = TanhGaussian(outputs: Self.outputs.sliced(8..<12, axis: 1))
    let taken = (0..<3).map { actions.at($0, axis: 1).to(.int64) }
    let classes = zip(logits, taken).map { (policy: Categorical, taken: Tensor) -> Tensor in
      policy.logProbability(of: taken)
    }
    let expected = classes[0] + classes[1] + classes[2] + numbers.logProbability(of: actions.sliced(3..<5, axis: 1))
    expectClose(policy.logProbability(of: actions), expected)
    expectClose(policy.entropy, logits[0].entropy + logits[1].entropy + logits[2].entropy + numbers.entropy)
    let other = Self.space.policy(Self.outputs * 0.5)
    let others = [0..<3, 3..<6, 6..<8].map { Categorical(logits: Self.outputs.sliced($0, axis: 1) * 0.5) }
    let divergences = zip(logits, others).map { (p: Categorical, q: Categorical) -> Tensor in p.divergence(from: q) }
    let numbersDivergence = numbers.divergence(from: TanhGaussian(outputs: Self.outputs.sliced(8..<12, axis: 1) * 0.5))
    expectClose(policy.divergence(from: other), divergences[0] + divergences[1] + divergences[2] + numbersDivergence)
    expectClose(policy.divergence(from: policy), .zeros([4]))
  }

  /// One group of classes draws what a categorical distribution does, with the same random numbers; numbers alone what
  /// a Gaussian does.
  @Test func oneKindAloneIsItsDistribution() {
    let logits = Self.outputs.sliced(0..<3, axis: 1)
    let (one, whole) = (
      Categorical(logits: logits).sampled(.sample(RandomSource(Seed(2)))),
      ActionSpace.discrete(3).policy(logits).sampled(.sample(RandomSource(Seed(2))))
    )
    #expect(whole.shape == [4, 1] && whole.values(as: Float.self) == one.values(as: Int64.self).map(Float.init))
    let outputs = Self.outputs.sliced(8..<12, axis: 1)
    expectClose(
      ActionSpace.box(low: [0, 0], high: [1, 1]).policy(outputs).sampled(.sample(RandomSource(Seed(3)))),
      TanhGaussian(outputs: outputs).sampled(.sample(RandomSource(Seed(3)))))
  }

  @Test func networksTakeClassesOneHotAndNumbersScaled() {
    let actions = [Action(classes: [2, 0, 1], numbers: [0.5, 10]), Action(classes: [0, 1, 0], numbers: [-1, 5])]
    let tensor = Self.space.tensor(actions, on: .cpu)
    #expect(tensor.values(as: Float.self) == [2, 0, 1, 0.5, 1, 0, 1, 0, -1, 0])
    #expect(
      Self.space.encoded(tensor).values(as: Float.self) == [
        0, 0, 1, 1, 0, 0, 0, 1, 0.5, 1, 1, 0, 0, 0, 1, 0, 1, 0, -1, 0,
      ])
    expectClose(Self.space.encoded(tensor), Self.space.rows(actions, on: .cpu))
    #expect(Self.space.rows([nil], on: .cpu).values(as: Float.self) == [Float](repeating: 0, count: 10))
    // Alike in two classes of three, and in one number, of which the other is a quarter of its range away.
    let likeness = Self.space.likeness(tensor.sliced(0..<1), Tensor([2, 0, 0, 1, 1] as [Float], [1, 5]))
    #expect(abs(likeness.item - 0.75) < 1e-6)
    let random = Self.space.uniform([2000], using: RandomSource(Seed(4)))
    for (column, count) in [3, 3, 2].enumerated() {
      let values = random.at(column, axis: 1).values(as: Float.self)
      let mean = values.reduce(0, +) / 2000
      #expect(Set(values) == Set((0..<count).map(Float.init)))
      #expect(abs(mean - Float(count - 1) / 2) < 0.1)
    }
    #expect(random.sliced(3..<5, axis: 1).values(as: Float.self).allSatisfy { abs($0) <= 1 })
    #expect(Self.space.constants([1], on: .cpu).count == 3 + 2 + 1 + 4)
  }
}
