import Foundation
import Settings
import Spaces
import Testing

@testable import Demonstrations

@Suite struct DatasetWriterTests {
  private let folder: TemporaryFolder
  private let space = ObservationSpace(height: 32, width: 32)

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: (0..<6).map(UInt64.init)) func returnsWhatWasRecorded(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let side = seed % 2 == 0 ? 32 : 64
    let written = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
      RecordedEpisode.random(
        steps: Int.random(in: 1...150, using: &generator), side: side, actionCount: 5, using: &generator)
    }
    let space = ObservationSpace(height: side, width: side)
    let writer = try DatasetWriter(
      id: "a-b/some-v3", in: folder.url, observation: space, actions: 5, metadata: ["ditto_eps": 0.5])
    for episode in written { try writer.append(episode) }
    try writer.finish()

    let dataset = try Dataset(at: folder.url.appendingPathComponent("a-b/some-v3"))
    #expect(dataset.name == "a-b/some-v3")
    #expect(dataset.observation == space)
    #expect(dataset.actions == 5)
    #expect(dataset.metadata["ditto_eps"] == 0.5)
    #expect(dataset.metadata["total_steps"] == .integer(written.reduce(0) { $0 + $1.actions.count }))
    try #require(dataset.episodes.count == written.count)
    for (read, wrote) in zip(dataset.episodes, written) {
      #expect(read.actions == wrote.actions)
      #expect(read.rewards == wrote.rewards)
      #expect(read.terminated == wrote.terminated)
      #expect(read.truncated == wrote.truncated)
      #expect(read.seed == wrote.seed)
      #expect(try dataset.frames(episode: read.index) == wrote.frames)
    }
  }

  @Test func ordersEpisodesByNumberAndNotByName() throws {
    let dataset = try folder.labelled((1...12).map { $0 })
    #expect(dataset.episodes.map(\.length) == Array(1...12))
  }

  @Test func writesTheFileOfEachNamespace() throws {
    let id = "one/two/some-v0"
    try folder.write([.labelled(0, steps: 2)], id: id)
    for namespace in ["one", "one/two"] {
      let file = folder.url.appendingPathComponent("\(namespace)/namespace_metadata.json")
      #expect(try String(contentsOf: file, encoding: .utf8) == "{}")
    }
  }

  @Test func keepsMinarisOwnMetadata() throws {
    let writer = try DatasetWriter(
      id: "some-v0", in: folder.url, observation: space, actions: 3,
      metadata: ["jpeg_encoding": true, "total_episodes": 7, "author": "me"])
    try writer.append(.labelled(0, steps: 2))
    try writer.finish()
    let metadata = try Dataset(at: writer.folder).metadata
    #expect(metadata["jpeg_encoding"] == false)
    #expect(metadata["total_episodes"] == 1)
    #expect(metadata["author"] == "me")
  }

  @Test func leavesNothingUnlessItIsFinished() throws {
    let namespace = folder.url.appendingPathComponent("test")
    do {
      let writer = try DatasetWriter(id: "test/some-v0", in: folder.url, observation: space, actions: 3)
      try writer.append(.labelled(0, steps: 3))
      #expect(try FileManager.default.contentsOfDirectory(atPath: namespace.path) == [".some-v0.partial"])
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: namespace.path) == [])
    try folder.write([.labelled(0, steps: 3)], id: "test/some-v0")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: namespace.path).sorted() == [
        "namespace_metadata.json", "some-v0",
      ])
  }

  #if os(Linux)
    @Test func survivesAFullDisk() async {
      await #expect(processExitsWith: .success) {
        // Writing beyond the limit fails as it does where there is no space.
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 300_000, rlim_max: 300_000)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 1)
        #expect {
          try folder.write((0..<10).map { _ in .random(steps: 100, using: &generator) }, id: "some-v0")
        } throws: { error in
          guard case .cannotWrite = error as? DemonstrationError else { return false }
          return true
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [])
      }
    }
  #endif

  @Test func overwritesWhatAKilledRecordingLeft() throws {
    let left = folder.url.appendingPathComponent("test/.some-v0.partial/data")
    try FileManager.default.createDirectory(at: left, withIntermediateDirectories: true)
    try Data("half a file".utf8).write(to: left.appendingPathComponent("main_data.hdf5"))
    #expect(try folder.labelled([4]).episodes.map(\.length) == [4])
  }

  @Test func doesNotDisturbARecordingInProgress() throws {
    let first = try DatasetWriter(id: "some-v0", in: folder.url, observation: space, actions: 3)
    try first.append(.labelled(0, steps: 3))
    for _ in 0..<2 {
      #expect(throws: DemonstrationError.beingRecorded(path: first.folder.path)) {
        _ = try DatasetWriter(id: "some-v0", in: folder.url, observation: space, actions: 3)
      }
    }
    try first.append(.labelled(1, steps: 4))
    try first.finish()
    #expect(try Dataset(at: first.folder).episodes.map(\.length) == [3, 4])
    #expect(throws: DemonstrationError.alreadyExists(path: first.folder.path)) {
      _ = try DatasetWriter(id: "some-v0", in: folder.url, observation: space, actions: 3)
    }
  }

  @Test(arguments: [0.3, 0.6, 0.9]) func givesNoNameToWhatReadsBackOtherwise(place: Double) throws {
    let writer = try DatasetWriter(id: "some-v0", in: folder.url, observation: space, actions: 3)
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<3 { try writer.append(.random(steps: 50, actionCount: 3, using: &generator)) }
    let file = folder.url.appendingPathComponent(".some-v0.partial/data/main_data.hdf5")
    let disk = try FileHandle(forUpdating: file)
    try disk.seek(toOffset: UInt64(Double(try disk.seekToEnd()) * place))
    try disk.write(contentsOf: Data(repeating: 0x5a, count: 4096))
    try disk.close()
    #expect {
      try writer.finish()
    } throws: { error in
      guard case .cannotWrite(_, let reason) = error as? DemonstrationError else { return false }
      return reason.hasPrefix("what was written")
    }
    #expect(!FileManager.default.fileExists(atPath: writer.folder.path))
  }

  @Test func takesNamesAsLongAsFileSystemsDo() throws {
    let long = String(repeating: "ü", count: 125) + "-v0"  // 253 bytes
    for name in [long, String(long.dropFirst()) + "x"] {
      let writer = try DatasetWriter(at: folder.url.appendingPathComponent(name), observation: space, actions: 3)
      try writer.append(.labelled(0, steps: 3))
      try writer.finish()
      #expect(try Dataset(at: writer.folder).episodes.count == 1)
    }
    #expect(
      throws: DemonstrationError.cannotWrite(
        path: folder.url.appendingPathComponent(long + "xyz").path, reason: "File name too long")
    ) {
      _ = try DatasetWriter(at: folder.url.appendingPathComponent(long + "xyz"), observation: space, actions: 3)
    }
  }

  @Test func refusesToReplaceADataset() throws {
    let written = try folder.write([.labelled(0, steps: 3)], id: "some-v0")
    #expect(throws: DemonstrationError.alreadyExists(path: written.path)) {
      try folder.write([.labelled(0, steps: 1)], id: "some-v0")
    }
    #expect(try Dataset(at: written).episodes[0].length == 3)
  }

  @Test(arguments: ["some", "some-v", "../some-v0", "a b-v1", "/some-v0", "ns//some-v0", "x/some-v0", ""])
  func refusesIdentifiers(id: String) {
    #expect(throws: DemonstrationError.invalidIdentifier(id)) { try folder.write([], id: id) }
  }

  @Test func refusesSpacesThatAreNotSupported() {
    #expect(throws: DemonstrationError.unsupportedObservations(file: "some-v0", found: "3×64×300 uint8")) {
      try DatasetWriter(
        id: "some-v0", in: folder.url, observation: ObservationSpace(channels: 3, height: 64, width: 300), actions: 3)
    }
    #expect(throws: DemonstrationError.unsupportedActions(file: "some-v0", found: "0 actions")) {
      try DatasetWriter(id: "some-v0", in: folder.url, observation: space, actions: 0)
    }
  }

  @Test func refusesEpisodesThatDoNotFitAndGoesOn() throws {
    let writer = try DatasetWriter(id: "some-v0", in: folder.url, observation: space, actions: 3)
    let path = writer.folder.path
    let good = RecordedEpisode.labelled(0, steps: 3)
    let refuse = { (error: DemonstrationError, change: (inout RecordedEpisode) -> Void) in
      var episode = good
      change(&episode)
      #expect(throws: error) { try writer.append(episode) }
    }
    #expect(throws: DemonstrationError.noEpisodes(file: path)) { try writer.finish() }
    refuse(.wrongShape(file: path, field: "episode_0/observations", found: [4095], expected: [4, 1024])) {
      $0.frames.removeLast()
    }
    refuse(.wrongShape(file: path, field: "episode_0/rewards", found: [2], expected: [3])) { $0.rewards.removeLast() }
    refuse(.wrongAction(file: path, field: "episode_0/actions", step: 1, action: 3, actions: 3)) { $0.actions[1] = 3 }
    refuse(.notFinite(file: path, field: "episode_0/rewards", step: 2)) { $0.rewards[2] = .infinity }
    refuse(.emptyEpisode(file: path, field: "episode_0")) { $0.actions = [] }
    try writer.append(good)
    try writer.finish()
    #expect(try Dataset(at: writer.folder).episodes.count == 1)
    #expect(throws: DemonstrationError.cannotWrite(path: path, reason: "the recording has ended")) {
      try writer.append(good)
    }
  }
}
