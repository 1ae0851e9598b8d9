import Foundation
import Settings
import Testing

@testable import Demonstrations

/// What a frame of `RecordedEpisode.labelled` says of itself.
private struct Label: Hashable {
  let episode: Int
  let frame: Int
}

extension SequenceBatch {
  fileprivate func label(_ t: Int, _ row: Int) -> Label {
    let start = (t * batch + row) * observation.frameSize
    return Label(episode: Int(frames[start]), frame: Int(frames[start + 1]))
  }

  fileprivate var labels: [Label] { (0..<length).flatMap { t in (0..<batch).map { label(t, $0) } } }
}

@Suite struct SequenceSamplerTests {
  private let folder: TemporaryFolder
  private let dataset: Dataset
  private let lengths = [70, 1, 12, 5]

  init() throws {
    folder = try TemporaryFolder()
    dataset = try folder.labelled(lengths)
  }

  private func sampler(_ sampling: SequenceSampling, batch: Int = 3, length: Int = 7, seed: UInt64 = 5) throws
    -> SequenceSampler
  {
    try SequenceSampler([EpisodeSelection(dataset)], batch: batch, length: length, sampling: sampling, seed: Seed(seed))
  }

  /// Checks flags, actions and the order of frames against the recording.
  private func check(_ batch: SequenceBatch) {
    #expect(batch.frames.count == batch.length * batch.batch * 1024)
    for t in 0..<batch.length {
      for row in 0..<batch.batch {
        let (label, position) = (batch.label(t, row), t * batch.batch + row)
        #expect(batch.isFirst[position] == (label.frame == 0))
        let actions = dataset.episodes[label.episode].actions
        #expect(batch.previousActions[position] == (label.frame == 0 ? nil : actions[label.frame - 1]))
        guard t > 0 else { continue }
        let before = batch.label(t - 1, row)
        if label.frame > 0 {
          #expect(before == Label(episode: label.episode, frame: label.frame - 1))
        } else {
          #expect(before.frame == lengths[before.episode])
        }
      }
    }
  }

  @Test(arguments: SequenceSampling.allCases) func agreesWithTheRecording(sampling: SequenceSampling) throws {
    let sampler = try sampler(sampling)
    for step in 0..<40 {
      let batch = try sampler.batch(step: step)
      #expect(batch.length == 7 && batch.batch == 3)
      check(batch)
    }
  }

  @Test(arguments: SequenceSampling.allCases) func dependsOnSeedAndStepOnly(sampling: SequenceSampling) throws {
    let (first, second) = (try sampler(sampling), try sampler(sampling))
    for step in [17, 3, 17, 0] { #expect(try first.batch(step: step) == second.batch(step: step)) }
    #expect(try first.batch(step: 3) != first.batch(step: 4))
    #expect(try first.batch(step: 3) != sampler(sampling, seed: 6).batch(step: 3))
  }

  @Test func independentSequencesStartAnywhere() throws {
    let sampler = try sampler(.frames, batch: 16, length: 2)
    var starts = Set<Label>()
    for step in 0..<200 {
      let batch = try sampler.batch(step: step)
      #expect(batch.startsEpoch && !batch.continues)
      for row in 0..<16 { starts.insert(batch.label(0, row)) }
    }
    #expect(starts.count == lengths.reduce(0) { $0 + $1 + 1 })
  }

  @Test func runsFromTheLastEpisodeIntoTheFirst() throws {
    // As long as all frames together: wherever it starts, it meets each frame once.
    let count = lengths.reduce(0) { $0 + $1 + 1 }
    let sampler = try sampler(.frames, batch: 1, length: count)
    for step in 0..<5 {
      let batch = try sampler.batch(step: step)
      check(batch)
      #expect(Set(batch.labels).count == count)
    }
  }

  @Test(arguments: [1, 3, 8]) func continuingSequencesSeeEveryFrameInAnEpoch(rows: Int) throws {
    let sampler = try sampler(.continuing, batch: rows)
    for epoch in 0..<3 {
      var seen = Set<Label>()
      for step in 0..<sampler.stepsPerEpoch {
        let batch = try sampler.batch(step: epoch * sampler.stepsPerEpoch + step)
        #expect(batch.startsEpoch == (step == 0))
        #expect(batch.continues == (step < sampler.stepsPerEpoch - 1))
        seen.formUnion(batch.labels)
      }
      #expect(seen.count == sampler.frameCount)
    }
  }

  @Test func continuingSequencesGoOnWhereTheyEnded() throws {
    let sampler = try sampler(.continuing)
    try #require(sampler.stepsPerEpoch > 2)
    for step in 0..<sampler.stepsPerEpoch - 1 {
      let (batch, next) = (try sampler.batch(step: step), try sampler.batch(step: step + 1))
      for row in 0..<3 {
        let (last, first) = (batch.label(6, row), next.label(0, row))
        #expect(
          first.frame == 0
            ? last.frame == lengths[last.episode] : first == Label(episode: last.episode, frame: last.frame + 1))
      }
    }
    #expect(try sampler.batch(step: 0).label(0, 0) != sampler.batch(step: sampler.stepsPerEpoch).label(0, 0))
  }

