import Foundation
import Spaces
import Testing

@testable import Environments

func pipeline(_ kind: PixelPipeline.Kind = .rendered, _ change: (inout PixelPipeline) -> Void = { _ in })
  -> PixelPipeline
{
  var pipeline = PixelPipeline()
  pipeline.kind = kind
  pipeline.size = 64
  change(&pipeline)
  return pipeline
}

private func cartPole(slots: Int = 1, replyTimeout: Duration = .seconds(120)) throws -> GymnasiumEnvironment {
  try GymnasiumEnvironment(
    "CartPole-v1", pipeline: pipeline { $0.crop = [160, 320, 100, 500] }, slots: slots, replyTimeout: replyTimeout)
}

private func pong(slots: Int = 1) throws -> GymnasiumEnvironment {
  try GymnasiumEnvironment("ALE/Pong-v5", pipeline: pipeline(.atari), slots: slots)
}

let canRunGymnasium = canRun { try cartPole() }
private let canRunAtari = canRun { try pong() }

/// Whether this machine has what an environment needs; any other trouble is for the tests to find.
private func canRun(_ make: () throws -> GymnasiumEnvironment) -> Bool {
  do {
    _ = try make().reset([0: 0])
    return true
  } catch EnvironmentError.noPython, EnvironmentError.missingPackage {
    return false
  } catch {
    return true
  }
}

/// No such process, not even a zombie.
func isGone(_ process: pid_t) -> Bool { kill(process, 0) == -1 && errno == ESRCH }

@Suite(.enabled(if: canRunGymnasium, "needs Python with gymnasium, pygame, opencv-python-headless; see DITTO_PYTHON"))
struct GymnasiumEnvironmentTests {
  @Test func showsCartPole() throws {
    let environment = try cartPole()
    defer { environment.close() }
    #expect(environment.observation == ObservationSpace(channels: 1, height: 64, width: 64))
    #expect(environment.actions == 2)
    let frame = try environment.reset([0: 0])[0]!
    #expect(frame.count == 4096)
    // White sky, and a black cart a few pixels high on the track, somewhere in the middle.
    #expect(frame[0..<64].allSatisfy { $0 == 255 })
    #expect(frame[(54 * 64 + 24)..<(54 * 64 + 40)].contains { $0 < 20 })
  }

  @Test func anEpisodeDependsOnItsSeedAndActionsOnly() throws {
    let one = try cartPole()
    let many = try cartPole(slots: 3)
    defer { one.close(); many.close() }
    let first = try one.reset([0: 5])
    let firsts = try many.reset([2: 5, 0: 6])
    #expect(firsts[2] == first[0] && firsts[0] != first[0])
    for step in 0..<8 {
      let outcome = try one.step([0: .discrete(step % 2)])
      let outcomes = try many.step([0: 1, 2: .discrete(step % 2)])
      #expect(outcomes.keys.sorted() == [0, 2])
      #expect(outcomes[2] == outcome[0])
      #expect(outcome[0]?.reward == 1)
    }
    #expect(try one.reset([0: 5]) == first)
  }

  @Test func endsWhenThePoleFalls() throws {
    let environment = try cartPole()
    defer { environment.close() }
    _ = try environment.reset([0: 0])
    var steps = 0
    var outcome: Outcome
    repeat {
      outcome = try environment.step([0: 1])[0]!
      steps += 1
    } while !outcome.ended
    #expect((8...12).contains(steps) && outcome.terminated && !outcome.truncated)
    #expect(throws: EnvironmentError.notRunning(slot: 0)) { try environment.step([0: 1]) }
  }

  @Test func theStepLimitTruncates() throws {
    let environment = try GymnasiumEnvironment(
      "CartPole-v1", pipeline: pipeline { $0.maxEpisodeSteps = 2 }, slots: 1)
    defer { environment.close() }
    _ = try environment.reset([0: 0])
    #expect(try environment.step([0: 0])[0]?.ended == false)
    #expect(try environment.step([0: 1])[0]?.truncated == true)
  }

  @Test(.enabled(if: canRunAtari, "needs ale-py")) func startsAtariGamesAtDifferentTimes() throws {
    let environment = try pong(slots: 2)
    defer { environment.close() }
    #expect(environment.observation == ObservationSpace(channels: 1, height: 64, width: 64))
    #expect(environment.actions == 6)
    /// Whether two games of these seeds look the same once the ball is in play.
    func lookTheSame(_ seed: UInt64, _ other: UInt64) throws -> Bool {
      _ = try environment.reset([0: seed, 1: other])
      var outcomes: [Int: Outcome] = [:]
      for _ in 0..<40 { outcomes = try environment.step([0: 2, 1: 2]) }
      return outcomes[0] == outcomes[1]
    }
    #expect(try lookTheSame(0, 0))
    #expect(try !lookTheSame(0, 1))
  }

  @Test func takesEverySeed() throws {
    let environment = try cartPole()
    defer { environment.close() }
    #expect(try environment.reset([0: .max])[0]?.count == 4096)
  }

