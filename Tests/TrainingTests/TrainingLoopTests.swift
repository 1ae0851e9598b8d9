import Demonstrations
import Foundation
import Testing
import Torch

@testable import Runs
@testable import Training

/// A folder that is gone when the test ends.
private final class ScratchFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("ditto-test-\(UUID())")
  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ path: String) -> URL { url.appendingPathComponent(path) }
}

/// Says one thing of every step.
private final class Constant: Trainer, Learner {
  let metric, weight: Double
  /// After which its data is not what it was.
  var lastGoodStep = Int.max
  private var step = 0
  init(_ metric: Double, weight: Double = 0) { (self.metric, self.weight) = (metric, weight) }
  func update(step: Int) throws -> Metrics {
    self.step = step + 1
    return ["loss": .full([], metric)]
  }
  func checkData() throws {
    if step > lastGoodStep { throw DemonstrationError.changedInUse(file: "data") }
  }
  func validate() throws -> Metrics { [:] }
  var learner: any Learner { self }
  var weights: NamedTensors { [("weight", .full([2], weight))] }
  let memory: NamedTensors = []
}

@Suite struct TrainingLoopTests {
  private func created(_ scratch: ScratchFolder, seed: UInt64 = 0) throws -> RunFolder {
    struct Details: Codable, Sendable {}
    return try RunFolder.create(
      at: scratch("run"), configuration: "",
      record: RunRecord(kind: .agent, seed: seed, version: "test", started: Date(), details: Details()))
  }

  /// Saves after each of three steps, keeps one, and logs after the last.
  private func train(
    _ trainer: Constant, in folder: RunFolder, logInterval: Int = 50, alarms: [Alarm] = []
  ) throws {
    var configuration = TrainingConfiguration()
    (configuration.steps, configuration.checkpointInterval, configuration.keptCheckpoints) = (3, 1, 1)
    configuration.logInterval = logInterval
    try TrainingLoop(
      trainer: trainer, run: folder, configuration: configuration, label: "test", shown: [], alarms: alarms)()
  }

  private func train(_ metric: Double, in scratch: ScratchFolder, choice: Int? = nil) throws -> [Int] {
    let folder = try created(scratch)
    if let choice {
      try OnlineChoice([choice: 1], environment: "road", episodes: 1, seed: 0).mark(folder.url)
    }
    do { try train(Constant(metric), in: folder) } catch RunError.nonFiniteMetric("loss", _, let step) {
      #expect(step == 1)
    }
    return try TrainingLoop.checkpoints(of: folder.url, keep: 1).steps()
  }

  @Test func savesNothingThatIsNotFinite() throws {
    #expect(try train(1, in: ScratchFolder()) == [3])
    #expect(try train(.nan, in: ScratchFolder()) == [])
  }

  /// Its weights are made infinite by the update whose metrics are still finite.
  @Test func savesNoWeightsThatAreNotFinite() throws {
    for weight in [Double.infinity, .nan] {
      #expect(throws: RunError.nonFiniteMetric("weight", value: "not finite after the update", step: 3)) {
        try Constant(1, weight: weight).checkFinite(step: 3)
      }
    }
    try Constant(1, weight: 3e38).checkFinite(step: 3)
  }

  @Test func tellsEachAlarmOnce() throws {
    final class Told: @unchecked Sendable { var warnings: [String] = [] }
    let (scratch, told) = (try ScratchFolder(), Told())
    let alarm = { (metric: String, after: Int) in
      Alarm(metric: metric, after: after, isReached: { $0 == 1 }, warning: "\(metric), after \(after)")
    }
    let observer = Observer { if case .warning(let text) = $0 { told.warnings.append(text) } }
    try Observer.$current.withValue(observer) {
      try train(
        Constant(1), in: created(scratch), logInterval: 1,
        alarms: [alarm("loss", 1), alarm("loss", 0), alarm("loss", 3), alarm("other", 0)])
    }
    #expect(told.warnings == ["step 1: loss, after 0", "step 2: loss, after 1"])
  }

  @Test func keepsTheLastCheckpointBeforeDataChanged() throws {
    let scratch = try ScratchFolder()
    let trainer = Constant(1)
    trainer.lastGoodStep = 2
    let folder = try created(scratch)
    #expect(throws: DemonstrationError.changedInUse(file: "data")) { try train(trainer, in: folder) }
    #expect(try TrainingLoop.checkpoints(of: folder.url, keep: 1).steps() == [2])
    trainer.lastGoodStep = .max
    try train(trainer, in: folder)
    #expect(try TrainingLoop.checkpoints(of: folder.url, keep: 1).steps() == [3])
  }

  /// It would go on from another's, or begin anew in their place.
  @Test func goesOnFromNoCheckpointOfAnotherRun() throws {
    let (own, other) = (try ScratchFolder(), try ScratchFolder())
    let folder = try created(own, seed: 1)
    let theirs = try created(other, seed: 2)
    try train(Constant(1), in: theirs)
    try FileManager.default.moveItem(
      at: theirs.url.appending(path: checkpointsName), to: folder.url.appending(path: checkpointsName))
    let foreign = RunError.ofAnotherRun(folder.url.appending(path: "checkpoints/step-00000003").path)
    #expect(throws: foreign) { try train(Constant(1), in: folder) }
    #expect(throws: foreign) { try Checkpoint.newest(of: folder.url) }
    #expect(throws: foreign) { try Checkpoint.acting(in: folder.url, by: .last, step: 3) }
    #expect(try TrainingLoop.checkpoints(of: folder.url, keep: 1).steps() == [3])
  }

  /// The line of the last step may be the best one's.
  @Test(arguments: [1, 80, 1000]) func goesOnWithNoLogThatLostItsEnd(bytes: Int) throws {
    let scratch = try ScratchFolder()
    let folder = try created(scratch)
    try train(Constant(1), in: folder, logInterval: 1)
    let log = folder.url.appending(path: MetricsLog.name)
    let whole = try Data(contentsOf: log)
    try whole.dropLast(bytes).write(to: log)
    let lacking = RunError.damagedRun(
      folder.url.path, reason: "its metrics.jsonl lacks what it said when step-00000003 was saved")
    #expect(throws: lacking) { try train(Constant(1), in: folder) }
    #expect(try Data(contentsOf: log) == whole.dropLast(bytes))
    try whole.write(to: log)
    try train(Constant(1), in: folder)
  }

  @Test func keepsTheCheckpointThatWasChosen() throws {
    #expect(try train(1, in: ScratchFolder(), choice: 1) == [3, 1])
  }
}