  @Test func drawsFromTheSelectedEpisodesOnly() throws {
    let sampler = try SequenceSampler(
      [EpisodeSelection(dataset, episodes: [3, 1])], batch: 4, length: 3, sampling: .frames, seed: Seed(1))
    #expect(sampler.frameCount == 6 + 2)
    for step in 0..<20 {
      let batch = try sampler.batch(step: step)
      check(batch)
      #expect(Set(batch.labels.map(\.episode)).isSubset(of: [1, 3]))
    }
  }

  @Test func joinsDatasets() throws {
    let other = try folder.labelled([8], id: "test/other-v0")
    let sampler = try SequenceSampler(
      [EpisodeSelection(dataset), EpisodeSelection(other)], batch: 1, length: 10, sampling: .continuing, seed: Seed(1))
    #expect(sampler.frameCount == lengths.reduce(0) { $0 + $1 + 1 } + 9)
    let last = try (0..<sampler.stepsPerEpoch).flatMap { try sampler.batch(step: $0).labels }.filter {
      $0 == Label(episode: 0, frame: 8)
    }
    #expect(last.count >= 2)
  }

  @Test func refusesWhatItCannotDrawFrom() throws {
    #expect(throws: DemonstrationError.episodesTooShort(required: 93, found: 92)) { try sampler(.frames, length: 93) }
    #expect(throws: DemonstrationError.nothingSelected) {
      try SequenceSampler(
        [EpisodeSelection(dataset, episodes: [])], batch: 1, length: 1, sampling: .frames, seed: Seed(0))
    }
    let other = try Dataset(at: folder.write([.labelled(0, steps: 9)], id: "test/other-v0", actionCount: 4))
    let spaces = { (count: Int) in "frames of 1×32×32 uint8 and \(count) actions" }
    #expect(
      throws: DemonstrationError.spacesDiffer(
        first: "test/some-v0", firstSpaces: spaces(3), second: "test/other-v0", secondSpaces: spaces(4))
    ) {
      try SequenceSampler(
        [EpisodeSelection(dataset), EpisodeSelection(other)], batch: 1, length: 2, sampling: .frames, seed: Seed(0))
    }
  }

  @Test func aWholeEpisodeIsASequence() throws {
    let sequence = try dataset.sequence(episode: 2)
    #expect(sequence.length == 13 && sequence.batch == 1)
    #expect(sequence.labels == (0...12).map { Label(episode: 2, frame: $0) })
    check(sequence)
  }

  @Test func canBeUsedFromSeveralThreadsAtOnce() async throws {
    let dataset = try Dataset(
      at: folder.url.appendingPathComponent("test/some-v0"), cache: FrameCache(capacity: 2 << 16))
    let sampler = try SequenceSampler(
      [EpisodeSelection(dataset)], batch: 3, length: 7, sampling: .frames, seed: Seed(5))
    let expected = try self.sampler(.frames)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for step in task * 20..<(task + 1) * 20 {
            let (batch, same) = (try sampler.batch(step: step), try expected.batch(step: step))
            #expect(batch == same)
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
