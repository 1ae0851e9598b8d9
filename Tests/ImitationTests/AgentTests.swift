import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Imitation

@Suite struct AgentTests {
  private static let size = 32 * 32
  private let frames: [[UInt8]]

  init() {
    var generator = Seed(7).generator
    frames = (0..<12).map { _ in (0..<Self.size).map { _ in UInt8.random(in: 0...255, using: &generator) } }
  }

  /// Its policy is so steep that states decide.
  private func agent(_ choice: ActionChoice = .best) -> Agent {
    let model = sharpWorldModel(actions: 5, pixels: (127, 74)) {
      ($0.deterministic, $0.hidden, $0.groups, $0.classes) = (32, 32, 4, 4)
    }
    let actor = MLP(model.sizes.features, 5, width: 16, hiddenLayers: 1, using: RandomSource(Seed(1)))
    if choice == .best { for layer in actor.layers { layer.weight.assign(layer.weight * 10) } }
    return Agent(model, actor, choosing: choice, seed: Seed(2))
  }

  @Test func forgetsWhatItHasSeenOnReset() throws {
    let agent = agent()
    let play = { try frames.map { try agent.act(on: $0) } }
    let (first, goingOn) = (try play(), try play())
    agent.reset()
    #expect(try play() == first)
    #expect(goingOn != first, "what it sees now decides alone, so this says nothing about memory")
  }

  @Test func actsInEachSlotAsIfItWereAlone() throws {
    let (together, alone) = (agent(.sampled), agent(.sampled))
    together.reset(slot: 3, episode: 8)
    alone.reset(slot: 0, episode: 8)
    for (t, frame) in frames.enumerated() {
      let other = t % 3 == 0 ? [Int: [UInt8]]() : [1: frames[(t + 5) % 12]]
      #expect(try together.act(on: other.merging([3: frame]) { $1 })[3] == alone.act(on: frame), "frame \(t)")
    }
  }

  @Test func refusesAFrameOfAnotherSize() {
    #expect(throws: ImitationError.wrongFrame(expected: Self.size, found: 10)) {
      try agent().act(on: [UInt8](repeating: 0, count: 10))
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func refusesNumbersThatAreNone(number: Float) throws {
    let space = ObservationSpace(vector: 3)
    let policy = PixelPolicy(space, depth: 1, actions: 2, PolicySizes(), using: RandomSource(Seed(0)))
    let agent = Agent(policy, Normalizer(space, on: .cpu), choosing: .best, seed: Seed(0))
    agent.reset(episode: 4)
    _ = try agent.act(on: [UInt8].bytes(of: [0, 1, 2]))
    #expect(throws: ImitationError.notFinite(episode: 4, step: 1)) {
      try agent.act(on: [UInt8].bytes(of: [0, number, 2]))
    }
  }
}
