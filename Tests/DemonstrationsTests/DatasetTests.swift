import Foundation
import Settings
import Spaces
import Testing

@testable import Demonstrations

@Suite struct DatasetTests {
  /// The pixels that `make_fixtures.py` writes.
  private func fixtureFrames(_ episode: Int, _ range: Range<Int>) -> [UInt8] {
    range.flatMap { t in (0..<32).flatMap { y in (0..<32).map { x in UInt8((37 * episode + 5 * t + 3 * y + x) % 251) } }
    }
  }

  @Test(arguments: ["channels-last-v0", "channels-first-v0", "old-v0"])
  func readsWhatMinariWrites(name: String) throws {
    let dataset = try Dataset(at: fixture(name))
    #expect(dataset.name == "fixtures/\(name)")
    #expect(dataset.observation == ObservationSpace(channels: 1, height: 32, width: 32))
    #expect(dataset.actions.fits(3) && dataset.actions.parts[0].starts == [name == "channels-last-v0" ? 2 : 0])
    #expect(dataset.episodes.map(\.length) == [3, 73])
    #expect(dataset.episodes.map(\.terminated) == [true, false])
    #expect(dataset.episodes.map(\.truncated) == [false, true])
    #expect(dataset.episodes.map(\.seed) == [7, 8])
    for (number, episode) in dataset.episodes.enumerated() {
      #expect(episode.index == number)
      #expect(episode.actions == (0..<episode.length).map { .discrete(($0 + number) % 3) })
      #expect(episode.rewards == (0..<episode.length).map { Double($0) / 2 - Double(number) })
      #expect(try dataset.frames(episode: number) == fixtureFrames(number, 0..<episode.length + 1))
    }
    #expect(try dataset.frames(episode: 1, range: 60..<70) == fixtureFrames(1, 60..<70))
    #expect(try dataset.frames(episode: 1, range: 5..<5) == [])
  }

  @Test func opensTheDataFolderItself() throws {
    let whole = try Dataset(at: fixture("channels-first-v0"))
    let inner = try Dataset(at: fixture("channels-first-v0").appendingPathComponent("data"))
    #expect(inner.fingerprint == whole.fingerprint)
    #expect(inner.episodes == whole.episodes)
  }

