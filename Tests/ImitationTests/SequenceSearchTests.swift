import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

@Suite struct SequenceSearchTests {
  private let model: WorldModel
  private let latents: ExpertLatents

  init() {
    model = WorldModel(.least, ObservationSpace(vector: 1), actions: 2, using: RandomSource(Seed(1)))
    model.freeze()
    let random = RandomSource(Seed(2))
    latents = ExpertLatents(
      deterministic: tanh(.normal([60, 8], using: random)),
      classes: (Tensor.uniform([60, 2], using: random) * 4).to(.uint8),
      actions: ActionSpace.discrete(2).uniform([60], using: random), lengths: [60], classCount: 4)
  }

  private func search() throws -> (SequenceSearch, DBC) {
    var cloning = CloningConfiguration()
    cloning.batch = 32
    var sizes = PolicySizes()
    (sizes.width, sizes.hiddenLayers) = (16, 1)
    let learner = try DBC(model, cloning, sizes, expert: latents, seed: Seed(3))
    return (try SequenceSearch(Imagination(model), .both, on: latents, teaching: learner, seed: Seed(4)), learner)
  }

  /// What the search finds in two goes is what comes of dreaming each of the 64 sequences by itself, with the same
  /// noise.
  @Test func findsTheBestOfAllSequences() throws {
    let (search, _) = try search()
    #expect(search.depth == 6)
    let windows = try WindowSampler(latents, horizon: 6, batch: 66, seed: Seed(5)).windows(step: 0)
    let random = RandomSource(Seed(6))
    let (action, gain) = search.best(from: windows.states[0], reference: windows.states, random)
    let (actions, gains): ([Float], [Double]) = (action.values(), gain.values())
    for piece in [0..<64, 64..<66] {
      let places = Tensor(piece.map { Int64($0) }, [piece.count])
      let states = LatentState(
        deterministic: windows.states.deterministic.taking(places, axis: 1),
        stochastic: windows.states.stochastic.taking(places, axis: 1))
      let expert = ComparedState.both.reached(states)
      let earned = (0..<64).map { number -> [Double] in
        let actions = Tensor(
          (0..<6).flatMap { step in [Float](repeating: Float(number >> (5 - step) & 1), count: piece.count) },
          [6, piece.count, 1])
        let noise = SharedNoise(random.seed.stream("search").step(piece.lowerBound), dreamsPerWindow: 1, on: .cpu)
        let dream = Imagination(model).rollout(from: states[0], following: actions, using: random, noise: noise)
        return latentReward(expert: expert, learner: ComparedState.both.reached(dream.states)).sum(over: 0).values()
      }
      for (index, window) in piece.enumerated() {
        let best = (0..<2).map { first in (0..<32).map { earned[first << 5 | $0][index] }.max()! }
        #expect(actions[window] == (best[1] > best[0] ? 1 : 0) && abs(gains[window] - abs(best[0] - best[1])) < 1e-5)
      }
    }
  }

  @Test func teachesThePolicyWhatItFound() throws {
    let (search, learner) = try search()
    let before = learner.actor.namedParameters.map { $0.parameter.values(as: Float.self) }
    let found = (0..<3).map { search.update(step: $0) }
    #expect(found.allSatisfy { (0...1).contains($0.agreement) && $0.gain > 0 })
    #expect(learner.actor.namedParameters.map { $0.parameter.values(as: Float.self) } != before)
  }
}
