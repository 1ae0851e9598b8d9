import Testing
import Torch

@Suite struct GradientsTests {
  private let x = Tensor([2, 3] as [Float], [2]).requiringGradient()

  @Test func noGradientFlowsThroughWhatWasComputedWithoutAGraph() throws {
    let constant = noGrad { x * 5 }
    let found = try #require(gradients(of: (constant * x).sum(), withRespectTo: [x])[0])
    expectClose(found, Tensor([10, 15] as [Float], [2]))
  }

  @Test func recordsAgainAfterAThrow() throws {
    struct Refusal: Error {}
    #expect(throws: Refusal.self) { try noGrad { () throws -> Void in throw Refusal() } }
    #expect(gradients(of: x.sum(), withRespectTo: [x])[0] != nil)
  }

  @Test func noGradientFlowsThroughADetachedTensor() throws {
    let found = try #require(gradients(of: (x.detached() * x).sum(), withRespectTo: [x])[0])
    expectClose(found, x.detached())
  }

  @Test func thereIsNoneForWhatTheScalarDoesNotDependOn() {
    let other = Tensor.zeros([1]).requiringGradient()
    let found = gradients(of: x.sum(), withRespectTo: [other, x])
    #expect(found[0] == nil)
    #expect(found[1] != nil)
  }
}
