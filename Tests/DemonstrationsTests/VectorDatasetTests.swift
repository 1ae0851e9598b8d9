import Foundation
import Settings
import Spaces
import Testing

@testable import Demonstrations

/// Recordings of numbers: seen alone or beside pixels, and done.
@Suite struct VectorDatasetTests {
  private let folder: TemporaryFolder
  private static let box = ActionSpace.box(low: [-2, 0], high: [2, 4])
  private static let cameras = ObservationSpace([
    .init("camera/front", .image(channels: 3, height: 24, width: 40)),
    .init("camera/top \"1\"", .image(channels: 1, height: 96, width: 17)),
    .init("gears", .classes([5, 2])), .init("joints", .vector(3)), .init("mode", .classes([3])),
  ])

  init() throws { folder = try TemporaryFolder() }

  private func episode(_ space: ObservationSpace, steps: Int) -> RecordedEpisode {
    let parts = space.fields.map { field in
      (0...steps).flatMap { t -> [UInt8] in
        switch field.kind {
        case .image: (0..<field.size).map { UInt8(truncatingIfNeeded: t + $0) }
        case .vector(let count): .bytes(of: (0..<count).map { Float(t) + Float($0) / 10 })
        case .classes(let counts): .bytes(of: counts.map { Float(t % $0) })
        }
      }
    }
    return RecordedEpisode(
      frames: space.frames(joining: parts), actions: (0..<steps).map { .continuous([Float($0 % 5) - 2, 4]) },
      rewards: .init(repeating: 1, count: steps), terminated: false, truncated: true)
  }

  @Test func readsTheLargestPictures() throws {
    let space = ObservationSpace(channels: 3, height: 256, width: 255)
    let writer = try DatasetWriter(id: "test/large-v0", in: folder.url, observation: space, actions: Self.box)
    try writer.append(episode(space, steps: 1))
    try writer.finish()
    #expect(try Dataset(at: writer.folder).frames(episode: 0) == episode(space, steps: 1).frames)
  }

  @Test(arguments: [ObservationSpace(vector: 3), ObservationSpace(height: 32, width: 32, vector: 3), cameras])
  func readsWhatItWrites(space: ObservationSpace) throws {
    let writer = try DatasetWriter(id: "test/numbers-v0", in: folder.url, observation: space, actions: Self.box)
    let written = [episode(space, steps: 5), episode(space, steps: 70)]
    for episode in written { try writer.append(episode) }
    try writer.finish()
    let dataset = try Dataset(at: writer.folder)
    #expect(dataset.observation == space && dataset.actions == Self.box)
    for (index, episode) in written.enumerated() {
      #expect(try dataset.frames(episode: index) == episode.frames)
      #expect(dataset.episodes[index].actions == episode.actions)
    }
    #expect(
      try dataset.frames(episode: 1, range: 60..<66)
        == Array(written[1].frames[60 * space.frameSize..<66 * space.frameSize]))

