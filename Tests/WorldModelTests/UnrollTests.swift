import Settings
import Testing
import Torch

@testable import WorldModel

/// The hand-written way through a sequence against single steps, which autograd differentiates.
@Suite struct UnrollTests {
  /// Lengths of h, of the hidden layers, and rows. What comes in pairs and fills vectors of a processor goes other ways
  /// than what does not.
  struct Size: CustomTestStringConvertible {
    let deterministic, hidden, batch: Int
    var testDescription: String { "h \(deterministic), hidden \(hidden), \(batch) rows" }
  }
  private static let steps = 6
  private static let sizes = [
    Size(deterministic: 7, hidden: 9, batch: 3), Size(deterministic: 80, hidden: 66, batch: 15),
  ]
  private static let forgetting = [false, true]

  /// One model and one sequence.
  private struct Fixture {
    let batch: Int
    let rssm: RSSM
    let embedding, actions, exponentialNoise: Tensor
    let start: LatentState
    /// Where memory is forgotten, `[T · B]`: nowhere, which goes without a mask, or at some frames.
    let isFirst: [Bool]

    init(_ size: Size, forgets: Bool) {
      var sizes = LatentSizes()
      (sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (size.deterministic, size.hidden, 3, 4)
      let (random, steps, batch) = (RandomSource(Seed(1)), UnrollTests.steps, size.batch)
      self.batch = batch
      rssm = RSSM(sizes, actions: 2, embedding: 5, using: random)
      for (name, parameter) in rssm.namedParameters where name.hasSuffix("bias") || name.contains("orm") {
        parameter.assign(parameter + 0.3 * .normal(parameter.shape, using: random))
      }
      embedding = Tensor.normal([steps, batch, 5], using: random).requiringGradient()
      actions = Tensor.normal([steps, batch, 2], using: random).requiringGradient()
      exponentialNoise = .exponential([steps, batch, 3, 4], using: random)
      start = LatentState(
        deterministic: tanh(.normal([batch, size.deterministic], using: random)).requiringGradient(),
        stochastic: Tensor.normal([batch, 12], using: random).requiringGradient())
      isFirst = (0..<steps * batch).map { forgets && [batch + 1, batch + 2, 3 * batch].contains($0) }
    }

    func stepByStep(_ exponentialNoise: Tensor) -> RSSM.Inferred {
      var (state, h, z, logits) = (start, [Tensor](), [Tensor](), [Tensor]())
      for t in 0..<UnrollTests.steps {
        let step = rssm.infer(
          embedding: embedding.sliced(t..<t + 1), previousAction: actions.sliced(t..<t + 1),
          isFirst: Array(isFirst[t * batch..<(t + 1) * batch]), from: state,
          draw: .exponentialNoise(exponentialNoise[t]))
        state = step.states[0]
        h.append(state.deterministic)
        z.append(state.stochastic)
        logits.append(step.posteriorLogits[0])
      }
      return (LatentState(deterministic: stacked(h), stochastic: stacked(z)), stacked(logits))
    }

    func atOnce(_ exponentialNoise: Tensor) -> RSSM.Inferred {
      rssm.infer(
        embedding: embedding, previousAction: actions, isFirst: isFirst, from: start,
        draw: .exponentialNoise(exponentialNoise))
    }

    /// The gradients of a sum of all outputs, each weighed at random, with respect to all inputs and parameters; zeros
    /// for the prior's, which have no part in it.
    func slopes(_ inference: RSSM.Inferred, _ weights: [Double]) -> [Tensor] {
      let inputs = [embedding, actions, start.deterministic, start.stochastic] + rssm.parameters
      let outputs = [inference.states.deterministic, inference.states.stochastic, inference.posteriorLogits]
      let source = RandomSource(Seed(5))
      let terms = zip(outputs, weights).map { output, weight in
        weight * (output * .normal(output.shape, using: source)).sum()
      }
      return zip(inputs, gradients(of: terms[0] + terms[1] + terms[2], withRespectTo: inputs)).map {
        $1 ?? .zeros($0.shape)
      }
    }
  }

  @Test(arguments: sizes, forgetting) func aSequenceIsItsSteps(size: Size, forgets: Bool) {
    let fixture = Fixture(size, forgets: forgets)
    let (one, all) = (fixture.stepByStep(fixture.exponentialNoise), fixture.atOnce(fixture.exponentialNoise))
    #expect(distance(all.states.deterministic, one.states.deterministic) < 1e-5)
    #expect(distance(all.states.stochastic, one.states.stochastic) < 1e-5)
    #expect(distance(all.posteriorLogits, one.posteriorLogits) < 1e-5)
  }

  /// Of a scalar that weighs every output differently, or only one of them.
  @Test(arguments: [[1.0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], sizes) func hasTheStepsGradients(
    weights: [Double], size: Size
  ) throws {
    for forgets in Self.forgetting {
      let fixture = Fixture(size, forgets: forgets)
      let (expected, found) = (
        fixture.slopes(fixture.stepByStep(fixture.exponentialNoise), weights),
        fixture.slopes(fixture.atOnce(fixture.exponentialNoise), weights)
      )
      for (index, (expected, found)) in zip(expected, found).enumerated() {
        #expect(distance(found, expected) < 1e-5 * max(1, largest(expected)), "input \(index)")
      }
      #expect(expected.count { largest($0) > 0 } > 15)
    }
  }

  /// In bf16, with 8 bits for each number, what comes out lies within 3 % of the largest value in float32, and
  /// gradients within 6 %. Both draw the same classes: where two are about as probable, rounding would choose another.
  @Test(arguments: sizes, forgetting) func agreesInHalfPrecision(size: Size, forgets: Bool) {
    let fixture = Fixture(size, forgets: forgets)
    let sure =
      1
      - fixture.stepByStep(fixture.exponentialNoise).states.stochastic.detached().reshaped(
        fixture.exponentialNoise.shape) + 1e-30
    let (one, all) = (fixture.stepByStep(sure), computing(in: .bf16) { fixture.atOnce(sure) })
    #expect(distance(all.states.stochastic, one.states.stochastic) < 1e-5)
    for (found, expected) in [
      (all.states.deterministic, one.states.deterministic), (all.posteriorLogits, one.posteriorLogits),
    ] {
      #expect((1e-6..<0.03).contains(distance(found, expected) / largest(expected)))
    }
    for (index, (expected, found)) in zip(fixture.slopes(one, [1, 1, 1]), fixture.slopes(all, [1, 1, 1])).enumerated()
    where largest(expected) > 0 {
      #expect(distance(found, expected) < 0.06 * largest(expected), "input \(index)")
    }
  }

  private func largest(_ a: Tensor) -> Double { a.abs().reshaped(-1).max(over: 0).item }

  /// The largest difference of two elements.
  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    #expect(a.shape == b.shape)
    return largest(a - b)
  }
}
