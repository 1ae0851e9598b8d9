import Configuration
import Testing
import Torch

@testable import WorldModel

/// The hand-written way through a sequence against single steps, which autograd differentiates.
@Suite struct UnrollTests {
  private static let (steps, batch) = (6, 3)
  private let rssm: RSSM
  private let embedding, actions, clocks: Tensor
  private let start: LatentState
  private let isFirst = (0..<steps * batch).map { [4, 5, 9].contains($0) }

  init() {
    var sizes = LatentSizes()
    (sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (7, 9, 3, 4)
    let random = RandomSource(Seed(1))
    rssm = RSSM(sizes, actions: 2, embedding: 5, using: random)
    for (name, parameter) in rssm.namedParameters where name.hasSuffix("bias") || name.contains("orm") {
      parameter.assign(parameter + 0.3 * .normal(parameter.shape, using: random))
    }
    embedding = Tensor.normal([Self.steps, Self.batch, 5], using: random).requiringGradient()
    actions = Tensor.normal([Self.steps, Self.batch, 2], using: random).requiringGradient()
    clocks = .exponential([Self.steps, Self.batch, 3, 4], using: random)
    start = LatentState(
      deterministic: tanh(.normal([Self.batch, 7], using: random)).requiringGradient(),
      stochastic: Tensor.normal([Self.batch, 12], using: random).requiringGradient())
  }

  private func stepByStep() -> RSSM.Inference {
    var (state, h, z, logits) = (start, [Tensor](), [Tensor](), [Tensor]())
    for t in 0..<Self.steps {
      let step = rssm.infer(
        embedding: embedding.sliced(t..<t + 1), previousAction: actions.sliced(t..<t + 1),
        isFirst: Array(isFirst[t * Self.batch..<(t + 1) * Self.batch]), from: state, draw: .clocks(clocks[t]))
      state = step.states[0]
      h.append(state.deterministic)
      z.append(state.stochastic)
      logits.append(step.posteriorLogits[0])
    }
    return RSSM.Inference(
      states: LatentState(deterministic: stacked(h), stochastic: stacked(z)), posteriorLogits: stacked(logits), prior: rssm.prior)
  }

  private func atOnce() -> RSSM.Inference {
    rssm.infer(embedding: embedding, previousAction: actions, isFirst: isFirst, from: start, draw: .clocks(clocks))
  }

  @Test func aSequenceIsItsSteps() {
    let (one, all) = (stepByStep(), atOnce())
    #expect(distance(all.states.deterministic, one.states.deterministic) < 1e-5)
    #expect(distance(all.states.stochastic, one.states.stochastic) < 1e-5)
    #expect(distance(all.posteriorLogits, one.posteriorLogits) < 1e-5)
  }

  /// Of a scalar that weighs every output differently, or only one of them.
  @Test(arguments: [[1.0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) func hasTheStepsGradients(weights: [Double]) throws {
    let inputs = [embedding, actions, start.deterministic, start.stochastic] + rssm.parameters
    let random = Seed(5)
    let found = [stepByStep(), atOnce()].map { inference -> [Tensor?] in
      let outputs = [inference.states.deterministic, inference.states.stochastic, inference.posteriorLogits]
      let source = RandomSource(random)
      let terms = zip(outputs, weights).map { output, weight in weight * (output * .normal(output.shape, using: source)).sum() }
      return gradients(of: terms[0] + terms[1] + terms[2], withRespectTo: inputs)
    }
    for (index, (expected, gradient)) in zip(found[0], found[1]).enumerated() {
      // The prior has no part in it.
      let none = Tensor.zeros(inputs[index].shape)
      let scale = max(1, (expected ?? none).magnitude().reshaped(-1).max(over: 0).item)
      #expect(distance(gradient ?? none, expected ?? none) < 1e-5 * scale, "input \(index)")
    }
    #expect(found[0].count { $0 != nil } > 15)
  }

  /// The largest difference of two elements.
  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    #expect(a.shape == b.shape)
    return (a - b).magnitude().reshaped(-1).max(over: 0).item
  }
}