  @Test func refusesBadCalls() throws {
    let environment = try cartPole(slots: 2)
    defer { environment.close() }
    #expect(throws: EnvironmentError.notRunning(slot: 0)) { try environment.step([0: 0]) }
    #expect(throws: EnvironmentError.unknownSlot(2, slots: 2)) { try environment.reset([2: 0]) }
    _ = try environment.reset([0: 0])
    #expect(throws: EnvironmentError.wrongAction(slot: 0, action: 2, actions: 2)) {
      try environment.step([0: 2])
    }
    #expect(try environment.step([0: 1]).count == 1)
  }

  @Test(arguments: [
    ("NoSuchTask-v0", pipeline(), "NoSuchTask"),
    ("CartPole-v1", pipeline(.atari), "kind 'atari'"),
    ("CartPole-v1", pipeline { $0.crop = [1, 2] }, "give [top, bottom, left, right]"),
    ("CartPole-v1", pipeline { $0.crop = [0, 401, 0, 0] }, "does not fit the picture, 400 rows of 600 columns"),
  ])
  func saysWhyAnEnvironmentDoesNotFit(id: String, pipeline: PixelPipeline, part: String) throws {
    do {
      _ = try GymnasiumEnvironment(id, pipeline: pipeline, slots: 1).reset([0: 0])
      Issue.record("was accepted")
    } catch EnvironmentError.refused(let environment, let reason) {
      #expect(environment == "gym:\(id)" && reason.contains(part), "\(reason)")
    } catch EnvironmentError.missingPackage(_, let package, _) {
      #expect(package == "ale-py")  // Atari is optional.
    }
  }

  /// Numbers seen and done, alone and beside the rendered picture.
  @Test func showsVectorsAndTakesNumbers() throws {
    let alone = try GymnasiumEnvironment("Pendulum-v1", pipeline: pipeline(.none), slots: 2)
    let beside = try GymnasiumEnvironment("Pendulum-v1", pipeline: pipeline { $0.vector = true }, slots: 1)
    defer { alone.close(); beside.close() }
    #expect(alone.observation == ObservationSpace(vector: 3) && alone.actions == .box(low: [-2], high: [2]))
    #expect(beside.observation == ObservationSpace(height: 64, width: 64, vector: 3))
    let numbers = { (frame: [UInt8]) in frame.withUnsafeBytes { alone.observation.numbers(of: 0, in: $0) } }
    let (first, both) = (try #require(alone.reset([0: 3, 1: 3])[0]), try #require(beside.reset([0: 3])[0]))
    #expect(abs(numbers(first)[0] * numbers(first)[0] + numbers(first)[1] * numbers(first)[1] - 1) < 1e-5)
    #expect(Array(both.suffix(12)) == first && both.count == 64 * 64 + 12)
    // The torque turns it: the two slots began alike.
    let outcomes = try alone.step([0: .continuous([2]), 1: .continuous([-2])])
    #expect(abs(numbers(outcomes[0]!.frame)[2] - numbers(outcomes[1]!.frame)[2] - 0.6) < 1e-4)
    for action: Action in [.continuous([2.5]), .continuous([0, 0]), .continuous([.nan]), 0] {
      #expect { try alone.step([0: action]) } throws: { error in
        if case EnvironmentError.wrongAction(slot: 0, _, actions: alone.actions) = error { true } else { false }
      }
    }
  }

  /// A tuple of three numbers that are classes.
  @Test func showsClasses() throws {
    let environment = try GymnasiumEnvironment("Blackjack-v1", pipeline: pipeline(.none), slots: 1)
    defer { environment.close() }
    let space = environment.observation
    #expect(
      space.fields == [
        .init("_index_0", .classes([32])), .init("_index_1", .classes([11])), .init("_index_2", .classes([2])),
      ])
    let frame = try #require(environment.reset([0: 1])[0])
    #expect(space.firstWrong(in: frame) == nil)
    #expect(
      frame.withUnsafeBytes {
        (4...21).contains(space.numbers(of: 0, in: $0)[0]) && (1...10).contains(space.numbers(of: 1, in: $0)[0])
      })
  }

  @Test func aCrashIsAnErrorAndStaysOne() throws {
    let environment = try cartPole()
    _ = try environment.reset([0: 0])
    kill(environment.workerIdentifier, SIGSEGV)
    let crash = #expect(throws: EnvironmentError.self) { while true { _ = try environment.reset([0: 0]) } }
    guard case .workerEnded("gym:CartPole-v1", let how, _) = crash else {
      Issue.record("threw \(String(describing: crash))")
      return
    }
    #expect(how.hasPrefix("signal 11"))
    #expect(isGone(environment.workerIdentifier))
    #expect(throws: crash!) { try environment.step([0: 0]) }
  }

  @Test func silenceIsAnErrorAndEndsTheWorker() throws {
    // Long enough for a start on a busy machine, short enough to wait for.
    let environment = try cartPole(replyTimeout: .seconds(20))
    _ = try environment.reset([0: 0])
    kill(environment.workerIdentifier, SIGSTOP)
    environment.replyTimeout = .milliseconds(50)
    let silence = #expect(throws: EnvironmentError.self) { try environment.reset([0: 0]) }
    guard case .workerSilent("gym:CartPole-v1", .milliseconds(50), _) = silence else {
      Issue.record("threw \(String(describing: silence))")
      return
    }
    #expect(isGone(environment.workerIdentifier))
  }

  @Test func nothingIsLeftAfterClosing() throws {
    let environment = try cartPole()
    environment.close()
    #expect(isGone(environment.workerIdentifier))
    #expect(throws: EnvironmentError.closed(environment: "gym:CartPole-v1")) { try environment.reset([0: 0]) }
    environment.close()
  }

  @Test func nothingIsLeftAfterAnEnvironmentIsFreed() throws {
    let process = try cartPole().workerIdentifier
    #expect(isGone(process))
  }
}
