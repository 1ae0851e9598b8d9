import Environments
import Settings
import Spaces
import Testing

@testable import Evaluation
@testable import Training

/// Sees a number and is rewarded by one, which are given for each step.
private final class Scripted: Environment {
  let slots = 1
  var observation = ObservationSpace(vector: 1)
  let actions: ActionSpace = 2
  let seen: [Float], rewards: [Double]
  private var step = 0

  init(seen: [Float], rewards: [Double]) { (self.seen, self.rewards) = (seen, rewards) }

  func reset(_ seeds: [Int: UInt64]) -> [Int: [UInt8]] {
    step = 0
    return [0: .bytes(of: [seen[0]])]
  }

  func step(_ actions: [Int: Action]) -> [Int: Outcome] {
    defer { step += 1 }
    return [
      0: Outcome(
        frame: .bytes(of: [seen[step + 1]]), reward: rewards[step], terminated: step + 1 == rewards.count,
        truncated: false)
    ]
  }

  func close() {}
}

@Suite struct PlayerTests {
  @Test(.enabled(if: AnySpaceTests.canRunGymnasium, "needs Python with gymnasium"))
  func playsNothingWithoutThePicturesItNeeds() {
    var evaluation = Evaluation(environment: "gym:CartPole-v1", pipeline: .init(.none), episodes: 1, seed: 0)
    evaluation.needsPictures = true
    #expect(throws: ExperimentError.noPixels("gym:CartPole-v1")) {
      try evaluation.run(.random, named: "random", onEpisode: { _ in Issue.record("it was played") })
    }
  }

  private func play(_ environment: Scripted) throws -> [PlayedEpisode] {
    var played: [PlayedEpisode] = []
    try EpisodePlayer(
      environment: environment, name: "gym:Own-v0", player: .random, environmentSeed: { UInt64($0) }, seed: Seed(0)
    ).play(2) { played.append($0) }
    return played
  }

  @Test func playsWhatIsFinite() throws {
    #expect(try play(Scripted(seen: [0, 1, 2], rewards: [1, 0.5])).map(\.total) == [1.5, 1.5])
  }

  @Test func cutsWhatHasNoEnd() throws {
    var (player, lengths) = (
      EpisodePlayer(
        environment: Scripted(seen: .init(repeating: 0, count: 99), rewards: .init(repeating: 1, count: 98)),
        name: "gym:Own-v0", player: .random,
        environmentSeed: { UInt64($0) }, seed: Seed(0)), [Int]()
    )
    player.longest = 5
    try player.play(2) { lengths.append($0.actions.count) }
    #expect(lengths == [5, 5])
  }

  @Test(arguments: [(nil, 4), (1, 1), (3, 3), (9, 4)]) func takesAsManyInstancesAsAreAllowed(most: Int?, slots: Int)
    throws
  {
    let road = try Player.random.environment(
      "road", pipeline: PixelPipeline(), slots: 4, Hosting(instances: most))
    #expect(road.slots == slots)
  }

  @Test(arguments: [Float.nan, .infinity]) func saysWhichObservationIsNotFinite(number: Float) {
    for step in 0..<3 {
      var seen: [Float] = [0, 1, 2]
      seen[step] = number
      #expect(
        throws: ExperimentError.notFinite(
          environment: "gym:Own-v0", episode: 0, step: step, what: "a number of the observed vector")
      ) {
        try play(Scripted(seen: seen, rewards: [1, 1]))
      }
    }
  }

  @Test func saysWhichClassThereIsNot() {
    let environment = Scripted(seen: [0, 7, 0], rewards: [1, 1])
    environment.observation = ObservationSpace([.init("gear", .classes([3]))])
    #expect(
      throws: EnvironmentError.refused(
        environment: "gym:Own-v0", reason: "episode 0, step 1: 'gear' shows a class that its space does not have")
    ) {
      try play(environment)
    }
  }

  @Test(arguments: [Double.nan, -.infinity]) func saysWhichRewardIsNotFinite(reward: Double) {
    #expect(throws: ExperimentError.notFinite(environment: "gym:Own-v0", episode: 0, step: 1, what: "the reward")) {
      try play(Scripted(seen: [0, 1, 2], rewards: [1, reward]))
    }
  }
}
