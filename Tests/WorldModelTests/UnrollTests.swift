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
  /// Where memory is forgotten, `[T · B]`: nowhere, which goes without a mask, and at some frames.
  private static let firsts = [[], [4, 5, 9]].map { places in (0..<steps * batch).map(places.contains) }

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

  private func stepByStep(_ isFirst: [Bool], _ clocks: Tensor) -> RSSM.Inference {
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

  private func atOnce(_ isFirst: [Bool], _ clocks: Tensor) -> RSSM.Inference {
    rssm.infer(embedding: embedding, previousAction: actions, isFirst: isFirst, from: start, draw: .clocks(clocks))
  }

  @Test(arguments: firsts) func aSequenceIsItsSteps(isFirst: [Bool]) {
    let (one, all) = (stepByStep(isFirst, clocks), atOnce(isFirst, clocks))
    #expect(distance(all.states.deterministic, one.states.deterministic) < 1e-5)
    #expect(distance(all.states.stochastic, one.states.stochastic) < 1e-5)
    #expect(distance(all.posteriorLogits, one.posteriorLogits) < 1e-5)
  }

  /// Of a scalar that weighs every output differently, or only one of them.
  @Test(arguments: [[1.0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], firsts) func hasTheStepsGradients(weights: [Double], isFirst: [Bool]) throws {
    let (expected, found) = (slopes(stepByStep(isFirst, clocks), weights), slopes(atOnce(isFirst, clocks), weights))
    for (index, (expected, found)) in zip(expected, found).enumerated() {
      #expect(distance(found, expected) < 1e-5 * max(1, largest(expected)), "input \(index)")
    }
    #expect(expected.count { largest($0) > 0 } > 15)
  }

  /// In bf16, with 8 bits for each number, what comes out lies within 3 % of the largest value in float32, and gradients within 6 %. Both draw the same
  /// classes: where two are about as probable, rounding would choose another.
  @Test(arguments: firsts) func agreesInHalfPrecision(isFirst: [Bool]) {
    let sure = 1 - stepByStep(isFirst, clocks).states.stochastic.detached().reshaped(clocks.shape) + 1e-30
    let (one, all) = (stepByStep(isFirst, sure), computing(in: .bf16) { atOnce(isFirst, sure) })
    #expect(distance(all.states.stochastic, one.states.stochastic) < 1e-5)
    for (found, expected) in [(all.states.deterministic, one.states.deterministic), (all.posteriorLogits, one.posteriorLogits)] {
      #expect((1e-6..<0.03).contains(distance(found, expected) / largest(expected)))
    }
    for (index, (expected, found)) in zip(slopes(one, [1, 1, 1]), slopes(all, [1, 1, 1])).enumerated() where largest(expected) > 0 {
      #expect(distance(found, expected) < 0.06 * largest(expected), "input \(index)")
    }
  }

  /// The gradients of a sum of all outputs, each weighed at random, with respect to all inputs and parameters; zeros for the prior's, which have no part in it.
  private func slopes(_ inference: RSSM.Inference, _ weights: [Double]) -> [Tensor] {
    let inputs = [embedding, actions, start.deterministic, start.stochastic] + rssm.parameters
    let outputs = [inference.states.deterministic, inference.states.stochastic, inference.posteriorLogits]
    let source = RandomSource(Seed(5))
    let terms = zip(outputs, weights).map { output, weight in weight * (output * .normal(output.shape, using: source)).sum() }
    return zip(inputs, gradients(of: terms[0] + terms[1] + terms[2], withRespectTo: inputs)).map { $1 ?? .zeros($0.shape) }
  }

  private func largest(_ a: Tensor) -> Double { a.magnitude().reshaped(-1).max(over: 0).item }

  /// The largest difference of two elements.
  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    #expect(a.shape == b.shape)
    return largest(a - b)
  }
}
