import Foundation
import Spaces
import Testing

@testable import Environments

private func pipeline(_ kind: PixelPipeline.Kind = .rendered, _ change: (inout PixelPipeline) -> Void = { _ in })
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

private let canRunGymnasium = canRun { try cartPole() }
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
private func isGone(_ process: pid_t) -> Bool { kill(process, 0) == -1 && errno == ESRCH }

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
    #expect(space.fields == [.init("_index_0", .classes([32])), .init("_index_1", .classes([11])), .init("_index_2", .classes([2]))])
    let frame = try #require(environment.reset([0: 1])[0])
    #expect(space.firstWrong(in: frame) == nil)
    #expect(frame.withUnsafeBytes { (4...21).contains(space.numbers(of: 0, in: $0)[0]) && (1...10).contains(space.numbers(of: 1, in: $0)[0]) })
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

@Suite struct PythonTests {
  /// Calls `body` with a `.venv/bin/python` that runs this shell script, in a folder that is removed afterwards.
  private func withPython(_ script: String, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ditto-\(UUID().uuidString)")
    let python = folder.appendingPathComponent(".venv/bin/python")
    try FileManager.default.createDirectory(
      at: python.deletingLastPathComponent(), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Written by another process: of a file that this one has had open for writing, a process that another test starts may still have a copy, and nobody could run it.
    let text = folder.appendingPathComponent("text")
    try "#!/bin/sh\n\(script)\n".write(to: text, atomically: true, encoding: .utf8)
    let install = try Process.run(URL(fileURLWithPath: "/usr/bin/install"), arguments: ["-m", "755", text.path, python.path])
    install.waitUntilExit()
    try body(python.path)
  }

  private func cartPole(python: String) throws -> GymnasiumEnvironment {
    try GymnasiumEnvironment(
      "CartPole-v1", pipeline: pipeline(), slots: 1, replyTimeout: .seconds(120), python: python)
  }

  @Test func reportsWhatPythonPrintedBeforeItEnded() throws {
    try withPython("echo to output; echo to error >&2; exit 3") { python in
      #expect(
        throws: EnvironmentError.workerEnded(
          environment: "gym:CartPole-v1", how: "exit code 3", lastLines: "to output\nto error")
      ) { try cartPole(python: python) }
    }
  }

  @Test func keepsTheEndOfALongOutput() throws {
    try withPython("yes noise | head -n 100000; echo last; exit 1") { python in
      let error = #expect(throws: EnvironmentError.self) { try cartPole(python: python) }
      guard case .workerEnded(_, _, let lines) = error else {
        Issue.record("threw \(String(describing: error))")
        return
      }
      #expect(lines.hasSuffix("noise\nlast") && lines.count < 200)
    }
  }