  @Test func refusesEpisodesAndFramesThatAreNotThere() throws {
    let dataset = try Dataset(at: fixture("channels-first-v0"))
    #expect(throws: DemonstrationError.noSuchEpisode(dataset: dataset.name, episode: 2, count: 2)) {
      try dataset.frames(episode: 2)
    }
    #expect(throws: DemonstrationError.noSuchFrames(dataset: dataset.name, episode: 0, frames: 2..<5, count: 4)) {
      try dataset.frames(episode: 0, range: 2..<5)
    }
    #expect(throws: DemonstrationError.noSuchEpisode(dataset: dataset.name, episode: -1, count: 2)) {
      try EpisodeSelection(dataset, episodes: [0, -1])
    }
  }

  @Test func fingerprintsContentAndNotPlace() throws {
    let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
    let episodes = [RecordedEpisode.labelled(0, steps: 5), .labelled(1, steps: 9)]
    let fingerprint = try Dataset(at: first.write(episodes)).fingerprint
    #expect(fingerprint.count == 17)
    #expect(try Dataset(at: second.write(episodes)).fingerprint == fingerprint)

    let changes: [(inout RecordedEpisode) -> Void] = [
      { $0.actions[3] = 0 }, { $0.rewards[1] = -1 }, { $0.frames[40] ^= 1 }, { $0.terminated = false },
    ]
    for (number, change) in changes.enumerated() {
      let folder = try TemporaryFolder()
      var changed = episodes
      change(&changed[1])
      #expect(try Dataset(at: folder.write(changed)).fingerprint != fingerprint, "change \(number)")
    }
  }

  @Test func fingerprintsEveryByteOfEveryFile() throws {
    let folder = try TemporaryFolder()
    let dataset = folder.url.appendingPathComponent("linked")
    try FileManager.default.copyItem(at: layouts.appendingPathComponent("linked"), to: dataset)
    let opened = try Dataset(at: dataset)
    #expect(opened.episodes.count == 2 && opened.episodes[1].rewards == [1, 1, 1, 1])
    for name in ["main_data.hdf5", "additional_data_0.hdf5", "metadata.json"] {
      let file = dataset.appendingPathComponent(name)
      let whole = try Data(contentsOf: file)
      // Frames are all 9: what changes here is a pixel, of the file's own or of the one that it links to; in the
      // metadata, a letter of the name.
      let place =
        name == "metadata.json"
        ? whole.firstRange(of: Data("linked-v0".utf8))!.lowerBound
        : whole.firstRange(of: Data(repeating: 9, count: 4096))!.lowerBound + 2000
      var changed = whole
      changed[place] ^= 1
      try changed.write(to: file)
      #expect(try Dataset(at: dataset).fingerprint != opened.fingerprint, "\(name)")
      try whole.write(to: file)
    }
    #expect(try Dataset(at: dataset).fingerprint == opened.fingerprint)
    try FileManager.default.removeItem(at: dataset.appendingPathComponent("additional_data_0.hdf5"))
    #expect(
      throws: DemonstrationError.storedElsewhere(
        file: dataset.path + "/main_data.hdf5", field: "episode_1/rewards", other: "additional_data_0.hdf5",
        isThere: false)
    ) { try Dataset(at: dataset) }
  }

  @Test func knowsTheFingerprintsOfEarlierVersions() throws {
    let dataset = try Dataset(at: fixture("channels-first-v0"))
    #expect(try dataset.wasFingerprinted(as: dataset.fingerprint))
    #expect(try dataset.wasFingerprinted(as: "5b06977ba902cddc"))
    #expect(try !dataset.wasFingerprinted(as: "0123456789abcdef") && !dataset.wasFingerprinted(as: "w0123456789abcdef"))
  }

  /// What was recorded here is read as it was recorded, or not at all: whichever byte of the file is another.
  @Test func noticesEveryChangedByteOfItsRecordings() throws {
    let folder = try TemporaryFolder()
    let written = try folder.write([.labelled(0, steps: 5), .labelled(1, steps: 9)])
    let file = written.appendingPathComponent("data/main_data.hdf5")
    let whole = try Data(contentsOf: file)
    for place in stride(from: 0, to: whole.count, by: 97) {
      var changed = whole
      changed[place] ^= 1 << (place % 8)
      try changed.write(to: file)
      #expect(throws: DemonstrationError.self, "byte \(place)") { try Dataset(at: written) }
    }
  }

  /// Spaces, bounds and numbers of episodes are read as they were recorded, or not at all; what people may change are
  /// other values.
  @Test func noticesChangedMetadataOfItsRecordings() throws {
    let folder = try TemporaryFolder()
    let box = ActionSpace.box(low: [-1, 0], high: [1, 9.5])
    let writer = try DatasetWriter(
      id: "test/box-v0", in: folder.url, observation: ObservationSpace(vector: 3), actions: box,
      metadata: ["author": "someone", "ditto_pipeline": .object(["size": 32, "stickyActions": 0.25])])
    try writer.append(
      RecordedEpisode(
        frames: .bytes(of: [Float](repeating: 0, count: 6)), actions: [.continuous([0.5, 9])], rewards: [0],
        terminated: true, truncated: false))
    try writer.finish()
    let file = writer.folder.appendingPathComponent("data/metadata.json")
    let (whole, recorded) = (try Data(contentsOf: file), try Dataset(at: writer.folder))
    var refused = 0
    for place in whole.indices {
      var changed = whole
      changed[place] ^= 1 << (place % 7)
      try changed.write(to: file)
      do {
        let dataset = try Dataset(at: writer.folder)
        #expect(
          dataset.observation == recorded.observation && dataset.actions == box && dataset.episodes.count == 1
            && dataset.metadata["ditto_pipeline"] == recorded.metadata["ditto_pipeline"], "byte \(place)")
      } catch is DemonstrationError {
        refused += 1
      }
    }
    #expect(refused > whole.count / 2)
    try Data(String(decoding: whole, as: UTF8.self).replacing("someone", with: "another").utf8).write(to: file)
    #expect(try Dataset(at: writer.folder).actions == box)
    try Data(String(decoding: whole, as: UTF8.self).replacing("9.5", with: "8.5").utf8).write(to: file)
    #expect(throws: DemonstrationError.changedFile(file: file.path, field: "ditto_metadata_crc32c")) {
      try Dataset(at: writer.folder)
    }
  }

  /// Times say where to look, and bytes whether anything is different.
  @Test func noticesThatItsFilesAreChangedInUse() throws {
    let folder = try TemporaryFolder()
    let dataset = folder.url.appendingPathComponent("linked")
    try FileManager.default.copyItem(at: layouts.appendingPathComponent("linked"), to: dataset)
    let files = ["main_data.hdf5", "additional_data_0.hdf5"].map(dataset.appendingPathComponent)
    let touch = { (file: URL, seconds: Double) in
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: file.path)
    }
    for file in files { try touch(file, 1e9) }
    let opened = try Dataset(at: dataset)
    try opened.checkUnchanged()
    for file in files {
      try touch(file, 1e9 + 7)
      try opened.checkUnchanged()
      let (place, handle) = (UInt64(try Data(contentsOf: file).count - 1), try FileHandle(forUpdating: file))
      try handle.seek(toOffset: place)
      let last = try #require(try handle.read(upToCount: 1))
      let put = { (byte: UInt8) in
        try handle.seek(toOffset: place)
        try handle.write(contentsOf: [byte])
      }
      try put(last[0] ^ 1)
      for _ in 0..<2 {
        #expect(throws: DemonstrationError.changedInUse(file: file.path)) { try opened.checkUnchanged() }
      }
      try put(last[0])
      try opened.checkUnchanged()
      // Of a file that is put in its place nothing is read.
      try Data("another".utf8).write(to: file, options: .atomic)
      try opened.checkUnchanged()
    }
  }

  @Test func keepsNoMoreFramesInMemoryThanAllowed() throws {
    let folder = try TemporaryFolder()
    let block = 64 * 32 * 32
    let cache = FrameCache(capacity: 2 * block)
    // Two datasets share it: what one keeps, the other does without, and neither is given the other's.
    let other = try folder.write([.labelled(2, steps: 100), .labelled(3, steps: 200)], id: "test/other-v0")
    var datasets = [try folder.labelled([200, 100], cache: cache), try Dataset(at: other, cache: cache)]
    for start in 0..<100 {
      for (number, dataset) in datasets.enumerated() {
        let episode = (start + number) % 2
        let frames = try dataset.frames(episode: episode, range: start..<start + 1)
        #expect(frames[0] == UInt8(2 * number + episode) && frames[1] == UInt8(start))
        #expect(cache.size <= 2 * block)
      }
    }
    #expect(cache.size > block)
    datasets = []
    #expect(cache.size == 0)
  }

  @Test func dropsTheBlockThatWasNotUsedForLongest() {
    let cache = FrameCache(capacity: 20)
    let dataset = ObjectIdentifier(cache)
    var reads = [Int]()
    let use = { (block: Int) in
      _ = cache.block(FrameCache.Key(dataset: dataset, episode: 0, block: block)) {
        reads.append(block)
        return [UInt8](repeating: 0, count: 10)
      }
    }
    [1, 2, 1, 3, 1, 2].forEach(use)
    #expect(reads == [1, 2, 3, 2])
    #expect(cache.size == 20)
  }

  /// Whatever is asked for, exactly the blocks used last are there.
  @Test func keepsTheBlocksUsedLast() {
    let (capacity, cache) = (7, FrameCache(capacity: 7))
    let dataset = ObjectIdentifier(cache)
    var generator = Seed(1).generator
    var order = [Int]()  // the block used last is the last
    for _ in 0..<2_000 {
      let block = Int.random(in: 0..<12, using: &generator)
      var isRead = false
      _ = cache.block(FrameCache.Key(dataset: dataset, episode: 0, block: block)) {
        isRead = true
        return [0]
      }
      #expect(isRead == !order.suffix(capacity).contains(block))
      order = order.filter { $0 != block } + [block]
    }
  }
}