    let vector = try #require(space.fields.firstIndex { $0.kind == .vector(3) })
    let statistics = try VectorStatistics(over: [EpisodeSelection(dataset, episodes: [0])], field: vector)
    #expect(abs(statistics.means[1] - 2.6) < 1e-6 && abs(statistics.deviations[0] - (35.0 / 12).squareRoot()) < 1e-5)
    let summary = try DatasetSummary(at: writer.folder)
    #expect(summary.types[space.fields[vector].name] == "float32" && summary.notFinite.isEmpty)
    let done = try #require(summary.actions.first)
    #expect(summary.actions.count == 1 && done.counts == nil && done.beyondBounds == [0, 0])
    #expect(done.numbers?[1] == Spread(mean: 4, sd: 0, min: 4, max: 4) && done.numbers?[0].min == -2)
    let numbers = try #require(summary.fields[space.fields[vector].name])
    #expect(numbers.count == 3 && numbers[1].max == Double(70.1 as Float))
    let batch = try dataset.sequence(episode: 0)
    #expect(batch.previousActions[0] == nil && batch.previousActions[1] == .continuous([-2, 4]))
  }

  /// Spaces as nobody would think of them come back with their names, and frames with their bytes.
  @Test(arguments: 0..<100 as Range<UInt64>) func readsAnySpaceThatItWrites(seed: UInt64) throws {
    var generator = Seed(seed).generator
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    let words = ["observation", "été", "a b", "x.y", "\"q\"", "_index_0", "深度", "camera-1"]
    let fields = (0..<number(1...6)).map { index -> ObservationSpace.Field in
      let path = (0..<number(1...3)).map {
        $0 == 0 && index > 0 ? "\(index)\(words[number(0...7)])" : words[number(0...7)]
      }
      let kind: ObservationSpace.Field.Kind =
        switch number(0...2) {
        case 0: .image(channels: number(1...20), height: number(4...40), width: number(4...40))
        case 1: .vector(number(1...9))
        default: .classes((0..<number(1...4)).map { _ in number(1...5) })
        }
      return .init(path.joined(separator: "/"), kind)
    }
    let space = ObservationSpace(fields.sorted { ($0.isImage ? 0 : 1, $0.name) < ($1.isImage ? 0 : 1, $1.name) })
    let parts = (0..<number(1...4)).map { index -> ActionSpace.Part in
      let name = (0..<number(1...3)).map { $0 == 0 ? "\(index)\(words[number(0...7)])" : words[number(0...7)] }.joined(
        separator: "/")
      guard number(0...1) == 0 else {
        let low = (0..<number(1...4)).map { _ in [-Float.infinity, -3.5, 0][number(0...2)] }
        return .init(name, .box(low: low, high: low.map { $0.isFinite ? $0 + 2 : .infinity }))
      }
      let counts = (0..<number(1...4)).map { _ in number(1...5) }
      return .init(name, .classes(counts, starts: counts.map { _ in number(-2...2) }))
    }
    let actions = ActionSpace(parts.sorted { $0.name < $1.name })
    let writer = try DatasetWriter(at: folder.url.appending(path: "any-v0"), observation: space, actions: actions)
    var written = episode(space, steps: number(1...5))
    written.actions = written.actions.map { _ in actions.random(using: &generator) }
    try writer.append(written)
    try writer.finish()
    let dataset = try Dataset(at: writer.folder)
    #expect(try dataset.observation == space && dataset.frames(episode: 0) == written.frames)
    #expect(dataset.actions == actions && dataset.episodes[0].actions == written.actions)
  }

  @Test func refusesNumbersThatAreNone() throws {
    let space = ObservationSpace(vector: 2)
    let writer = try DatasetWriter(at: folder.url.appending(path: "some"), observation: space, actions: Self.box)
    var wrong = episode(space, steps: 3)
    wrong.actions[1] = .continuous([5, 0])
    #expect(
      throws: DemonstrationError.wrongAction(
        file: writer.folder.path, field: "episode_0/actions", step: 1, action: .continuous([5, 0]), actions: Self.box)
    ) {
      try writer.append(wrong)
    }
    var blank = episode(space, steps: 3)
    blank.frames = .bytes(of: [0, 0, 0, .nan, 0, 0, 0, 0])
    #expect(throws: DemonstrationError.notFinite(file: writer.folder.path, field: "episode_0/observations", step: 1)) {
      try writer.append(blank)
    }
  }

  @Test(arguments: ["nan", "infinity", "huge"]) func readsNoNumbersThatAreNone(what: String) throws {
    let dataset = try Dataset(at: layouts.appendingPathComponent("vector-\(what)"))
    let error = DemonstrationError.notFinite(
      file: dataset.path + "/main_data.hdf5", field: "episode_1/observations", step: 3)
    #expect(throws: error) { try dataset.frames(episode: 1) }
    let summary = try DatasetSummary(at: URL(fileURLWithPath: dataset.path))
    let (count, share) = (2 * dataset.episodes.reduce(0) { $0 + $1.frameCount }, summary.notFinite["observation"])
    #expect(share == 1 / Double(count) && summary.fields["observation"]![0].max < 1e18)
    #expect(summary.description.contains("% NaN, infinite or beyond 1e18"))
    #expect(throws: error) { try VectorStatistics(over: [EpisodeSelection(dataset)]) }
  }

  @Test func readsBoxesOfBooleansAndArraysOfClassesAsMinariWritesThem() throws {
    let described = { (json: String) in try JSONDecoder().decode(SpaceDescription.self, from: Data(json.utf8)) }
    let flags = try described(
      #"{"type": "Box", "dtype": "bool", "shape": [2], "low": [false, false], "high": [true, true]}"#)
    #expect(try StoredActions(flags, file: "").space == .box(low: [0, 0], high: [1, 1]))
    let table = try described(
      #"{"type": "MultiDiscrete", "dtype": "int64", "nvec": [[2, 3, 4], [2, 2, 5]], "start": [[0, 0, 1], [0, 0, 0]]}"#)
    let actions = try StoredActions(table, file: "")
    #expect(actions.parts[0].shape == [2, 3] && actions.space.classCounts == [2, 3, 4, 2, 2, 5])
  }

  @Test(arguments: [
    ([20, 7, 7], 20, false), ([7, 7, 20], 20, false), ([7, 7, 3], 3, false), ([3, 32, 32], 3, false),
    ([20, 7, 9], 9, false), ([20, 7, 9], 20, true), ([64, 48, 5], 5, false),
  ]) func tellsWhichAxisHasTheChannels(shape: [Int], channels: Int, channelsFirst: Bool) throws {
    let json = #"{"type": "Box", "dtype": "uint8", "shape": \#(shape), "low": 0, "high": 255}"#
    let stored = try StoredObservations(
      JSONDecoder().decode(SpaceDescription.self, from: Data(json.utf8)), channelsFirst: channelsFirst, file: "")
    #expect(stored.space.fields[0].shape[0] == channels)
  }

  @Test func leavesTextOut() throws {
    var raw = RawDataset()
    raw.fields["episode_0/observations/front"] = raw.fields.removeValue(forKey: "episode_0/observations")
    let front = StoredObservations(ObservationSpace(height: 32, width: 32)).json
    raw.metadata["observation_space"] = .string(
      #"{"type": "Dict", "subspaces": {"mission": {"type": "Text", "max_length": 9}, "front": \#(front)}}"#)
    try raw.write(in: folder.url)
    let dataset = try Dataset(at: folder.url)
    #expect(dataset.observation.fields.map(\.name) == ["front"] && dataset.leftOut == ["mission"])
    #expect(try dataset.frames(episode: 0, range: 0..<1) == [UInt8](repeating: 9, count: 1024))
    #expect(try DatasetSummary(at: folder.url).description.contains("; 'mission', text, is left out"))
  }
}