  @Test(.enabled(if: (try? findPython()) != nil, "needs a python3"))
  func namesTheMissingPackage() throws {
    // Isolated and without site-packages, Python has its standard library and nothing else.
    try withPython("exec \(try findPython()) -I -S \"$@\"") { python in
      #expect(
        throws: EnvironmentError.missingPackage(
          environment: "gym:CartPole-v1", package: "gymnasium", python: python)
      ) { try cartPole(python: python) }
    }
  }

  @Test func looksForPythonInTheDocumentedOrder() throws {
    try withPython("exit 0") { (python: String) throws -> Void in
      let folder = String(python.dropLast("/.venv/bin/python".count))
      let program = "\(folder)/.build/release/ditto"
      func found(_ variables: [String: String], in folder: String = "/", by program: String = "") throws -> String {
        try findPython(variables: variables, currentFolder: folder, executable: program)
      }
      #expect(try found(["DITTO_PYTHON": "/bin/sh", "PATH": "/bin"], in: folder) == "/bin/sh")
      #expect(try found(["PATH": "/bin"], in: folder) == python)
      #expect(try found([:], by: program) == python)
      #expect(throws: EnvironmentError.noPython("DITTO_PYTHON is '/none', which is no program")) {
        try found(["DITTO_PYTHON": "/none"], in: folder)
      }
      #expect(throws: EnvironmentError.self) { try found(["PATH": "/nowhere"]) }
    }
  }

  /// An environment of one's own. Its picture has 2 rows, 3 columns and 2 channels, its actions are 1, 2 and 3, it pays
  /// the action as the reward, and it prints.
  private static let ownModule = """
    import gymnasium, numpy
    class Own(gymnasium.Env):
      observation_space = gymnasium.spaces.Box(0, 255, (2, 3, 2), numpy.uint8)
      action_space = gymnasium.spaces.Discrete(3, start=1)
      picture = numpy.arange(12, dtype=numpy.uint8).reshape(2, 3, 2)
      def reset(self, *, seed=None, options=None):
        return self.picture, {}
      def step(self, action):
        print("took", action)
        if action == 3:
          raise RuntimeError("no third action")
        return self.picture + 100, action, action == 2, False, {}
    gymnasium.register("Own-v0", Own)
    """

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"))
  func runsAnEnvironmentOfOnesOwnModule() throws {
    let path = "PYTHONPATH=$(dirname \"$0\") PYTHONDONTWRITEBYTECODE=1"
    try withPython("\(path) exec \(try findPython()) \"$@\"") { (python: String) throws -> Void in
      let folder = URL(fileURLWithPath: python).deletingLastPathComponent()
      try Self.ownModule.write(to: folder.appendingPathComponent("own.py"), atomically: true, encoding: .utf8)
      let environment = try GymnasiumEnvironment(
        "own:Own-v0", pipeline: pipeline(.none), slots: 1, replyTimeout: .seconds(120), python: python)
      #expect(environment.observation == ObservationSpace(channels: 2, height: 2, width: 3))
      #expect(environment.actions == 3)
      let picture: [UInt8] = [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
      #expect(try environment.reset([0: 0])[0] == picture)
      let after = picture.map { $0 + 100 }
      #expect(
        try environment.step([0: 0])[0]
          == Outcome(frame: after, reward: 1, terminated: false, truncated: false))
      #expect(try environment.step([0: 1])[0] == Outcome(frame: after, reward: 2, terminated: true, truncated: false))

      _ = try environment.reset([0: 0])
      let error = #expect(throws: EnvironmentError.self) { try environment.step([0: 2]) }
      guard case .workerEnded("gym:own:Own-v0", "exit code 1", let lines) = error else {
        Issue.record("threw \(String(describing: error))")
        return
      }
      #expect(lines.hasSuffix("RuntimeError: no third action"))
    }
  }

  /// It is made with arguments, sees several things, and returns what Gymnasium's own do not: an observation alone, numbers in lists, a reward in an array.
  private static let oddModule = """
    import gymnasium, numpy
    class Odd(gymnasium.Env):
      observation_space = gymnasium.spaces.Dict({
        "speeds": gymnasium.spaces.Box(-1, 1, (2,), numpy.float64), "front": gymnasium.spaces.Box(0, 255, (1, 5, 4), numpy.uint8),
        "legs": gymnasium.spaces.MultiBinary(3), "gear": gymnasium.spaces.Discrete(3, start=-1)})
      action_space = gymnasium.spaces.Box(-0.1, 0.1, (1,), numpy.float64)
      def __init__(self, pay=1.0, name=None):
        self.pay, self.name = pay, name
      def seen(self):
        return {"speeds": [0.5, -1], "front": [[[7] * 4] * 5], "legs": [1, 0, 1], "gear": 1}
      def reset(self, *, seed=None, options=None):
        assert self.name == "any name"
        return self.seen()
      def step(self, action):
        assert self.action_space.contains(action)
        return self.seen(), numpy.array([self.pay]), False, False, {}
    gymnasium.register("Odd-v0", Odd)
    """

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"))
  func takesWhatIsClear() throws {
    let path = "PYTHONPATH=$(dirname \"$0\") PYTHONDONTWRITEBYTECODE=1"
    try withPython("\(path) exec \(try findPython()) \"$@\"") { (python: String) throws -> Void in
      let folder = URL(fileURLWithPath: python).deletingLastPathComponent()
      try Self.oddModule.write(to: folder.appendingPathComponent("odd.py"), atomically: true, encoding: .utf8)
      let make = { (arguments: [String]) in
        try GymnasiumEnvironment("odd:Odd-v0", pipeline: pipeline(.none) { $0.arguments = arguments }, slots: 1, replyTimeout: .seconds(120), python: python)
      }
      let environment = try make(["pay=2.5", "name=any name"])
      #expect(environment.observation == ObservationSpace([
        .init("front", .image(channels: 1, height: 5, width: 4)), .init("gear", .classes([3])), .init("legs", .classes([2, 2, 2])), .init("speeds", .vector(2)),
      ]))
      let frame = [UInt8](repeating: 7, count: 20) + .bytes(of: [2, 1, 0, 1, 0.5, -1])
      #expect(try environment.reset([0: 0])[0] == frame)
      // The nearest number in single precision lies beyond the bound in double.
      #expect(try environment.step([0: .continuous([0.1])])[0] == Outcome(frame: frame, reward: 2.5, terminated: false, truncated: false))
      let error = #expect(throws: EnvironmentError.self) { _ = try make(["pay 2.5"]) }
      #expect("\(error!)".contains("a name, '=' and a value"))
    }
  }

  /// An environment that sees what it draws from the generators that all environments share, and that starts a process.
  private static let drawingModule = """
    import gymnasium, numpy, random, subprocess
    class Drawing(gymnasium.Env):
      observation_space = gymnasium.spaces.Box(-1, 1, (2,), numpy.float32)
      action_space = gymnasium.spaces.Discrete(2)
      def seen(self):
        return numpy.array([random.random(), numpy.random.random()], numpy.float32)
      def reset(self, *, seed=None, options=None):
        return self.seen(), {}
      def step(self, action):
        return self.seen(), 0, False, False, {}
    class Starting(Drawing):
      def reset(self, *, seed=None, options=None):
        child = subprocess.Popen(["sleep", "1000"])
        return numpy.array([child.pid, 0], numpy.float32), {}
    class Slow(Drawing):
      def reset(self, *, seed=None, options=None):
        import time
        time.sleep(1000)
    gymnasium.register("Drawing-v0", Drawing)
    gymnasium.register("Starting-v0", Starting)
    gymnasium.register("Slow-v0", Slow)
    """

  /// Makes environments of that module, in whose folder, the worker's working folder, lie files with the names of Python's own modules.
  private func withDrawing(_ body: ((_ id: String, _ slots: Int, _ isStopped: @escaping () -> Bool) throws -> GymnasiumEnvironment) throws -> Void) throws {
    try withPython("cd \"$(dirname \"$0\")\" && PYTHONDONTWRITEBYTECODE=1 exec \(try findPython()) \"$@\"") { (python: String) throws -> Void in
      let folder = URL(fileURLWithPath: python).deletingLastPathComponent()
      try Self.drawingModule.write(to: folder.appendingPathComponent("drawing.py"), atomically: true, encoding: .utf8)
      for name in ["random", "types", "json", "signal", "numpy", "gymnasium"] {
        try "raise SystemExit('\(name).py of the working folder')".write(to: folder.appendingPathComponent(name + ".py"), atomically: true, encoding: .utf8)
      }
      try body { id, slots, isStopped in
        try GymnasiumEnvironment("drawing:\(id)", pipeline: pipeline(.none), slots: slots, replyTimeout: .seconds(120), python: python, unless: isStopped)
      }
    }
  }

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"))
  func seedsWhatEnvironmentsShare() throws {
    try withDrawing { make in
      let (one, many) = (try make("Drawing-v0", 1) { false }, try make("Drawing-v0", 3) { false })
      var alone = [try one.reset([0: 5])[0]!]
      for _ in 0..<3 { alone.append(try one.step([0: 1])[0]!.frame) }
      let others = try many.reset([0: 6, 1: 5])
      #expect(others[0] != others[1])
      var beside = [others[1]!]
      for step in 0..<3 {
        if step == 1 { _ = try many.reset([2: 5]) }
        beside.append(try many.step([0: 0, 1: 0])[1]!.frame)
      }
      #expect(Set(alone).count == 4 && beside == alone)
      #expect(try one.reset([0: 5])[0] == alone[0])
    }
  }

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"))
  func endsWhatAnEnvironmentStarted() throws {
    try withDrawing { make in
      let environment = try make("Starting-v0", 1) { false }
      let child = try environment.reset([0: 0])[0]!.withUnsafeBytes { pid_t($0.loadUnaligned(as: Float.self)) }
      #expect(kill(child, 0) == 0)
      environment.close()
      // Nobody here is told when it ends; until then it is there, or waits for its parent's parent to notice.
      while kill(child, 0) == 0, try !String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8).contains(") Z ") { usleep(1_000) }
    }
  }

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium"))
  func givesUpWaitingWhenItIsTold() throws {
    try withDrawing { make in
      var asked = 0
      let environment = try make("Slow-v0", 1) {
        asked += 1
        return asked > 1_000
      }
      asked = 998
      #expect(throws: EnvironmentError.stopped(environment: "gym:drawing:Slow-v0")) { try environment.reset([0: 0]) }
      #expect(isGone(environment.workerIdentifier))
    }
  }

  @Test func refusesARoadPipeline() {
    #expect(
      throws: EnvironmentError.wrongPipeline(
        environment: "gym:CartPole-v1", kind: .road, supported: [.rendered, .atari, .none])
    ) { try GymnasiumEnvironment("CartPole-v1", pipeline: PixelPipeline(), slots: 1) }
  }
}

@Suite struct MakeEnvironmentTests {
  @Test func makesTheRoad() throws {
    let environment = try makeEnvironment("road", pipeline: PixelPipeline(), slots: 4)
    #expect(environment is any ScriptedExpert && environment.slots == 4 && environment.actions == 3)
    #expect(environment.observation == ObservationSpace(channels: 1, height: 32, width: 32))
  }

  @Test(arguments: ["raod", "gym:", "", "CartPole-v1"]) func namesWhatExists(name: String) {
    let error = #expect(throws: EnvironmentError.unknownEnvironment(name)) {
      try makeEnvironment(name, pipeline: PixelPipeline(), slots: 1)
    }
    #expect(error?.description.contains("'road' (built in) and 'gym:ID'") == true)
  }
}
