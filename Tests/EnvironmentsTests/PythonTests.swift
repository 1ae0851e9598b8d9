import Foundation
import Spaces
import Testing

@testable import Environments

@Suite struct PythonTests {
  /// Calls `body` with a `.venv/bin/python` that runs this shell script, in a folder that is removed afterwards.
  private func withPython(_ script: String, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ditto-\(UUID().uuidString)")
    let python = folder.appendingPathComponent(".venv/bin/python")
    try FileManager.default.createDirectory(
      at: python.deletingLastPathComponent(), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Written by another process: of a file that this one has had open for writing, a process that another test starts
    // may still have a copy, and nobody could run it.
    let text = folder.appendingPathComponent("text")
    try "#!/bin/sh\n\(script)\n".write(to: text, atomically: true, encoding: .utf8)
    let install = try Process.run(
      URL(fileURLWithPath: "/usr/bin/install"), arguments: ["-m", "755", text.path, python.path])
    install.waitUntilExit()
    try body(python.path)
  }

  /// Calls `body` with a Python that finds a module of this text.
  private func withModule(_ name: String, _ text: String, _ body: (String) throws -> Void) throws {
    let path = "PYTHONPATH=$(dirname \"$0\") PYTHONDONTWRITEBYTECODE=1"
    try withPython("\(path) exec \(try findPython()) \"$@\"") { python in
      let folder = URL(fileURLWithPath: python).deletingLastPathComponent()
      try text.write(to: folder.appendingPathComponent("\(name).py"), atomically: true, encoding: .utf8)
      try body(python)
    }
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
    try withModule("own", Self.ownModule) { (python: String) throws -> Void in
      let environment = try GymnasiumEnvironment(
        "own:Own-v0", pipeline: pipeline(.none), slots: 1, replyTimeout: .seconds(120), python: python)
      #expect(environment.observation == ObservationSpace(channels: 2, height: 2, width: 3))
      #expect(environment.actions.fits(3) && environment.actions.parts[0].starts == [1])
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

  /// It is made with arguments, sees several things, and returns what Gymnasium's own do not: an observation alone,
  /// numbers in lists, a reward in an array.
  private static let oddModule = """
    import gymnasium, numpy
    class Odd(gymnasium.Env):
      observation_space = gymnasium.spaces.Dict({
        "speeds": gymnasium.spaces.Box(-1, 1, (2,), numpy.float64), "front": gymnasium.spaces.Box(0, 255, (1, 5, 4), numpy.uint8),
        "legs": gymnasium.spaces.MultiBinary(3), "gear": gymnasium.spaces.Discrete(3, start=-1),
        "mission": gymnasium.spaces.Text(20)})
      action_space = gymnasium.spaces.Box(-0.1, 0.1, (1,), numpy.float64)
      def __init__(self, pay=1.0, name=None):
        self.pay, self.name = pay, name
      def seen(self):
        return {"speeds": [0.5, -1], "front": [[[7] * 4] * 5], "legs": [1, 0, 1], "gear": 1, "mission": "go"}
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
    try withModule("odd", Self.oddModule) { (python: String) throws -> Void in
      let make = { (arguments: [String]) in
        try GymnasiumEnvironment(
          "odd:Odd-v0", pipeline: pipeline(.none) { $0.arguments = arguments }, slots: 1, replyTimeout: .seconds(120),
          python: python)
      }
      let environment = try make(["pay=2.5", "name=any name"])
      #expect(
        environment.observation
          == ObservationSpace([
            .init("front", .image(channels: 1, height: 5, width: 4)), .init("gear", .classes([3])),
            .init("legs", .classes([2, 2, 2])), .init("speeds", .vector(2)),
          ]))
      #expect(environment.leftOut == ["mission"])
      let frame = [UInt8](repeating: 7, count: 20) + .bytes(of: [2, 1, 0, 1, 0.5, -1])
      #expect(try environment.reset([0: 0])[0] == frame)
      // The nearest number in single precision lies beyond the bound in double.
      #expect(
        try environment.step([0: .continuous([0.1])])[0]
          == Outcome(frame: frame, reward: 2.5, terminated: false, truncated: false))
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

  /// Makes environments of that module, in whose folder, the worker's working folder, lie files with the names of
  /// Python's own modules.
  private func withDrawing(
    _ body: ((_ id: String, _ slots: Int, _ isStopped: @escaping () -> Bool) throws -> GymnasiumEnvironment) throws ->
      Void
  ) throws {
    try withPython("cd \"$(dirname \"$0\")\" && PYTHONDONTWRITEBYTECODE=1 exec \(try findPython()) \"$@\"") {
      (python: String) throws -> Void in
      let folder = URL(fileURLWithPath: python).deletingLastPathComponent()
      try Self.drawingModule.write(to: folder.appendingPathComponent("drawing.py"), atomically: true, encoding: .utf8)
      for name in ["random", "types", "json", "signal", "numpy", "gymnasium"] {
        try "raise SystemExit('\(name).py of the working folder')".write(
          to: folder.appendingPathComponent(name + ".py"), atomically: true, encoding: .utf8)
      }
      try body { id, slots, isStopped in
        try GymnasiumEnvironment(
          "drawing:\(id)", pipeline: pipeline(.none), slots: slots, replyTimeout: .seconds(120), python: python,
          unless: isStopped)
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
      while kill(child, 0) == 0, try !String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8).contains(") Z ") {
        usleep(1_000)
      }
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

  /// What is no observation, reward or end, by what it is asked to return.
  private static let wrongModule = """
    import gymnasium, numpy
    class Wrong(gymnasium.Env):
      observation_space = gymnasium.spaces.Box(0, 255, (4, 4), numpy.uint8)
      action_space = gymnasium.spaces.Discrete(2)
      def __init__(self, first="numpy.zeros((4, 4), 'uint8')", then="(numpy.zeros((4, 4), 'uint8'), 0.0, False, False, {})"):
        self.first, self.then = first, then
      def reset(self, *, seed=None, options=None):
        return eval(self.first), {}
      def step(self, action):
        return eval(self.then)
    gymnasium.register("Wrong-v0", Wrong)
    """

  @Test(
    .enabled(if: canRunGymnasium, "needs Python with gymnasium"),
    arguments: [
      ("first=None", "its reset returned what is no observation"),
      ("first=numpy.zeros((3, 4), 'uint8')", "its reset returned what is no observation"),
      ("first=numpy.zeros((2, 8), 'uint8')", "its shape is (2, 8), where (1, 4, 4) belongs"),
      ("first=numpy.full((4, 4), 0.7)", "no uint8"),
      ("then=(None, 0.0, False, False, {})", "its step returned what is no observation"),
      ("then=(numpy.zeros((4, 4), 'uint8'), None, False, False, {})", "the reward None, which is no number"),
      ("then=(numpy.zeros((4, 4), 'uint8'), 0.0, numpy.zeros(2), False, {})", "for whether the episode is over"),
      ("then=(1, 2, 3)", "not observation, reward, terminated, truncated and info"),
    ])
  func saysWhichCallReturnedWhat(argument: String, reason: String) throws {
    try withModule("wrong", Self.wrongModule) { (python: String) throws -> Void in
      let environment = try GymnasiumEnvironment(
        "wrong:Wrong-v0", pipeline: pipeline(.none) { $0.arguments = [argument] }, slots: 1,
        replyTimeout: .seconds(120), python: python)
      let error = #expect(throws: EnvironmentError.self) {
        _ = try environment.reset([0: 0])
        _ = try environment.step([0: 0])
      }
      #expect("\(error!)".contains(reason), "\(error!)")
    }
  }

  @Test(.enabled(if: canRunGymnasium, "needs Python with gymnasium")) func saysThatAResetTakesNoSeed() throws {
    let module = """
      import gymnasium, numpy
      class Old(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (4, 4), numpy.uint8)
        action_space = gymnasium.spaces.Box(-3, 3, (2,), numpy.int16)
        def reset(self):
          return numpy.zeros((4, 4), "uint8")
      gymnasium.register("Old-v0", Old)
      """
    try withModule("old", module) { (python: String) throws -> Void in
      let environment = try GymnasiumEnvironment(
        "old:Old-v0", pipeline: pipeline(.none), slots: 1, replyTimeout: .seconds(120), python: python)
      #expect(environment.nearest(to: .continuous([1.6, -7])) == .continuous([2, -3]))
      let error = #expect(throws: EnvironmentError.self) { _ = try environment.reset([0: 0]) }
      #expect("\(error!)".contains("its reset does not take a seed and options"), "\(error!)")
    }
  }
}
