import Foundation
import Spaces
import Testing

@testable import Demonstrations

@Suite struct ActionBoundsTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A dataset of one episode whose actions are these numbers.
  private func dataset(_ actions: ActionSpace, _ numbers: [[Float]], named name: String = "some-v0") throws -> Dataset {
    let space = ObservationSpace(vector: 1)
    // As other programs may write them, beyond their bounds too.
    let unbounded = actions.bounded(low: actions.low.map { _ in -.infinity }, high: actions.high.map { _ in .infinity })
    let writer = try DatasetWriter(id: name, in: folder.url, observation: space, actions: unbounded)
    try writer.append(
      RecordedEpisode(
        frames: .bytes(of: [Float](repeating: 0, count: numbers.count + 1)), actions: numbers.map(Action.continuous),
        rewards: numbers.map { _ in 0 },
        terminated: true, truncated: false))
    try writer.finish()
    let file = writer.folder.appending(path: "data/metadata.json")
    var metadata = try JSONDecoder().decode([String: JSONValue].self, from: Data(contentsOf: file))
    metadata["action_space"] = .string(StoredActions(actions).json)
    metadata[DatasetMetadata.checksumKey] = nil
    try JSONEncoder().encode(metadata).write(to: file)
    return try Dataset(at: writer.folder)
  }

  /// −1 to 1 in 101 steps, 0 to 100, and −5 to 5 again and again.
  private let numbers = (0..<101).map { (step: Int) -> [Float] in
    [Float(step) / 50 - 1, Float(step), Float(step % 11) - 5]
  }

  @Test func declaredBoundsAreKept() throws {
    let declared = ActionSpace.box(low: [-1, 0, -10], high: [1, 100, 10])
    let (space, notes) = try [dataset(declared, numbers)].learnedActions(ActionConfiguration())
    #expect(space == declared && notes.isEmpty)
  }

  @Test func withoutBoundsThereAreThoseThatWereRecorded() throws {
    let declared = ActionSpace.box(low: [-.infinity, -3.4e38, 7], high: [.infinity, 3.4e38, 7])
    let steady = numbers.map { [$0[0], $0[1], 7] }
    let (space, notes) = try [dataset(declared, steady)].learnedActions(ActionConfiguration())
    // 2 and 100 apart, and 5 % of that beyond; what never changes is taken to reach 1 beyond.
    #expect(zip(space.low, [-1.1, -5, 6] as [Float]).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(zip(space.high, [1.1, 105, 8] as [Float]).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(notes.count == 3 && notes[0].contains("no finite bounds") && notes[2].contains("bounds are equal"))
    #expect(space.isBounded)
  }

  @Test func boundsAHundredTimesAsFarApartAreNone() throws {
    let far = try [dataset(.box(low: [-500, 0, -10], high: [500, 100, 10]), numbers)].learnedActions(
      ActionConfiguration())
    #expect(abs(far.space.low[0] + 1.1) < 1e-4 && far.space.low[1] == 0 && far.notes.count == 1)
    var declared = ActionConfiguration()
    declared.bounds = .declared
    #expect(try [Dataset(at: folder.url.appending(path: "some-v0"))].learnedActions(declared).space.low[0] == -500)
  }

  @Test func numbersBeyondBoundsAreCountedAndThenRefused() throws {
    var some = numbers
    some[50][1] = 130
    let declared = ActionSpace.box(low: [-1, 0, -10], high: [1, 100, 10])
    let (space, notes) = try [dataset(declared, some)].learnedActions(ActionConfiguration())
    #expect(space == declared)
    #expect(
      notes == [
        "number 2 of the actions: 1 of 101 recorded steps are beyond 0.0 to 100.0, as far as 130.0, and are clipped"
      ])

    // Degrees in a space of radians.
    let degrees = try dataset(declared, numbers.map { [$0[0] * 57, $0[1], $0[2]] }, named: "degrees-v0")
    #expect(throws: DemonstrationError.self) { try [degrees].learnedActions(ActionConfiguration()) }
    var recorded = ActionConfiguration()
    recorded.bounds = .recorded
    let learned = try [degrees].learnedActions(recorded)
    #expect(abs(learned.space.high[0] - 57 * 1.1) < 0.01 && learned.space.high[1] == 105)
  }

  @Test func allDatasetsCount() throws {
    let declared = ActionSpace.box(low: [-.infinity, 0, -10], high: [.infinity, 100, 10])
    let datasets = try [
      dataset(declared, numbers), dataset(declared, numbers.map { [$0[0] * 3, $0[1], $0[2]] }, named: "wide-v0"),
    ]
    #expect(abs(try datasets.learnedActions(ActionConfiguration()).space.high[0] - 3.3) < 1e-3)
    let other = try dataset(.box(low: [0], high: [1]), [[0.5]], named: "other-v0")
    #expect(throws: DemonstrationError.self) { try ([other] + datasets).learnedActions(ActionConfiguration()) }
  }
}
