import Settings
import Spaces
import Testing

@testable import Environments

@Suite struct RoadTests {
  /// The mean return of one episode per seed, each action uniformly random with probability `noise`, else the expert's.
  private func meanReturn(noise: Double, seeds: Range<UInt64>) throws -> Double {
    let road = try Road(pipeline: PixelPipeline(), slots: 1)
    var total = 0.0
    for seed in seeds {
      var random = Seed(seed).stream("noise").generator
      _ = try road.reset([0: seed])
      var ended = false
      while !ended {
        let isRandom = Double.random(in: 0..<1, using: &random) < noise
        let action = isRandom ? .discrete(Int.random(in: 0..<3, using: &random)) : try road.expertAction(in: 0)
        let outcome = try road.step([0: action])[0]!
        total += outcome.reward
        ended = outcome.ended
      }
    }
    return total / Double(seeds.count)
  }

  @Test func theExpertStaysOnEveryRoad() throws {
    #expect(try meanReturn(noise: 0, seeds: 0..<50) == 300)
  }

  @Test func noiseShortensTheDrive() throws {
    let some = try meanReturn(noise: 0.3, seeds: 0..<100)
    #expect((150...280).contains(some))
    let half = try meanReturn(noise: 0.5, seeds: 0..<100)
    #expect((40...110).contains(half))
    let only = try meanReturn(noise: 1, seeds: 0..<200)
    #expect((8...15).contains(only))
  }

  @Test func anEpisodeDependsOnItsSeedAndActionsOnly() throws {
    let one = try Road(pipeline: PixelPipeline(), slots: 1)
    let many = try Road(pipeline: PixelPipeline(), slots: 3)
    let first = try one.reset([0: 7])
    let firsts = try many.reset([0: 8, 2: 7])
    #expect(firsts[2] == first[0])
    #expect(firsts[0] != first[0])
    #expect(firsts.keys.sorted() == [0, 2])
    for action: Action in [0, 2, 1, 2, 2] {
      let outcome = try one.step([0: action])
      #expect(try many.step([0: 1, 2: action])[2] == outcome[0])
    }
    #expect(try one.reset([0: 7]) == first)
  }

  @Test func refusesWhatItDoesNotDraw() throws {
    var pipeline = PixelPipeline()
    pipeline.size = 48
    #expect(throws: EnvironmentError.unsupportedSize(environment: "road", size: 48, supported: [32, 64])) {
      try Road(pipeline: pipeline, slots: 1)
    }
    pipeline.kind = .atari
    #expect(throws: EnvironmentError.wrongPipeline(environment: "road", kind: .atari, supported: [.road])) {
      try Road(pipeline: pipeline, slots: 1)
    }
    #expect(throws: EnvironmentError.tooFewSlots(0)) { try Road(pipeline: PixelPipeline(), slots: 0) }
  }

  @Test func refusesSlotsWithoutAnEpisode() throws {
    let road = try Road(pipeline: PixelPipeline(), slots: 2)
    #expect(throws: EnvironmentError.unknownSlot(2, slots: 2)) { try road.reset([2: 0]) }
    #expect(throws: EnvironmentError.notRunning(slot: 1)) { try road.step([1: 0]) }
    #expect(throws: EnvironmentError.notRunning(slot: 1)) { try road.expertAction(in: 1) }
    #expect(throws: EnvironmentError.unknownSlot(-1, slots: 2)) { try road.expertAction(in: -1) }
    _ = try road.reset([1: 0])
    #expect(throws: EnvironmentError.wrongAction(slot: 1, action: 3, actions: 3)) { try road.step([1: 3]) }
    #expect(throws: EnvironmentError.wrongAction(slot: 1, action: -1, actions: 3)) { try road.step([1: -1]) }
  }

  @Test func noSlotMovesWhenOneActionIsRefused() throws {
    let road = try Road(pipeline: PixelPipeline(), slots: 2)
    _ = try road.reset([0: 3, 1: 3])
    #expect(throws: EnvironmentError.self) { try road.step([0: 0, 1: 5]) }
    let outcomes = try road.step([0: 2, 1: 2])
    #expect(outcomes[0] == outcomes[1])
  }

  @Test func leavingTheRoadTerminatesAndPaysItsLastStep() throws {
    let road = try Road(pipeline: PixelPipeline(), slots: 1)
    _ = try road.reset([0: 1])
    var outcome = try road.step([0: 0])[0]!
    while !outcome.ended { outcome = try road.step([0: 0])[0]! }
    #expect(outcome.terminated && !outcome.truncated)
    #expect(outcome.reward == 1)
    #expect(throws: EnvironmentError.notRunning(slot: 0)) { try road.step([0: 0]) }
  }

  @Test func theStepLimitTruncates() throws {
    var pipeline = PixelPipeline()
    pipeline.maxEpisodeSteps = 2
    let road = try Road(pipeline: pipeline, slots: 1)
    _ = try road.reset([0: 0])
    #expect(try road.step([0: road.expertAction(in: 0)])[0]?.ended == false)
    let last = try road.step([0: road.expertAction(in: 0)])[0]
    #expect(last?.truncated == true && last?.terminated == false)
  }
}

