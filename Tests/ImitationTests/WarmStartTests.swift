import Foundation
import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

@Suite struct WarmStartTests {
  private let model: WorldModel
  private let latents: ExpertLatents

  init() {
    model = WorldModel(.least, ObservationSpace(vector: 1), actions: 3, using: RandomSource(Seed(1)))
    model.freeze()
    let random = RandomSource(Seed(2))
    latents = ExpertLatents(
      deterministic: tanh(.normal([60, 8], using: random)),
      classes: (Tensor.uniform([60, 2], using: random) * 4).to(.uint8),
      actions: ActionSpace.discrete(3).uniform([60], using: random), lengths: [60], classCount: 4)
  }

  private func learner(_ change: (inout ImitationConfiguration) -> Void) throws -> DITTO {
    var c = ImitationConfiguration()
    (c.batch, c.horizon, c.policy.width, c.policy.hiddenLayers) = (16, 4, 8, 1)
    c.warmStart.cloningSteps = 1
    change(&c)
    return try DITTO(model, c, expert: latents, seed: Seed(3))
  }

  private func clone() -> MLP { MLP(model.sizes.features, 3, width: 8, hiddenLayers: 1, using: RandomSource(Seed(9))) }
  private func weights(_ network: MLP) -> [[Float]] { network.namedParameters.map { $0.parameter.values() } }

  @Test func onlyTheCriticLearnsAtFirst() throws {
    let learner = try learner { $0.warmStart.criticSteps = 2 }
    let cloned = clone()
    learner.begin(as: cloned)
    let critic = weights(learner.networks.critic)
    for step in 0..<2 {
      #expect(learner.update(step: step, progress: 0)["actor/divergence"]!.item == 0)
      #expect(weights(learner.actor) == weights(cloned))
    }
    #expect(weights(learner.networks.critic) != critic)
    _ = learner.update(step: 2, progress: 0)
    #expect(weights(learner.actor) != weights(cloned))
  }

  @Test func staysNearTheCloneByTheDivergencesWeight() throws {
    let distance = { (weight: Double, decay: Double, progress: Double) -> Double in
      let learner = try self.learner { c in
        (c.warmStart.criticSteps, c.warmStart.divergenceWeight, c.warmStart.divergenceDecay) = (0, weight, decay)
        c.actor.learningRate = 1e-2
      }
      learner.begin(as: clone())
      return (0..<60).map { learner.update(step: $0, progress: progress)["actor/divergence"]!.item }.last!
    }
    let (free, bound) = (try distance(0, 0, 0), try distance(10, 0, 0))
    #expect(bound < free / 4 && free > 0.01)
    // A weight that falls is all there before it begins to, and nothing in the end.
    #expect(try distance(10, 0.5, 0.4) == bound && distance(10, 0.5, 1) == distance(0, 0, 1))
    #expect(try distance(10, 0.5, 0.75) == distance(5, 0, 0.75))
  }

  /// A learner that does what the expert did is where its reference is, where both share the noise: equation 8 gives 1.
  @Test func aReferenceRolledOutWithSharedNoiseIsReachedByTheSameActions() throws {
    let noise = { SharedNoise(Seed(4), dreamsPerWindow: 2, on: .cpu) }
    let windows = try WindowSampler(latents, horizon: 5, batch: 8, copies: 2, seed: Seed(5)).windows(step: 0)
    let imagination = Imagination(model)
    let (a, b) = (RandomSource(Seed(6)), RandomSource(Seed(7)))
    let first = imagination.rollout(from: windows.states[0], following: windows.actions, using: a, noise: noise())
    let second = imagination.rollout(from: windows.states[0], following: windows.actions, using: b, noise: noise())
    #expect(first.states.features.values(as: Float.self) == second.states.features.values())
    let columns = first.states.features.values(as: Float.self)
    let width = model.sizes.features
    for t in 0..<6 {
      for pair in 0..<4 {
        let place = { (column: Int) in Array(columns[(t * 8 + column) * width..<(t * 8 + column + 1) * width]) }
        #expect(place(2 * pair) == place(2 * pair + 1))
      }
    }
    let other = imagination.rollout(
      from: windows.states[0], following: windows.actions, using: a,
      noise: SharedNoise(Seed(5), dreamsPerWindow: 2, on: .cpu))
    #expect(other.states.features.values(as: Float.self) != columns)
  }

  @Test func aRolledOutReferenceIsWhatTheExpertsActionsLeadTo() throws {
    // With one action there is nothing to choose: every learner then earns 1 of a rolled-out reference, and less of the
    // recorded one.
    let single = WorldModel(.least, ObservationSpace(vector: 1), actions: 1, using: RandomSource(Seed(1)))
    single.freeze()
    let expert = ExpertLatents(
      deterministic: latents.deterministic, classes: latents.classes, actions: latents.actions * 0, lengths: [60],
      classCount: 4)
    let reward = { (reference: Reference, shared: Bool) -> Double in
      var c = ImitationConfiguration()
      (c.batch, c.horizon, c.policy.width, c.policy.hiddenLayers) = (16, 4, 8, 1)
      (c.reference, c.sharedNoise) = (reference, shared)
      return try DITTO(single, c, expert: expert, seed: Seed(3)).update(step: 0, progress: 0)["reward/mean"]!
        .item
    }
    #expect(abs(try reward(.rollout, true) - 1) < 1e-5)
    #expect(try reward(.rollout, false) < 0.999)
    #expect(try reward(.recorded, true) < 0.9)
  }

  @Test func divergencesAreThoseOfTheirDistributions() {
    let (p, q) = (
      Categorical(logits: Tensor([0.5, -1, 2] as [Float], [1, 3])),
      Categorical(logits: Tensor([1, 1, 0] as [Float], [1, 3]))
    )
    let expected = zip(p.probabilities.values(as: Double.self), q.probabilities.values(as: Double.self)).map {
      $0 * Foundation.log($0 / $1)
    }.reduce(0, +)
    #expect(abs(p.divergence(from: q).item - expected) < 1e-5)
    // Of normals, by a sum over draws of one against its own density and the other's.
    let (a, b) = (
      TanhGaussian(outputs: Tensor([0.3, 0.2] as [Float], [1, 2])),
      TanhGaussian(outputs: Tensor([-0.2, 0.6] as [Float], [1, 2]))
    )
    let many = TanhGaussian(outputs: Tensor([0.3, 0.2] as [Float], [1, 2]).expanded([200_000, 2]))
    let draws = many.sampled(.sample(RandomSource(Seed(1))))
    let estimate =
      (many.logProbability(of: draws)
      - TanhGaussian(outputs: Tensor([-0.2, 0.6] as [Float], [1, 2]).expanded([200_000, 2])).logProbability(of: draws))
      .mean().item
    #expect(abs(a.divergence(from: b).item - estimate) < 0.02)
  }
}
