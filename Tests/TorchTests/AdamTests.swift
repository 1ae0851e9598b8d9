import Testing
import Torch

@Suite struct AdamTests {
  @Test func leavesAParameterWithoutGradientAlone() {
    let (still, moved) = (Parameter(.ones([3])), Parameter(.ones([2])))
    let adam = Adam([("still", still), ("moved", moved)], OptimizerConfiguration { $0.weightDecay = 0.5 })
    adam.step(along: [nil, .ones([2])])
    expectClose(still, .ones([3]))
    #expect(moved.values(as: Float.self).allSatisfy { $0 < 1 })
    for (name, tensor) in adam.state where name.hasPrefix("still.") {
      #expect(tensor.values(as: Float.self).allSatisfy { $0 == 0 }, "\(name)")
    }
  }

  /// Libtorch's kernel walks a parameter and its gradient side by side in memory.
  @Test func doesNotConfuseMemoryLayouts() {
    let values = (0..<24).map(Float.init)
    let gradient = Tensor(values, [2, 3, 2, 2])
    let (plain, channelsLast) = (Parameter(.zeros([2, 3, 2, 2])), Parameter(.zeros([2, 3, 2, 2]).channelsLast()))
    let configuration = OptimizerConfiguration { $0.epsilon = 10 }
    Adam([("w", plain)], configuration).step(along: [gradient])
    Adam([("w", channelsLast)], configuration).step(along: [gradient])
    expectClose(channelsLast, plain)
    #expect(Set(plain.values(as: Float.self)).count == 24)
  }

  @Test func coolsDownInAStraightLineAtTheEnd() {
    #expect([0, 0.5, 0.75, 1].map { linearDecay(0.5, at: $0) } == [1, 1, 0.5, 0])
    #expect([0, 0.9, 1].map { linearDecay(0, at: $0) } == [1, 1, 1])
  }

  @Test func returnsTheNormBeforeClipping() {
    let (p, q) = (Parameter(.zeros([1])), Parameter(.zeros([1])))
    let adam = Adam([("p", p), ("q", q)], OptimizerConfiguration { $0.clipNorm = 1 })
    expectClose(
      adam.step(along: [Tensor([3] as [Float], [1]), Tensor([-4] as [Float], [1])]), Tensor([5] as [Float], []),
      tolerance: 1e-6)
  }
}