@Suite struct RoadEpisodeTests {
  @Test func drawsTheDocumentedPixels() {
    // Centre at 16, car at 17.25. Pixel centres are at i + 0.5.
    let frame = RoadEpisode(bends: [], x: 17.25).frame(size: 32)
    func pixel(_ column: Int, _ row: Int) -> UInt8 { frame[row * 32 + column] }
    #expect(frame.count == 1024)
    #expect(
      (0..<32).map { pixel($0, 0) }
        == (0..<32).map { i -> UInt8 in
          switch i {
          case 11, 20: 55  // 4.5 off: half road
          case 12...19: 90
          default: 20
          }
        })
    #expect(pixel(16, 24) == 90 && pixel(16, 28) == 90)
    for row in 25...27 {
      #expect(pixel(14, row) == 90)  // 2.75 from the car
      #expect(pixel(15, row) == 131)  // 1.75: 90 + 0.25 · 165, rounded
      #expect(pixel(16, row) == 255 && pixel(17, row) == 255)
      #expect(pixel(18, row) == 214)  // 1.25: 90 + 0.75 · 165, rounded
      #expect(pixel(19, row) == 90)
    }
  }

  @Test func rowsShowTheRoadAhead() {
    // A quarter of the wavelength, 8 rows, ahead the line is 4 to the right.
    var episode = RoadEpisode(bends: [.init(amplitude: 4, wavelength: 32, phase: 0)], x: 16)
    func roadCentre(_ row: Int) -> Double {
      let pixels = episode.frame(size: 32)[row * 32..<(row + 1) * 32].map { Double($0) - 20 }
      let columns = pixels.indices.map { (Double($0) + 0.5) * pixels[$0] }
      return columns.reduce(0, +) / pixels.reduce(0, +)
    }
    #expect(abs(roadCentre(18) - 20) < 0.02)
    #expect(abs(roadCentre(10) - 16) < 0.02)
    #expect(abs(roadCentre(2) - 12) < 0.02)
    for _ in 0..<8 { episode.step(1) }
    #expect(abs(roadCentre(10) - 12) < 0.02)
  }

  @Test func theLargePictureIsTheSameViewAtTwiceTheResolution() {
    let frame = RoadEpisode(bends: [], x: 16).frame(size: 64)
    func pixel(_ column: Int, _ row: Int) -> UInt8 { frame[row * 64 + column] }
    #expect(frame.count == 4096)
    #expect(pixel(22, 0) == 38)  // centre 11.25, 4.75 off the line: 20 + 70 · 0.25, rounded
    #expect(pixel(23, 0) == 73)  // centre 11.75, 4.25 off
    #expect(pixel(24, 0) == 90 && pixel(21, 0) == 20)
    #expect(pixel(32, 49) == 90 && pixel(32, 50) == 255 && pixel(32, 55) == 255 && pixel(32, 56) == 90)
  }

  @Test func steeringHasInertia() {
    var episode = RoadEpisode(bends: [], x: 16)
    for (action, v, x) in [(2, 0.8, 16.8), (1, 0.48, 17.28), (0, -0.512, 16.768)] {
      episode.step(action)
      #expect(abs(episode.v - v) < 1e-12 && abs(episode.x - x) < 1e-12)
    }
    #expect(episode.steps == 3)
  }

  @Test(arguments: [(20.5, false), (20.51, true), (11.5, false), (11.49, true)])
  func isOffRoadBeyondFourAndAHalfUnits(x: Double, expected: Bool) {
    #expect(RoadEpisode(bends: [], x: x).isOffRoad == expected)
  }

  @Test(arguments: [(16.0, 1), (15.5, 1), (15.4, 2), (16.5, 1), (16.6, 0)])
  func theExpertSteersTowardsTheCentre(x: Double, expected: Int) {
    #expect(RoadEpisode(bends: [], x: x).expertAction == expected)
  }

  @Test(arguments: (0..<32).map(UInt64.init)) func drawsWithinItsRanges(seed: UInt64) {
    let episode = RoadEpisode(seed: Seed(seed))
    #expect(abs(episode.x - episode.centre(0)) <= 1 && episode.v == 0)
    #expect(episode.bends.count == 2 && episode.bends.allSatisfy { (2...4.5).contains($0.amplitude) })
    #expect((24...40).contains(episode.bends[0].wavelength) && (40...70).contains(episode.bends[1].wavelength))
  }
}
